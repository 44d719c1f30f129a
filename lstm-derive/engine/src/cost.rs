//! What a plan costs: products, operations, memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::expr::{AxisId, ParamId, Shape};
use crate::model::Cell;
use crate::plan::dag::{Compute, ValueId};
use crate::plan::layout::Slot;
use crate::plan::{Direction, Operand, Plan};

/// How many operations each element of a shape takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Additions, multiplications, comparisons, changes of sign.
    pub cheap: usize,
    /// Exponentials, logarithms, roots and quotients.
    pub costly: usize,
    /// Sums over the last axis.
    pub sums: usize,
}

/// The cost of one direction of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectionCost {
    /// Stages: passes over the units that begin with matrix products.
    pub stages: usize,
    /// Matrix products, as they are written: `W_ι @ x[t]`.
    pub products: Vec<String>,
    /// Their matrices.
    pub matrices: Vec<ParamId>,
    /// The rest, by shape.
    pub elementwise: BTreeMap<Shape, Operations>,
}

impl DirectionCost {
    /// Element-wise additions and multiplications per unit.
    pub fn cheap(&self) -> usize {
        let operations = self.elementwise.values();
        operations.map(|count| count.cheap + count.sums).sum()
    }

    /// Exponentials, logarithms, roots and quotients per unit.
    pub fn costly(&self) -> usize {
        self.elementwise.values().map(|count| count.costly).sum()
    }
}

/// The cost of the kernels of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Forward.
    pub forward: DirectionCost,
    /// Backward.
    pub backward: DirectionCost,
    /// What the tape holds for each sample and step: names and shapes.
    pub tape: Vec<(String, Shape)>,
    /// The errors that are kept until the gradients of the matrices are formed: names and shapes.
    pub errors: Vec<(String, Shape)>,
    /// Matrix gradients left for one large product each.
    pub gradients: usize,
    /// The shapes of the sums over all steps and samples that are gradients of element-wise parameters.
    pub gradient_sums: Vec<Shape>,
}

/// Counts the operations of a plan.
pub fn cost(cell: &Cell, plan: &Plan) -> Cost {
    let named = |value: ValueId| {
        let name = crate::emit::describe(cell, plan, value);
        (name, plan.dag.shape(value).clone())
    };
    let mut tape: Vec<_> = plan.places.keys().copied().map(named).collect();
    for carried in &plan.carried {
        // Quantities of equal value share the value's place or have one of their own.
        let value = plan.quantities[carried.quantity.0];
        if plan.places.get(&value) != Some(&carried.place) {
            let quantity = cell.quantity(carried.quantity);
            tape.push((quantity.name.symbol.clone(), quantity.shape.clone()));
        }
    }
    let shape = |lead: usize, slot: Slot| {
        let lead = &plan.leads[lead];
        let block = lead.block.filter(|_| slot.per_cell);
        std::iter::once(AxisId(lead.axis)).chain(block).collect()
    };
    let column_sums = plan.column_gradients.iter();
    let lane_sums = plan.gradients.iter();
    Cost {
        forward: direction(cell, plan, &plan.forward),
        backward: direction(cell, plan, &plan.backward),
        tape,
        errors: plan.error_columns.keys().copied().map(named).collect(),
        gradients: plan.outer.len(),
        gradient_sums: column_sums
            .map(|sum| shape(sum.lead, sum.slot))
            .chain(lane_sums.map(|sum| shape(sum.lead, sum.slot)))
            .collect(),
    }
}

fn direction(cell: &Cell, plan: &Plan, direction: &Direction) -> DirectionCost {
    let (mut products, mut matrices) = (Vec::new(), Vec::new());
    let mut elementwise: BTreeMap<Shape, Operations> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for pass in &direction.passes {
        for segment in &pass.segments {
            for &(matrix, transposed, _) in &segment.products {
                let name = &cell.param(matrix).name.symbol;
                let transpose = if transposed { "ᵀ" } else { "" };
                products.push(format!(
                    "{name}{transpose} {}",
                    operand(cell, plan, segment.operand)
                ));
                matrices.push(matrix);
            }
        }
        for &id in pass.blocks.iter().flat_map(|block| &block.values) {
            if !seen.insert(id) {
                continue;
            }
            let compute = plan.dag.compute(id);
            let counted = match *compute {
                Compute::SumBlock(inner) | Compute::Reduce(inner) => inner,
                Compute::Broadcast(_) | Compute::Accumulate(_) => continue,
                _ if compute.is_leaf() => continue,
                _ => id,
            };
            let shape = plan.dag.shape(counted).clone();
            let operations = elementwise.entry(shape).or_default();
            match compute {
                Compute::SumBlock(_) | Compute::Reduce(_) => operations.sums += 1,
                _ if compute.is_costly() => operations.costly += 1,
                _ => operations.cheap += 1,
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
        matrices,
        elementwise,
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
            direction.cheap(),
            direction.costly()
        );
    }
    let _ = writeln!(
        text,
        "gradients: {} large products over all steps and samples, {} sums of their errors, {} sums in lanes",
        cost.gradients,
        plan.column_gradients.len(),
        plan.gradients.len()
    );
    let tape: Vec<_> = cost.tape.iter().map(|(name, _)| name.as_str()).collect();
    let _ = writeln!(
        text,
        "tape: {} values per unit and step ({}), {} bytes in f32",
        tape.len(),
        tape.join(", "),
        4 * tape.len()
    );
    text
}
