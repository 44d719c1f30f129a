//! `lstm lm classes`: words that are used alike, or equally often, in classes.

use std::io::{Write, stdout};
use std::path::Path;

use lstm_core::Classes as Partition;
use lstm_core::io::write_atomic;
use serde_json::json;

use super::args::{Classes, Method};
use super::error::LmError;
use super::exchange::{Bigrams, Exchange};
use super::text::Lines;
use super::vocabulary::{END_ID, Vocabulary};
use crate::failure::Failure;

/// Makes classes and writes them.
///
/// # Errors
/// A text or a list that cannot be used.
pub fn run(options: &Classes) -> Result<(), Failure> {
    let (vocabulary, counts) = Vocabulary::read(&options.vocab)?;
    let root = (vocabulary.len() as f64).sqrt().round() as u64;
    let count = options.classes.unwrap_or(root.max(1)) as usize;
    let bins = Partition::by_frequency(&counts, count)?;
    let bigrams = bigrams(&vocabulary, &options.text)?;
    let mut exchange = Exchange::new(&bigrams, bins.class_of().to_vec(), count);
    let before = exchange.perplexity();
    let mut moved = Vec::new();
    if options.method == Method::Exchange {
        for _ in 0..options.rounds {
            moved.push(exchange.round());
            if moved.last() == Some(&0) {
                break;
            }
        }
    }
    let after = exchange.perplexity();
    let class_of = exchange.into_classes();
    write(&vocabulary, &class_of, &options.out)?;
    let mut out = stdout().lock();
    match options.json {
        true => writeln!(
            out,
            "{}",
            json!({
                "words": class_of.len(), "classes": count, "moved": moved,
                "perplexity_by_frequency": before, "perplexity": after, "out": options.out,
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

/// Counts the neighbours in a text, which is read as a stream.
fn bigrams(vocabulary: &Vocabulary, text: &Path) -> Result<Bigrams, Failure> {
    let mut lines = Lines::open(text)?;
    let mut bigrams = Bigrams::new(vocabulary.len());
    let (mut ids, mut last) = (Vec::new(), END_ID);
    while let Some(line) = lines.next_line()? {
        ids.clear();
        if let Err(reason) = vocabulary.encode(line, &mut ids) {
            return Err(lines.wrong(reason));
        }
        for &id in &ids {
            bigrams.add(last, id);
            last = id;
        }
    }
    Ok(bigrams)
}

/// Writes a line for each word: its class, a tab, the word.
fn write(vocabulary: &Vocabulary, class_of: &[u32], path: &Path) -> Result<(), Failure> {
    let lines = vocabulary.words().iter().zip(class_of);
    let text: String = lines
        .map(|(word, class)| format!("{class}\t{word}\n"))
        .collect();
    Ok(write_atomic(path, text.as_bytes())?)
}

/// Reads the classes of the words of a vocabulary.
///
/// # Errors
/// A file that cannot be read, is of other words, or leaves a class empty.
pub fn read(path: &Path, vocabulary: &Vocabulary) -> Result<Vec<u32>, Failure> {
    let mut lines = Lines::open(path)?;
    let mut class_of: Vec<u32> = Vec::new();
    while let Some(line) = lines.next_line()? {
        let parts = line.split_once('\t');
        let parts = parts.and_then(|(class, word)| Some((class.parse().ok()?, word.to_owned())));
        let Some((class, word)) = parts else {
            return Err(lines.wrong("a line of classes is a class, a tab and a word"));
        };
        let expected = vocabulary.words().get(class_of.len());
        if expected != Some(&word) {
            let reason = match expected {
                Some(expected) => {
                    format!("the word is `{word}`, but in the vocabulary `{expected}`")
                }
                None => "the vocabulary has fewer words".to_owned(),
            };
            return Err(lines.wrong(reason));
        }
        class_of.push(class);
    }
    if class_of.len() != vocabulary.len() {
        return Err(LmError::File {
            path: path.to_owned(),
            reason: format!(
                "there are classes of {} words, but {} words",
                class_of.len(),
                vocabulary.len()
            ),
        }
        .into());
    }
    Partition::new(class_of.clone())?;
    Ok(class_of)
}
