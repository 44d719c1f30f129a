//! What training shows: a line for every measurement and, on a terminal, a bar that moves in between.

use std::io::{IsTerminal, Stdout, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::held::Held;

/// The display of one training run.
pub struct Progress {
    bar: Option<ProgressBar>,
    out: Held<Stdout>,
    start: Instant,
    measured: Duration,
}

impl Progress {
    /// Starts the display, on `out`, of a run of at most `budget`.
    pub fn start(mut out: Held<Stdout>, budget: Duration) -> Self {
        // An error is held, not returned.
        let _ = writeln!(
            out,
            "  time   characters   per second   bits per character held out"
        );
        let length = u64::try_from(budget.as_millis()).unwrap_or(u64::MAX);
        Self {
            bar: bar(length, "{wide_bar} {msg}"),
            out,
            start: Instant::now(),
            measured: Duration::ZERO,
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Moves the bar.
    pub fn advance(&self, characters: u64, training_bits: f64) {
        if let Some(bar) = &self.bar {
            bar.set_position(u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX));
            bar.set_message(format!(
                "{} characters/s, {training_bits:.3} bits in training",
                self.rate(characters)
            ));
        }
    }

    /// Prints a measurement that took `cost`, which is not counted as time of training.
    pub fn measurement(&mut self, characters: u64, bits: f64, cost: Duration) {
        self.measured += cost;
        let seconds = self.elapsed().as_secs_f64();
        self.note(&format!(
            "{seconds:5.0} s {:>12} {:>12}   {bits:.3}",
            grouped(characters),
            self.rate(characters)
        ));
    }

    /// Prints a line, above the bar if there is one.
    pub fn note(&mut self, line: &str) {
        let line = format!("{line}\n");
        let out = &mut self.out;
        // An error is held, not returned.
        let _ = match &self.bar {
            Some(bar) => bar.suspend(|| out.write_all(line.as_bytes())),
            None => out.write_all(line.as_bytes()),
        };
    }

    /// Takes the bar away and returns the output, with the error that it may hold.
    pub fn finish(self) -> Held<Stdout> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.out
    }

    fn rate(&self, characters: u64) -> String {
        let seconds = self.elapsed().saturating_sub(self.measured).as_secs_f64();
        match characters {
            0 => "-".to_owned(),
            _ => grouped((characters as f64 / seconds.max(1e-3)) as u64),
        }
    }
}

/// A bar of some length on the error output, if that is a terminal.
pub fn bar(length: u64, template: &str) -> Option<ProgressBar> {
    stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(length);
        // A template that does not parse leaves the plain bar: less to look at, nothing lost.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar
    })
}

/// A number with its thousands apart: 1,234,567.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
