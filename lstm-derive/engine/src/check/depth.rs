//! How deep the equations of a step lie in each other: what reads and writes them afterwards recurses.

use crate::error::{Diagnostic, Diagnostics};
use crate::expr::{NodeId, Op};
use crate::model::Cell;

/// So many operations one after the other fit on the stack of a compiler without optimisation, with room to spare.
const MAX_OPERATIONS: usize = 500;

/// Reports the first quantity that takes too many operations one after the other, with those of the quantities it uses.
pub fn check(cell: &Cell, errors: &mut Diagnostics) {
    let mut depths: Vec<usize> = Vec::new();
    let roots: Vec<NodeId> = cell
        .quantities
        .iter()
        .map(|quantity| quantity.definition)
        .collect();
    // Operands come first, and so do the definitions of quantities of the same step.
    for id in cell.graph.reachable(&roots) {
        let before = match *cell.graph.op(id) {
            Op::Quantity(quantity, 0) => vec![cell.quantity(quantity).definition],
            _ => cell.graph.op(id).operands(),
        };
        let known = before.iter().filter_map(|operand| depths.get(operand.0));
        let depth = 1 + known.max().copied().unwrap_or(0);
        depths.resize(id.0 + 1, 0);
        depths[id.0] = depth;
    }
    let deep = cell
        .quantities
        .iter()
        .find(|quantity| depths[quantity.definition.0] > MAX_OPERATIONS);
    if let Some(quantity) = deep {
        let message = format!(
            "with the quantities it is made of, `{}` takes more than {MAX_OPERATIONS} operations of one step one after the \
             other; make it of fewer",
            quantity.name.symbol
        );
        errors.push(Diagnostic::new(
            "too-deep",
            quantity.definition_span,
            message,
        ));
    }
}
