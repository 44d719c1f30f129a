//! What every peer in Rust does: say who it is, then answer each line of JSON with the times of the work it names.

use std::io::{BufRead, Write};
use std::time::Instant;

use serde_json::{Value, json};

pub type Failure = Box<dyn std::error::Error>;

/// The sizes of the work.
pub struct Work {
    pub cell: String,
    pub batch: usize,
    pub steps: usize,
    pub inputs: usize,
    pub hidden: usize,
    seconds: f64,
}

impl Work {
    fn read(line: &str) -> Result<Self, Failure> {
        let value: Value = serde_json::from_str(line)?;
        let number = |key: &str| {
            let number = value[key]
                .as_u64()
                .and_then(|number| usize::try_from(number).ok());
            number.ok_or_else(|| format!("`{key}` is missing"))
        };
        Ok(Self {
            cell: value["cell"]
                .as_str()
                .ok_or("`cell` is missing")?
                .to_owned(),
            batch: number("batch")?,
            steps: number("steps")?,
            inputs: number("inputs")?,
            hidden: number("hidden")?,
            seconds: value["seconds"].as_f64().ok_or("`seconds` is missing")?,
        })
    }

    /// The median time of calls of `work`: two to warm up, then at least five, for the time that was asked for.
    pub fn median_ms(&self, mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
        for _ in 0..2 {
            work()?;
        }
        let (mut samples, start) = (Vec::new(), Instant::now());
        while samples.len() < 5 || start.elapsed().as_secs_f64() < self.seconds {
            let before = Instant::now();
            work()?;
            samples.push(before.elapsed().as_secs_f64() * 1e3);
        }
        samples.sort_by(f64::total_cmp);
        Ok(samples[samples.len() / 2])
    }
}

/// Answers until the input ends. `measure` gives the times of inference and training, `None` for a cell it lacks.
pub fn serve(
    name: &str,
    version: &str,
    measure: impl Fn(&Work) -> Result<Option<(f64, f64)>, Failure>,
) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", json!({"peer": name, "version": version}))?;
    for line in std::io::stdin().lock().lines() {
        let times = measure(&Work::read(&line?)?)?;
        let (infer, train) = times.unzip();
        writeln!(output, "{}", json!({"infer_ms": infer, "train_ms": train}))?;
        output.flush()?;
    }
    Ok(())
}
