//! `lstm lm generate` and `lstm lm rescore`: sentences that are written, and those that are sorted.

use super::{Folder, json};

#[test]
fn sentences_are_written_and_lists_sorted_in_a_stable_order() {
    let folder = Folder::new("rescore");
    folder.train(&["--tied"]);
    let write = || {
        folder.done(&[
            "generate",
            "lm.safetensors",
            "--sentences",
            "5",
            "--prompt",
            "the",
            "--seed",
            "3",
        ])
    };
    let sentences = write();
    assert_eq!(sentences, write());
    assert!(
        sentences.lines().count() == 5 && sentences.lines().all(|line| line.starts_with("the"))
    );
    assert!(!sentences.contains("<unk>"));

    let lists = "one\t0\tsees the the cat\none\t0\tthe cat sees the dog\ntwo\t-1\t\ntwo\t-1\t\ntwo\t9000\tzebra  zebra\n";
    folder.write("lists.txt", lists);
    let rescore = |more: &[&str]| -> Vec<Vec<String>> {
        let output = folder.done(&[&["rescore", "lm.safetensors", "lists.txt"], more].concat());
        let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
        output.lines().map(fields).collect()
    };
    let sorted = rescore(&[]);
    let sentences: Vec<_> = sorted.iter().map(|line| line[3].as_str()).collect();
    assert_eq!(
        sentences,
        [
            "the cat sees the dog",
            "sees the the cat",
            "zebra  zebra",
            "",
            ""
        ]
    );
    // A sentence's score is the sum over its words when it is read by itself.
    folder.write("one.txt", "the cat sees the dog\n");
    let scores = folder.done(&["ppl", "lm.safetensors", "one.txt", "--scores", "--json"]);
    let logs = scores.lines().filter_map(|line| {
        json(line)["word"]
            .as_str()
            .map(|_| json(line)["log_probability"].as_f64().unwrap())
    });
    let sum: f64 = logs.sum();
    // Single precision, in products of other shapes: some roundings of 6e-8 of scores near 10.
    assert!((sorted[0][2].parse::<f64>().unwrap() - sum).abs() < 1e-4);
    // Without the model's score nothing is left but the given order.
    let plain: Vec<_> = rescore(&["--scale", "0"])
        .iter()
        .map(|line| line[3].clone())
        .collect();
    assert_eq!(
        plain,
        [
            "sees the the cat",
            "the cat sees the dog",
            "zebra  zebra",
            "",
            ""
        ]
    );
    assert_eq!(rescore(&["--best"]).len(), 2);

    folder.write("lists.txt", "one\t1\t-4\ta cat\n");
    let line = &rescore(&["--interpolate", "0.25", "--scale", "2"])[0];
    let (total, model): (f64, f64) = (line[1].parse().unwrap(), line[2].parse().unwrap());
    assert!((total - (1.0 + 2.0 * (0.25 * model + 0.75 * -4.0))).abs() < 1e-12);
    folder.write("lists.txt", "one\t1\ta cat\none\tx\ta cat\n");
    let error = folder.refused(&["rescore", "lm.safetensors", "lists.txt"]);
    assert!(
        error.contains("line 2 of lists.txt") && error.contains("`x`"),
        "{error}"
    );
}

#[test]
fn lists_that_do_not_stand_together_and_tabs_in_sentences_are_refused() {
    let folder = Folder::new("lists-apart");
    folder.train(&[]);
    let rescore = |lists: &str, more: &[&str]| {
        folder.write("lists.txt", lists);
        folder.lm(&[&["rescore", "lm.safetensors", "lists.txt"], more].concat())
    };
    let output = rescore("a\t0\tthe cat\nb\t0\tthe dog\na\t0\tthe dog\n", &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("line 3 of lists.txt: the list `a` goes on after another one"),
        "{error}"
    );
    // What was complete before is written, as always.
    assert_eq!(
        output.stdout.iter().filter(|&&byte| byte == b'\n').count(),
        2
    );
    // A list may have no name, and the empty name is remembered like others.
    for (lists, more, reason) in [
        (
            "\t0\tthe\nb\t0\tthe\n\t0\tthe\n",
            &[][..],
            "line 3 of lists.txt: the list ``",
        ),
        (
            "a\t0\t-1\tthe cat\n",
            &[],
            "line 1 of lists.txt: there is a tab in the sentence; a line has three columns, or with --interpolate four",
        ),
        (
            "a\t0\t-1\tthe\tcat\n",
            &["--interpolate", "0.5"],
            "a line has four columns with --interpolate",
        ),
    ] {
        let error = String::from_utf8(rescore(lists, more).stderr).unwrap();
        assert!(error.contains(reason), "{error}");
    }
}
