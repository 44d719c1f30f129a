//! The curves as a picture: logarithmic, each with its name in the margin.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::Report;
use super::axis::Axis;
use super::curve::Curve;
use crate::failure::Failure;
use crate::picture::scale::{self, Scale};
use crate::picture::{FAMILY, HEAD, PAPER, Stroke, Theme, caption, load_font, margin, undrawn};

/// Width and height in points.
const SIZE: (u32, u32) = (1000, 560);
/// Pixels of a PNG for each point: sharp in print.
const PNG_SCALE: u32 = 2;
/// Colours that stand for those of a page until [`inline`] puts these in their place.
const PAGE: Theme = Theme {
    background: None,
    ink: RGBColor(1, 1, 1),
    grid: RGBColor(2, 2, 2),
};

/// The picture as an SVG element of a page: in the colour of its text, with lines in its variable `--rule`.
pub fn inline(report: &Report) -> Result<String, Failure> {
    // Between quotes a title is written as in text.
    let name = maud::html! { (report.title) }.into_string();
    Ok(svg(report, &PAGE)?
        .replace("\"#010101\"", "\"currentColor\"")
        .replace("\"#020202\"", "\"var(--rule)\"")
        .replacen(
            "<svg ",
            &format!("<svg role=\"img\" aria-label=\"{}\" ", name),
            1,
        ))
}

/// The picture as SVG.
pub fn svg(report: &Report, theme: &Theme) -> Result<String, Failure> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        draw(&area, report, theme, 1)?;
    }
    Ok(text)
}

/// The picture as PNG, black on white.
pub fn png(report: &Report) -> Result<Vec<u8>, Failure> {
    let (width, height) = (SIZE.0 * PNG_SCALE, SIZE.1 * PNG_SCALE);
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw(&area, report, &PAPER, PNG_SCALE)?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(undrawn)?;
    writer.write_image_data(&pixels).map_err(undrawn)?;
    writer.finish().map_err(undrawn)?;
    Ok(file)
}

/// The name of a curve in the margin. On a logarithmic axis there is no place for a curve that is 0, so its name says it.
fn label(curve: &Curve) -> String {
    match curve.factors.iter().all(|&factor| factor == 0.0) {
        true => format!("{} (0)", curve.label),
        false => curve.label.clone(),
    }
}

fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    report: &Report,
    theme: &Theme,
    scale: u32,
) -> Result<(), Failure> {
    load_font()?;
    let points = |count: u32| count * scale;
    let text = |size: u32| (FAMILY, points(size)).into_font().color(&theme.ink);
    if let Some(background) = theme.background {
        area.fill(&background).map_err(undrawn)?;
    }
    let axis = Axis::of(report.curves.iter().flat_map(|curve| &curve.factors));
    let steps = report.steps as f64;
    let labels: Vec<String> = report.curves.iter().map(label).collect();
    let margin = margin::width(&labels, scale)?;
    let mut chart = ChartBuilder::on(area)
        .margin(points(14))
        .margin_top(points(HEAD))
        .margin_right(margin)
        .x_label_area_size(points(46))
        .y_label_area_size(points(74))
        .build_cartesian_2d(
            Scale::new(0.0..steps, scale::steps(report.steps)),
            Scale::new(axis.low..axis.high, axis.ticks()),
        )
        .map_err(undrawn)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(theme.grid.stroke_width(scale))
        .light_line_style(TRANSPARENT)
        .axis_style(theme.ink.stroke_width(scale))
        .set_all_tick_mark_size(points(5))
        .label_style(text(16))
        .axis_desc_style(text(17))
        .x_desc("q, steps back in time")
        .y_desc("what arrives of an error of 1")
        .x_labels(10)
        .x_label_formatter(&|step| format!("{step}"))
        .y_label_formatter(&|exponent| scale::power(*exponent))
        .draw()
        .map_err(undrawn)?;
    let (start, edge) = (
        chart.backend_coord(&(0.0, axis.high)),
        chart.backend_coord(&(steps, axis.high)),
    );
    caption(area, &report.title, (start.0, edge.0), theme, scale)?;
    // The line of constant error.
    let one = [(0.0, 0.0), (steps, 0.0)];
    chart
        .draw_series([PathElement::new(one, theme.ink.stroke_width(scale))])
        .map_err(undrawn)?;

    let mut ends = Vec::new();
    for (index, (curve, label)) in report.curves.iter().zip(&labels).enumerate() {
        let stroke = Stroke::of(index, scale);
        let pieces = axis.visible(curve);
        for piece in &pieces {
            let line = piece.iter().copied();
            match (stroke.dashes, &piece[..]) {
                // A line needs two points; one by itself is a dot.
                (_, &[point]) => chart
                    .draw_series([Circle::new(point, points(4), stroke.colour.filled())])
                    .map(drop),
                (None, _) => chart
                    .draw_series(LineSeries::new(line, stroke.style()))
                    .map(drop),
                (Some((dash, gap)), _) => chart
                    .draw_series(DashedLineSeries::new(line, dash, gap, stroke.style()))
                    .map(drop),
            }
            .map_err(undrawn)?;
        }
        let last = pieces.last().and_then(|piece| piece.last()).copied();
        ends.push(margin::End {
            label,
            stroke,
            level: chart.backend_coord(&(steps, axis.level(curve))).1,
            reaches: last.is_some_and(|(step, _)| step == steps),
        });
    }
    let foot = chart.backend_coord(&(steps, axis.low));
    margin::draw(area, ends, edge, foot.1, theme.ink, scale)?;
    area.present().map_err(undrawn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::COLOURS;

    fn report() -> Report {
        let curve = |label: &str, base: f64| Curve {
            label: label.to_owned(),
            cell: "Lstm",
            from: "c".to_owned(),
            to: "c".to_owned(),
            factors: (1..=30).map(|q| base.powi(q)).collect(),
            agreement: None,
        };
        let mut odd = curve("overflow & <zero>", 1e30);
        odd.factors[3] = 0.0;
        odd.factors[4] = f64::NAN;
        Report {
            title: "A test".to_owned(),
            steps: 30,
            seed: 1,
            curves: vec![
                curve("grows", 1.5),
                curve("stays", 1.0),
                curve("fades", 0.1),
                odd,
            ],
        }
    }

    #[test]
    fn a_picture_names_every_curve_and_escapes_names() {
        let svg = svg(&report(), &PAPER).unwrap();
        for text in [
            "A test",
            "grows",
            "stays",
            "fades",
            "overflow &amp; &lt;zero&gt;",
            "10⁻",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    /// The decoder sees the size, and more colours than the paper's: curves and text were drawn.
    #[test]
    fn a_png_is_what_a_decoder_expects() {
        let file = png(&report()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (2000, 1120));
        let has = |colour: RGBColor| {
            let wanted = [colour.0, colour.1, colour.2];
            pixels
                .chunks_exact(3)
                .filter(|pixel| *pixel == wanted)
                .count()
        };
        assert!(has(COLOURS[0]) > 500 && has(COLOURS[1]) > 500 && has(BLACK) > 2000);
    }

    #[test]
    fn the_title_stands_in_the_middle_of_the_chart() {
        let svg = svg(&report(), &PAPER).unwrap();
        let title = svg.split("\nA test\n").next().unwrap();
        let title = title.rsplit("<text").next().unwrap();
        let numbers = |text: &str| -> Vec<f64> {
            let parts = text.split(|sign: char| !sign.is_ascii_digit());
            parts.filter_map(|part| part.parse().ok()).collect()
        };
        let lines = svg.split("points=\"").skip(1);
        let lines = lines.map(|line| numbers(line.split('"').next().unwrap()));
        // The line of constant error lies across the whole chart.
        let level = lines.filter(|line| line.len() == 4 && line[1] == line[3]);
        let sides = |line: &Vec<f64>| (line[0] as i32, line[2] as i32);
        let (left, right) = (level.map(|line| sides(&line)))
            .max_by_key(|(left, right)| right - left)
            .unwrap();
        assert!(title.contains("text-anchor=\"middle\""), "{title}");
        assert_eq!((left + right) / 2, numbers(title)[0] as i32);
    }

    /// A line through one point would be nothing.
    #[test]
    fn a_single_point_is_a_dot() {
        let mut report = report();
        report.steps = 1;
        let first = |curve: &mut Curve| curve.factors.truncate(1);
        report.curves.iter_mut().for_each(first);
        // The fourth curve is at 1e30, out of view.
        let dots = svg(&report, &PAPER).unwrap().matches("<circle").count();
        assert_eq!(dots, 3);
    }

    #[test]
    fn a_curve_of_zeros_is_named_as_such() {
        let mut report = report();
        report.curves.truncate(2);
        report.curves[1].factors.fill(0.0);
        let svg = svg(&report, &PAPER).unwrap();
        assert!(svg.contains("stays (0)") && !svg.contains("grows (0)"));
        assert!(!svg.contains("10⁻¹²"), "zeros stretch the axis: {svg}");
    }

    #[test]
    fn nothing_to_see_is_a_picture_too() {
        let mut report = report();
        report.steps = 1;
        report
            .curves
            .iter_mut()
            .for_each(|curve| curve.factors = vec![0.0]);
        assert!(svg(&report, &PAPER).is_ok());
        report.curves.clear();
        assert!(png(&report).is_ok());
    }
}
