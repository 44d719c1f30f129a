//! `lstm lm classes`.

use super::{Folder, SMALL, json};

#[test]
fn classes_by_exchange_find_the_text_likelier_and_serve_training() {
    let folder = Folder::new("classes");
    let found = json(&folder.done(&["classes", "train.txt", "--classes", "4", "--json"]));
    let (bins, exchanged) = (&found["perplexity_by_frequency"], &found["perplexity"]);
    assert!(exchanged.as_f64() < bins.as_f64(), "{found}");
    folder.train(&["--class-file", "classes.txt"]);
    folder.write("vocabulary.txt", "1\t<eos>\n1\t<unk>\n1\tcat\n");
    let error = folder.refused(&[&SMALL[..], &["--class-file", "classes.txt"]].concat());
    assert!(error.contains("line 3 of classes.txt"), "{error}");
}

/// Such a vocabulary leaves no word of any text known. There are more of these than of sentences, so they are in the first bin.
#[test]
fn a_vocabulary_of_the_two_special_words_has_classes() {
    let folder = Folder::new("special");
    folder.done(&["vocab", "train.txt", "--limit", "2"]);
    folder.done(&["classes", "train.txt", "--classes", "2"]);
    assert_eq!(folder.bytes("classes.txt"), b"1\t<eos>\n0\t<unk>\n");
}

/// The pairs of so many classes would take 80 GB; those that occur are as many as the words.
#[test]
fn bins_may_be_as_many_as_the_words() {
    let folder = Folder::new("bins");
    let words: Vec<_> = (0..100_000).map(|word| format!("w{word}")).collect();
    folder.write("many.txt", words.join(" "));
    folder.done(&["vocab", "many.txt"]);
    let bins = ["--method", "frequency", "--classes", "100000", "--json"];
    let found = json(&folder.done(&[&["classes", "many.txt"], &bins[..]].concat()));
    // Each word is in a class of its own, and the one before it says which word it is.
    assert!(
        (found["perplexity"].as_f64().unwrap() - 1.0).abs() < 1e-3,
        "{found}"
    );
}
