//! A character model: reads a text again and again, predicts every next character, and then writes by itself.
//!
//! The text is the front page of this library. The command `lstm train` does the same with any text, for longer.
//!
//! ```text
//! cargo run --release -p lstm-core --example characters
//! ```

use lstm_core::cells::Lstm;
use lstm_core::lm::{CharModel, CharTrainer, Sampler};
use lstm_core::optim::Adam;
use lstm_core::text::{Streams, Vocabulary, Window, split};
use lstm_core::{Result, Rng};

const TEXT: &str = include_str!("../src/lib.rs");
/// Parallel streams of the text, and the steps through which errors go back.
const BATCH: usize = 8;
const STEPS: usize = 24;

/// What was learned.
#[derive(Debug)]
pub struct Report {
    /// Bits for a character of a held-out part before training, and after it.
    pub bits: [f64; 2],
    /// What the model wrote.
    pub written: String,
}

/// Trains, and lets the model write.
pub fn main() -> Result<()> {
    let report = run(400, 200)?;
    let [before, after] = report.bits;
    println!("{before:.2} bits for a character before training, {after:.2} after it");
    println!("---\n{}", report.written);
    assert!(after < before - 2.0);
    Ok(())
}

/// Takes so many steps of training and writes so many characters.
pub fn run(steps: usize, characters: usize) -> Result<Report> {
    let mut rng = Rng::new(1);
    let vocabulary = Vocabulary::of(TEXT)?;
    let (train, measure) = split(&vocabulary.encode(TEXT)?, 0.1, 4);
    let mut model = CharModel::<Lstm, f32>::new(vocabulary, &[16, 64], &mut rng)?;
    let before = model.bits_per_character(&measure, 1, STEPS)?;

    let mut adam = Adam::new(0.01)?;
    let mut trainer = CharTrainer::new(&model, BATCH, STEPS, 1)?;
    let mut streams = Streams::new(&train, BATCH, STEPS)?;
    let mut window = Window::default();
    for step in 0..steps {
        streams.next_window(&mut window);
        let report = trainer.step(&mut model, &window, &mut adam, 1.0)?;
        if step % 100 == 0 {
            println!("step {step:4}: {:.2} bits", report.loss / 2f64.ln());
        }
    }

    let mut sampler = Sampler::new(&model, "A sequence ")?;
    let written = (0..characters).map(|_| sampler.next_character(0.5, &mut rng));
    Ok(Report {
        written: written.collect::<Result<String>>()?,
        bits: [before, model.bits_per_character(&measure, 1, STEPS)?],
    })
}
