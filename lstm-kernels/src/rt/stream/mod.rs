//! One sample at a time: a step as a list of products and equations, prepared once.

mod head;
mod memory;
mod plan;
mod step;

pub(crate) use head::Head;
pub(crate) use memory::StreamMemory;
pub(crate) use step::Steps;
