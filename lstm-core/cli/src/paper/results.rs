//! Finished networks in a file of JSON lines, so that a run can be resumed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use lstm_core::io::write_atomic;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;

/// What became of one network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The sequences after which the task was solved, if it was.
    pub solved_after: Option<u64>,
    /// The sequences it was trained on.
    pub sequences: u64,
    /// The root of the mean squared error in the test that was passed, where there is such a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
}

impl Outcome {
    /// Success after so many sequences.
    pub fn solved(sequences: u64) -> Self {
        Self {
            solved_after: Some(sequences),
            sequences,
            rmse: None,
        }
    }

    /// No success within so many sequences.
    pub fn failed(sequences: u64) -> Self {
        Self {
            solved_after: None,
            sequences,
            rmse: None,
        }
    }
}

/// A finished network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What determines the outcome, beside the seed.
    pub experiment: Value,
    /// The seed.
    pub seed: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
}

/// Reads a results file; one that is not there has no results.
///
/// # Errors
/// A file that cannot be read, and lines that are no results.
pub fn read(path: &Path) -> Result<Vec<Trial>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(Failure::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let parse = |(index, line)| {
        serde_json::from_str(line).map_err(|reason| Failure::NotResults {
            path: path.to_owned(),
            line: index + 1,
            reason,
        })
    };
    text.lines().enumerate().map(parse).collect()
}

/// Adds a trial to a results file, which is replaced as a whole.
///
/// # Errors
/// A file that cannot be read or written.
pub fn add(path: &Path, trial: &Trial) -> Result<(), Failure> {
    // Read once more: another run may have added its own meanwhile.
    let mut trials = read(path)?;
    trials.push(trial.clone());
    let mut text = String::new();
    for trial in &trials {
        text += &serde_json::to_string(trial)?;
        text.push('\n');
    }
    Ok(write_atomic(path, text.as_bytes())?)
}
