//! `lstm lm train`: from a text and a list of words to a model.

use std::io::{Stdout, Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use lstm_core::params::Parameters;
use lstm_core::text::{Streams, Window};
use lstm_core::{Classes, Rng};
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
use crate::output::{Form, Output, is_same_place, require_replaceable};
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
        .map(|text| match vocabulary.encode_file(text)? {
            ids if ids.is_empty() => Err(LmError::no_sentence(text).into()),
            ids => Ok::<_, Failure>(ids),
        })
        .transpose()?;
    let (batch, steps) = (options.batch as usize, options.steps as usize);
    // A text too short for one window is refused here, before memory is taken.
    let streams = Streams::new(&ids, batch, steps)
        .map_err(|error| error.of_text("the text to train on", "words and ends of sentences"))?;

    let mut rng = Rng::new(options.seed);
    let config = Config {
        cell: options.cell.clone(),
        embedding: options.embedding.unwrap_or(options.hidden) as usize,
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
    let classes = Classes::by_frequency(counts, count as usize)?;
    Ok(Some(classes.class_of().to_vec()))
}

/// A text as ids, with an end of sentence before the first.
fn encode(vocabulary: &Vocabulary, text: &Path) -> Result<Vec<u32>, Failure> {
    let mut ids = vocabulary.encode_file(text)?;
    ids.insert(0, END_ID);
    Ok(ids)
}

struct Training<'a> {
    options: &'a Train,
    valid: Option<Vec<u32>>,
    run: Run,
    interrupt: Interrupt,
    out: Held<Stdout>,
    /// Whether a model was saved; one may also have been before the run was resumed.
    has_saved: bool,
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
                    return self.stop();
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
                return self.stop();
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
        let train_loss = require_finite(run.losses / windows as f64, "in training")?;
        let valid_loss = match &self.valid {
            Some(ids) => Some(require_finite(
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
    fn keep(&mut self) -> Result<(), Failure> {
        let file = &self.options.out;
        self.run.model.save(file)?;
        self.run.kept = Some(Kept {
            epoch: self.run.history.len(),
            file: file.display().to_string(),
        });
        self.has_saved = true;
        Ok(())
    }

    /// Says of numbers that diverged in which epoch they did, and which model was saved before.
    fn diverged(&self, failure: Failure) -> Failure {
        let Failure::Core(source @ lstm_core::Error::NotFinite { .. }) = failure else {
            return failure;
        };
        let epoch = self.run.history.len() + 1;
        let saved = match &self.run.kept {
            Some(Kept { epoch, file }) => format!("{file} holds the model of epoch {epoch}"),
            None => "no model was saved".to_owned(),
        };
        let left = format!("That was in epoch {epoch}; {saved}");
        Failure::Diverged { source, left }
    }

    /// Ctrl-C: a checkpoint or, where there is no folder for one, the best model, which is there already, or else the model as
    /// it is.
    fn stop(&self) -> Result<(), Failure> {
        let out = &self.options.out;
        let left = if let Some(folder) = &self.options.checkpoints {
            self.run.save()?;
            let folder = folder.display();
            format!("the same command goes on from the checkpoint in {folder}")
        } else if self.run.has_best() {
            let out = out.display();
            format!("{out} holds the model that was best on the text of --valid")
        } else {
            self.run.model.save(out)?;
            format!("{} holds the model as it was", out.display())
        };
        Err(Failure::Interrupted(left))
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
            // A perplexity beyond all numbers is null.
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

    /// Says where the model is, which a run that was resumed may have saved before.
    fn conclude(mut self, of_epoch: u64) -> Result<(), Failure> {
        let best = self.run.kept.as_ref().map(|kept| kept.epoch as u64);
        // Where the best epoch was the last one, its model is at hand.
        if !self.has_saved && best.is_some_and(|epoch| epoch * of_epoch == self.run.windows) {
            self.keep()?;
        }
        let path = &self.options.out;
        let out = path.display().to_string();
        let before = (self.run.kept.take()).filter(|_| !self.has_saved);
        let is_there =
            |file: &str| path.exists() && (file == out || is_same_place(path, file.as_ref()));
        match before {
            Some(Kept { epoch, file }) if !is_there(&file) => {
                let reason = format!(
                    "nothing was saved in it, as no epoch was better than epoch {epoch}, whose model this run saved in {file} before"
                );
                return Err(LmError::File {
                    path: path.clone(),
                    reason,
                }
                .into());
            }
            _ if self.options.json => writeln!(self.out, "{}", json!({"out": out}))?,
            Some(Kept { epoch, .. }) => writeln!(
                self.out,
                "No epoch was better than epoch {epoch}, whose model this run saved in {out} before."
            )?,
            None => writeln!(self.out, "Saved {out}.")?,
        }
        self.out.finish()
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

/// Refuses a mean loss where numbers have diverged.
fn require_finite(loss: f64, place: &str) -> Result<f64, Failure> {
    match loss.is_finite() {
        true => Ok(loss),
        false => {
            let what = format!("the loss {place}");
            Err(lstm_core::Error::NotFinite { what }.into())
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
