//! The loops over the samples of a tile.
//!
//! A processor computes the functions of several samples side by side, as far as it looks ahead. Where a function waits for
//! another, as tanh(c) does for the gates, a sample takes so long that few others fit into what it sees. So all that waits is
//! left to a second loop over the samples. What this needs of the first one is handed over in rows of accumulators, whose sums
//! were used up by then.

use std::collections::{BTreeMap, BTreeSet};

use super::Pass;
use super::dag::{Compute, Dag, ValueId};
use super::layout::Slot;
use super::schedule::Block;

/// Cuts a pass in two, if functions wait for functions and everything can be handed over. It must be the first of its step, so
/// that it computes all values that it does not read.
pub fn split(dag: &Dag, pass: &mut Pass) {
    let values: BTreeSet<ValueId> = pass
        .blocks
        .iter()
        .flat_map(|block| block.values.iter().copied())
        .collect();
    let waiting = waiting(dag, &values);
    let Some(handed_over) = hand_over(dag, pass, &values, &waiting) else {
        return;
    };
    let is_used = |id: ValueId, waits: bool| {
        let mut users = users(dag, &values, id);
        users.any(|user| waiting.contains(&user) == waits)
    };
    let is_later = |id: ValueId| match dag.compute(id) {
        Compute::Accumulate(_) => is_used(id, true) && !is_used(id, false),
        _ => waiting.contains(&id),
    };
    let part = |later: bool| -> Vec<Block> {
        let blocks = pass.blocks.iter().map(|block| Block {
            per_cell: block.per_cell,
            values: (block.values.iter().copied())
                .filter(|&id| is_later(id) == later)
                .collect(),
        });
        blocks.filter(|block| !block.values.is_empty()).collect()
    };
    let (first, second) = (part(false), part(true));
    pass.first_loop = first.len();
    pass.blocks = [first, second].concat();
    pass.handed_over = handed_over;
}

/// The values that wait for a function of a function, and those that only they need and that are computed from one function at
/// most: instead of all of these, that function is handed over.
fn waiting(dag: &Dag, values: &BTreeSet<ValueId>) -> BTreeSet<ValueId> {
    let mut functions: BTreeMap<ValueId, usize> = BTreeMap::new();
    // Operands come before their users.
    for &id in values {
        let operands = dag.compute(id).operands().into_iter();
        let before = operands.filter_map(|operand| functions.get(&operand)).max();
        let own = usize::from(dag.compute(id).is_costly());
        functions.insert(id, before.copied().unwrap_or(0) + own);
    }
    let waits = |(id, functions)| (functions > 1).then_some(id);
    let mut waiting: BTreeSet<ValueId> = functions.into_iter().filter_map(waits).collect();
    let mut known = BTreeMap::new();
    for &id in values.iter().rev() {
        let mut users = users(dag, values, id).peekable();
        let may_wait = users.peek().is_some() && users.all(|user| waiting.contains(&user));
        let compute = dag.compute(id);
        if may_wait
            && !compute.is_read()
            && !compute.is_costly()
            && origin(dag, id, &mut known) != Origin::Other
        {
            waiting.insert(id);
        }
    }
    waiting
}

/// What a value is computed from by cheap operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Only from what is read.
    Read,
    /// From a function, and from what is read.
    Function(ValueId),
    /// From several functions, or not by cheap operations alone.
    Other,
}

impl Origin {
    /// That of a value computed from two.
    fn with(self, other: Origin) -> Origin {
        match (self, other) {
            (Origin::Read, origin) | (origin, Origin::Read) => origin,
            (one, other) if one == other => one,
            _ => Origin::Other,
        }
    }
}

fn origin(dag: &Dag, id: ValueId, known: &mut BTreeMap<ValueId, Origin>) -> Origin {
    if let Some(&known) = known.get(&id) {
        return known;
    }
    let compute = dag.compute(id);
    let result = if compute.is_costly() {
        Origin::Function(id)
    } else if compute.is_read() {
        Origin::Read
    } else if compute.is_cheap() && !matches!(compute, Compute::SumBlock(_)) {
        let operands = compute.operands().into_iter();
        let origins = operands.map(|operand| origin(dag, operand, known));
        origins.fold(Origin::Read, Origin::with)
    } else {
        Origin::Other
    };
    known.insert(id, result);
    result
}

/// A row of accumulators for each value that is computed at once and that something waiting needs; nothing if there are too few
/// rows, or if nothing waits.
fn hand_over(
    dag: &Dag,
    pass: &Pass,
    values: &BTreeSet<ValueId>,
    waiting: &BTreeSet<ValueId>,
) -> Option<BTreeMap<ValueId, Slot>> {
    let operands = waiting.iter().flat_map(|&id| dag.compute(id).operands());
    let needed: BTreeSet<ValueId> = operands
        .map(|id| dag.unrepeated(id))
        .filter(|&id| !waiting.contains(&id) && !dag.compute(id).is_read())
        .collect();
    let mut wanted: Vec<_> = needed
        .into_iter()
        .map(|id| (id, used_up(dag, pass, values, id)))
        .collect();
    // Whoever has the fewest to choose from chooses first.
    wanted.sort_by_key(|(_, rows)| rows.len());
    let mut rows = BTreeMap::new();
    for (id, candidates) in wanted {
        let is_free = |row: &Slot| !rows.values().any(|taken| taken == row);
        let row = candidates.into_iter().find(is_free)?;
        rows.insert(id, row);
    }
    (!rows.is_empty()).then_some(rows)
}

/// The rows of accumulators of which nobody needs the sums when a value has been computed, as it was computed from all that
/// use them.
fn used_up(dag: &Dag, pass: &Pass, values: &BTreeSet<ValueId>, id: ValueId) -> Vec<Slot> {
    let mut origins = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if origins.insert(id) {
            open.extend(dag.compute(id).operands());
        }
    }
    let rows = pass.accumulators.iter();
    rows.filter(|&(&sum, _)| {
        origins.contains(&sum)
            && dag.shape(sum).len() == dag.shape(id).len()
            && users(dag, values, sum).all(|user| origins.contains(&user))
    })
    .map(|(_, &row)| row)
    .collect()
}

/// The values that are computed from another one.
fn users<'a>(
    dag: &'a Dag,
    values: &'a BTreeSet<ValueId>,
    id: ValueId,
) -> impl Iterator<Item = ValueId> + 'a {
    let uses = move |&user: &ValueId| dag.compute(user).operands().contains(&id);
    values.iter().copied().filter(uses)
}
