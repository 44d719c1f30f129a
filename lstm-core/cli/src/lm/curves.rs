//! Learning curves as a picture.

use std::path::Path;

use lstm_core::io::write_atomic;
use plotters::prelude::*;

use super::error::LmError;
use super::run::Epoch;
use crate::failure::Failure;
use crate::flow::picture::load_font;

const SIZE: (u32, u32) = (800, 500);

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
    let training: Vec<_> = (history.iter())
        .map(|epoch| (epoch.epoch as f64, epoch.train_perplexity))
        .collect();
    let held_out: Vec<_> = (history.iter())
        .filter_map(|epoch| Some((epoch.epoch as f64, epoch.valid_perplexity?)))
        .collect();
    let all = || {
        training
            .iter()
            .chain(&held_out)
            .map(|&(_, y)| y)
            .filter(|y| y.is_finite())
    };
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
        .build_cartesian_2d(0.5..last + 0.5, (low..high).log_scale())
        .map_err(text)?;
    (chart.configure_mesh())
        .x_desc("epoch")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
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
