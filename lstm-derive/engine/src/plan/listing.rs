//! The plan as text: what `cargo xtask show CELL plan` prints and the snapshots hold.

use std::fmt::Write;

use crate::cost::operand;
use crate::emit::{NAMELESS, describe};
use crate::model::Cell;

use super::dag::Compute;
use super::layout::Place;
use super::{Direction, Plan};

/// Passes with their products and equations, and where values are kept.
pub fn listing(cell: &Cell, plan: &Plan) -> String {
    let mut text = String::new();
    for (name, direction) in [("forward", &plan.forward), ("backward", &plan.backward)] {
        passes(&mut text, cell, plan, name, direction);
    }
    let mut line = |content: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{content}");
    };
    line("kept".to_owned());
    for (&value, place) in &plan.places {
        let place = match place {
            Place::Lanes(_) => "lanes",
            Place::Column(_) => "column",
            Place::Scalar(_) => "scalar",
        };
        line(format!("  {}: {place}", describe(cell, plan, value)));
    }
    line("deferred".to_owned());
    for &(matrix, lead, slot, source) in &plan.outer {
        let error = plan
            .error_columns
            .iter()
            .find(|&(_, &place)| place == (lead, slot));
        let error = error.map_or(String::new(), |(&value, _)| describe(cell, plan, value));
        line(format!(
            "  ∂L/∂{} = Σ_t {error}[t] ⊗ {}",
            cell.param(matrix).name.symbol,
            operand(cell, plan, source)
        ));
    }
    text
}

fn passes(text: &mut String, cell: &Cell, plan: &Plan, name: &str, direction: &Direction) {
    for (number, pass) in direction.passes.iter().enumerate() {
        let axis = &cell.sizes[plan.leads[pass.lead].axis].name.symbol;
        let _ = writeln!(text, "{name} pass {number} over the units of {axis}");
        for segment in &pass.segments {
            let matrices: Vec<_> = segment
                .products
                .iter()
                .map(|&(matrix, transposed, _)| {
                    format!(
                        "{}{}",
                        cell.param(matrix).name.symbol,
                        if transposed { "ᵀ" } else { "" }
                    )
                })
                .collect();
            let _ = writeln!(
                text,
                "  products with {}: {}",
                operand(cell, plan, segment.operand),
                matrices.join(", ")
            );
        }
        for (index, block) in pass.blocks.iter().enumerate() {
            if index == pass.first_loop {
                let handed_over = pass.handed_over.keys();
                let names: Vec<_> = handed_over.map(|&id| describe(cell, plan, id)).collect();
                let _ = writeln!(
                    text,
                    "  in a second loop over the samples, with {}",
                    names.join(", ")
                );
            }
            let computed: Vec<_> = block
                .values
                .iter()
                .filter(|&&id| {
                    !plan.dag.compute(id).is_leaf()
                        && !matches!(plan.dag.compute(id), Compute::Broadcast(_))
                })
                .map(|&id| describe(cell, plan, id))
                .filter(|name| !matches!(name.as_str(), NAMELESS | "products"))
                .collect();
            let per = if block.per_cell { "cell" } else { "unit" };
            if !computed.is_empty() {
                let _ = writeln!(text, "  per {per}: {}", computed.join(", "));
            }
        }
    }
}
