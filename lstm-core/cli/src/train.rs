//! `lstm train`: from a text to a saved model.

use std::env;
use std::f64::consts::{LN_2, PI};
use std::io::{Write, stdout};
use std::path::Path;
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
use crate::held::Held;
use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::output::{Form, Output, require_replaceable};
use crate::progress::{Progress, grouped};

/// Streams that one thread takes forward and back: enough to fill the kernels' tiles.
const STREAMS_PER_SHARD: usize = 16;
/// Measurements on the held-out text in a run.
const MEASUREMENTS: u32 = 15;
/// Characters and temperature of the sample at the end.
const SAMPLE: (u64, f64) = (400, 0.7);

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
        let mut out = Held::new(stdout());
        introduce::<C>(&mut out, &corpus, &model)?;

        let mut trainer =
            CharTrainer::new(&model, batch, steps, batch.div_ceil(STREAMS_PER_SHARD))?;
        trainer.set_dropout(options.dropout, &mut rng)?;
        let mut training = Training {
            options,
            held_out,
            trainer,
            best: Best::untrained(model.clone()),
            model,
            characters: 0,
            progress: Progress::start(out, options.budget()),
        };
        let ended = training.run(&mut streams, &interrupt);
        let mut out = training.progress.finish();
        let best = training.best.save(ended, &options.out)?;
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
    held_out: HeldOut<'a>,
    trainer: CharTrainer<f32>,
    best: Best<C>,
    model: CharModel<C, f32>,
    characters: u64,
    progress: Progress,
}

impl<C: Cell> Training<'_, C> {
    /// Trains until the time is over or Ctrl-C comes. The best model is kept also where that ends in an error.
    fn run(&mut self, streams: &mut Streams<'_>, interrupt: &Interrupt) -> Result<(), Failure> {
        let (options, budget) = (self.options, self.options.budget());
        let mut adam = Adam::new(options.rate)?;
        let mut window = Window::default();
        let mut next_measurement = Duration::ZERO;
        while self.progress.elapsed() < budget && !interrupt.came() {
            if self.progress.elapsed() >= next_measurement {
                let cost = self.measure()?;
                // However long measuring takes, at least nine tenths of the time are for training.
                next_measurement = self.progress.elapsed() + (budget / MEASUREMENTS).max(9 * cost);
            }
            let part = self.progress.elapsed().as_secs_f64() / budget.as_secs_f64();
            adam.set_rate(options.rate * cosine(part))?;
            streams.next_window(&mut window);
            let (trainer, model) = (&mut self.trainer, &mut self.model);
            let step = trainer.step(model, &window, &mut adam, options.clip)?;
            self.characters += window.inputs.len() as u64;
            self.progress.advance(self.characters, step.loss / LN_2);
        }
        self.measure()?;
        Ok(())
    }

    /// Prints the bits per character, keeps the model if it is the best so far, and returns the time that measuring took.
    fn measure(&mut self) -> Result<Duration, Failure> {
        let start = Instant::now();
        let bits = self.held_out.bits(&self.model)?;
        let cost = start.elapsed();
        self.progress.measurement(self.characters, bits, cost);
        self.best.see(bits, self.characters, &self.model);
        Ok(cost)
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

    fn bits<C: Cell>(&self, model: &CharModel<C, f32>) -> Result<f64, Failure> {
        Ok(model.bits_per_character(self.ids, self.batch, self.steps)?)
    }
}

/// The model that predicted the held-out text best: a small text is learned by heart after a while.
struct Best<C: Cell> {
    model: CharModel<C, f32>,
    /// Bits per character; infinite before the first measurement.
    bits: f64,
    /// How many characters it had been trained on.
    characters: u64,
}

impl<C: Cell> Best<C> {
    fn untrained(model: CharModel<C, f32>) -> Self {
        Self {
            model,
            bits: f64::INFINITY,
            characters: 0,
        }
    }

    fn see(&mut self, bits: f64, characters: u64, model: &CharModel<C, f32>) {
        if bits < self.bits {
            *self = Self {
                model: model.clone(),
                bits,
                characters,
            };
        }
    }

    /// Saves the model, however training ended. An error is returned once that is done; where it came before anything had been
    /// learned, an older model stays in its place.
    fn save(self, ended: Result<(), Failure>, path: &Path) -> Result<Self, Failure> {
        match ended {
            Err(Failure::Core(source)) if self.characters > 0 => {
                self.model.save(path)?;
                let (bits, path) = (self.bits, path.display());
                Err(Failure::Diverged {
                    source,
                    left: format!(
                        "The model that was best before, with {bits:.3} bits per character held out, is saved in {path}"
                    ),
                })
            }
            Err(other) => Err(other),
            Ok(()) => {
                self.model.save(path)?;
                Ok(self)
            }
        }
    }

    /// Shows what the model writes, where it is, and what to do with it.
    fn conclude(&self, out: &mut impl Write, options: &Train) -> Result<(), Failure> {
        let (length, temperature) = SAMPLE;
        writeln!(out, "\nIt writes (temperature {temperature}):\n")?;
        write_sample(out, &self.model, "", length, temperature, options.seed)?;
        let program = env::args().next().unwrap_or_else(|| "lstm".to_owned());
        let (file, bits) = (options.out.display().to_string(), self.bits);
        writeln!(
            out,
            "\n\nSaved {file}, the best of this run: {bits:.3} bits per character held out. Next:"
        )?;
        let (program, model) = (for_shell(program), for_shell(file));
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
}

/// A word of a command that is to be copied into a shell.
fn for_shell(word: String) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || "_-./+,:=@%".contains(sign);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
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

#[cfg(test)]
mod tests {
    use std::{fs, process};

    use lstm_core::cells::ElmanRnn;
    use lstm_core::text::Vocabulary;

    use super::*;

    #[test]
    fn words_for_a_shell_are_quoted_where_it_would_split_them() {
        for (word, shown) in [
            ("models/größe-1.safetensors", "models/größe-1.safetensors"),
            ("my model", "'my model'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(for_shell(word.to_owned()), shown);
        }
    }

    #[test]
    fn the_best_model_is_saved_also_where_numbers_diverge_later() {
        let path = env::temp_dir().join(format!("lstm-best-{}", process::id()));
        let mut rng = Rng::new(1);
        let mut model = || {
            let vocabulary = Vocabulary::of("abc").unwrap();
            CharModel::<ElmanRnn, f32>::new(vocabulary, &[2, 3], &mut rng).unwrap()
        };
        let diverged = || {
            let what = "the loss".to_owned();
            Err(lstm_core::Error::NotFinite { what }.into())
        };
        let mut best = Best::untrained(model());
        best.see(3.0, 0, &model());
        assert!(best.save(diverged(), &path).is_err() && !path.exists());

        let (good, worse) = (model(), model());
        let mut best = Best::untrained(model());
        best.see(2.0, 100, &good);
        best.see(2.5, 200, &worse);
        best.see(f64::NAN, 300, &worse);
        let error = best.save(diverged(), &path).err().unwrap().to_string();
        let file = path.display();
        let saved = format!("with 2.000 bits per character held out, is saved in {file}");
        assert!(error.ends_with(&saved), "{error}");
        let kept = fs::read(&path).unwrap();
        good.save(&path).unwrap();
        assert!(kept == fs::read(&path).unwrap());
        fs::remove_file(path).unwrap();
    }
}
