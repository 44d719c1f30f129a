//! `lstm lm classes`: words that are used alike, or equally often, in classes.

use std::io::{Write, stdout};
use std::path::Path;

use lstm_core::Classes as Partition;
use serde_json::json;

use super::args::{Classes, Method};
use super::error::LmError;
use super::exchange::{Bigrams, Exchange};
use super::list::List;
use super::text::Lines;
use super::vocabulary::{END_ID, SPECIAL, UNKNOWN_ID, Vocabulary};
use crate::failure::Failure;
use crate::output::{Form, Output, require_replaceable};

/// Makes classes and writes them.
///
/// # Errors
/// A text or a list that cannot be used.
pub fn run(options: &Classes) -> Result<(), Failure> {
    let out = Output::new("--out", &options.out, Form::Classes);
    require_replaceable([out], [&options.text, &options.vocab])?;
    let (vocabulary, counts) = Vocabulary::read(&options.vocab)?;
    let root = (vocabulary.len() as f64).sqrt().round() as u64;
    let count = options.classes.unwrap_or(root.max(1)) as usize;
    let bins = by_frequency(&counts, count, &options.vocab)?;
    let bigrams = bigrams(&vocabulary, options)?;
    let class_of = bins.class_of().to_vec();
    let (class_of, moved, before, after) = match options.method {
        Method::Frequency => {
            let perplexity = bigrams.perplexity(&class_of);
            (class_of, Vec::new(), perplexity, perplexity)
        }
        Method::Exchange => {
            let mut exchange = Exchange::new(&bigrams, class_of, count)?;
            let before = exchange.perplexity();
            let mut moved = Vec::new();
            while moved.len() < options.rounds as usize && moved.last() != Some(&0) {
                moved.push(exchange.round());
            }
            let after = exchange.perplexity();
            (exchange.into_classes(), moved, before, after)
        }
    };
    let numbers = class_of.iter().map(|&class| u64::from(class));
    List::write(&options.out, numbers, vocabulary.words())?;
    let mut out = stdout().lock();
    match options.json {
        true => writeln!(
            out,
            "{}",
            json!({
                "words": class_of.len(), "classes": count, "moved": moved,
                "perplexity_by_frequency": before, "perplexity": after, "out": options.out.display().to_string(),
            })
        )?,
        false => {
            for (round, moved) in moved.iter().enumerate() {
                writeln!(out, "round {}: {moved} words moved", round + 1)?;
            }
            writeln!(
                out,
                "{} words in {count} classes; a class bigram model finds the text at perplexity {after:.2} (by frequency {before:.2}). Saved {}.",
                class_of.len(),
                options.out.display()
            )?;
        }
    }
    Ok(())
}

/// So many classes of the words in a list, in bins by their counts.
///
/// # Errors
/// More classes than words.
pub fn by_frequency(counts: &[u64], classes: usize, list: &Path) -> Result<Partition, Failure> {
    if classes > counts.len() {
        return Err(LmError::Options(format!(
            "--classes is {classes}, but must be at most {}, the number of words in {}",
            counts.len(),
            list.display()
        ))
        .into());
    }
    Ok(Partition::by_frequency(counts, classes)?)
}

/// Counts the neighbours in the text, which is read as a stream.
fn bigrams(vocabulary: &Vocabulary, options: &Classes) -> Result<Bigrams, Failure> {
    let Classes { text, vocab, .. } = options;
    let mut lines = Lines::open(text)?;
    let mut bigrams = Bigrams::new(vocabulary.len());
    let (mut ids, mut last) = (Vec::new(), END_ID);
    let (mut has_words, mut has_known) = (false, false);
    while let Some(line) = lines.next_line()? {
        ids.clear();
        if let Err(reason) = vocabulary.encode(line, &mut ids) {
            return Err(lines.wrong(reason));
        }
        has_words |= ids.len() > 1;
        has_known |= ids.iter().any(|&id| id != END_ID && id != UNKNOWN_ID);
        for &id in &ids {
            bigrams.add(last, id);
            last = id;
        }
    }
    // Where the vocabulary itself has no words but these two, a text of nothing else is no mistake.
    match has_words {
        false => Err(LmError::no_word([text.as_path()]).into()),
        true if has_known || vocabulary.len() <= SPECIAL => Ok(bigrams),
        true => Err(LmError::File {
            path: text.clone(),
            reason: format!(
                "all of its words are unknown to {}, so nothing is written; name the vocabulary of this text with --vocab",
                vocab.display()
            ),
        }
        .into()),
    }
}

/// Reads the classes of the words of a vocabulary.
///
/// # Errors
/// A file that cannot be read, is of other words, or leaves a class empty.
pub fn read(path: &Path, vocabulary: &Vocabulary) -> Result<Vec<u32>, Failure> {
    let list = List::read(path)?;
    if list.are_counts() && !list.are_classes() {
        return Err(list.wrong(
            "this is a vocabulary of `lstm lm vocab`, and the classes of `lstm lm classes` are needed, whose numbers are classes",
        ));
    }
    let known = vocabulary.words();
    let differs = |(word, expected): (&String, &String)| word != expected;
    if let Some(place) = list.words.iter().zip(known).position(differs) {
        let (word, expected) = (&list.words[place], &known[place]);
        let reason = format!("the word is `{word}`, but in the vocabulary `{expected}`");
        return Err(list.wrong_line(place, reason));
    }
    if list.words.len() != known.len() {
        return Err(list.wrong(format!(
            "there are classes of {} words, but {} words",
            list.words.len(),
            known.len()
        )));
    }
    let class_of = list.classes();
    Partition::new(class_of.clone())?;
    Ok(class_of)
}

/// Whether a file is a list of classes.
pub fn is_list(path: &Path) -> bool {
    List::is(path, List::are_classes)
}
