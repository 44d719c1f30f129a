//! Recurrent layers and their training on CPUs, for any cell that can be written as equations.
//!
//! A cell (an LSTM with peepholes, a GRU, one of your own) is defined by its equations; its kernels and its whole
//! backward pass are generated from them. This crate makes layers of cells, and models, training and files of layers.
//!
//! - [`cells`] holds the shipped cells; with the feature `derive`, `cell!` compiles one of your own.
//! - [`Recurrent`] is a layer; [`Embedding`] goes before it; [`Linear`], [`TiedLinear`], which shares the embedding's
//!   matrix, or [`ClassSoftmax`], for many words, go behind it.
//! - [`init`] has the initial values, [`loss`] the losses, [`optim`] optimisers, clipping, weight decay, schedules and
//!   stopping, [`Order`] the order of samples; [`params`] ties them to any model built of such parts.
//! - [`train`] runs the training loop for any model, [`truncated`] back-propagates through windows of long sequences,
//!   [`gradcheck`] compares a gradient with differences of the loss.
//! - [`Recurrent::observe`] shows gates, states and every other named quantity of a cell step by step;
//!   [`Recurrent::explain`] says what a layer computes and what that costs.
//! - [`stream`] runs one sequence sample by sample, as for sound, without allocating.
//! - [`text`] and [`lm`] are a language model on characters, ready to use.
//! - [`bridge`] reads and writes weights of PyTorch and Keras.
//! - [`io`] reads and writes model files, [`checkpoint`] whole training runs; with the feature `ndarray`, `arrays` turns
//!   arrays into sequences and back.
//! - With the feature `onnx`, `onnx` reads and writes recurrent networks as ONNX models.
//!
//! # A sequence, forward and back
//! A sequence is a matrix with one column per (step, sample), features down the column: column `t * batch + b`.
//!
//! ```
//! use faer::Mat;
//! use lstm_core::optim::{Adam, Optimiser, clip_global_norm};
//! use lstm_core::{Recurrent, Rng, cells::PeepholeLstm};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let (inputs, units, steps, batch) = (3, 8, 20, 4);
//! let mut layer = Recurrent::<PeepholeLstm, f32>::new(&[inputs, units], &mut Rng::new(1))?;
//! let mut adam = Adam::new(0.02)?;
//!
//! // The task: to say, at every step, the sign that the first feature had one step before.
//! let x = Mat::from_fn(inputs, steps * batch, |i, j| ((7 * i + 3 * j) as f32).sin());
//! let target = |i: usize, j: usize| if i == 0 && j >= batch { x[(0, j - batch)].signum() * 0.5 } else { 0.0 };
//!
//! let (mut y, mut dy) = (Mat::zeros(units, steps * batch), Mat::zeros(units, steps * batch));
//! let mut tape = layer.tape(steps, batch);
//! let mut gradient = vec![0.0; layer.params().len()];
//! let mut losses = Vec::new();
//! for _ in 0..50 {
//!     let mut state = layer.zero_state(batch);
//!     layer.forward(x.as_ref(), &mut state, y.as_mut(), &mut tape)?;
//!
//!     // Half the squared distance; its gradient is the distance. Only the first unit has a target.
//!     dy.fill(0.0);
//!     (0..steps * batch).for_each(|j| dy[(0, j)] = y[(0, j)] - target(0, j));
//!     losses.push(dy.squared_norm_l2() / 2.0);
//!
//!     gradient.fill(0.0);
//!     let mut dstate = layer.zero_state(batch);
//!     layer.backward(x.as_ref(), dy.as_ref(), &mut dstate, &mut tape, &mut gradient, None)?;
//!     clip_global_norm(&layer, &mut gradient, 5.0)?;
//!     adam.step(&mut layer, &gradient)?;
//! }
//! assert!(losses[49] < losses[0] / 2.0);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//! Whatever takes data from outside returns a [`Result`]; a panic is a bug.

#[cfg(feature = "ndarray")]
pub mod arrays;
pub mod bridge;
pub mod checkpoint;
pub mod error;
pub mod gradcheck;
pub mod init;
pub mod io;
pub mod layers;
pub mod lm;
pub mod loss;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod optim;
pub mod params;
pub mod stream;
pub mod text;
pub mod train;
pub mod truncated;

mod class_softmax;
mod embedding;
mod explain;
mod linear;
mod observe;
mod order;
mod parts;
mod random;
mod recurrent;
mod tied;

#[cfg(test)]
mod check;

pub use class_softmax::{ClassSoftmax, ClassWorkspace, Classes};
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use explain::{ExplainedParam, ExplainedVector, Explanation, StepWork};
pub use linear::Linear;
pub use observe::{Observed, Quantities};
pub use order::{Order, Place};
pub use random::{Rng, RngState};
pub use recurrent::{Recompute, Recurrent};
pub use tied::TiedLinear;

#[cfg(feature = "derive")]
pub use lstm_derive::cell;
pub use lstm_kernels::{
    Cell, CellSpec, Element, Kernel, KernelError, Packed, ParamRole, ParamSpec, SizeSpec, State,
    Tape, Threads, VectorSpec, Width, Workspace, cells, equations,
};

/// What generated code calls; not for use by hand.
#[doc(hidden)]
pub use lstm_kernels::rt;

/// The cell on the front page of the project compiles and proves.
#[cfg(all(doctest, feature = "derive"))]
#[doc = include_str!("../../README.md")]
pub struct Readme;
