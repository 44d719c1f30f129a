//! Shows that every error signal the author stated equals the one the equations give.

mod circular;
mod definitions;
mod message;
mod terms;

use crate::adjoint::Derivation;
use crate::error::Diagnostics;
use crate::evaluate::{Trace, random_point};
use crate::expr::QuantityId;
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
const POINTS: usize = 6;

/// So many points are tried to find those at which a derived signal has a value: a logarithm may have none.
const TRIES: u64 = 24;

/// Values that differ by less than this, relative to the largest that their computation passed through, are taken to differ
/// by rounding alone: terms may cancel each other.
const ROUNDING: f64 = 1e-9;

/// Shows for every stated signal that it equals the sum the equations give, or says where it does not.
pub fn prove(cell: &mut Cell, derivation: &Derivation) -> Result<Proof, Diagnostics> {
    let seen = at_sight(cell, derivation);
    let (mut proof, mut diagnostics) = (Proof::default(), Diagnostics::default());
    for (at, depth) in seen.into_iter().enumerate() {
        let of = cell.signals[at].of;
        match (compared(cell, derivation, at), depth) {
            // What is seen at sight is equal where both have values: exp(log a) is a, but has none for a negative a.
            (Compared::Different(point), Some(depth)) if point.stated.is_finite() => {
                proof.signals.push(Proved { of, depth });
            }
            // A point where the values differ leaves nothing to prove.
            (Compared::Different(point), _) => {
                diagnostics.push(message::wrong(cell, derivation, at, point));
            }
            (Compared::Equal { .. }, Some(depth)) => proof.signals.push(Proved { of, depth }),
            (Compared::Equal { points }, None) => match deeper(cell, derivation, at) {
                Some(depth) => proof.signals.push(Proved { of, depth }),
                None => diagnostics.push(message::unproved(cell, derivation, at, points)),
            },
        }
    }
    if diagnostics.is_empty() {
        // A wrong signal in a circle is reported as wrong, which says more.
        circular::check(cell, derivation, &mut diagnostics);
    }
    diagnostics.into_result(proof)
}

/// The depth at which each signal is seen to be right with the author's own symbols, if it is.
fn at_sight(cell: &mut Cell, derivation: &Derivation) -> Vec<Option<Depth>> {
    let mut found = vec![None; cell.signals.len()];
    let literal = [false, true].map(|names| Depth::LITERAL.map(|depth| (depth, names)));
    let shallow = [Depth::NAMED, Depth::SHALLOW].map(|depth| (depth, false));
    for (depth, names) in literal.into_iter().flatten().chain(shallow) {
        let mut normaliser = Normaliser::new(cell, derivation, depth);
        if names {
            normaliser = normaliser.naming_definitions();
        }
        for (at, known) in found.iter_mut().enumerate() {
            if known.is_none() && is_shown(&mut normaliser, derivation, at) {
                *known = Some(depth);
            }
        }
    }
    found
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

/// What random points say of a stated signal and the derived one.
#[derive(Debug, Clone)]
enum Compared {
    /// The values differ.
    Different(Difference),
    /// The values are equal at so many points.
    Equal { points: usize },
}

/// Compares a stated signal with the derived one at random points, as far as the derived one has a value there.
fn compared(cell: &Cell, derivation: &Derivation, at: usize) -> Compared {
    let mut points = 0;
    for seed in 1..=TRIES {
        let point = random_point(cell, derivation, seed);
        match compared_at(cell, derivation, &point, at) {
            Some(Compared::Equal { .. }) => points += 1,
            Some(different) => return different,
            None => {}
        }
        if points == POINTS {
            break;
        }
    }
    Compared::Equal { points }
}

/// The same at one point; `None` where some element of the derived signal has no value, and no other differs.
fn compared_at(cell: &Cell, derivation: &Derivation, point: &Trace, at: usize) -> Option<Compared> {
    let signal = &cell.signals[at];
    let error = &derivation.signals[signal.of.0];
    let derived = point.signals.get(&(0, signal.of))?;
    let stated = point.rounded(cell, signal.stated, 0);
    // Terms may cancel each other, in the derived sum as in the stated one.
    let mut scale: Vec<f64> = stated.iter().map(|element| element.magnitude).collect();
    for term in error.now.iter().chain(&error.later) {
        let term = point.rounded(cell, term.value, 0);
        let both = scale.iter_mut().zip(term);
        both.for_each(|(sum, element)| *sum += element.magnitude);
    }
    let stated = stated.iter().map(|element| element.value);
    let mut values = derived.iter().copied().zip(stated).zip(scale).enumerate();
    let different = values.find(|&(_, ((derived, stated), scale))| {
        let exceeds = (derived - stated).abs() > ROUNDING * scale;
        derived.is_finite() && (!stated.is_finite() || exceeds)
    });
    match different {
        Some((element, ((derived, stated), _))) => Some(Compared::Different(Difference {
            sizes: point.sizes.clone(),
            element,
            stated,
            derived,
        })),
        None => derived
            .iter()
            .all(|value| value.is_finite())
            .then_some(Compared::Equal { points: 1 }),
    }
}
