//! Every shipped cell against its oracle: results, carried states and all gradients, for every SIMD width and both
//! element types, at sizes around the vector widths; and the equalities that must hold bit for bit.

use std::collections::BTreeMap;

use lstm_kernels::{Cell, Kernel, Width, cells};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::oracles::{self, Named, Oracle, Sequence};
use crate::passes::{self, Outputs, Problem, Real};

/// Units (or memory blocks): one, below, at and above vectors of 4, 8, 16 lanes and pairs of them.
const UNITS: [usize; 7] = [1, 3, 8, 15, 16, 17, 33];
/// Samples: one, and what leaves every remainder in tiles of up to six samples.
const BATCHES: [usize; 5] = [1, 2, 5, 7, 13];
/// Steps: without recurrence beyond the given state, with one, with many.
const STEPS: [usize; 3] = [1, 2, 17];
/// Cells per memory block.
const CELLS: [usize; 3] = [1, 2, 3];
/// Inputs.
const INPUTS: [usize; 4] = [1, 4, 17, 6];
/// Units of a projection.
const PROJECTED: [usize; 6] = [1, 2, 16, 9, 17, 5];

/// Largest difference allowed, relative to the largest component of the vector or matrix it is in. Changing every
/// parameter of the oracles' problems by one rounding moves no component by more than 60 roundings (measured; the 1997
/// cell, 17 steps). A kernel rounds at every operation, in sums of up to 221 terms, and its activation functions are a
/// few units in the last place off: some hundred such roundings of 1.1e-16, at random signs, stay below 1e-13.
const TOLERANCE_F64: f64 = 1e-12;
/// The same for roundings of 6e-8, which stay below some 1e-5.
const TOLERANCE_F32: f64 = 1e-4;
/// Below this size a component counts as this large: gradients are sums of terms of the size of the random errors fed
/// in (about 1), and where they cancel the result is small while its rounding error is not.
const FLOOR: f64 = 0.1;

/// A case's problem in the form of the kernels, and the oracle's answer in the same form.
struct Case {
    sizes: Vec<usize>,
    steps: usize,
    problem: Problem,
    outputs: Outputs,
    gradients: passes::Gradients,
}

fn check<C: Cell, O: Oracle>() {
    for (u, &units) in UNITS.iter().enumerate() {
        for (b, &batch) in BATCHES.iter().enumerate() {
            for (s, &steps) in STEPS.iter().enumerate() {
                let size = |name: &str| match name {
                    "I" => INPUTS[(u + b) % 4],
                    "N" => units,
                    // Every pair of cells per block with units, with batch and with steps occurs.
                    "C" => CELLS[(u + b + s) % 3],
                    "R" => PROJECTED[(u + b) % 6],
                    _ => panic!(
                        "{} has an axis {name} that this test gives no size",
                        C::SPEC.name
                    ),
                };
                let sizes = C::SPEC.sizes.iter().map(|axis| size(axis.name)).collect();
                let case = case::<C, O>(sizes, steps, batch);
                for width in Width::available() {
                    compare::<C, f64>(&case, width, TOLERANCE_F64);
                    compare::<C, f32>(&case, width, TOLERANCE_F32);
                }
            }
        }
    }
}

/// Random numbers that f32 holds exactly, so that both element types solve the oracle's problem: multiples of 1/1024
/// in [-1, 1].
fn random(rng: &mut SmallRng, len: usize) -> Vec<f64> {
    (0..len)
        .map(|_| f64::from(rng.random_range(-1024..=1024)) / 1024.0)
        .collect()
}

fn case<C: Cell, O: Oracle>(sizes: Vec<usize>, steps: usize, batch: usize) -> Case {
    let shapes = O::shapes(&sizes);
    let mut rng = SmallRng::seed_from_u64(1997);
    let mut params = Vec::new();
    for &(_, rows, columns) in &shapes.params {
        // The power of two next below 1 / sqrt(columns): net inputs stay about 1.
        let scale = (-(columns as f64).log2() / 2.0).floor().exp2();
        params.extend(
            random(&mut rng, rows * columns)
                .into_iter()
                .map(|w| w * scale),
        );
    }
    let carried = C::SPEC.carried.iter().map(|spec| {
        let found = shapes.carried.iter().find(|(name, _)| *name == spec.name);
        *found.unwrap_or_else(|| {
            panic!(
                "{} carries {}, the oracle does not",
                C::SPEC.name,
                spec.name
            )
        })
    });
    let carried: Vec<(&'static str, usize)> = carried.collect();
    assert_eq!(
        carried.len(),
        shapes.carried.len(),
        "{}: the oracle carries more states",
        C::SPEC.name
    );
    let mut problem = Problem {
        batch,
        params,
        x: random(&mut rng, shapes.input * steps * batch),
        first: carried
            .iter()
            .map(|&(_, len)| random(&mut rng, len * batch))
            .collect(),
        dy: random(&mut rng, shapes.output * steps * batch),
        dlast: Vec::new(),
    };
    problem.dlast = carried
        .iter()
        .map(|&(_, len)| random(&mut rng, len * batch))
        .collect();

    let column = |m: &[f64], len: usize, k: usize| m[len * k..len * (k + 1)].to_vec();
    let history = |m: &[f64], len: usize, b: usize| {
        (0..steps).map(|t| column(m, len, t * batch + b)).collect()
    };
    let named = |states: &[Vec<f64>], b: usize| -> Named {
        carried
            .iter()
            .zip(states)
            .map(|(&(name, len), m)| (name, column(m, len, b)))
            .collect()
    };
    let mut rest = problem.params.as_slice();
    let named_params: Named = shapes
        .params
        .iter()
        .map(|&(name, rows, columns)| {
            let (values, after) = rest.split_at(rows * columns);
            rest = after;
            (name, values.to_vec())
        })
        .collect();

    let mut outputs = Outputs {
        y: vec![0.0; problem.dy.len()],
        last: vec![Vec::new(); carried.len()],
    };
    let mut dx = vec![0.0; problem.x.len()];
    let mut dfirst = vec![Vec::new(); carried.len()];
    let mut dparams: BTreeMap<_, _> = named_params
        .iter()
        .map(|(&k, v)| (k, vec![0.0; v.len()]))
        .collect();
    for b in 0..batch {
        let sequence = Sequence {
            sizes: sizes.clone(),
            params: named_params.clone(),
            x: history(&problem.x, shapes.input, b),
            first: named(&problem.first, b),
            dy: history(&problem.dy, shapes.output, b),
            dlast: named(&problem.dlast, b),
        };
        let trace = O::forward(&sequence);
        let gradients = O::backward(&sequence, &trace);
        let last: BTreeMap<_, _> = O::carried(&trace).into_iter().collect();
        for t in 0..steps {
            let k = t * batch + b;
            outputs.y[shapes.output * k..][..shapes.output]
                .copy_from_slice(&O::output(&trace)[t + 1]);
            dx[shapes.input * k..][..shapes.input].copy_from_slice(&gradients.x[t]);
        }
        for (i, (name, _)) in carried.iter().enumerate() {
            outputs.last[i].extend(&last[name][steps]);
            dfirst[i].extend(&gradients.first[name]);
        }
        for (name, sum) in &mut dparams {
            sum.iter_mut()
                .zip(&gradients.params[name])
                .for_each(|(sum, d)| *sum += d);
        }
    }
    let flat = shapes
        .params
        .iter()
        .flat_map(|(name, _, _)| dparams[name].iter().copied())
        .collect();
    let gradients = passes::Gradients {
        params: flat,
        x: dx,
        first: dfirst,
    };
    Case {
        sizes,
        steps,
        problem,
        outputs,
        gradients,
    }
}

fn compare<C: Cell, T: Real>(case: &Case, width: Width, tolerance: f64) {
    let Case {
        sizes,
        steps,
        problem,
        outputs,
        gradients,
    } = case;
    let kernel = Kernel::<C, T>::with_width(sizes, width).expect("sizes above zero");
    let place = format!(
        "{}, {}, {width:?}, sizes {sizes:?}, {steps} steps, batch {}",
        C::SPEC.name,
        std::any::type_name::<T>(),
        problem.batch
    );
    let (forward, backward) = passes::train(&kernel, problem);
    close(&place, "y", &forward.y, &outputs.y, tolerance);
    close(&place, "dx", &backward.x, &gradients.x, tolerance);
    for (i, spec) in C::SPEC.carried.iter().enumerate() {
        close(
            &place,
            &format!("last {}", spec.name),
            &forward.last[i],
            &outputs.last[i],
            tolerance,
        );
        close(
            &place,
            &format!("gradient of first {}", spec.name),
            &backward.first[i],
            &gradients.first[i],
            tolerance,
        );
    }
    for (i, spec) in C::SPEC.params.iter().enumerate() {
        let range = kernel.param_range(i);
        let (got, expected) = (&backward.params[range.clone()], &gradients.params[range]);
        close(
            &place,
            &format!("gradient of {}", spec.name),
            got,
            expected,
            tolerance,
        );
    }
    // Inference computes what training computes, at once or step by step, to the last bit.
    let at_once = passes::infer(&kernel, problem, *steps);
    assert!(at_once == forward, "{place}: infer and forward differ");
    assert!(
        passes::infer(&kernel, problem, 1) == at_once,
        "{place}: infer differs when split into single steps"
    );
}

fn close(place: &str, what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{place}: length of {what}");
    let scale = expected
        .iter()
        .fold(FLOOR, |largest, v| largest.max(v.abs()));
    for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
        // Written so that a NaN fails.
        let fits = (got - expected).abs() <= tolerance * scale;
        assert!(
            fits,
            "{place}: {what}[{k}] is {got}, the oracle says {expected} (largest component {scale})"
        );
    }
}

#[test]
fn elman_rnn() {
    check::<cells::ElmanRnn, oracles::ElmanRnn>();
}

#[test]
fn lstm_1997() {
    check::<cells::Lstm1997, oracles::Lstm1997>();
}

#[test]
fn lstm_1997_truncated() {
    check::<cells::Lstm1997Truncated, oracles::Lstm1997Truncated>();
}

#[test]
fn lstm() {
    check::<cells::Lstm, oracles::Lstm>();
}

#[test]
fn peephole_lstm() {
    check::<cells::PeepholeLstm, oracles::PeepholeLstm>();
}

#[test]
fn lstm_2002_truncated() {
    check::<cells::Lstm2002Truncated, oracles::Lstm2002Truncated>();
}

#[test]
fn gru_reset_after() {
    check::<cells::GruResetAfter, oracles::GruResetAfter>();
}

#[test]
fn gru_reset_before() {
    check::<cells::GruResetBefore, oracles::GruResetBefore>();
}

#[test]
fn projection_lstm() {
    check::<cells::ProjectionLstm, oracles::ProjectionLstm>();
}

#[test]
fn relu_rnn() {
    check::<cells::ReluRnn, oracles::ReluRnn>();
}
