//! Streaming: a network takes a signal sample by sample, as it comes.
//!
//! It learns the sound of a device from a recording of what goes in and what comes out, here a filter followed by an
//! overdriven amplifier, and then takes its place in a stream: one sample in, one sample out, without memory being taken.
//! What it gives is what the whole signal at once gives.
//!
//! ```text
//! cargo run --release -p lstm-core --example streaming
//! ```

use std::f64::consts::{PI, TAU};
use std::time::Instant;

use faer::Mat;
use lstm_core::cells::Lstm;
use lstm_core::init::Init;
use lstm_core::layers::{Batch, Pass};
use lstm_core::loss::mean_squared_gradient;
use lstm_core::optim::{Adam, Optimiser, Schedule, clip_global_norm};
use lstm_core::params::{Parameters, split_gradient};
use lstm_core::{Linear, Recurrent, Result, Rng};

const RATE: f64 = 48_000.0;
const UNITS: usize = 12;

/// What is learned: a layer with one sample in, and a head with one sample out.
struct Model {
    layer: Recurrent<Lstm, f32>,
    head: Linear<f32>,
}

lstm_core::parameters! {
    impl Parameters<f32> for Model { layer, head }
}

/// What the stream did.
#[derive(Debug)]
pub struct Report {
    /// The energy of the error as a part of the energy of the device's sound.
    pub error_to_signal: f64,
    /// The largest difference between the stream and the whole signal at once.
    pub stream_to_whole: f32,
    /// How long a sample took, in seconds.
    pub seconds: f64,
}

/// Learns the device and takes its place.
pub fn main() -> Result<()> {
    let report = run(300)?;
    let percent = 100.0 * report.error_to_signal;
    println!("error to signal {percent:.2} %");
    println!("one sample took {:.2} microseconds,", 1e6 * report.seconds);
    println!("one comes every {:.2} microseconds", 1e6 / RATE);
    assert!(percent < 1.0 && report.stream_to_whole < 1e-5);
    Ok(())
}

/// Trains for so many steps, then streams a second of sound.
pub fn run(steps: u64) -> Result<Report> {
    let model = train(steps)?;
    let samples = RATE as usize;
    // A chord that swells and dies.
    let dry: Vec<f32> = (0..samples)
        .map(|t| {
            let second = t as f64 / RATE;
            let tones = [220.0, 277.2, 329.6].map(|hertz| (second * hertz * TAU).sin());
            (0.3 * (second * PI).sin() * tones.iter().sum::<f64>()) as f32
        })
        .collect();

    let mut stream = model.layer.stream()?.with_head(&model.head)?;
    let mut wet = vec![0.0; samples];
    let start = Instant::now();
    for (x, y) in dry.chunks_exact(1).zip(wet.chunks_exact_mut(1)) {
        stream.step(x, y)?;
    }
    let seconds = start.elapsed().as_secs_f64() / samples as f64;

    let x = Mat::from_fn(1, samples, |_, t| dry[t]);
    let mut whole = Mat::zeros(1, samples);
    let mut pass = Pass::new();
    let h = pass.infer(&model.layer, x.as_ref(), &Batch::new(samples, 1))?;
    model.head.apply(h, whole.as_mut())?;

    let device = device(&dry);
    let errors = wet.iter().zip(&device).map(|(wet, right)| wet - right);
    let differences = (wet.iter().enumerate()).map(|(t, wet)| (wet - whole[(0, t)]).abs());
    Ok(Report {
        error_to_signal: energy(errors) / energy(device.iter().copied()),
        stream_to_whole: differences.max_by(f32::total_cmp).unwrap_or(f32::NAN),
        seconds,
    })
}

/// Learns from recordings of 64 samples, each of which begins in silence.
fn train(steps: u64) -> Result<Model> {
    let (length, recordings) = (64, 16);
    let mut rng = Rng::new(1);
    let mut model = Model {
        layer: Recurrent::new(&[1, UNITS], &mut rng)?,
        head: Linear::new(UNITS, 1, Init::Xavier, &mut rng)?,
    };
    let mut adam = Adam::new(0.01)?;
    let schedule = Schedule::cosine(0.01, steps)?.with_floor(0.0005)?;
    let batch = Batch::new(length, recordings);
    let mut pass = Pass::new();
    let mut gradient = vec![0.0; model.params_len()];
    for step in 0..steps {
        let (mut x, mut target) = (
            Mat::zeros(1, batch.columns()),
            Mat::zeros(1, batch.columns()),
        );
        for sample in 0..recordings {
            let dry = noise(length, &mut rng);
            for (step, (&dry, wet)) in dry.iter().zip(device(&dry)).enumerate() {
                let column = batch.column(step, sample);
                (x[(0, column)], target[(0, column)]) = (dry, wet);
            }
        }

        let h = pass
            .forward(&model.layer, x.as_ref(), &batch, &mut rng)?
            .to_owned();
        let mut dy = Mat::zeros(1, batch.columns());
        model.head.apply(h.as_ref(), dy.as_mut())?;
        mean_squared_gradient(dy.as_mut(), target.as_ref())?;

        gradient.fill(0.0);
        let parts: [&dyn Parameters<f32>; 2] = [&model.layer, &model.head];
        let [of_layer, of_head] = split_gradient(&mut gradient, parts)?;
        let mut dh = Mat::zeros(UNITS, batch.columns());
        (model.head).backprop(h.as_ref(), dy.as_ref(), of_head, Some(dh.as_mut()))?;
        pass.backward(&model.layer, x.as_ref(), dh.as_ref(), of_layer, None)?;
        clip_global_norm(&model, &mut gradient, 1.0)?;
        adam.set_rate(schedule.rate(step))?;
        adam.step(&mut model, &gradient)?;
    }
    Ok(model)
}

/// The device: a low-pass filter, then an amplifier that is driven into saturation.
fn device(dry: &[f32]) -> Vec<f32> {
    let mut filtered = 0.0;
    let mut sample = |&dry: &f32| {
        filtered += 0.3 * (dry - filtered);
        (2.5 * filtered).tanh()
    };
    dry.iter().map(&mut sample).collect()
}

/// Noise of a random loudness that changes slowly enough for the filter to let some of it through.
fn noise(length: usize, rng: &mut Rng) -> Vec<f32> {
    let (loudness, smoothness) = (rng.unit(), rng.unit());
    let mut value = 0.0;
    let mut sample = |_| {
        value = smoothness * value + (1.0 - smoothness) * rng.symmetric(1.0);
        (2.0 * loudness * value) as f32
    };
    (0..length).map(&mut sample).collect()
}

fn energy(sound: impl Iterator<Item = f32>) -> f64 {
    sound.map(|sample| f64::from(sample).powi(2)).sum()
}
