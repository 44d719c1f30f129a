//! Experiment 5 of 1997: the product of two marked numbers.

use clap::Args;
use lstm_core::Rng;
use serde::Serialize;

use super::adding::{marked_numbers, topology};
use crate::args::{size, whole};
use crate::paper::criterion::Criterion;
use crate::paper::task::{Problem, Published, Task};
use crate::paper::topology::Topology;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct Multiplication {
    /// The length of the shortest sequences
    #[arg(long, value_name = "T", default_value_t = 100, value_parser = whole(8..=100_000))]
    pub lag: u64,
    /// Below how many of the last 2000 sequences may be wrong: the paper stops at 140 and, later, at 13
    #[arg(long, value_name = "N", default_value_t = 140, value_parser = size(2000))]
    pub wrong: u64,
}

impl Task for Multiplication {
    const NAME: &'static str = "multiplication";

    fn topology(&self) -> Topology {
        // Unlike in the adding problem, all biases start like the other weights.
        topology(Vec::new())
    }

    fn rate(&self) -> f64 {
        0.1
    }

    fn limit(&self) -> u64 {
        // Ten times the published number at a lag of 100, and in proportion to the lag.
        48_200 * self.lag
    }

    fn published(&self) -> Option<Published> {
        let sequences = match (self.lag, self.wrong) {
            (100, 140) => 482_000,
            (100, 13) => 1_273_000,
            _ => return None,
        };
        Some(Published::after(sequences))
    }

    fn problem(&self, _: &mut Rng) -> Problem<'_> {
        Problem {
            draw: Box::new(|rng, sequence| {
                // A number at the very start, which cannot be marked, counts as one.
                let [first, second] = marked_numbers(self.lag, Rng::unit, 1.0, rng, sequence);
                sequence.target([first * second]);
            }),
            criterion: Criterion::Recent {
                window: 2000,
                wrong: self.wrong as usize - 1,
                tolerance: 0.04,
                mean: f64::INFINITY,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::sequence::Sequence;

    #[test]
    fn targets_are_products_of_what_is_marked() {
        let task = Multiplication {
            lag: 50,
            wrong: 140,
        };
        let mut rng = Rng::new(1);
        let mut sequence = Sequence::default();
        let mut draw = task.problem(&mut rng).draw;
        for _ in 0..200 {
            draw(&mut rng, &mut sequence);
            assert!((50..=55).contains(&sequence.steps()));
            let pairs = || (0..sequence.steps()).map(|step| sequence.input(step));
            assert!(pairs().all(|pair| (0.0..1.0).contains(&pair[0])));
            let product: f64 = pairs()
                .filter(|pair| pair[1] == 1.0)
                .map(|pair| pair[0])
                .product();
            assert_eq!(sequence.targets(), [product]);
        }
    }
}
