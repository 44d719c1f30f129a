//! What generated code may call: SIMD values and activations, and the sweeps that run it.

pub mod activations;
mod buffer;
mod context;
mod element;
mod lanes;
mod layout;
mod memory;
mod panel;
mod program;
mod sweep;
mod tile;
mod width;

pub use context::{BackwardTile, ForwardTile};
pub use element::Element;
pub use lanes::{LaneMask, Lanes};
pub(crate) use layout::{Layout, MAX_ROWS};
pub(crate) use memory::{Errors, Memory};
pub use panel::Packed;
pub use program::*;
pub use pulp::Simd;
pub(crate) use sweep::{Backward, Forward, UserMatrix, form_gradients};
pub use width::{SimdToken, UnavailableWidth, UnknownWidth, Width};
