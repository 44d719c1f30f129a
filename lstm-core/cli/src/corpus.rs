//! The text to train on: a file, or what this program is made of.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use lstm_core::text::{Vocabulary, split};

use crate::failure::Failure;
use crate::kind::require_end;

include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// At most this many characters are held out: enough for a figure with three digits, few enough to be read quickly.
const HELD_OUT: f64 = 50_000.0;

/// A text is held in memory, with a number of four bytes for each character: more than so many bytes are refused, so that a
/// pipe without an end is not read for ever.
const LARGEST: u64 = 1 << 30;

/// A text as ids, in a part to train on and a part to measure on.
pub struct Corpus {
    /// Where it comes from, for the reader.
    pub origin: String,
    /// Its characters.
    pub vocabulary: Vocabulary,
    /// The part to train on.
    pub train: Vec<u32>,
    /// The part to measure on.
    pub held_out: Vec<u32>,
}

impl Corpus {
    /// Reads the text of a file, or takes the text in this program.
    ///
    /// # Errors
    /// A file that cannot be read, is empty or is not UTF-8.
    pub fn load(file: Option<&Path>) -> Result<Self, Failure> {
        match file {
            // The end of a text is held out, as is customary.
            Some(path) => {
                let origin = match is_stdin(path) {
                    true => "the standard input".to_owned(),
                    false => path.display().to_string(),
                };
                Self::of(origin, &read_text(path)?, 1)
            }
            None => {
                let text: String = SOURCES.iter().map(|(_, text)| *text).collect();
                let origin = format!(
                    "the {} sources and documents of this program",
                    SOURCES.len()
                );
                // Files differ more than parts of one file: a little is held out in many places.
                Self::of(origin, &text, 16)
            }
        }
    }

    fn of(origin: String, text: &str, stretches: usize) -> Result<Self, Failure> {
        let vocabulary = Vocabulary::of(text)?;
        let ids = vocabulary.encode(text)?;
        let fraction = (HELD_OUT / ids.len() as f64).min(0.1);
        let (train, held_out) = split(&ids, fraction, stretches);
        Ok(Self {
            origin,
            vocabulary,
            train,
            held_out,
        })
    }
}

/// The definition of a shipped cell, if this program was built where it could see it.
pub fn cell_source(file: &str) -> Option<(&'static str, &'static str)> {
    let path = format!("lstm-kernels/cells/{file}");
    SOURCES.iter().find(|(name, _)| *name == path).copied()
}

/// Whether a path, where a text is to be read, stands for the standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The text of a file, without the byte-order mark that some editors put before it; `-` is the standard input.
///
/// # Errors
/// A file that cannot be read, is empty or too large, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    // One byte more than is allowed is enough to know.
    let mut read_from = |text: &mut dyn Read| text.take(LARGEST + 1).read_to_end(&mut bytes);
    let read = match is_stdin(path) {
        true => read_from(&mut stdin().lock()),
        false => {
            require_end(path)?;
            File::open(path).and_then(|mut file| read_from(&mut file))
        }
    };
    let path = || path.to_owned();
    let len = read.map_err(|source| Failure::Read {
        path: path(),
        source,
    })?;
    if len as u64 > LARGEST {
        return Err(Failure::TooLarge {
            path: path(),
            most: LARGEST,
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| Failure::NotText {
        path: path(),
        offset: error.utf8_error().valid_up_to(),
    })?;
    match without_mark(&text) {
        "" => Err(Failure::Empty { path: path() }),
        rest if rest.len() < text.len() => Ok(rest.to_owned()),
        _ => Ok(text),
    }
}

/// A text without the byte-order mark before it, which is a mark of the file and no character of the text.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_text() {
        assert_eq!(without_mark("\u{feff}a\u{feff}"), "a\u{feff}");
        assert_eq!(without_mark("a"), "a");
    }

    #[test]
    fn the_own_text_is_split_without_loss() {
        let corpus = Corpus::load(None).unwrap();
        let len: usize = SOURCES.iter().map(|(_, text)| text.chars().count()).sum();
        assert_eq!(corpus.train.len() + corpus.held_out.len(), len);
        assert!(corpus.held_out.len() <= 50_016 && corpus.held_out.len() * 11 > len.min(500_000));
    }
}
