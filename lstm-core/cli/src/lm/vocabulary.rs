//! The words that a model knows, and their numbers.

use std::collections::HashMap;
use std::path::Path;

use lstm_core::io::write_atomic;

use super::error::LmError;
use super::text::{Lines, as_file};
use crate::failure::Failure;

/// The end of a sentence, which stands between sentences and is predicted like a word.
pub const END: &str = "<eos>";
/// Its number.
pub const END_ID: u32 = 0;
/// The number of the word that stands for all unknown ones.
pub const UNKNOWN_ID: u32 = 1;

/// Words in the order of their numbers: the end of sentence, the unknown word, and the others.
#[derive(Debug, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Vocabulary {
    /// A vocabulary of these words.
    ///
    /// # Errors
    /// What is wrong: no end of sentence at the beginning, no unknown word behind it, a word that occurs twice or is none.
    pub fn new(words: Vec<String>) -> Result<Self, String> {
        if words.len() < 2 || words[0] != END {
            return Err(format!(
                "a vocabulary begins with `{END}` and the unknown word"
            ));
        }
        let mut ids = HashMap::new();
        for word in &words {
            if word.split_whitespace().ne([word.as_str()]) {
                return Err(format!("`{word}` is not one word"));
            }
            let id = u32::try_from(ids.len()).map_err(|_| "there are too many words")?;
            if ids.insert(word.clone(), id).is_some() {
                return Err(format!("the word `{word}` occurs twice"));
            }
        }
        Ok(Self { words, ids })
    }

    /// Reads a list that [`write`](Self::write) wrote, with its counts.
    ///
    /// # Errors
    /// A file that cannot be read or is no such list.
    pub fn read(path: &Path) -> Result<(Self, Vec<u64>), Failure> {
        let mut lines = Lines::open(path)?;
        let (mut words, mut counts) = (Vec::new(), Vec::new());
        while let Some(line) = lines.next_line()? {
            let parts = line.split_once('\t');
            let parts =
                parts.and_then(|(count, word)| Some((count.parse().ok()?, word.to_owned())));
            let Some((count, word)) = parts else {
                return Err(lines.wrong("a line of a vocabulary is a count, a tab and a word"));
            };
            counts.push(count);
            words.push(word);
        }
        let vocabulary = Self::new(words).map_err(|reason| LmError::File {
            path: path.to_owned(),
            reason,
        })?;
        Ok((vocabulary, counts))
    }

    /// Whether a file is a list that `lstm lm vocab` wrote, with words in falling order of their counts behind the first two.
    pub fn is_list(path: &Path) -> bool {
        Self::read(&as_file(path)).is_ok_and(|(_, counts)| counts[2..].is_sorted_by(|a, b| a >= b))
    }

    /// Writes a line for each word: its count, a tab, the word.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, counts: &[u64], path: &Path) -> Result<(), Failure> {
        let lines = self.words.iter().zip(counts);
        let text: String = lines
            .map(|(word, count)| format!("{count}\t{word}\n"))
            .collect();
        Ok(write_atomic(path, text.as_bytes())?)
    }

    /// All words.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// The word of a number, which must be one.
    pub fn word(&self, id: u32) -> &str {
        &self.words[id as usize]
    }

    /// The number of a word, or that of the unknown word.
    pub fn id(&self, word: &str) -> u32 {
        self.ids.get(word).copied().unwrap_or(UNKNOWN_ID)
    }

    /// The numbers of a sentence's words, with the end of sentence, are put behind `ids`.
    ///
    /// # Errors
    /// An end of sentence within the sentence.
    pub fn encode(&self, line: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        for word in line.split_whitespace() {
            require_word(word)?;
            ids.push(self.id(word));
        }
        ids.push(END_ID);
        Ok(())
    }

    /// The numbers of a whole text.
    ///
    /// # Errors
    /// A file that cannot be read; a line that is not UTF-8 or holds the end of sentence.
    pub fn encode_file(&self, path: &Path) -> Result<Vec<u32>, Failure> {
        let mut lines = Lines::open(path)?;
        let mut ids = Vec::new();
        while let Some(line) = lines.next_line()? {
            if let Err(reason) = self.encode(line, &mut ids) {
                return Err(lines.wrong(reason));
            }
        }
        Ok(ids)
    }
}

/// Refuses the mark that no text may hold, since it stands for the end of a line.
pub fn require_word(word: &str) -> Result<(), String> {
    match word == END {
        true => Err(format!(
            "the word `{END}` marks the end of a sentence and is not to stand in one"
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn sentences_end_and_unknown_words_have_a_number() {
        let vocabulary = Vocabulary::new(words(&[END, "<unk>", "a", "ß"])).unwrap();
        let mut ids = Vec::new();
        vocabulary.encode(" a  ß\tz ", &mut ids).unwrap();
        vocabulary.encode("", &mut ids).unwrap();
        assert_eq!(ids, [2, 3, 1, 0, 0]);
        assert!(vocabulary.encode("a <eos> a", &mut ids).is_err());
    }

    #[test]
    fn lists_that_are_no_vocabulary_are_refused() {
        for wrong in [
            &[][..],
            &[END],
            &["<unk>", END],
            &[END, "<unk>", "a", "a"],
            &[END, "<unk>", "a b"],
            &[END, ""],
        ] {
            assert!(Vocabulary::new(words(wrong)).is_err(), "{wrong:?}");
        }
    }
}
