//! `lstm lm` from outside, on a small generated text: every verb, and what they refuse.

#[path = "lm/checkpoints.rs"]
mod checkpoints;
#[path = "lm/classes.rs"]
mod classes;
#[cfg(unix)]
#[path = "lm/interrupt.rs"]
mod interrupt;
#[path = "lm/rescore.rs"]
mod rescore;
#[path = "lm/texts.rs"]
mod texts;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder of its own for each test, removed when it goes out of scope.
struct Folder(PathBuf);

impl Folder {
    /// With a text, another one to measure on, and the vocabulary of the first.
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lstm-lm-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        folder.write("train.txt", text(400, 0));
        folder.write("valid.txt", text(40, 400));
        folder.done(&["vocab", "train.txt", "--min-count", "2"]);
        folder
    }

    fn lm(&self, arguments: &[&str]) -> Output {
        let command = Command::new(env!("CARGO_BIN_EXE_lstm"))
            .arg("lm")
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output();
        command.unwrap()
    }

    /// Runs a verb that must succeed and returns what it printed.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.lm(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a verb that must fail and returns its one sentence.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.lm(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{arguments:?}: {error}"
        );
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        error
    }

    /// Trains a small model.
    fn train(&self, more: &[&str]) -> String {
        self.done(&[&SMALL[..], more].concat())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const SMALL: [&str; 16] = [
    "train",
    "train.txt",
    "--hidden",
    "12",
    "--batch",
    "4",
    "--steps",
    "8",
    "--threads",
    "1",
    "--rate",
    "5",
    "--epochs",
    "3",
    "--valid",
    "valid.txt",
];

/// Sentences of a grammar of two verbs and five nouns. Some lines are empty, some words occur once.
fn text(sentences: usize, seed: usize) -> String {
    let nouns = ["cat", "dog", "bird", "maus", "größe"];
    let sentence = |i: usize| {
        // A multiplier and a modulus without common factors, so that nouns come in a long irregular order.
        let k = (i + seed) * 7919 % 10007;
        let (a, b) = (nouns[k % 5], nouns[k / 5 % 5]);
        match k % 11 {
            0 => "\n".to_owned(),
            1 => format!("the {a} sees rare{i}{seed}\n"),
            k if k % 2 == 0 => format!("the {a} sees the {b}\n"),
            _ => format!("a {a} likes a {b} .\n"),
        }
    };
    (0..sentences).map(sentence).collect()
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_vocabulary_counts_limits_and_has_an_unknown_word() {
    let folder = Folder::new("vocab");
    folder.write("three.txt", "b a b\n\nc b <unk>\n");
    let found = json(&folder.done(&["vocab", "three.txt", "--limit", "4", "--json"]));
    // Two of b, one each of a, c and the unknown word; c has no place.
    assert_eq!((&found["words"], &found["unknown"]), (&6.into(), &2.into()));
    let list = String::from_utf8(folder.bytes("vocabulary.txt")).unwrap();
    assert_eq!(list, "3\t<eos>\n2\t<unk>\n3\tb\n1\ta\n");
    let said = folder.done(&["vocab", "three.txt", "--limit", "4"]);
    let sizes = "4 different. The list has 4, <eos> and <unk> included.";
    let reasons = "unknown: 1 are <unk> in the text, 1 have no place in the list.";
    assert!(said.contains(sizes) && said.contains(reasons), "{said}");
}

#[test]
fn perplexity_is_that_of_the_scores_of_the_words() {
    let folder = Folder::new("ppl");
    for (output, reset) in [("--tied", None), ("--classes=4", Some("--reset"))] {
        folder.train(&[output]);
        let ppl = ["ppl", "lm.safetensors", "valid.txt"];
        let scores = folder.done(&[&ppl[..], &["--scores", "--json"], reset.as_slice()].concat());
        let mut lines: Vec<_> = scores.lines().map(json).collect();
        let found = lines.pop().unwrap();
        let mean = |is: &dyn Fn(&serde_json::Value) -> bool| {
            let logs: Vec<f64> = (lines.iter().filter(|line| is(line)))
                .map(|line| line["log_probability"].as_f64().unwrap())
                .collect();
            (
                logs.len(),
                (-logs.iter().sum::<f64>() / logs.len() as f64).exp(),
            )
        };
        let (all, perplexity) = mean(&|_| true);
        let (ends, of_ends) = mean(&|line| line["word"] == "<eos>");
        let (unknown, of_unknown) = mean(&|line| line["unknown"] == true);
        let close = |value: &serde_json::Value, expected: f64| {
            // The same sum in another order.
            assert!(
                (value.as_f64().unwrap() / expected - 1.0).abs() < 1e-12,
                "{value} {expected}"
            );
        };
        close(&found["perplexity"], perplexity);
        close(&found["ends"]["perplexity"], of_ends);
        close(&found["unknown"]["perplexity"], of_unknown);
        assert_eq!((ends, unknown > 0), (40, true));
        let counts =
            ["known", "unknown", "ends"].map(|kind| found[kind]["count"].as_u64().unwrap());
        assert_eq!(
            (all as u64, counts[1]),
            (counts.iter().sum(), unknown as u64)
        );
        // Nine known words: an untrained model stands at 11 or so; the grammar leaves a choice of about two.
        assert!((1.5..7.0).contains(&perplexity), "{output} {perplexity}");
    }
}

#[test]
fn scores_stand_alone_on_the_output() {
    let folder = Folder::new("scores");
    folder.train(&[]);
    folder.write("one.txt", "the cat\n\n");
    let output = folder.lm(&["ppl", "lm.safetensors", "one.txt", "--scores"]);
    assert!(output.status.success(), "{output:?}");
    let [scores, table] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let words: Vec<_> = (scores.lines())
        .map(|line| line.split_once('\t').unwrap())
        .collect();
    assert!(
        words
            .iter()
            .all(|(_, log)| log.parse::<f64>().unwrap() < 0.0)
    );
    let words: Vec<_> = words.into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["the", "cat", "<eos>", "<eos>"]);
    assert!(
        table.contains("perplexity") && table.contains("words per second"),
        "{table}"
    );
    // Without scores the table is what is asked for.
    let table = folder.done(&["ppl", "lm.safetensors", "one.txt"]);
    assert!(table.contains("ends of sentences"), "{table}");
}

#[test]
fn a_run_that_was_cut_short_goes_on_to_the_same_bytes_on_any_number_of_threads() {
    let folder = Folder::new("resume");
    let whole = folder.train(&[
        "--tied",
        "--checkpoints",
        "whole",
        "--json",
        "--curves",
        "curves.svg",
    ]);
    let curves = String::from_utf8(folder.bytes("curves.svg")).unwrap();
    // Two lines of three points each, with a circle for every point.
    assert_eq!(
        (
            curves.matches("<polyline").count() >= 2,
            curves.matches("<circle").count()
        ),
        (true, 6)
    );
    let expected = folder.bytes("lm.safetensors");
    // Two epochs, of which the last checkpoint is taken away: a run that was killed amid the second.
    let other = |epochs, clip| {
        let options = [
            "--checkpoints",
            "cut",
            "--checkpoint-every",
            "7",
            "--json",
            "--tied",
        ];
        let small = SMALL.map(|word| if word == "3" { epochs } else { word });
        let mut all = [&small[..], &options, &["--clip", clip]].concat();
        let threads = all.iter().position(|&word| word == "--threads").unwrap();
        all[threads + 1] = "2";
        all
    };
    folder.done(&other("2", "0.25"));
    let mut names: Vec<_> = fs::read_dir(folder.0.join("cut"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    fs::remove_file(names.pop().unwrap()).unwrap();
    fs::remove_file(folder.0.join("lm.safetensors")).unwrap();
    let resumed = folder.done(&other("3", "0.25"));
    assert!(
        json(resumed.lines().next().unwrap())["resumed_at_window"]
            .as_u64()
            .unwrap()
            .is_multiple_of(7)
    );
    assert_eq!(folder.bytes("lm.safetensors"), expected);
    let last =
        |output: &str| json(output.lines().rev().nth(1).unwrap())["valid_perplexity"].clone();
    assert_eq!(last(&whole), last(&resumed));

    let error = folder.refused(&other("3", "7"));
    assert!(error.contains("other options"), "{error}");
    // The same options, but another text is held out.
    let held_out = folder.0.join("valid.txt");
    let text = fs::read_to_string(&held_out).unwrap();
    fs::write(held_out, text + "a\n").unwrap();
    let error = folder.refused(&other("3", "0.25"));
    assert!(error.contains("texts, words or classes"), "{error}");
}

#[test]
fn what_cannot_be_used_is_refused_with_one_sentence() {
    let folder = Folder::new("refused");
    folder.write("bytes.txt", b"good\nbad \xff line\n");
    for verb in [
        &["vocab", "bytes.txt"][..],
        &["train", "bytes.txt"],
        &["classes", "bytes.txt"],
    ] {
        let error = folder.refused(verb);
        assert!(
            error.contains("line 2 of bytes.txt") && error.contains("byte 5"),
            "{error}"
        );
    }
    folder.write("end.txt", "a <eos> b\n");
    folder.write("empty.txt", "");
    folder.write("short.txt", "the cat\n");
    folder.train(&[]);
    for (arguments, reason) in [
        (&["vocab", "end.txt"][..], "<eos>"),
        (&["vocab", "missing.txt"], "missing.txt"),
        (
            &["train", "short.txt"],
            "its length in words and ends of sentences is 4, but must be at least 701",
        ),
        (
            &[
                "train",
                "train.txt",
                "--tied",
                "--hidden",
                "8",
                "--embedding",
                "4",
            ],
            "--embedding 8",
        ),
        (
            &["train", "train.txt", "--classes", "1000"],
            "--classes is 1000, but must be at most 12, the number of words in vocabulary.txt",
        ),
        (
            &["classes", "train.txt", "--classes", "13"],
            "--classes is 13, but must be at most 12, the number of words in vocabulary.txt",
        ),
        (
            &["train", "train.txt", "--tied", "--classes", "3"],
            "--classes",
        ),
        (&["ppl", "lm.safetensors", "empty.txt"], "no sentence"),
        (
            &["train", "train.txt", "--valid", "empty.txt"],
            "empty.txt: there is no sentence in it",
        ),
        (
            &["train", "empty.txt"],
            "empty.txt: there is no sentence in it",
        ),
        (&["ppl", "train.txt", "train.txt"], "train.txt"),
        (&["rescore", "lm.safetensors", "lists.txt"], "lists.txt"),
    ] {
        let error = folder.refused(arguments);
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
}
