//! What forward saves and what backward computes again.
//!
//! A forward value that the backward step needs is read from memory where the kernels keep it anyway (carried
//! quantities, sources of products), computed again where that takes only cheap operations on such values, and put
//! on the tape otherwise: exponentials, quotients and matrix products are never computed twice.

use std::collections::{BTreeSet, HashMap};

use super::dag::{Compute, Dag, Source, ValueId};
use super::lower::Step;

/// Rewrites the backward direction of a step to read forward values from memory; returns the values to save.
pub fn choose(
    step: &mut Step,
    forward_roots: &[ValueId],
    kept: &BTreeSet<ValueId>,
) -> BTreeSet<ValueId> {
    let forward: BTreeSet<_> = step.dag.reachable(forward_roots).into_iter().collect();
    let needed = needed_forward_values(step, &forward);
    let mut available = kept.clone();
    available.extend(
        needed
            .iter()
            .copied()
            .filter(|&id| must_save(&step.dag, id)),
    );
    // Sums over all units are kept for every step, also where only a value computed from them is needed.
    let is_sum = |id: &ValueId| matches!(step.dag.compute(*id), Compute::Reduce(_));
    available.extend(forward.iter().copied().filter(is_sum));
    let mut known = HashMap::new();
    for &id in &needed {
        if !recomputable(&step.dag, id, &available, &mut known) {
            available.insert(id);
            known.insert(id, true);
        }
    }
    let mut reader = Reader {
        dag: &mut step.dag,
        forward: &forward,
        available: &available,
        known: HashMap::new(),
    };
    let backward = &mut step.backward;
    for error in backward.errors.iter_mut().flatten() {
        *error = reader.read(*error);
    }
    for (_, carry) in &mut backward.carries {
        *carry = carry.map(|value| reader.read(value));
    }
    for gradient in &mut backward.outer {
        gradient.error = reader.read(gradient.error);
    }
    for (_, value) in backward
        .elementwise
        .iter_mut()
        .chain(&mut backward.input_products)
    {
        *value = reader.read(*value);
    }
    backward.input = backward.input.map(|value| reader.read(value));
    for value in backward.next.values_mut() {
        *value = reader.read(*value);
    }
    let saved: BTreeSet<_> = reader
        .known
        .keys()
        .copied()
        .filter(|id| available.contains(id))
        .collect();
    saved.difference(kept).copied().collect()
}

/// Forward values that some backward value has as an operand.
fn needed_forward_values(step: &Step, forward: &BTreeSet<ValueId>) -> BTreeSet<ValueId> {
    let roots = backward_roots(step);
    let mut needed: BTreeSet<_> = roots
        .iter()
        .copied()
        .filter(|id| forward.contains(id))
        .map(|id| step.dag.unrepeated(id))
        .collect();
    let mut stack: Vec<_> = roots
        .into_iter()
        .filter(|id| !forward.contains(id))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        for operand in step.dag.dependencies(id) {
            if forward.contains(&operand) {
                needed.insert(step.dag.unrepeated(operand));
            } else {
                stack.push(operand);
            }
        }
    }
    needed.retain(|&id| !step.dag.compute(id).is_leaf());
    needed
}

/// Everything the backward step has to produce.
pub fn backward_roots(step: &Step) -> Vec<ValueId> {
    let backward = &step.backward;
    let mut roots: Vec<ValueId> = backward
        .carries
        .iter()
        .filter_map(|&(_, value)| value)
        .collect();
    roots.extend(backward.outer.iter().map(|gradient| gradient.error));
    roots.extend(backward.elementwise.iter().map(|&(_, value)| value));
    roots.extend(backward.input_products.iter().map(|&(_, error)| error));
    roots.extend(backward.input);
    let mut next: Vec<_> = backward.next.values().copied().collect();
    next.sort();
    roots.extend(next);
    roots
}

fn must_save(dag: &Dag, id: ValueId) -> bool {
    if dag.shape(id).is_empty() {
        // Scalars are cheap; only sums over all units are worth a place on the tape.
        return matches!(dag.compute(id), Compute::Reduce(_));
    }
    !dag.compute(id).is_cheap()
}

/// Whether a value is there, or can be computed again from what is. Every value is looked at once: as many ways may lead to it
/// as there are sums of it and itself above one another, each of which doubles them.
fn recomputable(
    dag: &Dag,
    id: ValueId,
    available: &BTreeSet<ValueId>,
    known: &mut HashMap<ValueId, bool>,
) -> bool {
    if let Some(&known) = known.get(&id) {
        return known;
    }
    let compute = dag.compute(id);
    let is_cheap = compute.is_cheap() || (dag.shape(id).is_empty() && !must_save(dag, id));
    let mut operands = compute.operands().into_iter();
    let result = available.contains(&id)
        || compute.is_leaf()
        || is_cheap && operands.all(|operand| recomputable(dag, operand, available, known));
    known.insert(id, result);
    result
}

/// Rewrites backward values so that forward values in them are read, not computed.
struct Reader<'a> {
    dag: &'a mut Dag,
    forward: &'a BTreeSet<ValueId>,
    available: &'a BTreeSet<ValueId>,
    known: HashMap<ValueId, ValueId>,
}

impl Reader<'_> {
    fn read(&mut self, id: ValueId) -> ValueId {
        if let Some(&known) = self.known.get(&id) {
            return known;
        }
        let shape = self.dag.shape(id).clone();
        let compute = self.dag.compute(id).clone();
        let result = if self.forward.contains(&id) && self.available.contains(&id) {
            self.dag.add(Compute::Saved(id), shape)
        } else if let Compute::Accumulate(products) = compute {
            let products = products
                .into_iter()
                .map(|mut product| {
                    if let Source::Now(value) = product.source {
                        product.source = Source::Now(self.read(value));
                    }
                    product
                })
                .collect();
            self.dag.add(Compute::Accumulate(products), shape)
        } else {
            let operands: Vec<_> = compute
                .operands()
                .into_iter()
                .map(|operand| self.read(operand))
                .collect();
            self.dag.add(compute.with_operands(&operands), shape)
        };
        self.known.insert(id, result);
        result
    }
}
