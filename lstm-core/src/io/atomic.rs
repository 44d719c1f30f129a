//! Files that are either written completely or not at all.
//!
//! A file is written under a temporary name in the folder it will be in, synced, and renamed; then the folder is synced,
//! so that the new name, too, outlives a loss of power. While it is written, its writer holds a lock on it. A writer that
//! is killed leaves its temporary file, but not the lock: so the next one knows what to clear away.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::io::behind_links;
use crate::io::folder::{folder_of, sync_folder};

/// Writes `bytes` to a new file beside `path`, syncs it to the disk, gives it the name `path`, and syncs the folder.
///
/// Whatever fails, `path` is what it was before or holds all of `bytes`, and the new file is gone. What a killed process
/// left of an earlier write to this path is removed first. A file that is there already hands on its permissions, before
/// anything is written; if `path` is a symbolic link, all of this is about the file to which it leads, and the link stays.
///
/// # Errors
/// The system's, with the path; something at `path` that is no file.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_parts(path, &[bytes])
}

/// As [`write_atomic`], of the parts in turn.
pub(crate) fn write_parts(path: &Path, parts: &[&[u8]]) -> Result<()> {
    let path = &behind_links(path).map_err(|source| failure(path, source))?;
    require_file_or_nothing(path)?;
    if let (Some(folder), Some(name)) = (folder_of(path), path.file_name()) {
        remove_leftovers(folder, &|target| *target == *shortened(name));
    }
    let (temporary, mut file) = create_beside(path)?;
    let written = (parts.iter())
        .try_for_each(|part| file.write_all(part))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        discard(&temporary);
        failure(path, source)
    })?;
    sync_folder(path).map_err(|source| failure(path, source))
}

/// Checks that a later [`write_atomic`] can put a file at `path`: before hours of training, not after them.
///
/// # Errors
/// A folder that is missing or closed to us, or a `path` that is a folder, a device, a pipe or a socket.
pub fn require_writable(path: &Path) -> Result<()> {
    let path = &behind_links(path).map_err(|source| failure(path, source))?;
    require_file_or_nothing(path)?;
    // Its lock is held until it is gone: another writer would take it for a leftover, and remove it.
    let (temporary, _lock) = create_beside(path)?;
    fs::remove_file(&temporary).map_err(|source| failure(&temporary, source))
}

/// Refuses what a new file would take the place of for all programs, such as the device `/dev/null`.
fn require_file_or_nothing(path: &Path) -> Result<()> {
    let source = match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => io::Error::from(ErrorKind::IsADirectory),
        Ok(there) if !there.is_file() => io::Error::other(
            "it is a device, a pipe or a socket, and a file would take its place; name a file",
        ),
        _ => return Ok(()),
    };
    Err(failure(path, source))
}

/// Removes what killed processes left of writes to the files in `folder` whose names are `wanted`.
///
/// Files that are being written now are locked and stay. This is tidying: where the folder cannot be read or a file not
/// be removed, the write that follows will say so if it matters, and else nothing is lost but space.
pub(crate) fn remove_leftovers(folder: &Path, wanted: &dyn Fn(&OsStr) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if !target_of(&entry.file_name()).is_some_and(|target| wanted(&target)) {
            continue;
        }
        let path = entry.path();
        // Held until the file is gone, so that no other process does the same meanwhile.
        let is_left = |file: &File| file.try_lock().is_ok();
        if let Some(_lock) = File::open(&path).ok().filter(is_left) {
            discard(&path);
        }
    }
}

/// The number of files that a process may find gone or taken while it makes one of its own.
const ATTEMPTS: u32 = 100;

/// A new, empty, locked file in the folder of `path`, with a name that no other run and no other call uses. It has the
/// permissions of the file at `path`, if there is one, which it is to replace.
fn create_beside(path: &Path) -> Result<(PathBuf, File)> {
    let Some(name) = path.file_name() else {
        return Err(failure(path, io::Error::from(ErrorKind::InvalidFilename)));
    };
    let permissions = match fs::metadata(path) {
        Ok(old) if old.is_file() => Some(old.permissions()),
        _ => None,
    };
    for _ in 0..ATTEMPTS {
        let temporary = path.with_file_name(temporary_name(name));
        let file = match create(&temporary, permissions.clone()) {
            Ok(file) => file,
            Err(source) if source.kind() == ErrorKind::AlreadyExists => continue,
            Err(source) => return Err(failure(path, source)),
        };
        // Between making and locking, another process may have taken the file for a leftover.
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => continue,
            // Where files cannot be locked, nothing is taken for a leftover either.
            Err(TryLockError::Error(_)) => return Ok((temporary, file)),
            Ok(()) if temporary.exists() => return Ok((temporary, file)),
            Ok(()) => {}
        }
    }
    Err(failure(path, io::Error::from(ErrorKind::ResourceBusy)))
}

/// A new file with these permissions, or those that the system gives. At no time may others open it who must not read the
/// file that it is to replace: until it has its permissions, only its owner may.
fn create(path: &Path, permissions: Option<Permissions>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let Some(permissions) = permissions else {
        return options.open(path);
    };
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    match file.set_permissions(permissions) {
        Ok(()) => Ok(file),
        Err(source) => {
            discard(path);
            Err(source)
        }
    }
}

/// The most bytes of a name that its temporary names contain: file systems allow 255, and the rest of them takes 45.
const NAME: usize = 200;

/// A name as its temporary names contain it.
fn shortened(name: &OsStr) -> Cow<'_, OsStr> {
    if name.len() <= NAME {
        return Cow::Borrowed(name);
    }
    let name = name.to_string_lossy();
    Cow::Owned(name[..name.floor_char_boundary(NAME)].into())
}

/// A name for a file on its way to be `name`: hidden, and made of the time, the process and a counter.
fn temporary_name(name: &OsStr) -> OsString {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time = time.unwrap_or_default().as_nanos();
    let mut temporary = OsString::from(".");
    temporary.push(shortened(name));
    temporary.push(format!(".{time:x}-{:x}-{call:x}.tmp", std::process::id()));
    temporary
}

/// The name of the file that one with this [`temporary_name`] was to become, [shortened].
fn target_of(temporary: &OsStr) -> Option<OsString> {
    let name = temporary.to_str()?.strip_prefix('.')?;
    let (target, mark) = name.strip_suffix(".tmp")?.rsplit_once('.')?;
    let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_mark = mark.split('-').count() == 3 && mark.split('-').all(is_hex);
    (is_mark && !target.is_empty()).then(|| target.into())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::tests::Folder;

    #[test]
    fn temporary_names_tell_what_they_were_to_become() {
        for name in ["model", "a.b.safetensors", ".hidden", "ε"] {
            let temporary = temporary_name(name.as_ref());
            assert_eq!(target_of(&temporary).unwrap(), name);
            assert_ne!(temporary_name(name.as_ref()), temporary);
        }
        for other in [
            "model",
            ".model.tmp",
            ".model.1-2-x.tmp",
            ".1-2-3.tmp",
            "model.1-2-3.tmp",
        ] {
            assert_eq!(target_of(other.as_ref()), None, "{other}");
        }
    }

    #[test]
    fn only_what_nobody_is_writing_is_removed() {
        let folder = Folder::new("leftovers");
        let path = folder.0.join("model");
        let (held, lock) = create_beside(&path).unwrap();
        let (left, _) = create_beside(&path).unwrap();
        let (of_another, _) = create_beside(&folder.0.join("other")).unwrap();
        write_atomic(&path, b"new").unwrap();
        assert!(held.exists() && !left.exists() && of_another.exists());
        drop(lock);
        write_atomic(&path, b"newer").unwrap();
        assert!(!held.exists() && of_another.exists());
        assert_eq!(fs::read(&path).unwrap(), b"newer");
    }

    /// 255 bytes are what most file systems take.
    #[test]
    #[cfg(unix)]
    fn the_longest_names_are_written() {
        let folder = Folder::new("long");
        for name in ["m".repeat(255), "ε".repeat(127)] {
            let path = folder.0.join(&name);
            let (left, _) = create_beside(&path).unwrap();
            write_atomic(&path, b"new").unwrap();
            assert!(!left.exists());
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_and_so_do_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = Folder::new("links");
        let at = |name: &str| folder.0.join(name);
        fs::create_dir(at("inner")).unwrap();
        // A chain: from one folder into another, and back to a file that is not there yet.
        symlink("inner/second", at("first")).unwrap();
        symlink("../file", at("inner/second")).unwrap();
        for content in ["old", "new"] {
            require_writable(&at("first")).unwrap();
            write_atomic(&at("first"), content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(at("file")).unwrap(), content);
            for link in ["first", "inner/second"] {
                assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
            }
            let mode = || fs::metadata(at("file")).unwrap().permissions().mode() & 0o777;
            if content == "new" {
                assert_eq!(mode(), 0o640);
            }
            fs::set_permissions(at("file"), PermissionsExt::from_mode(0o640)).unwrap();
        }
        let mut names = folder.names();
        names.sort_unstable();
        assert_eq!(names, ["file", "first", "inner"]);
        symlink("circle", at("circle")).unwrap();
        let message = write_atomic(&at("circle"), b"").unwrap_err().to_string();
        assert!(message.ends_with("too many symbolic links"), "{message}");
    }

    #[test]
    #[cfg(unix)]
    fn what_replaces_a_private_file_is_private_before_it_is_written() {
        use std::os::unix::fs::PermissionsExt;

        let folder = Folder::new("private");
        let path = folder.0.join("model");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (beside, _lock) = create_beside(&path).unwrap();
        fs::write(&path, b"old").unwrap();
        // A file of its own has the permissions that the system gives to any other.
        assert_eq!(mode(&beside), mode(&path));
        for private in [0o600, 0o640, 0o400] {
            fs::set_permissions(&path, PermissionsExt::from_mode(private)).unwrap();
            let (beside, _lock) = create_beside(&path).unwrap();
            assert_eq!(mode(&beside), private);
        }
        write_atomic(&path, b"new").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"new".to_vec(), 0o400)
        );
    }

    #[test]
    fn asking_whether_a_file_can_be_written_is_undisturbed_by_its_writers() {
        let folder = Folder::new("beside");
        let path = folder.0.join("model");
        // As many questions as made it likely, by far, that a writer cleared away what one of them had made.
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..300).for_each(|_| write_atomic(&path, b"x").unwrap()));
            while !writer.is_finished() {
                require_writable(&path).unwrap();
            }
        });
        assert_eq!(folder.names(), ["model"]);
    }

    /// A socket stands for all that is no file: whoever listens to it would be cut off.
    #[test]
    #[cfg(unix)]
    fn what_is_no_file_stays() {
        use std::os::unix::fs::FileTypeExt;

        let folder = Folder::new("socket");
        let path = folder.0.join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for result in [require_writable(&path), write_atomic(&path, b"new")] {
            let message = result.unwrap_err().to_string();
            assert!(message.ends_with("name a file"), "{message}");
        }
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());
        assert_eq!(folder.names(), ["socket"]);
    }

    #[test]
    fn a_write_that_fails_leaves_nothing() {
        let folder = Folder::new("failing");
        let path = folder.0.join("taken");
        // A folder with something in it cannot be replaced by a file.
        fs::create_dir_all(path.join("inner")).unwrap();
        let message = write_atomic(&path, b"new").unwrap_err().to_string();
        assert!(message.starts_with("cannot write "), "{message}");
        assert_eq!(folder.names(), ["taken"]);
    }
}
