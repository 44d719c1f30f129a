//! An experiment with all its options, ready to be run for any seed.

use clap::Args;
use lstm_core::Error;
use serde::Serialize;
use serde_json::{Value, json};

use super::args::With;
use super::results::Outcome;
use super::runner::Watch;
use super::stream_task::{self, StreamTask};
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
    /// What networks learn from: "sequences" or "streams".
    pub unit: &'static str,
    /// The most of them.
    pub limit: u64,
    /// What the paper reports, if that is for the same options, rate and range.
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
        let papers = task.topology().range;
        let range = common.range.unwrap_or(papers);
        let published = task.published_at(rate).filter(|_| range == papers);
        let limit = published.and_then(|published| published.sequences);
        let limit = limit.map_or_else(|| task.limit(), |sequences| 10 * sequences);
        let setting = Setting {
            rule: common.rule,
            rate,
            range,
            limit: common.limit.unwrap_or(limit),
        };
        Ok(Self {
            key: key(T::NAME, task, &setting),
            weights: task::weights(task)?,
            unit: "sequences",
            limit: setting.limit,
            published,
            train: Box::new(move |seed, watch| task::train(task, &setting, seed, watch)),
        })
    }

    /// An experiment on endless streams.
    ///
    /// # Errors
    /// Sizes that are too large.
    pub fn of_streams<T: StreamTask + Args>(with: &'a With<T>) -> Result<Self, Failure> {
        let (task, common) = (&with.task, &with.common);
        let papers = (task.descent().0.rate, task.design().topology.range);
        let setting = Setting {
            rule: common.rule,
            rate: common.rate.unwrap_or(papers.0),
            range: common.range.unwrap_or(papers.1),
            limit: common.limit.unwrap_or_else(|| task.limit()),
        };
        let is_papers = (setting.rate, setting.range) == papers;
        Ok(Self {
            key: key(T::NAME, task, &setting),
            weights: stream_task::weights(task)?,
            unit: "streams",
            limit: setting.limit,
            published: task.published().filter(|_| is_papers),
            train: Box::new(move |seed, watch| stream_task::train(task, &setting, seed, watch)),
        })
    }
}

fn key(name: &str, task: &impl Serialize, setting: &Setting) -> Value {
    json!({
        "task": name,
        "options": task,
        "rule": setting.rule,
        "rate": setting.rate,
        "range": setting.range,
        "limit": setting.limit,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::tasks::LongLag;
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        with: With<LongLag>,
    }

    #[test]
    fn range_and_rate_are_the_papers_unless_given() {
        let chosen = |line: &[&str]| {
            let line = Line::parse_from(line);
            let key = Experiment::of_sequences(&line.with).unwrap().key;
            [key["range"].as_f64(), key["rate"].as_f64()]
        };
        assert_eq!(chosen(&["lag"]), [Some(0.2), Some(0.01)]);
        assert_eq!(
            chosen(&["lag", "--range", "0.05", "--rate", "1"]),
            [Some(0.05), Some(1.0)]
        );
    }

    /// A figure of the paper stands beside its own rate and range only.
    #[test]
    fn figures_are_those_of_the_papers_rate_and_range() {
        let published = |line: &[&str]| {
            let line = Line::parse_from(line);
            let experiment = Experiment::of_sequences(&line.with).unwrap();
            (experiment.published.is_some(), experiment.limit)
        };
        // 30,000 sequences at a lag of 50.
        assert_eq!(published(&["lag"]), (true, 300_000));
        assert_eq!(published(&["lag", "--rate", "0.01"]), (true, 300_000));
        for other in [["--rate", "3"], ["--range", "0.05"], ["--lag", "51"]] {
            let line = [&["lag"], &other[..]].concat();
            assert_eq!(published(&line), (false, 490_000), "{other:?}");
        }
    }

    /// Other first weights lead elsewhere.
    #[test]
    fn networks_start_from_the_range() {
        let solved = |range| {
            let line = Line::parse_from([
                "lag",
                "--lag",
                "2",
                "--distractors",
                "2",
                "--rate",
                "1",
                "--range",
                range,
                "--limit",
                "15000",
            ]);
            let experiment = Experiment::of_sequences(&line.with).unwrap();
            let outcome = (experiment.train)(1, &Watch::new(&|| false)).unwrap();
            outcome.unwrap().solved_after
        };
        let (narrow, wide) = (solved("0.05"), solved("0.2"));
        assert!(narrow.is_some() && wide.is_some());
        assert_ne!(narrow, wide);
    }
}
