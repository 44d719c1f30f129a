//! The error signals, term by term, each with where it comes from.

use lstm_derive_engine::Compiled;
use lstm_derive_engine::adjoint::Origin;
use lstm_derive_engine::expr::{QuantityId, Time};
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::print::{
    Formula, FormulaTerm, error_formulas, meaning_mathml, quantity_mathml, symbol_mathml,
};
use maud::{Markup, html};

use super::page::{formula, inline, inline_with};

/// The section on all error signals.
pub fn section(compiled: &Compiled) -> Markup {
    let cell = &compiled.cell;
    html! {
        p { "The error signal of a quantity is the derivative of the loss with respect to it. It is a sum: one term for each place "
            "where the quantity is used, in the same step or in the one after. The signals are in an order in which they can be "
            "computed: each needs only those above it and those of the step after. Beyond the last step they are 0. "
            "The arrow ↑ marks what comes from above: from the loss or from the next layer." }
        @for (of, line) in error_formulas(cell, &compiled.derivation) {
            (signal(compiled, of, &line))
        }
    }
}

fn signal(compiled: &Compiled, of: QuantityId, line: &Formula) -> Markup {
    let cell = &compiled.cell;
    let name = symbol_mathml(&cell.quantity(of).name.symbol);
    let proved = compiled.proof.signals.iter().any(|proved| proved.of == of);
    html! {
        article.signal {
            h3 {
                "Error of "
                @match meaning_mathml(cell, of) {
                    Some(meaning) => { (inline_with(&name, ":")) " " (inline(&meaning)) }
                    None => (inline(&name)),
                }
            }
            @if line.terms.is_empty() {
                p { "Nothing depends on it, so it is 0." }
            }
            @if line.terms.len() > 1 {
                ol.terms {
                    @for (index, term) in line.terms.iter().enumerate() {
                        li {
                            (formula(&[term.piece(index == 0)]))
                            p.origin { (origin(cell, of, term)) }
                        }
                    }
                }
                p.together { "Together" }
            } @else if let [term] = &line.terms[..] {
                p.origin { (origin(cell, of, term)) }
            }
            div.result { (formula(&line.pieces())) }
            @if proved {
                p.proved { "✓ The source states this signal; it is proved to equal the derived one." }
            }
        }
    }
}

/// Where a term comes from, in words, with a link to the equation.
fn origin(cell: &Cell, of: QuantityId, term: &FormulaTerm) -> Markup {
    let at = |id, time| inline(&quantity_mathml(cell, id, time));
    match term.origin {
        Some(Origin::Equation(user)) => {
            let link = html! { a href={ "#eq-" (user.0 + 1) } { "equation " (user.0 + 1) } };
            let time = Time::from(term.later);
            html! {
                @if term.later { span.later { "one step later" } " " }
                (link) ": " (at(user, time)) " depends on " (at(of, 0))
            }
        }
        Some(Origin::Upstream) | None => html! { "from above: " (at(of, 0)) " is the output" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::tests::{compiled, words};

    #[test]
    fn signals_and_their_origins_say_at_what_time() {
        let text = words(&section(&compiled("elman")));
        assert!(text.contains("Error of h: ε(t)=∂L∂h(t)"), "{text}");
        assert!(
            text.contains("one step later equation 1: a(t+1) depends on h(t)"),
            "{text}"
        );
        assert!(text.contains("from above: h(t) is the output"), "{text}");
    }
}
