//! The shipped cells as their sources on disk say, compiled anew.

use std::fs;
use std::path::{Path, PathBuf};

use lstm_derive_engine::{Compiled, compile, parse};

/// A shipped cell.
pub struct Shipped {
    /// The name of its file, without the ending.
    pub stem: String,
    /// The path of its source in the workspace.
    pub source: String,
    /// What the compiler makes of it.
    pub compiled: Compiled,
}

/// The folder of lstm-kernels.
pub fn kernels() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lstm-kernels")
}

/// Compiles every file in `lstm-kernels/cells`, in the order of the names.
pub fn all() -> Vec<Shipped> {
    let folder = fs::read_dir(kernels().join("cells")).expect("the folder of cells can be read");
    let mut paths: Vec<_> = folder
        .map(|entry| entry.expect("the folder of cells can be read").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Shipped {
    let stem = path
        .file_stem()
        .expect("a file has a name")
        .to_string_lossy()
        .into_owned();
    let source = format!("lstm-kernels/cells/{stem}.rs");
    let text = fs::read_to_string(path).expect("a definition can be read");
    Shipped {
        compiled: compiled(&text, &source),
        stem,
        source,
    }
}

/// Compiles a source with one cell.
pub fn compiled(text: &str, name: &str) -> Compiled {
    let mut bodies = parse::parse_file(text)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(text, name)));
    assert_eq!(bodies.len(), 1, "{name} defines one cell");
    let body = bodies.remove(0);
    compile(body).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(text, name)))
}
