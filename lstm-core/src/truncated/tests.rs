//! Truncated gradients against differences of the truncated loss, and against the full gradient where they agree.

use super::*;
use crate::gradcheck::GradCheck;
use crate::layers::Stack;
use crate::optim::{Optimiser, Sgd};
use crate::params::Parameters;
use crate::recurrent::Recurrent;
use lstm_kernels::cells::{GruResetBefore, PeepholeLstm};

/// Two recurrent layers of different cells: 3 features in, 2 out.
fn stack() -> Stack<f64> {
    let mut rng = Rng::new(1);
    Stack::new()
        .with(
            "below",
            Recurrent::<PeepholeLstm, f64>::new(&[3, 4], &mut rng).unwrap(),
        )
        .unwrap()
        .with(
            "above",
            Recurrent::<GruResetBefore, f64>::new(&[4, 2], &mut rng).unwrap(),
        )
        .unwrap()
}

fn inputs(batch: &Batch) -> Mat<f64> {
    Mat::from_fn(3, batch.columns(), |i, j| ((3 * i + 7 * j) as f64).sin())
}

/// The loss of some outputs from `first` on, and its gradient: half the squared distance to a wave.
fn loss(y: &Mat<f64>, first: usize) -> (f64, Mat<f64>) {
    let distance = Mat::from_fn(y.nrows(), y.ncols(), |i, j| {
        y[(i, j)] - ((5 * i + 2 * (first + j)) as f64).cos()
    });
    (distance.squared_norm_l2() / 2.0, distance)
}

/// Loss and gradient of a window, and the gradient of its inputs.
fn run(
    pass: &mut TruncatedPass<f64>,
    layer: &Stack<f64>,
    x: &Mat<f64>,
    batch: &Batch,
    window: &Window,
    gradient: &mut [f64],
) -> Result<(f64, Mat<f64>)> {
    let samples = batch.samples();
    let mut y = Mat::zeros(2, window.counted.len() * samples);
    let mut rng = Rng::new(0);
    pass.forward(layer, x.as_ref(), batch, window, y.as_mut(), &mut rng)?;
    let (loss, dy) = loss(&y, window.counted.start * samples);
    let mut dx = Mat::zeros(3, window.steps.len() * samples);
    pass.backward(layer, x.as_ref(), dy.as_ref(), gradient, Some(dx.as_mut()))?;
    Ok((loss, dx))
}

/// The gradient through the whole sequence from the initial state, in one go; also the outputs.
fn full(layer: &Stack<f64>, x: &Mat<f64>, batch: &Batch) -> (Vec<f64>, Mat<f64>) {
    let (mut state, mut dstate) = (
        layer.initial_states(batch.samples()).unwrap(),
        layer.zero_states(batch.samples()).unwrap(),
    );
    let (mut y, mut tape) = (Mat::zeros(2, batch.columns()), LayerTape::new());
    let mut rng = Rng::new(0);
    layer
        .forward(
            x.as_ref(),
            batch,
            &mut state,
            y.as_mut(),
            &mut tape,
            &mut rng,
        )
        .unwrap();
    let dy = loss(&y, 0).1;
    let mut gradient = vec![0.0; layer.params_len()];
    layer
        .backward(
            x.as_ref(),
            batch,
            dy.as_ref(),
            &mut dstate,
            &mut tape,
            &mut gradient,
            None,
        )
        .unwrap();
    (gradient, y)
}

#[test]
fn gradients_are_differences_of_the_truncated_loss() {
    let batch = Batch::padded(&[7, 4], 7).unwrap().reset(3, 0).unwrap();
    let x = inputs(&batch);
    for (k1, k2) in [(2, 2), (2, 5), (3, 4)] {
        let mut layer = stack();
        let mut sgd = Sgd::new(0.05).unwrap();
        let mut pass = TruncatedPass::new(&layer, 2).unwrap();
        for window in Truncated::new(k1, k2).unwrap().windows(7) {
            // The state before the window stays, whatever the parameters: that is what truncation means.
            let report = GradCheck::new().run(&mut layer, |layer, gradient| {
                Ok(run(&mut pass, layer, &x, &batch, &window, gradient)?.0)
            });
            let report = report.unwrap();
            assert!(report.passed(1e-7), "{window:?}: {report}");
            let mut gradient = vec![0.0; layer.params_len()];
            let (_, dx) = run(&mut pass, &layer, &x, &batch, &window, &mut gradient).unwrap();
            let first = 2 * window.steps.start;
            let inputs = x.subcols(first, dx.ncols());
            let mut ignored = gradient.clone();
            let report = GradCheck::new().compare_matrix("x", inputs, dx.as_ref(), |part| {
                let mut x = x.clone();
                x.subcols_mut(first, part.ncols()).copy_from(part);
                Ok(run(&mut pass, &layer, &x, &batch, &window, &mut ignored)?.0)
            });
            let report = report.unwrap();
            assert!(report.passed(1e-7), "{window:?}: {report}");
            // The next window is met after an update, with the state that these parameters left.
            run(&mut pass, &layer, &x, &batch, &window, &mut ignored).unwrap();
            sgd.step(&mut layer, &gradient).unwrap();
        }
    }
}

#[test]
fn one_window_is_the_full_gradient() {
    let (layer, batch) = (stack(), Batch::new(7, 2));
    let x = inputs(&batch);
    let mut gradient = vec![0.0; layer.params_len()];
    let mut pass = TruncatedPass::new(&layer, 2).unwrap();
    let windows = Truncated::new(7, 7).unwrap().windows(7);
    for window in windows {
        run(&mut pass, &layer, &x, &batch, &window, &mut gradient).unwrap();
    }
    assert_eq!(gradient, full(&layer, &x, &batch).0);
}

#[test]
fn windows_that_all_reach_the_start_add_up_to_the_full_gradient() {
    let (layer, batch) = (stack(), Batch::ragged(&[7, 5, 6]));
    let x = inputs(&batch);
    // Padding has outputs of zero and is no place for a loss; sums over windows and over steps agree with it as well.
    let (expected, _) = full(&layer, &x, &batch);
    for k1 in [1, 3] {
        let mut sum = vec![0.0; layer.params_len()];
        let mut pass = TruncatedPass::new(&layer, 3).unwrap();
        for window in Truncated::new(k1, 7).unwrap().windows(7) {
            run(&mut pass, &layer, &x, &batch, &window, &mut sum).unwrap();
        }
        // The same terms in another order: roundings of sums near 1.
        for (sum, expected) in sum.iter().zip(&expected) {
            assert!((sum - expected).abs() < 1e-12, "{sum} {expected}");
        }
    }
}

#[test]
fn outputs_are_those_of_the_whole_sequence_and_of_its_parts() {
    let (layer, batch) = (stack(), Batch::new(8, 2));
    let x = inputs(&batch);
    let (_, expected) = full(&layer, &x, &batch);
    for (k1, k2) in [(1, 1), (2, 5), (3, 3)] {
        let mut y = Mat::<f64>::zeros(2, 16);
        let mut pass = TruncatedPass::new(&layer, 2).unwrap();
        // The first five steps, then the other three as the next part of a stream.
        for (first, steps) in [(0, 5), (5, 3)] {
            let part = Batch::new(steps, 2);
            let x = x.subcols(2 * first, 2 * steps);
            for window in Truncated::new(k1, k2).unwrap().windows(steps) {
                let (at, columns) = (2 * (first + window.counted.start), 2 * window.counted.len());
                let y = y.as_mut().subcols_mut(at, columns);
                pass.forward(&layer, x, &part, &window, y, &mut Rng::new(0))
                    .unwrap();
            }
            pass.continue_from_end();
        }
        assert_eq!(y, expected);
    }
}

#[test]
fn what_is_out_of_order_or_does_not_fit_is_an_error() {
    let (layer, batch) = (stack(), Batch::new(6, 2));
    let x = inputs(&batch);
    let windows: Vec<_> = Truncated::new(2, 2).unwrap().windows(6).collect();
    let mut gradient = vec![0.0; layer.params_len()];
    let mut pass = TruncatedPass::new(&layer, 2).unwrap();
    let mut run = |pass: &mut TruncatedPass<f64>, batch: &Batch, window: &Window| {
        run(pass, &layer, &x, batch, window, &mut gradient)
    };
    let message = run(&mut pass, &batch, &windows[1]).unwrap_err().to_string();
    assert!(
        message.starts_with("the first step of the window is 2"),
        "{message}"
    );
    run(&mut pass, &batch, &windows[0]).unwrap();
    run(&mut pass, &batch, &windows[0]).unwrap();
    assert!(run(&mut pass, &batch, &windows[2]).is_err());
    run(&mut pass, &batch, &windows[1]).unwrap();
    // A window of a longer sequence; a batch whose columns are in another order; one of other samples.
    assert!(run(&mut pass, &Batch::new(3, 4), &windows[2]).is_err());
    assert!(run(&mut pass, &batch.clone().batch_major(), &windows[2]).is_err());
    assert!(run(&mut pass, &Batch::new(4, 3), &windows[1]).is_err());

    let mut dy = Mat::zeros(2, 4);
    let back = |pass: &mut TruncatedPass<f64>, x: &Mat<f64>, dy: &Mat<f64>| {
        let mut gradient = vec![0.0; layer.params_len()];
        pass.backward(&layer, x.as_ref(), dy.as_ref(), &mut gradient, None)
    };
    let message = back(&mut pass, &x, &dy).unwrap_err().to_string();
    assert!(
        message.contains("is none, but must be run by `forward` before"),
        "{message}"
    );
    let forward = |pass: &mut TruncatedPass<f64>, dy: &mut Mat<f64>| {
        let mut rng = Rng::new(0);
        pass.forward(
            &layer,
            x.as_ref(),
            &batch,
            &windows[1],
            dy.as_mut(),
            &mut rng,
        )
    };
    forward(&mut pass, &mut dy).unwrap();
    // What does not fit uses up no window, what fits does.
    assert!(back(&mut pass, &x, &Mat::zeros(2, 3)).is_err());
    assert!(back(&mut pass, &Mat::zeros(3, 2), &dy).is_err());
    back(&mut pass, &x, &dy).unwrap();
    assert!(back(&mut pass, &x, &dy).is_err());
    assert!(forward(&mut pass, &mut Mat::zeros(2, 3)).is_err());
}
