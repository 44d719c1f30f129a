//! `lstm lm train`: from a text and a list of words to a model.

use std::io::{Stdout, Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use lstm_core::Rng;
use lstm_core::params::Parameters;
use lstm_core::text::{Streams, Window};
use serde_json::json;

use super::args::Train;
use super::error::LmError;
use super::model::{Config, WordModel};
use super::perplexity::{Account, shown};
use super::progress::Bar;
use super::reader::Reader;
use super::run::{Epoch, Kept, Run};
use super::trainer::Trainer;
use super::vocabulary::{END_ID, Vocabulary};
use super::{classes, curves};
use crate::failure::Failure;
use crate::held::Held;
use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::output::{Form, Output, holds_something, require_replaceable};
use crate::progress::grouped;

/// Trains and saves a model.
///
/// # Errors
/// Texts, lists and options that cannot be used; numbers that diverge.
pub fn run(options: &Train) -> Result<(), Failure> {
    require_outputs(options)?;
    let (vocabulary, counts) = Vocabulary::read(&options.vocab)?;
    let class_of = class_of(options, &vocabulary, &counts)?;
    let ids = encode(&vocabulary, &options.text)?;
    let valid = (options.valid.as_ref())
        .map(|text| sentences(&vocabulary, text))
        .transpose()?;
    let (batch, steps) = (options.batch as usize, options.steps as usize);
    // A text too short for one window is refused here, before memory is taken.
    let streams = Streams::new(&ids, batch, steps)
        .map_err(|error| error.of_text("the text to train on", "words and ends of sentences"))?;

    let mut rng = Rng::new(options.seed);
    let config = Config {
        cell: options.cell.clone(),
        embedding: options.embedding_len() as usize,
        hidden: options.hidden as usize,
        layers: options.layers as usize,
        dropout: options.dropout,
        tied: options.tied,
        class_of,
    };
    let mut model = WordModel::new(config, vocabulary, &mut rng)?;
    model.set_threads(options.threads)?;
    let trainer = Trainer::new(&model, steps, batch, rng)?;
    let run = Run::new(options, model, trainer, &ids, valid.as_deref())?;
    let training = Training {
        options,
        valid,
        run,
        interrupt: Interrupt::listen()?,
        out: Held::new(stdout()),
        replaces: holds_something(&options.out),
        has_saved: false,
    };
    training.run(streams)
}

fn require_outputs(options: &Train) -> Result<(), Failure> {
    let out = Output::new("--out", &options.out, Form::Model(Kind::Words));
    let curves = Output::of("--curves", options.curves.as_deref(), Form::Svg);
    let given = [&options.valid, &options.class_file];
    let inputs = [&options.text, &options.vocab].into_iter();
    let inputs = inputs.chain(given.into_iter().flatten());
    let folder = Output::of(
        "--checkpoints",
        options.checkpoints.as_deref(),
        Form::Checkpoints,
    );
    let outputs = folder.into_iter().chain([out]).chain(curves);
    require_replaceable(outputs, inputs)
}

fn class_of(
    options: &Train,
    vocabulary: &Vocabulary,
    counts: &[u64],
) -> Result<Option<Vec<u32>>, Failure> {
    if let Some(file) = &options.class_file {
        return classes::read(file, vocabulary).map(Some);
    }
    let Some(count) = options.classes else {
        return Ok(None);
    };
    let classes = classes::by_frequency(counts, count as usize, &options.vocab)?;
    Ok(Some(classes.class_of().to_vec()))
}

/// A text as ids, with an end of sentence before the first.
fn encode(vocabulary: &Vocabulary, text: &Path) -> Result<Vec<u32>, Failure> {
    let mut ids = sentences(vocabulary, text)?;
    ids.insert(0, END_ID);
    Ok(ids)
}

/// The numbers of the words of a text that has a sentence at least.
fn sentences(vocabulary: &Vocabulary, text: &Path) -> Result<Vec<u32>, Failure> {
    match vocabulary.encode_file(text)? {
        ids if ids.is_empty() => Err(LmError::no_sentence(text).into()),
        ids => Ok(ids),
    }
}

/// A run with what goes on around it.
pub struct Training<'a> {
    /// The options.
    pub options: &'a Train,
    valid: Option<Vec<u32>>,
    /// What changes in its course.
    pub run: Run,
    interrupt: Interrupt,
    /// Where the table goes.
    pub out: Held<Stdout>,
    /// Whether there was an older model in the place of the new one.
    pub replaces: bool,
    /// Whether a model was saved; one may also have been before the run was resumed.
    pub has_saved: bool,
}

impl Training<'_> {
    fn run(mut self, mut streams: Streams<'_>) -> Result<(), Failure> {
        let options = self.options;
        let of_epoch = streams.windows() as u64;
        let of_window = options.batch.saturating_mul(options.steps);
        let words = |windows: u64| windows.saturating_mul(of_window);
        let bar = Bar::start(
            words(self.run.windows),
            words(of_epoch.saturating_mul(options.epochs)),
        );
        self.introduce(words(of_epoch))?;
        let mut window = Window::default();
        for _ in 0..self.run.windows % of_epoch {
            streams.next_window(&mut window);
        }
        while self.run.windows < of_epoch * options.epochs && !self.run.plateau.is_over() {
            let start = (Instant::now(), self.run.windows);
            loop {
                streams.next_window(&mut window);
                let stepped = self.step(&window);
                stepped.map_err(|failure| self.diverged(failure))?;
                let run = &self.run;
                let done = run.windows % of_epoch;
                if done == 0 {
                    break;
                }
                bar.show(
                    words(run.windows),
                    run.history.len() + 1,
                    (run.losses / done as f64).exp(),
                );
                if self.interrupt.came() {
                    bar.finish();
                    return self.stop(of_epoch);
                }
                if run.windows.is_multiple_of(options.checkpoint_every) {
                    run.save()?;
                }
            }
            let time = start.0.elapsed();
            let ended = self.end_epoch(of_epoch);
            let epoch = ended.map_err(|failure| self.diverged(failure))?;
            let speed = words(self.run.windows - start.1) as f64 / time.as_secs_f64().max(1e-9);
            bar.above(|| self.report(&epoch, speed, time))?;
            // An epoch of one window comes by here only, and measuring may have taken long.
            if self.interrupt.came() {
                bar.finish();
                return self.stop(of_epoch);
            }
        }
        bar.finish();
        self.conclude(of_epoch)
    }

    fn step(&mut self, window: &Window) -> Result<(), Failure> {
        let Run {
            model,
            trainer,
            optimiser,
            windows,
            losses,
            ..
        } = &mut self.run;
        let loss = trainer.step(model, window, &mut **optimiser, self.options.clip)?;
        *losses += loss;
        *windows += 1;
        Ok(())
    }

    /// Measures, sets the rate, keeps the model if it is the best so far, and writes a checkpoint.
    fn end_epoch(&mut self, windows: u64) -> Result<Epoch, Failure> {
        let run = &mut self.run;
        let train_loss = require_perplexity(run.losses / windows as f64, "in training")?;
        let valid_loss = match &self.valid {
            Some(ids) => Some(require_perplexity(
                loss(&run.model, ids)?,
                "on the text of --valid",
            )?),
            None => None,
        };
        let epoch = Epoch {
            epoch: run.history.len() as u64 + 1,
            rate: run.optimiser.rate(),
            train_loss,
            valid_loss,
        };
        run.losses = 0.0;
        run.history.push(epoch.clone());
        let is_best = match valid_loss {
            Some(loss) => run.plateau.observe(loss, &mut *run.optimiser)?,
            None => true,
        };
        if is_best {
            self.keep()?;
        }
        self.run.save()?;
        if let Some(path) = &self.options.curves {
            curves::draw(&self.run.history, path)?;
        }
        Ok(epoch)
    }

    /// Saves the model, which is that of the last epoch and the best.
    pub fn keep(&mut self) -> Result<(), Failure> {
        let file = &self.options.out;
        self.run.model.save(file)?;
        self.run.kept = Some(Kept {
            epoch: self.run.history.len(),
            file: file.display().to_string(),
        });
        self.has_saved = true;
        Ok(())
    }

    fn introduce(&mut self, words: u64) -> Result<(), Failure> {
        let out = &mut self.out;
        let model = &self.run.model;
        if self.options.json {
            let resumed = self.run.windows;
            let (known, parameters) = (model.vocabulary().len(), model.params_len());
            let line = json!({"vocabulary": known, "parameters": parameters, "words_per_epoch": words, "resumed_at_window": resumed});
            return Ok(writeln!(out, "{line}")?);
        }
        writeln!(
            out,
            "{} words an epoch, {} known, {} parameters.",
            grouped(words),
            grouped(model.vocabulary().len() as u64),
            grouped(model.params_len() as u64)
        )?;
        if self.run.windows > 0 {
            let windows = grouped(self.run.windows);
            writeln!(out, "Going on after {windows} windows.")?;
        }
        Ok(writeln!(
            out,
            "epoch        rate   training   held out   words/s    seconds"
        )?)
    }

    fn report(&mut self, epoch: &Epoch, speed: f64, time: Duration) -> Result<(), Failure> {
        let out = &mut self.out;
        let seconds = time.as_secs_f64();
        if self.options.json {
            let line = json!({
                "epoch": epoch.epoch, "rate": epoch.rate,
                "train_perplexity": epoch.train_perplexity(), "valid_perplexity": epoch.valid_perplexity(),
                "words_per_second": speed, "seconds": seconds,
            });
            return Ok(writeln!(out, "{line}")?);
        }
        let training = shown(epoch.train_perplexity());
        let valid = epoch.valid_perplexity().map_or("-".to_owned(), shown);
        Ok(writeln!(
            out,
            "{:>5} {:>11} {training:>10} {valid:>10} {:>9} {seconds:>10.1}",
            epoch.epoch,
            shown_rate(epoch.rate),
            grouped(speed as u64)
        )?)
    }
}

/// A rate with at least three significant digits, also after many divisions.
fn shown_rate(rate: f64) -> String {
    match (0.001..100_000.0).contains(&rate) {
        true => format!("{rate:.5}"),
        false => format!("{rate:.2e}"),
    }
}

/// The mean loss on a text that is read as one stream.
fn loss(model: &WordModel, ids: &[u32]) -> Result<f64, Failure> {
    let mut logs = Vec::with_capacity(ids.len());
    Reader::new(model, false)?.read(ids, &mut logs)?;
    let mut account = Account::default();
    ids.iter()
        .zip(logs)
        .for_each(|(&id, log)| account.add(id, log));
    Ok(account.all().loss().unwrap_or(0.0))
}

/// Refuses a mean loss where numbers have diverged: also where e to it, the perplexity, is beyond all numbers.
fn require_perplexity(loss: f64, place: &str) -> Result<f64, Failure> {
    match loss.is_finite() && loss.exp().is_finite() {
        true => Ok(loss),
        false => {
            let what = format!("the perplexity {place}");
            Err(lstm_core::Error::not_finite(what).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_do_not_vanish_from_the_table() {
        let shown = [20.0, 0.01, 0.01 / 4_f64.powi(8), 1e12].map(shown_rate);
        assert_eq!(shown, ["20.00000", "0.01000", "1.53e-7", "1.00e12"]);
    }
}
