//! What rustc shows to the author of a cell with mistakes: its words for each file of `tests/ui`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The library as this run of the tests has it. Cargo is asked, because a target folder may hold several builds of it.
fn library() -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    // The arguments of the README's test command, after which nothing is left to compile.
    cargo.args([
        "test",
        "--workspace",
        "--test",
        "suite",
        "--no-run",
        "--quiet",
    ]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo
        .args(["--locked", "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let messages = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    messages
        .lines()
        .filter(|line| line.contains(r#""name":"lstm_core""#))
        .flat_map(|line| line.split('"'))
        .find(|text| text.ends_with(".rlib"))
        .unwrap_or_else(|| {
            panic!(
                "cargo names no library: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
        .into()
}

/// What rustc writes about a program; `None` if it accepts it.
fn complaint(program: &str, library: &Path) -> Option<String> {
    // What the library needs lies beside it, or, if cargo names a copy further up, in the folder `deps` there.
    let folder = library.parent().expect("a library lies in a folder");
    let output = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()))
        .args([
            "--edition",
            "2024",
            "--emit",
            "metadata",
            "--color",
            "never",
        ])
        .args(["--out-dir", env!("CARGO_TARGET_TMPDIR")])
        .arg("--extern")
        .arg(format!("lstm_core={}", library.display()))
        .arg(format!("-Ldependency={}", folder.display()))
        .arg(format!("-Ldependency={}", folder.join("deps").display()))
        .arg(program)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("rustc runs");
    let text = String::from_utf8(output.stderr).expect("rustc prints UTF-8");
    (!output.status.success()).then_some(text)
}

#[test]
fn messages_of_rustc() {
    let library = library();
    let mut programs = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"))
        .expect("tests/ui can be read")
        .map(|entry| entry.expect("tests/ui can be read").file_name())
        .map(|name| name.into_string().expect("names of programs are ASCII"))
        .collect::<Vec<_>>();
    programs.sort();
    assert!(!programs.is_empty(), "tests/ui is empty");
    for program in programs {
        let text = complaint(&format!("ui/{program}"), &library)
            .unwrap_or_else(|| panic!("rustc accepts ui/{program}"));
        let name = program.trim_end_matches(".rs");
        insta::assert_snapshot!(format!("rustc_{name}"), text);
    }
}
