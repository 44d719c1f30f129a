//! Spikes and the intervals between them, of which two tasks of 2002 show one and ask for the other.

use lstm_core::Rng;

use crate::paper::stream_task::{Step, Stream};

/// What a task shows and asks for at a step of an interval with this delay; whether a spike ends the interval there. The step
/// has no targets yet.
type Show = fn(f64, bool, &mut Step);

/// Intervals between spikes: the period and a delay, which is drawn for each of them. A stream counts spikes.
#[derive(Debug)]
pub struct Spikes {
    period: u64,
    longest_delay: u64,
    show: Show,
    delay: u64,
    /// Steps of the interval that are still to come.
    left: u64,
}

impl Spikes {
    /// Intervals with this period and delays up to the longest.
    pub fn new(period: u64, longest_delay: u64, show: Show) -> Self {
        Self {
            period,
            longest_delay,
            show,
            delay: 0,
            left: 0,
        }
    }
}

impl Stream for Spikes {
    fn begin(&mut self) {
        self.left = 0;
    }

    fn next(&mut self, rng: &mut Rng, step: &mut Step) {
        if self.left == 0 {
            self.delay = rng.below(self.longest_delay + 1);
            self.left = self.period + self.delay;
        }
        self.left -= 1;
        step.targets.clear();
        step.counts = self.left == 0;
        (self.show)(self.delay as f64, step.counts, step);
    }
}
