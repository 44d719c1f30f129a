//! Training on long sequences: the time and the memory of a pass that keeps everything, and of one that computes segments
//! once more on the way back.

use std::io::Write;
use std::time::Instant;

use faer::Mat;
use lstm_core::cells::Lstm;
use lstm_core::layers::{Batch, Layer, LayerTape};
use lstm_core::{Recompute, Recurrent, Rng, Threads};
use peak_alloc::PeakAlloc;
use serde::Serialize;

use crate::arguments::Arguments;
use crate::failure::{Failure, json};
use crate::statistics::median;

/// Counts what is allocated. Kernels allocate nothing on their way, so it takes no time from the other measurements.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Inputs and units.
const UNITS: usize = 64;

/// Steps of the sequences.
const STEPS: [usize; 3] = [1_000, 10_000, 100_000];

/// Passes of each kind, in turn.
const ROUNDS: usize = 3;

/// What one kind of pass took.
#[derive(Debug, Clone, Copy, Serialize)]
struct Pass {
    /// Milliseconds, forward and backward.
    ms: f64,
    /// The most memory that it held at a time beyond inputs, outputs and their gradients.
    bytes: usize,
}

/// A line of the table.
#[derive(Debug, Serialize)]
struct Row {
    steps: usize,
    everything: Pass,
    root: Pass,
    time_ratio: f64,
}

/// Measures all lengths and prints each line as soon as it is known.
pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    if !arguments.json {
        writeln!(
            output,
            "lstm, f32, batch 1, {UNITS} inputs, {UNITS} units, {} threads: medians of {ROUNDS} training passes. \"everything\" keeps \
             all of a sequence for the way back, \"root\" a state for each of sqrt(T) segments.\n\n\
             {:>8} {:>14} {:>14} {:>14} {:>14} {:>6}",
            arguments.threads, "T", "everything ms", "root ms", "everything MB", "root MB", "ratio"
        )?;
    }
    let threads = Threads::new(arguments.threads)?;
    for steps in STEPS {
        let row = row(steps, &threads)?;
        match arguments.json {
            true => writeln!(output, "{}", json(&row)?)?,
            false => writeln!(output, "{}", line(&row))?,
        }
        output.flush()?;
    }
    Ok(())
}

fn line(row: &Row) -> String {
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    format!(
        "{:>8} {:>14.1} {:>14.1} {:>14.1} {:>14.1} {:>6.2}",
        row.steps,
        row.everything.ms,
        row.root.ms,
        megabytes(row.everything.bytes),
        megabytes(row.root.bytes),
        row.time_ratio
    )
}

fn row(steps: usize, threads: &Threads) -> Result<Row, Failure> {
    let mut layer = Recurrent::<Lstm, f32>::new(&[UNITS, UNITS], &mut Rng::new(1))?;
    layer.set_threads(threads);
    let x = Mat::from_fn(UNITS, steps, |i, j| ((3 * i + 7 * j) as f32).sin());
    let dy = Mat::full(UNITS, steps, 1.0);
    let (mut y, mut dx) = (Mat::zeros(UNITS, steps), Mat::zeros(UNITS, steps));
    let batch = Batch::new(steps, 1);
    let mut gradient = vec![0.0; layer.params().len()];
    let mut pass = |recompute| -> Result<Pass, Failure> {
        layer.set_recompute(recompute);
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        let start = Instant::now();
        // A tape of its own: what an earlier pass held would count.
        let mut tape = LayerTape::new();
        let (mut state, mut dstate) = (layer.zero_states(1)?, layer.zero_states(1)?);
        let mut rng = Rng::new(1);
        let (x, dy) = (x.as_ref(), dy.as_ref());
        layer.forward(x, &batch, &mut state, y.as_mut(), &mut tape, &mut rng)?;
        let dx = Some(dx.as_mut());
        layer.backward(x, &batch, dy, &mut dstate, &mut tape, &mut gradient, dx)?;
        Ok(Pass {
            ms: start.elapsed().as_secs_f64() * 1e3,
            bytes: ALLOCATOR.peak_usage().saturating_sub(before),
        })
    };
    let (mut everything, mut root) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        everything.push(pass(Recompute::Never)?);
        root.push(pass(Recompute::Root)?);
    }
    let ratios = everything.iter().zip(&root);
    Ok(Row {
        steps,
        time_ratio: median(ratios.map(|(all, root)| root.ms / all.ms).collect())
            .unwrap_or(f64::NAN),
        everything: middle(&everything),
        root: middle(&root),
    })
}

/// The median time. The memory is the same in all passes but for what else the process does.
fn middle(passes: &[Pass]) -> Pass {
    Pass {
        ms: median(passes.iter().map(|pass| pass.ms).collect()).unwrap_or(f64::NAN),
        bytes: passes.iter().map(|pass| pass.bytes).min().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_take_less_memory() {
        let row = row(3_000, &Threads::new(1).unwrap()).unwrap();
        assert!(row.everything.ms > 0.0 && row.root.ms > 0.0 && row.time_ratio > 0.0);
        // At least the state and the four gates of 64 units in f32 are kept of every step.
        let (everything, root) = (row.everything.bytes, row.root.bytes);
        assert!(everything > 3_000 * 5 * 64 * 4, "{everything}");
        assert!(4 * root < everything, "{root} of {everything}");
    }
}
