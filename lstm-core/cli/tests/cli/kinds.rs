//! Models of characters and models of words, where the other kind is needed.

use std::fs;

use lstm_core::init::Init;
use lstm_core::{Linear, Rng, io};

use super::{Folder, text, train};

/// A model of words, of the smallest, in a moment.
pub const SMALL_WORDS: [&str; 15] = [
    "lm",
    "train",
    "text.txt",
    "--hidden",
    "4",
    "--layers",
    "1",
    "--batch",
    "2",
    "--steps",
    "8",
    "--epochs",
    "1",
    "--threads",
    "1",
];

/// A folder with `characters` and `words`, a model of each kind.
pub fn models(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("text.txt", text());
    assert!(train(&folder, "characters").status.success());
    for arguments in [
        vec!["lm", "vocab", "text.txt"],
        [&SMALL_WORDS[..], &["--out", "words"]].concat(),
    ] {
        let output = folder.lstm(&arguments);
        assert!(output.status.success(), "{output:?}");
    }
    folder
}

#[test]
fn a_model_of_the_other_kind_is_refused_with_its_own_command() {
    let folder = models("kinds");
    let words = "words is a model of words, for `lstm lm generate`; a model of characters is needed here, as `lstm train` makes it";
    let characters = "characters is a model of characters, for `lstm generate`; a model of words is needed here, as `lstm lm train` makes it";
    for (arguments, sentence) in [
        (&["generate", "words"][..], words),
        (&["flow", "--model", "words"], words),
        (&["lm", "ppl", "characters", "text.txt"], characters),
        (&["lm", "generate", "characters"], characters),
        (&["lm", "rescore", "characters", "text.txt"], characters),
    ] {
        let error = folder.refused(arguments);
        assert_eq!(error.trim_end(), format!("lstm: {sentence}"));
    }
}

#[test]
fn a_model_of_neither_kind_is_refused_with_the_command_that_makes_one() {
    let folder = Folder::new("neither");
    let layer = Linear::<f32>::new(2, 3, Init::Constant(1.0), &mut Rng::new(1)).unwrap();
    let path = folder.0.join("layer");
    io::save(&path, &layer, io::Metadata::new()).unwrap();
    for (arguments, command) in [
        (&["generate", "layer"][..], "`lstm train`"),
        (&["lm", "generate", "layer"], "`lstm lm train`"),
    ] {
        let error = folder.refused(arguments);
        let found = "layer is a model of neither characters nor words";
        assert!(error.contains(found) && error.contains(command), "{error}");
    }
}

#[test]
fn a_checkpoint_is_refused_with_the_option_that_names_the_model() {
    let folder = models("checkpoint");
    let train = [&SMALL_WORDS[..], &["--checkpoints", "run"]].concat();
    assert!(folder.lstm(&train).status.success());
    let mut entries = fs::read_dir(folder.0.join("run")).unwrap();
    fs::rename(entries.next().unwrap().unwrap().path(), folder.0.join("ck")).unwrap();
    for (arguments, command) in [
        (&["generate", "ck"][..], "`lstm train`"),
        (&["lm", "generate", "ck"], "`lstm lm train`"),
    ] {
        let error = folder.refused(arguments);
        let found = "ck is a checkpoint of a training run, as `lstm lm train --checkpoints` makes";
        assert!(
            error.contains(found) && error.contains(&format!("{command} saves where --out says")),
            "{error}"
        );
    }
}
