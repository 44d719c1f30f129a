//! The two kinds of models, which are told apart by the entries of their files.

use std::fmt;
use std::path::Path;

use lstm_core::Error;
use lstm_core::checkpoint::CheckpointFile;
use lstm_core::io::ModelFile;

use crate::failure::Failure;
use crate::lm;

/// What a model reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Characters: a model of `lstm train`.
    Characters,
    /// Words: a model of `lstm lm train`.
    Words,
}

impl Kind {
    /// The kind of a model, if it is one of these.
    pub fn of(file: &ModelFile) -> Option<Self> {
        let has = |entry| file.metadata(entry).is_ok();
        match (has("cell") && has("vocabulary"), has(lm::CONFIG)) {
            (true, _) => Some(Self::Characters),
            (false, true) => Some(Self::Words),
            (false, false) => None,
        }
    }

    /// Opens a file with a model of this kind.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds a checkpoint or a model of another kind.
    pub fn open(self, path: &Path) -> Result<ModelFile, Failure> {
        require_end(path)?;
        let file = ModelFile::open(path).map_err(|error| match error {
            // It is read once more; a pipe would be empty by now.
            Error::Mismatch { .. } if path.is_file() && CheckpointFile::open(path).is_ok() => {
                Failure::Checkpoint {
                    path: path.to_owned(),
                    needed: self,
                }
            }
            other => other.into(),
        })?;
        match Self::of(&file) {
            Some(kind) if kind == self => Ok(file),
            found => Err(Failure::OtherKind {
                path: path.to_owned(),
                found,
                needed: self,
            }),
        }
    }

    /// The command that makes such models.
    pub fn made_by(self) -> &'static str {
        match self {
            Self::Characters => "lstm train",
            Self::Words => "lstm lm train",
        }
    }

    /// The command that lets such models write.
    fn read_by(self) -> &'static str {
        match self {
            Self::Characters => "lstm generate",
            Self::Words => "lstm lm generate",
        }
    }

    /// What a model of a kind, or of none, is and is for.
    pub fn describe(found: Option<Self>) -> String {
        match found {
            Some(kind) => format!("a model of {kind}, for `{}`", kind.read_by()),
            None => "a model of neither characters nor words".to_owned(),
        }
    }
}

/// Refuses a device such as one of zeros, which would be read for ever.
///
/// # Errors
/// A device.
#[cfg(unix)]
pub fn require_end(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::FileTypeExt;

    match path
        .metadata()
        .is_ok_and(|file| file.file_type().is_char_device())
    {
        true => Err(Failure::Device {
            path: path.to_owned(),
        }),
        false => Ok(()),
    }
}

/// Other systems have no devices among their files.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn require_end(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Characters => "characters",
            Self::Words => "words",
        })
    }
}
