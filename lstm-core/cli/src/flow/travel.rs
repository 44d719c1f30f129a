//! How an error signal travels back in time through the generated backward kernels.

use faer::{Mat, MatRef};
use lstm_core::{Cell, Recurrent, State};

use crate::failure::Failure;

/// A sequence and the states a layer went through on it.
///
/// Only states are kept. Whoever travels back computes each step once more, so that long sequences and many errors at
/// a time need little memory.
pub struct Trajectory {
    x: Mat<f64>,
    /// The state before each step, and the one after the last.
    states: Vec<State<f64>>,
}

impl Trajectory {
    /// Lets `layer` read the columns of `x`, one a step. The first `warm_up` of them only lead to the state from which
    /// the trajectory begins, so that it does not begin at zero.
    ///
    /// # Errors
    /// States that overflow: the slopes there are no numbers, and for a rectified unit they would look like 0.
    pub fn follow<C: Cell>(
        layer: &Recurrent<C, f64>,
        x: MatRef<'_, f64>,
        warm_up: usize,
    ) -> Result<Self, Failure> {
        let mut state = layer.zero_state(1)?;
        let mut workspace = layer.workspace(1)?;
        let mut y = Mat::zeros(layer.output_len(), 1);
        let mut states = Vec::new();
        for step in 0..x.ncols() {
            if step >= warm_up {
                states.push(state.clone());
            }
            let column = x.subcols(step, 1);
            layer.step(column, &mut state, y.as_mut(), &mut workspace)?;
            if !is_finite(&state) {
                return Err(overflow(C::SPEC.name, step, warm_up));
            }
        }
        states.push(state);
        let steps = states.len() - 1;
        let x = x.subcols(x.ncols() - steps, steps).to_owned();
        Ok(Self { x, states })
    }

    /// How far one can travel back.
    pub fn steps(&self) -> usize {
        self.x.ncols()
    }

    /// The same without its last step.
    pub fn without_last(&self) -> Self {
        let steps = self.steps().saturating_sub(1);
        Self {
            x: self.x.subcols(0, steps).to_owned(),
            states: self.states[..=steps].to_vec(),
        }
    }

    /// The state `back` steps before the end.
    pub fn state(&self, back: usize) -> &State<f64> {
        &self.states[self.steps() - back]
    }
}

fn is_finite(state: &State<f64>) -> bool {
    (0..state.len()).all(|index| state.get(index).is_all_finite())
}

/// Says that the step with this index led to states that are no numbers, and what would not.
fn overflow(cell: &str, step: usize, warm_up: usize) -> Failure {
    let remedy = match step.saturating_sub(warm_up) {
        0 => "a smaller --strength",
        possible => &format!("at most {possible} --steps or a smaller --strength"),
    };
    Failure::Options(format!(
        "the activations of {cell} overflow at step {} of its inputs, the first {warm_up} of which come before errors \
         travel: no error can be computed there; choose {remedy}",
        step + 1
    ))
}

/// Sends errors back in time. `error` is the gradient with respect to the state at the end of the trajectory, one error a
/// sample; `arrives` is called with what is left of it q steps earlier, for q = 1, 2, ..
pub fn travel<C: Cell>(
    layer: &Recurrent<C, f64>,
    trajectory: &Trajectory,
    error: &mut State<f64>,
    mut arrives: impl FnMut(usize, &State<f64>),
) -> Result<(), Failure> {
    let samples = error.batch();
    let mut tape = layer.tape(1, samples)?;
    let mut state = layer.zero_state(samples)?;
    let mut y = Mat::zeros(layer.output_len(), samples);
    let nothing = Mat::zeros(layer.output_len(), samples);
    let mut gradient = vec![0.0; layer.params().len()];
    for back in 1..=trajectory.steps() {
        let step = trajectory.steps() - back;
        let column = trajectory.x.col(step);
        let x = Mat::from_fn(column.nrows(), samples, |i, _| column[i]);
        repeat(&trajectory.states[step], &mut state);
        layer.record(x.as_ref(), &mut state, y.as_mut(), &mut tape)?;
        layer.backprop(
            x.as_ref(),
            nothing.as_ref(),
            error,
            &mut tape,
            &mut gradient,
            None,
        )?;
        arrives(back, error);
    }
    Ok(())
}

/// Copies a state of one sample to every sample of another.
fn repeat(one: &State<f64>, many: &mut State<f64>) {
    for index in 0..one.len() {
        let from = one.get(index);
        for mut column in many.get_mut(index).col_iter_mut() {
            column.copy_from(from.col(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::Rng;
    use lstm_core::cells::{Lstm1997, PeepholeLstm, ReluRnn};

    use super::*;
    use crate::flow::inputs::noise;

    /// What one call of the kernels gives for a whole sequence is what the steps give one after the other, to the bit:
    /// a step's error signals do not depend on how many steps go into a call.
    #[test]
    fn steps_one_by_one_are_a_sequence() {
        let mut rng = Rng::new(3);
        let layer = Recurrent::<PeepholeLstm, f64>::new(&[2, 5], &mut rng).unwrap();
        let x = noise(2, 9, &mut rng);
        let trajectory = Trajectory::follow(&layer, x.as_ref(), 0).unwrap();
        let unit_error = |state: &mut State<f64>| state.get_mut(0)[(3, 0)] = 1.0;

        let mut stepwise = layer.zero_state(1).unwrap();
        unit_error(&mut stepwise);
        travel(&layer, &trajectory, &mut stepwise, |_, _| ()).unwrap();

        let mut state = layer.zero_state(1).unwrap();
        let mut tape = layer.tape(9, 1).unwrap();
        let (mut y, dy) = (Mat::zeros(5, 9), Mat::zeros(5, 9));
        layer
            .record(x.as_ref(), &mut state, y.as_mut(), &mut tape)
            .unwrap();
        let mut whole = layer.zero_state(1).unwrap();
        unit_error(&mut whole);
        let mut gradient = vec![0.0; layer.params().len()];
        let back = layer.backprop(
            x.as_ref(),
            dy.as_ref(),
            &mut whole,
            &mut tape,
            &mut gradient,
            None,
        );
        back.unwrap();
        assert_eq!(stepwise, whole);
        assert!(whole.get(0)[(3, 0)] != 0.0);
    }

    /// The way back is the derivative of the way forward. Central differences in f64 with a step of 1e-6 are good to
    /// about 1e-10; the limit leaves one digit.
    #[test]
    fn what_arrives_is_the_derivative_of_the_state() {
        let mut rng = Rng::new(5);
        let layer = Recurrent::<Lstm1997, f64>::new(&[2, 3], &mut rng).unwrap();
        let x = noise(2, 6, &mut rng);
        let trajectory = Trajectory::follow(&layer, x.as_ref(), 0).unwrap();
        let (from, to) = (2, 0);
        let mut error = layer.zero_state(1).unwrap();
        error.get_mut(from)[(1, 0)] = 1.0;
        travel(&layer, &trajectory, &mut error, |_, _| ()).unwrap();

        let ahead = |shift: f64| {
            let mut state = layer.zero_state(1).unwrap();
            state.get_mut(to)[(2, 0)] = shift;
            let mut y = Mat::zeros(3, 6);
            let mut workspace = layer.workspace(1).unwrap();
            layer
                .seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace)
                .unwrap();
            state.get(from)[(1, 0)]
        };
        let difference = (ahead(1e-6) - ahead(-1e-6)) / 2e-6;
        let arrived = error.get(to)[(2, 0)];
        assert!(
            (difference - arrived).abs() < 1e-9 && arrived.abs() > 1e-6,
            "{difference} {arrived}"
        );
    }

    /// A rectified unit with the bias 1 and the weight 1e100 overflows at the fifth step, after 1, 1e100, 1e200 and 1e300. As
    /// many steps as the sentence names are possible, one more is not.
    #[test]
    fn activations_that_overflow_are_no_zeros() {
        let mut rng = Rng::new(1);
        let mut layer = Recurrent::<ReluRnn, f64>::new(&[1, 1], &mut rng).unwrap();
        layer.edit_param("u", |mut u| u.fill(1e100)).unwrap();
        layer.edit_param("w", |mut w| w.fill(0.0)).unwrap();
        layer.edit_param("beta", |mut beta| beta.fill(1.0)).unwrap();
        let follow = |steps: usize, warm_up: usize| {
            let x = noise(1, steps, &mut Rng::new(2));
            Trajectory::follow(&layer, x.as_ref(), warm_up)
        };
        let error = |steps, warm_up| follow(steps, warm_up).err().unwrap().to_string();
        assert!(follow(4, 1).is_ok());
        let reason = error(5, 1);
        assert!(
            reason.contains("ReluRnn overflow at step 5") && reason.contains("at most 3 "),
            "{reason}"
        );
        let reason = error(9, 6);
        assert!(reason.contains("a smaller --strength") && !reason.contains("at most"));
    }
}
