//! What the pictures of this command have in common: font and colours, scales, and the names of curves in the margin.

pub mod margin;
pub mod scale;

use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use crate::failure::Failure;

/// The room above a chart, for its title.
pub const HEAD: u32 = 44;
/// The family under which the font of this program is known to the drawing library, and which other viewers replace by
/// their own.
pub const FAMILY: &str = "sans-serif";

/// Colours that people with any colour vision tell apart (Okabe & Ito 2008, "Color universal design"), without the yellow
/// that is too light for a line.
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// What the picture is drawn on.
pub struct Theme {
    /// What lies behind everything, if anything does.
    pub background: Option<RGBColor>,
    /// Text and axes.
    pub ink: RGBColor,
    /// Lines behind the curves.
    pub grid: RGBColor,
}

/// Black on white.
pub const PAPER: Theme = Theme {
    background: Some(WHITE),
    ink: BLACK,
    grid: RGBColor(222, 222, 222),
};

/// A picture that the drawing library gives up.
pub fn undrawn(error: impl std::fmt::Display) -> Failure {
    Failure::Picture(error.to_string())
}

/// Makes the font known to the drawing library, once.
///
/// # Errors
/// A font that the drawing library does not take.
pub fn load_font() -> Result<(), Failure> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let load = || register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular()).is_ok();
    match LOADED.get_or_init(load) {
        true => Ok(()),
        false => Err(undrawn("the font of this program cannot be read")),
    }
}

/// How a curve is drawn.
#[derive(Clone, Copy)]
pub struct Stroke {
    /// Its colour.
    pub colour: RGBColor,
    width: u32,
    /// Length of dashes and of the gaps between them; a full line if there is none.
    pub dashes: Option<(i32, i32)>,
}

impl Stroke {
    /// That of curve number `index`.
    pub fn of(index: usize, scale: u32) -> Self {
        let patterns = [None, Some((9, 4)), Some((2, 3))];
        let pattern = patterns[index / COLOURS.len() % patterns.len()];
        let dashes = pattern.map(|(dash, gap)| (dash * scale as i32, gap * scale as i32));
        Self {
            colour: COLOURS[index % COLOURS.len()],
            width: 2 * scale,
            dashes,
        }
    }

    /// As the drawing library takes it, without dashes.
    pub fn style(self) -> ShapeStyle {
        self.colour.stroke_width(self.width)
    }
}

/// Draws a title in the room above a chart, in the middle between its sides.
pub fn caption<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    title: &str,
    (left, right): (i32, i32),
    theme: &Theme,
    scale: u32,
) -> Result<(), Failure> {
    let style = (FAMILY, 22 * scale)
        .into_font()
        .color(&theme.ink)
        .pos(Pos::new(HPos::Center, VPos::Center));
    let place = ((left + right) / 2, (HEAD * scale / 2) as i32);
    area.draw(&Text::new(title, place, style)).map_err(undrawn)
}
