//! How a measurement can fail; each failure is one sentence.

use serde::Serialize;

/// Why nothing, or not everything, was measured.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The library refused the sizes, or what was asked of it.
    #[error(transparent)]
    Core(#[from] lstm_core::Error),

    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] std::io::Error),

    /// A record cannot be written as, or read from, JSON.
    #[error("a line of JSON is malformed: {0}")]
    Json(#[from] serde_json::Error),

    /// The kernels use one thread.
    #[error(
        "the kernels run on one thread so far, so --threads {0} cannot be measured; use --threads 1"
    )]
    Threads(usize),

    /// The machine lacks the instruction set.
    #[error(transparent)]
    Width(#[from] lstm_kernels::KernelError),
}

/// A record as one line of JSON.
pub fn json(record: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(record)?)
}
