//! A folder of the last few checkpoints.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lstm_kernels::Element;

use super::{Checkpoint, CheckpointFile};
use crate::error::{Error, Result, require_size};
use crate::io::{make_folder, remove_leftovers};

/// A folder that keeps the last checkpoints of a run, in files `checkpoint-<number>.safetensors`.
///
/// An older checkpoint is removed only when the newer one is on the disk, so there is always one to go on from. One run
/// at a time may save to a folder.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

/// The checkpoint to go on from.
#[derive(Debug)]
#[non_exhaustive]
pub struct Latest {
    /// Its number.
    pub number: u64,
    /// The checkpoint.
    pub file: CheckpointFile,
    /// Why those with higher numbers were passed over. It is empty unless a disk or a person has damaged a file.
    pub refused: Vec<Error>,
}

impl Checkpoints {
    /// The folder `folder`, which is made if it is missing, so that it outlives a loss of power, and in which the last `keep`
    /// checkpoints stay. What a killed run left of a write is removed.
    ///
    /// # Errors
    /// A folder that cannot be made; none to keep.
    pub fn new(folder: impl Into<PathBuf>, keep: usize) -> Result<Self> {
        require_size("the number of checkpoints to keep", keep)?;
        let folder = folder.into();
        make_folder(&folder).map_err(failure("write", &folder))?;
        remove_leftovers(&folder, &|name| number_of(name).is_some());
        Ok(Self { folder, keep })
    }

    /// The path of the checkpoint with a number.
    pub fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{PREFIX}{number:010}{ENDING}"))
    }

    /// The numbers of all checkpoints, sound or not, from the lowest on.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn numbers(&self) -> Result<Vec<u64>> {
        let entries = fs::read_dir(&self.folder).map_err(failure("read", &self.folder))?;
        let mut numbers = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failure("read", &self.folder))?;
            // A name with other zeros in front is not one of ours, though it means the same number.
            let number = number_of(&entry.file_name());
            numbers.extend(number.filter(|&number| self.path(number) == entry.path()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Writes a checkpoint under a number, such as the step, and then removes those that are no longer among the last.
    ///
    /// # Errors
    /// A file that cannot be written; a sound checkpoint with a higher number: the new one is not the run's latest then,
    /// and nothing is written; one with a higher number that cannot be read, so that nobody knows. Where only the removal of an
    /// older one fails, the new one is on the disk.
    pub fn save<T: Element>(&self, number: u64, checkpoint: Checkpoint<T>) -> Result<PathBuf> {
        let mut numbers = self.numbers()?;
        let later = numbers.split_off(numbers.partition_point(|&old| old <= number));
        for later in later {
            if self.open(later)?.is_ok() {
                return Err(Error::CheckpointOrder {
                    folder: self.folder.clone(),
                    number,
                    later,
                });
            }
        }
        let path = self.path(number);
        checkpoint.save(&path)?;
        remove_leftovers(&self.folder, &|name| number_of(name).is_some());
        numbers.retain(|&old| old != number);
        // The new one is the last of those that stay.
        numbers.truncate((numbers.len() + 1).saturating_sub(self.keep));
        for old in numbers {
            remove(&self.path(old))?;
        }
        Ok(path)
    }

    /// The sound checkpoint with the highest number; none in a folder without checkpoints, where a run begins.
    ///
    /// # Errors
    /// A folder, or a checkpoint in it, that the system does not let us read; checkpoints of which none is sound, with what is
    /// wrong with the highest.
    pub fn latest(&self) -> Result<Option<Latest>> {
        let mut refused = Vec::new();
        for number in self.numbers()?.into_iter().rev() {
            match self.open(number)? {
                Ok(file) => {
                    return Ok(Some(Latest {
                        number,
                        file,
                        refused,
                    }));
                }
                Err(error) => refused.push(error),
            }
        }
        match refused.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }
}

impl Checkpoints {
    /// A checkpoint, or what is wrong with it. That it cannot be read for now says nothing about it, and is an error of ours.
    fn open(&self, number: u64) -> Result<Result<CheckpointFile>> {
        match CheckpointFile::open(self.path(number)) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Err(failure("read", &self.path(number))(source)))
            }
            Err(error @ Error::Io { .. }) => Err(error),
            outcome => Ok(outcome),
        }
    }
}

const PREFIX: &str = "checkpoint-";
const ENDING: &str = ".safetensors";

fn number_of(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(ENDING)?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_plain)
}

/// Removes a file. One that is gone already, as where another run saves to the same folder, needs no removal.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(failure("remove", path)(source))
        }
        _ => Ok(()),
    }
}

fn failure(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::tests::Folder;

    #[test]
    fn a_checkpoint_that_is_gone_already_needs_no_removal() {
        let folder = Folder::new("gone");
        let path = folder.0.join("checkpoint");
        fs::write(&path, b"old").unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
        remove(&path).unwrap();
        // What cannot be removed is still an error: a folder is no file.
        let message = remove(&folder.0).unwrap_err().to_string();
        assert!(message.contains("cannot remove"), "{message}");
    }
}
