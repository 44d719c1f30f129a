//! Texts and lists of words that are not what a verb needs.

use std::fs;

use super::{Folder, SMALL};

#[test]
fn a_text_without_words_leaves_older_lists_as_they_are() {
    let folder = Folder::new("no-words");
    folder.done(&["classes", "train.txt", "--classes", "4"]);
    let lists = || (folder.bytes("vocabulary.txt"), folder.bytes("classes.txt"));
    let before = lists();
    folder.write("empty.txt", "");
    folder.write("blank.txt", "\n \n\t\n");
    folder.write("foreign.txt", "le chat\nvoit le chien\n");
    for (arguments, reason) in [
        (
            &["vocab", "empty.txt", "blank.txt"][..],
            "there is no word in empty.txt, blank.txt",
        ),
        (&["classes", "empty.txt"], "there is no word in empty.txt"),
        (&["classes", "blank.txt"], "there is no word in blank.txt"),
        // A text of another language, say: the vocabulary is not its own.
        (
            &["classes", "foreign.txt"],
            "foreign.txt: all of its words are unknown to vocabulary.txt, so nothing is written",
        ),
    ] {
        let error = folder.refused(arguments);
        assert!(error.contains(reason), "{error}");
    }
    assert!(before == lists());
}

#[test]
fn a_vocabulary_and_classes_are_not_taken_for_each_other() {
    let folder = Folder::new("lists");
    folder.done(&["classes", "train.txt", "--classes", "4"]);
    for (arguments, reason) in [
        (
            &["--vocab", "classes.txt"][..],
            "classes.txt: these are classes of `lstm lm classes`",
        ),
        (
            &["--class-file", "vocabulary.txt"],
            "vocabulary.txt: this is a vocabulary of `lstm lm vocab`",
        ),
    ] {
        let error = folder.refused(&[&SMALL[..], arguments].concat());
        assert!(error.contains(reason), "{error}");
    }
    let error = folder.refused(&[
        "classes",
        "train.txt",
        "--vocab",
        "classes.txt",
        "--out",
        "c",
    ]);
    assert!(error.contains("these are classes"), "{error}");
}

#[test]
fn a_vocabulary_that_is_missing_can_be_made() {
    let folder = Folder::new("no-vocabulary");
    fs::remove_file(folder.0.join("vocabulary.txt")).unwrap();
    for verb in ["train", "classes"] {
        let error = folder.refused(&[verb, "train.txt"]);
        assert!(
            error.contains("cannot read vocabulary.txt")
                && error.contains("`lstm lm vocab TEXT`")
                && error.contains("--vocab"),
            "{error}"
        );
    }
}

/// The text is not even looked for.
#[test]
fn an_unknown_word_that_is_none_is_refused_before_the_texts_are_read() {
    let folder = Folder::new("unknown-word");
    for unknown in ["<eos>", "a b", " a", ""] {
        let error = folder.refused(&["vocab", "missing.txt", "--unknown", unknown]);
        assert!(
            error.contains("--unknown") && error.contains("one word, other than `<eos>`"),
            "{error}"
        );
    }
    folder.done(&["vocab", "train.txt", "--unknown", "?"]);
}

#[test]
fn a_byte_order_mark_is_no_word() {
    let folder = Folder::new("mark");
    folder.done(&["vocab", "train.txt", "--out", "plain"]);
    let text = [b"\xef\xbb\xbf", &folder.bytes("train.txt")[..]].concat();
    folder.write("marked.txt", text);
    folder.done(&["vocab", "marked.txt", "--out", "marked"]);
    assert!(folder.bytes("marked") == folder.bytes("plain"));
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read_for_ever() {
    let folder = Folder::new("device");
    let error = folder.refused(&["vocab", "/dev/zero"]);
    assert!(
        error.contains("line 1 of /dev/zero") && error.contains("without an end"),
        "{error}"
    );
    let error = folder.refused(&["ppl", "/dev/zero", "train.txt"]);
    assert!(
        error.contains("/dev/zero is a device, and a file"),
        "{error}"
    );
}
