//! Finished networks in a file of JSON lines, so that a run can be resumed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;

use lstm_core::io;
use same_file::Handle;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::kind::require_end;
use crate::output::require_named;

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
    require_end(path)?;
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unread(path, source)),
    };
    parse(&text, path)
}

/// The results in a text; `path` is what errors call it.
fn parse(text: &str, path: &Path) -> Result<Vec<Trial>, Failure> {
    let parse = |(index, line)| {
        serde_json::from_str(line).map_err(|reason| Failure::NotResults {
            path: path.to_owned(),
            line: index + 1,
            reason,
        })
    };
    text.lines().enumerate().map(parse).collect()
}

/// Checks that a later [`add`] can write: before networks are trained, not after the first.
///
/// # Errors
/// A file or a folder that is closed to us.
pub fn require_writable(path: &Path) -> Result<(), Failure> {
    require_end(path)?;
    require_named("--results", path)?;
    io::require_writable(path)?;
    match OpenOptions::new().append(true).open(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(unwritten(path, source)),
        _ => Ok(()),
    }
}

/// Adds a trial to a results file, which is replaced as a whole.
///
/// # Errors
/// A file that cannot be read or written.
pub fn add(path: &Path, trial: &Trial) -> Result<(), Failure> {
    // Locked until the new file is in its place, and read once more: another run may add its own meanwhile.
    let mut file = lock(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|source| unread(path, source))?;
    let mut trials = parse(&text, path)?;
    trials.push(trial.clone());
    let mut text = String::new();
    for trial in &trials {
        text += &serde_json::to_string(trial)?;
        text.push('\n');
    }
    Ok(io::write_atomic(path, text.as_bytes())?)
}

/// The results file, which is made if it is missing, with a lock that keeps other runs waiting.
fn lock(path: &Path) -> Result<File, Failure> {
    let open = || -> std::io::Result<(File, bool)> {
        let file = (OpenOptions::new().read(true).append(true).create(true)).open(path)?;
        // Where files cannot be locked, runs have to do without.
        if file.lock().is_err() {
            return Ok((file, true));
        }
        // The run that held the lock before has put another file into the place of this one.
        let held = Handle::from_file(file.try_clone()?)?;
        let is_there = Handle::from_path(path).is_ok_and(|there| there == held);
        Ok((file, is_there))
    };
    loop {
        let (file, is_there) = open().map_err(|source| unwritten(path, source))?;
        if is_there {
            return Ok(file);
        }
    }
}

fn unread(path: &Path, source: std::io::Error) -> Failure {
    Failure::Read {
        path: path.to_owned(),
        source,
    }
}

fn unwritten(path: &Path, source: std::io::Error) -> Failure {
    Failure::Core(lstm_core::Error::Io {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use serde_json::json;

    use super::*;

    /// Two runs of fifty networks each: without a lock most of what one adds is gone with what the other puts in its place.
    #[test]
    fn runs_that_add_at_the_same_time_lose_nothing() {
        let name = format!("lstm-paper-together-{}.jsonl", std::process::id());
        let path = &std::env::temp_dir().join(name);
        thread::scope(|scope| {
            for first in [0, 50] {
                scope.spawn(move || {
                    for seed in first..first + 50 {
                        let trial = Trial {
                            experiment: json!({"task": "odd"}),
                            seed,
                            outcome: Outcome::solved(seed),
                            seconds: 0.5,
                        };
                        add(path, &trial).unwrap();
                    }
                });
            }
        });
        let mut seeds: Vec<_> = (read(path).unwrap().iter())
            .map(|trial| trial.seed)
            .collect();
        seeds.sort_unstable();
        fs::remove_file(path).unwrap();
        assert_eq!(seeds, Vec::from_iter(0..100));
    }
}
