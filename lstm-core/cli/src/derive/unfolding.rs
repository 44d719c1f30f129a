//! The cell at three times, with what is carried forward and the errors that come back.

use lstm_derive_engine::expr::QuantityId;
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::print::symbol_mathml;
use maud::{Markup, html};

use super::page::inline;

/// Left edges of the boxes, their width, and the gap between them.
const BOXES: [i32; 3] = [120, 340, 560];
const WIDTH: i32 = 110;
const GAP: i32 = 110;
/// The upper edge of the boxes.
const TOP: i32 = 70;
/// From one arrow to the next.
const LINE: i32 = 44;

/// The section with its picture.
pub fn section(cell: &Cell) -> Markup {
    let carried: Vec<QuantityId> = cell.carried().collect();
    html! {
        @if carried.is_empty() {
            p { "Nothing is carried from step to step, so a step is a layer of a feed-forward network, and no error travels in time." }
        } @else {
            p {
                "Laid out in time, the cell is a deep network that uses the same weights in every layer. From step to step it carries "
                @for (index, &id) in carried.iter().enumerate() {
                    @if index > 0 { @if index + 1 == carried.len() { " and " } @else { ", " } }
                    (inline(&symbol_mathml(&cell.quantity(id).name.symbol)))
                }
                ". Errors take the same ways backwards, drawn as broken lines: what was carried to " (inline("<math><mi>t</mi><mo>+</mo><mn>1</mn></math>"))
                " brings back an error from there."
            }
        }
        figure { div.scroll tabindex="0" { (picture(cell, &carried)) } }
    }
}

fn picture(cell: &Cell, carried: &[QuantityId]) -> Markup {
    let height = (LINE * carried.len() as i32).max(LINE) + 16;
    let (bottom, total) = (TOP + height, TOP + height + 66);
    html! {
        svg.unfolding role="img" aria-label="The cell at three successive times" viewBox={ "0 0 790 " (total) } {
            defs { marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse" {
                path d="M0 0 L10 5 L0 10 z" fill="context-stroke" {}
            } }
            @for (left, time) in BOXES.into_iter().zip(["t−1", "t", "t+1"]) {
                rect.cell x=(left) y=(TOP) width=(WIDTH) height=(height) rx="10" {}
                (label(left + WIDTH / 2, TOP + height / 2 + 5, "middle", time, ""))
                (arrow("on", (left + WIDTH / 2 - 10, bottom + 36), (left + WIDTH / 2 - 10, bottom + 2)))
                (arrow("back", (left + WIDTH / 2 + 10, bottom + 2), (left + WIDTH / 2 + 10, bottom + 36)))
                (label(left + WIDTH / 2, bottom + 56, "middle", &cell.input.name.symbol, time))
                (arrow("on", (left + WIDTH / 2 - 10, TOP - 2), (left + WIDTH / 2 - 10, TOP - 36)))
                (arrow("back", (left + WIDTH / 2 + 10, TOP - 36), (left + WIDTH / 2 + 10, TOP - 2)))
                (label(left + WIDTH / 2, TOP - 46, "middle", &cell.quantity(cell.output).name.symbol, time))
            }
            @for (index, &id) in carried.iter().enumerate() {
                @let y = TOP + 22 + LINE * index as i32;
                @for left in [BOXES[0] - GAP, BOXES[0] + WIDTH, BOXES[1] + WIDTH, BOXES[2] + WIDTH] {
                    (arrow("on", (left + 4, y), (left + GAP - 6, y)))
                    (arrow("back", (left + GAP - 6, y + 14), (left + 4, y + 14)))
                    (label(left + GAP / 2, y - 6, "middle", &cell.quantity(id).name.symbol, ""))
                }
            }
        }
    }
}

fn arrow(class: &str, from: (i32, i32), to: (i32, i32)) -> Markup {
    html! {
        line class=(class) x1=(from.0) y1=(from.1) x2=(to.0) y2=(to.1) marker-end="url(#head)" {}
    }
}

/// A symbol with its parts after `_` as subscript, at a time if one is given.
fn label(x: i32, y: i32, anchor: &str, symbol: &str, time: &str) -> Markup {
    let (base, below) = symbol.split_once('_').unwrap_or((symbol, ""));
    html! {
        text x=(x) y=(y) text-anchor=(anchor) {
            (base)
            @if !below.is_empty() { tspan.below dy="4" { (below.replace('_', ",")) } tspan dy="-4" { "\u{200b}" } }
            @if !time.is_empty() { "(" (time) ")" }
        }
    }
}
