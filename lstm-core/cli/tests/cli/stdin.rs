//! `-`: the standard input where a text is read, and nothing where something is written.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::kinds::{SMALL_WORDS, models};
use super::{Folder, SMALL, text};

/// Runs the command with this on its standard input.
fn fed(folder: &Folder, input: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lstm"))
        .args(arguments)
        .current_dir(&folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Dropped at the end of the statement, which ends the input.
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_text_to_train_on_comes_from_the_standard_input() {
    let folder = Folder::new("stdin-train");
    let small = SMALL.map(|word| if word == "text.txt" { "-" } else { word });
    // Its byte-order mark is no part of it, as in a file.
    let marked = format!("\u{feff}{}", text());
    let output = fed(&folder, &marked, &[&small[..], &["model"]].concat());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    // 45 characters forty times, of which a tenth is held out.
    let origin = "Text:  the standard input: 1,620 characters to train on, 180 held out";
    assert!(shown.contains(origin), "{shown}");
    assert_eq!(folder.names(), ["model"]);
    let output = fed(&folder, "", &[&small[..], &["model"]].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "lstm: - is empty\n");
}

#[test]
fn a_cell_comes_from_the_standard_input() {
    let folder = Folder::new("stdin-derive");
    let cell =
        "cell! { pub cell Own { size I; input x: [I]; h[t] = tanh(x[t]) + h[t-1]; output h; } }";
    let output = fed(&folder, cell, &["derive", "-"]);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("err(h)[t] = upstream(h) + err(h)[t+1]"),
        "{shown}"
    );
    let output = fed(&folder, cell, &["derive", "-", "--html", "page.html"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(folder.names(), ["page.html"]);
    let wrong = cell.replace("tanh(x[t])", "y[t]");
    let error = fed(&folder, &wrong, &["derive", "-"]).stderr;
    let error = String::from_utf8(error).unwrap();
    assert!(error.contains("<stdin>:1:"), "{error}");
}

/// A file of this name would be there, and nobody would look for it.
#[test]
fn nothing_is_written_to_a_file_called_like_the_standard_output() {
    let folder = models("stdout");
    let before = folder.names();
    let words = |more: &[&'static str]| [&SMALL_WORDS[..], more].concat();
    for (arguments, option) in [
        ([&SMALL[..], &["-"]].concat(), "--out"),
        (words(&["--out", "-"]), "--out"),
        (words(&["--curves", "-"]), "--curves"),
        (words(&["--checkpoints", "-"]), "--checkpoints"),
        (vec!["lm", "vocab", "text.txt", "--out", "-"], "--out"),
        (vec!["lm", "classes", "text.txt", "--out", "-"], "--out"),
        (vec!["derive", "elman", "--html", "-"], "--html"),
        (vec!["flow", "--svg", "-"], "--svg"),
        (vec!["paper", "adding", "--results", "-"], "--results"),
    ] {
        let error = folder.refused(&arguments);
        let sentence = format!("lstm: {option} names what is to be written");
        assert!(error.starts_with(&sentence), "{arguments:?}: {error}");
    }
    assert_eq!(folder.names(), before);
    // Whoever wants it can have it.
    for _ in 0..2 {
        let output = folder.lstm(&["lm", "vocab", "text.txt", "--out", "./-"]);
        assert!(output.status.success(), "{output:?}");
    }
}
