//! Experiment 3a of 1997: a class that shows in the first elements of a sequence; the rest is noise.

use clap::Args;
use lstm_core::Rng;
use serde::Serialize;

use crate::args::size;
use crate::paper::criterion::Criterion;
use crate::paper::sequence::Sequence;
use crate::paper::task::{Problem, Published, Task};
use crate::paper::topology::{Bias, Topology, descending};

/// Test sequences.
const TESTS: usize = 256;

/// Variance of the noise.
const VARIANCE: f64 = 0.2;

/// An output that is further off than this is wrong.
const TOLERANCE: f64 = 0.2;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct TwoSequence {
    /// The length of the shortest sequences
    #[arg(long, value_name = "T", default_value_t = 100, value_parser = size(100_000))]
    pub lag: u64,
    /// How many elements show the class
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = size(100_000))]
    pub informative: u64,
}

impl Task for TwoSequence {
    const NAME: &'static str = "two-sequence";

    fn topology(&self) -> Topology {
        Topology {
            inputs: 1,
            blocks: 3,
            cells: 1,
            outputs: 1,
            bias: Bias::All,
            output_bias: false,
            range: 0.1,
            start: vec![
                ("beta_in", vec![-1.0, -3.0, -5.0]),
                ("beta_out", descending(-2.0, 3)),
            ],
        }
    }

    fn rate(&self) -> f64 {
        1.0
    }

    fn limit(&self) -> u64 {
        // Ten times the published number at a lag of 100, or 1000.
        match self.lag {
            0..=100 => 273_800,
            _ => 4_468_500,
        }
    }

    fn published(&self) -> Option<Published> {
        let sequences = match (self.lag, self.informative) {
            (100, 3) => 27_380,
            (100, 1) => 58_370,
            (1000, 3) => 446_850,
            _ => return None,
        };
        Some(Published::after(sequences))
    }

    fn problem(&self, rng: &mut Rng) -> Problem<'_> {
        let mut test = || {
            let mut sequence = Sequence::default();
            self.draw(rng, &mut sequence);
            sequence
        };
        Problem {
            criterion: Criterion::All {
                every: 10,
                sequences: (0..TESTS).map(|_| test()).collect(),
                is_right,
            },
            draw: Box::new(|rng, sequence| self.draw(rng, sequence)),
        }
    }
}

/// Whether the output at the end is near its target.
fn is_right(sequence: &Sequence, outputs: &[f64]) -> bool {
    (outputs[0] - sequence.targets()[0]).abs() < TOLERANCE
}

impl TwoSequence {
    fn draw(&self, rng: &mut Rng, sequence: &mut Sequence) {
        sequence.clear(1);
        let length = self.lag + rng.below(self.lag / 10 + 1);
        let class = rng.below(2) as f64;
        for step in 0..length {
            sequence.push(&[match step < self.informative {
                true => 2.0 * class - 1.0,
                false => VARIANCE.sqrt() * rng.normal(),
            }]);
        }
        sequence.target([class]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_shows_at_the_start_and_noise_follows() {
        let task = TwoSequence {
            lag: 100,
            informative: 3,
        };
        let mut rng = Rng::new(1);
        let mut sequence = Sequence::default();
        let (mut sum, mut count) = (0.0, 0.0);
        for _ in 0..200 {
            task.draw(&mut rng, &mut sequence);
            assert!((100..=110).contains(&sequence.steps()));
            let sign = 2.0 * sequence.targets()[0] - 1.0;
            assert!((0..3).all(|step| sequence.input(step) == [sign]));
            for step in 3..sequence.steps() {
                sum += sequence.input(step)[0].powi(2);
                count += 1.0;
            }
        }
        // The mean of some 20,000 squares of variance 2 * 0.2^2: five standard errors are 5 * 0.28 / 141 = 0.01.
        assert!((sum / count - 0.2_f64).abs() < 0.01, "{}", sum / count);
    }

    #[test]
    fn outputs_are_right_within_a_fifth() {
        let mut sequence = Sequence::default();
        sequence.target([1.0]);
        let right = [0.79, 0.81, 1.0, f64::NAN].map(|output| is_right(&sequence, &[output]));
        assert_eq!(right, [false, true, true, false]);
    }
}
