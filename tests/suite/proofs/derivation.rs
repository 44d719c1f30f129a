//! The derivation in numbers: error signals and gradients of a run of three steps against central differences.

use std::collections::BTreeMap;

use lstm_derive_engine::adjoint::{Derivation, ParamTerm};
use lstm_derive_engine::evaluate::{Random, Step, Trace};
use lstm_derive_engine::expr::QuantityId;
use lstm_derive_engine::model::{Cell, Role};

use super::sources::{SHIPPED, TOYS, compiled};

/// The steps of a run.
const STEPS: Step = 3;

/// Half the distance of central differences. Their error is of order STEP², some 1e-9 for functions of this size, and
/// rounding adds 1e-16 / STEP, below 1e-11.
const STEP: f64 = 1e-5;

/// What central differences may differ by, relative to 1 plus the value: ten times their expected error.
const TOLERANCE: f64 = 1e-8;

/// A loss that is linear in all outputs and final states, so that its gradients there are the given vectors.
struct Loss {
    upstream: BTreeMap<Step, Vec<f64>>,
    future: BTreeMap<QuantityId, Vec<f64>>,
}

impl Loss {
    fn random(cell: &Cell, trace: &Trace, random: &mut Random) -> Self {
        let output = trace.len(&cell.quantity(cell.output).shape);
        let upstream = (0..STEPS)
            .map(|step| (step, random.vector(output)))
            .collect();
        let future = cell
            .carried()
            .map(|id| (id, random.vector(trace.len(&cell.quantity(id).shape))))
            .collect();
        Loss { upstream, future }
    }

    fn value(&self, cell: &Cell, trace: &Trace) -> f64 {
        let dot = |gradient: &[f64], value: &[f64]| {
            gradient.iter().zip(value).map(|(a, b)| a * b).sum::<f64>()
        };
        let outputs = self
            .upstream
            .iter()
            .map(|(&step, gradient)| dot(gradient, &trace.quantities[&(step, cell.output)]));
        let states = self
            .future
            .iter()
            .map(|(&id, gradient)| dot(gradient, &trace.quantities[&(STEPS - 1, id)]));
        outputs.chain(states).sum()
    }
}

fn run(cell: &Cell, trace: &mut Trace) {
    (0..STEPS).for_each(|step| trace.forward(cell, step));
}

/// A random start: parameters, initial states and inputs between 0.1 and 1 where `positive`, else between -1 and 1.
fn start(cell: &Cell, positive: bool, random: &mut Random) -> Trace {
    // Lengths 2, 3, 2, ..: axes that follow each other cannot be mistaken for each other.
    let mut trace = Trace::new(
        cell,
        (0..cell.sizes.len()).map(|axis| 2 + axis % 2).collect(),
        random,
    );
    for id in cell.carried() {
        let len = trace.len(&cell.quantity(id).shape);
        trace.quantities.insert((-1, id), random.vector(len));
    }
    for step in -1..STEPS {
        let len = trace.len(&cell.input.shape);
        trace.inputs.insert(step, random.vector(len));
    }
    if positive {
        let params = trace
            .params
            .iter_mut()
            .chain(trace.quantities.values_mut())
            .chain(trace.inputs.values_mut());
        params.for_each(|vector| {
            vector
                .iter_mut()
                .for_each(|value| *value = 0.1 + 0.9 * value.abs())
        });
    }
    trace
}

/// The gradient of a parameter from the derived terms of all steps.
fn gradient(cell: &Cell, derivation: &Derivation, trace: &Trace, param: usize) -> Vec<f64> {
    let mut sum = vec![0.0; trace.params[param].len()];
    for step in 0..STEPS {
        for term in &derivation.params[param] {
            match *term {
                ParamTerm::Outer { error, vector, .. } => {
                    assert!(
                        matches!(cell.params[param].role, Role::Matrix { .. }),
                        "a matrix multiplies a vector"
                    );
                    let (error, vector) = (
                        trace.value(cell, error, step),
                        trace.value(cell, vector, step),
                    );
                    let outer = vector.iter().flat_map(|v| error.iter().map(move |e| e * v));
                    sum.iter_mut()
                        .zip(outer)
                        .for_each(|(sum, value)| *sum += value);
                }
                ParamTerm::Elementwise { value, .. } => {
                    let value = trace.value(cell, value, step);
                    sum.iter_mut()
                        .zip(value)
                        .for_each(|(sum, value)| *sum += value);
                }
            }
        }
    }
    sum
}

/// Compares every gradient of a cell with central differences.
fn check(name: &str, source: &str, positive: bool) {
    let (cell, derivation) = compiled(source);
    let mut random = Random::new(7);
    let mut start = start(&cell, positive, &mut random);
    let loss = Loss::random(&cell, &start, &mut random);
    start.upstream = loss.upstream.clone();
    let mut trace = start.clone();
    run(&cell, &mut trace);
    for step in (0..STEPS).rev() {
        let future = (step == STEPS - 1).then_some(&loss.future);
        trace.backward(&cell, &derivation, step, future);
    }

    // `stop` keeps the value it had in the run whose gradient is taken.
    start.stopped = Some(Box::new(trace.clone()));
    let slope = |change: &dyn Fn(&mut Trace, f64)| {
        let [up, down] = [STEP, -STEP].map(|by| {
            let mut moved = start.clone();
            change(&mut moved, by);
            run(&cell, &mut moved);
            loss.value(&cell, &moved)
        });
        (up - down) / (2.0 * STEP)
    };
    let compare = |what: String, derived: f64, measured: f64| {
        let error = (derived - measured).abs() / (1.0 + measured.abs());
        assert!(
            error < TOLERANCE,
            "{name}: ∂L/∂{what} is derived as {derived}, central differences say {measured}"
        );
    };
    for (param, declared) in cell.params.iter().enumerate() {
        for (at, derived) in gradient(&cell, &derivation, &trace, param)
            .into_iter()
            .enumerate()
        {
            let measured = slope(&|moved, by| moved.params[param][at] += by);
            compare(format!("{}[{at}]", declared.name.symbol), derived, measured);
        }
    }
    for step in 0..STEPS {
        for at in 0..start.len(&cell.input.shape) {
            let derived: f64 = derivation
                .input
                .iter()
                .map(|term| trace.value(&cell, term.value, step)[at])
                .sum();
            let measured =
                slope(&|moved, by| moved.inputs.get_mut(&step).expect("a given input")[at] += by);
            compare(
                format!("{}[{at}] at step {step}", cell.input.name.symbol),
                derived,
                measured,
            );
        }
    }
    for id in cell.carried() {
        for at in 0..start.len(&cell.quantity(id).shape) {
            // What step 0 sends back to the initial state.
            let carried = derivation.signals[id.0].carried.iter();
            let derived: f64 = carried
                .map(|term| trace.value(&cell, term.value, 0)[at])
                .sum();
            let measured = slope(&|moved, by| {
                moved
                    .quantities
                    .get_mut(&(-1, id))
                    .expect("an initial state")[at] += by
            });
            compare(
                format!("{}[{at}] at the start", cell.quantity(id).name.symbol),
                derived,
                measured,
            );
        }
    }
}

#[test]
fn shipped_cells() {
    for (name, source) in SHIPPED {
        check(name, source, false);
    }
}

#[test]
fn every_operator() {
    for (name, source) in TOYS {
        check(name, source, name.contains("logarithms"));
    }
}
