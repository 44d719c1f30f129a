//! A derivation as a reader would write it: a term that occurs several times stands once, with a factor.
//!
//! The derivative of a square, d · d, is found factor by factor, so its term is there twice.

use crate::adjoint::{Derivation, ParamTerm, Term};
use crate::expr::{Graph, NodeId};
use crate::model::Cell;

/// The derivation with equal terms of a sum as one, and the cell whose graph has their products.
pub(super) fn merged(cell: &Cell, derivation: &Derivation) -> (Cell, Derivation) {
    let (mut cell, mut derivation) = (cell.clone(), derivation.clone());
    let graph = &mut cell.graph;
    let signals = derivation.signals.iter_mut();
    let sums = signals.flat_map(|signal| [&mut signal.now, &mut signal.later]);
    for sum in sums.chain([&mut derivation.input]) {
        *sum = once_each(graph, sum, |term: &mut Term| Some(&mut term.value));
    }
    for sum in &mut derivation.params {
        *sum = once_each(graph, sum, |term| match term {
            ParamTerm::Elementwise { value, .. } => Some(value),
            ParamTerm::Outer { .. } => None,
        });
    }
    (cell, derivation)
}

/// Each term once, with its value times how often it occurs. What has no value stays as often as it is.
fn once_each<T: Copy + PartialEq>(
    graph: &mut Graph,
    terms: &[T],
    value: impl Fn(&mut T) -> Option<&mut NodeId>,
) -> Vec<T> {
    let mut counted: Vec<(T, i64)> = Vec::new();
    for &term in terms {
        let has_value = value(&mut term.clone()).is_some();
        match counted.iter_mut().find(|(known, _)| *known == term) {
            Some((_, count)) if has_value => *count += 1,
            _ => counted.push((term, 1)),
        }
    }
    let scaled = counted.into_iter().map(|(mut term, count)| {
        if let Some(value) = value(&mut term) {
            let factor = graph.integer(count);
            *value = graph.mul(factor, *value);
        }
        term
    });
    scaled.collect()
}
