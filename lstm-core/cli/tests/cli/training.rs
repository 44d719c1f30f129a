//! `lstm train` that ends in another way than by its time, and what it leaves then.

#[cfg(unix)]
use std::io::{BufRead, BufReader, Read};
#[cfg(unix)]
use std::process::{Child, Command, Stdio};

use super::{Folder, SMALL, text, train};

/// A run of so many seconds whose table has begun, and the lines of its output.
#[cfg(unix)]
fn started(folder: &Folder, options: [&str; 14], seconds: &str) -> (Child, impl BufRead) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lstm"))
        .args([&options[..12], &[seconds, "--out", "model"]].concat())
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    // The head of the table is printed once Ctrl-C is listened to.
    read_to(&mut output, |line| {
        line.contains("bits per character held out")
    });
    (child, output)
}

/// A run that has been measured after it had learned something: of thirty seconds each fifteenth part.
#[cfg(unix)]
fn learned(folder: &Folder) -> (Child, impl BufRead) {
    folder.write("text.txt", text());
    let (child, mut output) = started(folder, SMALL, "30");
    read_to(&mut output, has_learned);
    (child, output)
}

/// Whether a line is of a measurement after some training: the characters and how many of them a second are not zero.
#[cfg(unix)]
fn has_learned(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    matches!(words[..], [_, "s", _, speed, _] if speed != "-")
}

/// A model that needs half a minute to measure what is held out of a hundred texts.
fn large() -> [&'static str; 14] {
    let mut options = SMALL;
    // What stands behind --hidden.
    options[4] = "1024";
    options
}

/// A run that measures its untrained model, and is not done with that soon.
#[cfg(unix)]
fn measuring(folder: &Folder) -> Child {
    folder.write("text.txt", text().repeat(100));
    started(folder, large(), "600").0
}

#[cfg(unix)]
fn read_to(output: &mut impl BufRead, is_wanted: impl Fn(&str) -> bool) {
    let mut line = String::new();
    while !is_wanted(&line) {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
}

/// Sends a signal such as INT, which is what Ctrl-C sends.
#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let (signal, id) = (format!("-{name}"), child.id().to_string());
    assert!(
        Command::new("kill")
            .args([signal, id])
            .status()
            .unwrap()
            .success()
    );
}

/// The sentence with which a run ends that was stopped.
#[cfg(unix)]
fn stopped(child: Child) -> String {
    let ended = child.wait_with_output().unwrap();
    let sentence = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{sentence}");
    sentence
}

/// `timeout` sends its signal to the program and then to its group; the second is not meant to quit at once.
#[cfg(unix)]
#[test]
fn ctrl_c_and_signals_stop_training_and_save() {
    let folder = Folder::new("interrupt");
    for signals in [&["INT"][..], &["TERM", "TERM"]] {
        let (child, mut output) = learned(&folder);
        signals.iter().for_each(|name| signal(&child, name));
        output.read_to_string(&mut String::new()).unwrap();
        let sentence = stopped(child);
        assert!(
            sentence.contains("what had been learned is saved in model"),
            "{sentence}"
        );
        assert!(folder.lstm(&["generate", "model"]).status.success());
        std::fs::remove_file(folder.0.join("model")).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_before_anything_is_learned_leaves_an_older_model() {
    let folder = Folder::new("too-early");
    let child = measuring(&folder);
    signal(&child, "INT");
    let sentence = stopped(child);
    let nothing = "nothing had been learned yet, so nothing is saved";
    assert!(sentence.ends_with(&format!("{nothing}\n")), "{sentence}");
    assert!(!folder.0.join("model").exists());

    assert!(train(&folder, "model").status.success());
    let before = std::fs::read(folder.0.join("model")).unwrap();
    let child = measuring(&folder);
    signal(&child, "INT");
    let sentence = stopped(child);
    assert!(
        sentence.ends_with(&format!("{nothing} and model is what it was before\n")),
        "{sentence}"
    );
    assert!(before == std::fs::read(folder.0.join("model")).unwrap());
}

/// There is so little time that the least is measured: 32 steps of two streams.
#[test]
fn a_short_run_measures_what_it_has_time_for() {
    let folder = Folder::new("short");
    folder.write("text.txt", text().repeat(100));
    let options = [&large()[..12], &["0.01", "--out", "model"]].concat();
    let output = folder.lstm(&options);
    let shown = String::from_utf8(output.stdout).unwrap();
    let note = "64 of the characters held out are measured, for which there is time.";
    assert!(shown.contains(note), "{shown}");
}

/// Ctrl-C goes to `tee`, too, which reads nothing after it; `head` goes away by itself.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_does_not_take_the_model_with_it() {
    let folder = Folder::new("reader");
    let (child, output) = learned(&folder);
    drop(output);
    signal(&child, "INT");
    let sentence = stopped(child);
    assert!(sentence.contains("is saved in model"), "{sentence}");
    assert!(folder.lstm(&["generate", "model"]).status.success());

    std::fs::remove_file(folder.0.join("model")).unwrap();
    let (child, output) = started(&folder, SMALL, "0.3");
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
    let output = folder.lstm(&[&SMALL[..], &["model", "--rate", "3e38"]].concat());
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

/// At such a rate the first step spoils the model for good; in a moment as short as the second none is taken.
#[test]
fn a_run_that_learns_nothing_leaves_an_older_model() {
    let folder = Folder::new("nothing");
    folder.write("text.txt", text());
    let nothing = |more: &[&str]| folder.refused(&[&SMALL[..12], more].concat());
    let spoilt = ["0.3", "--rate", "1e30", "--out", "model"];
    let reason =
        "no model that was measured was better than the untrained one, so nothing is saved";
    let error = nothing(&spoilt);
    assert!(
        error.contains(&format!("{reason}; a smaller --rate")),
        "{error}"
    );
    assert_eq!(folder.names(), ["text.txt"]);
    assert!(train(&folder, "model").status.success());
    let before = std::fs::read(folder.0.join("model")).unwrap();
    let error = nothing(&spoilt);
    assert!(
        error.contains(&format!("{reason} and model is what it was before; ")),
        "{error}"
    );
    let error = nothing(&["1e-9", "--out", "model"]);
    assert!(
        error.contains("nothing had been learned yet, so nothing is saved and model is"),
        "{error}"
    );
    assert!(before == std::fs::read(folder.0.join("model")).unwrap());
}
