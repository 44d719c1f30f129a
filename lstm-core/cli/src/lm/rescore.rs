//! `lstm lm rescore`: n-best lists, sorted by scores to which a model's are added.

use std::collections::HashSet;
use std::io::{BufWriter, Write, stdout};

use serde_json::json;

use super::args::Rescore;
use super::model::WordModel;
use super::progress::Counter;
use super::reader::Reader;
use super::text::Lines;
use crate::failure::Failure;

/// Reads lists as a stream and writes each as soon as it is complete.
///
/// # Errors
/// A model or lines that cannot be used.
pub fn run(options: &Rescore) -> Result<(), Failure> {
    let mut model = WordModel::load(&options.model)?;
    model.set_threads(options.threads)?;
    let mut lines = Lines::open(&options.lists)?;
    let mut rescoring = Rescoring {
        options,
        model: &model,
        out: BufWriter::new(stdout().lock()),
        words: 0,
    };
    let counter = Counter::start();
    let (mut list, mut candidates) = (String::new(), Vec::new());
    let mut finished = HashSet::new();
    while let Some(line) = lines.next_line()? {
        let parsed = Candidate::parse(line, options, &model);
        let (name, candidate) = match parsed {
            Ok(parsed) => parsed,
            Err(reason) => return Err(lines.wrong(reason)),
        };
        if name != list && !candidates.is_empty() {
            rescoring.write(&list, &mut candidates)?;
            counter.show(rescoring.words);
            finished.insert(list);
        }
        // Its lines before are sorted and written already.
        if finished.contains(&name) {
            return Err(lines.wrong(format!(
                "the list `{name}` goes on after another one has begun; put all lines of a list together"
            )));
        }
        list = name;
        candidates.push(candidate);
    }
    if !candidates.is_empty() {
        rescoring.write(&list, &mut candidates)?;
    }
    counter.finish(rescoring.words);
    Ok(rescoring.out.flush()?)
}

/// A line of a list.
struct Candidate {
    score: f64,
    /// The score of another language model.
    given: f64,
    sentence: String,
    ids: Vec<u32>,
    /// This model's score.
    model: f64,
    total: f64,
}

impl Candidate {
    /// The name of the list, and the rest of the line.
    fn parse(line: &str, options: &Rescore, model: &WordModel) -> Result<(String, Self), String> {
        let number = |text: Option<&str>, what: &str| -> Result<f64, String> {
            let text = text.ok_or_else(|| format!("{what} is missing; a tab goes before it"))?;
            match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number),
                _ => Err(format!("{what} is `{text}`, which is no finite number")),
            }
        };
        let columns = if options.interpolate.is_some() { 4 } else { 3 };
        let mut parts = line.splitn(columns, '\t');
        let name = parts.next().unwrap_or_default().to_owned();
        let score = number(parts.next(), "the score")?;
        let given = match options.interpolate {
            Some(_) => number(parts.next(), "the given score of the language model")?,
            None => 0.0,
        };
        let sentence = parts
            .next()
            .ok_or("the sentence is missing; a tab goes before it")?;
        if sentence.contains('\t') {
            let reason = match columns {
                4 => {
                    "there is a tab in the sentence; a line has four columns with --interpolate, of which the sentence is the last"
                }
                _ => {
                    "there is a tab in the sentence; a line has three columns, or with --interpolate four, of which the sentence is the last"
                }
            };
            return Err(reason.to_owned());
        }
        let mut ids = Vec::new();
        model.vocabulary().encode(sentence, &mut ids)?;
        let candidate = Self {
            score,
            given,
            sentence: sentence.to_owned(),
            ids,
            model: 0.0,
            total: 0.0,
        };
        Ok((name, candidate))
    }
}

struct Rescoring<'a, W> {
    options: &'a Rescore,
    model: &'a WordModel,
    out: W,
    words: u64,
}

impl<W: Write> Rescoring<'_, W> {
    /// Scores, sorts and writes a list, which is empty then.
    fn write(&mut self, list: &str, candidates: &mut Vec<Candidate>) -> Result<(), Failure> {
        // All sentences of a list are read in one go, each from a fresh start.
        let ids: Vec<u32> = (candidates.iter())
            .flat_map(|candidate| candidate.ids.iter().copied())
            .collect();
        self.words += ids.len() as u64;
        let mut logs = Vec::with_capacity(ids.len());
        Reader::new(self.model, true)?.read(&ids, &mut logs)?;
        let mut rest = &logs[..];
        let share = self.options.interpolate.unwrap_or(1.0);
        for candidate in &mut *candidates {
            let (own, others) = rest.split_at(candidate.ids.len());
            rest = others;
            candidate.model = own.iter().sum();
            let language = share * candidate.model + (1.0 - share) * candidate.given;
            candidate.total = candidate.score + self.options.scale * language;
        }
        // The sort is stable: equal scores keep the order in which they came.
        candidates.sort_by(|a, b| b.total.total_cmp(&a.total));
        let kept = if self.options.best {
            1
        } else {
            candidates.len()
        };
        for candidate in candidates.iter().take(kept) {
            let Candidate {
                total,
                model,
                sentence,
                ..
            } = candidate;
            match self.options.json {
                true => writeln!(
                    self.out,
                    "{}",
                    json!({
                        "list": list, "total": total, "score": candidate.score,
                        "log_probability": model, "sentence": sentence,
                    })
                )?,
                false => writeln!(self.out, "{list}\t{total}\t{model}\t{sentence}")?,
            }
        }
        candidates.clear();
        // Whoever feeds list by list waits for each.
        Ok(self.out.flush()?)
    }
}
