//! How a run can fail, and how that is said: one sentence, and an exit code that is not zero.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::held::complain;
use crate::kind::Kind;
use crate::progress::grouped;

/// Why a run did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The library's errors.
    #[error(transparent)]
    Core(#[from] lstm_core::Error),

    /// Language models of words.
    #[error(transparent)]
    Lm(#[from] crate::lm::LmError),

    /// Training ended in an error, as where numbers diverge; the sentence says what was saved before.
    #[error("{source}. {left}")]
    CutShort {
        /// The error.
        source: Box<Failure>,
        /// What is left of the run.
        left: String,
    },

    /// A run of training has ended as it should, but without a model.
    #[error("{reason}, so {left}; {remedy}")]
    NothingLearned {
        /// What has become of the training.
        reason: &'static str,
        /// What is there instead.
        left: String,
        /// What to do.
        remedy: &'static str,
    },

    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// Options that do not fit each other, or what they are for.
    #[error("{0}")]
    Options(String),

    /// A picture cannot be drawn.
    #[error("the picture cannot be drawn: {0}")]
    Picture(String),

    /// A file that is to be text is not.
    #[error("{} is not UTF-8 text: the byte at offset {offset} does not fit", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where the first wrong byte is.
        offset: usize,
    },

    /// A file that is to be text is empty.
    #[error("{} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },

    /// A file is too large to be a text, or has no end.
    #[error("{} has more than {} bytes, which is too much for a text", path.display(), grouped(*most))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes would do.
        most: u64,
    },

    /// What is to be a file of some kind is a device, which may have no end.
    #[error("{} is a device, and a file is needed", path.display())]
    Device {
        /// The device.
        path: PathBuf,
    },

    /// A model's cell is not one of the shipped ones.
    #[error("no cell is called `{name}`; this program knows {known}")]
    UnknownCell {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },

    /// A model is of another kind than the one that is needed.
    #[error("{} is {}; a model of {needed} is needed here, as `{}` makes it", path.display(), Kind::describe(*found), needed.made_by())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it holds, if that is one of the two kinds.
        found: Option<Kind>,
        /// What would be right.
        needed: Kind,
    },

    /// What is to be a model is a checkpoint.
    #[error("{} is a checkpoint of a training run, as `lstm lm train --checkpoints` makes them; a model of {needed} is needed here, which `{}` saves where --out says", path.display(), needed.made_by())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What would be right.
        needed: Kind,
    },

    /// Something else stands where a file is to be written.
    #[error("{} {reason}, so it is not replaced; choose another {option}", path.display())]
    NotReplaced {
        /// The file.
        path: PathBuf,
        /// Why it is to stay.
        reason: String,
        /// The option that names it.
        option: &'static str,
    },

    /// The equation compiler found mistakes; the text is complete with lines and columns.
    #[error("{0}")]
    Equations(String),

    /// The output cannot be written.
    #[error("cannot write to the output: {0}")]
    Output(#[from] io::Error),

    /// The handler for Ctrl-C and signals cannot be installed.
    #[error("cannot listen for Ctrl-C and signals: {0}")]
    Signal(#[from] ctrlc::Error),

    /// Ctrl-C or a signal came; the sentence says what was saved.
    #[error("stopped by Ctrl-C or a signal; {0}")]
    Interrupted(String),

    /// The results file of `lstm paper` has a line that is not one of its own.
    #[error("line {line} of {} is not a result of `lstm paper` ({reason}); remove the line or choose another --results", path.display())]
    NotResults {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What does not fit.
        reason: serde_json::Error,
    },

    /// Ctrl-C or a signal came before any seed of `lstm paper` was done.
    #[error("stopped by Ctrl-C or a signal; no seed was done, so nothing is saved")]
    StoppedAtOnce,

    /// Ctrl-C or a signal came; the finished seeds of `lstm paper` are saved.
    #[error("stopped by Ctrl-C or a signal; {done} of {seeds} seeds were done; their results are in {}, and the same command goes on from there", path.display())]
    Stopped {
        /// The results file.
        path: PathBuf,
        /// How many seeds are in it.
        done: usize,
        /// How many are to be done.
        seeds: u64,
    },

    /// Something cannot be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// Says what happened on the error output and returns the exit code.
    pub fn report(self) -> ExitCode {
        match self {
            // Whoever reads our output has closed it: an end, not a mistake.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Equations(text) => {
                complain(text.trim_end());
                ExitCode::FAILURE
            }
            Self::Interrupted(_) | Self::StoppedAtOnce | Self::Stopped { .. } => {
                complain(&format!("lstm: {self}"));
                ExitCode::from(130)
            }
            _ => {
                complain(&format!("lstm: {self}"));
                ExitCode::FAILURE
            }
        }
    }
}
