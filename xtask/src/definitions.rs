//! The shipped cells: found in `lstm-kernels/cells`, compiled in order of their file names.

use std::fs;
use std::path::{Path, PathBuf};

use lstm_derive_engine::{Compiled, compile, parse};

use crate::names::is_called;

/// Why a verb stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file or folder that cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Mistakes in a definition, rendered.
    #[error("{0}")]
    Mistakes(String),
    /// Anything else that the user can mend.
    #[error("{0}")]
    Other(String),
}

/// A definition and what the compiler made of it.
pub struct Definition {
    /// The file name without its ending, such as `peephole_lstm`.
    pub stem: String,
    /// The path within the workspace, for headers and listings.
    pub source: String,
    /// The compiled cell.
    pub compiled: Compiled,
}

/// The folder of lstm-kernels.
pub fn kernels() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    workspace.join("lstm-kernels")
}

/// Compiles every shipped cell.
pub fn all() -> Result<Vec<Definition>, Failure> {
    let folder = kernels().join("cells");
    let entries = fs::read_dir(&folder).map_err(|error| Failure::File {
        path: folder.clone(),
        error,
    })?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| Failure::File {
                path: folder.clone(),
                error,
            })?
            .path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            paths.push(path);
        }
    }
    paths.sort();
    let cells: Result<Vec<_>, _> = paths.iter().map(|path| only(path, read(path)?)).collect();
    let cells = cells?;
    fit_together(&cells)?;
    Ok(cells)
}

/// Checks what the module of all cells takes for granted: every file is a module of its name, and every type is public and there
/// once.
fn fit_together(cells: &[Definition]) -> Result<(), Failure> {
    for (
        index,
        Definition {
            stem,
            source,
            compiled,
        },
    ) in cells.iter().enumerate()
    {
        let cell = &compiled.cell;
        let name = &cell.name;
        let message = if stem == "mod" || syn::parse_str::<syn::Ident>(stem).is_err() {
            format!(
                "{source}: the kernels of this file become the module `{stem}`, which is no name of a module; call the file by \
                 its cell in snake case"
            )
        } else if !matches!(cell.visibility, syn::Visibility::Public(_)) {
            format!("{source}: shipped cells are public; write `pub cell {name}`")
        } else if let Some(first) = cells[..index]
            .iter()
            .find(|first| first.compiled.cell.name == *name)
        {
            format!(
                "{source}: there is a cell `{name}` in {} already; give one of them another name",
                first.source
            )
        } else {
            continue;
        };
        return Err(Failure::Other(message));
    }
    Ok(())
}

/// The cell of a file that must hold one: its kernels get a file of the same name.
fn only(path: &Path, mut cells: Vec<Definition>) -> Result<Definition, Failure> {
    match cells.len() {
        1 => Ok(cells.remove(0)),
        count => Err(Failure::Other(format!(
            "{} holds {count} cells; put each `cell!` into a file of its own",
            path.display()
        ))),
    }
}

/// Compiles the cells of a file.
pub fn read(path: &Path) -> Result<Vec<Definition>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::File {
        path: path.to_owned(),
        error,
    })?;
    let shown = path.strip_prefix(kernels()).map_or_else(
        |_| path.to_owned(),
        |inner| Path::new("lstm-kernels").join(inner),
    );
    let source = shown.display().to_string();
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let render = |mistakes: lstm_derive_engine::error::Diagnostics| {
        Failure::Mistakes(mistakes.render(&text, &source))
    };
    let bodies = parse::parse_file(&text).map_err(render)?;
    bodies
        .into_iter()
        .map(|body| {
            let compiled = compile(body).map_err(render)?;
            Ok(Definition {
                stem: stem.clone(),
                source: source.clone(),
                compiled,
            })
        })
        .collect()
}

/// The one cell that is called so, or in the file at a path.
pub fn find(name: &str) -> Result<Definition, Failure> {
    if name.ends_with(".rs") {
        let path = Path::new(name);
        return only(path, read(path)?);
    }
    let definitions = all()?;
    let known: Vec<_> = definitions
        .iter()
        .map(|definition| definition.compiled.cell.name.to_string())
        .collect();
    definitions
        .into_iter()
        .find(|definition| {
            definition.stem == name || is_called(&definition.compiled.cell.name.to_string(), name)
        })
        .ok_or_else(|| {
            Failure::Other(format!(
                "there is no cell `{name}`; the shipped cells are {}",
                known.join(", ")
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of the LSTM beside a cell of this head, in a file of this name.
    fn beside_the_lstm(stem: &str, head: &str) -> Option<String> {
        let text = format!(
            "{head} {{ size I, N; input x: [I]; param W: [N, I]; h[t] = W @ x[t] + h[t-1]; output h; }}"
        );
        let compiled = compile(text.parse().unwrap()).unwrap();
        let (stem, source) = (stem.to_owned(), format!("cells/{stem}.rs"));
        let lstm = read(&kernels().join("cells/lstm.rs")).unwrap();
        let cells: Vec<_> = lstm
            .into_iter()
            .chain([Definition {
                stem,
                source,
                compiled,
            }])
            .collect();
        fit_together(&cells)
            .err()
            .map(|failure| failure.to_string())
    }

    #[test]
    fn cells_fit_together() {
        assert_eq!(beside_the_lstm("leaky", "pub cell Leaky"), None);
        for stem in ["mod", "fn", "my-cell"] {
            let message = beside_the_lstm(stem, "pub cell Leaky").unwrap();
            assert!(message.contains("no name of a module"), "{message}");
        }
        for head in ["cell Leaky", "pub(crate) cell Leaky"] {
            let message = beside_the_lstm("leaky", head).unwrap();
            assert!(message.ends_with("write `pub cell Leaky`"), "{message}");
        }
        let message = beside_the_lstm("leaky", "pub cell Lstm").unwrap();
        assert!(
            message.contains("lstm-kernels/cells/lstm.rs already"),
            "{message}"
        );
    }

    #[test]
    fn a_file_holds_one_cell() {
        let path = kernels().join("cells/lstm.rs");
        let cells = || read(&path).unwrap();
        assert_eq!(only(&path, cells()).unwrap().stem, "lstm");
        let two = cells().into_iter().chain(cells()).collect();
        let message = only(&path, two).err().unwrap().to_string();
        assert!(
            message.ends_with("lstm.rs holds 2 cells; put each `cell!` into a file of its own")
        );
    }
}
