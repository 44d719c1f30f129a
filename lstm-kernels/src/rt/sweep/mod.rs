//! Sweeps: forward and backward through a sequence, step by step, pass by pass, strip by strip.

mod ahead;
mod backward;
mod cuts;
mod forward;
mod gradients;
mod grid;
mod input_gradient;
mod job;
mod outer;
mod packing;
mod products;
mod queue;
mod settled;
mod share;
mod turns;

pub(crate) use ahead::{ahead_input_len, ahead_len, steps_ahead};
pub(crate) use backward::{Backward, INITIAL_TURN};
pub(crate) use cuts::part;
pub(crate) use forward::Forward;
pub(crate) use gradients::Gradients;
pub(crate) use grid::{ColumnGrid, SharedNumbers};
pub use job::Job;
pub(crate) use job::Task;
pub(crate) use outer::OuterScratch;
pub(crate) use queue::Queue;
pub(crate) use share::{Share, Shares};

use share::Strip;
