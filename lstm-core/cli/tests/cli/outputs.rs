//! What verbs may replace, and what they leave alone.

use std::fs;

use super::kinds::{SMALL_WORDS, models};
use super::{Folder, SMALL, text};

#[test]
fn a_model_cannot_take_the_place_of_something_else() {
    let folder = Folder::new("place");
    folder.write("text.txt", text());
    for (out, reason) in [
        ("missing/model", "cannot write missing/model"),
        (".", "cannot write ."),
        ("text.txt", "text.txt is read by this command"),
    ] {
        let error = folder.refused(&[&SMALL[..], &[out]].concat());
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(folder.names(), ["text.txt"]);
    assert_eq!(
        fs::read_to_string(folder.0.join("text.txt")).unwrap(),
        text()
    );
}

/// With all that the verbs write, and each other's files in their places.
#[test]
fn nothing_is_replaced_but_an_older_file_of_its_form() {
    let folder = models("outputs");
    folder.write("own.rs", "cell! { /// Mine.\n pub cell Own { size I; input x: [I]; h[t] = tanh(x[t]) + h[t-1]; output h; } }");
    folder.write("empty", "");
    let train = |more: &[&'static str]| [&SMALL_WORDS[..], more].concat();
    let flow = ["flow", "--cell", "elman", "--steps", "3", "--units", "2"];
    let flow = |more: &[&'static str]| [&flow[..], more].concat();
    let classes = ["lm", "classes", "text.txt", "--classes", "3", "--out"];
    let classes = |out: &'static str| [&classes[..], &[out]].concat();
    // The second time each replaces what it wrote the first time, and once something empty.
    for _ in 0..2 {
        for arguments in [
            vec!["lm", "vocab", "text.txt", "--out", "list"],
            classes("classes"),
            classes("empty"),
            train(&["--out", "words", "--curves", "curves.svg"]),
            flow(&["--svg", "a.svg", "--png", "a.png", "--csv", "a.csv"]),
            vec!["derive", "own.rs", "--html", "own.html"],
        ] {
            let output = folder.lstm(&arguments);
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        }
    }
    let before: Vec<_> = (folder.names().iter())
        .map(|name| fs::read(folder.0.join(name)).unwrap())
        .collect();
    let read = "is read by this command, so it is not replaced; choose another --out";
    for (arguments, reason) in [
        (train(&["--out", "text.txt"]), read),
        (train(&["--out", "vocabulary.txt"]), read),
        (train(&["--valid", "own.rs", "--out", "./own.rs"]), read),
        (
            train(&["--class-file", "classes", "--out", "classes"]),
            read,
        ),
        (
            train(&["--out", "characters"]),
            "characters exists and is not a model of words",
        ),
        (
            train(&["--curves", "text.txt"]),
            "text.txt is read by this command",
        ),
        (
            train(&["--curves", "characters"]),
            "exists and is not an SVG picture",
        ),
        (
            train(&["--out", "new", "--curves", "./new"]),
            "new is what --out names, too",
        ),
        (
            vec!["lm", "vocab", "own.rs", "text.txt", "--out", "text.txt"],
            read,
        ),
        (
            vec!["lm", "vocab", "text.txt", "--out", "own.rs"],
            "own.rs exists and is not a vocabulary",
        ),
        (
            vec!["lm", "vocab", "text.txt", "--out", "classes"],
            "classes exists and is not a vocabulary",
        ),
        (classes("vocabulary.txt"), read),
        (classes("text.txt"), read),
        (classes("list"), "list exists and is not a list of classes"),
        (
            vec!["train", "--text", "text.txt", "--out", "words"],
            "words exists and is not a model of characters",
        ),
        (
            flow(&["--svg", "a.png"]),
            "a.png exists and is not an SVG picture",
        ),
        (
            flow(&["--png", "own.rs"]),
            "own.rs exists and is not a PNG picture",
        ),
        (
            flow(&["--csv", "text.txt"]),
            "text.txt exists and is not a table",
        ),
        (
            flow(&["--svg", "new", "--csv", "new"]),
            "new is what --svg names, too",
        ),
        (
            vec!["flow", "--model", "characters", "--csv", "characters"],
            "characters is read by this command, so it is not replaced; choose another --csv",
        ),
        (
            vec!["derive", "own.rs", "--html", "own.rs"],
            "own.rs is read by this command",
        ),
        (
            vec!["derive", "elman", "--html", "own.rs"],
            "own.rs exists and is not a page",
        ),
        // Said before the work: the text is not even looked for.
        (
            vec!["lm", "vocab", "missing", "--out", "no/such/list"],
            "cannot write no/such/list",
        ),
        (
            vec!["lm", "classes", "missing", "--out", "no/such/list"],
            "cannot write no/such/list",
        ),
        (
            flow(&["--forget-bias", "1", "--csv", "no/such/table"]),
            "cannot write no/such/table",
        ),
    ] {
        let error = folder.refused(&arguments);
        assert!(error.contains(reason), "{arguments:?}: {error}");
        let names = folder.names();
        let after: Vec<_> = (names.iter())
            .map(|name| fs::read(folder.0.join(name)).unwrap())
            .collect();
        assert!(before == after, "{arguments:?} has changed {names:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_is_known_by_other_names() {
    let folder = models("other-names");
    std::os::unix::fs::symlink("text.txt", folder.0.join("link")).unwrap();
    let error = folder.refused(&["lm", "vocab", "link", "--out", "text.txt"]);
    assert!(
        error.contains("text.txt is read by this command"),
        "{error}"
    );
    // Files that are not there yet, in folders and behind links that are.
    fs::create_dir(folder.0.join("d")).unwrap();
    std::os::unix::fs::symlink("d", folder.0.join("link-to-d")).unwrap();
    std::os::unix::fs::symlink("m", folder.0.join("link-to-m")).unwrap();
    for (out, curves) in [
        ("m", "d/../m"),
        ("m", "link-to-d/../m"),
        ("m", "link-to-m"),
        ("d/m", "link-to-d/m"),
    ] {
        let places = ["--out", out, "--curves", curves];
        let error = folder.refused(&[&SMALL_WORDS[..], &places].concat());
        let reason = format!("{curves} is what --out names, too");
        assert!(error.contains(&reason), "{error}");
        assert!(!folder.0.join(out).exists());
    }
}
