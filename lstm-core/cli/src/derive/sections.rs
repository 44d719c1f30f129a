//! The sections that are lists, of equations and weights; and the picture.

use lstm_derive_engine::Compiled;
use lstm_derive_engine::expr::{Op, Shape};
use lstm_derive_engine::model::{Cell, Param, Role};
use lstm_derive_engine::print::{equation_formulas, gradient_formulas, number, symbol_mathml};
use maud::{Markup, PreEscaped, html};

use super::page::{formula, inline, inline_with};
use crate::flow::Figure;

/// Δw = -η ∂L/∂w
const UPDATE: &str = "<math displaystyle=\"true\"><mrow><mi>Δ</mi><mi>w</mi><mo>=</mo><mo form=\"prefix\">−</mo><mi>η</mi>\
    <mfrac><mrow><mo>∂</mo><mi>L</mi></mrow><mrow><mo>∂</mo><mi>w</mi></mrow></mfrac></mrow></math>";

/// Sizes, symbols and equations.
pub fn equations(cell: &Cell) -> Markup {
    html! {
        p { "One step of the cell, at time " (inline_with("<math><mi>t</mi></math>", ",")) " in an order in which it can be computed. "
            "Products of elements are written ⊙, the logistic function is σ; a prime marks a derivative."
            @if uses_stop(cell) {
                " What stands in stop(…) goes forward as it is, but lets no error through: for the derivation it is a constant. "
                "Where errors and gradients contain its value, they contain it without the word."
            }
        }
        div.formulas {
            @for (number, line) in equation_formulas(cell).iter().enumerate() {
                div.numbered id={ "eq-" (number + 1) } {
                    (formula(&line.pieces()))
                    span.tag { "(" (number + 1) ")" }
                }
            }
        }
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "symbol" } th { "what it is" } th { "axes" } } }
                tbody {
                    @for size in &cell.sizes {
                        tr {
                            td { (symbol(&size.name.symbol)) }
                            td { "size of an axis" @if let Some(default) = size.default { ", " (default) " unless given" } }
                            td {}
                        }
                    }
                    tr { td { (symbol(&cell.input.name.symbol)) } td { "input" } td { (axes(cell, &cell.input.shape)) } }
                    @for alike in cell.params.chunk_by(are_alike) {
                        tr {
                            td { (symbols(alike.iter().map(|param| param.name.symbol.as_str()))) }
                            td {
                                @match alike[0].role {
                                    Role::Matrix { .. } => "weights: a matrix",
                                    Role::Elementwise => "weights, element by element",
                                }
                                @if let Some(start) = &alike[0].start { ", " (number(start)) " at first" }
                            }
                            td { (axes(cell, &alike[0].shape)) }
                        }
                    }
                    @for (index, quantity) in cell.quantities.iter().enumerate() {
                        tr {
                            td { (symbol(&quantity.name.symbol)) }
                            td {
                                a href={ "#eq-" (index + 1) } { "equation " (index + 1) }
                                @if quantity.carried { ", carried to the next step" }
                                @if index == cell.output.0 { ", the output" }
                            }
                            td { (axes(cell, &quantity.shape)) }
                        }
                    }
                }
            }
        }
    }
}

/// Whether a row of the table can tell of both.
fn are_alike(a: &Param, b: &Param) -> bool {
    a.role == b.role && a.shape == b.shape && a.start == b.start
}

fn symbol(name: &str) -> Markup {
    inline(&symbol_mathml(name))
}

/// Symbols with commas, of which none begins a line.
fn symbols<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Markup {
    let count = names.len();
    html! {
        @for (index, name) in names.enumerate() {
            (inline_with(&symbol_mathml(name), if index + 1 < count { "," } else { "" })) " "
        }
    }
}

/// The axes of a shape, as in N × C.
pub fn axes(cell: &Cell, shape: &Shape) -> Markup {
    html! {
        span.whole {
            @for (index, &axis) in shape.iter().enumerate() {
                @if index > 0 { " × " }
                (symbol(&cell.size(axis).name.symbol))
            }
            @if shape.is_empty() { "a number" }
        }
    }
}

/// Whether an equation keeps errors from something.
pub fn uses_stop(cell: &Cell) -> bool {
    let definitions: Vec<_> = cell
        .quantities
        .iter()
        .map(|quantity| quantity.definition)
        .collect();
    let used = cell.graph.reachable(&definitions);
    used.into_iter()
        .any(|id| matches!(cell.graph.op(id), Op::Stop(_)))
}

/// The gradients of all parameters.
pub fn weights(compiled: &Compiled) -> Markup {
    html! {
        p { "Every parameter is used in every step, so its gradient is a sum over all steps (and over all sequences of a batch). "
            "A matrix gets the outer product ⊗ of the error signal it caused with the vector it was multiplied with. "
            "The last line is the gradient of the input: the error for a layer below." }
        div.formulas {
            @for line in gradient_formulas(&compiled.cell, &compiled.derivation) { (formula(&line.pieces())) }
        }
        p { "Gradient descent with the learning rate η changes a weight by" }
        (formula(&[UPDATE]))
    }
}

/// The picture of the error flow.
pub fn flow(cell: &Cell, figure: Option<&Figure>) -> Markup {
    html! {
        @match figure {
            Some(figure) => {
                p { (measured(cell, figure)) }
                figure { div.scroll tabindex="0" { div.picture { (PreEscaped(&figure.svg)) } } }
            }
            None => {
                p { "The program that wrote this page has no kernels of this cell, so there is no picture. Compiled with "
                    code { "cell!" } ", the cell can be looked at with the verbs of " code { "lstm_core::Recurrent" } "." }
            }
        }
    }
}

/// What the curves of this cell are.
fn measured(cell: &Cell, figure: &Figure) -> Markup {
    let several = figure.curves > 1;
    // A simple recurrent network has two quantities: the net input, and the output that is carried.
    let net_input = cell.quantity_ids().find(|&id| id != cell.output);
    let net_input = net_input.filter(|_| figure.of_net_input);
    html! {
        "An error of 1 is put into "
        @if let Some(id) = net_input {
            "the net input " (symbol(&cell.quantity(id).name.symbol))
        } @else if several {
            "one carried quantity"
        } @else {
            "the carried quantity"
        }
        " at the end of a sequence of noise and sent back through the generated kernels. "
        @if several { "Each curve" } @else { "The curve" } " shows how much of it arrives at "
        @if several { "that quantity " } @else { "the same place " } (inline("<math><mi>q</mi></math>"))
        " steps earlier, as the root mean square over the units: at 1 an error stays, above it explodes, below it vanishes. "
        @if let Some(signal) = net_input.and_then(|id| cell.signal_of(id)) {
            "The picture calls the error of the net input ϑ, as the papers do; above it is "
            (inline_with(&symbol_mathml(&signal.name.symbol), ".")) " "
        }
        "The layer has " (figure.units) " units and random weights"
        @if figure.has_forget_gate { ", and its forget gates have a bias of 1" }
        "."
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::tests::{compiled, words};

    #[test]
    fn stop_is_explained_where_it_is_used() {
        for name in crate::cells::NAMES {
            let compiled = compiled(name);
            let explained = words(&equations(&compiled.cell)).contains("What stands in stop(…)");
            assert_eq!(explained, name.ends_with("truncated"), "{name}");
            assert!(!words(&weights(&compiled)).contains("stop"), "{name}");
        }
    }

    /// A symbol stands with the comma behind it, and the axes of a shape together.
    #[test]
    fn what_belongs_together_stays_together() {
        let page = equations(&compiled("lstm-1997-truncated").cell).0;
        let comma = "</math>,</span> <span class=\"whole\">";
        assert!(page.contains(comma), "{page}");
        let axes = "<span class=\"whole\"><math><mi>N</mi></math> × <math><mi>C</mi></math></span>";
        assert!(page.contains(axes), "{page}");
    }

    fn told(name: &str) -> String {
        let figure = crate::flow::figure(name).unwrap();
        let compiled = compiled(name);
        words(&flow(&compiled.cell, Some(&figure)))
    }

    #[test]
    fn the_picture_is_explained_for_this_cell() {
        let lstm = told("lstm");
        assert!(
            lstm.contains("into one carried quantity at the end"),
            "{lstm}"
        );
        assert!(
            lstm.contains("arrives at that quantity q steps earlier"),
            "{lstm}"
        );
        assert!(
            lstm.contains("random weights, and its forget gates have a bias of 1."),
            "{lstm}"
        );
        assert!(!lstm.contains("ϑ"), "{lstm}");
        let gru = told("gru");
        assert!(
            gru.contains("into the carried quantity at the end"),
            "{gru}"
        );
        assert!(!gru.contains("forget"), "{gru}");
        let elman = told("elman");
        assert!(elman.contains("into the net input a at the end"), "{elman}");
        assert!(
            elman.contains("calls the error of the net input ϑ, as the papers do; above it is δ."),
            "{elman}"
        );
    }
}
