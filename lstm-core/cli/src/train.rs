//! `lstm train`: from a text to a saved model.

use std::f64::consts::{LN_2, PI};
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use lstm_core::init::{CellInit, Init};
use lstm_core::lm::{CharModel, CharTrainer};
use lstm_core::optim::{Adam, Optimiser};
use lstm_core::params::Parameters;
use lstm_core::text::{Streams, Window};
use lstm_core::{Cell, Rng};

use crate::args::Train;
use crate::best::{Best, nothing_saved};
use crate::cells::{self, Task};
use crate::corpus::{Corpus, cell_source};
use crate::derive::derivation;
use crate::failure::Failure;
use crate::held::Held;
use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::output::{Form, Output, require_replaceable};
use crate::progress::{Progress, grouped};
use crate::validation::HeldOut;

/// Streams that one thread takes forward and back: enough to fill the kernels' tiles.
const STREAMS_PER_SHARD: usize = 16;
/// Measurements on the held-out text in a run.
const MEASUREMENTS: u32 = 15;

/// Trains and saves a model.
///
/// # Errors
/// A text or an option that cannot be used, a place where the model cannot be saved, numbers that diverge.
pub fn run(options: &Train) -> Result<(), Failure> {
    let out = Output::new("--out", &options.out, Form::Model(Kind::Characters));
    require_replaceable([out], &options.text)?;
    let corpus = Corpus::load(options.text.as_deref())?;
    cells::with(&options.cell, Run { options, corpus })
}

struct Run<'a> {
    options: &'a Train,
    corpus: Corpus,
}

impl Task for Run<'_> {
    fn run<C: Cell>(self, forget_bias: Option<&'static str>) -> Result<(), Failure> {
        let Self { options, corpus } = self;
        let (batch, steps) = (options.batch as usize, options.steps as usize);
        let mut streams = Streams::new(&corpus.train, batch, steps)
            .map_err(|error| error.of_text("the part of the text to train on", "characters"))?;
        let held_out = HeldOut::new(corpus.held_out.clone(), batch, steps)?;

        let sizes = cells::sizes(
            &C::SPEC,
            options.embedding as usize,
            options.hidden as usize,
        );
        let mut rng = Rng::new(options.seed);
        let mut model = CharModel::<C, f32>::new(corpus.vocabulary.clone(), &sizes, &mut rng)?;
        if let Some(bias) = forget_bias {
            let units = model.recurrent().output_len();
            let init = CellInit::all(Init::by_units(units)).with(bias, Init::Constant(1.0));
            model.recurrent_mut().initialise(&init, &mut rng)?;
        }
        let interrupt = Interrupt::listen()?;
        let mut out = Held::new(stdout());
        introduce::<C>(&mut out, &corpus, &model)?;

        let mut trainer =
            CharTrainer::new(&model, batch, steps, batch.div_ceil(STREAMS_PER_SHARD))?;
        trainer.set_dropout(options.dropout, &mut rng)?;
        let mut training = Training {
            options,
            held_out,
            trainer,
            best: Best::of_none(),
            model,
            characters: 0,
            measured: None,
            progress: Progress::start(out, options.budget()),
        };
        let ended = training.run(&mut streams, &interrupt);
        let mut out = training.progress.finish();
        let Some(best) = training.best.save(ended, &options.out)? else {
            return Err(nothing_saved(
                options,
                training.characters,
                interrupt.came(),
            ));
        };
        best.conclude(&mut out, options)?;
        match interrupt.came() {
            true => Err(Failure::Interrupted(format!(
                "what had been learned is saved in {}",
                options.out.display()
            ))),
            false => out.finish(),
        }
    }
}

/// A run with all that changes in its course.
struct Training<'a, C: Cell> {
    options: &'a Train,
    held_out: HeldOut,
    trainer: CharTrainer<f32>,
    best: Best<C>,
    model: CharModel<C, f32>,
    /// How many characters it has been trained on.
    characters: u64,
    /// How many those were at the last measurement, once there has been one.
    measured: Option<u64>,
    progress: Progress,
}

impl<C: Cell> Training<'_, C> {
    /// Trains until the time is over or Ctrl-C comes. The best model is kept also where that ends in an error.
    fn run(&mut self, streams: &mut Streams<'_>, interrupt: &Interrupt) -> Result<(), Failure> {
        let (options, budget) = (self.options, self.options.budget());
        let mut adam = Adam::new(options.rate)?;
        let mut window = Window::default();
        let mut next_measurement = self.measure_untrained(interrupt)?;
        while self.progress.elapsed() < budget && !interrupt.came() {
            if self.progress.elapsed() >= next_measurement {
                next_measurement = self.measure()?;
            }
            let part = self.progress.elapsed().as_secs_f64() / budget.as_secs_f64();
            adam.set_rate(options.rate * cosine(part))?;
            streams.next_window(&mut window);
            let (trainer, model) = (&mut self.trainer, &mut self.model);
            let step = trainer.step(model, &window, &mut adam, options.clip)?;
            self.characters += window.inputs.len() as u64;
            self.progress.advance(self.characters, step.loss / LN_2);
        }
        // What has been learned since the last measurement may be worth more than all before, and is waited for.
        if self.characters > self.measured.unwrap_or(0) {
            self.measure()?;
        }
        Ok(())
    }

    /// Measures the model before training, and finds how much of the held-out text there is time for. An interrupt ends it, since
    /// there is nothing to be saved yet.
    fn measure_untrained(&mut self, interrupt: &Interrupt) -> Result<Duration, Failure> {
        let (start, all) = (Instant::now(), self.held_out.characters());
        let budget = self.options.budget();
        match self.held_out.fit(&self.model, budget, interrupt)? {
            None => Ok(Duration::ZERO),
            Some(bits) => {
                let measured = self.held_out.characters();
                if measured < all {
                    self.progress.note(&format!(
                        "{} of the characters held out are measured, for which there is time.",
                        grouped(measured)
                    ));
                }
                Ok(self.see(bits, start.elapsed()))
            }
        }
    }

    fn measure(&mut self) -> Result<Duration, Failure> {
        let start = Instant::now();
        let bits = self.held_out.bits(&self.model)?;
        Ok(self.see(bits, start.elapsed()))
    }

    /// Prints the bits per character, keeps the model if it is the best so far, and says when to measure again after one that
    /// took `cost`.
    fn see(&mut self, bits: f64, cost: Duration) -> Duration {
        self.progress.measurement(self.characters, bits, cost);
        self.best.see(bits, self.characters, &self.model);
        self.measured = Some(self.characters);
        // However long measuring takes, at least nine tenths of the time are for training.
        self.progress.elapsed() + (self.options.budget() / MEASUREMENTS).max(9 * cost)
    }
}

/// From 1 at the start of the run to a tenth at its end, along half a period.
fn cosine(part: f64) -> f64 {
    0.1 + 0.45 * (1.0 + (PI * part.clamp(0.0, 1.0)).cos())
}

/// Shows the cell with its derivation, the text and the model.
fn introduce<C: Cell>(
    out: &mut impl Write,
    corpus: &Corpus,
    model: &CharModel<C, f32>,
) -> Result<(), Failure> {
    match cells::source_file(&C::SPEC).and_then(cell_source) {
        Some((path, source)) => writeln!(out, "{}", derivation(source, path)?.trim_end())?,
        None => writeln!(
            out,
            "{}\n\n{}",
            C::SPEC.doc.trim(),
            C::SPEC.equations.trim_end()
        )?,
    }
    writeln!(
        out,
        "\nText:  {}: {} characters to train on, {} held out, {} different ones.",
        corpus.origin,
        grouped(corpus.train.len() as u64),
        grouped(corpus.held_out.len() as u64),
        corpus.vocabulary.len()
    )?;
    writeln!(
        out,
        "Model: {} of {} units, {} parameters, {} kernels.\n",
        C::SPEC.name,
        model.recurrent().output_len(),
        grouped(model.params_len() as u64),
        format!("{:?}", model.recurrent().kernel().width()).to_lowercase()
    )?;
    Ok(())
}
