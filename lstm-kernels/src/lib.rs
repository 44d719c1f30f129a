//! Fused SIMD kernels for recurrent cells, generated from their equations.
// Cells carry the symbols of the papers; those of different cells may look alike.
#![allow(uncommon_codepoints, confusable_idents, mixed_script_confusables)]

mod cell;
mod error;
#[rustfmt::skip]
mod generated;
mod kernel;
#[doc(hidden)]
pub mod rt;
mod state;

pub use cell::{Cell, CellSpec, ParamRole, ParamSpec, SizeSpec, VectorSpec};
pub use error::KernelError;
pub use kernel::{Kernel, Tape, Workspace};
pub use rt::{Element, Packed, Width};
pub use state::State;

/// The shipped cells.
pub mod cells {
    pub use crate::generated::*;
}
