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
fn a_perplexity_beyond_all_numbers_is_divergence() {
    let folder = Folder::new("infinite");
    let small = SMALL.map(|word| if word == "5" { "1e4" } else { word });
    let wild = [&small[..], &["--clip", "1e9"]].concat();
    let reason = "the perplexity in training is not a finite number";
    let error = folder.refused(&wild);
    assert!(
        error.contains(reason) && error.ends_with("in epoch 1; no model was saved\n"),
        "{error}"
    );
    assert!(!folder.0.join("lm.safetensors").exists());
    folder.train(&[]);
    let before = folder.bytes("lm.safetensors");
    let error = folder.refused(&wild);
    assert!(
        error.contains(reason)
            && error.ends_with("no model was saved, and lm.safetensors is what it was before\n"),
        "{error}"
    );
    assert!(before == folder.bytes("lm.safetensors"));
}

/// One window, after which the weights are so large that no score is a number. Without a text to measure on, that is found in the
/// next epoch.
#[test]
fn a_run_that_diverges_says_when_and_what_is_saved() {
    let folder = Folder::new("diverged");
    folder.write("line.txt", "the cat sees the dog\n");
    let window = ["line.txt", "--hidden", "12", "--batch", "1", "--steps", "6"];
    let wild = ["--rate", "3e38", "--clip", "1e30", "--valid", "valid.txt"];
    let train = [&["train"], &window[..], &wild].concat();
    let error = folder.refused(&train);
    assert!(
        error.contains("the perplexity on the text of --valid is not a finite number")
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
    assert!(
        said.contains("Saved other, the model of epoch 4.\n"),
        "{said}"
    );
    assert!(folder.bytes("other") == folder.bytes("lm.safetensors"));
}

#[test]
fn a_run_that_is_resumed_with_fewer_epochs_says_which_model_it_saved() {
    let folder = Folder::new("fewer");
    let train = |epochs, more: &[&str]| {
        let plain = SMALL.map(|word| if word == "3" { epochs } else { word });
        // Without a text to measure on, so that the last epoch is the best.
        let options = [&plain[..14], &["--checkpoints", "folder"], more].concat();
        folder.done(&options)
    };
    let said = train("2", &[]);
    assert!(
        said.ends_with("Saved lm.safetensors, the model of epoch 2.\n"),
        "{said}"
    );
    let said = train("1", &["--out", "other"]);
    let beyond = "Saved other, the model of epoch 2. This run had gone beyond --epochs before.\n";
    assert!(said.ends_with(beyond), "{said}");
    assert!(folder.bytes("other") == folder.bytes("lm.safetensors"));
    let said = train("1", &["--json"]);
    assert_eq!(json(said.lines().last().unwrap())["epoch"], 2);
}

#[test]
fn checkpoints_of_another_model_are_refused_as_those_of_other_options() {
    let folder = Folder::new("another-model");
    let train = |more: &[&'static str]| {
        [&SMALL[..2], &SMALL[4..], &["--checkpoints", "folder"], more].concat()
    };
    folder.done(&train(&["--hidden", "12"]));
    for more in [
        &["--hidden", "8"][..],
        &["--hidden", "12", "--embedding", "8"],
        &["--hidden", "12", "--cell", "gru"],
        &["--hidden", "12", "--layers", "1"],
        &["--hidden", "12", "--tied"],
    ] {
        let error = folder.refused(&train(more));
        assert!(
            error.contains("of a run with other options")
                && error.contains("choose another folder for --checkpoints"),
            "{more:?}: {error}"
        );
    }
    // What is spelt out as it is by default is the same.
    folder.done(&train(&[
        "--hidden",
        "12",
        "--embedding",
        "12",
        "--cell",
        "Lstm",
    ]));
}

#[test]
fn a_model_among_checkpoints_is_called_so() {
    let folder = Folder::new("model-among");
    folder.train(&[]);
    fs::create_dir(folder.0.join("folder")).unwrap();
    let place = folder.0.join("folder/checkpoint-0000000007.safetensors");
    fs::write(place, folder.bytes("lm.safetensors")).unwrap();
    let error = folder.refused(&[&SMALL[..], &["--checkpoints", "folder"]].concat());
    assert!(
        error.contains(
            "checkpoint-0000000007.safetensors: it is a model and no checkpoint; move it"
        ) && error.contains("--checkpoints"),
        "{error}"
    );
}

/// The text is not even looked for. In this folder of the system nobody can make a file.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_is_closed_is_found_before_the_work() {
    let folder = Folder::new("closed");
    for (place, reason) in [
        ("/proc", "cannot write to /proc:"),
        ("/proc/new/folder", "cannot write to /proc/new/folder:"),
        ("train.txt/folder", "cannot write to train.txt/folder:"),
    ] {
        let error = folder.refused(&["train", "missing.txt", "--checkpoints", place]);
        assert!(error.contains(reason), "{error}");
    }
    // One that is to be made, in others that are to be made, is no matter.
    folder.train(&["--checkpoints", "new/new/folder"]);
    assert!(folder.0.join("new/new/folder").is_dir());
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
