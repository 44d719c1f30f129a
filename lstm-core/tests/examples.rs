//! Every example runs and reaches what it promises: each ends with assertions of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

#[path = "../examples/characters.rs"]
mod characters;
#[path = "../examples/classifier.rs"]
mod classifier;
#[path = "../examples/forecast.rs"]
mod forecast;
#[path = "../examples/labelling.rs"]
mod labelling;
#[cfg(feature = "derive")]
#[path = "../examples/own_cell.rs"]
mod own_cell;

#[path = "../examples/streaming.rs"]
mod streaming;

#[test]
fn characters() {
    characters::main().unwrap();
}

#[test]
fn classifier() {
    classifier::main().unwrap();
}

#[test]
fn forecast() {
    forecast::main().unwrap();
}

#[test]
fn labelling() {
    labelling::main().unwrap();
}

#[cfg(feature = "derive")]
#[test]
fn own_cell() {
    own_cell::main().unwrap();
}

#[test]
fn streaming() {
    streaming::main().unwrap();
}

/// The program that the guide shows is the one that runs here, and fits on a screen.
#[test]
fn the_classifier_has_thirty_lines_and_stands_in_the_guide() {
    let program = include_str!("../examples/classifier.rs");
    assert!(program.lines().count() <= 30, "{}", program.lines().count());
    let guide = include_str!("../docs/sequences.md");
    assert!(guide.contains(program), "copy the example into the guide");
}

/// The same program in a crate of its own, outside this workspace, with what its manifest says and nothing else.
#[test]
#[ignore = "builds every dependency anew, which takes minutes; run it with --ignored"]
fn the_classifier_runs_outside_the_workspace() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::temp_dir().join(format!("classifier-{}", std::process::id()));
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"classifier\"\nedition = \"2024\"\n\n[dependencies]\nfaer = {{ version = \"0.24\", \
         default-features = false, features = [\"std\"] }}\nlstm-core = {{ path = {:?} }}\n\n[workspace]\n",
        library.to_str().unwrap()
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions of this workspace, so that nothing need be fetched.
    fs::copy(library.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    fs::copy(
        library.join("examples/classifier.rs"),
        folder.join("src/main.rs"),
    )
    .unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--release", "--quiet", "--offline"])
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .current_dir(&folder)
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let written = String::from_utf8_lossy(&output.stdout);
    assert!(written.starts_with("loss 0."), "{written}");
}
