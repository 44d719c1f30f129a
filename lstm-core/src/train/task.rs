//! What is learned: the loss of a batch, and perhaps a validation loss.

use crate::error::Result;

/// The loss of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchLoss {
    /// The mean over the targets of the batch.
    pub mean: f64,
    /// How many targets that were, to weigh batches against each other; the number of samples if not given.
    pub weight: Option<f64>,
}

impl BatchLoss {
    /// The mean over so many targets: those that count, where samples differ in length or targets are ignored.
    pub fn weighted(mean: f64, weight: f64) -> Self {
        Self {
            mean,
            weight: Some(weight),
        }
    }
}

impl From<f64> for BatchLoss {
    fn from(mean: f64) -> Self {
        Self { mean, weight: None }
    }
}

/// What a model `M` of numbers `T` is to learn.
///
/// A closure `|model: &M, samples: &[usize], gradient: &mut [T]|` that returns a `Result` of the mean loss, or of a
/// [`BatchLoss`], is a task. Its arguments need their types written out. [`with_validation`] joins two closures. A type of
/// one's own keeps the buffers between the batches.
pub trait Task<M, T> {
    /// The mean loss of these samples; its gradient, laid out as [`Parameters::visit`](crate::params::Parameters::visit)
    /// goes, is added to zeros.
    ///
    /// # Errors
    /// Whatever goes wrong; [`Error::custom`](crate::Error::custom) takes in errors of another kind.
    fn gradient(&mut self, model: &M, samples: &[usize], gradient: &mut [T]) -> Result<BatchLoss>;

    /// A loss on what is not trained on; none if there is no such thing. Lower is better.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn validate(&mut self, _model: &M) -> Result<Option<f64>> {
        Ok(None)
    }
}

impl<M, T, F, L> Task<M, T> for F
where
    F: FnMut(&M, &[usize], &mut [T]) -> Result<L>,
    L: Into<BatchLoss>,
{
    fn gradient(&mut self, model: &M, samples: &[usize], gradient: &mut [T]) -> Result<BatchLoss> {
        self(model, samples, gradient).map(Into::into)
    }
}

/// A task made of two closures; see [`with_validation`].
#[derive(Debug, Clone)]
pub struct Validated<F, G> {
    gradient: F,
    validate: G,
}

/// The task whose batches cost what `gradient` says and whose validation loss is what `validate` says.
pub fn with_validation<M, T, L, F, G>(gradient: F, validate: G) -> Validated<F, G>
where
    F: FnMut(&M, &[usize], &mut [T]) -> Result<L>,
    L: Into<BatchLoss>,
    G: FnMut(&M) -> Result<f64>,
{
    Validated { gradient, validate }
}

impl<M, T, L, F, G> Task<M, T> for Validated<F, G>
where
    F: FnMut(&M, &[usize], &mut [T]) -> Result<L>,
    L: Into<BatchLoss>,
    G: FnMut(&M) -> Result<f64>,
{
    fn gradient(&mut self, model: &M, samples: &[usize], gradient: &mut [T]) -> Result<BatchLoss> {
        (self.gradient)(model, samples, gradient).map(Into::into)
    }

    fn validate(&mut self, model: &M) -> Result<Option<f64>> {
        (self.validate)(model).map(Some)
    }
}
