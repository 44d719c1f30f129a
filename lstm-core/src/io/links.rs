//! Where symbolic links lead.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Links in a row that systems follow at most.
const LINKS: u32 = 40;

/// The file to which `path` leads through symbolic links, whether there is one or not yet: the one that a write to `path`
/// makes or replaces. Links on the way to its folder are left in it.
///
/// # Errors
/// More links in a row than systems follow, as where they go in a circle.
pub fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        let Ok(next) = fs::read_link(&target) else {
            return Ok(target);
        };
        // What a link says counts from its own folder.
        target.pop();
        target.push(next);
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::io::tests::Folder;

    #[test]
    fn links_are_followed_to_files_that_are_not_there_yet() {
        let folder = Folder::new("behind-links");
        let at = |name: &str| folder.0.join(name);
        fs::create_dir(at("inner")).unwrap();
        symlink("inner/second", at("first")).unwrap();
        symlink(at("inner/file"), at("inner/second")).unwrap();
        for name in ["first", "inner/second", "inner/file"] {
            assert_eq!(behind_links(&at(name)).unwrap(), at("inner/file"));
        }
        symlink("circle", at("circle")).unwrap();
        let message = behind_links(&at("circle")).unwrap_err().to_string();
        assert_eq!(message, "too many symbolic links");
    }
}
