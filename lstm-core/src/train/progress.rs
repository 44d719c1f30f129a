//! How far a run has come, as plain data.

use crate::optim::Watch;
use crate::order::Place;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The step, counted from 0.
    pub step: u64,
    /// Its epoch, counted from 0.
    pub epoch: u64,
    /// How many samples it saw.
    pub samples: usize,
    /// The mean loss of its batches, before the step.
    pub loss: f64,
    /// The norm of the gradient before clipping.
    pub norm: f64,
    /// The learning rate.
    pub rate: f64,
}

/// What an evaluation found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// How many steps had been done.
    pub step: u64,
    /// The epoch it fell into, counted from 0; at the end of an epoch the one that ended.
    pub epoch: u64,
    /// The mean loss of the batches since the last evaluation; none if there were no batches.
    pub training_loss: Option<f64>,
    /// The validation loss, if the task has one.
    pub validation_loss: Option<f64>,
    /// The learning rate of the last step.
    pub rate: f64,
    /// Whether this was the best so far.
    pub is_best: bool,
}

impl Evaluation {
    /// What plateaus, early stopping and the best parameters go by: the validation loss, or the training loss in its absence.
    pub fn value(&self) -> Option<f64> {
        self.validation_loss.or(self.training_loss)
    }
}

/// A weighted mean that is being taken.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mean {
    /// The sum of weights times values.
    pub sum: f64,
    /// The sum of the weights.
    pub weight: f64,
}

impl Mean {
    /// Takes a value.
    pub fn add(&mut self, value: f64, weight: f64) {
        self.sum += weight * value;
        self.weight += weight;
    }

    /// The mean; none without any weight.
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// The best evaluation so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Best<T> {
    /// Its value.
    pub value: f64,
    /// How many steps had been done.
    pub step: u64,
    /// The parameters at that moment in the order of [`Parameters::visit`](crate::params::Parameters::visit), if they are
    /// kept; empty otherwise.
    pub parameters: Vec<T>,
}

/// All that a [`Trainer`](super::Trainer) knows beside the optimiser: enough to go on after a restart, bit by bit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress<T> {
    /// How many steps have been done.
    pub steps: u64,
    /// How many samples have been seen.
    pub samples: u64,
    /// How many samples the data has; none before a trainer has said so.
    pub count: Option<usize>,
    /// The seed of their order; none if they come in turn.
    pub seed: Option<u64>,
    /// The place in the order of the data.
    pub place: Place,
    /// The mean loss since the last evaluation.
    pub since: Mean,
    /// The best evaluation.
    pub best: Option<Best<T>>,
    /// What the plateau remembers, if there is one.
    pub plateau: Option<Watch>,
    /// What early stopping remembers, if it is on.
    pub stopping: Option<Watch>,
    /// All evaluations.
    pub history: Vec<Evaluation>,
}

impl<T> Default for Progress<T> {
    /// That of a run that has not begun, without plateau or early stopping.
    fn default() -> Self {
        Self {
            steps: 0,
            samples: 0,
            count: None,
            seed: None,
            place: Place {
                epoch: 0,
                position: 0,
            },
            since: Mean::default(),
            best: None,
            plateau: None,
            stopping: None,
            history: Vec::new(),
        }
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It has done all its epochs.
    Epochs,
    /// It has done all its steps.
    Steps,
    /// The loss has not improved for too long.
    Stopping,
    /// There was a plateau after the last reduction of the rate.
    Plateau,
    /// A callback stopped it; it can be run on.
    Callback,
}
