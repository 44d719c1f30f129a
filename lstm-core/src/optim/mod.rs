//! Optimisers: from a gradient to the next parameters, and all that belongs to a step of training.
//!
//! | what | by |
//! |---|---|
//! | a step | [`Sgd`], [`RmsProp`], [`Adam`], [`AdamW`], [`AveragedSgd`] |
//! | decay of weights by name | [`WeightDecay`] |
//! | a bound on the gradient | [`clip_global_norm`], [`clip_norm_each`], [`clip_value`] |
//! | a gradient that is zero but for a few rows of a large table | [`Touched`] |
//! | one gradient from several batches | [`Accumulator`] |
//! | the rate from the step | [`Schedule`] |
//! | the rate from validation, and when to stop | [`Plateau`], [`EarlyStopping`] |
//! | going on after a restart | [`OptimiserState`], [`Watch`] |
//!
//! ```
//! use lstm_core::optim::{AdamW, Optimiser, Schedule, WeightDecay};
//! use lstm_core::{Linear, Rng, init::Init};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let mut model = Linear::<f32>::new(3, 2, Init::Xavier, &mut Rng::new(1))?;
//! let decay = WeightDecay::all(0.01)?.with("*bias", 0.0)?;
//! let mut adam = AdamW::new(0.001)?.with_weight_decay(decay);
//! let schedule = Schedule::cosine(0.001, 1000)?.with_warm_up(100);
//! for step in 0..3 {
//!     adam.set_rate(schedule.rate(step))?;
//!     adam.step(&mut model, &[0.1; 8])?;
//! }
//! let kept = adam.state();
//! let mut resumed = AdamW::new(0.001)?;
//! resumed.load_state(&kept)?;
//! assert_eq!(resumed.state(), kept);
//! # Ok(())
//! # }
//! ```

mod accumulate;
mod adam;
mod averaged;
mod clip;
mod decay;
mod plateau;
mod rmsprop;
mod schedule;
mod sgd;
mod state;
mod touched;

pub use accumulate::Accumulator;
pub use adam::{Adam, AdamW};
pub use averaged::AveragedSgd;
pub use clip::{clip_global_norm, clip_global_norm_at, clip_norm_each, clip_value, global_norm_at};
pub use decay::WeightDecay;
pub use plateau::{EarlyStopping, Plateau, Watch};
pub use rmsprop::RmsProp;
pub use schedule::Schedule;
pub use sgd::Sgd;
pub use state::OptimiserState;
pub use touched::Touched;

pub(crate) use clip::sum_of_squares;
pub(crate) use state::LARGEST_COUNT;

use lstm_kernels::Element;

use crate::error::{Result, require_finite_in, require_len, require_not_negative};
use crate::params::Parameters;

/// A rule that changes a model's parameters by a gradient.
///
/// An optimiser may keep memory per parameter, made at its first step; from then on it belongs to models of that size.
/// Formulas and the meaning of options are PyTorch's. One thing differs: [`AveragedSgd`] goes on with a new rate at once, where
/// `ASGD` takes one more step at the old one, since it computes η at the end of the step before.
///
/// Memory of parameters that have no gradient for long fades, and would come to rest among the subnormal numbers, which slow
/// down every step from then on. These count as zero in a step. [`Sgd`] without momentum has no memory and leaves the
/// processor's mode as it is.
pub trait Optimiser<T> {
    /// One step. `gradient` is laid out as [`Parameters::visit`] goes.
    ///
    /// It is taken as it is: what is infinite or not a number gets into the parameters. [`clip_global_norm`] and its
    /// like refuse such a gradient, and so does [`Trainer`](crate::train::Trainer).
    ///
    /// # Errors
    /// A gradient of another length than the model's parameters, or than at earlier steps; a [`WeightDecay`] that names
    /// parameters the model does not have.
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()>;

    /// [`step`](Self::step) by a gradient that is zero wherever it is not `touched`, to the bit.
    ///
    /// An optimiser that leaves a parameter as it is where the gradient is zero goes only there: [`Sgd`] without momentum
    /// and decay of weights. The others take the step as usual.
    ///
    /// # Errors
    /// As [`step`](Self::step), and ranges of a gradient of another length.
    fn step_at(
        &mut self,
        model: &mut dyn Parameters<T>,
        gradient: &[T],
        touched: &Touched,
    ) -> Result<()> {
        require_len("the gradient", touched.len(), gradient.len())?;
        self.step(model, gradient)
    }

    /// [`step_at`](Self::step_at) by `scale` times a gradient, which is zero afterwards.
    ///
    /// To the bit what scaling, a step and clearing do one after the other; [`Sgd`] without momentum and decay of weights does
    /// it in a single pass through memory, which is what a step costs where tables are large.
    ///
    /// # Errors
    /// As [`step_at`](Self::step_at). The gradient may have been scaled then.
    fn spend_at(
        &mut self,
        model: &mut dyn Parameters<T>,
        gradient: &mut [T],
        touched: &Touched,
        scale: f64,
    ) -> Result<()>
    where
        T: Element,
    {
        spend_in_turn(self, model, gradient, touched, scale)
    }

    /// The rate, if a step is θ ← θ - rate · gradient and nothing else: whoever holds a gradient in another form than a slice,
    /// as [`WordSlopes`](crate::WordSlopes) do, may take that part of a step without the optimiser.
    fn plain_rate(&self) -> Option<f64> {
        None
    }

    /// The learning rate.
    fn rate(&self) -> f64;

    /// Sets the learning rate, for schedules. A rate of zero keeps the parameters as they are.
    ///
    /// # Errors
    /// A rate that is negative or not finite.
    fn set_rate(&mut self, rate: f64) -> Result<()>;

    /// What the optimiser has become by its steps: the rate, counters, and its memory per parameter.
    fn state(&self) -> OptimiserState<T>;

    /// Makes the optimiser go on from what [`state`](Self::state) returned, bit for bit. Options that steps do not change are
    /// not part of a state: the optimiser must have been built with the same ones. The rate is, and so is the step from which
    /// [`AveragedSgd`] averages, which may be chosen on the way.
    ///
    /// # Errors
    /// The state of another kind of optimiser, or one that is incomplete; nothing is changed then.
    fn load_state(&mut self, state: &OptimiserState<T>) -> Result<()>;
}

/// Refuses a learning rate that is negative or infinite, also as a number of the parameters' type. Zero is for schedules.
fn require_rate<T: Element>(rate: f64) -> Result<()> {
    require_not_negative("the learning rate", rate)?;
    require_finite_in::<T>("the learning rate", rate)
}

/// [`Optimiser::spend_at`] as three passes through memory.
fn spend_in_turn<T: Element, O: Optimiser<T> + ?Sized>(
    optimiser: &mut O,
    model: &mut dyn Parameters<T>,
    gradient: &mut [T],
    touched: &Touched,
    scale: f64,
) -> Result<()> {
    require_len("the gradient", touched.len(), gradient.len())?;
    if scale != 1.0 {
        touched.edit(gradient, |part| scale_by(part, scale));
    }
    optimiser.step_at(model, gradient, touched)?;
    touched.clear(gradient)
}

/// Multiplies every number by a factor.
fn scale_by<T: Element>(values: &mut [T], factor: f64) {
    if vanishes(factor) {
        (values.iter_mut()).for_each(|value| *value = T::from_f64(value.to_f64() * factor));
        return;
    }
    let factor = T::from_f64(factor);
    values.iter_mut().for_each(|value| *value *= factor);
}

/// Whether a factor is zero as an `f32` where subnormal numbers are, as they are in training. What it is to scale may be so large
/// that the result is not.
fn vanishes(factor: f64) -> bool {
    factor.abs() < f64::from(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;
