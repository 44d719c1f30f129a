//! Measuring spike delays, 2002: by how much the next spike comes later than it might.

use clap::Args;
use lstm_core::cells::Lstm2002Truncated;
use serde::Serialize;

use super::spikes::Spikes;
use super::timing::{self, Gates, LENGTHS};
use crate::args::{fraction, size};
use crate::paper::cells::Lstm2002;
use crate::paper::design::Design;
use crate::paper::online::Descent;
use crate::paper::output::Squash;
use crate::paper::stream_task::{Lengths, Step, StreamTask};
use crate::paper::task::Published;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct SpikeDelays {
    /// The fewest steps from a spike to the next
    #[arg(long, value_name = "F", default_value_t = 10, value_parser = size(100_000))]
    pub period: u64,
    /// The longest delay; beyond 1 the output is not squashed
    #[arg(long, value_name = "I", default_value_t = 1, value_parser = size(100_000))]
    pub delay: u64,
    /// The network's gates
    #[command(flatten)]
    #[serde(flatten)]
    pub gates: Gates,
    /// Which part of a change of a weight the next one keeps
    #[arg(long, value_name = "M", default_value_t = 0.9999, value_parser = fraction)]
    pub momentum: f64,
}

impl StreamTask for SpikeDelays {
    const NAME: &'static str = "spike-delays";
    type Truncated = Lstm2002Truncated;
    type Full = Lstm2002;
    type Stream = Spikes;

    fn design(&self) -> Design {
        let squash = match self.delay {
            1 => Squash::Logistic,
            _ => Squash::None,
        };
        timing::design(self.gates, squash)
    }

    fn descent(&self) -> (Descent, f64) {
        timing::descent(self.momentum)
    }

    fn lengths(&self) -> Lengths {
        LENGTHS
    }

    fn limit(&self) -> u64 {
        100_000_000
    }

    fn published(&self) -> Option<Published> {
        None
    }

    fn stream(&self) -> Spikes {
        Spikes::new(self.period, self.delay, measure)
    }
}

/// The input is 1 at spikes and 0 between them. The target at a spike is the delay of the interval that it ends; between
/// spikes the output does not matter.
fn measure(delay: f64, is_spike: bool, step: &mut Step) {
    step.x[0] = f64::from(u8::from(is_spike));
    step.targets.extend(is_spike.then_some(delay));
}

#[cfg(test)]
mod tests {
    use lstm_core::Rng;

    use super::timing::{FORGET_BIAS, Peepholes};
    use super::*;
    use crate::paper::stream_task::{Stream, weights};

    #[test]
    fn networks_have_as_many_weights_as_the_paper_says() {
        let task = |peepholes| SpikeDelays {
            period: 10,
            delay: 1,
            gates: Gates {
                peepholes,
                forget_bias: FORGET_BIAS,
            },
            momentum: 0.0,
        };
        assert_eq!(weights(&task(Peepholes::With)).unwrap(), 17);
        assert_eq!(weights(&task(Peepholes::Without)).unwrap(), 14);
    }

    #[test]
    fn targets_are_the_delays_since_the_spike_before() {
        let mut stream = Spikes::new(10, 2, measure);
        let (mut rng, mut step) = (Rng::new(1), Step::new(1));
        stream.begin();
        let (mut since, mut seen) = (0, [0; 3]);
        for _ in 0..2000 {
            stream.next(&mut rng, &mut step);
            since += 1;
            assert_eq!(step.counts, step.x[0] == 1.0);
            match step.counts {
                true => {
                    let delay: usize = since - 10;
                    assert_eq!(step.targets, [delay as f64]);
                    seen[delay] += 1;
                    since = 0;
                }
                false => assert!(step.targets.is_empty() && step.x[0] == 0.0 && since < 12),
            }
        }
        // Some 180 spikes, each delay as likely: 60, give or take five deviations of 6.3.
        assert!(
            seen.iter().all(|count| (28..92).contains(count)),
            "{seen:?}"
        );
    }
}
