//! Forecast of a real series: the yearly mean number of sunspots, one year ahead.
//!
//! The network sees one year after the other and says how much the next one will differ. It learns from 1700 to 1949; the
//! years from 1950 on are only predicted. What it must beat: that nothing changes, and that things go on as they went.
//!
//! ```text
//! cargo run --release -p lstm-core --example forecast
//! ```

use faer::Mat;
use lstm_core::cells::Lstm;
use lstm_core::init::Init;
use lstm_core::layers::{Batch, Pass, Stack};
use lstm_core::loss::mean_squared_gradient;
use lstm_core::optim::{Adam, Optimiser, Schedule, clip_global_norm};
use lstm_core::params::Parameters;
use lstm_core::{Linear, Recurrent, Result, Rng};

/// Yearly mean sunspot numbers, 1700 to 2008, of the Zurich and international series (version 1) as published by the
/// U.S. National Geophysical Data Center and the Royal Observatory of Belgium.
#[rustfmt::skip]
const SUNSPOTS: [f32; 309] = [
      5.0,  11.0,  16.0,  23.0,  36.0,  58.0,  29.0,  20.0,  10.0,   8.0,
      3.0,   0.0,   0.0,   2.0,  11.0,  27.0,  47.0,  63.0,  60.0,  39.0,
     28.0,  26.0,  22.0,  11.0,  21.0,  40.0,  78.0, 122.0, 103.0,  73.0,
     47.0,  35.0,  11.0,   5.0,  16.0,  34.0,  70.0,  81.0, 111.0, 101.0,
     73.0,  40.0,  20.0,  16.0,   5.0,  11.0,  22.0,  40.0,  60.0,  80.9,
     83.4,  47.7,  47.8,  30.7,  12.2,   9.6,  10.2,  32.4,  47.6,  54.0,
     62.9,  85.9,  61.2,  45.1,  36.4,  20.9,  11.4,  37.8,  69.8, 106.1,
    100.8,  81.6,  66.5,  34.8,  30.6,   7.0,  19.8,  92.5, 154.4, 125.9,
     84.8,  68.1,  38.5,  22.8,  10.2,  24.1,  82.9, 132.0, 130.9, 118.1,
     89.9,  66.6,  60.0,  46.9,  41.0,  21.3,  16.0,   6.4,   4.1,   6.8,
     14.5,  34.0,  45.0,  43.1,  47.5,  42.2,  28.1,  10.1,   8.1,   2.5,
      0.0,   1.4,   5.0,  12.2,  13.9,  35.4,  45.8,  41.1,  30.1,  23.9,
     15.6,   6.6,   4.0,   1.8,   8.5,  16.6,  36.3,  49.6,  64.2,  67.0,
     70.9,  47.8,  27.5,   8.5,  13.2,  56.9, 121.5, 138.3, 103.2,  85.7,
     64.6,  36.7,  24.2,  10.7,  15.0,  40.1,  61.5,  98.5, 124.7,  96.3,
     66.6,  64.5,  54.1,  39.0,  20.6,   6.7,   4.3,  22.7,  54.8,  93.8,
     95.8,  77.2,  59.1,  44.0,  47.0,  30.5,  16.3,   7.3,  37.6,  74.0,
    139.0, 111.2, 101.6,  66.2,  44.7,  17.0,  11.3,  12.4,   3.4,   6.0,
     32.3,  54.3,  59.7,  63.7,  63.5,  52.2,  25.4,  13.1,   6.8,   6.3,
      7.1,  35.6,  73.0,  85.1,  78.0,  64.0,  41.8,  26.2,  26.7,  12.1,
      9.5,   2.7,   5.0,  24.4,  42.0,  63.5,  53.8,  62.0,  48.5,  43.9,
     18.6,   5.7,   3.6,   1.4,   9.6,  47.4,  57.1, 103.9,  80.6,  63.6,
     37.6,  26.1,  14.2,   5.8,  16.7,  44.3,  63.9,  69.0,  77.8,  64.9,
     35.7,  21.2,  11.1,   5.7,   8.7,  36.1,  79.7, 114.4, 109.6,  88.8,
     67.8,  47.5,  30.6,  16.3,   9.6,  33.2,  92.6, 151.6, 136.3, 134.7,
     83.9,  69.4,  31.5,  13.9,   4.4,  38.0, 141.7, 190.2, 184.8, 159.0,
    112.3,  53.9,  37.6,  27.9,  10.2,  15.1,  47.0,  93.8, 105.9, 105.5,
    104.5,  66.6,  68.9,  38.0,  34.5,  15.5,  12.6,  27.5,  92.5, 155.4,
    154.6, 140.4, 115.9,  66.6,  45.9,  17.9,  13.4,  29.4, 100.2, 157.6,
    142.6, 145.7,  94.3,  54.6,  29.9,  17.5,   8.6,  21.5,  64.3,  93.3,
    119.6, 111.0, 104.0,  63.7,  40.4,  29.8,  15.2,   7.5,   2.9,
];
const FIRST_YEAR: usize = 1700;
const FIRST_PREDICTED: usize = 1950;

/// Numbers of a size that a network likes.
const SCALE: f32 = 100.0;

/// Root mean squared errors over the years that were only predicted, in sunspots.
#[derive(Debug)]
pub struct Errors {
    /// The network.
    pub network: f64,
    /// The number of the year before.
    pub persistence: f64,
    /// The number of the year before, and the change to it once more.
    pub trend: f64,
}

/// Trains, measures, and says how well.
pub fn main() -> Result<()> {
    let errors = run(400)?;
    println!("root mean squared error from {FIRST_PREDICTED} on:");
    println!("  network      {:6.2} sunspots", errors.network);
    println!("  persistence  {:6.2} sunspots", errors.persistence);
    println!("  trend        {:6.2} sunspots", errors.trend);
    assert!(errors.network < 0.75 * errors.persistence.min(errors.trend));
    Ok(())
}

/// Trains for so many steps and measures.
pub fn run(steps: u64) -> Result<Errors> {
    let mut rng = Rng::new(1);
    let mut net = Stack::<f32>::new()
        .with("lstm", Recurrent::<Lstm, f32>::new(&[1, 12], &mut rng)?)?
        .with("head", Linear::new(12, 1, Init::Xavier, &mut rng)?)?;

    // Column t of x is year t, column t of the target the change from year t to year t + 1.
    let years = FIRST_PREDICTED - FIRST_YEAR - 1;
    let x = Mat::from_fn(1, years, |_, t| SUNSPOTS[t] / SCALE);
    let target = Mat::from_fn(1, years, |_, t| change_after(t) / SCALE);
    let batch = Batch::new(years, 1);

    let mut adam = Adam::new(0.01)?;
    let schedule = Schedule::cosine(0.01, steps)?;
    let mut pass = Pass::new();
    let mut gradient = vec![0.0; net.params_len()];
    for step in 0..steps {
        let y = pass.forward(&net, x.as_ref(), &batch, &mut rng)?;
        let mut dy = y.to_owned();
        let loss = mean_squared_gradient(dy.as_mut(), target.as_ref())?;
        gradient.fill(0.0);
        pass.backward(&net, x.as_ref(), dy.as_ref(), &mut gradient, None)?;
        clip_global_norm(&net, &mut gradient, 1.0)?;
        adam.set_rate(schedule.rate(step))?;
        adam.step(&mut net, &gradient)?;
        if step % 100 == 0 {
            let rms = f64::from(SCALE) * loss.sqrt();
            println!("step {step:4}: error on the years to learn from {rms:.2}");
        }
    }

    // The whole series once more: the state that the past left behind goes into the prediction of every year.
    let years = SUNSPOTS.len() - 1;
    let x = Mat::from_fn(1, years, |_, t| SUNSPOTS[t] / SCALE);
    let y = pass.infer(&net, x.as_ref(), &Batch::new(years, 1))?;
    Ok(Errors {
        network: error(|t| SCALE * y[(0, t)]),
        persistence: error(|_| 0.0),
        trend: error(|t| change_after(t - 1)),
    })
}

fn change_after(t: usize) -> f32 {
    SUNSPOTS[t + 1] - SUNSPOTS[t]
}

/// The root mean squared error of a prediction of the change after year t.
fn error(predict: impl Fn(usize) -> f32) -> f64 {
    let known = FIRST_PREDICTED - FIRST_YEAR - 1..SUNSPOTS.len() - 1;
    let count = known.len() as f64;
    let squares = known.map(|t| f64::from(predict(t) - change_after(t)).powi(2));
    (squares.sum::<f64>() / count).sqrt()
}
