//! Order within a step: passes over the units, and within a pass the blocks that run once per unit or once per cell.
//!
//! A matrix product needs its whole operand, and a sum over all units needs all of them, so each ends a pass. Within
//! a pass a sum over the block axis ends a loop over the cells of a block.

use std::collections::{BTreeMap, BTreeSet};

use crate::expr::AxisId;

use super::dag::{Compute, Dag, ValueId};

/// One sweep over the units of an axis.
#[derive(Debug, Clone)]
pub struct Pass {
    /// The axis of the units.
    pub lead: AxisId,
    /// How many complete vectors of the step stand before it.
    pub level: usize,
    /// What runs for each unit and sample, in order.
    pub blocks: Vec<Block>,
}

/// A straight-line piece of a pass.
#[derive(Debug, Clone)]
pub struct Block {
    /// Whether it runs for every cell of a block, or once.
    pub per_cell: bool,
    /// Values to compute, operands first.
    pub values: Vec<ValueId>,
}

/// The order of one direction of a step.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// Passes in order.
    pub passes: Vec<Pass>,
    /// In which pass each value is computed (not for values that are read or recomputed where they are used).
    pub home: BTreeMap<ValueId, usize>,
    /// Values computed in one place and used in another, which have to be kept in between.
    pub spilled: BTreeSet<ValueId>,
}

/// Orders the computation of the roots. `leads` names the axes that need a first pass in any case.
pub fn schedule(dag: &Dag, roots: &[ValueId], leads: &[AxisId]) -> Schedule {
    let order = dag.reachable(roots);
    let levels = levels(dag, &order);
    let floating = floating(dag, &order, roots);
    let homed = || order.iter().copied().filter(|id| !floating.contains(id));
    let mut keys: BTreeSet<(usize, AxisId)> = leads.iter().map(|&axis| (0, axis)).collect();
    for id in homed() {
        keys.insert((levels[&id], lead(dag, id)));
    }
    for &id in roots {
        if let Some(&axis) = dag.shape(id).first() {
            keys.insert((levels[&id], axis));
        }
    }
    let keys: Vec<_> = keys.into_iter().collect();
    let pass_of = |id: ValueId| {
        let key = (levels[&id], lead(dag, id));
        keys.binary_search(&key).unwrap_or_default()
    };
    let mut result = Schedule::default();
    for id in homed() {
        result.home.insert(id, pass_of(id));
    }
    let mut wanted: Vec<BTreeSet<ValueId>> = vec![BTreeSet::new(); keys.len()];
    for &id in roots.iter().filter(|&&id| !dag.shape(id).is_empty()) {
        let at = pass_of(id);
        want(dag, id, at, &mut result, &mut wanted);
    }
    for id in homed() {
        want(dag, id, pass_of(id), &mut result, &mut wanted);
    }
    for (&(level, axis), values) in keys.iter().zip(&wanted) {
        let blocks = blocks(dag, values, &mut result.spilled);
        result.passes.push(Pass {
            lead: axis,
            level,
            blocks,
        });
    }
    result
}

/// The axis over whose units a value is computed; a sum over all units belongs to the units it sums.
fn lead(dag: &Dag, id: ValueId) -> AxisId {
    let shape = match dag.compute(id) {
        Compute::Reduce(inner) => dag.shape(*inner),
        _ => dag.shape(id),
    };
    shape.first().copied().unwrap_or(AxisId(usize::MAX))
}

/// Values without a home: read or recomputed wherever they are used. What takes only cheap operations on what is read
/// is computed again rather than kept from one pass to the next; the roots are computed once.
fn floating(dag: &Dag, order: &[ValueId], roots: &[ValueId]) -> BTreeSet<ValueId> {
    let mut floating = BTreeSet::new();
    for &id in order {
        let compute = dag.compute(id);
        let is_scalar = dag.shape(id).is_empty() && !matches!(compute, Compute::Reduce(_));
        // Repeating a value takes nothing: it is the value itself that is kept where a later pass uses it.
        let is_repeated = matches!(compute, Compute::Broadcast(_));
        let is_cheap = compute.is_cheap()
            && !matches!(compute, Compute::SumBlock(_))
            && !roots.contains(&id)
            && compute
                .operands()
                .iter()
                .all(|operand| is_read(dag, *operand, &floating));
        if compute.is_leaf() || is_scalar || is_repeated || is_cheap {
            floating.insert(id);
        }
    }
    floating
}

/// Whether an operand is read or computed again in every pass, not kept from another.
fn is_read(dag: &Dag, id: ValueId, floating: &BTreeSet<ValueId>) -> bool {
    match *dag.compute(id) {
        Compute::Broadcast(inner) => is_read(dag, inner, floating),
        _ => floating.contains(&id),
    }
}

fn levels(dag: &Dag, order: &[ValueId]) -> BTreeMap<ValueId, usize> {
    let mut levels: BTreeMap<ValueId, usize> = BTreeMap::new();
    for &id in order {
        let after = |operand: ValueId, levels: &BTreeMap<ValueId, usize>| {
            let complete = matches!(dag.compute(id), Compute::Accumulate(_))
                || matches!(dag.compute(operand), Compute::Reduce(_));
            levels[&operand] + usize::from(complete)
        };
        let level = dag
            .dependencies(id)
            .into_iter()
            .map(|operand| after(operand, &levels))
            .max()
            .unwrap_or(0);
        levels.insert(id, level);
    }
    levels
}

/// Puts a value and what it needs into a pass; what has its home elsewhere is kept in between.
fn want(
    dag: &Dag,
    id: ValueId,
    at: usize,
    result: &mut Schedule,
    wanted: &mut [BTreeSet<ValueId>],
) {
    if !wanted[at].insert(id) {
        return;
    }
    if result.home.get(&id).is_some_and(|&home| home != at) {
        if !matches!(dag.compute(id), Compute::Reduce(_)) {
            result.spilled.insert(id);
        }
        return;
    }
    for operand in dag.compute(id).operands() {
        want(dag, operand, at, result, wanted);
    }
}

/// Cuts a pass into blocks: units, cells, units, ... where each sum over the cells opens the next.
fn blocks(dag: &Dag, values: &BTreeSet<ValueId>, spilled: &mut BTreeSet<ValueId>) -> Vec<Block> {
    let mut stage: BTreeMap<ValueId, usize> = BTreeMap::new();
    let per_cell = |id: ValueId| dag.shape(id).len() == 2;
    let is_read = |id: ValueId, spilled: &BTreeSet<ValueId>| {
        dag.compute(id).is_read() || spilled.contains(&id)
    };
    for &id in values {
        let own = dag
            .compute(id)
            .operands()
            .into_iter()
            .filter_map(|operand| {
                let sum = usize::from(matches!(dag.compute(id), Compute::SumBlock(_)));
                stage.get(&operand).map(|&stage| stage + sum)
            })
            .max()
            .unwrap_or(0);
        stage.insert(id, own);
    }
    // A cell's value is computed in the first loop that uses it, so that few values cross from loop to loop.
    for &id in values.iter().rev().filter(|&&id| per_cell(id)) {
        let users = values
            .iter()
            .filter(|&&user| dag.compute(user).operands().contains(&id));
        let first = users
            .map(|user| {
                stage[user] - usize::from(matches!(dag.compute(*user), Compute::SumBlock(_)))
            })
            .min();
        if let Some(first) = first {
            stage.insert(id, first);
        }
    }
    // One that a later loop uses, too, is kept, unless reading it again is free.
    for &id in values {
        for operand in dag.compute(id).operands() {
            let later = per_cell(operand) && per_cell(id) && stage.get(&operand) < stage.get(&id);
            let is_free =
                is_read(operand, spilled) || matches!(dag.compute(operand), Compute::Broadcast(_));
            if later && !is_free {
                spilled.insert(operand);
            }
        }
    }
    let last = stage.values().copied().max().unwrap_or(0);
    let mut blocks = Vec::new();
    for number in 0..=last {
        for cells in [false, true] {
            let members: Vec<_> = values
                .iter()
                .copied()
                .filter(|id| stage[id] == number && per_cell(*id) == cells)
                .collect();
            if !members.is_empty() {
                blocks.push(Block {
                    per_cell: cells,
                    values: members,
                });
            }
        }
    }
    blocks
}
