//! Which quantities an author wrote out by their definitions.

use crate::adjoint::Derivation;
use crate::expr::{NodeId, Op, QuantityId, Time};
use crate::model::Cell;
use crate::normal::is_alias;

use super::terms::sourced_terms;

/// The quantities that have to be written out before the derived and the stated form of a signal speak of the same ones.
pub(super) fn written_out(
    cell: &mut Cell,
    derivation: &Derivation,
    at: usize,
) -> Vec<(QuantityId, Time)> {
    let stated = vec![cell.signals[at].stated];
    let terms = sourced_terms(cell, derivation, cell.signals[at].of);
    let derived: Vec<NodeId> = terms.into_iter().map(|term| term.value).collect();
    let mut found = Vec::new();
    loop {
        let (left, right) = (
            mentioned(cell, &stated, &found),
            mentioned(cell, &derived, &found),
        );
        let only_left = left.iter().filter(|&quantity| !right.contains(quantity));
        let only_right = right.iter().filter(|&quantity| !left.contains(quantity));
        let before = found.len();
        found.extend(only_left.chain(only_right));
        if found.len() == before {
            return found;
        }
    }
}

/// The quantities at t and t+1 that some expressions speak of, once those in `written_out` are replaced.
fn mentioned(
    cell: &mut Cell,
    roots: &[NodeId],
    written_out: &[(QuantityId, Time)],
) -> Vec<(QuantityId, Time)> {
    let (mut open, mut seen, mut found) = (roots.to_vec(), Vec::new(), Vec::new());
    while let Some(root) = open.pop() {
        for id in cell.graph.reachable(&[root]) {
            let Op::Quantity(quantity, time) = *cell.graph.op(id) else {
                continue;
            };
            if time < 0 || seen.contains(&id) {
                continue;
            }
            seen.push(id);
            let definition = cell.quantity(quantity).definition;
            if is_alias(cell, definition) || written_out.contains(&(quantity, time)) {
                open.push(cell.graph.shift(definition, time));
            } else {
                found.push((quantity, time));
            }
        }
    }
    found
}
