//! Learning curves as a picture.

use std::path::Path;

use lstm_core::io::write_atomic;
use plotters::prelude::*;

use super::error::LmError;
use super::run::Epoch;
use crate::failure::Failure;
use crate::flow::picture::load_font;

const SIZE: (u32, u32) = (800, 500);

/// Higher points are left out: near the end of the numbers no axis has room above them.
const HIGHEST: f64 = 1e300;

/// Draws the perplexities of all epochs as an SVG.
///
/// # Errors
/// A file that cannot be written.
pub fn draw(history: &[Epoch], path: &Path) -> Result<(), Failure> {
    load_font()?;
    let mut picture = String::new();
    paint(history, &mut picture).map_err(|reason| LmError::File {
        path: path.to_owned(),
        reason: format!("the curves cannot be drawn: {reason}"),
    })?;
    Ok(write_atomic(path, picture.as_bytes())?)
}

fn paint(history: &[Epoch], picture: &mut String) -> Result<(), String> {
    let points = |perplexity: fn(&Epoch) -> Option<f64>| -> Vec<(f64, f64)> {
        (history.iter())
            .filter_map(|epoch| Some((epoch.epoch as f64, perplexity(epoch)?)))
            .filter(|&(_, y)| y <= HIGHEST)
            .collect()
    };
    let training = points(|epoch| Some(epoch.train_perplexity()));
    let held_out = points(Epoch::valid_perplexity);
    let all = || training.iter().chain(&held_out).map(|&(_, y)| y);
    let (low, high) = all().fold((f64::INFINITY, 1.0_f64), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    // Room above and below, also where there is one point.
    let (low, high) = ((low.min(high) * 0.9).max(0.5), high * 1.1);
    let last = (history.len() as f64).max(1.0);

    let root = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    let text = |error: DrawingAreaErrorKind<_>| error.to_string();
    root.fill(&WHITE).map_err(text)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption("Perplexity", ("sans-serif", 22))
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(
            0.5..last + 0.5,
            (low..high).log_scale().with_key_points(ticks(low, high)),
        )
        .map_err(text)?;
    (chart.configure_mesh())
        .x_desc("epoch")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{}", (y * 100.0).round() / 100.0))
        .x_labels(history.len().clamp(2, 20))
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(text)?;
    for (name, points, colour) in [("training", training, BLUE), ("held out", held_out, RED)] {
        if points.is_empty() {
            continue;
        }
        let line = LineSeries::new(points, colour.stroke_width(2)).point_size(3);
        (chart.draw_series(line).map_err(text)?)
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    (chart.configure_series_labels())
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()
        .map_err(text)?;
    root.present().map_err(text)
}

/// Round numbers between two positive ones: powers of ten with their doubles and halves or, within less than one power of ten,
/// three to seven at equal distances.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    if high / low > 10.0 {
        let decades = low.log10().floor() as i32..=high.log10().floor() as i32;
        return decades
            .flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10_f64.powi(power)))
            .filter(|tick| (low..=high).contains(tick))
            .collect();
    }
    let least = (high - low) / 6.0;
    let power = 10_f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 5.0];
    let factor = (factors.into_iter()).find(|factor| factor * power >= least);
    let step = factor.unwrap_or(10.0) * power;
    let (first, last) = ((low / step).ceil() as u64, (high / step).floor() as u64);
    (first..=last).map(|count| count as f64 * step).collect()
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
        load_font().unwrap();
        paint(&history, &mut picture).unwrap();
        assert_eq!(picture.matches("<circle").count(), 2, "{picture}");
    }

    #[test]
    fn an_axis_has_round_numbers_enough() {
        assert_eq!(ticks(200.0, 1600.0), [500.0, 1000.0, 1500.0]);
        assert_eq!(ticks(57.0, 99.0), [60.0, 70.0, 80.0, 90.0]);
        assert_eq!(ticks(90.0, 4000.0), [100.0, 200.0, 500.0, 1000.0, 2000.0]);
        for (low, high) in [(0.9, 1.1), (1.0, 9.9), (99.0, 121.0), (3.0, 60_000.0)] {
            let ticks = ticks(low, high);
            assert!((3..=13).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks.is_sorted() && low <= ticks[0] && ticks[ticks.len() - 1] <= high);
        }
    }
}
