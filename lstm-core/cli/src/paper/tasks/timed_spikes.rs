//! Generating timed spikes, 2002: the reverse of measuring their delays.

use clap::Args;
use lstm_core::cells::Lstm2002Truncated;
use serde::Serialize;

use super::spikes::Spikes;
use super::timing::{self, Gates, LENGTHS, Peepholes};
use crate::args::{fraction, size, whole};
use crate::paper::cells::Lstm2002;
use crate::paper::design::Design;
use crate::paper::online::Descent;
use crate::paper::output::Squash;
use crate::paper::stream_task::{Lengths, Step, StreamTask};
use crate::paper::task::Published;

/// The paper's: intervals of one length and of one step more.
const PERIOD: u64 = 10;
const DELAY: u64 = 1;
const MOMENTUM: f64 = 0.999;

/// Options of the task.
#[derive(Debug, Args, Serialize)]
pub struct TimedSpikes {
    /// The fewest steps from a spike to the next
    #[arg(long, value_name = "F", default_value_t = PERIOD, value_parser = size(100_000))]
    pub period: u64,
    /// The longest delay; without any, spikes come at equal distances
    #[arg(long, value_name = "I", default_value_t = DELAY, value_parser = whole(0..=100_000))]
    pub delay: u64,
    /// The network's gates
    #[command(flatten)]
    #[serde(flatten)]
    pub gates: Gates,
    /// Which part of a change of a weight the next one keeps
    #[arg(long, value_name = "M", default_value_t = MOMENTUM, value_parser = fraction)]
    pub momentum: f64,
}

impl StreamTask for TimedSpikes {
    const NAME: &'static str = "timed-spikes";
    type Truncated = Lstm2002Truncated;
    type Full = Lstm2002;
    type Stream = Spikes;

    fn design(&self) -> Design {
        timing::design(self.gates, Squash::Logistic)
    }

    fn descent(&self) -> (Descent, f64) {
        timing::descent(self.momentum)
    }

    fn lengths(&self) -> Lengths {
        LENGTHS
    }

    fn limit(&self) -> u64 {
        10_000_000
    }

    fn published(&self) -> Option<Published> {
        // With peepholes it is solved; how often is not known here.
        let are_published = (self.period, self.delay, self.momentum) == (PERIOD, DELAY, MOMENTUM);
        let is_published = are_published && self.gates.are_published();
        (is_published && self.gates.peepholes == Peepholes::Without).then(Published::never)
    }

    fn stream(&self) -> Spikes {
        Spikes::new(self.period, self.delay, generate)
    }
}

/// The input is the delay of the interval under way, at all of its steps; the target is 1 at the spike that ends it and 0
/// before.
fn generate(delay: f64, is_spike: bool, step: &mut Step) {
    step.x[0] = delay;
    step.targets.push(f64::from(u8::from(is_spike)));
}

#[cfg(test)]
mod tests {
    use lstm_core::Rng;

    use super::*;
    use crate::paper::stream_task::Stream;

    #[test]
    fn spikes_come_when_the_input_says() {
        let mut stream = Spikes::new(5, 3, generate);
        let (mut rng, mut step) = (Rng::new(1), Step::new(1));
        stream.begin();
        let mut inputs = Vec::new();
        for _ in 0..1000 {
            stream.next(&mut rng, &mut step);
            inputs.push(step.x[0]);
            assert_eq!(step.targets, [f64::from(u8::from(step.counts))]);
            if step.counts {
                let delay = inputs[0];
                assert!((0.0..=3.0).contains(&delay));
                assert!(inputs.iter().all(|&input| input == delay));
                assert_eq!(inputs.len() as f64, 5.0 + delay);
                inputs.clear();
            }
        }
    }
}
