//! The error signals, term by term, each with where it comes from.

use lstm_derive_engine::Compiled;
use lstm_derive_engine::adjoint::Origin;
use lstm_derive_engine::expr::QuantityId;
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::print::{
    Formula, FormulaTerm, error_formulas, partial_mathml, symbol_mathml,
};
use maud::{Markup, html};

use super::page::{formula, inline};

/// The section on all error signals.
pub fn section(compiled: &Compiled) -> Markup {
    let cell = &compiled.cell;
    html! {
        p { "The error signal of a quantity is the derivative of the loss with respect to it. It is a sum: one term for each place "
            "where the quantity is used, in the same step or in the one after. The signals are in the order in which a step "
            "back computes them, so each needs only those above it and those of the step after. Beyond the last step they are 0. "
            "The arrow ↑ marks what comes from above: from the loss or from the next layer." }
        @for (of, line) in error_formulas(cell, &compiled.derivation) {
            (signal(compiled, of, &line))
        }
    }
}

fn signal(compiled: &Compiled, of: QuantityId, line: &Formula) -> Markup {
    let cell = &compiled.cell;
    let proved = compiled.proof.signals.iter().any(|proved| proved.of == of);
    let stated = cell.signal_of(of);
    html! {
        article.signal {
            h3 {
                "Error of " (symbol(cell, of))
                @if let Some(signal) = stated {
                    ": " (inline(&symbol_mathml(&signal.name.symbol))) " = "
                    (inline(&partial_mathml(cell, of)))
                }
            }
            @if line.terms.is_empty() {
                p { "Nothing depends on it, so it is 0." }
            }
            @if line.terms.len() > 1 {
                ol.terms {
                    @for (index, term) in line.terms.iter().enumerate() {
                        li {
                            (formula(&term.mathml(index == 0)))
                            p.origin { (origin(cell, of, term)) }
                        }
                    }
                }
                p.together { "Together" }
            } @else if let [term] = &line.terms[..] {
                p.origin { (origin(cell, of, term)) }
            }
            div.result { (formula(&line.mathml())) }
            @if proved {
                p.proved { "✓ The source states this signal; it is proved to equal the derived one." }
            }
        }
    }
}

/// Where a term comes from, in words, with a link to the equation.
fn origin(cell: &Cell, of: QuantityId, term: &FormulaTerm) -> Markup {
    let this = symbol(cell, of);
    match term.origin {
        Some(Origin::Equation(user)) => {
            let link = html! { a href={ "#eq-" (user.0 + 1) } { "equation " (user.0 + 1) } };
            let user = symbol(cell, user);
            html! {
                @if term.later {
                    span.later { "one step later" } " " (link) ": " (user) " at t+1 depends on " (this) " at t"
                } @else {
                    (link) ": " (user) " depends on " (this)
                }
            }
        }
        Some(Origin::Upstream) | None => html! { "from above: " (this) " is the output" },
    }
}

fn symbol(cell: &Cell, quantity: QuantityId) -> Markup {
    inline(&symbol_mathml(&cell.quantity(quantity).name.symbol))
}
