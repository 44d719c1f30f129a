//! Training: the loop, for any model.
//!
//! Whoever trains says what a batch costs, as a closure or a [`Task`]; a [`Trainer`] does the rest: batches in a seeded
//! order, accumulation, clipping, the rate by a schedule or by plateaus, validation, early stopping with the best
//! parameters kept, a history, and a [`Progress`] from which it goes on bit by bit. [`Callback`]s watch and may stop it.
//!
//! ```
//! use faer::Mat;
//! use lstm_core::loss::mean_squared_gradient;
//! use lstm_core::optim::{AdamW, Schedule, WeightDecay};
//! use lstm_core::train::{Clip, End, Trainer};
//! use lstm_core::{Linear, Order, Rng, init::Init};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! // Sample i has two features; its target is their sum.
//! let feature = |i: usize, sample: usize| ((5 * i + 7 * sample) as f32).sin();
//! let mut model = Linear::<f32>::new(2, 1, Init::Xavier, &mut Rng::new(1))?;
//! let mut task = |model: &Linear<f32>, samples: &[usize], gradient: &mut [f32]| {
//!     let x = Mat::from_fn(2, samples.len(), |i, j| feature(i, samples[j]));
//!     let sum = |sample| feature(0, sample) + feature(1, sample);
//!     let target = Mat::from_fn(1, samples.len(), |_, j| sum(samples[j]));
//!     let mut y = Mat::zeros(1, samples.len());
//!     model.apply(x.as_ref(), y.as_mut())?;
//!     let loss = mean_squared_gradient(y.as_mut(), target.as_ref())?;
//!     model.backprop(x.as_ref(), y.as_ref(), gradient, None)?;
//!     Ok(loss)
//! };
//!
//! let adam = AdamW::new(0.05)?.with_weight_decay(WeightDecay::all(1e-4)?.with("*bias", 0.0)?);
//! let mut trainer = Trainer::new(adam, Order::new(100, 42)?, 10)?
//!     .with_epochs(20)?
//!     .with_schedule(Schedule::cosine(0.05, 200)?.with_warm_up(10))?
//!     .with_clip(Clip::Norm(1.0))?;
//! assert_eq!(trainer.run(&mut model, &mut task, &mut ())?, End::Epochs);
//! let history = &trainer.progress().history;
//! assert!(history.last().unwrap().training_loss < Some(1e-3));
//! # Ok(())
//! # }
//! ```
//!
//! # A loop of one's own
//! [`Trainer::step`] is one step and [`Trainer::evaluate`] one evaluation; `run` does nothing else. Further down,
//! [`Order`](crate::Order) and the parts of [`optim`](crate::optim) work without a trainer.
//!
//! # Going on after a restart
//! Parameters, [`Optimiser::state`](crate::optim::Optimiser::state) and [`Progress`] are all there is, if the task itself
//! remembers nothing from batch to batch. Callbacks see the three of them, always of the same moment.

#[cfg(feature = "progress")]
mod bar;
mod callback;
mod options;
mod progress;
mod run;
mod task;
mod trainer;

#[cfg(feature = "progress")]
pub use bar::Bar;
pub use callback::{Callback, Moment, OnEvaluation, OnStep, Plan, on_evaluation, on_step};
pub use options::{Clip, Every};
pub use progress::{Best, End, Evaluation, Mean, Progress, StepReport};
pub use task::{BatchLoss, Task, Validated, with_validation};
pub use trainer::Trainer;

#[cfg(test)]
mod tests;
