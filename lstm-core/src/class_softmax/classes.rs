//! A partition of words into classes.

use std::hash::Hasher;
use std::ops::Range;

use fnv::FnvHasher;

use crate::error::{Error, Result};

/// Which class each word belongs to, and the order of words in which every class is one contiguous block.
///
/// Within a class the words keep the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    class_of: Vec<u32>,
    /// Words in order of their classes.
    words: Vec<u32>,
    /// The place of each word in `words`.
    place_of: Vec<usize>,
    /// Where each class starts in `words`, and at the end the number of words.
    starts: Vec<usize>,
    /// What tells it from others, taken once: every gradient in factors asks for it.
    hash: u64,
}

impl Classes {
    /// The partition in which word w belongs to class `class_of[w]`.
    ///
    /// # Errors
    /// No words, more than 2^32 words, or a class without words below the largest class.
    pub fn new(class_of: Vec<u32>) -> Result<Self> {
        let largest = class_of.iter().max().copied();
        let (Some(largest), Ok(count)) = (largest, u32::try_from(class_of.len())) else {
            return Err(wrong_words(class_of.len()));
        };
        if largest >= count {
            return Err(wrong_class(largest));
        }
        let mut words: Vec<u32> = (0..count).collect();
        words.sort_by_key(|&word| class_of[word as usize]);
        let mut place_of = vec![0; class_of.len()];
        let mut starts = Vec::with_capacity(largest as usize + 2);
        for (place, &word) in words.iter().enumerate() {
            place_of[word as usize] = place;
            let class = class_of[word as usize];
            if starts.len() <= class as usize {
                starts.push(place);
            }
            if starts.len() <= class as usize {
                return Err(wrong_class(class));
            }
        }
        starts.push(words.len());
        let mut hasher = FnvHasher::default();
        for class in &class_of {
            hasher.write(&class.to_le_bytes());
        }
        Ok(Self {
            class_of,
            words,
            place_of,
            starts,
            hash: hasher.finish(),
        })
    }

    /// So many classes by how often words occur: the most frequent words make up small classes, the rarest large ones.
    ///
    /// In falling order of their counts, words are cut into classes with equal sums of the square roots of counts
    /// (Mikolov, Kombrink, Deoras, Burget & Černocký 2011, RNNLM toolkit). About as many classes as the square root of the
    /// number of words make a word cost least.
    ///
    /// # Errors
    /// No words or no classes, more classes than words, more than 2^32 words.
    pub fn by_frequency(counts: &[u64], classes: usize) -> Result<Self> {
        if classes == 0 || classes > counts.len() {
            return Err(Error::Option {
                option: "the number of classes",
                value: format!("{classes} for {} words", counts.len()),
                expected: "at least 1 and at most the number of words",
            });
        }
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|&word| std::cmp::Reverse(counts[word]));
        // Words that do not occur still take part, so that they spread over classes when nothing occurs.
        let mass = |word: usize| (counts[word].max(1) as f64).sqrt();
        let total: f64 = order.iter().map(|&word| mass(word)).sum();
        let mut class_of = vec![0; counts.len()];
        let (mut sum, mut class) = (0.0, 0);
        for (rank, &word) in order.iter().enumerate() {
            let wanted = (sum / total * classes as f64) as usize;
            // At most one class further than the word before, and never so far behind that a class would stay empty.
            let left = counts.len() - rank;
            let next = class + usize::from(rank > 0);
            class = wanted.clamp(class, next).max(classes.saturating_sub(left));
            // There are at most as many classes as words, whose number `new` checks.
            class_of[word] = class as u32;
            sum += mass(word);
        }
        Self::new(class_of)
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many words there are.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// The class of every word: what [`new`](Self::new) takes, to be kept with a model.
    pub fn class_of(&self) -> &[u32] {
        &self.class_of
    }

    /// A text that no other partition has, but for a chance of one in 2^64.
    pub(super) fn fingerprint(&self) -> String {
        let (classes, words) = (self.len(), self.words());
        format!("{classes} classes of {words} words, {:016x}", self.hash)
    }

    /// The places of a class in [`order`](Self::order).
    pub(super) fn block(&self, class: usize) -> Range<usize> {
        self.starts[class]..self.starts[class + 1]
    }

    /// The words in order of their classes.
    pub fn order(&self) -> &[u32] {
        &self.words
    }

    /// The place of a word in [`order`](Self::order).
    pub(super) fn place(&self, word: u32) -> usize {
        self.place_of[word as usize]
    }
}

fn wrong_words(count: usize) -> Error {
    Error::Option {
        option: "the number of words",
        value: count.to_string(),
        expected: "at least 1 and less than 2^32",
    }
}

fn wrong_class(class: u32) -> Error {
    Error::Option {
        option: "the largest class",
        value: class.to_string(),
        expected: "such that every class from 0 on has a word",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_block_of_places() {
        let classes = Classes::new(vec![1, 0, 2, 1, 0]).unwrap();
        assert_eq!((classes.len(), classes.words()), (3, 5));
        assert_eq!(classes.order(), [1, 4, 0, 3, 2]);
        assert_eq!(classes.block(1), 2..4);
        let places: Vec<_> = (0..5).map(|word| classes.place(word)).collect();
        assert_eq!(places, [2, 0, 4, 3, 1]);
    }

    #[test]
    fn partitions_with_gaps_are_errors() {
        for class_of in [
            vec![],
            vec![1],
            vec![0, 2],
            vec![0, u32::MAX],
            vec![0, 0, 3, 1],
        ] {
            assert!(Classes::new(class_of.clone()).is_err(), "{class_of:?}");
        }
    }

    #[test]
    fn frequent_words_make_small_classes() {
        // The roots are 10, 3, 3, 2, 2, 2, 1, 1; their sum is 24, so the cuts are at 8 and 16.
        let counts = [4, 100, 1, 9, 4, 0, 9, 4];
        let classes = Classes::by_frequency(&counts, 3).unwrap();
        assert_eq!(classes.class_of(), [2, 0, 2, 1, 2, 2, 1, 2]);
        // Whatever the counts, no class is empty.
        for counts in [
            vec![0; 5],
            vec![u64::MAX, 1, 1, 1, 1],
            vec![1, 1, 1, 1, 1 << 60],
        ] {
            for count in 1..=5 {
                let classes = Classes::by_frequency(&counts, count).unwrap();
                assert_eq!(classes.len(), count);
            }
        }
        for (words, classes) in [(3, 0), (3, 4), (0, 0), (0, 1)] {
            assert!(Classes::by_frequency(&vec![1; words], classes).is_err());
        }
    }
}
