//! The words that a model knows, and their numbers.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::mem;
use std::path::Path;

use super::error::LmError;
use super::list::List;
use super::text::Lines;
use crate::failure::Failure;
use crate::progress::grouped;

/// The end of a sentence, which stands between sentences and is predicted like a word.
pub const END: &str = "<eos>";
/// Its number.
pub const END_ID: u32 = 0;
/// The number of the word that stands for all unknown ones.
pub const UNKNOWN_ID: u32 = 1;
/// So many words, these two, stand before those of the texts.
pub const SPECIAL: usize = 2;

/// The numbers of so many words, ends of sentences among them, take 4 GiB: more are refused, and a pipe without an end is not
/// read for ever.
const MOST_WORDS: usize = 1 << 30;

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
        if words.len() < SPECIAL || words[0] != END {
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
        let mut list = List::read(path).map_err(|failure| match failure {
            // Its name may be that of the default, which the user never gave.
            Failure::Read { path, source } if source.kind() == ErrorKind::NotFound => {
                LmError::NoVocabulary { path, source }.into()
            }
            other => other,
        })?;
        if list.are_classes() && !list.are_counts() {
            return Err(list.wrong(
                "these are classes of `lstm lm classes`, and the vocabulary of `lstm lm vocab` is needed, whose numbers are counts",
            ));
        }
        let words = mem::take(&mut list.words);
        let vocabulary = Self::new(words).map_err(|reason| list.wrong(reason))?;
        Ok((vocabulary, list.numbers))
    }

    /// Whether a file is a list that `lstm lm vocab` wrote.
    pub fn is_list(path: &Path) -> bool {
        List::is(path, |list| {
            list.are_counts() && Self::new(list.words.clone()).is_ok()
        })
    }

    /// Writes each word with its count.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, counts: &[u64], path: &Path) -> Result<(), Failure> {
        List::write(path, counts.iter().copied(), &self.words)
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
    /// A file that cannot be read or is too long to be held; a line that is not UTF-8 or holds the end of sentence.
    pub fn encode_file(&self, path: &Path) -> Result<Vec<u32>, Failure> {
        let mut lines = Lines::open(path)?;
        let mut ids = Vec::new();
        while let Some(line) = lines.next_line()? {
            if let Err(reason) = self.encode(line, &mut ids) {
                return Err(lines.wrong(reason));
            }
            if ids.len() > MOST_WORDS {
                let most = grouped(MOST_WORDS as u64);
                return Err(lines.wrong(format!("with it the text has more than {most} words, which is too much to be held at once")));
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
