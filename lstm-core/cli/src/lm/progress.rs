//! What is shown while words go by.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::progress::{bar, grouped};

/// Counts words of which nobody knows how many there will be.
pub struct Counter {
    spinner: Option<ProgressBar>,
    start: Instant,
}

impl Counter {
    /// Starts to count.
    pub fn start() -> Self {
        Self {
            spinner: stderr().is_terminal().then(ProgressBar::new_spinner),
            start: Instant::now(),
        }
    }

    /// Shows how many words there were so far.
    pub fn show(&self, words: u64) {
        if let Some(spinner) = &self.spinner {
            let speed = grouped(self.speed(words) as u64);
            spinner.set_message(format!("{} words, {speed} words/s", grouped(words)));
            spinner.tick();
        }
    }

    /// Takes the display away and returns the words per second.
    pub fn finish(&self, words: u64) -> f64 {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        self.speed(words)
    }

    fn speed(&self, words: u64) -> f64 {
        words as f64 / self.start.elapsed().as_secs_f64().max(1e-9)
    }
}

/// The bar of a training run.
pub struct Bar {
    bar: Option<ProgressBar>,
    start: Instant,
    /// Words before the start, of an earlier run.
    before: u64,
    total: u64,
}

impl Bar {
    /// A bar for a run of `total` words, of which `before` have been read.
    pub fn start(before: u64, total: u64) -> Self {
        Self {
            bar: bar(total, "{wide_bar} {msg}"),
            start: Instant::now(),
            before,
            total,
        }
    }

    /// Shows how far it has come.
    pub fn show(&self, words: u64, epoch: usize, perplexity: f64) {
        if let Some(bar) = &self.bar {
            let speed = (words - self.before) as f64 / self.start.elapsed().as_secs_f64().max(1e-9);
            let left = (self.total - words) as f64 / speed.max(1e-9);
            bar.set_position(words);
            bar.set_message(format!(
                "epoch {epoch}, {} words/s, {} left, perplexity {perplexity:.1}",
                grouped(speed as u64),
                clock(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX))
            ));
        }
    }

    /// Writes a line above the bar.
    ///
    /// # Errors
    /// What `write` returns.
    pub fn above<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Hours, minutes and seconds: 1:02:03.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_shown_as_on_a_clock() {
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }
}
