//! The checked-in kernels are, byte for byte, what the compiler makes of the cells.

use std::collections::BTreeMap;
use std::fs;

use lstm_derive_engine::file::{generated_file, module_file};

use crate::shipped::{self, Shipped};

/// The files that `cargo xtask gen` writes, by name.
fn generated() -> BTreeMap<String, String> {
    let cells = shipped::all();
    let mut files: BTreeMap<_, _> = cells
        .iter()
        .map(
            |Shipped {
                 stem,
                 source,
                 compiled,
             }| {
                let text = generated_file(compiled, source).expect("what is emitted is Rust");
                (format!("{stem}.rs"), text)
            },
        )
        .collect();
    let modules = module_file(
        cells
            .iter()
            .map(|cell| (cell.stem.as_str(), &cell.compiled)),
    );
    files.insert("mod.rs".to_owned(), modules);
    files
}

#[test]
fn checked_in_kernels_are_what_the_cells_say() {
    let folder = shipped::kernels().join("src/generated");
    let mut files = generated();
    for entry in fs::read_dir(&folder).expect("the generated files can be read") {
        let path = entry.expect("the generated files can be read").path();
        let name = path
            .file_name()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned();
        let current = fs::read_to_string(&path).expect("a generated file can be read");
        match files.remove(&name) {
            None => panic!("{name} belongs to no cell; run `cargo xtask gen`"),
            Some(fresh) if fresh == current => {}
            Some(fresh) => panic!(
                "{name} is stale:\n{}\nrun `cargo xtask gen`",
                first_difference(&current, &fresh)
            ),
        }
    }
    assert!(
        files.is_empty(),
        "{:?} have not been generated; run `cargo xtask gen`",
        files.keys()
    );
}

#[test]
fn the_same_cells_give_the_same_files() {
    assert!(
        generated() == generated(),
        "two runs of the compiler differ"
    );
}

fn first_difference(current: &str, fresh: &str) -> String {
    let mut lines = current.lines().zip(fresh.lines()).enumerate();
    match lines.find(|(_, (current, fresh))| current != fresh) {
        Some((index, (current, fresh))) => {
            format!("  line {}\n  - {current}\n  + {fresh}", index + 1)
        }
        None => format!(
            "  {} lines instead of {}",
            current.lines().count(),
            fresh.lines().count()
        ),
    }
}
