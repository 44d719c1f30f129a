//! Runs of `lstm lm train` that go on from their checkpoints, or do not.

use std::fs;

use super::{Folder, SMALL, json};

#[test]
fn a_damaged_checkpoint_that_is_passed_over_is_named() {
    let folder = Folder::new("passed-over");
    let options = [&SMALL[..], &["--checkpoints", "folder"]].concat();
    folder.done(&options);
    let names = fs::read_dir(folder.0.join("folder")).unwrap();
    let last = names.map(|entry| entry.unwrap().path()).max().unwrap();
    fs::write(&last, "damaged").unwrap();
    let output = folder.lm(&options);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{error}");
    let name = last.file_name().unwrap().to_str().unwrap();
    assert!(
        error.contains(name) && error.contains("an earlier checkpoint"),
        "{error}"
    );
}

/// At such a rate the mean loss is thousands of nats, and e to that is beyond all numbers.
#[test]
fn a_run_whose_perplexity_is_infinite_goes_on_from_its_checkpoints() {
    let folder = Folder::new("infinite");
    let train = |epochs| {
        let small = SMALL.map(|word| match word {
            "3" => epochs,
            "5" => "1e4",
            word => word,
        });
        let wild = ["--clip", "1e9", "--json", "--curves", "curves.svg"];
        folder.done(&[&small[..], &wild, &["--checkpoints", "folder"]].concat())
    };
    let first = train("1");
    let epoch = json(first.lines().nth(1).unwrap());
    let infinite = &serde_json::Value::Null;
    assert_eq!(&epoch["train_perplexity"], infinite, "{epoch}");
    folder.done(&["ppl", "lm.safetensors", "valid.txt"]);
    let second = train("2");
    assert_eq!(second.lines().count(), 3, "{second}");
    let intro = json(second.lines().next().unwrap());
    assert!(intro["resumed_at_window"].as_u64() > Some(0), "{intro}");
    assert_eq!(json(second.lines().nth(1).unwrap())["epoch"], 2);
}

/// One window, after which the weights are so large that no score is a number. Without a text to measure on, that is found in the
/// next epoch.
#[test]
fn a_run_that_diverges_says_when_and_what_is_saved() {
    let folder = Folder::new("diverged");
    folder.write("line.txt", "the cat sees the dog\n");
    let window = ["line.txt", "--hidden", "12", "--batch", "1", "--steps", "6"];
    let wild = ["--rate", "1e39", "--clip", "1e30", "--valid", "valid.txt"];
    let train = [&["train"], &window[..], &wild].concat();
    let error = folder.refused(&train);
    assert!(
        error.contains("the loss on the text of --valid is not a finite number")
            && error.ends_with("That was in epoch 1; no model was saved\n"),
        "{error}"
    );
    assert!(!folder.0.join("lm.safetensors").exists());
    let error = folder.refused(&train[..train.len() - 2]);
    assert!(
        error.contains("is not a finite number")
            && error.ends_with("in epoch 2; lm.safetensors holds the model of epoch 1\n"),
        "{error}"
    );
    assert!(folder.0.join("lm.safetensors").exists());
}

#[test]
fn a_run_goes_on_where_the_usual_rate_is_spelt_out() {
    let folder = Folder::new("usual-rate");
    for (optimiser, rate) in [("sgd", "20"), ("adam", "0.001")] {
        let options = [
            "train",
            "train.txt",
            "--hidden",
            "12",
            "--optimiser",
            optimiser,
            "--checkpoints",
            optimiser,
            "--epochs",
        ];
        folder.done(&[&options[..], &["1"]].concat());
        let said = folder.done(&[&options[..], &["2", "--rate", rate]].concat());
        assert!(said.contains("Going on after"), "{said}");
        let error = folder.refused(&[&options[..], &["2", "--rate", "0.5"]].concat());
        assert!(error.contains("other options"), "{error}");
    }
}

#[test]
fn a_resumed_run_says_saved_only_of_what_it_saved() {
    let folder = Folder::new("other-out");
    // Another order of words: what is learned of the text makes it unlikelier later on.
    folder.write("odd.txt", "sees cat the dog a\n".repeat(20));
    let train = [
        "train",
        "train.txt",
        "--hidden",
        "12",
        "--batch",
        "4",
        "--steps",
        "8",
    ];
    let train = [
        &train[..],
        &["--rate", "5", "--threads", "1", "--epochs", "4"],
    ]
    .concat();
    let valid = ["--valid", "odd.txt", "--checkpoints", "folder"];
    let valid = [&train[..], &valid].concat();
    folder.done(&valid);
    let error = folder.refused(&[&valid[..], &["--out", "other"]].concat());
    assert!(
        error.contains("other: nothing was saved in it, as no epoch was better than epoch")
            && error.contains("saved in lm.safetensors before"),
        "{error}"
    );
    assert!(!folder.0.join("other").exists());
    let said = folder.done(&valid);
    assert!(said.contains("No epoch was better than epoch"), "{said}");

    // The last epoch is the best where there is no text to measure on, so its model is in the checkpoint.
    let plain = [&train[..], &["--checkpoints", "plain"]].concat();
    folder.done(&plain);
    let said = folder.done(&[&plain[..], &["--out", "other"]].concat());
    assert!(said.contains("Saved other."), "{said}");
    assert!(folder.bytes("other") == folder.bytes("lm.safetensors"));
}

#[test]
fn the_folder_of_checkpoints_is_not_the_file_of_the_model() {
    let folder = Folder::new("one-place");
    let error = folder.refused(&[&SMALL[..], &["--checkpoints", "ck", "--out", "./ck"]].concat());
    assert!(
        error.contains("ck is what --checkpoints names, too"),
        "{error}"
    );
    let error = folder.refused(&[&SMALL[..], &["--checkpoints", "vocabulary.txt"]].concat());
    assert!(
        error.contains("vocabulary.txt is read by this command"),
        "{error}"
    );
    assert!(!folder.0.join("ck").exists());
}
