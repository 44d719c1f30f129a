//! What generated code may call: SIMD values and activations, and the sweeps that run it.

pub mod activations;
mod buffer;
mod context;
pub mod dense;
mod element;
mod equations;
mod errors;
mod lanes;
mod layout;
mod memory;
mod moving;
mod outer;
mod outer_layout;
mod pages;
mod panel;
mod pass;
mod pieces;
mod prefetch;
mod program;
mod rows;
mod run;
mod segment;
mod stream;
mod sweep;
mod tile;
mod width;

pub(crate) use buffer::NoMemory;
pub use context::{BackwardTile, ForwardTile};
pub use element::Element;
pub use equations::Equations;
pub(crate) use errors::{Errors, LINE};
pub use lanes::{LaneMask, Lanes};
pub(crate) use layout::Layout;
pub(crate) use memory::Memory;
pub use pages::prefer_large_pages;
pub(crate) use panel::Pack;
pub use panel::Packed;
pub use program::*;
pub use pulp::Simd;
pub use stream::{AnySizes, Fixed, Sizes};
pub(crate) use stream::{FixedSteps, Head, PlannedSteps, Recognise, Steps, StreamMemory};
pub use sweep::Job;
pub(crate) use sweep::{
    Backward, ColumnGrid, Forward, Gradients, INITIAL_TURN, SharedNumbers, Shares, Task,
};
#[cfg(test)]
pub(crate) use sweep::{Queue, Share};
pub use width::{SimdToken, UnavailableWidth, UnknownWidth, Width};
