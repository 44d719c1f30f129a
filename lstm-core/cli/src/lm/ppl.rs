//! `lstm lm ppl`: how well a model predicts a text.

use std::io::{BufWriter, Write, stdout};

use serde_json::json;

use super::args::Ppl;
use super::error::LmError;
use super::model::WordModel;
use super::perplexity::{Account, shown};
use super::progress::Counter;
use super::reader::{CHUNK, Reader};
use super::text::Lines;
use super::vocabulary::{END, UNKNOWN_ID};
use crate::failure::Failure;
use crate::held::complain;
use crate::progress::grouped;

/// Reads the text as a stream and prints its perplexity.
///
/// # Errors
/// A model or a text that cannot be used.
pub fn run(options: &Ppl) -> Result<(), Failure> {
    let mut model = WordModel::load(&options.model)?;
    model.set_threads(options.threads)?;
    let mut lines = Lines::open(&options.text)?;
    let mut reading = Reading {
        reader: Reader::new(&model, options.reset)?,
        options,
        ids: Vec::new(),
        words: Vec::new(),
        logs: Vec::new(),
        account: Account::default(),
        out: BufWriter::new(stdout().lock()),
    };
    let counter = Counter::start();
    while let Some(line) = lines.next_line()? {
        if options.scores {
            let words = line.split_whitespace().chain([END]);
            reading.words.extend(words.map(str::to_owned));
        }
        if let Err(reason) = model.vocabulary().encode(line, &mut reading.ids) {
            return Err(lines.wrong(reason));
        }
        if reading.ids.len() >= CHUNK {
            reading.flush()?;
            counter.show(reading.account.all().count);
        }
    }
    reading.flush()?;
    let speed = counter.finish(reading.account.all().count);
    let Reading {
        account, mut out, ..
    } = reading;
    if account.all().count == 0 {
        return Err(LmError::no_sentence(&options.text).into());
    }
    match options.json {
        true => {
            let mut found = account.to_json();
            found["words_per_second"] = json!(speed);
            writeln!(out, "{found}")?;
        }
        // What reads the scores finds nothing else among them; on a terminal the table stands below them.
        false if options.scores => {
            out.flush()?;
            complain(summary(account, speed).trim_end());
        }
        false => out.write_all(summary(account, speed).as_bytes())?,
    }
    Ok(out.flush()?)
}

struct Reading<'a, W> {
    reader: Reader<'a>,
    options: &'a Ppl,
    ids: Vec<u32>,
    /// As they stand in the text, for --scores.
    words: Vec<String>,
    logs: Vec<f64>,
    account: Account,
    out: W,
}

impl<W: Write> Reading<'_, W> {
    /// Reads what has been gathered.
    fn flush(&mut self) -> Result<(), Failure> {
        self.logs.clear();
        self.reader.read(&self.ids, &mut self.logs)?;
        for (&id, &log) in self.ids.iter().zip(&self.logs) {
            self.account.add(id, log);
        }
        let scored = self.words.iter().zip(self.ids.iter().zip(&self.logs));
        for (word, (&id, log)) in scored {
            let is_unknown = id == UNKNOWN_ID;
            match self.options.json {
                true => writeln!(
                    self.out,
                    "{}",
                    json!({"word": word, "log_probability": log, "unknown": is_unknown})
                )?,
                false => {
                    let mark = if is_unknown { "\tunknown" } else { "" };
                    writeln!(self.out, "{word}\t{log}{mark}")?;
                }
            }
        }
        self.ids.clear();
        self.words.clear();
        Ok(())
    }
}

/// The table of perplexities.
fn summary(account: Account, speed: f64) -> String {
    let mut table = format!("{:<34} {:>12} {:>12}\n", "", "count", "perplexity");
    for (name, sum) in [
        ("words and ends of sentences", account.all()),
        ("words and ends without unknown", account.without_unknown()),
        ("words", account.words()),
        ("  known", account.known),
        ("  unknown", account.unknown),
        ("ends of sentences", account.ends),
    ] {
        table += &format!(
            "{name:<34} {:>12} {:>12}\n",
            grouped(sum.count),
            sum.perplexity().map_or("-".to_owned(), shown)
        );
    }
    table + &format!("{} words per second\n", grouped(speed as u64))
}
