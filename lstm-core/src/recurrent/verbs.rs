//! Through a sequence and back: the kernels with the layer's own weights.

use faer::{MatMut, MatRef};
use lstm_kernels::{Cell, Element, State, Tape, Workspace};

use super::Recurrent;
use crate::error::{Error, Result, require_shape};

impl<C: Cell, T: Element> Recurrent<C, T> {
    /// Which of a state's matrices is the carried quantity `name`, spelled as in the equations or in ASCII: the index for
    /// [`State::get`].
    ///
    /// ```
    /// use lstm_core::{Recurrent, Rng, cells::Lstm};
    ///
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// let layer = Recurrent::<Lstm, f32>::new(&[3, 8], &mut Rng::new(1))?;
    /// let state = layer.zero_state(2)?;
    /// assert_eq!(state.get(Recurrent::<Lstm, f32>::carried("h")?).shape(), (8, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A name that is not carried.
    pub fn carried(name: &str) -> Result<usize> {
        let carried = C::SPEC.carried;
        (carried.iter())
            .position(|carried| carried.symbol == name || carried.name == name)
            .ok_or_else(|| Error::UnknownCarried {
                cell: C::SPEC.name,
                name: name.to_owned(),
                known: carried
                    .iter()
                    .map(|carried| carried.symbol)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// The state before the first step of `batch` sequences: zeros.
    ///
    /// # Errors
    /// No memory for so many sequences.
    pub fn zero_state(&self, batch: usize) -> Result<State<T>> {
        Ok(self.kernel.zero_state(batch)?)
    }

    /// Room for [`step`](Self::step) and [`seq`](Self::seq) with `batch` sequences, to be used again and again.
    ///
    /// # Errors
    /// No memory for so many sequences.
    pub fn workspace(&self, batch: usize) -> Result<Workspace<T>> {
        Ok(self.kernel.workspace(batch)?)
    }

    /// Room for what [`record`](Self::record) keeps of `steps` steps of `batch` sequences.
    ///
    /// # Errors
    /// No memory for so many steps and sequences.
    pub fn tape(&self, steps: usize, batch: usize) -> Result<Tape<T>> {
        Ok(self.kernel.tape(steps, batch)?)
    }

    /// One step: `x` is `input_len x batch`, `y` is `output_len x batch`, `state` moves on. Allocates nothing.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn step(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        let one_step = (self.input_len(), state.batch());
        require_shape("the input of `Recurrent::step`", one_step, x.shape())?;
        self.seq(x, state, y, workspace)
    }

    /// A sequence without a tape: `x` is `input_len x (steps * batch)`, `y` is `output_len x (steps * batch)`, `state`
    /// is the one before the first step and becomes the one after the last. Allocates nothing.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn seq(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        Ok(self.kernel.infer(&self.packed, x, state, y, workspace)?)
    }

    /// A sequence recorded on a tape, for training; otherwise as [`seq`](Self::seq).
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn record(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        tape: &mut Tape<T>,
    ) -> Result<()> {
        Ok(self.kernel.forward(&self.packed, x, state, y, tape)?)
    }

    /// Back through the sequence that [`record`](Self::record) put on `tape`.
    ///
    /// `dy` is the gradient of the loss with respect to `y`. `dstate` is the one with respect to the final state
    /// (zeros if the loss does not see it) and becomes the one with respect to the state before the first step. The gradient
    /// of the cell's parameters is added to `gradient`, laid out like [`params`](Self::params). `dx`, if asked for, is
    /// overwritten. That of a [trained initial state](Self::with_trained_state) is the sum of `dstate` over the samples that
    /// began there, which is for the caller to take; [`Layer::backward`](crate::layers::Layer::backward) does it by itself.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn backprop(
        &self,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        dstate: &mut State<T>,
        tape: &mut Tape<T>,
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let packed = &self.packed;
        Ok(self
            .kernel
            .backward(packed, x, dy, dstate, tape, gradient, dx)?)
    }
}
