//! The table of an experiment.

use serde::Serialize;
use serde_json::Value;

use super::experiment::Experiment;
use super::results::Trial;
use super::task::Published;
use crate::progress::grouped;

/// What an experiment showed, beside what was published.
#[derive(Debug, PartialEq, Serialize)]
pub struct Report {
    experiment: Value,
    weights: usize,
    networks: usize,
    solved: usize,
    /// What is counted as sequences.
    unit: &'static str,
    /// Percent of the networks.
    success: f64,
    /// Sequences to success, over the networks that had any.
    median_sequences: Option<f64>,
    /// The same on average, as most papers state it; a few slow networks make it much larger.
    mean_sequences: Option<f64>,
    /// The root of the mean squared error in the test, on average over the networks that passed one.
    mean_rmse: Option<f64>,
    published: Option<Published>,
    trials: Vec<Seed>,
}

/// One network.
#[derive(Debug, PartialEq, Serialize)]
struct Seed {
    seed: u64,
    solved_after: Option<u64>,
    sequences: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rmse: Option<f64>,
}

impl Report {
    /// Sums up the trials of an experiment.
    pub fn new(experiment: &Experiment<'_>, trials: Vec<Trial>) -> Self {
        let solved = trials.iter().filter_map(|trial| trial.outcome.solved_after);
        let mut sorted: Vec<f64> = solved.map(|sequences| sequences as f64).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = || (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
        let seed = |trial: &Trial| Seed {
            seed: trial.seed,
            solved_after: trial.outcome.solved_after,
            sequences: trial.outcome.sequences,
            rmse: trial.outcome.rmse,
        };
        let errors = trials.iter().filter_map(|trial| trial.outcome.rmse);
        let errors: Vec<f64> = errors.collect();
        let mean = |values: &[f64]| {
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Self {
            experiment: experiment.key.clone(),
            weights: experiment.weights,
            networks: trials.len(),
            solved: sorted.len(),
            unit: experiment.unit,
            success: 100.0 * sorted.len() as f64 / trials.len().max(1) as f64,
            median_sequences: (!sorted.is_empty()).then(median),
            mean_sequences: mean(&sorted),
            mean_rmse: mean(&errors),
            published: experiment.published,
            trials: trials.iter().map(seed).collect(),
        }
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let percent = |value: f64| format!("{value:.0} %");
        let whole = |value: f64| grouped(value.round() as u64);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let text = |name: &str| self.experiment[name].as_str().unwrap_or_default();
        let published = self.published;
        let mut cells = vec![
            text("task").to_owned(),
            self.options(),
            text("rule").to_owned(),
            self.weights.to_string(),
            format!(
                "{} of {} ({})",
                self.solved,
                self.networks,
                percent(self.success)
            ),
            or_dash(self.median_sequences.map(whole)),
            or_dash(self.mean_sequences.map(whole)),
            or_dash(
                published
                    .and_then(|published| published.success)
                    .map(percent),
            ),
            or_dash(
                published
                    .and_then(|published| published.sequences)
                    .map(grouped),
            ),
        ];
        let unit = self.unit;
        let mut head = format!(
            "| task | options | rule | weights | solved | median {unit} | mean {unit} | published solved | published {unit} |"
        );
        let published = published.and_then(|published| published.rmse);
        if self.mean_rmse.is_some() || published.is_some() {
            let error = |value: f64| format!("{value:.3}");
            head += " RMSE | published RMSE |";
            cells.extend([self.mean_rmse, published].map(|value| or_dash(value.map(error))));
        }
        let rule = "---|".repeat(cells.len());
        format!("{head}\n|{rule}\n| {} |\n", cells.join(" | "))
    }

    /// All that is chosen beside the rule: the task's options, the rate, the limit.
    fn options(&self) -> String {
        let mut shown = Vec::new();
        if let Some(options) = self.experiment["options"].as_object() {
            shown.extend(options.iter().map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                value => format!("{name} {value}"),
            }));
        }
        shown.push(format!("rate {}", self.experiment["rate"]));
        if let Some(range) = self.experiment["range"].as_f64() {
            shown.push(format!("weights from ±{range}"));
        }
        shown.push(format!("at most {}", self.experiment["limit"]));
        shown.join(", ")
    }
}
