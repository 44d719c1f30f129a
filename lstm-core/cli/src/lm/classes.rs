//! `lstm lm classes`: words that are used alike, or equally often, in classes.

use std::io::{Write, stdout};
use std::path::Path;

use lstm_core::Classes as Partition;
use lstm_core::io::write_atomic;
use serde_json::json;

use super::args::{Classes, Method};
use super::error::LmError;
use super::exchange::{Bigrams, Exchange};
use super::text::{Lines, as_file};
use super::vocabulary::{END, END_ID, Vocabulary};
use crate::failure::Failure;
use crate::output::{Form, Output, require_replaceable};

/// What a line has to be.
const FORM: &str = "a line of classes is a class, a tab and a word";

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
    let bins = Partition::by_frequency(&counts, count)?;
    let bigrams = bigrams(&vocabulary, &options.text)?;
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
        let Some((class, word)) = parse(line) else {
            return Err(lines.wrong(FORM));
        };
        let expected = vocabulary.words().get(class_of.len());
        if expected.map(String::as_str) != Some(word) {
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

/// Whether a file is a list of classes: it begins with the end of sentence and leaves no class empty, as the counts of a
/// vocabulary would do.
pub fn is_list(path: &Path) -> bool {
    numbers(path).is_ok_and(|class_of| Partition::new(class_of).is_ok())
}

/// The classes in a file, of whatever words.
fn numbers(path: &Path) -> Result<Vec<u32>, Failure> {
    let mut lines = Lines::open(&as_file(path))?;
    let mut class_of = Vec::new();
    while let Some(line) = lines.next_line()? {
        match parse(line) {
            Some((class, word)) if !class_of.is_empty() || word == END => class_of.push(class),
            _ => return Err(lines.wrong(FORM)),
        }
    }
    Ok(class_of)
}

/// The class and the word of a line.
fn parse(line: &str) -> Option<(u32, &str)> {
    let (class, word) = line.split_once('\t')?;
    Some((class.parse().ok()?, word))
}
