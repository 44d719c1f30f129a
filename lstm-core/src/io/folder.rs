//! Folders whose names are on the disk.

use std::fs;
#[cfg(unix)]
use std::fs::File;
use std::io;
#[cfg(unix)]
use std::io::ErrorKind;
use std::path::Path;

/// Makes a folder, and those it lies in, where they are missing, and syncs their names: what is written in it would be lost
/// with them.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    make_folder_by(folder, sync_folder)
}

fn make_folder_by(folder: &Path, sync: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    fs::create_dir_all(folder)?;
    missing.into_iter().rev().try_for_each(sync)
}

/// The folder of a file, as a path that can be opened.
pub(super) fn folder_of(path: &Path) -> Option<&Path> {
    let folder = path.parent()?;
    Some(match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    })
}

/// Makes the system write the names in the folder of `path` to the disk.
#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = folder_of(path) else {
        return Ok(());
    };
    match File::open(folder)?.sync_all() {
        // File systems that sync names by themselves refuse to do it by request.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Elsewhere a folder cannot be opened to be synced; the system keeps the order of names by itself.
#[cfg(not(unix))]
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::tests::Folder;

    #[test]
    fn the_names_of_all_folders_that_were_missing_are_synced() {
        let folder = Folder::new("missing");
        let inner = folder.0.join("outer/middle/inner");
        for expected in [&["outer", "middle", "inner"][..], &[]] {
            let mut synced = Vec::new();
            make_folder_by(&inner, |path| {
                assert!(path.is_dir());
                synced.push(path.file_name().unwrap().to_owned());
                sync_folder(path)
            })
            .unwrap();
            assert_eq!(synced, expected);
        }
        // A failure is not passed over.
        let failing = |_: &Path| Err(io::ErrorKind::StorageFull.into());
        assert!(make_folder_by(&folder.0.join("other"), failing).is_err());
        assert!(make_folder(&folder.0.join("another/one")).is_ok());
    }
}
