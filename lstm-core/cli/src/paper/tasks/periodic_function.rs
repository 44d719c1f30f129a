//! Generating periodic functions, 2002: without any input.

use clap::{Args, ValueEnum};
use lstm_core::Rng;
use lstm_core::cells::Lstm2002Truncated;
use serde::Serialize;

use super::timing::{self, Gates, LENGTHS, Peepholes};
use crate::args::{fraction, positive, whole};
use crate::paper::cells::Lstm2002;
use crate::paper::design::Design;
use crate::paper::online::Descent;
use crate::paper::output::Squash;
use crate::paper::stream_task::{Lengths, Step, Stream, StreamTask};
use crate::paper::task::Published;

/// The paper's limit of what is right.
const TOLERANCE: f64 = 0.3;

/// The paper's.
const MOMENTUM: f64 = 0.99;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct PeriodicFunction {
    /// The function
    #[arg(long, value_enum, default_value_t = Shape::Cosine)]
    pub shape: Shape,
    /// Steps of a period
    #[arg(long, value_name = "F", default_value_t = 10, value_parser = whole(2..=100_000))]
    pub period: u64,
    /// An output off by this or more is an error
    #[arg(long, value_name = "E", default_value_t = TOLERANCE, value_parser = positive)]
    pub tolerance: f64,
    /// The network's gates
    #[command(flatten)]
    #[serde(flatten)]
    pub gates: Gates,
    /// Which part of a change of a weight the next one keeps
    #[arg(long, value_name = "M", default_value_t = MOMENTUM, value_parser = fraction)]
    pub momentum: f64,
}

/// The functions, all of them from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Half of 1 - cos
    Cosine,
    /// Up in a straight line during the first half of a period, down during the second
    Triangle,
    /// 0 during the first half of a period, 1 during the second
    Rectangle,
}

impl Shape {
    /// The value after this part of a period.
    fn at(self, part: f64) -> f64 {
        match self {
            Self::Cosine => 0.5 * (1.0 - (std::f64::consts::TAU * part).cos()),
            Self::Triangle => 1.0 - (1.0 - 2.0 * part).abs(),
            Self::Rectangle => f64::from(u8::from(part > 0.5)),
        }
    }
}

impl StreamTask for PeriodicFunction {
    const NAME: &'static str = "periodic-function";
    type Truncated = Lstm2002Truncated;
    type Full = Lstm2002;
    type Stream = Values;

    fn design(&self) -> Design {
        timing::design(self.gates, Squash::None)
    }

    fn descent(&self) -> (Descent, f64) {
        timing::descent(self.momentum)
    }

    fn tolerance(&self) -> f64 {
        self.tolerance
    }

    fn lengths(&self) -> Lengths {
        LENGTHS
    }

    fn limit(&self) -> u64 {
        10_000_000
    }

    fn tells_error(&self) -> bool {
        true
    }

    fn published(&self) -> Option<Published> {
        let are_published = (self.tolerance, self.momentum) == (TOLERANCE, MOMENTUM);
        if !are_published || !self.gates.are_published() {
            return None;
        }
        match (self.gates.peepholes, self.shape, self.period) {
            (Peepholes::With, Shape::Cosine, 25) => Some(Published {
                rmse: Some(0.17),
                ..Published::default()
            }),
            // Without peepholes this one is solved, and no other.
            (Peepholes::Without, Shape::Cosine, 10) => None,
            (Peepholes::Without, _, 10 | 25) => Some(Published::never()),
            _ => None,
        }
    }

    fn stream(&self) -> Values {
        let values = (0..self.period).map(|step| self.shape.at(step as f64 / self.period as f64));
        Values {
            values: values.collect(),
            step: 0,
        }
    }
}

/// The values of a period over and over, from its start. The network has the input of the other tasks, which is always 0 here: so its
/// weights count, as in the paper, but do nothing.
pub struct Values {
    values: Vec<f64>,
    step: usize,
}

impl Stream for Values {
    fn begin(&mut self) {
        self.step = 0;
    }

    fn next(&mut self, _: &mut Rng, step: &mut Step) {
        step.targets.clear();
        step.targets.push(self.values[self.step]);
        self.step = (self.step + 1) % self.values.len();
        step.counts = self.step == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::timing::FORGET_BIAS;
    use super::*;

    #[test]
    fn functions_are_periodic_and_have_their_shapes() {
        let check = |shape, period: u64, expected: &[f64]| {
            let task = PeriodicFunction {
                shape,
                period,
                tolerance: TOLERANCE,
                gates: Gates {
                    peepholes: Peepholes::With,
                    forget_bias: FORGET_BIAS,
                },
                momentum: 0.0,
            };
            let (mut stream, mut rng, mut step) = (task.stream(), Rng::new(1), Step::new(1));
            stream.begin();
            for at in 0..3 * expected.len() {
                stream.next(&mut rng, &mut step);
                assert_eq!(step.x, [0.0]);
                let [target] = step.targets[..] else { panic!() };
                let expected_now = expected[at % expected.len()];
                // Rounding of a cosine.
                assert!(
                    (target - expected_now).abs() < 1e-15,
                    "{target} {expected_now}"
                );
                assert_eq!(step.counts, (at + 1) % expected.len() == 0);
            }
        };
        check(Shape::Cosine, 4, &[0.0, 0.5, 1.0, 0.5]);
        check(Shape::Triangle, 5, &[0.0, 0.4, 0.8, 0.8, 0.4]);
        check(Shape::Rectangle, 6, &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
