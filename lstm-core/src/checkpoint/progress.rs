//! The progress of a [`Trainer`](crate::train::Trainer) in a checkpoint.

use lstm_kernels::Element;
use serde::{Deserialize, Serialize};

use super::entries::{SavedWatch, number_from_text, number_to_text};
use crate::optim::{LARGEST_COUNT, Watch};
use crate::order::Place;
use crate::train::{Best, Evaluation, Mean, Progress};

/// Everything but the best parameters, which are a tensor.
#[derive(Serialize, Deserialize)]
pub(super) struct SavedProgress {
    steps: u64,
    samples: u64,
    count: Option<usize>,
    seed: Option<u64>,
    epoch: u64,
    position: usize,
    since: [Exact; 2],
    best: Option<SavedBest>,
    plateau: Option<SavedWatch>,
    stopping: Option<SavedWatch>,
    history: Vec<SavedEvaluation>,
}

#[derive(Serialize, Deserialize)]
struct SavedBest {
    value: Exact,
    step: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedEvaluation {
    step: u64,
    epoch: u64,
    training_loss: Option<Exact>,
    validation_loss: Option<Exact>,
    rate: Exact,
    is_best: bool,
}

/// A number as a text with as many digits as it takes.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Exact(f64);

impl From<Exact> for String {
    fn from(Exact(number): Exact) -> Self {
        number_to_text(number)
    }
}

impl TryFrom<String> for Exact {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        number_from_text(&text).map(Self)
    }
}

impl SavedProgress {
    pub fn of<T>(progress: &Progress<T>) -> Self {
        let best = progress.best.as_ref().map(|best| SavedBest {
            value: Exact(best.value),
            step: best.step,
        });
        let history = progress.history.iter().map(|evaluation| SavedEvaluation {
            step: evaluation.step,
            epoch: evaluation.epoch,
            training_loss: evaluation.training_loss.map(Exact),
            validation_loss: evaluation.validation_loss.map(Exact),
            rate: Exact(evaluation.rate),
            is_best: evaluation.is_best,
        });
        Self {
            steps: progress.steps,
            samples: progress.samples,
            count: progress.count,
            seed: progress.seed,
            epoch: progress.place.epoch,
            position: progress.place.position,
            since: [progress.since.sum, progress.since.weight].map(Exact),
            best,
            plateau: progress.plateau.map(SavedWatch::of),
            stopping: progress.stopping.map(SavedWatch::of),
            history: history.collect(),
        }
    }

    /// The progress, with the parameters of the best evaluation.
    pub fn into_progress<T: Element>(self, parameters: Vec<T>) -> Result<Progress<T>, String> {
        // Beyond that no run comes, and a trainer that counts on would overflow.
        if self.steps.max(self.samples) > LARGEST_COUNT {
            return Err("it counts more than 2^53 steps or samples".to_owned());
        }
        let watch = |watch: Option<SavedWatch>| -> Result<Option<Watch>, String> {
            watch.map(SavedWatch::into_watch).transpose()
        };
        let [Exact(sum), Exact(weight)] = self.since;
        let number = |number: Option<Exact>| number.map(|Exact(number)| number);
        let history = self.history.into_iter().map(|evaluation| Evaluation {
            step: evaluation.step,
            epoch: evaluation.epoch,
            training_loss: number(evaluation.training_loss),
            validation_loss: number(evaluation.validation_loss),
            rate: evaluation.rate.0,
            is_best: evaluation.is_best,
        });
        Ok(Progress {
            steps: self.steps,
            samples: self.samples,
            count: self.count,
            seed: self.seed,
            place: Place {
                epoch: self.epoch,
                position: self.position,
            },
            since: Mean { sum, weight },
            best: self.best.map(|best| Best {
                value: best.value.0,
                step: best.step,
                parameters,
            }),
            plateau: watch(self.plateau)?,
            stopping: watch(self.stopping)?,
            history: history.collect(),
        })
    }
}
