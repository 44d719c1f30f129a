//! `cargo xtask gen`: the checked-in kernels.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use lstm_derive_engine::file::{generated_file, module_file};

use crate::definitions::{self, Definition, Failure};

/// Writes the generated files, or checks that they are what they would be.
pub fn run(check: bool) -> Result<String, Failure> {
    let mut report = String::new();
    let files = files(&definitions::all()?)?;
    let folder = definitions::kernels().join("src/generated");
    let mut stale = Vec::new();
    for (name, text) in &files {
        let path = folder.join(name);
        let current = fs::read_to_string(&path).unwrap_or_default();
        if current == *text {
            continue;
        }
        if check {
            stale.push(format!(
                "{} is not up to date:\n{}",
                path.display(),
                first_difference(&current, text)
            ));
        } else {
            fs::write(&path, text).map_err(|error| Failure::File { path, error })?;
            // Writing to a string cannot fail.
            let _ = writeln!(report, "wrote lstm-kernels/src/generated/{name}");
        }
    }
    let entries = fs::read_dir(&folder).map_err(|error| Failure::File {
        path: folder.clone(),
        error,
    })?;
    for entry in entries {
        let path = entry
            .map_err(|error| Failure::File {
                path: folder.clone(),
                error,
            })?
            .path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if files.contains_key(&name) {
            continue;
        }
        if check {
            stale.push(format!("{} belongs to no cell", path.display()));
        } else {
            fs::remove_file(&path).map_err(|error| Failure::File { path, error })?;
            // Writing to a string cannot fail.
            let _ = writeln!(report, "removed lstm-kernels/src/generated/{name}");
        }
    }
    if stale.is_empty() {
        let _ = writeln!(report, "{} generated files are up to date", files.len());
        Ok(report)
    } else {
        Err(Failure::Other(format!(
            "{}\nrun `cargo xtask gen`",
            stale.join("\n")
        )))
    }
}

/// The generated files by name.
fn files(definitions: &[Definition]) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = BTreeMap::new();
    for definition in definitions {
        let Definition {
            stem,
            source,
            compiled,
        } = definition;
        let text = generated_file(compiled, source).map_err(|error| {
            Failure::Other(format!("{source}: the emitted code is not Rust: {error}"))
        })?;
        files.insert(format!("{stem}.rs"), text);
    }
    let cells = definitions
        .iter()
        .map(|definition| (definition.stem.as_str(), &definition.compiled));
    files.insert("mod.rs".to_owned(), module_file(cells));
    Ok(files)
}

fn first_difference(current: &str, wanted: &str) -> String {
    let mut lines = current.lines().zip(wanted.lines()).enumerate();
    match lines.find(|(_, (current, wanted))| current != wanted) {
        Some((number, (current, wanted))) => {
            format!("  line {}\n  - {current}\n  + {wanted}", number + 1)
        }
        None => format!(
            "  {} lines instead of {}",
            current.lines().count(),
            wanted.lines().count()
        ),
    }
}
