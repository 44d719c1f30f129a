//! Layers over sequences, and what is built of them.
//!
//! A [`Layer`] turns a batch of sequences into another: a [`Recurrent`](crate::Recurrent) layer of any cell, a
//! [`Stack`] of layers, both directions at once ([`Bidirectional`]), a layer with its input added ([`Residual`]),
//! [`Dropout`], a [`Linear`](crate::Linear) map. What columns of a matrix mean, which of them are real and where
//! sequences begin anew is said by a [`Batch`].
//!
//! ```
//! use faer::Mat;
//! use lstm_core::cells::{GruResetAfter, Lstm};
//! use lstm_core::layers::{Batch, Bidirectional, Dropout, Layer, LayerTape, Stack};
//! use lstm_core::{Recurrent, Rng};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let mut rng = Rng::new(1);
//! let net = Stack::<f32>::new()
//!     .with("below", Recurrent::<Lstm, f32>::new(&[3, 16], &mut rng)?)?
//!     .with("dropout", Dropout::new(16, 0.2)?)?
//!     .with(
//!         "above",
//!         Bidirectional::concat(
//!             Recurrent::<GruResetAfter, f32>::new(&[16, 8], &mut rng)?,
//!             Recurrent::<GruResetAfter, f32>::new(&[16, 8], &mut rng)?,
//!         )?,
//!     )?;
//!
//! // Three sequences of 5, 2 and 4 steps. What stands behind their ends is never read.
//! let batch = Batch::ragged(&[5, 2, 4]);
//! let x = Mat::from_fn(3, batch.columns(), |i, j| (i + j) as f32 / 10.0);
//! let mut y = Mat::zeros(net.output_len(), batch.columns());
//! let mut state = net.initial_states(batch.samples())?;
//! net.infer(x.as_ref(), &batch, &mut state, y.as_mut(), &mut LayerTape::new())?;
//! assert_eq!(y[(0, batch.column(2, 1))], 0.0, "the second sequence has ended before step 2");
//! # Ok(())
//! # }
//! ```

mod batch;
mod bidirectional;
mod columns;
mod dropout;
mod gather;
mod kind;
mod pass;
mod pointwise;
mod recorded;
mod recurrent;
mod regularised;
mod residual;
mod reversed;
mod stack;
mod tape;
mod unroll;

use faer::{MatMut, MatRef};
use lstm_kernels::{Element, State, Threads};

pub use batch::Batch;
pub use bidirectional::{Bidirectional, Merge};
pub(crate) use dropout::draw_mask;
pub use dropout::{Dropout, DropoutMask};
pub use kind::Kind;
pub use pass::Pass;
pub use regularised::Regularised;
pub use residual::Residual;
pub use reversed::Reversed;
pub use stack::Stack;
pub use tape::LayerTape;

#[cfg(feature = "onnx")]
pub(crate) use gather::{Part, clear_padding, room};

use crate::error::{Result, require_len, require_shape};
use crate::explain::Explanation;
use crate::params::{Name, Parameters};
use crate::random::Rng;

/// A map from a batch of sequences to a batch of sequences.
///
/// Matrices have a column for each step and sample, features down the column; a [`Batch`] says which column is which.
/// Columns behind the end of a sequence are padding: what stands there is not read, and outputs and gradients there
/// are written as zero.
///
/// A layer holds parameters and no state. What it carries from call to call is a slice of [`State`]s, one for each
/// recurrent layer within, in the order of their parameters; buffers live in a [`LayerTape`]. Layers of this crate compare
/// the shapes of all arguments, those of states among them, before they change any.
pub trait Layer<T: Element>: Parameters<T> + Send + Sync {
    /// Features of the input.
    fn input_len(&self) -> usize;

    /// Features of the output.
    fn output_len(&self) -> usize;

    /// How many [`State`]s it carries.
    fn states(&self) -> usize;

    /// The states before the first step of `batch` sequences: zeros, or what was trained.
    ///
    /// # Errors
    /// No memory for so many sequences.
    fn initial_states(&self, batch: usize) -> Result<Vec<State<T>>>;

    /// Outputs for a batch of sequences. `state` is the one before the first step and becomes, for each sample, the one
    /// after its last. The tape lends memory; what [`forward`](Self::forward) has kept on it stays there.
    ///
    /// # Errors
    /// Shapes that do not fit.
    fn infer(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        y: MatMut<'_, T>,
        tape: &mut LayerTape,
    ) -> Result<()>;

    /// The same in training: with dropout and other noise, drawn from `rng`, and with all that
    /// [`backward`](Self::backward) needs kept on the tape.
    ///
    /// # Errors
    /// Shapes that do not fit.
    fn forward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        y: MatMut<'_, T>,
        tape: &mut LayerTape,
        rng: &mut Rng,
    ) -> Result<()>;

    /// Back through the sequences that [`forward`](Self::forward) put on the tape.
    ///
    /// `dy` is the gradient of the loss with respect to `y`. `dstate` is the one with respect to the final states and
    /// becomes the one with respect to the states before the first step. The gradient of the parameters is added to
    /// `gradient`; `dx`, if asked for, is overwritten.
    ///
    /// # Errors
    /// Shapes that do not fit; a tape without such a forward pass.
    #[allow(
        clippy::too_many_arguments,
        reason = "the gradient of a sequence has that many parts"
    )]
    fn backward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        dy: MatRef<'_, T>,
        dstate: &mut [State<T>],
        tape: &mut LayerTape,
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()>;

    /// Lets calls share their work among threads; results stay the same to the bit.
    fn set_threads(&mut self, threads: &Threads);

    /// What kind of layer this is. A layer of one's own need not say.
    fn kind(&self) -> Kind<'_, T> {
        Kind::Other
    }

    /// Calls `each` with what every recurrent layer within computes, holds and costs, and with the name that its parameters
    /// start with. Whatever has layers within forwards this to each of them.
    fn visit_explanations(&self, name: Name<'_>, each: &mut dyn FnMut(Name<'_>, Explanation)) {
        let _ = (name, each);
    }

    /// What every recurrent layer within computes, holds and costs, with its name.
    fn explanations(&self) -> Vec<(String, Explanation)> {
        let mut all = Vec::new();
        self.visit_explanations(Name::ROOT, &mut |name, explanation| {
            all.push((name.to_string(), explanation));
        });
        all
    }

    /// States of zeros: a gradient of the final states that the loss does not see.
    ///
    /// # Errors
    /// No memory for so many sequences.
    fn zero_states(&self, batch: usize) -> Result<Vec<State<T>>> {
        let mut states = self.initial_states(batch)?;
        states.iter_mut().for_each(State::set_zero);
        Ok(states)
    }
}

/// Refuses arguments of a call whose shapes do not fit the layer and the batch.
pub(crate) fn require_call<T: Element>(
    layer: &(impl Layer<T> + ?Sized),
    batch: &Batch,
    x: (usize, usize),
    y: (usize, usize),
    state: &[State<T>],
) -> Result<()> {
    require_shape(
        "the input of the layer",
        (layer.input_len(), batch.columns()),
        x,
    )?;
    require_shape(
        "the output of the layer",
        (layer.output_len(), batch.columns()),
        y,
    )?;
    tape::require_states(layer, batch.samples(), state)
}

/// Refuses buffers of a backward pass that do not fit the layer.
pub(crate) fn require_gradient<T: Element>(
    layer: &(impl Parameters<T> + ?Sized),
    x: (usize, usize),
    gradient: &[T],
    dx: Option<(usize, usize)>,
) -> Result<()> {
    require_len(
        "the gradient of the layer",
        layer.params_len(),
        gradient.len(),
    )?;
    match dx {
        Some(dx) => require_shape("the input gradient of the layer", x, dx),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
