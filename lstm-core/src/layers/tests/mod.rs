//! Layers of every kind: gradients against central differences, samples of a batch against samples alone.

mod dropout;
mod states;
mod whole;

use faer::{Mat, MatRef};
use lstm_kernels::cells::{GruResetAfter, Lstm, PeepholeLstm};

use super::*;
use crate::check::{assert_gradient, assert_matrix_gradient};
use crate::init::Init;
use crate::linear::Linear;
use crate::recurrent::{Recompute, Recurrent};

/// Numbers without a pattern, the same on every run.
fn noise(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
    let mut rng = Rng::new(seed);
    Mat::from_fn(rows, columns, |_, _| rng.symmetric(1.0))
}

fn lstm(inputs: usize, units: usize, seed: u64) -> Recurrent<Lstm, f64> {
    Recurrent::new(&[inputs, units], &mut Rng::new(seed)).unwrap()
}

fn peepholes(inputs: usize, units: usize, seed: u64) -> Recurrent<PeepholeLstm, f64> {
    let mut layer = Recurrent::new(&[inputs, units], &mut Rng::new(seed))
        .unwrap()
        .with_trained_state();
    // A trained state that is not zero.
    let mut rng = Rng::new(seed + 1);
    layer
        .visit_mut(crate::params::Name::ROOT, &mut |name, parameter| {
            if name.to_string().starts_with("initial") {
                parameter
                    .values
                    .iter_mut()
                    .for_each(|v| *v = rng.symmetric(0.5));
            }
            Ok(())
        })
        .unwrap();
    layer
}

fn gru(inputs: usize, units: usize, seed: u64) -> Recurrent<GruResetAfter, f64> {
    Recurrent::new(&[inputs, units], &mut Rng::new(seed)).unwrap()
}

/// Every kind of layer in one stack, from 3 features to 2.
fn everything() -> Stack<f64> {
    let both = Bidirectional::concat(peepholes(4, 2, 3), gru(4, 2, 4)).unwrap();
    let sum = Bidirectional::sum(gru(4, 3, 5), lstm(4, 3, 6)).unwrap();
    Stack::new()
        .with("lstm", lstm(3, 4, 1))
        .unwrap()
        .with("residual", Residual::new(gru(4, 4, 2)).unwrap())
        .unwrap()
        .with("both", both)
        .unwrap()
        .with("sum", sum)
        .unwrap()
        .with(
            "head",
            Linear::new(3, 2, Init::Xavier, &mut Rng::new(7)).unwrap(),
        )
        .unwrap()
}

/// The batches that a layer must get right.
fn batches() -> Vec<Batch> {
    vec![
        Batch::new(5, 3),
        Batch::new(4, 2).batch_major(),
        Batch::ragged(&[2, 5, 0, 4]),
        Batch::padded(&[3, 1, 4], 6).unwrap().batch_major().fresh(),
        Batch::new(5, 2)
            .reset(2, 1)
            .unwrap()
            .reset(0, 0)
            .unwrap()
            .reset(4, 0)
            .unwrap(),
    ]
}

/// A loss with a weight of its own for every output and every final state, over real columns only.
fn loss(net: &dyn Layer<f64>, x: MatRef<'_, f64>, batch: &Batch, start: &[State<f64>]) -> f64 {
    let mut y = Mat::zeros(net.output_len(), batch.columns());
    let mut state = start.to_vec();
    net.infer(x, batch, &mut state, y.as_mut(), &mut LayerTape::new())
        .unwrap();
    let weights = noise(net.output_len(), batch.columns(), 20);
    let outputs: f64 = (0..y.ncols())
        .flat_map(|j| (0..y.nrows()).map(move |i| (i, j)))
        .map(|at| weights[at] * y[at])
        .sum();
    let states = state.iter().zip(state_weights(net, batch));
    outputs
        + states
            .map(|(state, weights)| inner(state, &weights))
            .sum::<f64>()
}

fn inner(a: &State<f64>, b: &State<f64>) -> f64 {
    let products = (0..a.len()).map(|k| {
        let (a, b) = (a.get(k), b.get(k));
        (0..a.ncols())
            .map(|j| (0..a.nrows()).map(|i| a[(i, j)] * b[(i, j)]).sum::<f64>())
            .sum::<f64>()
    });
    products.sum()
}

/// States filled with noise.
fn filled(net: &dyn Layer<f64>, batch: usize, seed: u64) -> Vec<State<f64>> {
    let mut states = net.initial_states(batch).unwrap();
    for (index, state) in states.iter_mut().enumerate() {
        for k in 0..state.len() {
            let mut value = state.get_mut(k);
            let (rows, columns) = value.shape();
            value.copy_from(noise(rows, columns, seed + (10 * index + k) as u64));
        }
    }
    states
}

fn state_weights(net: &dyn Layer<f64>, batch: &Batch) -> Vec<State<f64>> {
    filled(net, batch.samples(), 100)
}

struct Gradients {
    params: Vec<f64>,
    x: Mat<f64>,
    state: Vec<State<f64>>,
}

/// The gradient of [`loss`] by the backward pass.
fn gradients(
    net: &dyn Layer<f64>,
    x: MatRef<'_, f64>,
    batch: &Batch,
    start: &[State<f64>],
) -> Gradients {
    let mut y = Mat::zeros(net.output_len(), batch.columns());
    let (mut state, mut tape) = (start.to_vec(), LayerTape::new());
    let rng = &mut Rng::new(0);
    // Twice, so that memory left by another batch is seen not to matter.
    let other = Batch::ragged(&vec![2; batch.samples()]);
    let other_x = Mat::zeros(net.input_len(), other.columns());
    let mut other_y = Mat::zeros(net.output_len(), other.columns());
    net.forward(
        other_x.as_ref(),
        &other,
        &mut state,
        other_y.as_mut(),
        &mut tape,
        rng,
    )
    .unwrap();
    let mut state = start.to_vec();
    net.forward(x, batch, &mut state, y.as_mut(), &mut tape, rng)
        .unwrap();
    // Inference in between changes nothing of what is kept for the way back.
    let in_between = noise(net.input_len(), batch.columns(), 21);
    let (mut its_state, mut its_y) = (start.to_vec(), y.clone());
    net.infer(
        in_between.as_ref(),
        batch,
        &mut its_state,
        its_y.as_mut(),
        &mut tape,
    )
    .unwrap();
    let mut dy = noise(net.output_len(), batch.columns(), 20);
    batch.for_padding(|column| dy.as_mut().col_mut(column).fill(f64::NAN));
    let mut dstate = state_weights(net, batch);
    let mut params = vec![0.0; net.params_len()];
    let mut dx = Mat::full(net.input_len(), batch.columns(), f64::NAN);
    net.backward(
        x,
        batch,
        dy.as_ref(),
        &mut dstate,
        &mut tape,
        &mut params,
        Some(dx.as_mut()),
    )
    .unwrap();
    Gradients {
        params,
        x: dx,
        state: dstate,
    }
}

#[test]
fn gradients_of_a_stack_are_central_differences() {
    for batch in batches() {
        let mut net = everything();
        let mut x = noise(3, batch.columns(), 8);
        batch.for_padding(|column| x.as_mut().col_mut(column).fill(0.0));
        let start = filled(&net, batch.samples(), 50);
        let found = gradients(&net, x.as_ref(), &batch, &start);
        assert_gradient(&mut net, &found.params, |net| {
            loss(net, x.as_ref(), &batch, &start)
        });
        assert_matrix_gradient(&x, &found.x, |x| loss(&net, x, &batch, &start));
        for (index, dstate) in found.state.iter().enumerate() {
            for k in 0..dstate.len() {
                let value = start[index].get(k).to_owned();
                assert_matrix_gradient(&value, &dstate.get(k).to_owned(), |value| {
                    let mut start = start.clone();
                    start[index].get_mut(k).copy_from(value);
                    loss(&net, x.as_ref(), &batch, &start)
                });
            }
        }
    }
}

/// Outputs and final states.
fn outputs(net: &dyn Layer<f64>, x: MatRef<'_, f64>, batch: &Batch) -> (Mat<f64>, Vec<State<f64>>) {
    let mut y = Mat::zeros(net.output_len(), batch.columns());
    let mut state = net.initial_states(batch.samples()).unwrap();
    net.infer(x, batch, &mut state, y.as_mut(), &mut LayerTape::new())
        .unwrap();
    (y, state)
}

#[test]
fn a_sample_depends_neither_on_its_neighbours_nor_on_padding() {
    let net = everything();
    for batch in batches().into_iter().take(4) {
        let mut x = noise(3, batch.columns(), 9);
        batch.for_padding(|column| x.as_mut().col_mut(column).fill(f64::NAN));
        let (y, state) = outputs(&net, x.as_ref(), &batch);
        for sample in 0..batch.samples() {
            let alone = Batch::new(batch.length(sample), 1);
            let own = Mat::from_fn(3, alone.steps(), |i, t| x[(i, batch.column(t, sample))]);
            let (own_y, own_state) = outputs(&net, own.as_ref(), &alone);
            for t in 0..batch.steps() {
                for i in 0..2 {
                    let expected = if t < alone.steps() {
                        own_y[(i, t)]
                    } else {
                        0.0
                    };
                    assert_eq!(y[(i, batch.column(t, sample))], expected);
                }
            }
            for (state, own) in state.iter().zip(&own_state) {
                for k in 0..state.len() {
                    assert_eq!(state.get(k).col(sample), own.get(k).col(0));
                }
            }
        }
    }
}

#[test]
fn a_reset_is_a_new_sequence() {
    let net = Stack::new().with("only", peepholes(3, 4, 1)).unwrap();
    let batch = Batch::new(6, 2).reset(4, 1).unwrap();
    let x = noise(3, 12, 10);
    let (y, state) = outputs(&net, x.as_ref(), &batch);
    let tail = Mat::from_fn(3, 2, |i, t| x[(i, batch.column(4 + t, 1))]);
    let (own, own_state) = outputs(&net, tail.as_ref(), &Batch::new(2, 1));
    for t in 0..2 {
        assert_eq!(y.col(batch.column(4 + t, 1)), own.col(t));
    }
    assert_eq!(state[0].get(0).col(1), own_state[0].get(0).col(0));
}

#[test]
fn computing_once_more_changes_no_error_signal() {
    let batch = Batch::ragged(&[17, 12, 17]);
    let x = noise(3, batch.columns(), 11);
    let results = [Recompute::Never, Recompute::Every(5), Recompute::Root].map(|recompute| {
        let mut layer = peepholes(3, 4, 1);
        layer.set_recompute(recompute);
        let start = layer.initial_states(3).unwrap();
        let found = gradients(&layer, x.as_ref(), &batch, &start);
        (found.params, found.x, found.state)
    });
    // Sums over steps are cut at other places, so parameters agree to rounding: 17 steps of numbers below 10.
    for other in &results[1..] {
        assert_eq!(results[0].1, other.1);
        assert_eq!(results[0].2, other.2);
        let mut pairs = results[0].0.iter().zip(&other.0);
        assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-13));
    }
}

#[test]
fn threads_change_no_bit() {
    let batch = Batch::ragged(&[9, 14, 3, 14]);
    let x = noise(3, batch.columns(), 12);
    let results = [1, 2, 3].map(|count| {
        let mut net = everything();
        net.set_threads(&Threads::new(count).unwrap());
        let start = filled(&net, 4, 50);
        let found = gradients(&net, x.as_ref(), &batch, &start);
        (
            outputs(&net, x.as_ref(), &batch).0,
            found.params,
            found.x,
            found.state,
        )
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}
