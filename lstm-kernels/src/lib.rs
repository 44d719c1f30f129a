//! Fused SIMD kernels for recurrent cells, generated from their equations.
//!
//! [`cells`] holds the shipped cells: types without data, each made from a file in `cells/` by `cargo xtask gen`. A
//! [`Kernel`] binds a cell to sizes, to an element type (`f32` or `f64`) and to a SIMD [`Width`], and has the verbs:
//!
//! | verb | what it does |
//! |---|---|
//! | [`Kernel::pack`] | rearranges the parameters into panels, once per change of the weights |
//! | [`Kernel::infer`] | y from x, over a sequence or a single step |
//! | [`Kernel::forward`] | the same, saving what the backward pass needs on a [`Tape`] |
//! | [`Kernel::backward`] | back-propagation through time: gradients of parameters, input and initial [`State`] |
//!
//! ```
//! use faer::Mat;
//! use lstm_kernels::{Kernel, cells::Lstm};
//!
//! # fn main() -> Result<(), lstm_kernels::KernelError> {
//! let (inputs, units, steps, batch) = (3, 5, 4, 2);
//! let kernel = Kernel::<Lstm, f32>::new(&[inputs, units])?;
//! let params = vec![0.1; kernel.params_len()];
//! let packed = kernel.pack(&params)?;
//!
//! // One column per step and sample: column `t * batch + b`.
//! let x = Mat::from_fn(inputs, steps * batch, |i, j| (i + j) as f32 / 10.0);
//! let mut y = Mat::zeros(units, steps * batch);
//! let mut state = kernel.zero_state(batch)?;
//! kernel.infer(&packed, x.as_ref(), &mut state, y.as_mut(), &mut kernel.workspace(batch)?)?;
//! assert_eq!(state.get(1).col(0), y.col(6), "the carried output is the last output");
//! # Ok(())
//! # }
//! ```
//!
//! # Conventions
//! Matrices are column-major, features down the column. The columns of a sequence are its steps and samples: column
//! `t * batch + b` for step t of sample b, unless the call says otherwise. [`Kernel::infer_columns`],
//! [`Kernel::forward_columns`] and [`Kernel::backward_columns`] take, for each matrix, [`Columns`]: step t of sample b is
//! the column `first + t * step + b * sample`. Samples may lie one behind the other, time may run backwards, and a batch
//! may be some of the samples of a wider one: without a copy, and with the same bits.
//!
//! A vector \[N, C\] over units and cells of a block is flattened
//! with the units fastest: `n + N * c`. All parameters of a cell lie in one flat vector, in the order of
//! [`CellSpec::params`]; a matrix with the shape \[N, C, I\] has N·C rows and I columns.
//!
//! # How a step runs
//! A step is cut into *passes* over the units of an axis. A pass begins with matrix products: weights are packed in
//! panels that hold, for each k, the vectors of all gates of a group of units side by side, and a register tile
//! multiplies a panel with up to six samples. The element-wise equations of the group, generated from the cell,
//! follow at once while the tile's sums are at hand: they are all that a cell brings to the code of the sweeps. A product needs its whole operand, so a vector of the same step that is
//! multiplied by a matrix ends a pass: a GRU with reset before the product has two, an LSTM one.
//!
//! Backward is the mirror image: the products are those of the transposed panels with the errors of the step after, and
//! the element-wise code is the derived error signals. While tiles multiply, they ask for what that code reads and writes next.
//! Gradients of matrices wait until the end, when a register tile of their own reads the errors of all steps and samples, which
//! the steps left group by group, and the vectors, cut into panels; so does the gradient of the input.
//!
//! A panel is read once for all samples of a step, a large one in pieces on which the tiles take turns. At a small batch reading
//! it is what takes the time, so the products with the input run ahead for several steps together, and a step walks the panels
//! in the opposite direction of the one before, to begin with what is still in the cache.
//!
//! How close all this comes to what a machine can do, and what is left, is said in [`performance`].
//!
//! # One sample at a time
//! A [`StreamKernel`] follows one sequence. With one sample every place in memory is known beforehand, so it keeps a list
//! of each step's products and equations, with their addresses, and the state stays where the next step reads it. Given
//! [`Sizes`] that the compiler knows, it unrolls the list. Sums have the same order in every form.
//!
//! # Threads
//! [`Kernel::with_threads`] shares the work of a call: with many samples, or short steps, each thread has samples of its own; else
//! the threads share the units of each step and meet after every pass. A call too small to gain by it stays on one thread. Units
//! and the gradients after the sweep are taken piece by piece: a thread that is done helps the others, so a slower processor
//! does less instead of being waited for.
//!
//! Every sum of products is a single chain over k in order, whatever the tile, sums over samples are formed in the order
//! of the samples, and blocks of a gradient do not depend on the threads. So the bits of a result depend neither on the
//! number of threads nor, for what belongs to a sample, on the other samples or on how many steps go into a call.
//!
//! # Fading numbers
//! An error that shrinks by half from step to step ends among the subnormal numbers, and so does a state that decays. Many
//! processors are a hundred times slower there: where only the last of 400 steps has a loss, all of back-propagation took
//! twenty times as long. So subnormal numbers count as zero in every verb, and on all of its threads; a call restores the
//! mode that it found. [`FlushDenormals`] gives the same mode to what a program does between calls.
// Cells carry the symbols of the papers; those of different cells may look alike.
#![allow(uncommon_codepoints, confusable_idents, mixed_script_confusables)]

mod cell;
mod columns;
mod denormals;
pub mod equations;
mod error;
#[rustfmt::skip]
mod generated;
mod kernel;
#[doc(hidden)]
pub mod rt;
mod state;
mod stream;
mod threads;

pub use cell::{Cell, CellSpec, ParamRole, ParamSpec, SizeSpec, VectorSpec};
pub use columns::{Columns, Sequence};
pub use denormals::FlushDenormals;
pub use error::KernelError;
pub use kernel::{Kernel, Tape, Workspace};
pub use rt::{AnySizes, Element, Fixed, Packed, Sizes, Width, prefer_large_pages};
pub use state::State;
pub use stream::{StreamHead, StreamKernel};
pub use threads::Threads;

#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

/// The shipped cells.
pub mod cells {
    pub use crate::generated::*;
}
