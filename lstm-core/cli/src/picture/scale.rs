//! Scales of charts, and what stands at them.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// At most so many labels.
pub const LABELS: usize = 11;

/// A linear scale with labels at chosen places.
pub struct Scale {
    range: Range<f64>,
    labelled: Vec<f64>,
}

impl Scale {
    /// The scale over `range`.
    pub fn new(range: Range<f64>, labelled: Vec<f64>) -> Self {
        Self { range, labelled }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start);
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.labelled.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// The steps to label: multiples of 1, 2 or 5 times a power of ten.
pub fn steps(count: usize) -> Vec<f64> {
    let powers = (0..18).map(|exponent| 10_usize.pow(exponent));
    let mut strides = powers.flat_map(|power| [power, 2 * power, 5 * power]);
    let stride = strides
        .find(|stride| count / stride < LABELS)
        .unwrap_or(count);
    (0..=count)
        .step_by(stride)
        .map(|step| step as f64)
        .collect()
}

/// A power of ten, such as 10⁻³.
pub fn power(exponent: f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let exponent = exponent.round() as i32;
    let sign = if exponent < 0 { "⁻" } else { "" };
    let digits = exponent.unsigned_abs().to_string();
    let digits: String = digits
        .bytes()
        .map(|digit| DIGITS[usize::from(digit - b'0')])
        .collect();
    format!("10{sign}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_to_label_are_round() {
        assert_eq!(steps(3), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(steps(60), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(steps(100_000).len(), 11);
    }

    #[test]
    fn powers_are_written_with_raised_digits() {
        assert_eq!([-12.0, 0.0, 3.0].map(power), ["10⁻¹²", "10⁰", "10³"]);
    }
}
