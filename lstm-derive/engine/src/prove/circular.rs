//! Signals that are stated by themselves. They hold for the right value, but perhaps for others too, and say nothing then.

use std::collections::VecDeque;

use crate::adjoint::Derivation;
use crate::error::{Diagnostic, Diagnostics};
use crate::expr::{Op, QuantityId};
use crate::model::{Cell, Signal};

/// Reports every circle among the signals of one step.
pub(super) fn check(cell: &Cell, derivation: &Derivation, diagnostics: &mut Diagnostics) {
    let needs: Vec<Vec<QuantityId>> = cell
        .quantity_ids()
        .map(|of| needed(cell, derivation, of))
        .collect();
    let mut reported: Vec<QuantityId> = Vec::new();
    for signal in &cell.signals {
        if !reported.contains(&signal.of)
            && let Some(circle) = circle(signal.of, &needs)
        {
            diagnostics.push(stated_by_itself(cell, signal, &circle[1..]));
            reported.extend(circle);
        }
    }
}

/// The errors at t that an error at t is computed from: as it is stated or, where nobody stated it, as it is derived.
fn needed(cell: &Cell, derivation: &Derivation, of: QuantityId) -> Vec<QuantityId> {
    let roots = match cell.signal_of(of) {
        Some(signal) => vec![signal.stated],
        None => {
            let error = &derivation.signals[of.0];
            let terms = error.now.iter().chain(&error.later);
            terms.map(|term| term.value).collect()
        }
    };
    let signal = |id| match *cell.graph.op(id) {
        Op::Signal(of, 0) => Some(of),
        _ => None,
    };
    let nodes = cell.graph.reachable(&roots).into_iter();
    nodes.filter_map(signal).collect()
}

/// The shortest way from an error back to itself, from the start on; `None` if there is none.
fn circle(start: QuantityId, needs: &[Vec<QuantityId>]) -> Option<Vec<QuantityId>> {
    // Breadth first; `from` remembers by which error another was first reached.
    let mut from: Vec<Option<QuantityId>> = vec![None; needs.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(user) = queue.pop_front() {
        for &used in &needs[user.0] {
            if used == start {
                let mut way = vec![user];
                while let Some(before) = from[way[way.len() - 1].0] {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if from[used.0].is_none() {
                from[used.0] = Some(user);
                queue.push_back(used);
            }
        }
    }
    None
}

/// The mistake of a signal that needs itself through some others.
fn stated_by_itself(cell: &Cell, signal: &Signal, through: &[QuantityId]) -> Diagnostic {
    let name = |of: QuantityId| match cell.signal_of(of) {
        Some(other) => format!("`{}`", other.name.symbol),
        None => format!("`err({})`", cell.quantity(of).name.symbol),
    };
    let names: Vec<String> = through.iter().map(|&of| name(of)).collect();
    let way = match &names[..] {
        [] => String::new(),
        names => format!(", by way of {}", names.join(" and ")),
    };
    let message = format!(
        "`{}` is stated by itself{way}; write what it equals",
        signal.name.symbol
    );
    let diagnostic = Diagnostic::new("circular-signal", signal.stated_span, message);
    let others = through.iter().filter_map(|&of| cell.signal_of(of));
    others.fold(diagnostic, |diagnostic, other| {
        let note = format!("`{}` is stated here", other.name.symbol);
        diagnostic.note(other.stated_span, note)
    })
}
