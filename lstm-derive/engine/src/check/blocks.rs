//! Blocks: the cells of a unit lie side by side in memory, so units have one axis of cells at most.

use std::collections::BTreeMap;

use proc_macro2::Span;

use crate::error::{Diagnostic, Diagnostics};
use crate::expr::AxisId;
use crate::model::Cell;

/// Reports units that come in blocks of two axes, each pair of axes once.
pub fn check(cell: &Cell, errors: &mut Diagnostics) {
    let mut blocks: BTreeMap<AxisId, Vec<(AxisId, Span)>> = BTreeMap::new();
    for (shape, span) in cell.vectors() {
        let &[units, block] = shape.as_slice() else {
            continue;
        };
        let known = blocks.entry(units).or_default();
        if known.iter().any(|&(other, _)| other == block) {
            continue;
        }
        if let Some(&(first, place)) = known.first() {
            let name = |axis| &cell.size(axis).name.symbol;
            let (units, block, first) = (name(units), name(block), name(first));
            let message = format!(
                "units of axis {units} come in blocks of {block} here and in blocks of {first} elsewhere; use one block axis \
                 for them"
            );
            let note = format!("[{units}, {first}] is needed here");
            errors.push(Diagnostic::new("two-block-axes", span, message).note(place, note));
        }
        known.push((block, span));
    }
}
