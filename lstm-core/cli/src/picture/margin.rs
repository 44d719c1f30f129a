//! The names of the curves in the right margin, each as near to the end of its curve as the others allow.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{FAMILY, Stroke, undrawn};
use crate::failure::Failure;

/// The size of the names.
const TEXT: u32 = 16;
/// From one name to the next.
const LINE: i32 = 21;
/// From the chart to the piece of line before a name, and its length.
const LEADER: i32 = 22;
const SAMPLE: i32 = 24;

/// The end of a curve.
pub struct End<'a> {
    /// Its name.
    pub label: &'a str,
    /// How the curve is drawn.
    pub stroke: Stroke,
    /// The height at which it ends.
    pub level: i32,
    /// Whether it is still in view at the last step.
    pub reaches: bool,
}

/// The margin that names need.
pub fn width(labels: &[String], scale: u32) -> Result<u32, Failure> {
    super::load_font()?;
    let font = (FAMILY, TEXT * scale).into_font();
    let mut widest = 0;
    for label in labels {
        widest = widest.max(font.box_size(label).map_err(undrawn)?.0);
    }
    Ok(widest + (LEADER + SAMPLE + 24) as u32 * scale)
}

/// Draws the names right of `edge`, the upper right corner of the chart, down to `foot`.
pub fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    mut ends: Vec<End<'_>>,
    edge: (i32, i32),
    foot: i32,
    ink: RGBColor,
    scale: u32,
) -> Result<(), Failure> {
    let points = |count: i32| count * scale as i32;
    ends.sort_by_key(|end| end.level);
    let wanted: Vec<i32> = ends.iter().map(|end| end.level).collect();
    let levels = spread(&wanted, points(LINE), edge.1, foot);
    for (end, level) in ends.iter().zip(levels) {
        let thin = end.stroke.colour.stroke_width(scale);
        let sample = (edge.0 + points(LEADER), level);
        if end.reaches {
            let leader = [
                (edge.0 + points(2), end.level),
                (sample.0 - points(2), level),
            ];
            area.draw(&PathElement::new(leader, thin))
                .map_err(undrawn)?;
        }
        let sample_end = (sample.0 + points(SAMPLE), level);
        let style = end.stroke.style();
        match end.stroke.dashes {
            None => area.draw(&PathElement::new([sample, sample_end], style)),
            Some((dash, gap)) => area.draw(&DashedPathElement::new(
                [sample, sample_end],
                dash,
                gap,
                style,
            )),
        }
        .map_err(undrawn)?;
        let text = (FAMILY, TEXT * scale)
            .into_font()
            .color(&ink)
            .pos(Pos::new(HPos::Left, VPos::Center));
        let place = (sample_end.0 + points(8), level);
        area.draw(&Text::new(end.label, place, text))
            .map_err(undrawn)?;
    }
    Ok(())
}

/// Moves sorted heights apart until they are `gap` from each other, within `top` and `foot` if there is room, each as
/// little as the others allow.
fn spread(wanted: &[i32], gap: i32, top: i32, foot: i32) -> Vec<i32> {
    let mut levels = wanted.to_vec();
    let mut least = top;
    for level in &mut levels {
        *level = (*level).max(least);
        least = *level + gap;
    }
    let mut most = foot.max(top + gap * (levels.len() as i32 - 1));
    for level in levels.iter_mut().rev() {
        *level = (*level).min(most);
        most = *level - gap;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moved_apart_and_stay_inside() {
        assert_eq!(spread(&[10, 12, 50], 10, 0, 100), [10, 20, 50]);
        assert_eq!(spread(&[98, 99, 100], 10, 0, 100), [80, 90, 100]);
        assert_eq!(spread(&[5, 5, 5], 10, 0, 12), [0, 10, 20]);
        assert_eq!(spread(&[], 10, 0, 100), [0; 0]);
    }
}
