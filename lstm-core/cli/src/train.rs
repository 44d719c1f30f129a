//! `lstm train`: from a text to a saved model.

use std::env;
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
use crate::cells::{self, Task};
use crate::corpus::{Corpus, cell_source};
use crate::derive::derivation;
use crate::failure::Failure;
use crate::generate::write_sample;
use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::output::{Form, Output, require_replaceable};
use crate::progress::{Progress, grouped};

/// Longer gradients are scaled down to this norm. Where training goes well it is rarely reached.
const MAX_NORM: f64 = 5.0;
/// Streams that one thread takes forward and back: enough to fill the kernels' tiles.
const STREAMS_PER_SHARD: usize = 16;
/// Measurements on the held-out text in a run.
const MEASUREMENTS: u32 = 15;
/// Characters and temperature of the sample at the end.
const SAMPLE: (usize, f64) = (400, 0.7);

/// Trains and saves a model.
///
/// # Errors
/// A text or an option that cannot be used, a place where the model cannot be saved, numbers that diverge.
pub fn run(options: &Train) -> Result<(), Failure> {
    let out = Output::new("--out", &options.out, Form::Model(Kind::Characters));
    let corpus = Corpus::load(options.text.as_deref())?;
    require_replaceable([out], &options.text)?;
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
        let held_out = HeldOut::new(&corpus.held_out, batch, steps)?;

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
        introduce::<C>(&corpus, &model)?;

        let mut trainer =
            CharTrainer::new(&model, batch, steps, batch.div_ceil(STREAMS_PER_SHARD))?;
        trainer.set_dropout(options.dropout, &mut rng)?;
        let mut adam = Adam::new(options.rate)?;
        let mut window = Window::default();
        let budget = options.budget();
        let mut progress = Progress::start(budget)?;
        let mut characters = 0;
        let mut best = Best(None);
        let mut next_measurement = Duration::ZERO;
        while progress.elapsed() < budget && !interrupt.came() {
            if progress.elapsed() >= next_measurement {
                let (bits, cost) = held_out.measure(&model, characters, &mut progress)?;
                best.see(bits, &model);
                // However long measuring takes, at least nine tenths of the time are for training.
                next_measurement = progress.elapsed() + (budget / MEASUREMENTS).max(9 * cost);
            }
            adam.set_rate(
                options.rate * cosine(progress.elapsed().as_secs_f64() / budget.as_secs_f64()),
            )?;
            streams.next_window(&mut window);
            let step = trainer.step(&mut model, &window, &mut adam, MAX_NORM)?;
            characters += window.inputs.len() as u64;
            progress.advance(characters, step.loss / LN_2);
        }
        let (bits, _) = held_out.measure(&model, characters, &mut progress)?;
        best.see(bits, &model);
        progress.finish();

        let (bits, model) = best.0.unwrap_or((bits, model));
        model.save(&options.out)?;
        conclude(&model, bits, options)?;
        match interrupt.came() {
            true => Err(Failure::Interrupted(format!(
                "what had been learned is saved in {}",
                options.out.display()
            ))),
            false => Ok(()),
        }
    }
}

/// From 1 at the start of the run to a tenth at its end, along half a period.
fn cosine(part: f64) -> f64 {
    0.1 + 0.45 * (1.0 + (PI * part.clamp(0.0, 1.0)).cos())
}

/// The text that is not trained on, read in streams as many and windows as long as it allows.
struct HeldOut<'a> {
    ids: &'a [u32],
    batch: usize,
    steps: usize,
}

impl<'a> HeldOut<'a> {
    fn new(ids: &'a [u32], batch: usize, steps: usize) -> Result<Self, Failure> {
        let steps = steps.min(ids.len().saturating_sub(1)).max(1);
        let batch = batch.min(ids.len().saturating_sub(1) / steps).max(1);
        // A text too short even for one window of one stream is refused here, before training.
        let part = "the held-out part, a tenth of the text,";
        Streams::new(ids, batch, steps).map_err(|error| error.of_text(part, "characters"))?;
        Ok(Self { ids, batch, steps })
    }

    /// Prints the bits per character and returns them with the time that took.
    fn measure<C: Cell>(
        &self,
        model: &CharModel<C, f32>,
        characters: u64,
        progress: &mut Progress,
    ) -> Result<(f64, Duration), Failure> {
        let start = Instant::now();
        let bits = model.bits_per_character(self.ids, self.batch, self.steps)?;
        let cost = start.elapsed();
        progress.measurement(characters, bits, cost)?;
        Ok((bits, cost))
    }
}

/// The model that predicted the held-out text best: a small text is learned by heart after a while.
struct Best<C: Cell>(Option<(f64, CharModel<C, f32>)>);

impl<C: Cell> Best<C> {
    fn see(&mut self, bits: f64, model: &CharModel<C, f32>) {
        if self.0.as_ref().is_none_or(|(least, _)| bits < *least) {
            self.0 = Some((bits, model.clone()));
        }
    }
}

/// Shows the cell with its derivation, the text and the model.
fn introduce<C: Cell>(corpus: &Corpus, model: &CharModel<C, f32>) -> Result<(), Failure> {
    let mut out = stdout().lock();
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

/// Shows what the model writes, where it is, and what to do with it.
fn conclude<C: Cell>(model: &CharModel<C, f32>, bits: f64, options: &Train) -> Result<(), Failure> {
    let (length, temperature) = SAMPLE;
    let mut out = stdout().lock();
    writeln!(out, "\nIt writes (temperature {temperature}):\n")?;
    write_sample(&mut out, model, "", length, temperature, options.seed)?;
    let program = env::args().next().unwrap_or_else(|| "lstm".to_owned());
    let model = options.out.display();
    writeln!(
        out,
        "\n\nSaved {model}, the best of this run: {bits:.3} bits per character held out. Next:"
    )?;
    writeln!(
        out,
        "    {program} generate {model} --length 1000 --temperature 0.5"
    )?;
    writeln!(out, "    {program} train --text FILE --minutes 10")?;
    writeln!(
        out,
        "    {program} derive FILE        # the error signals of a cell of your own"
    )?;
    Ok(())
}
