//! The files that a verb writes, checked before the work: that it can write them, and that nothing is lost by it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf, absolute};

use lstm_core::io::{ModelFile, behind_links, require_writable};
use same_file::is_same_file;

use crate::corpus::is_stdin;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::lm;

/// What a file holds.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A model.
    Model(Kind),
    /// A list of words with their counts.
    Vocabulary,
    /// A list of words with their classes.
    Classes,
    /// A picture as SVG.
    Svg,
    /// A picture as PNG.
    Png,
    /// The numbers of `lstm flow`.
    Csv,
    /// A page for a browser.
    Html,
    /// A folder of checkpoints.
    Checkpoints,
}

impl Form {
    /// Whether what is there is of this form, or empty. Others than files are not opened, as a pipe might have no end.
    fn fits(self, path: &Path) -> bool {
        match self {
            Self::Checkpoints => path.is_dir(),
            _ if !path.is_file() => false,
            _ if is_empty(path) => true,
            Self::Model(kind) => {
                ModelFile::open(path).is_ok_and(|file| Kind::of(&file) == Some(kind))
            }
            Self::Vocabulary => lm::Vocabulary::is_list(path),
            Self::Classes => lm::is_class_list(path),
            Self::Svg => begins_with(path, b"<svg"),
            Self::Png => begins_with(path, b"\x89PNG"),
            Self::Csv => begins_with(path, b"q,"),
            Self::Html => begins_with(path, b"<!DOCTYPE html>"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Model(Kind::Characters) => "a model of characters",
            Self::Model(Kind::Words) => "a model of words",
            Self::Vocabulary => "a vocabulary of `lstm lm vocab`",
            Self::Classes => "a list of classes of `lstm lm classes`",
            Self::Svg => "an SVG picture",
            Self::Png => "a PNG picture",
            Self::Csv => "a table of `lstm flow`",
            Self::Html => "a page",
            Self::Checkpoints => "a folder",
        }
    }
}

/// A file to be written.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// The option that names it.
    pub option: &'static str,
    /// The file.
    pub path: &'a Path,
    /// What it will hold.
    pub form: Form,
}

impl<'a> Output<'a> {
    /// A file that an option names.
    pub fn new(option: &'static str, path: &'a Path, form: Form) -> Self {
        Self { option, path, form }
    }

    /// A file that an option names if it is given.
    pub fn of(option: &'static str, path: Option<&'a Path>, form: Form) -> Option<Self> {
        path.map(|path| Self::new(option, path, form))
    }
}

/// Checks that files can be written, and that they take the place of nothing but older ones of their form: not of the files
/// that are read, nor of each other.
///
/// # Errors
/// The first file that cannot be written or would take the place of something else.
pub fn require_replaceable<'a>(
    outputs: impl IntoIterator<Item = Output<'a>>,
    inputs: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<(), Failure> {
    let inputs: Vec<&PathBuf> = inputs.into_iter().collect();
    let mut before: Vec<Output<'_>> = Vec::new();
    for output in outputs {
        let Output { option, path, form } = output;
        require_named(option, path)?;
        match form {
            Form::Checkpoints => require_folder(path)?,
            _ => require_writable(path)?,
        }
        let refused = |reason: String| {
            Err(Failure::NotReplaced {
                path: path.to_owned(),
                reason,
                option,
            })
        };
        if inputs.iter().any(|input| are_one(path, input)) {
            return refused("is read by this command".to_owned());
        }
        if let Some(other) = (before.iter()).find(|other| is_same_place(path, other.path)) {
            return refused(format!("is what {} names, too", other.option));
        }
        if path.exists() && !form.fits(path) {
            return refused(format!("exists and is not {}", form.name()));
        }
        before.push(output);
    }
    Ok(())
}

/// Refuses `-`, which where texts are read is the standard input, as the name of something to be written.
///
/// # Errors
/// This name.
pub fn require_named(option: &'static str, path: &Path) -> Result<(), Failure> {
    match is_stdin(path) {
        true => Err(Failure::Options(format!(
            "{option} names what is to be written, and the standard output is not for that; choose a name, or ./- for one called `-`"
        ))),
        false => Ok(()),
    }
}

/// Checks that a later write can put files into a folder, which may have to be made. What is there and is no folder is not
/// for this to refuse.
fn require_folder(folder: &Path) -> Result<(), Failure> {
    if folder.exists() && !folder.is_dir() {
        return Ok(());
    }
    let is_missing = |path: &&Path| *path != Path::new("") && !path.exists();
    let first = match folder.ancestors().take_while(is_missing).last() {
        Some(missing) => missing.to_owned(),
        None => folder.join("checkpoint"),
    };
    require_writable(&first).map_err(|error| match error {
        lstm_core::Error::Io { source, .. } => lstm_core::Error::Io {
            action: "write to",
            path: folder.to_owned(),
            source,
        }
        .into(),
        other => other.into(),
    })
}

/// Whether two files are one or, where they are not there yet, will be.
pub fn is_same_place(one: &Path, other: &Path) -> bool {
    let will_be_one = matches!((place(one), place(other)), (Ok(one), Ok(other)) if one == other);
    will_be_one || are_one(one, other)
}

/// The same path for all names of a file. Where there is no file yet, it is in the folder to which its name leads.
fn place(path: &Path) -> io::Result<PathBuf> {
    let future = || {
        // A link that leads to nothing stays when a file is written, which comes to be where the link leads.
        let target = behind_links(path)?;
        let name = target.file_name().ok_or(ErrorKind::InvalidFilename)?;
        let folder = target.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
        Ok(folder.join(name))
    };
    path.canonicalize()
        .or_else(|_| future())
        .or_else(|_: io::Error| absolute(path))
}

/// Whether two paths lead to one file. Others than files are not opened: a pipe that was would lose what is in it.
fn are_one(one: &Path, other: &Path) -> bool {
    one.is_file() && other.is_file() && is_same_file(one, other).unwrap_or(false)
}

/// Whether there is something at a place that would be lost if it were replaced.
pub fn holds_something(path: &Path) -> bool {
    path.exists() && !is_empty(path)
}

/// Whether nothing is lost with a file, such as one that was made to have a name of its own.
fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() == 0)
}

fn begins_with(path: &Path, start: &[u8]) -> bool {
    let mut found = vec![0; start.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut found));
    read.is_ok() && found == start
}
