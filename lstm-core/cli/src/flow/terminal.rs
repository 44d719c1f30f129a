//! The curves in a terminal: a line each, with a sparkline.

use std::fmt::Write;

use super::Report;
use super::curve::Curve;

/// From small to large.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The sparklines' scale, in powers of ten: from errors too small to matter to those that ruin training.
const SCALE: (f64, f64) = (-6.0, 2.0);
/// At most so many characters in a sparkline.
const WIDTH: usize = 40;

/// A table of all curves, and how well theory agrees.
pub fn table(report: &Report) -> String {
    let width = |text: &str| text.chars().count();
    let labels = report.curves.iter().map(|curve| width(&curve.label));
    let label_width = labels.max().unwrap_or(0);
    let line_width = report.steps.min(WIDTH);
    let title = &report.title;
    let steps = report.steps;
    let mut text = format!(
        "{title}: the factor after q steps back\n\n{:label_width$}  {:<line_width$}  {:>10}  {:>10}\n",
        "",
        format!("q = 1 .. {steps}"),
        "q = 1",
        format!("q = {steps}"),
    );
    for curve in &report.curves {
        let gap = label_width - width(&curve.label);
        let [first, last] = [curve.factors.first(), curve.factors.last()]
            .map(|factor| number(factor.copied().unwrap_or(f64::NAN)));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}{:gap$}  {:<line_width$}  {first:>10}  {last:>10}",
            curve.label,
            "",
            sparkline(&curve.factors)
        );
    }
    let _ = writeln!(
        text,
        "\n{} is 10^{} or less, {} is 10^{} or more; a blank is 0.",
        BARS[0], SCALE.0, BARS[7], SCALE.1
    );
    for curve in &report.curves {
        text.push_str(&agreement(curve));
    }
    text
}

fn agreement(curve: &Curve) -> String {
    curve.agreement.map_or_else(String::new, |agreement| {
        format!(
            "{}: the kernels differ from the recursion by at most {:.1e} over {} steps, \
             from the sum over all paths by at most {:.1e} over {} steps.\n",
            curve.label,
            agreement.recursion,
            agreement.recursion_steps,
            agreement.paths,
            agreement.path_steps
        )
    })
}

/// A number in ten characters.
fn number(value: f64) -> String {
    match value.abs() {
        size if (0.001..10_000.0).contains(&size) => format!("{value:.4}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2e}"),
    }
}

fn sparkline(factors: &[f64]) -> String {
    let width = factors.len().min(WIDTH);
    (0..width)
        .map(|place| {
            // The first and the last step have the first and the last place.
            let index = place * (factors.len() - 1) / (width - 1).max(1);
            bar(factors[index].abs())
        })
        .collect()
}

fn bar(size: f64) -> char {
    if size == 0.0 {
        return ' ';
    }
    if size.is_nan() {
        return '?';
    }
    let (low, high) = SCALE;
    let part = ((size.log10() - low) / (high - low)).clamp(0.0, 1.0);
    BARS[(part * (BARS.len() - 1) as f64).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_have_ends_and_gaps() {
        // Eight bars on eight powers of ten are seven equal steps; each value stands in the middle of its bar.
        let middle = |step: i32| 10_f64.powf(-6.0 + f64::from(step) * 8.0 / 7.0);
        let rising: Vec<f64> = (0..8).map(middle).collect();
        assert_eq!(sparkline(&rising), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[0.0, -1e-9, f64::INFINITY, f64::NAN]), " ▁█?");
        assert_eq!(sparkline(&[1.0]), "▆");
        assert_eq!(sparkline(&vec![1.0; 1000]).chars().count(), WIDTH);
    }

    #[test]
    fn numbers_are_short() {
        let shown = [1.0, -0.5, 0.0, 1.2345e-12, f64::INFINITY].map(number);
        assert_eq!(shown, ["1.0000", "-0.5000", "0", "1.23e-12", "inf"]);
    }
}
