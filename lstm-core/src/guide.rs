//! Guides: how to do things, from beginning to end. There is no code to call in here.
//!
//! - [`pytorch`]: coming from PyTorch, Keras, candle or burn; the same model in both, and a table of names.
//! - [`sequences`]: ragged batches, resets, carried state, truncated back-propagation, either order of axes.
//! - [`training`]: a loop of your own, or the one of the library; checkpoints; the same bits again.
//! - [`cells`]: a cell of your own.

#[doc = include_str!("../docs/pytorch.md")]
pub mod pytorch {}

#[doc = include_str!("../docs/sequences.md")]
pub mod sequences {}

#[doc = include_str!("../docs/training.md")]
pub mod training {}

#[cfg_attr(feature = "derive", doc = include_str!("../docs/cells.md"))]
#[cfg_attr(
    not(feature = "derive"),
    doc = "A cell of your own: this guide is there with the feature `derive`, as is the macro `cell!` that it is about."
)]
pub mod cells {}
