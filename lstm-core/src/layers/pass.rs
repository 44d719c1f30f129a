//! A layer over whole sequences, with the memory that it takes.

use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Element, FlushDenormals, State};

use super::gather::{room, written};
use super::{Batch, Layer, LayerTape};
use crate::error::{Error, Result, require_shape};
use crate::random::Rng;

/// Forward and backward passes over whole sequences, each of which begins at the layer's initial state.
///
/// It keeps what the verbs of [`Layer`] leave to their caller: states, outputs, the tape. Whoever carries states from
/// call to call uses the verbs themselves.
///
/// ```
/// use faer::Mat;
/// use lstm_core::layers::{Batch, Pass};
/// use lstm_core::loss::mean_squared_gradient;
/// use lstm_core::optim::{Adam, Optimiser};
/// use lstm_core::params::Parameters;
/// use lstm_core::{Recurrent, Rng, cells::Lstm};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let mut rng = Rng::new(1);
/// let mut layer = Recurrent::<Lstm, f32>::new(&[3, 4], &mut rng)?;
/// let mut adam = Adam::new(0.01)?;
/// let batch = Batch::new(10, 2);
/// let x = Mat::from_fn(3, batch.columns(), |i, j| ((i + 2 * j) as f32).sin());
/// let target = Mat::full(4, batch.columns(), 0.5);
///
/// let mut pass = Pass::new();
/// let mut losses = Vec::new();
/// for _ in 0..20 {
///     let mut y = pass.forward(&layer, x.as_ref(), &batch, &mut rng)?.to_owned();
///     losses.push(mean_squared_gradient(y.as_mut(), target.as_ref())?);
///     let mut gradient = vec![0.0; layer.params_len()];
///     pass.backward(&layer, x.as_ref(), y.as_ref(), &mut gradient, None)?;
///     adam.step(&mut layer, &gradient)?;
/// }
/// assert!(losses[19] < losses[0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pass<T: Element> {
    /// The batch of the last forward pass in training, with all samples beginning anew, so that trained initial states get
    /// their gradient.
    batch: Option<Batch>,
    state: Vec<State<T>>,
    y: Mat<T>,
    tape: LayerTape,
}

impl<T: Element> Default for Pass<T> {
    fn default() -> Self {
        Self {
            batch: None,
            state: Vec::new(),
            y: Mat::new(),
            tape: LayerTape::new(),
        }
    }
}

impl<T: Element> Pass<T> {
    /// One without memory so far; the first call takes what it needs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Outputs for whole sequences: as many columns as `x` has. What a forward pass in training has kept stays for
    /// [`backward`](Self::backward).
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn infer<L: Layer<T> + ?Sized>(
        &mut self,
        layer: &L,
        x: MatRef<'_, T>,
        batch: &Batch,
    ) -> Result<MatRef<'_, T>> {
        let batch = batch.clone().fresh();
        self.run(layer, x, &batch, |state, y, tape| {
            layer.infer(x, &batch, state, y, tape)
        })
    }

    /// The same in training, with dropout and other noise from `rng`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward<L: Layer<T> + ?Sized>(
        &mut self,
        layer: &L,
        x: MatRef<'_, T>,
        batch: &Batch,
        rng: &mut Rng,
    ) -> Result<MatRef<'_, T>> {
        self.batch = None;
        let batch = batch.clone().fresh();
        self.run(layer, x, &batch, |state, y, tape| {
            layer.forward(x, &batch, state, y, tape, rng)
        })?;
        self.batch = Some(batch);
        Ok(written(&self.y, layer.output_len(), x.ncols()))
    }

    /// Back through the sequences of the last [`forward`](Self::forward), with the gradient `dy` of the loss by its outputs.
    /// The loss does not see the final states.
    ///
    /// The gradient of the parameters is added to `gradient`; `dx`, if asked for, is overwritten.
    ///
    /// # Errors
    /// Shapes that do not fit; no forward pass of this layer.
    pub fn backward<L: Layer<T> + ?Sized>(
        &mut self,
        layer: &L,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let batch = self.batch.as_ref().ok_or(Error::NoForwardPass)?;
        let mut dstate = layer.zero_states(batch.samples())?;
        self.backward_from(layer, x, dy, &mut dstate, gradient, dx)
    }

    /// The same for a loss that sees the [final states](Self::state), too: `dstate` is its gradient by these, one for each
    /// recurrent layer, as [`Layer::zero_states`] makes them. It becomes zero, because sequences begin at the layer's own
    /// initial state.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn backward_from<L: Layer<T> + ?Sized>(
        &mut self,
        layer: &L,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        dstate: &mut [State<T>],
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let _mode = FlushDenormals::new();
        let batch = self.batch.as_ref().ok_or(Error::NoForwardPass)?;
        layer.backward(x, batch, dy, dstate, &mut self.tape, gradient, dx)
    }

    /// The states after the last step of every sample, one for each recurrent layer in the order of their parameters; none
    /// before the first call.
    pub fn state(&self) -> &[State<T>] {
        &self.state
    }

    fn run<L: Layer<T> + ?Sized>(
        &mut self,
        layer: &L,
        x: MatRef<'_, T>,
        batch: &Batch,
        run: impl FnOnce(&mut [State<T>], MatMut<'_, T>, &mut LayerTape) -> Result<()>,
    ) -> Result<MatRef<'_, T>> {
        let _mode = FlushDenormals::new();
        // Before memory is taken for outputs, the inputs must be there.
        require_shape(
            "the input of the layer",
            (layer.input_len(), batch.columns()),
            x.shape(),
        )?;
        self.state = layer.initial_states(batch.samples())?;
        let y = room(&mut self.y, layer.output_len(), x.ncols());
        run(&mut self.state, y, &mut self.tape)?;
        Ok(written(&self.y, layer.output_len(), x.ncols()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Lstm;
    use crate::check::assert_gradient;
    use crate::layers::{Dropout, Stack};
    use crate::params::Parameters;
    use crate::recurrent::Recurrent;

    fn net() -> Stack<f64> {
        let mut rng = Rng::new(1);
        let lstm = Recurrent::<Lstm, f64>::new(&[2, 3], &mut rng).unwrap();
        Stack::new()
            .with("lstm", lstm.with_trained_state())
            .and_then(|net| net.with("dropout", Dropout::new(3, 0.5)?))
            .unwrap()
    }

    #[test]
    fn a_pass_gives_what_the_verbs_give() {
        let net = net();
        let batch = Batch::ragged(&[4, 2]);
        let x = Mat::from_fn(2, 8, |i, j| ((3 * i + 5 * j) as f64).sin());
        let dy = Mat::from_fn(3, 8, |i, j| ((2 * i + 7 * j) as f64).cos());
        let mut pass = Pass::new();
        // Other shapes before leave no trace.
        let long = Mat::from_fn(2, 9, |i, j| (i + j) as f64);
        pass.infer(&net, long.as_ref(), &Batch::new(9, 1)).unwrap();

        let fresh = batch.clone().fresh();
        let (mut state, mut tape) = (net.initial_states(2).unwrap(), LayerTape::new());
        let mut expected = Mat::zeros(3, 8);
        let (x, dy) = (x.as_ref(), dy.as_ref());
        net.forward(
            x,
            &fresh,
            &mut state,
            expected.as_mut(),
            &mut tape,
            &mut Rng::new(7),
        )
        .unwrap();
        let y = pass.forward(&net, x, &batch, &mut Rng::new(7)).unwrap();
        assert_eq!(y, expected);
        assert_eq!(pass.state(), state);

        // Inference in between, of another batch, changes nothing of what is kept for the way back.
        pass.infer(&net, long.as_ref(), &Batch::new(9, 1)).unwrap();
        let (mut want, mut have) = (vec![0.0; net.params_len()], vec![0.0; net.params_len()]);
        let (mut dstate, mut dx) = (net.zero_states(2).unwrap(), Mat::zeros(2, 8));
        let mut want_dx = Mat::zeros(2, 8);
        net.backward(
            x,
            &fresh,
            dy,
            &mut dstate,
            &mut tape,
            &mut want,
            Some(want_dx.as_mut()),
        )
        .unwrap();
        pass.backward(&net, x, dy, &mut have, Some(dx.as_mut()))
            .unwrap();
        assert_eq!((have.as_slice(), dx), (want.as_slice(), want_dx));
        let initial = &have[have.len() - 6..];
        assert!(initial.iter().all(|&value| value != 0.0), "{initial:?}");
    }

    #[test]
    fn outputs_are_those_of_the_layer_at_hand() {
        let mut rng = Rng::new(1);
        let mut layer = |units| Recurrent::<Lstm, f64>::new(&[2, units], &mut rng).unwrap();
        let (wide, narrow) = (layer(8), layer(3));
        let batch = Batch::new(4, 2);
        let x = Mat::from_fn(2, 8, |i, j| ((3 * i + 5 * j) as f64).sin());
        let mut fresh = Pass::new();
        let expected = fresh.infer(&narrow, x.as_ref(), &batch).unwrap();
        let mut pass = Pass::new();
        pass.infer(&wide, x.as_ref(), &batch).unwrap();
        assert_eq!(pass.infer(&narrow, x.as_ref(), &batch).unwrap(), expected);
        let y = pass.forward(&narrow, x.as_ref(), &batch, &mut rng);
        assert_eq!(y.unwrap(), expected);
    }

    #[test]
    fn a_loss_may_see_the_final_states() {
        let mut rng = Rng::new(1);
        let lstm = Recurrent::<Lstm, f64>::new(&[2, 3], &mut rng).unwrap();
        let mut net = lstm.with_trained_state();
        let batch = Batch::ragged(&[4, 2]);
        let x = Mat::from_fn(2, 8, |i, j| ((3 * i + 5 * j) as f64).sin());
        let mut pass = Pass::new();
        // The loss is half the sum of squares of c and h after the last step of each sample; outputs do not count.
        pass.forward(&net, x.as_ref(), &batch, &mut rng).unwrap();
        let mut dstate = pass.state().to_vec();
        let mut gradient = vec![0.0; net.params_len()];
        let dy = Mat::zeros(3, 8);
        pass.backward_from(
            &net,
            x.as_ref(),
            dy.as_ref(),
            &mut dstate,
            &mut gradient,
            None,
        )
        .unwrap();
        assert_gradient(&mut net, &gradient, |net| {
            let mut pass = Pass::new();
            pass.infer(net, x.as_ref(), &batch).unwrap();
            let last = &pass.state()[0];
            (last.get(0).squared_norm_l2() + last.get(1).squared_norm_l2()) / 2.0
        });
        assert_eq!(dstate, net.zero_states(2).unwrap());
    }

    #[test]
    fn wrong_shapes_and_no_forward_pass_are_errors() {
        let net = net();
        let mut pass = Pass::new();
        let (x, dy) = (Mat::zeros(2, 8), Mat::zeros(3, 8));
        let mut gradient = vec![0.0; net.params_len()];
        let none = pass.backward(&net, x.as_ref(), dy.as_ref(), &mut gradient, None);
        assert!(matches!(none, Err(Error::NoForwardPass)));
        let huge = Batch::new(usize::MAX, 2);
        assert!(pass.infer(&net, x.as_ref(), &huge).is_err());
        assert!(pass.infer(&net, dy.as_ref(), &Batch::new(4, 2)).is_err());
        // Inference keeps nothing to go back through.
        pass.infer(&net, x.as_ref(), &Batch::new(4, 2)).unwrap();
        assert!(
            pass.backward(&net, x.as_ref(), dy.as_ref(), &mut gradient, None)
                .is_err()
        );
    }
}
