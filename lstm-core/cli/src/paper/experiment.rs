//! An experiment with all its options, ready to be run for any seed.

use clap::Args;
use lstm_core::Error;
use serde_json::{Value, json};

use super::args::With;
use super::results::Outcome;
use super::runner::Watch;
use super::task::{self, Published, Setting, Task};
use crate::failure::Failure;

/// Trains the network of a seed; nothing if it was told to stop.
type Train<'a> = dyn Fn(u64, &Watch<'_>) -> Result<Option<Outcome>, Error> + Sync + 'a;

/// An experiment.
pub struct Experiment<'a> {
    /// Everything that determines what becomes of a seed.
    pub key: Value,
    /// How many weights the network has.
    pub weights: usize,
    /// The most sequences.
    pub limit: u64,
    /// What the paper reports.
    pub published: Option<Published>,
    /// Trains the network of a seed.
    pub train: Box<Train<'a>>,
}

impl<'a> Experiment<'a> {
    /// An experiment with separate sequences.
    ///
    /// # Errors
    /// Sizes that are too large.
    pub fn of_sequences<T: Task + Args>(with: &'a With<T>) -> Result<Self, Failure> {
        let (task, common) = (&with.task, &with.common);
        let rate = common.rate.unwrap_or_else(|| task.rate());
        let published = task.published_at(rate);
        let limit = published.and_then(|published| published.sequences);
        let limit = limit.map_or_else(|| task.limit(), |sequences| 10 * sequences);
        let setting = Setting {
            rule: common.rule,
            rate,
            range: common.range.unwrap_or_else(|| task.topology().range),
            limit: common.limit.unwrap_or(limit),
        };
        Ok(Self {
            key: json!({
                "task": T::NAME,
                "options": task,
                "rule": setting.rule,
                "rate": setting.rate,
                "range": setting.range,
                "limit": setting.limit,
            }),
            weights: task::weights(task)?,
            limit: setting.limit,
            published,
            train: Box::new(move |seed, watch| task::train(task, &setting, seed, watch)),
        })
    }
}
