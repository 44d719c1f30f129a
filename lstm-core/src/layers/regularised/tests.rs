//! Zoneout and recurrent dropout: gradients against central differences, inference against the formula step by step.

use faer::{Mat, MatRef};
use lstm_kernels::cells::{GruResetAfter, Lstm, PeepholeLstm};

use super::*;
use crate::check::{assert_gradient, assert_matrix_gradient};
use crate::layers::{Batch, Layer, LayerTape};
use crate::random::Rng;

fn noise(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
    let mut rng = Rng::new(seed);
    Mat::from_fn(rows, columns, |_, _| rng.symmetric(1.0))
}

fn lstm() -> Recurrent<Lstm, f64> {
    Recurrent::new(&[3, 4], &mut Rng::new(1)).unwrap()
}

/// A loss of a training pass whose noise is that of one seed, with a weight of its own for every output.
fn loss(net: &dyn Layer<f64>, x: MatRef<'_, f64>, batch: &Batch, tape: &mut LayerTape) -> f64 {
    let mut y = Mat::zeros(net.output_len(), batch.columns());
    // Only a batch that begins anew depends on the trained initial state.
    let mut state = net.zero_states(batch.samples()).unwrap();
    net.forward(x, batch, &mut state, y.as_mut(), tape, &mut Rng::new(9))
        .unwrap();
    let weights = noise(net.output_len(), batch.columns(), 20);
    let sum: f64 = (0..y.ncols())
        .map(|j| weights.as_ref().col(j).transpose() * y.as_ref().col(j))
        .sum();
    sum + state[0].get(0).sum()
}

fn check_gradients(mut net: impl Layer<f64>) {
    for batch in [
        Batch::new(6, 2),
        Batch::ragged(&[2, 5, 4]).reset(1, 1).unwrap(),
        Batch::ragged(&[4, 1, 4]).batch_major().reversed().fresh(),
    ] {
        let x = noise(3, batch.columns(), 8);
        let mut tape = LayerTape::new();
        loss(&net, x.as_ref(), &batch, &mut tape);
        // Inference in between changes nothing of what is kept for the way back.
        let in_between = noise(3, batch.columns(), 21);
        let mut y = Mat::zeros(net.output_len(), batch.columns());
        let mut state = net.zero_states(batch.samples()).unwrap();
        net.infer(
            in_between.as_ref(),
            &batch,
            &mut state,
            y.as_mut(),
            &mut tape,
        )
        .unwrap();
        let dy = noise(net.output_len(), batch.columns(), 20);
        let mut dstate = net.zero_states(batch.samples()).unwrap();
        dstate[0].get_mut(0).fill(1.0);
        let mut gradient = vec![0.0; net.params_len()];
        let mut dx = Mat::zeros(3, batch.columns());
        net.backward(
            x.as_ref(),
            &batch,
            dy.as_ref(),
            &mut dstate,
            &mut tape,
            &mut gradient,
            Some(dx.as_mut()),
        )
        .unwrap();
        assert_gradient(&mut net, &gradient, |net| {
            loss(net, x.as_ref(), &batch, &mut LayerTape::new())
        });
        assert_matrix_gradient(&x, &dx, |x| loss(&net, x, &batch, &mut LayerTape::new()));
    }
}

#[test]
fn gradients_are_central_differences() {
    let both = Regularised::new(lstm().with_trained_state())
        .with_zoneout("c", 0.4)
        .unwrap()
        .with_zoneout("h", 0.3)
        .unwrap()
        .with_recurrent_dropout("h", 0.25)
        .unwrap();
    check_gradients(both);
    let dropped = Regularised::new(lstm());
    check_gradients(dropped.with_recurrent_dropout("h", 0.25).unwrap());
    let layer: Recurrent<PeepholeLstm, f64> = Recurrent::new(&[3, 4], &mut Rng::new(1)).unwrap();
    check_gradients(Regularised::new(layer).with_zoneout("s", 0.5).unwrap());
    let layer: Recurrent<GruResetAfter, f64> = Recurrent::new(&[3, 4], &mut Rng::new(1)).unwrap();
    check_gradients(Regularised::new(layer).with_zoneout("h", 0.5).unwrap());
}

#[test]
fn inference_mixes_old_and_new_in_proportion() {
    let net = Regularised::new(lstm())
        .with_zoneout("c", 0.4)
        .unwrap()
        .with_zoneout("h", 0.1)
        .unwrap();
    let x = noise(3, 8, 2);
    let mut y = Mat::zeros(4, 8);
    let mut state = net.initial_states(2).unwrap();
    net.infer(
        x.as_ref(),
        &Batch::new(4, 2),
        &mut state,
        y.as_mut(),
        &mut LayerTape::new(),
    )
    .unwrap();
    let (layer, mut old) = (lstm(), lstm().zero_state(2).unwrap());
    let mut workspace = layer.workspace(2).unwrap();
    for t in 0..4 {
        let mut new = old.clone();
        let mut h = Mat::zeros(4, 2);
        layer
            .step(
                x.as_ref().subcols(2 * t, 2),
                &mut new,
                h.as_mut(),
                &mut workspace,
            )
            .unwrap();
        for (index, kept) in [(0, 0.4), (1, 0.1)] {
            let mixed =
                old.get(index) * faer::Scale(kept) + new.get(index) * faer::Scale(1.0 - kept);
            old.get_mut(index).copy_from(&mixed);
        }
        // Two roundings, of numbers below one.
        assert!((y.as_ref().subcols(2 * t, 2) - old.get(1)).norm_l2() < 1e-15);
    }
    assert!((state[0].get(0) - old.get(0)).norm_l2() < 1e-15);
}

#[test]
fn without_rates_nothing_changes() {
    let (x, batch) = (noise(3, 12, 3), Batch::ragged(&[4, 2, 3]));
    let run = |net: &dyn Layer<f64>| {
        let mut y = Mat::zeros(4, 12);
        let mut state = net.initial_states(3).unwrap();
        net.forward(
            x.as_ref(),
            &batch,
            &mut state,
            y.as_mut(),
            &mut LayerTape::new(),
            &mut Rng::new(1),
        )
        .unwrap();
        y
    };
    assert_eq!(run(&lstm()), run(&Regularised::new(lstm())));
}

#[test]
fn dropout_hides_the_same_units_at_all_steps_and_zoneout_draws_anew() {
    // A cell state that only zoneout can keep: with a rate near one nearly all units stay at zero, and which do not
    // changes from step to step.
    let layer: Recurrent<PeepholeLstm, f64> = Recurrent::new(&[3, 200], &mut Rng::new(1)).unwrap();
    let net = Regularised::new(layer).with_zoneout("s", 0.9).unwrap();
    let (x, batch) = (noise(3, 1, 4), Batch::new(1, 1));
    let mut changed = Vec::new();
    let mut rng = Rng::new(5);
    for _ in 0..2 {
        let (mut y, mut state) = (Mat::zeros(200, 1), net.initial_states(1).unwrap());
        net.forward(
            x.as_ref(),
            &batch,
            &mut state,
            y.as_mut(),
            &mut LayerTape::new(),
            &mut rng,
        )
        .unwrap();
        changed.push(
            (0..200)
                .filter(|&i| state[0].get(0)[(i, 0)] != 0.0)
                .collect::<Vec<_>>(),
        );
    }
    // Five standard deviations of a binomial count: 5 sqrt(200 * 0.1 * 0.9) = 21.
    assert!(
        changed.iter().all(|units| units.len().abs_diff(20) < 21),
        "{changed:?}"
    );
    assert_ne!(changed[0], changed[1]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let message = Regularised::new(lstm())
        .with_zoneout("s", 0.1)
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        message,
        "cell Lstm carries no `s` from step to step; it carries c, h"
    );
    assert!(Regularised::new(lstm()).with_zoneout("c", 1.0).is_err());
    assert!(
        Regularised::new(lstm())
            .with_recurrent_dropout("h", -0.1)
            .is_err()
    );
    // The cell state is multiplied with the forget gate, not with a matrix; a GRU's h leaks.
    let message = Regularised::new(lstm())
        .with_recurrent_dropout("c", 0.1)
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.starts_with("cell Lstm reads c[t-1] outside products"),
        "{message}"
    );
    let gru: Recurrent<GruResetAfter, f64> = Recurrent::new(&[3, 4], &mut Rng::new(1)).unwrap();
    assert!(
        Regularised::new(gru)
            .with_recurrent_dropout("h", 0.1)
            .is_err()
    );
}
