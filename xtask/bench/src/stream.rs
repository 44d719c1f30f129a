//! One sample at a time: nanoseconds of a streaming step, with sizes known at run time and at compile time.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use lstm_core::cells::Lstm;
use lstm_core::init::Init;
use lstm_core::stream::{Fixed, FlushDenormals, Sizes, Stream};
use lstm_core::{Linear, Recurrent, Rng};
use serde::Serialize;

use crate::arguments::Arguments;
use crate::failure::{Failure, json};
use crate::statistics::{median, quantile};

/// Steps that are timed together, as a block of sound: the clock takes as long as a step.
const BLOCK: usize = 64;

/// Times of a step over many blocks.
#[derive(Debug, Clone, Copy, Serialize)]
struct Nanoseconds {
    median: f64,
    /// Not exceeded in 999 blocks of 1000.
    p999: f64,
}

/// A line of the table.
#[derive(Debug, Serialize)]
struct Row {
    units: usize,
    width: &'static str,
    /// Sizes known at run time, one call a sample.
    any: Nanoseconds,
    /// Sizes known at compile time, one call a sample.
    fixed: Nanoseconds,
    /// Sizes known at compile time, one call a block.
    block: Nanoseconds,
    /// What RTNeural took, where that is known; see the heading.
    rtneural: Option<f64>,
}

/// Measures an LSTM of one input with a linear head at several sizes, and prints each line as soon as it is known.
pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    if !arguments.json {
        writeln!(output, "{}", HEADING)?;
    }
    macro_rules! rows {
        ($($units:literal $rtneural:expr;)+) => {
            $({
                let row = row::<Fixed<1, $units>>($units, $rtneural, arguments.seconds)?;
                match arguments.json {
                    true => writeln!(output, "{}", json(&row)?)?,
                    false => writeln!(output, "{}", line(&row))?,
                }
                output.flush()?;
            })+
        };
    }
    rows! {
        8 None;
        16 Some(60.0);
        24 None;
        32 Some(92.0);
        40 None;
        64 Some(600.0);
    }
    Ok(())
}

const HEADING: &str = "\
LSTM, f32, one input, linear head: ns a sample, median (99.9th percentile) over blocks of 64 samples.
RTNeural: with sizes fixed at compile time, measured on an AMD Zen 5 server; on another machine the ratio says little.

units  width   run-time sizes     fixed sizes  fixed, by block   RTNeural";

fn row<Z: Sizes>(units: usize, rtneural: Option<f64>, time: Duration) -> Result<Row, Failure> {
    let mut rng = Rng::new(1);
    let layer = Recurrent::<Lstm, f32>::new(&[1, units], &mut rng)?;
    let head = Linear::new(units, 1, Init::by_units(units), &mut rng)?;
    let mut any = layer.stream()?.with_head(&head)?;
    let mut fixed = Stream::<Lstm, f32, Z>::new(&layer)?.with_head(&head)?;
    let mut by_block = Stream::<Lstm, f32, Z>::new(&layer)?.with_head(&head)?;
    let x: Vec<f32> = (0..BLOCK).map(|_| rng.normal() as f32).collect();
    let mut y = vec![0.0; BLOCK];
    // A host of sound sets the mode once for its thread.
    let mode = FlushDenormals::new();
    let mut samples = [Vec::new(), Vec::new(), Vec::new()];
    let start = Instant::now();
    // In turn, so that whatever disturbs the machine disturbs all alike.
    while samples[0].len() < 1000 || start.elapsed() < time {
        samples[0].push(timed(|| each(&mut any, &mode, &x, &mut y))?);
        samples[1].push(timed(|| each(&mut fixed, &mode, &x, &mut y))?);
        samples[2].push(timed(|| Ok(by_block.run(&x, &mut y)?))?);
        black_box(&y);
    }
    let [any, fixed, block] = samples.map(Nanoseconds::of);
    let width = by_block.width().name();
    Ok(Row {
        units,
        width,
        any,
        fixed,
        block,
        rtneural,
    })
}

fn each<Z: Sizes>(
    stream: &mut Stream<Lstm, f32, Z>,
    mode: &FlushDenormals,
    x: &[f32],
    y: &mut [f32],
) -> Result<(), Failure> {
    for (x, y) in x.chunks_exact(1).zip(y.chunks_exact_mut(1)) {
        stream.step_in(mode, black_box(x), y)?;
    }
    Ok(())
}

/// Nanoseconds of a step of the block that `work` runs.
fn timed(work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e9 / BLOCK as f64)
}

impl Nanoseconds {
    fn of(samples: Vec<f64>) -> Self {
        Nanoseconds {
            p999: quantile(samples.clone(), 0.999).unwrap_or_default(),
            median: median(samples).unwrap_or_default(),
        }
    }
}

fn line(row: &Row) -> String {
    let times = |times: &Nanoseconds| format!("{:.1} ({:.1})", times.median, times.p999);
    let rtneural = row.rtneural.map_or(String::new(), |ns| format!("{ns:.0}"));
    let text = format!(
        "{:>5}  {:<6} {:>15} {:>15} {:>16} {rtneural:>10}",
        row.units,
        row.width,
        times(&row.any),
        times(&row.fixed),
        times(&row.block),
    );
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_medians_and_percentiles() {
        let row = row::<Fixed<1, 8>>(8, Some(60.0), Duration::ZERO).unwrap();
        assert!(row.any.median > 0.0 && row.any.median <= row.any.p999);
        let times = |median| Nanoseconds {
            median,
            p999: 2.0 * median,
        };
        let row = Row {
            units: 16,
            width: "avx2",
            any: times(100.0),
            fixed: times(80.0),
            block: times(75.0),
            rtneural: Some(60.0),
        };
        assert_eq!(
            line(&row),
            "   16  avx2     100.0 (200.0)    80.0 (160.0)     75.0 (150.0)         60"
        );
    }
}
