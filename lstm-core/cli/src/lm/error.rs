//! What can be wrong with texts, word lists and models of words.

use std::io;
use std::path::{Path, PathBuf};

/// Why a verb of `lstm lm` did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LmError {
    /// A line is not text.
    #[error("line {line} of {} is not UTF-8 text: byte {byte} of the line does not fit", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// From 1.
        byte: usize,
    },

    /// A line does not have the form that its file needs.
    #[error("line {line} of {}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What was found and what is needed.
        reason: String,
    },

    /// A file does not fit.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// There is no list of words.
    #[error("cannot read {}: {source}; make a vocabulary with `lstm lm vocab TEXT`, or name another one with --vocab", path.display())]
    NoVocabulary {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// There is nothing to count.
    #[error("there is no word in {0}, so nothing is written")]
    NoWord(String),

    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
}

impl LmError {
    /// A text that is to be measured on has no line.
    pub fn no_sentence(path: &Path) -> Self {
        Self::File {
            path: path.to_owned(),
            reason: "there is no sentence in it".to_owned(),
        }
    }

    /// Texts from which a list is to be made hold nothing but blanks.
    pub fn no_word<'a>(texts: impl IntoIterator<Item = &'a Path>) -> Self {
        let texts = texts.into_iter().map(|text| text.display().to_string());
        Self::NoWord(texts.collect::<Vec<_>>().join(", "))
    }
}
