//! How a measurement can fail; each failure is one sentence.

use std::path::PathBuf;

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

    /// The machine lacks the instruction set.
    #[error(transparent)]
    Width(#[from] lstm_kernels::KernelError),

    /// A file cannot be written.
    #[error("{} cannot be written: {error}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },

    /// A program cannot be started.
    #[error("cannot {purpose}: `{program}` does not start ({error}); is it installed?")]
    Program {
        /// Its name.
        program: String,
        /// What it was to do.
        purpose: &'static str,
        /// Why.
        error: std::io::Error,
    },

    /// A program ended with an error.
    #[error("cannot {purpose}: `{program}` says:\n{reason}")]
    Setup {
        /// Its name.
        program: String,
        /// What it was to do.
        purpose: &'static str,
        /// The end of its error output.
        reason: String,
    },

    /// A peer ended before it answered.
    #[error("the peer {peer} ended without an answer; {} holds its last words", log.display())]
    PeerDied {
        /// Which.
        peer: &'static str,
        /// Its error output.
        log: PathBuf,
    },

    /// No other library has the cell.
    #[error("no peer has the cell {0}; compare lstm, peephole, gru or rnn")]
    NoPeer(&'static str),

    /// The peers are measured in single precision.
    #[error("the peers are measured in f32; leave --dtype out")]
    PeersAreSingle,
}

/// A record as one line of JSON.
pub fn json(record: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(record)?)
}
