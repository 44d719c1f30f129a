//! Experiment 4 of 1997: the sum of two marked numbers.

use clap::Args;
use lstm_core::Rng;
use serde::Serialize;

use crate::args::whole;
use crate::paper::criterion::Criterion;
use crate::paper::sequence::Sequence;
use crate::paper::task::{Problem, Published, Task};
use crate::paper::topology::{Bias, Topology, descending};

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct Adding {
    /// The length of the shortest sequences
    #[arg(long, value_name = "T", default_value_t = 100, value_parser = whole(8..=100_000))]
    pub lag: u64,
}

impl Task for Adding {
    const NAME: &'static str = "adding";

    fn topology(&self) -> Topology {
        topology(vec![("beta_in", descending(-3.0, 2))])
    }

    fn rate(&self) -> f64 {
        0.5
    }

    fn limit(&self) -> u64 {
        // Between the published lags the number of sequences grows about as the lag.
        7400 * self.lag
    }

    fn published(&self) -> Option<Published> {
        let sequences = match self.lag {
            100 => 74_000,
            500 => 209_000,
            1000 => 853_000,
            _ => return None,
        };
        Some(Published::after(sequences))
    }

    fn problem(&self, _: &mut Rng) -> Problem<'_> {
        Problem {
            draw: Box::new(|rng, sequence| {
                let value = |rng: &mut Rng| rng.symmetric(1.0);
                let [first, second] = marked_numbers(self.lag, value, 0.0, rng, sequence);
                sequence.target([0.5 + (first + second) / 4.0]);
            }),
            criterion: Criterion::Recent {
                window: 2000,
                wrong: 0,
                tolerance: 0.04,
                mean: 0.01,
            },
        }
    }
}

/// The network of experiments 4 and 5, with biases that start elsewhere than the other weights.
pub fn topology(start: Vec<(&'static str, Vec<f64>)>) -> Topology {
    Topology {
        inputs: 2,
        blocks: 2,
        cells: 2,
        outputs: 1,
        bias: Bias::All,
        output_bias: true,
        range: 0.1,
        start,
    }
}

/// A sequence of pairs, a number and a marker: -1 at both ends, 1 at two places, else 0. Marked are one of the first ten
/// pairs and another of the first `lag` / 2 - 1. Returns the marked numbers, `at_start` in place of one at the very start, where
/// the marker is -1.
pub fn marked_numbers(
    lag: u64,
    value: impl Fn(&mut Rng) -> f64,
    at_start: f64,
    rng: &mut Rng,
    sequence: &mut Sequence,
) -> [f64; 2] {
    sequence.clear(2);
    let length = lag + rng.below(lag / 10 + 1);
    let early = lag / 2 - 1;
    let first = rng.below(early.min(10));
    let mut second = rng.below(early - 1);
    second += u64::from(second >= first);
    let mut marked = [at_start; 2];
    for step in 0..length {
        let number = value(rng);
        let marker = match step {
            0 => -1.0,
            _ if step == length - 1 => -1.0,
            _ if step == first => {
                marked[0] = number;
                1.0
            }
            _ if step == second => {
                marked[1] = number;
                1.0
            }
            _ => 0.0,
        };
        sequence.push(&[number, marker]);
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_as_the_paper_says() {
        let task = Adding { lag: 100 };
        let mut rng = Rng::new(1);
        let mut sequence = Sequence::default();
        let mut draw = task.problem(&mut rng).draw;
        let mut at_start = 0;
        for _ in 0..300 {
            draw(&mut rng, &mut sequence);
            let length = sequence.steps();
            assert!((100..=110).contains(&length));
            let pairs: Vec<_> = (0..length).map(|step| sequence.input(step)).collect();
            assert!(pairs.iter().all(|pair| (-1.0..1.0).contains(&pair[0])));
            assert_eq!((pairs[0][1], pairs[length - 1][1]), (-1.0, -1.0));
            let marked: Vec<_> = (0..length).filter(|&step| pairs[step][1] == 1.0).collect();
            at_start += 2 - marked.len();
            assert!(marked.iter().any(|&step| step < 10) || marked.len() == 1);
            assert!(marked.iter().all(|&step| step < 49));
            let zeros = pairs.iter().filter(|pair| pair[1] == 0.0);
            assert_eq!(zeros.count(), length - 2 - marked.len());
            let sum: f64 = marked.iter().map(|&step| pairs[step][0]).sum();
            // Sums of two numbers in either order are the same.
            assert_eq!(sequence.targets(), [0.5 + sum / 4.0]);
        }
        // The first pair is chosen with probability 1/10 + 9/10 * 1/48, in 300 sequences 36 times; five deviations are 28.
        assert!((8..64).contains(&at_start), "{at_start}");
    }
}
