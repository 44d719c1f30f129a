//! `lstm generate`: a trained model writes.

use std::io::{Write, stdout};

use lstm_core::io::ModelFile;
use lstm_core::lm::{CharModel, Sampler};
use lstm_core::{Cell, Rng};

use crate::args::Generate;
use crate::cells::{self, Task};
use crate::failure::Failure;
use crate::kind::Kind;

/// Prints the prompt and what the model writes after it.
///
/// # Errors
/// A model that cannot be used, and a prompt with characters that the model does not know.
pub fn run(options: &Generate) -> Result<(), Failure> {
    let file = Kind::Characters.open(&options.model)?;
    let cell = file.metadata("cell")?.to_owned();
    cells::with(&cell, Writing { options, file })
}

struct Writing<'a> {
    options: &'a Generate,
    file: ModelFile,
}

impl Task for Writing<'_> {
    fn run<C: Cell>(self, _forget_bias: Option<&'static str>) -> Result<(), Failure> {
        let options = self.options;
        let model = CharModel::<C, f32>::load(&self.file)?;
        let mut out = stdout().lock();
        write_sample(
            &mut out,
            &model,
            &options.prompt,
            options.length,
            options.temperature,
            options.seed,
        )?;
        Ok(writeln!(out)?)
    }
}

/// Writes `prompt` and `length` characters that the model puts after it.
///
/// # Errors
/// A prompt with characters that the model does not know, and an output that cannot be written.
pub fn write_sample<C: Cell>(
    out: &mut impl Write,
    model: &CharModel<C, f32>,
    prompt: &str,
    length: u64,
    temperature: f64,
    seed: u64,
) -> Result<(), Failure> {
    let mut rng = Rng::new(seed);
    // Refuses a prompt that the model cannot read before anything is written.
    let mut sampler = Sampler::new(model, prompt)?;
    out.write_all(prompt.as_bytes())?;
    for _ in 0..length {
        write!(out, "{}", sampler.next_character(temperature, &mut rng)?)?;
    }
    Ok(())
}
