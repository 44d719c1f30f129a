//! The cell at three times, with what is carried forward and the errors that come back.

use lstm_derive_engine::Compiled;
use lstm_derive_engine::expr::QuantityId;
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::print::symbol_mathml;
use maud::{Markup, html};

use super::page::{inline, inline_with};
use super::sections::uses_stop;

/// Left edges of the boxes, their width, and the gap between them.
const BOXES: [i32; 3] = [120, 340, 560];
const WIDTH: i32 = 110;
const GAP: i32 = 110;
/// The upper edge of the boxes.
const TOP: i32 = 70;
/// From one arrow to the next.
const LINE: i32 = 44;

/// The step after.
const NEXT: &str = "<math><mi>t</mi><mo>+</mo><mn>1</mn></math>";

/// The section with its picture.
pub fn section(compiled: &Compiled) -> Markup {
    let cell = &compiled.cell;
    let carried: Vec<QuantityId> = cell.carried().collect();
    let (back, cut): (Vec<_>, Vec<_>) = carried.iter().partition(|&&id| returns(compiled, id));
    html! {
        p {
            "Laid out in time, the cell is a deep network that uses the same weights in every layer. From step to step it carries "
            (list(cell, &carried, ".")) " "
            @if cut.is_empty() {
                "Errors take the same ways backwards, drawn as broken lines: what was carried to " (inline(NEXT))
                " brings back an error from there."
            } @else {
                @if back.is_empty() {
                    "No error comes back from "
                } @else {
                    "Errors are drawn as broken lines. Only " (list(cell, &back, ""))
                    @if back.len() == 1 { " brings" } @else { " bring" }
                    " back an error from "
                }
                (inline_with(NEXT, ":")) " where " (list(cell, &cut, ""))
                @if cut.len() == 1 { " is" } @else { " are" } " used there, "
                @if uses_stop(cell) { "stop(…) lets no error through." } @else { "the derivative is 0." }
            }
        }
        figure { div.scroll tabindex="0" { (picture(compiled, &carried)) } }
    }
}

/// Whether the error of a carried quantity has a term from the step after.
fn returns(compiled: &Compiled, id: QuantityId) -> bool {
    !compiled.derivation.signals[id.0].later.is_empty()
}

/// Quantities as in a sentence, with what stands behind them.
fn list(cell: &Cell, ids: &[QuantityId], behind: &str) -> Markup {
    html! {
        @for (index, &id) in ids.iter().enumerate() {
            @if index > 0 { @if index + 1 == ids.len() { " and " } @else { " " } }
            @let behind = match ids.len() - index {
                1 => behind,
                2 => "",
                _ => ",",
            };
            (inline_with(&symbol_mathml(&cell.quantity(id).name.symbol), behind))
        }
    }
}

fn picture(compiled: &Compiled, carried: &[QuantityId]) -> Markup {
    let cell = &compiled.cell;
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
                @if !compiled.derivation.input.is_empty() {
                    (arrow("back", (left + WIDTH / 2 + 10, bottom + 2), (left + WIDTH / 2 + 10, bottom + 36)))
                }
                (label(left + WIDTH / 2, bottom + 56, "middle", &cell.input.name.symbol, time))
                (arrow("on", (left + WIDTH / 2 - 10, TOP - 2), (left + WIDTH / 2 - 10, TOP - 36)))
                (arrow("back", (left + WIDTH / 2 + 10, TOP - 36), (left + WIDTH / 2 + 10, TOP - 2)))
                (label(left + WIDTH / 2, TOP - 46, "middle", &cell.quantity(cell.output).name.symbol, time))
            }
            @for (index, &id) in carried.iter().enumerate() {
                @let y = TOP + 22 + LINE * index as i32;
                @for left in [BOXES[0] - GAP, BOXES[0] + WIDTH, BOXES[1] + WIDTH, BOXES[2] + WIDTH] {
                    (arrow("on", (left + 4, y), (left + GAP - 6, y)))
                    @if returns(compiled, id) {
                        (arrow("back", (left + GAP - 6, y + 14), (left + 4, y + 14)))
                    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::tests::{compiled, with_equations, words};

    /// Broken lines of a picture: at the output and the input of three boxes, and four for each quantity that errors come back to.
    fn broken(compiled: &Compiled) -> usize {
        section(compiled).0.matches("class=\"back\"").count()
    }

    #[test]
    fn errors_come_back_only_where_the_derivation_says_so() {
        for name in crate::cells::NAMES {
            let compiled = compiled(name);
            let carried = compiled.cell.carried();
            let back = match name.ends_with("truncated") {
                true => 1,
                false => carried.count(),
            };
            assert_eq!(broken(&compiled), 6 + 4 * back, "{name}");
        }
        let all = words(&section(&compiled("lstm")));
        assert!(
            all.contains("it carries c and h. Errors take the same ways"),
            "{all}"
        );
        let one = words(&section(&compiled("lstm-1997-truncated")));
        assert!(
            one.contains("Only s brings back an error from t+1: where yin, yout and yc are used there, stop(…) lets no error"),
            "{one}"
        );
    }

    #[test]
    fn a_cell_may_let_no_error_come_back() {
        let condition = with_equations("h[t] = W @ x[t] + U @ select(h[t-1] > 0, 1, 0);");
        assert_eq!(broken(&condition), 6);
        let text = words(&section(&condition));
        assert!(
            text.contains(
                "No error comes back from t+1: where h is used there, the derivative is 0."
            ),
            "{text}"
        );
        let deaf = with_equations("h[t] = W @ stop(x[t]) + U @ h[t-1];");
        assert_eq!(broken(&deaf), 3 + 4, "no error for the input");
    }
}
