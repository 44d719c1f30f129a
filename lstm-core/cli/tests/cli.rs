//! The built command from outside: what it prints, what it refuses, what it leaves on the disk.

#[path = "cli/flow.rs"]
mod flow;
#[path = "cli/kinds.rs"]
mod kinds;
#[path = "cli/outputs.rs"]
mod outputs;
#[path = "cli/page.rs"]
mod page;
#[path = "cli/stdin.rs"]
mod stdin;
#[path = "cli/training.rs"]
mod training;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for each test, removed when it goes out of scope.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lstm-cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Runs the command in this folder.
    fn lstm(&self, arguments: &[&str]) -> Output {
        let command = Command::new(env!("CARGO_BIN_EXE_lstm"))
            .args(arguments)
            .current_dir(&self.0)
            .output();
        command.unwrap()
    }

    /// Runs the command and expects one sentence on the error output, which is returned.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.lstm(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{arguments:?}: {:?} {error}",
            output.status
        );
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        assert!(error.starts_with("lstm: "), "{error}");
        error
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn text() -> String {
    "the quick brown fox jumps over the lazy dog; ".repeat(40)
}

/// A run that takes a second: a small model on a short text.
const SMALL: [&str; 14] = [
    "train",
    "--text",
    "text.txt",
    "--hidden",
    "8",
    "--embedding",
    "4",
    "--batch",
    "2",
    "--steps",
    "8",
    "--seconds",
    "0.3",
    "--out",
];

fn train(folder: &Folder, out: &str) -> Output {
    folder.lstm(&[&SMALL[..], &[out]].concat())
}

#[test]
fn impossible_options_are_refused_with_one_sentence() {
    let folder = Folder::new("options");
    for (arguments, reason) in [
        (&["train", "--hidden", "0"][..], "--hidden"),
        (
            &["train", "--hidden", "-3"],
            "it must be a whole number from 1 to 8192",
        ),
        (
            &["train", "--rate", "-1"],
            "a finite number greater than 0; `lstm help train` lists",
        ),
        (
            &["lm", "train", "text", "--seed", "-1"],
            "it must be a whole number of at least 0; `lstm help lm train` lists",
        ),
        // One more than the largest number of 64 bits.
        (
            &["train", "--seed", "18446744073709551616"],
            "it must be a whole number from 0 to 18446744073709551615",
        ),
        (
            &["lm", "train", "text", "--decay", "1"],
            "'--decay <X>': it must be a finite number greater than 1",
        ),
        (
            &["flow", "--forget-bias", "-1,x"],
            "invalid value 'x' for '--forget-bias <B,..>'",
        ),
        (&["train", "--embedding", "99999999999"], "--embedding"),
        (&["train", "--batch", "0"], "--batch"),
        (&["train", "--steps", "0"], "--steps"),
        (&["train", "--rate", "NaN"], "finite number greater than 0"),
        (&["train", "--seconds", "0"], "finite number greater than 0"),
        (
            &["train", "--minutes", "inf"],
            "finite number greater than 0",
        ),
        (
            &["train", "--minutes", "1", "--seconds", "1"],
            "cannot be used with",
        ),
        (&["train", "--cell", "transformer"], "peephole"),
        (&["train", "--seed", "x"], "--seed"),
        (&["generate"], "<MODEL>"),
        (
            &["generate", "m", "--temperature", "-0.1"],
            "finite number of at least 0",
        ),
        (
            &["generate", "m", "--temperature", "NaN"],
            "finite number of at least 0",
        ),
        (&["generate", "m", "--length", "-1"], "-1"),
        (&["derive"], "<CELL>"),
        (&["tarin"], "tarin"),
    ] {
        let error = folder.refused(arguments);
        assert!(error.contains(reason), "{error}");
    }
    assert!(folder.names().is_empty());
}

#[test]
fn unusable_texts_are_refused_and_nothing_is_written() {
    let folder = Folder::new("texts");
    folder.write("empty.txt", "");
    folder.write("latin1.txt", b"caf\xe9 au lait");
    folder.write("short.txt", "too short");
    for (text, reason) in [
        ("missing.txt", "cannot read missing.txt"),
        ("empty.txt", "empty.txt is empty"),
        ("latin1.txt", "offset 3"),
        (
            "short.txt",
            "the part of the text to train on is too short: its length in characters is 8, but must be at least 1025; use a longer text, a smaller batch or fewer steps",
        ),
        (".", "cannot read ."),
        #[cfg(unix)]
        ("/dev/zero", "/dev/zero is a device, and a file is needed"),
    ] {
        let error = folder.refused(&["train", "--text", text, "--out", "model"]);
        assert!(error.contains(reason), "{error}");
    }
    // Of nine characters one is held out, and nothing follows it.
    let least = ["--batch", "1", "--steps", "1", "--out", "model"];
    let error = folder.refused(&[&["train", "--text", "short.txt"], &least[..]].concat());
    let reason = "the held-out part, a tenth of the text, is too short: its length in characters is 1, but must be at least 2; use a longer text\n";
    assert!(error.ends_with(reason), "{error}");
    assert!(
        folder
            .refused(&["derive", "missing.rs"])
            .contains("cannot read missing.rs")
    );
    assert!(
        folder
            .refused(&["derive", "latin1.txt"])
            .contains("offset 3")
    );
    assert_eq!(folder.names(), ["empty.txt", "latin1.txt", "short.txt"]);
}

#[test]
fn damaged_and_foreign_models_are_refused() {
    let folder = Folder::new("damaged");
    folder.write("text.txt", text());
    assert!(train(&folder, "model").status.success());
    let model = fs::read(folder.0.join("model")).unwrap();
    let mut flipped = model.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (name, content, reason) in [
        ("empty", &[][..], "it is empty"),
        ("text", b"certainly not a model", "header"),
        ("cut", &model[..model.len() / 2], "bytes"),
        ("flipped", &flipped, "checksum"),
    ] {
        folder.write(name, content);
        let error = folder.refused(&["generate", name]);
        assert!(error.contains(reason), "{error}");
    }
    assert!(
        folder
            .refused(&["generate", "missing"])
            .contains("cannot read missing")
    );
    assert!(folder.refused(&["generate", "."]).contains("cannot read ."));
    let output = folder.lstm(&["generate", "model", "--prompt", "the Z"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("'Z' at position 4"), "{error}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
}

#[test]
fn training_saves_a_model_that_writes() {
    let folder = Folder::new("train");
    folder.write("text.txt", text());
    for cell in [
        "peephole",
        "gru",
        "elman",
        "lstm-projection",
        "lstm-1997-truncated",
        // As other programs call a cell.
        "GruResetBefore",
        "relu_rnn",
    ] {
        let output = folder.lstm(&[&SMALL[..], &["model", "--cell", cell]].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{cell}: {error}");
        let shown = String::from_utf8(output.stdout).unwrap();
        for part in [
            "bits per character held out",
            "Saved model",
            "generate model",
        ] {
            assert!(shown.contains(part), "{cell}: {shown}");
        }
        let rows = shown.lines().filter(|line| line.contains(" s  "));
        let bits = |row: &str| row.split_whitespace().last().unwrap().parse::<f64>().ok();
        let least = rows.filter_map(bits).fold(f64::INFINITY, f64::min);
        let best = format!("the best of this run: {least:.3} bits");
        assert!(shown.contains(&best), "{best}: {shown}");
        let options = [
            "generate", "model", "--length", "30", "--prompt", "the q", "--seed", "7",
        ];
        let (first, second) = (folder.lstm(&options), folder.lstm(&options));
        assert!(first.status.success());
        assert_eq!(first.stdout, second.stdout);
        let written = String::from_utf8(first.stdout).unwrap();
        assert!(written.starts_with("the q"));
        // The prompt, thirty characters and the end of the line.
        assert_eq!(written.chars().count(), 5 + 30 + 1);
    }
    assert_eq!(folder.names(), ["model", "text.txt"]);
}

#[test]
fn a_cell_in_a_file_is_derived() {
    let folder = Folder::new("derive");
    let cell = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lstm-kernels/cells/elman_rnn.rs");
    let output = folder.lstm(&["derive", cell.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8(output.stdout).unwrap().contains("δ"));
    folder.write(
        "wrong.rs",
        "cell! { pub cell Wrong { size I; input x: [I]; h[t] = y[t]; output h; } }",
    );
    let output = folder.lstm(&["derive", "wrong.rs"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("wrong.rs:1:"), "{error}");
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = Folder::new("help");
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["train", "--help"],
        &["help", "generate"],
    ] {
        let output = folder.lstm(arguments);
        assert!(output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty());
    }
    assert_eq!(folder.lstm(&[]).status.code(), Some(2));
}

#[test]
fn experiments_on_streams_have_tables() {
    let folder = Folder::new("streams");
    let table = |options: &[&str]| {
        let common = ["--limit", "20", "--seeds", "2"];
        let output = folder.lstm(&[&["paper"], options, &common].concat());
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let [head, _, row] = text.lines().collect::<Vec<_>>()[..] else {
            panic!("{text}")
        };
        assert!(head.contains("median streams | mean streams"), "{head}");
        row.to_owned()
    };
    assert_eq!(
        table(&["continual-reber", "--memory", "reset"]),
        "| continual-reber | length 100000, memory reset, rate 0.5, weights from ±0.2, at most 20 | truncated | 360 | 0 of 2 (0 %) | - | - | 74 % | 7,441 |"
    );
    let row = table(&["timed-spikes", "--peepholes", "without", "--rule", "full"]);
    assert!(
        row.contains("| full | 14 | 0 of 2 (0 %) | - | - | 0 % | - |"),
        "{row}"
    );
    // A period of two steps is learned at once at a high rate, and the paper's error is that of another period.
    let quick = ["--period", "2", "--tolerance", "3", "--rate", "0.1"];
    let row = table(&[&["periodic-function"], &quick[..]].concat());
    assert!(
        row.contains("| 17 | 2 of 2 (100 %) | 1 | 1 | - | - | 0."),
        "{row}"
    );
}

#[test]
fn an_experiment_is_noted_and_resumed() {
    let folder = Folder::new("paper");
    let table = |seeds, more: &[&str]| {
        let options = [
            "paper",
            "temporal-order",
            "--lag",
            "20",
            "--limit",
            "30",
            "--seeds",
        ];
        let output = folder.lstm(&[&options[..], &[seeds], more].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    table("1", &[]);
    let resumed = table("2", &["--threads", "2"]);
    assert_eq!(
        resumed.lines().last().unwrap(),
        "| temporal-order | lag 20, marks 2, rate 0.5, weights from ±0.1, at most 30 | truncated | 156 | 0 of 2 (0 %) | - | - | - | - |"
    );
    assert_eq!(folder.names(), ["lstm-paper.jsonl"]);
    let results = fs::read_to_string(folder.0.join("lstm-paper.jsonl")).unwrap();
    assert_eq!(results.lines().count(), 2);
    let json = table("2", &["--json"]);
    assert!(
        json.contains("\"solved\": 0") && json.contains("\"weights\": 156"),
        "{json}"
    );

    folder.write("text.txt", text());
    let error = folder.refused(&["paper", "adding", "--results", "text.txt"]);
    assert!(
        error.contains("line 1 of text.txt is not a result"),
        "{error}"
    );
    let error = folder.refused(&["paper", "adding", "--lag", "3"]);
    assert!(error.contains("3"), "{error}");
    let error = folder.refused(&["paper", "timed-spikes", "--forget-bias", "inf"]);
    assert!(error.contains("not a finite number"), "{error}");
    #[cfg(unix)]
    {
        let error = folder.refused(&["paper", "adding", "--results", "/dev/full"]);
        assert!(error.contains("/dev/full is a device"), "{error}");
    }
    let error = folder.refused(&["paper", "subtracting"]);
    assert!(error.contains("subtracting"), "{error}");
}
