//! Experiment 2c of 1997: a symbol at the start decides which one ends the sequence; distractors lie between.

use clap::Args;
use lstm_core::Rng;
use serde::Serialize;

use crate::args::size;
use crate::paper::criterion::Criterion;
use crate::paper::sequence::Sequence;
use crate::paper::task::{Problem, Published, Task};
use crate::paper::topology::{Bias, Topology};

/// With this probability the end comes after each distractor beyond the first `lag`.
const END: f64 = 0.1;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct LongLag {
    /// The fewest distractors of a sequence
    #[arg(long, value_name = "Q", default_value_t = 50, value_parser = size(100_000))]
    pub lag: u64,
    /// How many different distractors there are
    #[arg(long, value_name = "P", default_value_t = 50, value_parser = size(100_000))]
    pub distractors: u64,
}

impl Task for LongLag {
    const NAME: &'static str = "long-lag";

    fn topology(&self) -> Topology {
        Topology {
            inputs: self.distractors as usize + 4,
            blocks: 2,
            cells: 1,
            outputs: 2,
            bias: Bias::None,
            output_bias: false,
            range: 0.2,
            start: Vec::new(),
        }
    }

    fn rate(&self) -> f64 {
        0.01
    }

    fn limit(&self) -> u64 {
        // Ten times what the paper needed for its longest lag with the most distractors; with fewer it needed up to four times as
        // many.
        490_000
    }

    fn published(&self) -> Option<Published> {
        let sequences = match (self.lag, self.distractors) {
            (50, 50) => 30_000,
            (100, 100) => 31_000,
            (200, 200) => 33_000,
            (500, 500) => 38_000,
            (1000, 1000) | (1000, 500) => 49_000,
            (1000, 200) => 75_000,
            (1000, 100) => 135_000,
            (1000, 50) => 203_000,
            _ => return None,
        };
        Some(Published::after(sequences))
    }

    fn problem(&self, _: &mut Rng) -> Problem<'_> {
        Problem {
            draw: Box::new(|rng, sequence| self.draw(rng, sequence)),
            criterion: Criterion::Recent {
                window: 10_000,
                wrong: 0,
                tolerance: 0.2,
                mean: f64::INFINITY,
            },
        }
    }
}

impl LongLag {
    /// Distractors are the first symbols, then come begin, end, and the two that matter; the last symbol is the target.
    fn draw(&self, rng: &mut Rng, sequence: &mut Sequence) {
        let symbols = self.distractors as usize;
        let (begin, end, first) = (symbols, symbols + 1, symbols + 2);
        let class = rng.below(2) as usize;
        sequence.clear(symbols + 4);
        sequence.push_symbol(begin);
        sequence.push_symbol(first + class);
        let mut count = 0;
        while count < self.lag || rng.unit() >= END {
            sequence.push_symbol(rng.below(self.distractors) as usize);
            count += 1;
        }
        sequence.push_symbol(end);
        sequence.target_class(class, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_symbol_that_matters_is_second_and_the_target() {
        let task = LongLag {
            lag: 20,
            distractors: 30,
        };
        let mut rng = Rng::new(1);
        let mut sequence = Sequence::default();
        let mut steps = 0;
        for _ in 0..1000 {
            task.draw(&mut rng, &mut sequence);
            let symbols = sequence.symbols();
            let last = symbols.len() - 1;
            assert!((symbols[0], symbols[last]) == (30, 31) && last > 21);
            assert!(symbols[2..last].iter().all(|&symbol| symbol < 30));
            let class = symbols[1] - 32;
            assert_eq!(sequence.targets(), [[1.0, 0.0], [0.0, 1.0]][class]);
            steps += symbols.len();
        }
        // 23 steps and 9 further distractors on average, whose deviation is sqrt(0.9) / 0.1: five standard errors are 1.5.
        assert!((steps as f64 / 1000.0 - 32.0).abs() < 1.5, "{steps}");
    }
}
