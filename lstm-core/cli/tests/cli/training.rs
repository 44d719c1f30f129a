//! `lstm train` that ends in another way than by its time, and what it leaves then.

#[cfg(unix)]
use std::io::{BufRead, BufReader, Read};
#[cfg(unix)]
use std::process::{Child, Command, Stdio};

use super::{Folder, SMALL, text, train};

/// A run of so many seconds whose table has begun, and the lines of its output.
#[cfg(unix)]
fn started(folder: &Folder, seconds: &str) -> (Child, impl BufRead) {
    folder.write("text.txt", text());
    let mut child = Command::new(env!("CARGO_BIN_EXE_lstm"))
        .args([&SMALL[..12], &[seconds, "--out", "model"]].concat())
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // The head of the table is printed once Ctrl-C is listened to.
    while !line.contains("bits per character held out") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
    (child, output)
}

/// Presses Ctrl-C.
#[cfg(unix)]
fn interrupt(child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.unwrap().success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_training_and_saves() {
    let folder = Folder::new("interrupt");
    let (mut child, mut output) = started(&folder, "600");
    interrupt(&child);
    output.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(folder.lstm(&["generate", "model"]).status.success());
}

/// Ctrl-C goes to `tee`, too, which reads nothing after it; `head` goes away by itself.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_does_not_take_the_model_with_it() {
    let folder = Folder::new("reader");
    let (child, output) = started(&folder, "600");
    drop(output);
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    let sentence = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{sentence}");
    assert!(sentence.contains("is saved in model"), "{sentence}");
    assert!(folder.lstm(&["generate", "model"]).status.success());

    std::fs::remove_file(folder.0.join("model")).unwrap();
    let (child, output) = started(&folder, "0.3");
    drop(output);
    let ended = child.wait_with_output().unwrap();
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "{ended:?}"
    );
    assert!(folder.lstm(&["generate", "model"]).status.success());
}

/// As in `lstm train | true`.
#[cfg(unix)]
#[test]
fn a_reader_that_is_gone_before_the_first_line_does_not_end_the_run() {
    let folder = Folder::new("no-reader");
    folder.write("text.txt", text());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(env!("CARGO_BIN_EXE_lstm"))
        .args([&SMALL[..], &["model"]].concat())
        .current_dir(&folder.0)
        .stdout(writer)
        .status();
    assert!(status.unwrap().success());
    assert!(folder.lstm(&["generate", "model"]).status.success());
}

/// At such a rate the first step leads to weights that are no numbers.
#[test]
fn a_run_that_diverges_at_once_leaves_an_older_model() {
    let folder = Folder::new("diverged");
    folder.write("text.txt", text());
    assert!(train(&folder, "model").status.success());
    let before = std::fs::read(folder.0.join("model")).unwrap();
    let output = folder.lstm(&[&SMALL[..], &["model", "--rate", "1e39"]].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("is not a finite number; a smaller"),
        "{error}"
    );
    assert!(before == std::fs::read(folder.0.join("model")).unwrap());
    // What the advice names is there.
    let options = [&SMALL[..], &["model", "--clip", "0.1"]].concat();
    assert!(folder.lstm(&options).status.success());
}
