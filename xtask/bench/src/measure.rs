//! How long the work takes.

use std::fmt;
use std::time::{Duration, Instant};

use lstm_core::{Cell, Element, Kernel, Threads, Width};
use serde::Serialize;

use crate::arguments::Dtype;
use crate::cells::Shipped;
use crate::failure::Failure;
use crate::grid::Point;
use crate::statistics::median;
use crate::work::{Work, sizes};

/// On what, and for how long, to measure.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Number type.
    pub dtype: Dtype,
    /// Instruction set.
    pub width: Width,
    /// Threads.
    pub threads: usize,
    /// Time for each kind of pass.
    pub time: Duration,
}

/// Median times.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Of inference.
    pub infer_ms: f64,
    /// Of a training pass.
    pub train_ms: f64,
}

/// Median times of the parts of a training pass, in nanoseconds a step.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Parts {
    /// Of the outputs.
    pub forward_ns: f64,
    /// Of all gradients.
    pub backward_ns: f64,
    /// Of packing the weights, once a sequence.
    pub pack_ns: f64,
}

/// A measured point, as others read it.
#[derive(Debug, Serialize)]
pub struct Report {
    cell: &'static str,
    batch: usize,
    steps: usize,
    inputs: usize,
    hidden: usize,
    threads: usize,
    dtype: &'static str,
    infer_ms: f64,
    train_ms: f64,
}

impl Report {
    /// What was measured, of what.
    pub fn new(cell: Shipped, point: Point, setting: &Setting, times: Times) -> Self {
        Self {
            cell: cell.name(),
            batch: point.batch,
            steps: point.steps,
            inputs: point.inputs,
            hidden: point.hidden,
            threads: setting.threads,
            dtype: setting.dtype.name(),
            infer_ms: times.infer_ms,
            train_ms: times.train_ms,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: infer {:.4} ms, train {:.4} ms",
            self.cell, self.infer_ms, self.train_ms
        )
    }
}

/// Measures a cell at a point: [`times`] for a cell that is known only by name.
pub type Measure = fn(Shipped, Point, &Setting) -> Result<Times, Failure>;

/// Measures the cell `C` at a point.
pub fn times<C: Cell, T: Element>(point: Point, setting: &Setting) -> Result<Times, Failure> {
    let kernel = Kernel::<C, T>::with_width(&sizes(&C::SPEC, &point), setting.width)?;
    let kernel = kernel.with_threads(&Threads::new(setting.threads)?);
    let mut work = Work::new(kernel, &point)?;
    Ok(Times {
        infer_ms: median_ms(setting.time, || Ok(work.infer()?))?,
        train_ms: median_ms(setting.time, || Ok(work.train()?))?,
    })
}

/// Measures the parts of a training pass of the cell `C` at a point.
pub fn parts<C: Cell, T: Element>(point: Point, setting: &Setting) -> Result<Parts, Failure> {
    let kernel = Kernel::<C, T>::with_width(&sizes(&C::SPEC, &point), setting.width)?;
    let kernel = kernel.with_threads(&Threads::new(setting.threads)?);
    let mut work = Work::new(kernel, &point)?;
    let per_step = |ms: f64| 1e6 * ms / point.steps as f64;
    Ok(Parts {
        forward_ns: per_step(median_ms(setting.time, || Ok(work.forward()?))?),
        backward_ns: per_step(median_ms(setting.time, || Ok(work.backward()?))?),
        pack_ns: per_step(median_ms(setting.time, || Ok(work.repack()?))?),
    })
}

/// The median time of calls of `work`: two to warm up, then at least five, and as many as start within `time`.
pub fn median_ms(
    time: Duration,
    mut work: impl FnMut() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    for _ in 0..2 {
        work()?;
    }
    let mut samples = Vec::new();
    let start = Instant::now();
    while samples.len() < 5 || start.elapsed() < time {
        let before = Instant::now();
        work()?;
        samples.push(before.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(samples).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use lstm_core::cells::PeepholeLstm;

    use super::*;

    const SETTING: Setting = Setting {
        dtype: Dtype::F32,
        width: Width::Scalar,
        threads: 1,
        time: Duration::ZERO,
    };

    #[test]
    fn two_calls_warm_up_and_five_are_timed() {
        let mut calls = 0;
        let ms = median_ms(Duration::ZERO, || {
            calls += 1;
            Ok(())
        });
        assert!(ms.unwrap() >= 0.0);
        assert_eq!(calls, 7);
    }

    #[test]
    fn both_kinds_of_pass_take_time() {
        let point = "2,3,4,5".parse().unwrap();
        let times = times::<PeepholeLstm, f64>(point, &SETTING).unwrap();
        assert!(times.infer_ms > 0.0 && times.train_ms > 0.0);
    }

    #[test]
    fn the_parts_of_a_pass_take_time() {
        let point = "1,3,2,4".parse().unwrap();
        let parts = parts::<PeepholeLstm, f64>(point, &SETTING).unwrap();
        assert!(parts.forward_ns > 0.0 && parts.backward_ns > 0.0 && parts.pack_ns > 0.0);
    }

    #[test]
    fn threads_take_part() {
        let setting = Setting {
            threads: 2,
            ..SETTING
        };
        let times = times::<PeepholeLstm, f32>("2,3,4,5".parse().unwrap(), &setting).unwrap();
        assert!(times.infer_ms > 0.0 && times.train_ms > 0.0);
    }

    /// The names and types that programs which call this command rely on.
    #[test]
    fn a_report_is_one_flat_object() {
        let point = "1,2,3,4".parse().unwrap();
        let times = Times {
            infer_ms: 0.5,
            train_ms: 1.5,
        };
        let report = Report::new(Shipped::Lstm, point, &SETTING, times);
        assert_eq!(
            crate::failure::json(&report).unwrap(),
            r#"{"cell":"lstm","batch":1,"steps":2,"inputs":3,"hidden":4,"threads":1,"dtype":"f32","infer_ms":0.5,"train_ms":1.5}"#
        );
    }
}
