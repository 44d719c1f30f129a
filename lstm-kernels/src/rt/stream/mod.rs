//! One sample at a time: a step as a list of products and equations, prepared once.

mod fixed;
mod head;
mod memory;
mod plan;
mod shape;
mod sizes;
mod step;

pub(crate) use fixed::Recognise;
pub(crate) use head::Head;
pub(crate) use memory::StreamMemory;
pub use sizes::{AnySizes, Fixed, Sizes};
pub(crate) use step::{FixedSteps, PlannedSteps, Steps};
