//! Sequence labelling: a mark for every symbol, in sequences of different lengths.
//!
//! Phrases in brackets stand among other letters. A letter in a phrase is to be marked by whether the brackets around it
//! are of one kind, `(a)` or `[a]`, or not, `(a]`. The opening bracket lies in its past and the closing one in its future,
//! so the network must read both ways, and must then compare: two bidirectional layers. Two layers that only read
//! forwards can do no better than guess inside a phrase.
//!
//! ```text
//! cargo run --release -p lstm-core --example labelling
//! ```

use faer::Mat;
use lstm_core::cells::GruResetAfter as Gru;
use lstm_core::init::Init;
use lstm_core::layers::{Batch, Bidirectional, Pass, Stack};
use lstm_core::loss::CrossEntropy;
use lstm_core::optim::{Adam, Optimiser, clip_global_norm};
use lstm_core::params::{Parameters, split_gradient};
use lstm_core::{Embedding, Linear, Recurrent, Result, Rng};

const ALPHABET: [char; 7] = ['a', 'b', 'c', '(', '[', ')', ']'];
const OUTSIDE: u32 = 0;
const MATCHED: u32 = 1;
const MISMATCHED: u32 = 2;
/// The target in columns behind the end of a sequence; no loss, no gradient.
const PADDING: u32 = u32::MAX;
const UNITS: usize = 16;

/// An embedding, layers over it, and a score for each mark on top of them.
#[derive(Debug)]
pub struct Tagger {
    embedding: Embedding<f32>,
    layers: Stack<f32>,
}

lstm_core::parameters! {
    impl Parameters<f32> for Tagger { embedding, layers }
}

impl Tagger {
    fn new(is_bidirectional: bool, rng: &mut Rng) -> Result<Self> {
        let embedding = Embedding::new(ALPHABET.len(), 8, Init::Normal(1.0), rng)?;
        let mut layers = Stack::new();
        let mut width = 8;
        for name in ["first", "second"] {
            let forward = Recurrent::<Gru, f32>::new(&[width, UNITS], rng)?;
            if is_bidirectional {
                let backward = Recurrent::<Gru, f32>::new(&[width, UNITS], rng)?;
                layers = layers.with(name, Bidirectional::concat(forward, backward)?)?;
                width = 2 * UNITS;
            } else {
                layers = layers.with(name, forward)?;
                width = UNITS;
            }
        }
        let head = Linear::new(width, 3, Init::Xavier, rng)?;
        Ok(Self {
            embedding,
            layers: layers.with("head", head)?,
        })
    }
}

/// Sequences and their marks, a column for each step and sample.
struct Sample {
    batch: Batch,
    symbols: Vec<u32>,
    marks: Vec<u32>,
}

/// Trains both networks and says how well they mark.
pub fn main() -> Result<()> {
    let both = run(true, 150)?;
    let forwards = run(false, 150)?;
    println!("marked rightly with both directions: {:.1} %", 100.0 * both);
    println!(
        "marked rightly reading forwards:     {:.1} %",
        100.0 * forwards
    );
    assert!(both > 0.98 && forwards < 0.9);
    Ok(())
}

/// Trains for so many steps; what part of the symbols of new sequences is then marked rightly.
pub fn run(is_bidirectional: bool, steps: usize) -> Result<f64> {
    let mut rng = Rng::new(1);
    let mut model = Tagger::new(is_bidirectional, &mut rng)?;
    let loss = CrossEntropy::new().with_ignored(PADDING);
    let mut adam = Adam::new(0.01)?;
    let mut pass = Pass::new();
    let mut gradient = vec![0.0; model.params_len()];
    for _ in 0..steps {
        let sample = draw(16, &mut rng);
        let columns = sample.batch.columns();
        let (mut x, mut dx) = (Mat::zeros(8, columns), Mat::zeros(8, columns));
        model.embedding.forward(&sample.symbols, x.as_mut())?;
        let y = pass.forward(&model.layers, x.as_ref(), &sample.batch, &mut rng)?;
        let mut dy = y.to_owned();
        loss.gradient(dy.as_mut(), &sample.marks)?;

        gradient.fill(0.0);
        let parts: [&dyn Parameters<f32>; 2] = [&model.embedding, &model.layers];
        let [of_embedding, of_layers] = split_gradient(&mut gradient, parts)?;
        pass.backward(
            &model.layers,
            x.as_ref(),
            dy.as_ref(),
            of_layers,
            Some(dx.as_mut()),
        )?;
        (model.embedding).backward(&sample.symbols, dx.as_ref(), of_embedding)?;
        clip_global_norm(&model, &mut gradient, 1.0)?;
        adam.step(&mut model, &gradient)?;
    }

    let sample = draw(200, &mut Rng::new(2));
    let mut x = Mat::zeros(8, sample.batch.columns());
    model.embedding.forward(&sample.symbols, x.as_mut())?;
    let y = pass.infer(&model.layers, x.as_ref(), &sample.batch)?;
    let marks = sample.marks.iter().enumerate();
    let counted: Vec<bool> = marks
        .filter(|&(_, &mark)| mark != PADDING)
        .map(|(column, &mark)| (0..3).all(|other| y[(other, column)] <= y[(mark as usize, column)]))
        .collect();
    let right = counted.iter().filter(|&&is_right| is_right).count();
    Ok(right as f64 / counted.len() as f64)
}

/// So many sequences of 5 to 24 symbols, in the order in which they come: nothing is sorted.
fn draw(samples: usize, rng: &mut Rng) -> Sample {
    let lines: Vec<Vec<(u32, u32)>> = (0..samples).map(|_| line(rng)).collect();
    let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
    let batch = Batch::ragged(&lengths);
    let mut symbols = vec![0; batch.columns()];
    let mut marks = vec![PADDING; batch.columns()];
    for (sample, line) in lines.iter().enumerate() {
        for (step, &(symbol, mark)) in line.iter().enumerate() {
            let column = batch.column(step, sample);
            (symbols[column], marks[column]) = (symbol, mark);
        }
    }
    Sample {
        batch,
        symbols,
        marks,
    }
}

/// Letters and phrases by turns: symbols with their marks. Brackets count as outside.
fn line(rng: &mut Rng) -> Vec<(u32, u32)> {
    let mut line = Vec::new();
    for _ in 0..1 + rng.below(2) {
        let (opening, closing) = (rng.below(2) as u32, rng.below(2) as u32);
        let mark = if opening == closing {
            MATCHED
        } else {
            MISMATCHED
        };
        letters(rng, OUTSIDE, &mut line);
        line.push((3 + opening, OUTSIDE));
        letters(rng, mark, &mut line);
        line.push((5 + closing, OUTSIDE));
    }
    letters(rng, OUTSIDE, &mut line);
    line
}

fn letters(rng: &mut Rng, mark: u32, line: &mut Vec<(u32, u32)>) {
    for _ in 0..1 + rng.below(4) {
        line.push((rng.below(3) as u32, mark));
    }
}
