//! What a plan costs: products, operations, memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::emit::NAMELESS;
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

impl Operations {
    /// Additions and multiplications, those of sums among them.
    pub fn additions(&self) -> usize {
        self.cheap + self.sums
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

impl Cost {
    /// How many values the tape holds for each element of a shape.
    pub fn tape_by_shape(&self) -> BTreeMap<Shape, usize> {
        let mut counts = BTreeMap::new();
        for (_, shape) in &self.tape {
            *counts.entry(shape.clone()).or_default() += 1;
        }
        counts
    }

    /// The names of what the tape holds, and how many parts of equations it holds, which have none.
    pub fn tape_names(&self) -> (String, usize) {
        let all = self.tape.iter().map(|(name, _)| name.as_str());
        let (nameless, named): (Vec<_>, Vec<_>) = all.partition(|&name| name == NAMELESS);
        (named.join(", "), nameless.len())
    }
}

/// So many parts of equations, behind the names of other values.
pub fn intermediate_terms(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " and 1 intermediate term".to_owned(),
        _ => format!(" and {count} intermediate terms"),
    }
}

/// What there is for each element of every shape: for each unit, in cells that have nothing but units.
fn each<V>(cell: &Cell, by_shape: &BTreeMap<Shape, V>, amount: impl Fn(&V) -> String) -> String {
    match by_shape.iter().collect::<Vec<_>>().as_slice() {
        [] => "nothing".to_owned(),
        [(shape, value)] if shape.len() == 1 => format!("per unit {}", amount(value)),
        shapes => {
            let of = |(shape, value): &(&Shape, &V)| {
                format!("of {} {}", cell.shape_text(shape), amount(value))
            };
            let all: Vec<_> = shapes.iter().map(of).collect();
            format!("per element {}", all.join("; "))
        }
    }
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
    // Every group of units numbers its places by itself.
    let forward = |lead: usize, slot| {
        let place = crate::plan::layout::Place::Column(slot);
        let is_of_lead = |value| {
            let axis = plan.dag.shape(value).first();
            axis.is_some_and(|axis| axis.0 == plan.leads[lead].axis)
        };
        plan.places
            .iter()
            .find(|&(&value, &known)| known == place && is_of_lead(value))
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
            match (carried, forward(lead, slot)) {
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

/// So many of something, whose plural ends in s.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The cost as text, a line per topic.
pub fn summary(cell: &Cell, plan: &Plan) -> String {
    let cost = cost(cell, plan);
    let operations = |count: &Operations| {
        let (cheap, costly) = (count.additions(), count.costly);
        format!("{cheap} cheap and {costly} costly operations")
    };
    let values =
        |&count: &usize| format!("{}, {} bytes in f32", counted(count, "value"), 4 * count);
    let mut text = String::new();
    for (name, direction) in [("forward", &cost.forward), ("backward", &cost.backward)] {
        let which = match direction.products.is_empty() {
            true => String::new(),
            false => format!(" ({})", direction.products.join(", ")),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name}: {}, {}{which}; {}",
            counted(direction.stages, "stage"),
            counted(direction.products.len(), "product"),
            each(cell, &direction.elementwise, operations)
        );
    }
    let _ = writeln!(
        text,
        "gradients: {} over all steps and samples, {} of their errors, {} in lanes",
        counted(cost.gradients, "large product"),
        counted(plan.column_gradients.len(), "sum"),
        counted(plan.gradients.len(), "sum")
    );
    let (names, nameless) = cost.tape_names();
    let _ = writeln!(
        text,
        "tape of a step: {} ({names}{})",
        each(cell, &cost.tape_by_shape(), values),
        intermediate_terms(nameless)
    );
    text
}
