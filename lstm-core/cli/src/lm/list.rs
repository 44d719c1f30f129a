//! Files with a number and a word on each line: vocabularies, with counts, and classes.

use std::path::{Path, PathBuf};

use lstm_core::Classes;
use lstm_core::io::write_atomic;

use super::error::LmError;
use super::text::Lines;
use super::vocabulary::END;
use crate::failure::Failure;

/// What such a file holds.
pub struct List {
    path: PathBuf,
    /// The number of each word: how often it occurs, or its class.
    pub numbers: Vec<u64>,
    /// The words.
    pub words: Vec<String>,
}

impl List {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, or that has a line of another form.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let mut lines = Lines::open(path)?;
        let (mut numbers, mut words) = (Vec::new(), Vec::new());
        while let Some(line) = lines.next_line()? {
            let parts = line.split_once('\t');
            let parts =
                parts.and_then(|(number, word)| Some((number.parse().ok()?, word.to_owned())));
            let Some((number, word)) = parts else {
                let form = "a line of a vocabulary or of classes is a number, a tab and a word";
                return Err(lines.wrong(form));
            };
            numbers.push(number);
            words.push(word);
        }
        let path = path.to_owned();
        Ok(Self {
            path,
            numbers,
            words,
        })
    }

    /// Whether a file is a list of which something holds.
    pub fn is(path: &Path, what: impl FnOnce(&Self) -> bool) -> bool {
        Self::read(path).is_ok_and(|list| what(&list))
    }

    /// Writes a line for each word: its number, a tab, the word.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(
        path: &Path,
        numbers: impl IntoIterator<Item = u64>,
        words: &[String],
    ) -> Result<(), Failure> {
        let lines = numbers.into_iter().zip(words);
        let text: String = lines
            .map(|(number, word)| format!("{number}\t{word}\n"))
            .collect();
        Ok(write_atomic(path, text.as_bytes())?)
    }

    /// Whether the numbers may be counts that `lstm lm vocab` wrote: behind the end of sentence, which occurs, and the unknown
    /// word, which need not, words stand in falling order of their counts.
    pub fn are_counts(&self) -> bool {
        match &self.numbers[..] {
            [ends, _, known @ ..] => {
                *ends > 0 && known.is_sorted_by(|a, b| a >= b) && known.last() != Some(&0)
            }
            _ => false,
        }
    }

    /// Whether the numbers may be classes: none is without words, as one would be if they were counts.
    pub fn are_classes(&self) -> bool {
        self.words.first().is_some_and(|word| word == END) && Classes::new(self.classes()).is_ok()
    }

    /// The numbers as classes; those that are too large for it are larger than all words.
    pub fn classes(&self) -> Vec<u32> {
        let class = |&number: &u64| u32::try_from(number).unwrap_or(u32::MAX);
        self.numbers.iter().map(class).collect()
    }

    /// What is wrong with the whole file.
    pub fn wrong(&self, reason: impl Into<String>) -> Failure {
        LmError::File {
            path: self.path.clone(),
            reason: reason.into(),
        }
        .into()
    }

    /// What is wrong with the line of a word.
    pub fn wrong_line(&self, word: usize, reason: impl Into<String>) -> Failure {
        LmError::Line {
            path: self.path.clone(),
            line: word as u64 + 1,
            reason: reason.into(),
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_classes_are_told_apart() {
        for (numbers, are_counts, are_classes) in [
            (&[16, 72, 24, 3, 3][..], true, false),
            (&[9, 0, 24], true, false),
            (&[0, 0, 1, 1, 2], false, true),
            (&[2, 2, 0, 1, 1], false, true),
            (&[0, 0, 0], false, true),
            // Both: a text of one line, each word of which occurs once, or two classes.
            (&[1, 0, 1, 1], true, true),
            (&[1, 0, 1, 2, 1, 5], false, false),
            (&[1 << 40, 0], true, false),
            (&[1], false, false),
            (&[], false, false),
        ] {
            let words = numbers.iter().enumerate();
            let list = List {
                path: PathBuf::new(),
                numbers: numbers.to_vec(),
                words: words
                    .map(|(word, _)| {
                        if word == 0 {
                            END.to_owned()
                        } else {
                            word.to_string()
                        }
                    })
                    .collect(),
            };
            let found = (list.are_counts(), list.are_classes());
            assert_eq!(found, (are_counts, are_classes), "{numbers:?}");
        }
    }
}
