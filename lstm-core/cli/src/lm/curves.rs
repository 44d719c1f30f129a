//! Learning curves as a picture.

use std::path::Path;

use lstm_core::io::write_atomic;
use plotters::prelude::*;

use super::error::LmError;
use super::run::Epoch;
use crate::failure::Failure;
use crate::picture::margin::{self, End};
use crate::picture::scale::{self, Scale};
use crate::picture::{FAMILY, HEAD, PAPER, Stroke, caption, undrawn};

const SIZE: (u32, u32) = (800, 500);

/// Higher points are left out: near the end of the numbers no axis has room above them.
const HIGHEST: f64 = 1e300;

/// From here on, labels are written with powers of ten.
const LONG: f64 = 1e5;

/// Fewer labels than these do not tell a scale; of powers of ten, no more than these.
const LABELS: (usize, usize) = (4, 9);

/// Draws the perplexities of all epochs as an SVG.
///
/// # Errors
/// A file that cannot be written.
pub fn draw(history: &[Epoch], path: &Path) -> Result<(), Failure> {
    let mut picture = String::new();
    paint(history, &mut picture).map_err(|error| LmError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(write_atomic(path, picture.as_bytes())?)
}

fn paint(history: &[Epoch], picture: &mut String) -> Result<(), Failure> {
    // Epochs and powers of ten.
    let points = |perplexity: fn(&Epoch) -> Option<f64>| -> Vec<(f64, f64)> {
        (history.iter())
            .filter_map(|epoch| Some((epoch.epoch as f64, perplexity(epoch)?)))
            .filter(|&(_, y)| y <= HIGHEST)
            .map(|(x, y)| (x, y.log10()))
            .collect()
    };
    let mut curves = vec![
        ("training", points(|epoch| Some(epoch.train_perplexity()))),
        ("held out", points(Epoch::valid_perplexity)),
    ];
    curves.retain(|(_, points)| !points.is_empty());
    let powers = curves.iter().flat_map(|(_, points)| points);
    let powers: Vec<f64> = powers.map(|&(_, power)| power).collect();
    let (low, high) = around(&powers);
    let labelled = ticks(10_f64.powf(low), 10_f64.powf(high));
    let largest = labelled.iter().copied().fold(0.0, f64::max);
    let last = (history.len() as f64).max(1.0);
    // The first epoch stands a little off the axis.
    let start = 1.0 - last / 30.0;
    let mut epochs = scale::steps(history.len());
    epochs.retain(|&epoch| epoch >= 1.0);
    let names: Vec<String> = curves.iter().map(|(name, _)| (*name).to_owned()).collect();

    let root = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(undrawn)?;
    let text = |size: u32| (FAMILY, size).into_font().color(&BLACK);
    let mut chart = ChartBuilder::on(&root)
        .margin(14)
        .margin_top(HEAD)
        .margin_right(margin::width(&names, 1)?)
        .x_label_area_size(46)
        .y_label_area_size(74)
        .build_cartesian_2d(
            Scale::new(start..last, epochs),
            Scale::new(
                low..high,
                labelled.iter().map(|tick| tick.log10()).collect(),
            ),
        )
        .map_err(undrawn)?;
    (chart.configure_mesh())
        .disable_x_mesh()
        .bold_line_style(PAPER.grid)
        .light_line_style(TRANSPARENT)
        .label_style(text(16))
        .axis_desc_style(text(17))
        .x_desc("epoch")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|power| label(10_f64.powf(*power), largest))
        .draw()
        .map_err(undrawn)?;
    let (left, edge) = (
        chart.backend_coord(&(start, high)),
        chart.backend_coord(&(last, high)),
    );
    caption(&root, "Perplexity", (left.0, edge.0), &PAPER, 1)?;
    let mut ends = Vec::new();
    for (index, (name, points)) in curves.iter().enumerate() {
        let stroke = Stroke::of(index, 1);
        let line = LineSeries::new(points.iter().copied(), stroke.style().filled());
        (chart.draw_series(line.point_size(3))).map_err(undrawn)?;
        let end = points.last().copied().unwrap_or((last, low));
        ends.push(End {
            label: name,
            stroke,
            level: chart.backend_coord(&end).1,
            reaches: end.0 == last,
        });
    }
    let foot = chart.backend_coord(&(last, low)).1;
    margin::draw(&root, ends, edge, foot, BLACK, 1)?;
    root.present().map_err(undrawn)
}

/// The powers of ten between which points are seen: room above and below, also where there is one point or none.
fn around(powers: &[f64]) -> (f64, f64) {
    let low = powers.iter().copied().fold(f64::INFINITY, f64::min);
    let high = powers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match low <= high {
        true => {
            let room = 0.04 * (high - low) + 0.04;
            (low - room, high + room)
        }
        false => (0.0, 1.0),
    }
}

/// Round numbers between two positive ones, so that a logarithmic axis has labels enough and not too many: some powers of
/// ten, numbers between them or, where there is not even room for these, three to eight at equal distances.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let inside = |tick: &f64| (low..=high).contains(tick);
    let decades = low.log10().floor() as i32..=high.log10().floor() as i32;
    // None is more than twice the one before: where that has ten powers, the next has four.
    let mut by_stride = [1, 2, 3, 5, 10, 20, 30, 50, 100].into_iter().map(|stride| {
        let powers = decades.clone().filter(|power| power % stride == 0);
        let powers = powers.map(|power| 10_f64.powi(power)).filter(inside);
        powers.collect::<Vec<f64>>()
    });
    if let Some(powers) = by_stride.find(|powers| powers.len() <= LABELS.1)
        && powers.len() >= LABELS.0
    {
        return powers;
    }
    for factors in [&[1.0, 2.0, 5.0][..], &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]] {
        let decade = |power| {
            factors
                .iter()
                .map(move |factor| factor * 10_f64.powi(power))
        };
        let found: Vec<f64> = decades.clone().flat_map(decade).filter(inside).collect();
        if found.len() >= LABELS.0 {
            return found;
        }
    }
    // A step is less than 5/2 of the least one, so that there are three of them.
    let least = (high - low) / 7.5;
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= least);
    let step = factor.unwrap_or(10.0) * power;
    let (first, last) = ((low / step).ceil() as u64, (high / step).floor() as u64);
    (first..=last).map(|count| count as f64 * step).collect()
}

/// A number at the axis, in plain digits or, where the largest is long, with a power of ten such as 2·10⁷.
fn label(value: f64, largest: f64) -> String {
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    if largest < LONG {
        return format!("{}", rounded(value));
    }
    let power = (value.log10() + 1e-9).floor();
    match rounded(value / 10_f64.powf(power)) {
        1.0 => scale::power(power),
        factor => format!("{factor}·{}", scale::power(power)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// exp(709.7) is 1.7e308, beside which there is no room, and exp(2000) is infinite: two of four points are left.
    #[test]
    fn points_beyond_all_axes_are_left_out() {
        let epoch = |(epoch, train_loss)| Epoch {
            epoch,
            rate: 1.0,
            train_loss,
            valid_loss: None,
        };
        let history = [(1, 2000.0), (2, 709.7), (3, 600.0), (4, 5.0)].map(epoch);
        let mut picture = String::new();
        paint(&history, &mut picture).unwrap();
        assert_eq!(picture.matches("<circle").count(), 2, "{picture}");
    }

    #[test]
    fn an_axis_has_round_numbers_enough() {
        assert_eq!(
            ticks(200.0, 1600.0),
            [200.0, 300.0, 500.0, 700.0, 1000.0, 1500.0]
        );
        assert_eq!(ticks(57.0, 99.0), [60.0, 70.0, 80.0, 90.0]);
        assert_eq!(ticks(90.0, 4000.0), [100.0, 200.0, 500.0, 1000.0, 2000.0]);
        assert_eq!(
            ticks(0.5, 2e8),
            (0..=8).map(|power| 10_f64.powi(power)).collect::<Vec<_>>()
        );
        // From ranges of one part in ten to all there is, at any place.
        for width in 0..200 {
            for place in 0..40 {
                let low = 0.9 * 10_f64.powf(f64::from(place) * 0.13);
                let high = low * 10_f64.powf(0.08 + (f64::from(width) / 22.0).exp2() - 1.0);
                if high > 1e302 {
                    continue;
                }
                let ticks = ticks(low, high);
                assert!((3..=12).contains(&ticks.len()), "{low} {high} {ticks:?}");
                assert!(ticks.is_sorted() && low <= ticks[0] && ticks[ticks.len() - 1] <= high);
            }
        }
    }

    /// The lowest label is near the lowest point: no more than a third of the axis is below it.
    #[test]
    fn the_lower_part_has_labels_too() {
        for (low, high) in [(127.0, 650.0), (110.0, 900.0), (1.3, 7.0), (3.0, 1e40)] {
            let lowest = ticks(low, high)[0];
            assert!(
                (lowest / low).ln() < (high / low).ln() / 3.0,
                "{low} {high} {lowest}"
            );
        }
    }

    #[test]
    fn long_numbers_are_powers_of_ten() {
        let powers = [1e0, 1e50, 1e299, 2e7, 1.5e3].map(|value| label(value, 1e299));
        assert_eq!(powers, ["10⁰", "10⁵⁰", "10²⁹⁹", "2·10⁷", "1.5·10³"]);
        let plain = [0.96, 1500.0, 50_000.0].map(|value| label(value, 50_000.0));
        assert_eq!(plain, ["0.96", "1500", "50000"]);
    }

    /// Names stand right of the chart, behind the last epoch, and no box covers a curve.
    #[test]
    fn names_stand_at_the_ends_of_the_curves() {
        let epoch = |epoch: u64| Epoch {
            epoch,
            rate: 1.0,
            train_loss: 7.0 - epoch as f64,
            valid_loss: Some(6.0 - 0.5 * epoch as f64),
        };
        let mut picture = String::new();
        paint(&[1, 2, 3].map(epoch), &mut picture).unwrap();
        let number = |text: &str, name: &str| -> f64 {
            let value = text.split(name).nth(1).unwrap().split('"').nth(1).unwrap();
            value.parse().unwrap()
        };
        let circles = picture
            .split("<circle")
            .skip(1)
            .map(|circle| number(circle, "cx="));
        let rightmost = circles.fold(0.0, f64::max);
        for name in ["training", "held out"] {
            let before = picture.split(&format!("\n{name}\n")).next().unwrap();
            let text = before.rsplit("<text").next().unwrap();
            assert!(number(text, "x=") > rightmost, "{name}: {text}");
        }
        // The paper is the only rectangle.
        assert_eq!(picture.matches("<rect").count(), 1, "{picture}");
    }
}
