//! Ctrl-C and signals in `lstm lm train`.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{Folder, json};

/// A run in the background.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn train(folder: &Folder, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lstm"))
            .args(["lm", "train", "--json", "--threads", "1"])
            .args(options)
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line of the output, none at its end.
    fn line(&mut self) -> Option<serde_json::Value> {
        let mut line = String::new();
        (self.lines.read_line(&mut line).unwrap() > 0).then(|| json(&line))
    }

    /// Presses Ctrl-C.
    fn interrupt(self) -> (Vec<serde_json::Value>, String) {
        self.stop("-INT")
    }

    /// Sends a signal and returns the rest of the output with the sentence at the end, which comes with code 130.
    fn stop(mut self, signal: &str) -> (Vec<serde_json::Value>, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
        let rest = std::iter::from_fn(|| self.line()).collect();
        let output = self.child.wait_with_output().unwrap();
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{sentence}");
        (rest, sentence)
    }
}

const SMALL: [&str; 9] = [
    "train.txt",
    "--hidden",
    "12",
    "--batch",
    "4",
    "--steps",
    "8",
    "--rate",
    "5",
];

#[test]
fn the_best_model_stays_where_it_is() {
    let folder = Folder::new("interrupt-best");
    // Another order of words: what is learned of the text makes it unlikelier from the second epoch on.
    folder.write("odd.txt", "sees cat the dog a\n".repeat(20));
    let options = [
        &SMALL[..],
        &["--valid", "odd.txt", "--reductions", "1000000"],
    ]
    .concat();
    let mut run = Running::train(&folder, &[&options[..], &["--epochs", "100000"]].concat());
    let mut epochs: Vec<_> = (0..4).map(|_| run.line().unwrap()).collect();
    let (rest, sentence) = run.interrupt();
    epochs.extend(rest);
    let perplexities: Vec<_> = (epochs.iter())
        .filter_map(|epoch| epoch["valid_perplexity"].as_f64())
        .collect();
    let best = (perplexities.iter())
        .position(|own| perplexities.iter().all(|other| own <= other))
        .unwrap();
    assert!(best + 1 < perplexities.len(), "{perplexities:?}");
    assert!(
        sentence.contains("lm.safetensors holds the model that was best"),
        "{sentence}"
    );
    let kept = folder.bytes("lm.safetensors");
    // The same run, ended after its best epoch.
    let epochs = (best + 1).to_string();
    folder.done(&[&["train"], &options[..], &["--epochs", &epochs]].concat());
    assert!(kept == folder.bytes("lm.safetensors"));
}

/// The first epoch takes seconds, so that it is not over when Ctrl-C comes.
#[test]
fn an_unfinished_model_does_not_take_the_place_of_an_older_one() {
    let folder = Folder::new("interrupt-first");
    let text = folder.bytes("train.txt").repeat(500);
    folder.write("long.txt", text);
    let long = SMALL.map(|word| {
        if word == "train.txt" {
            "long.txt"
        } else {
            word
        }
    });
    let stopped = |more: &[&str]| {
        let mut run = Running::train(&folder, &[&long[..], more].concat());
        run.line().unwrap();
        let (_, sentence) = run.interrupt();
        sentence
    };
    let sentence = stopped(&[]);
    assert!(
        sentence.contains("lm.safetensors holds the unfinished model of this run, after")
            && sentence.ends_with(" windows of epoch 1\n"),
        "{sentence}"
    );
    folder.done(&["ppl", "lm.safetensors", "valid.txt"]);
    let before = folder.bytes("lm.safetensors");
    for valid in [&[][..], &["--valid", "valid.txt"]] {
        let sentence = stopped(valid);
        let nothing = "no epoch was over, so nothing is saved and lm.safetensors is what it was before; with --checkpoints";
        assert!(sentence.contains(nothing), "{sentence}");
        assert!(before == folder.bytes("lm.safetensors"));
    }
    // A file without content, as one is made to have a name of its own, is no model.
    folder.write("lm.safetensors", "");
    assert!(stopped(&[]).contains("holds the unfinished model"));

    let sentence = stopped(&["--checkpoints", "folder"]);
    let left = "goes on from the checkpoint in folder";
    assert!(sentence.contains(left), "{sentence}");
    let mut run = Running::train(&folder, &[&long[..], &["--checkpoints", "folder"]].concat());
    let first = run.line().unwrap();
    assert!(first["resumed_at_window"].as_u64() > Some(0), "{first}");
    run.interrupt();
}

/// After an epoch the file is of this run, and what was learned since then is in it, too.
#[test]
fn a_model_of_more_than_an_epoch_takes_the_place_of_an_older_one() {
    let folder = Folder::new("interrupt-second");
    folder.write("lm.safetensors", "");
    folder.done(&[&["train"], &SMALL[..], &["--epochs", "1"]].concat());
    let before = folder.bytes("lm.safetensors");
    let mut run = Running::train(&folder, &[&SMALL[..], &["--epochs", "100000"]].concat());
    // The head of the output, and two epochs.
    (0..3).for_each(|_| drop(run.line().unwrap()));
    let (_, sentence) = run.interrupt();
    // It comes between two epochs, or amid one.
    assert!(
        sentence.contains("lm.safetensors holds the model of epoch")
            || sentence.contains("lm.safetensors holds the unfinished model of this run, after"),
        "{sentence}"
    );
    assert!(before != folder.bytes("lm.safetensors"));
    folder.done(&["ppl", "lm.safetensors", "valid.txt"]);
}

#[test]
fn sigterm_leaves_a_checkpoint() {
    let folder = Folder::new("sigterm");
    let options = ["--epochs", "100000", "--checkpoints", "folder"];
    let mut run = Running::train(&folder, &[&SMALL[..], &options].concat());
    run.line().unwrap();
    let (_, sentence) = run.stop("-TERM");
    assert!(
        sentence.contains("stopped by Ctrl-C or a signal; the same command goes on"),
        "{sentence}"
    );
}

/// An epoch of one window leaves no time but that of the measurement, which takes a second on so many words.
#[test]
fn the_last_window_is_not_too_late() {
    let folder = Folder::new("interrupt-last");
    folder.write("line.txt", "the cat sees the dog\n");
    folder.write("valid.txt", "the cat sees the dog\n".repeat(40_000));
    let window = ["line.txt", "--hidden", "12", "--batch", "1", "--steps", "6"];
    let options = ["--epochs", "1", "--valid", "valid.txt"];
    let mut run = Running::train(&folder, &[&window[..], &options].concat());
    run.line().unwrap();
    let (epochs, sentence) = run.interrupt();
    assert_eq!(epochs.len(), 1, "{epochs:?}");
    assert!(
        sentence.contains("holds the model that was best"),
        "{sentence}"
    );
}

/// Epochs take long enough that the second is not over when the reader goes.
#[test]
fn a_reader_that_goes_away_does_not_end_the_run() {
    let folder = Folder::new("reader");
    let options = [&SMALL[..], &["--epochs", "20"]].concat();
    let mut run = Running::train(&folder, &options);
    run.line().unwrap();
    drop(run.lines);
    let ended = run.child.wait_with_output().unwrap();
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "{ended:?}"
    );
    let left = folder.bytes("lm.safetensors");
    folder.done(&[&["train"], &options[..]].concat());
    assert!(left == folder.bytes("lm.safetensors"));
}

/// As in `lstm lm train | true`.
#[test]
fn a_reader_that_is_gone_before_the_first_line_does_not_end_the_run() {
    let folder = Folder::new("no-reader");
    for table in [None, Some("--json")] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = Command::new(env!("CARGO_BIN_EXE_lstm"))
            .args(["lm", "train"].iter().chain(&SMALL).chain(&table))
            .args(["--epochs", "1", "--out", "model"])
            .current_dir(&folder.0)
            .stdout(writer)
            .status();
        assert!(status.unwrap().success());
        std::fs::remove_file(folder.0.join("model")).unwrap();
    }
}
