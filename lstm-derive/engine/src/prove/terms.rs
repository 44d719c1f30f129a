//! Error signals term by term, and which terms of two sums have no partner.

use crate::adjoint::{Derivation, Origin, Term};
use crate::expr::{NodeId, Op, QuantityId, Time};
use crate::model::Cell;
use crate::normal::{Depth, Normaliser, Polynomial};

/// Signals that nobody stated are called by their names where replacing them by their terms would make more terms than
/// these of one sum, or go through more equations.
const TERMS: usize = 16;

/// Up to so many leftover terms are searched for a part of them with a given sum.
const SUBSET: usize = 10;

/// So many parts of a stated sum are paired at most: products of sums have more when they are multiplied out than anyone
/// could wait for or would read.
const PARTS: usize = 256;

/// A term of an error signal in which signals that nobody stated are replaced by their own terms.
#[derive(Debug, Clone)]
pub struct SourcedTerm {
    /// Its value.
    pub value: NodeId,
    /// The equations it comes through, from the quantity on.
    pub through: Vec<Origin>,
}

/// All terms of the derived signal of a quantity, in stated signals where these terms are few. Where the author wrote
/// `err(q)` in the declaration of this signal, `err(q)` is kept.
pub fn sourced_terms(cell: &mut Cell, derivation: &Derivation, of: QuantityId) -> Vec<SourcedTerm> {
    let kept = cell
        .signal_of(of)
        .map_or_else(Vec::new, |signal| signals_in(cell, signal.stated));
    let error = &derivation.signals[of.0];
    let source = |term: &Term| SourcedTerm {
        value: term.value,
        through: vec![term.origin],
    };
    let derived: Vec<SourcedTerm> = error.now.iter().chain(&error.later).map(source).collect();
    let mut open: Vec<SourcedTerm> = derived.iter().rev().cloned().collect();
    let mut done = Vec::new();
    while let Some(term) = open.pop() {
        let replaceable = signals_in(cell, term.value)
            .into_iter()
            .find(|&(_, of, time)| {
                let ends = time == 0 || time == 1 && derivation.signals[of.0].later.is_empty();
                let written = kept.iter().any(|&(_, other, _)| other == of);
                ends && !written && cell.signal_of(of).is_none()
            });
        let Some((signal, of, time)) = replaceable else {
            done.push(term);
            continue;
        };
        if open.len() + done.len() >= TERMS || term.through.len() >= TERMS {
            return derived;
        }
        let error = &derivation.signals[of.0];
        let later = if time == 0 { &error.later[..] } else { &[] };
        for inner in error.now.iter().chain(later).rev() {
            let inner_value = cell.graph.shift(inner.value, time);
            let value = cell.graph.rewrite(term.value, &mut |_, id| {
                (id == signal).then_some(inner_value)
            });
            let through = [&term.through[..], &[inner.origin]].concat();
            open.push(SourcedTerm { value, through });
        }
    }
    done
}

/// Equal terms as one with a coefficient.
pub(super) fn merged(cell: &mut Cell, terms: Vec<SourcedTerm>) -> Vec<SourcedTerm> {
    let mut groups: Vec<(SourcedTerm, i64)> = Vec::new();
    for term in terms {
        match groups
            .iter_mut()
            .find(|(known, _)| known.value == term.value)
        {
            Some((known, count)) => {
                *count += 1;
                known.through.extend(term.through);
            }
            None => groups.push((term, 1)),
        }
    }
    let scaled = groups.into_iter().map(|(term, count)| {
        let coefficient = cell.graph.integer(count);
        SourcedTerm {
            value: cell.graph.mul(coefficient, term.value),
            through: term.through,
        }
    });
    scaled.collect()
}

/// The error signals in an expression.
fn signals_in(cell: &Cell, value: NodeId) -> Vec<(NodeId, QuantityId, Time)> {
    let signal = |id| match *cell.graph.op(id) {
        Op::Signal(of, time) => Some((id, of, time)),
        _ => None,
    };
    cell.graph
        .reachable(&[value])
        .into_iter()
        .filter_map(signal)
        .collect()
}

/// Terms without partner.
#[derive(Debug, Clone, Default)]
pub(super) struct Leftover {
    /// Derived, but not stated.
    pub(super) missing: Vec<SourcedTerm>,
    /// Stated, but not derived.
    pub(super) extra: Vec<NodeId>,
}

/// Pairs the terms of a stated sum with those of the derived one.
///
/// A stated term that has no partner as it stands is multiplied out, if that finds one for some part of it. Nothing is left
/// over where that is too much work, because nothing is known then.
pub(super) fn leftover(cell: &mut Cell, derivation: &Derivation, at: usize) -> Leftover {
    let (of, stated) = (cell.signals[at].of, cell.signals[at].stated);
    let mut missing = sourced_terms(cell, derivation, of);
    let mut parts = addends(cell, stated);
    // What stands on both sides word for word is no work, and need not be written out then.
    let [literal, _] = Depth::LITERAL;
    let mut matching = Matching::new(cell, derivation, literal, missing);
    parts.retain(|&part| !matching.take(part));
    missing = matching.into_missing();
    let mut matching = Matching::new(cell, derivation, Depth::NAMED, missing);
    parts.retain(|&part| !matching.take(part));
    let mut extra = Vec::new();
    for part in parts {
        extra.extend(matching.without_partner(part).unwrap_or_else(|| vec![part]));
    }
    matching.regroup(&mut extra);
    if matching.gave_up() {
        return Leftover::default();
    }
    let missing = matching.into_missing();
    Leftover { missing, extra }
}

struct Matching<'a> {
    normaliser: Normaliser<'a>,
    missing: Vec<(SourcedTerm, Polynomial)>,
    /// How many more parts may be looked at.
    parts: usize,
}

impl<'a> Matching<'a> {
    fn new(
        cell: &'a mut Cell,
        derivation: &'a Derivation,
        depth: Depth,
        terms: Vec<SourcedTerm>,
    ) -> Self {
        let mut normaliser = Normaliser::new(cell, derivation, depth);
        let missing = terms.into_iter().map(|term| {
            let normal = normaliser.normal(term.value);
            (term, normal)
        });
        let missing = missing.collect();
        Matching {
            normaliser,
            missing,
            parts: PARTS,
        }
    }

    fn into_missing(self) -> Vec<SourcedTerm> {
        self.missing.into_iter().map(|(term, _)| term).collect()
    }

    /// Whether the work allowed was not enough; what has no partner since then may well have one.
    fn gave_up(&self) -> bool {
        self.parts == 0 || self.normaliser.exhausted()
    }

    /// Takes the partner of a stated term from the derived ones, if it has one.
    fn take(&mut self, part: NodeId) -> bool {
        self.parts = self.parts.saturating_sub(1);
        if self.gave_up() {
            return false;
        }
        let normal = self.normaliser.normal(part);
        let position = self.missing.iter().position(|(_, other)| {
            let difference = other.clone().minus(&normal);
            self.normaliser.is_zero(&difference)
        });
        position.map(|at| self.missing.remove(at)).is_some()
    }

    /// What is left of a term that is multiplied out; `None` if no part of it has a partner.
    fn without_partner(&mut self, term: NodeId) -> Option<Vec<NodeId>> {
        if self.gave_up() {
            return None;
        }
        let parts = distributed(self.normaliser.cell(), term)?;
        let (mut found, mut rest) = (false, Vec::new());
        for part in parts {
            if self.take(part) {
                found = true;
            } else {
                match self.without_partner(part) {
                    Some(smaller) => {
                        found = true;
                        rest.extend(smaller);
                    }
                    None => rest.push(part),
                }
            }
        }
        found.then_some(rest)
    }

    /// Pairs single terms with sums of several on the other side.
    fn regroup(&mut self, extra: &mut Vec<NodeId>) {
        extra.retain(|&part| {
            let target = self.normaliser.normal(part);
            let normals: Vec<Polynomial> = self
                .missing
                .iter()
                .map(|(_, normal)| normal.clone())
                .collect();
            match self.subset(&normals, &target) {
                Some(chosen) => {
                    remove(&mut self.missing, &chosen);
                    false
                }
                None => true,
            }
        });
        for (term, target) in std::mem::take(&mut self.missing) {
            let normals: Vec<Polynomial> = extra
                .iter()
                .map(|&part| self.normaliser.normal(part))
                .collect();
            match self.subset(&normals, &target) {
                Some(chosen) => remove(extra, &chosen),
                None => self.missing.push((term, target)),
            }
        }
    }

    /// The positions of some polynomials that add up to the target.
    fn subset(&mut self, from: &[Polynomial], target: &Polynomial) -> Option<Vec<usize>> {
        self.parts = self.parts.saturating_sub(1);
        let count = from.len().min(SUBSET);
        (1u32..1 << count).find_map(|mask| {
            if self.gave_up() {
                return None;
            }
            let chosen: Vec<usize> = (0..count).filter(|at| mask >> at & 1 == 1).collect();
            let sum = chosen
                .iter()
                .fold(Polynomial::zero(), |sum, &at| sum.plus(&from[at]));
            let normaliser = &mut self.normaliser;
            normaliser.is_zero(&sum.minus(target)).then_some(chosen)
        })
    }
}

fn remove<T>(list: &mut Vec<T>, chosen: &[usize]) {
    let mut at = 0;
    list.retain(|_| {
        at += 1;
        !chosen.contains(&(at - 1))
    });
}

/// The terms of a sum as it is written.
fn addends(cell: &mut Cell, id: NodeId) -> Vec<NodeId> {
    match *cell.graph.op(id) {
        Op::Add(a, b) => [addends(cell, a), addends(cell, b)].concat(),
        Op::Sub(a, b) => {
            let mut all = addends(cell, a);
            for part in addends(cell, b) {
                all.push(cell.graph.neg(part));
            }
            all
        }
        Op::Neg(a) => addends(cell, a)
            .into_iter()
            .map(|part| cell.graph.neg(part))
            .collect(),
        Op::Broadcast(a) => {
            let shape = cell.graph.shape(id).clone();
            addends(cell, a)
                .into_iter()
                .map(|part| cell.graph.broadcast(part, &shape))
                .collect()
        }
        _ => vec![id],
    }
}

/// A term multiplied out over the first sum found in it; `None` if there is none.
fn distributed(cell: &mut Cell, id: NodeId) -> Option<Vec<NodeId>> {
    let op = cell.graph.op(id).clone();
    match op {
        Op::Mul(..)
        | Op::Sum(..)
        | Op::Product { .. }
        | Op::Broadcast(_)
        | Op::Neg(_)
        | Op::Stop(_) => {}
        Op::Div(a, _) => {
            let parts = split(cell, a)?;
            return Some(rebuilt(cell, id, 0, parts));
        }
        _ => return None,
    }
    let operands = op.operands();
    (0..operands.len()).find_map(|at| {
        let parts = split(cell, operands[at])?;
        Some(rebuilt(cell, id, at, parts))
    })
}

/// The parts of a sum, or of what becomes one when it is multiplied out.
fn split(cell: &mut Cell, id: NodeId) -> Option<Vec<NodeId>> {
    let parts = addends(cell, id);
    if parts.len() > 1 {
        Some(parts)
    } else {
        distributed(cell, id)
    }
}

/// An operation on each of some parts in place of one operand.
fn rebuilt(cell: &mut Cell, id: NodeId, at: usize, parts: Vec<NodeId>) -> Vec<NodeId> {
    let operands = cell.graph.op(id).operands();
    parts
        .into_iter()
        .map(|part| {
            let mut operands = operands.clone();
            operands[at] = part;
            cell.graph.rebuild(id, &operands)
        })
        .collect()
}
