//! Shows that every error signal the author stated equals the one the equations give.

mod circular;
mod definitions;
mod message;
mod terms;

use crate::adjoint::Derivation;
use crate::error::Diagnostics;
use crate::evaluate::{Trace, random_point};
use crate::expr::{NodeId, QuantityId};
use crate::model::Cell;
use crate::normal::{Depth, Normaliser, Polynomial};

pub use terms::{SourcedTerm, sourced_terms};

/// What was shown.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// The stated signals, in the author's order; all of them are proved.
    pub signals: Vec<Proved>,
}

/// A stated signal that equals the derived one.
#[derive(Debug, Clone, Copy)]
pub struct Proved {
    /// The quantity whose error it is.
    pub of: QuantityId,
    /// How far the normal form had to look to see it.
    pub depth: Depth,
}

/// At how many points two expressions that could not be proved equal are compared.
const POINTS: u64 = 6;

/// Values that differ by less than this, relative to the larger or to the terms whose sum they are, are taken to differ by
/// rounding alone: terms may cancel each other.
const ROUNDING: f64 = 1e-9;

/// Shows for every stated signal that it equals the sum the equations give, or says where it does not.
pub fn prove(cell: &mut Cell, derivation: &Derivation) -> Result<Proof, Diagnostics> {
    let shown = shallow(cell, derivation);
    let (mut proof, mut diagnostics) = (Proof::default(), Diagnostics::default());
    for (at, shown) in shown.into_iter().enumerate() {
        let of = cell.signals[at].of;
        if shown {
            proof.signals.push(Proved {
                of,
                depth: Depth::SHALLOW,
            });
        } else if let Some(point) = differs(cell, derivation, at) {
            // A point where the values differ leaves nothing to prove.
            diagnostics
                .0
                .push(message::wrong(cell, derivation, at, point));
        } else if let Some(depth) = deeper(cell, derivation, at) {
            proof.signals.push(Proved { of, depth });
        } else {
            diagnostics.0.push(message::unproved(cell, derivation, at));
        }
    }
    if diagnostics.is_empty() {
        // A wrong signal in a circle is reported as wrong, which says more.
        circular::check(cell, derivation, &mut diagnostics);
    }
    diagnostics.into_result(proof)
}

/// Which signals are seen to be right with the author's own symbols.
fn shallow(cell: &mut Cell, derivation: &Derivation) -> Vec<bool> {
    let mut normaliser = Normaliser::new(cell, derivation, Depth::SHALLOW);
    let all = 0..normaliser.cell().signals.len();
    all.map(|at| is_shown(&mut normaliser, derivation, at))
        .collect()
}

/// The first depth at which a signal is seen to be right, with definitions written out where the author did.
fn deeper(cell: &mut Cell, derivation: &Derivation, at: usize) -> Option<Depth> {
    let written_out = definitions::written_out(cell, derivation, at);
    let targeted = [
        (Depth::SHALLOW, true),
        (Depth::NOW, false),
        (Depth::NOW, true),
    ];
    let general = Depth::DEEPER.into_iter().map(|depth| (depth, false));
    let found = targeted
        .into_iter()
        .chain(general)
        .find(|&(depth, writes_out)| {
            let definitions = if writes_out {
                written_out.clone()
            } else {
                Vec::new()
            };
            let normaliser = Normaliser::new(cell, derivation, depth);
            is_shown(&mut normaliser.writing_out(definitions), derivation, at)
        });
    found.map(|(depth, _)| depth)
}

fn is_shown(normaliser: &mut Normaliser<'_>, derivation: &Derivation, at: usize) -> bool {
    normaliser.refill();
    let signal = &normaliser.cell().signals[at];
    let (of, stated) = (signal.of, signal.stated);
    let difference = derived_sum(normaliser, derivation, of).minus(&normaliser.normal(stated));
    normaliser.is_zero(&difference) && !normaliser.exhausted()
}

/// The normal form of the derived signal.
fn derived_sum(
    normaliser: &mut Normaliser<'_>,
    derivation: &Derivation,
    of: QuantityId,
) -> Polynomial {
    let error = &derivation.signals[of.0];
    let terms = error.now.iter().chain(&error.later);
    terms.fold(Polynomial::zero(), |sum, term| {
        sum.plus(&normaliser.normal(term.value))
    })
}

/// Two values that should be equal and are not.
#[derive(Debug, Clone)]
struct Difference {
    sizes: Vec<usize>,
    element: usize,
    stated: f64,
    derived: f64,
}

/// A random point at which the stated signal has another value than the derived one.
fn differs(cell: &Cell, derivation: &Derivation, at: usize) -> Option<Difference> {
    let signal = &cell.signals[at];
    (1..=POINTS).find_map(|seed| {
        let point = random_point(cell, derivation, seed);
        let scale = scale(cell, derivation, &point, signal.of);
        difference(cell, &point, signal.of, signal.stated, &scale)
    })
}

/// The sums of the sizes of a derived signal's terms.
fn scale(cell: &Cell, derivation: &Derivation, point: &Trace, of: QuantityId) -> Vec<f64> {
    let error = &derivation.signals[of.0];
    let mut sums = vec![0.0; point.len(&cell.quantity(of).shape)];
    for term in error.now.iter().chain(&error.later) {
        let value = point.value(cell, term.value, 0);
        let both = sums.iter_mut().zip(value.iter().cycle());
        both.for_each(|(sum, value)| *sum += value.abs());
    }
    sums
}

fn difference(
    cell: &Cell,
    point: &Trace,
    of: QuantityId,
    stated: NodeId,
    scale: &[f64],
) -> Option<Difference> {
    let derived = point.signals.get(&(0, of))?;
    let stated = point.value(cell, stated, 0);
    let stated = stated.iter().copied().cycle().take(derived.len());
    derived
        .iter()
        .copied()
        .zip(stated)
        .zip(scale)
        .enumerate()
        .find_map(|(element, ((derived, stated), terms))| {
            let scale = terms.max(derived.abs()).max(stated.abs());
            let differ = derived.is_finite()
                && (!stated.is_finite() || (derived - stated).abs() > ROUNDING * scale);
            differ.then(|| Difference {
                sizes: point.sizes.clone(),
                element,
                stated,
                derived,
            })
        })
}
