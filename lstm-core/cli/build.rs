//! Lists the project's own sources and documents, the text on which `lstm train` trains when it is given none.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Where the text is, from the root of the workspace. Generated kernels are left out: they are long and repeat
/// themselves, and would make the text look easier than it is.
const FOLDERS: [&str; 7] = [
    "lstm-core/src",
    "lstm-core/cli/src",
    "lstm-derive/engine/src",
    "lstm-derive/src",
    "lstm-kernels/cells",
    "lstm-kernels/src",
    "xtask/src",
];
const LEFT_OUT: &str = "lstm-kernels/src/generated";
const DOCUMENTS: [&str; 2] = ["README.md", "CHANGELOG.md"];

fn main() -> io::Result<()> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let workspace = package.join("../..");
    // A packaged crate stands alone; then its own sources have to do.
    let (root, folders) = match workspace.join("lstm-kernels/cells").is_dir() {
        true => (workspace, &FOLDERS[..]),
        false => (package, &["src"][..]),
    };

    let mut files = Vec::new();
    for document in DOCUMENTS.map(|document| root.join(document)) {
        if document.is_file() {
            println!("cargo::rerun-if-changed={}", document.display());
            files.push(document);
        }
    }
    for folder in folders {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        if folder.is_dir() {
            collect(&folder, &root.join(LEFT_OUT), &mut files)?;
        }
    }

    let mut list = String::from(
        "/// Path and text of each file, in a fixed order.\npub const SOURCES: &[(&str, &str)] = &[\n",
    );
    for file in &files {
        let path = file.strip_prefix(&root).unwrap_or(file);
        let path = path.to_string_lossy().replace('\\', "/");
        let absolute = fs::canonicalize(file)?;
        writeln!(list, "    ({path:?}, include_str!({absolute:?})),").map_err(io::Error::other)?;
    }
    list.push_str("];\n");
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("sources.rs"), list)
}

/// The Rust files below `folder`, in order of their names.
fn collect(folder: &Path, left_out: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect();
    let mut entries = entries?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() && entry != left_out {
            collect(&entry, left_out, files)?;
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}
