//! A short training run, to see the error flow before and after it.

use faer::Mat;
use lstm_core::init::Init;
use lstm_core::loss::mean_squared_gradient;
use lstm_core::optim::{Adam, Optimiser, clip_global_norm};
use lstm_core::params::Parameters;
use lstm_core::{Cell, Linear, Recurrent, Rng};

use super::inputs::noise;
use crate::failure::Failure;

/// Sequences in an update.
const BATCH: usize = 32;
/// The rate of Adam.
const RATE: f64 = 0.01;
/// Longer gradients are scaled down to this norm.
const MAX_NORM: f64 = 1.0;

/// Trains `layer`, with a linear head that is thrown away, to recall at the last of `steps` steps the sign of the first
/// feature at the first step; all other inputs are noise. Returns the mean squared error of the last update.
pub fn recall<C: Cell>(
    layer: &mut Recurrent<C, f64>,
    steps: usize,
    updates: u64,
    rng: &mut Rng,
) -> Result<f64, Failure> {
    let units = layer.output_len();
    let mut head = Linear::<f64>::new(units, 1, Init::Xavier, rng)?;
    let (mut adam, mut head_adam) = (Adam::new(RATE)?, Adam::new(RATE)?);
    let mut tape = layer.tape(steps, BATCH)?;
    let mut gradient = vec![0.0; layer.params_len()];
    let mut head_gradient = vec![0.0; head.params_len()];
    let mut y = Mat::zeros(units, steps * BATCH);
    let mut dy = Mat::zeros(units, steps * BATCH);
    let mut score = Mat::zeros(1, BATCH);
    let last = (steps - 1) * BATCH;
    let mut loss = f64::NAN;
    for _ in 0..updates {
        let mut x = noise(layer.input_len(), steps * BATCH, rng);
        let marks = Mat::from_fn(1, BATCH, |_, sample| x[(0, sample)].signum());
        x.subrows_mut(0, 1).subcols_mut(0, BATCH).copy_from(&marks);

        let mut state = layer.zero_state(BATCH)?;
        layer.record(x.as_ref(), &mut state, y.as_mut(), &mut tape)?;
        let read = y.subcols(last, BATCH);
        head.apply(read, score.as_mut())?;
        loss = mean_squared_gradient(score.as_mut(), marks.as_ref())?;
        gradient.fill(0.0);
        head_gradient.fill(0.0);
        let to_layer = dy.subcols_mut(last, BATCH);
        head.backprop(read, score.as_ref(), &mut head_gradient, Some(to_layer))?;
        state.set_zero();
        layer.backprop(
            x.as_ref(),
            dy.as_ref(),
            &mut state,
            &mut tape,
            &mut gradient,
            None,
        )?;
        clip_global_norm(layer, &mut gradient, MAX_NORM)?;
        adam.step(layer, &gradient)?;
        head_adam.step(&mut head, &head_gradient)?;
    }
    Ok(loss)
}

#[cfg(test)]
mod tests {
    use lstm_core::cells::Lstm;

    use super::*;

    /// Predicting 0 costs 1, the mean square of a sign. What recalls it costs less than a tenth of that.
    #[test]
    fn it_learns_to_recall() {
        let mut rng = Rng::new(1);
        let mut layer = Recurrent::<Lstm, f64>::new(&[2, 8], &mut rng).unwrap();
        let loss = recall(&mut layer, 6, 200, &mut rng).unwrap();
        assert!(loss < 0.1, "{loss}");
    }
}
