//! What to say about a signal that is not what the equations give.

use crate::adjoint::{Derivation, Origin};
use crate::error::Diagnostic;
use crate::expr::NodeId;
use crate::model::{Cell, Signal};
use crate::print;

use super::Difference;
use super::terms::{Leftover, SourcedTerm, leftover, merged, sourced_terms};

/// Of more terms that a signal lacks, or has too much, only so many are listed.
const LISTED: usize = 4;

/// A stated signal whose value differs from the derived one.
pub(super) fn wrong(
    cell: &mut Cell,
    derivation: &Derivation,
    at: usize,
    point: Difference,
) -> Diagnostic {
    let Leftover { missing, extra } = leftover(cell, derivation, at);
    let missing = merged(cell, missing);
    let signal = cell.signals[at].clone();
    let mut diagnostic = Diagnostic::new(
        "wrong-signal",
        signal.stated_span,
        mistake(cell, &signal, &missing, &extra),
    );
    for origin in origins(&missing[..missing.len().min(LISTED)]) {
        let (span, text) = match origin {
            Origin::Upstream => {
                let output = cell.quantity(cell.output);
                (
                    output.span,
                    format!(
                        "{} is the output: upstream({0}) reaches it",
                        output.name.symbol
                    ),
                )
            }
            Origin::Equation(id) => {
                let from = cell.quantity(id);
                (
                    from.definition_span,
                    format!("the equation of {}", from.name.symbol),
                )
            }
        };
        diagnostic = diagnostic.note(span, text);
    }
    diagnostic = diagnostic.note(
        signal.stated_span,
        at_point(cell, &signal.name.symbol, &point),
    );
    with_derived(diagnostic, cell, derivation, at)
}

/// What the signal lacks, and what it has too much.
fn mistake(cell: &Cell, signal: &Signal, missing: &[SourcedTerm], extra: &[NodeId]) -> String {
    let lacking = listed(missing, |term| lacking(cell, term));
    let quoted = listed(extra, |&term| quoted(cell, term));
    let follow = if extra.len() == 1 { "does" } else { "do" };
    let rest = format!("has {quoted}, which {follow} not follow from the equations");
    let name = &signal.name.symbol;
    match (missing, extra) {
        ([], []) => format!(
            "error signal {name} is not ∂L/∂{}",
            cell.quantity(signal.of).name.symbol
        ),
        ([], _) => format!("error signal {name} {rest}"),
        (_, []) => format!("error signal {name} lacks {lacking}"),
        _ => format!("error signal {name} lacks {lacking}; it {rest}"),
    }
}

/// Where some terms come from, each place once.
fn origins(terms: &[SourcedTerm]) -> Vec<Origin> {
    let mut found = Vec::new();
    for &origin in terms.iter().flat_map(|term| &term.through) {
        if !found.contains(&origin) {
            found.push(origin);
        }
    }
    found
}

/// A stated signal that has the derived value at so many random points, wherever there is one, but no proof.
pub(super) fn unproved(
    cell: &mut Cell,
    derivation: &Derivation,
    at: usize,
    points: usize,
) -> Diagnostic {
    let signal = cell.signals[at].clone();
    let quantity = &cell.quantity(signal.of).name.symbol;
    let values = match points {
        0 => format!("and ∂L/∂{quantity} has no finite value at any random point"),
        1 => format!("although its value agrees with ∂L/∂{quantity} at a random point"),
        _ => format!("although its value agrees with ∂L/∂{quantity} at {points} random points"),
    };
    let message = format!(
        "error signal {} could not be proved, {values}: write it closer to the derived form",
        signal.name.symbol,
    );
    with_derived(
        Diagnostic::new("unproved-signal", signal.stated_span, message),
        cell,
        derivation,
        at,
    )
}

/// Adds the derived signal, ready to paste.
fn with_derived(
    diagnostic: Diagnostic,
    cell: &mut Cell,
    derivation: &Derivation,
    at: usize,
) -> Diagnostic {
    let signal = cell.signals[at].clone();
    let terms = sourced_terms(cell, derivation, signal.of);
    let terms: Vec<NodeId> = merged(cell, terms)
        .into_iter()
        .map(|term| term.value)
        .collect();
    let declaration = print::declaration(cell, signal.of, &terms);
    diagnostic.note(signal.span, format!("the equations give `{declaration}`"))
}

/// A missing term and the equations it comes from.
fn lacking(cell: &Cell, term: &SourcedTerm) -> String {
    let named = origins(std::slice::from_ref(term))
        .into_iter()
        .filter_map(|origin| match origin {
            Origin::Upstream => None,
            Origin::Equation(id) => Some(cell.quantity(id).name.symbol.as_str()),
        });
    let names: Vec<&str> = named.collect();
    let source = match &names[..] {
        [] => "from above".to_owned(),
        [name] => format!("from the equation of {name}"),
        [rest @ .., last] => format!("from the equations of {} and {last}", rest.join(", ")),
    };
    format!("{} ({source})", quoted(cell, term.value))
}

fn quoted(cell: &Cell, term: NodeId) -> String {
    format!("`{}`", print::expression(cell, term))
}

/// The first of some items, and how many more there are.
fn listed<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let mut shown: Vec<String> = items.iter().take(LISTED).map(show).collect();
    if items.len() > LISTED {
        shown.push(format!("{} more", items.len() - LISTED));
    }
    match &shown[..] {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => shown.concat(),
    }
}

/// The two values at the point.
fn at_point(cell: &Cell, name: &str, point: &Difference) -> String {
    let sizes: Vec<String> = cell
        .sizes
        .iter()
        .zip(&point.sizes)
        .map(|(size, len)| format!("{} = {len}", size.name.symbol))
        .collect();
    format!(
        "at a random point with {}, element {} of {name} is {} by the equations and {} as stated",
        sizes.join(", "),
        point.element,
        value(point.derived),
        value(point.stated),
    )
}

/// A number with some six digits.
fn value(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-2..1e6 => format!("{number:.6}"),
        _ => format!("{number:.5e}"),
    }
}
