//! Files that are either written completely or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Writes `bytes` to a new file beside `path`, syncs it to the disk and gives it the name `path`.
///
/// Whatever fails, `path` is what it was before, and the new file is gone.
///
/// # Errors
/// The system's, with the path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let (temporary, mut file) = create_beside(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        discard(&temporary);
        failure(path, source)
    })
}

/// Checks that a later [`write_atomic`] can put a file at `path`: before hours of training, not after them.
///
/// # Errors
/// A folder that is missing or closed to us, or a `path` that is itself a folder.
pub fn require_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(failure(path, io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let (temporary, _) = create_beside(path)?;
    fs::remove_file(&temporary).map_err(|source| failure(&temporary, source))
}

/// A new, empty file in the folder of `path`, with a name that no other run and no other call uses.
fn create_beside(path: &Path) -> Result<(PathBuf, File)> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(failure(
            path,
            io::Error::from(io::ErrorKind::InvalidFilename),
        ));
    };
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{call}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
    {
        Ok(file) => Ok((temporary, file)),
        Err(source) => Err(failure(path, source)),
    }
}

/// Removes what a failed write left. The write's own error is what the caller needs to hear; if the file cannot be
/// removed either, the reason is the same.
fn discard(temporary: &Path) {
    let _ = fs::remove_file(temporary);
}

fn failure(path: &Path, source: io::Error) -> Error {
    Error::Io {
        action: "write",
        path: path.to_owned(),
        source,
    }
}
