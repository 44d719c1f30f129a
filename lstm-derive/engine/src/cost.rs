//! What a plan costs: products, operations, memory.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::model::Cell;
use crate::plan::dag::{Compute, ValueId};
use crate::plan::{Direction, Operand, Plan};

/// The cost of one direction of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectionCost {
    /// Stages: passes over the units that begin with matrix products.
    pub stages: usize,
    /// Matrix products, as they are written: `W_ι @ x[t]`.
    pub products: Vec<String>,
    /// Element-wise additions and multiplications per unit.
    pub cheap: usize,
    /// Exponentials, logarithms, roots and quotients per unit.
    pub costly: usize,
}

/// The cost of the kernels of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Forward.
    pub forward: DirectionCost,
    /// Backward.
    pub backward: DirectionCost,
    /// What the tape holds for each unit, sample and step, by name; a vector over the block axis counts once.
    pub tape: Vec<String>,
    /// Matrix gradients left for one large product each.
    pub gradients: usize,
}

/// Counts the operations of a plan.
pub fn cost(cell: &Cell, plan: &Plan) -> Cost {
    let mut tape: BTreeMap<ValueId, String> = BTreeMap::new();
    for &value in plan.places.keys() {
        tape.insert(value, crate::emit::describe(cell, plan, value));
    }
    let mut names: Vec<String> = tape.into_values().collect();
    for carried in &plan.carried {
        let name = &cell.quantity(carried.quantity).name.symbol;
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Cost {
        forward: direction(cell, plan, &plan.forward),
        backward: direction(cell, plan, &plan.backward),
        tape: names,
        gradients: plan.outer.len(),
    }
}

fn direction(cell: &Cell, plan: &Plan, direction: &Direction) -> DirectionCost {
    let mut products = Vec::new();
    let (mut cheap, mut costly) = (0, 0);
    let mut seen = std::collections::BTreeSet::new();
    for pass in &direction.passes {
        for segment in &pass.segments {
            for &(matrix, transposed, _) in &segment.products {
                let matrix = &cell.param(matrix).name.symbol;
                let transpose = if transposed { "ᵀ" } else { "" };
                products.push(format!(
                    "{matrix}{transpose} {}",
                    operand(cell, plan, segment.operand)
                ));
            }
        }
        for &id in pass.blocks.iter().flat_map(|block| &block.values) {
            if !seen.insert(id) {
                continue;
            }
            match plan.dag.compute(id) {
                Compute::Apply(..) | Compute::Div(..) => costly += 1,
                Compute::Broadcast(_) | Compute::Accumulate(_) => {}
                compute if compute.is_leaf() => {}
                _ => cheap += 1,
            }
        }
    }
    let stages = direction
        .passes
        .iter()
        .filter(|pass| !pass.segments.is_empty())
        .count();
    DirectionCost {
        stages,
        products,
        cheap,
        costly,
    }
}

/// A vector that a product reads, as it is written.
pub fn operand(cell: &Cell, plan: &Plan, operand: Operand) -> String {
    let forward = |slot| {
        let place = crate::plan::layout::Place::Column(slot);
        plan.places
            .iter()
            .find(|&(_, &known)| known == place)
            .map(|(&value, _)| value)
    };
    match operand {
        Operand::Input => format!("{}[t]", cell.input.name.symbol),
        Operand::Forward {
            lead,
            slot,
            previous,
        } => {
            let carried = plan.carried.iter().find(|carried| {
                previous
                    && carried.lead == lead
                    && carried.place == crate::plan::layout::Place::Column(slot)
            });
            match (carried, forward(slot)) {
                (Some(carried), _) => {
                    format!("{}[t-1]", cell.quantity(carried.quantity).name.symbol)
                }
                (None, Some(value)) => format!("{}[t]", crate::emit::describe(cell, plan, value)),
                (None, None) => "vector".to_owned(),
            }
        }
        Operand::Error { lead, slot, next } => {
            let value = plan
                .error_columns
                .iter()
                .find(|&(_, &(known, place))| known == lead && place == slot);
            let name = value.map_or("error".to_owned(), |(&value, _)| {
                crate::emit::describe(cell, plan, value)
            });
            format!("{name}[{}]", if next { "t+1" } else { "t" })
        }
    }
}

/// The cost as text, a line per topic.
pub fn summary(cell: &Cell, plan: &Plan) -> String {
    let cost = cost(cell, plan);
    let mut text = String::new();
    for (name, direction) in [("forward", &cost.forward), ("backward", &cost.backward)] {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name}: {} stage{}, {} products ({}); per unit {} cheap and {} costly operations",
            direction.stages,
            if direction.stages == 1 { "" } else { "s" },
            direction.products.len(),
            direction.products.join(", "),
            direction.cheap,
            direction.costly
        );
    }
    let _ = writeln!(
        text,
        "gradients: {} large products over all steps and samples, {} sums of their errors, {} sums in lanes",
        cost.gradients,
        plan.column_gradients.len(),
        plan.gradients.len()
    );
    let _ = writeln!(
        text,
        "tape: {} values per unit and step ({}), {} bytes in f32",
        cost.tape.len(),
        cost.tape.join(", "),
        4 * cost.tape.len()
    );
    text
}
