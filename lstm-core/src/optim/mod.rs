//! Optimisers: from a gradient to the next parameters.

mod adam;
mod clip;
mod sgd;

pub use adam::Adam;
pub use clip::clip_global_norm;
pub use sgd::Sgd;

use crate::error::Result;
use crate::params::Parameters;

/// A rule that changes a model's parameters by a gradient.
///
/// An optimiser may keep memory per parameter, made at its first step; from then on it belongs to models of that size.
pub trait Optimiser<T> {
    /// One step. `gradient` is laid out as [`Parameters::visit`] goes.
    ///
    /// # Errors
    /// A gradient of another length than the model's parameters, or than at earlier steps.
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()>;

    /// The learning rate.
    fn rate(&self) -> f64;

    /// Sets the learning rate, for schedules.
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    fn set_rate(&mut self, rate: f64) -> Result<()>;
}
