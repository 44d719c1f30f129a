//! Recurrent layers and their training on CPUs, for any cell that can be written as equations.
//!
//! A cell (an LSTM with peepholes, a GRU, one of your own) is defined by its equations; its kernels and its whole
//! backward pass are generated from them. This crate makes layers of cells, and models, training and files of layers.
//!
//! **It is for you** if you want recurrent networks in Rust without a C++ dependency, if a network has to run sample by
//! sample in a plugin or a device, if you invent cells, or if you want to see the equations of a paper at work.
//! **It is not** a general deep-learning framework: there is no GPU, no convolution, no attention, and no autograd, since
//! each layer brings its backward pass.
//!
//! # Contents
//!
//! | you want to | look at |
//! |---|---|
//! | see a network learn | [a worked example](#a-worked-example), below |
//! | find what you know from PyTorch, Keras, candle or burn | [`guide::pytorch`] |
//! | run a network on a signal, sample by sample | [`stream`] |
//! | choose a cell | [`cells`] |
//! | write a cell of your own | [`guide::cells`], `cell!` |
//! | stack layers, read both ways, add connections, drop out | [`layers`] |
//! | work on ragged batches, long sequences, carried states | [`guide::sequences`], [`layers::Batch`], [`truncated`] |
//! | put something before and behind | [`Embedding`], [`Linear`], [`TiedLinear`], [`TiedSoftmax`], [`ClassSoftmax`] |
//! | say what is to be learned | [`loss`] |
//! | train | [`guide::training`], [`train`], [`optim`], [`Order`], [`init`] |
//! | build a model of your own from parts | [`params`], [`parameters!`] |
//! | save and load models, or a whole run | [`io`], [`checkpoint`] |
//! | load weights of PyTorch or Keras, or give them back | [`bridge`] |
//! | read and write ONNX models | `onnx`, with the feature `onnx` |
//! | look inside a layer: gates, states, equations, cost | [`Recurrent::observe`], [`Recurrent::explain`] |
//! | be sure of a gradient | [`gradcheck`] |
//! | learn to write text, character by character | [`lm`], [`text`] |
//! | come from arrays of `ndarray` | `arrays`, with the feature `ndarray` |
//! | use the kernels themselves | [`Kernel`], the crate `lstm-kernels` |
//!
//! Programs to run, `cargo run --release -p lstm-core --example NAME`:
//!
//! | example | what it does |
//! |---|---|
//! | `classifier` | thirty lines: one class for each of many sequences of different lengths |
//! | `forecast` | sunspot numbers, a year ahead, against simple rules |
//! | `labelling` | a mark for each symbol, with layers that read both ways |
//! | `characters` | a character model that learns this page and writes |
//! | `streaming` | a network learns an amplifier and takes its place, sample by sample |
//! | `own_cell` | a cell of one's own, with error signals that are proved (`--features derive`) |
//!
//! # A worked example
//! Two layers of different cells and a linear head learn to say at every step what was seen two steps before.
//!
//! ```
//! use faer::Mat;
//! use lstm_core::cells::{GruResetAfter, PeepholeLstm};
//! use lstm_core::init::Init;
//! use lstm_core::layers::{Batch, Pass, Stack};
//! use lstm_core::loss::mean_squared_gradient;
//! use lstm_core::optim::{Adam, Optimiser, clip_global_norm};
//! use lstm_core::params::Parameters;
//! use lstm_core::{Linear, Recurrent, Rng};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let mut rng = Rng::new(1);
//! let mut net = Stack::<f32>::new()
//!     .with("below", Recurrent::<PeepholeLstm, f32>::new(&[1, 16], &mut rng)?)?
//!     .with("above", Recurrent::<GruResetAfter, f32>::new(&[16, 16], &mut rng)?)?
//!     .with("head", Linear::new(16, 1, Init::Xavier, &mut rng)?)?;
//!
//! // Three sequences of 20, 12 and 17 steps: a column for each step and sample. Padding may
//! // hold anything.
//! let batch = Batch::ragged(&[20, 12, 17]);
//! let signal = |step: usize, sample: usize| ((5 * step * step + 3 * sample) as f32).sin();
//! let x = Mat::from_fn(1, batch.columns(), |_, column| match batch.place(column) {
//!     Some((step, sample)) => signal(step, sample),
//!     None => f32::NAN,
//! });
//! let target = Mat::from_fn(1, batch.columns(), |_, column| match batch.place(column) {
//!     Some((step, sample)) if step >= 2 => signal(step - 2, sample),
//!     _ => 0.0,
//! });
//!
//! let mut adam = Adam::new(0.01)?;
//! let mut pass = Pass::new();
//! let mut gradient = vec![0.0; net.params_len()];
//! let mut losses = Vec::new();
//! for _ in 0..200 {
//!     // The loss turns the outputs into its gradient.
//!     let mut dy = pass.forward(&net, x.as_ref(), &batch, &mut rng)?.to_owned();
//!     losses.push(mean_squared_gradient(dy.as_mut(), target.as_ref())?);
//!     gradient.fill(0.0);
//!     pass.backward(&net, x.as_ref(), dy.as_ref(), &mut gradient, None)?;
//!     clip_global_norm(&net, &mut gradient, 1.0)?;
//!     adam.step(&mut net, &gradient)?;
//! }
//! assert!(losses[199] < losses[0] / 10.0, "{} {}", losses[0], losses[199]);
//! # Ok(())
//! # }
//! ```
//!
//! # Conventions
//! - **Shapes.** A sequence is a [`faer`] matrix with one column per (step, sample), features down the column: column
//!   `step * samples + sample`. [`layers::Batch`] has the other order, too, and says where sequences end and begin.
//! - **Verbs.** `infer`, `step` and `seq` compute; `forward` computes and keeps what `backward` needs; `backward` adds to
//!   the gradient of the parameters and overwrites that of the input.
//! - **Gradients.** One flat slice in the order in which [`params::Parameters`] visits a model. A loss whose name ends in
//!   `_gradient` turns its matrix into the gradient, in place.
//! - **State.** Layers hold parameters and no state. States are handed in and out, buffers are kept by [`layers::Pass`],
//!   [`layers::LayerTape`] or [`Workspace`], so that steady shapes allocate once.
//! - **Options.** `new` takes what there is no default for, methods that begin with `with` the rest.
//! - **Numbers.** `f32` or `f64`, the type parameter of everything; SIMD by what the machine has, see [`Width`]. Subnormal
//!   numbers count as zero in recurrent layers, optimisers that have memory, [`layers::Pass`] and [`train::Trainer`], since
//!   what fades would end among them, where processors are slow; [`FlushDenormals`] does the same for a training loop of
//!   your own.
//!
//! # Errors
//! Whatever takes data from outside returns a [`Result`]; a panic is a bug. An [`Error`] says what was found, where, and
//! what would have been right.
//!
//! # The same bits
//! Equal seeds give equal bits, on any run and for any number of [`Threads`]: whatever draws takes an [`Rng`], whose
//! stream is part of this crate's promise. Another SIMD width may round otherwise.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `derive` | `cell!`, the compiler of cells |
//! | `ndarray` | `arrays`: sequences as arrays of three axes |
//! | `onnx` | `onnx`: recurrent networks as ONNX models, in and out |
//! | `progress` | `train::Bar`, a progress bar for [`train::Trainer`] |
//!
//! Without features, a program that links this crate builds nothing of the compiler.
//!
//! # Memory safety
//! Work on raw pointers is left to `lstm-kernels`, behind functions that check what they are given. Without the feature
//! `ndarray` there is no `unsafe` in this crate; with it there is where a matrix is seen as an array of three axes.
#![deny(unsafe_code)]

// Before all others, so that its documentation begins with how a layer is made.
mod recurrent;

#[cfg(feature = "ndarray")]
pub mod arrays;
pub mod bridge;
pub mod checkpoint;
pub mod error;
pub mod gradcheck;
pub mod guide;
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
mod columns;
mod embedding;
mod explain;
mod jobs;
mod linear;
mod observe;
mod order;
mod parts;
mod random;
mod tied;
mod tied_softmax;

#[cfg(test)]
mod check;

pub use class_softmax::{ClassSoftmax, ClassWorkspace, Classes, WordSlopes};
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use explain::{ExplainedParam, ExplainedVector, Explanation, StepWork};
pub use linear::Linear;
pub use observe::{Observed, Quantities};
pub use order::{Order, Place};
pub use random::{Rng, RngState};
pub use recurrent::{Recompute, Recurrent};
pub use tied::TiedLinear;
pub use tied_softmax::{SoftmaxWorkspace, TiedSoftmax};

/// The crate of matrices, in the version that this library takes: `use lstm_core::faer::Mat;` needs no dependency of its own.
pub use faer;
#[cfg(feature = "derive")]
pub use lstm_derive::cell;
pub use lstm_kernels::{
    Cell, CellSpec, Element, FlushDenormals, Kernel, KernelError, Packed, ParamRole, ParamSpec,
    SizeSpec, State, Tape, Threads, VectorSpec, Width, Workspace, cells, equations,
};

/// What generated code calls; not for use by hand.
#[doc(hidden)]
pub use lstm_kernels::rt;

/// The cell on the front page of the project compiles and proves.
#[cfg(all(doctest, feature = "derive"))]
#[doc = include_str!("../../README.md")]
pub struct Readme;
