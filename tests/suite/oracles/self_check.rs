//! The oracles check themselves: their gradients are those of central differences of their own forward pass.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

/// Bound on the difference, per component of size about 1. The truncation error of a central difference with step
/// 1e-5 is about 1e-10 times a third derivative, its rounding error about 1e-16 / 1e-5 times a loss of about 10.
const TOLERANCE: f64 = 1e-8;

/// The step of the difference.
const STEP: f64 = 1e-5;

fn loss<O: Oracle>(q: &Sequence, base: &O::Trace) -> f64 {
    let trace = O::frozen(q, base);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let outputs =
        q.dy.iter()
            .zip(&O::output(&trace)[1..])
            .map(|(d, y)| dot(d, y))
            .sum::<f64>();
    let last = O::carried(&trace)
        .into_iter()
        .map(|(name, values)| dot(&q.dlast[name], &values[q.x.len()]));
    outputs + last.sum::<f64>()
}

fn check<O: Oracle>(sizes: &[usize]) {
    let shapes = O::shapes(sizes);
    let mut rng = SmallRng::seed_from_u64(1997);
    let mut vector = |len: usize| {
        (0..len)
            .map(|_| rng.random_range(-1.0..1.0))
            .collect::<Vec<f64>>()
    };
    let steps = 4;
    let q = Sequence {
        sizes: sizes.to_vec(),
        params: shapes
            .params
            .iter()
            .map(|&(name, rows, columns)| (name, vector(rows * columns)))
            .collect(),
        x: (0..steps).map(|_| vector(shapes.input)).collect(),
        first: shapes
            .carried
            .iter()
            .map(|&(name, len)| (name, vector(len)))
            .collect(),
        dy: (0..steps).map(|_| vector(shapes.output)).collect(),
        dlast: shapes
            .carried
            .iter()
            .map(|&(name, len)| (name, vector(len)))
            .collect(),
    };
    let base = O::forward(&q);
    let gradients = O::backward(&q, &base);
    let compare = |what: &str, gradient: &[f64], place: &dyn Fn(&mut Sequence) -> &mut Vec<f64>| {
        for (k, &stated) in gradient.iter().enumerate() {
            let at = |offset: f64| {
                let mut moved = q.clone();
                place(&mut moved)[k] += offset;
                loss::<O>(&moved, &base)
            };
            let measured = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!(
                (stated - measured).abs() <= TOLERANCE * measured.abs().max(1.0),
                "{what}[{k}]: the formulas give {stated}, central differences {measured}"
            );
        }
    };
    assert_eq!(gradients.params.len(), shapes.params.len());
    assert_eq!(gradients.first.len(), shapes.carried.len());
    for (&name, gradient) in &gradients.params {
        compare(name, gradient, &|q| {
            q.params
                .get_mut(name)
                .expect("the parameter was made above")
        });
    }
    for (&name, gradient) in &gradients.first {
        compare(name, gradient, &|q| {
            q.first.get_mut(name).expect("the state was made above")
        });
    }
    for (t, gradient) in gradients.x.iter().enumerate() {
        compare("x", gradient, &|q| &mut q.x[t]);
    }
}

#[test]
fn full_gradients_equal_central_differences() {
    check::<ElmanRnn>(&[2, 3]);
    check::<Lstm>(&[2, 3]);
    check::<ProjectionLstm>(&[2, 4, 3]);
    check::<GruResetAfter>(&[2, 3]);
    check::<GruResetBefore>(&[2, 3]);
    check::<PeepholeLstm>(&[2, 3, 2]);
    check::<Lstm1997>(&[2, 3, 2]);
    check::<ReluRnn>(&[2, 3]);
}

#[test]
fn truncated_gradients_equal_central_differences_with_stopped_values_frozen() {
    check::<Lstm1997Truncated>(&[2, 3, 2]);
    check::<Lstm2002Truncated>(&[2, 3, 2]);
}
