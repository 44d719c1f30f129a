//! `lstm lm vocab`: from texts to a list of words.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{Write, stdout};
use std::path::PathBuf;

use serde_json::json;

use super::args::Vocab;
use super::error::LmError;
use super::text::Lines;
use super::vocabulary::{END, SPECIAL, Vocabulary, require_word};
use crate::failure::Failure;
use crate::output::{Form, Output, require_replaceable};
use crate::progress::grouped;

/// Counts words and writes the list of those that are kept.
///
/// # Errors
/// A text that cannot be used, a list that cannot be written.
pub fn run(options: &Vocab) -> Result<(), Failure> {
    let out = Output::new("--out", &options.out, Form::Vocabulary);
    require_replaceable([out], &options.texts)?;
    let Counts { words, sentences } = Counts::of(options)?;
    if words.is_empty() {
        let texts = options.texts.iter().map(PathBuf::as_path);
        return Err(LmError::no_word(texts).into());
    }
    let total: u64 = words.values().sum();
    let different = words.len();
    let written = words.get(&options.unknown).copied().unwrap_or(0);
    let mut known: Vec<(String, u64)> = (words.into_iter())
        .filter(|(word, _)| *word != options.unknown)
        .collect();
    // Words that occur equally often stand in the order of their letters, so that equal texts give equal lists.
    known.sort_unstable_by(|(a, count_a), (b, count_b)| {
        (Reverse(count_a), a).cmp(&(Reverse(count_b), b))
    });
    let frequent = known.partition_point(|&(_, count)| count >= options.min_count);
    // The limit is at least 2, and the first two places are taken.
    let room = options
        .limit
        .map_or(usize::MAX, |limit| limit as usize - SPECIAL);
    let dropped = known.split_off(frequent.min(room));
    let without_place = dropped.iter().map(|(_, count)| count).sum::<u64>();
    let unknown = written + without_place;

    let special = [
        (END.to_owned(), sentences),
        (options.unknown.clone(), unknown),
    ];
    let (words, counts): (Vec<_>, Vec<_>) = special.into_iter().chain(known).unzip();
    let vocabulary = Vocabulary::new(words).map_err(LmError::Options)?;
    vocabulary.write(&counts, &options.out)?;

    let share = unknown as f64 / total as f64;
    let mut out = stdout().lock();
    match options.json {
        true => writeln!(
            out,
            "{}",
            json!({
                "sentences": sentences, "words": total, "different": different,
                "kept": vocabulary.len(), "unknown": unknown, "unknown_share": share,
                "out": options.out.display().to_string(),
            })
        )?,
        false => writeln!(
            out,
            "{} words in {} sentences, {} different. The list has {}, {END} and {special} included. \
             {} words ({:.2} %) are unknown: {} are {special} in the text, {} have no place in the list. Saved {}.",
            grouped(total),
            grouped(sentences),
            grouped(different as u64),
            grouped(vocabulary.len() as u64),
            grouped(unknown),
            100.0 * share,
            grouped(written),
            grouped(without_place),
            options.out.display(),
            special = options.unknown,
        )?,
    }
    Ok(())
}

struct Counts {
    words: HashMap<String, u64>,
    sentences: u64,
}

impl Counts {
    fn of(options: &Vocab) -> Result<Self, Failure> {
        let (mut words, mut sentences) = (HashMap::<String, u64>::new(), 0);
        for text in &options.texts {
            let mut lines = Lines::open(text)?;
            while let Some(line) = lines.next_line()? {
                sentences += 1;
                for word in line.split_whitespace() {
                    // Most words are there, and then no copy is made.
                    if let Some(count) = words.get_mut(word) {
                        *count += 1;
                    } else if let Err(reason) = require_word(word) {
                        return Err(lines.wrong(reason));
                    } else {
                        words.insert(word.to_owned(), 1);
                    }
                }
            }
        }
        Ok(Self { words, sentences })
    }
}
