//! The seeds of an experiment over threads, with progress, noting each as soon as it is done.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use lstm_core::Error;

use super::args::Common;
use super::experiment::Experiment;
use super::results::{self, Trial};
use crate::failure::Failure;
use crate::progress::{bar, grouped};

/// How often the bar moves.
const REFRESH: Duration = Duration::from_millis(200);

/// What networks in training tell and are told.
pub struct Watch<'a> {
    stop: &'a (dyn Fn() -> bool + Sync),
    failed: AtomicBool,
    sequences: AtomicU64,
}

impl<'a> Watch<'a> {
    /// A watch that says stop when `stop` does.
    pub fn new(stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            stop,
            failed: AtomicBool::new(false),
            sequences: AtomicU64::new(0),
        }
    }

    /// Notes that so many further sequences are done, and says whether to stop.
    pub fn says_stop_after(&self, sequences: u64) -> bool {
        self.sequences.fetch_add(sequences, Ordering::Relaxed);
        self.says_stop()
    }

    fn says_stop(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || (self.stop)()
    }
}

/// Trains the networks of all seeds that are not in the results file, and returns all trials in the order of the seeds.
///
/// # Errors
/// A results file that cannot be read or written; `stop` that came true before the end.
pub fn run(
    experiment: &Experiment<'_>,
    common: &Common,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Trial>, Failure> {
    let seeds = common.seed..common.seed.saturating_add(common.seeds);
    let mut trials: Vec<Trial> = results::read(&common.results)?
        .into_iter()
        .filter(|trial| trial.experiment == experiment.key && seeds.contains(&trial.seed))
        .collect();
    trials.sort_by_key(|trial| trial.seed);
    trials.dedup_by_key(|trial| trial.seed);
    let left: Vec<u64> = seeds
        .filter(|seed| (trials.binary_search_by_key(seed, |trial| trial.seed)).is_err())
        .collect();
    if left.is_empty() {
        return Ok(trials);
    }
    results::require_writable(&common.results)?;
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let threads = common
        .threads
        .map_or_else(cores, |threads| threads as usize);

    let (watch, next) = (Watch::new(stop), AtomicU64::new(0));
    let bar = Bar::new(experiment, trials.len(), left.len());
    let (sender, receiver) = mpsc::channel();
    let done: Result<(), Failure> = thread::scope(|scope| {
        for _ in 0..threads.min(left.len()) {
            let (sender, watch, next, left) = (sender.clone(), &watch, &next, &left);
            scope.spawn(move || {
                while let Some(&seed) = left.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let trained = train(experiment, seed, watch).transpose();
                    let Some(trained) = trained else { return };
                    // Whoever received has found an error and says so; nobody needs this result.
                    if sender.send(trained).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let received = loop {
            match receiver.recv_timeout(REFRESH) {
                Ok(trained) => {
                    let noted = trained.map_err(Failure::from).and_then(|trial| {
                        results::add(&common.results, &trial)?;
                        Ok(trial)
                    });
                    match noted {
                        Ok(trial) => trials.push(trial),
                        Err(failure) => break Err(failure),
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break Ok(()),
            }
            bar.show(&trials, watch.sequences.load(Ordering::Relaxed));
        };
        watch.failed.store(received.is_err(), Ordering::Relaxed);
        received
    });
    bar.finish();
    done?;
    trials.sort_by_key(|trial| trial.seed);
    match trials.len() {
        done if done as u64 == common.seeds => Ok(trials),
        0 => Err(Failure::StoppedAtOnce),
        done => Err(Failure::Stopped {
            path: common.results.clone(),
            done,
            seeds: common.seeds,
        }),
    }
}

fn train(
    experiment: &Experiment<'_>,
    seed: u64,
    watch: &Watch<'_>,
) -> Result<Option<Trial>, Error> {
    if watch.says_stop() {
        return Ok(None);
    }
    let start = Instant::now();
    let outcome = (experiment.train)(seed, watch)?;
    Ok(outcome.map(|outcome| Trial {
        experiment: experiment.key.clone(),
        seed,
        outcome,
        seconds: start.elapsed().as_secs_f64(),
    }))
}

/// The bar on a terminal: of the sequences or streams that the networks may take, those that are done with or no longer needed.
struct Bar {
    bar: Option<ProgressBar>,
    unit: &'static str,
    limit: u64,
    already_done: usize,
}

impl Bar {
    fn new(experiment: &Experiment<'_>, already_done: usize, left: usize) -> Self {
        let length = experiment.limit.saturating_mul(left as u64);
        Self {
            bar: bar(length, "{wide_bar} {msg}, at most {eta} left"),
            unit: experiment.unit,
            limit: experiment.limit,
            already_done,
        }
    }

    fn show(&self, trials: &[Trial], sequences: u64) {
        let Some(bar) = &self.bar else { return };
        let outcomes = || trials.iter().map(|trial| trial.outcome);
        let spared: u64 = outcomes()
            .skip(self.already_done)
            .map(|outcome| self.limit.saturating_sub(outcome.sequences))
            .sum();
        bar.set_position(sequences.saturating_add(spared));
        let solved = outcomes().filter(|outcome| outcome.solved_after.is_some());
        bar.set_message(format!(
            "{} of {} networks solved it, {} {}",
            solved.count(),
            trials.len(),
            grouped(sequences),
            self.unit
        ));
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::atomic::AtomicUsize;

    use serde_json::json;

    use super::super::args::Rule;
    use super::super::report::Report;
    use super::super::results::Outcome;
    use super::*;

    /// A results file of its own for each test, removed when it goes out of scope.
    struct Results(PathBuf);

    impl Results {
        fn new(name: &str) -> Self {
            let name = format!("lstm-paper-{name}-{}.jsonl", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn common(&self, seeds: u64, threads: u64) -> Common {
            Common {
                rule: Rule::Truncated,
                seeds,
                seed: 1,
                threads: Some(threads),
                limit: None,
                rate: None,
                range: None,
                results: self.0.clone(),
                json: false,
            }
        }
    }

    impl Drop for Results {
        fn drop(&mut self) {
            // The test that made no file has none to remove.
            let _ = fs::remove_file(&self.0);
        }
    }

    /// Odd seeds succeed after ten times their number, even ones fail.
    fn experiment(trained: &AtomicUsize) -> Experiment<'_> {
        Experiment {
            key: json!({"task": "odd", "options": {"lag": 3}, "rule": "truncated", "rate": 0.5, "limit": 100}),
            weights: 7,
            unit: "sequences",
            limit: 100,
            published: None,
            train: Box::new(|seed, _| {
                trained.fetch_add(1, Ordering::Relaxed);
                let odd = !seed.is_multiple_of(2);
                Ok(Some(if odd {
                    Outcome::solved(10 * seed * seed)
                } else {
                    Outcome::failed(100)
                }))
            }),
        }
    }

    #[test]
    fn a_resumed_run_gives_the_same_table_and_trains_only_what_is_left() {
        let trained = AtomicUsize::new(0);
        let experiment = experiment(&trained);
        let (whole, resumed) = (Results::new("whole"), Results::new("resumed"));
        let table = |results: &Results, seeds, threads| {
            let trials = run(&experiment, &results.common(seeds, threads), &|| false).unwrap();
            Report::new(&experiment, trials)
        };
        let expected = table(&whole, 5, 1);
        table(&resumed, 2, 1);
        trained.store(0, Ordering::Relaxed);
        let report = table(&resumed, 5, 2);
        assert_eq!(trained.load(Ordering::Relaxed), 3);
        assert_eq!(report, expected);
        assert_eq!(
            report.markdown().lines().last().unwrap(),
            "| odd | lag 3, rate 0.5, at most 100 | truncated | 7 | 3 of 5 (60 %) | 90 | 117 | - | - |"
        );
    }

    #[test]
    fn a_stopped_run_keeps_what_is_done() {
        let trained = AtomicUsize::new(0);
        let experiment = experiment(&trained);
        let results = Results::new("stopped");
        let stop = || trained.load(Ordering::Relaxed) == 2;
        let failure = run(&experiment, &results.common(4, 1), &stop).unwrap_err();
        let said = failure.to_string();
        assert!(said.contains("2 of 4 seeds were done"), "{said}");
        assert_eq!(results::read(&results.0).unwrap().len(), 2);
    }

    #[test]
    fn a_run_that_is_stopped_at_once_names_no_file() {
        let trained = AtomicUsize::new(0);
        let results = Results::new("at-once");
        let failure = run(&experiment(&trained), &results.common(4, 1), &|| true).unwrap_err();
        let said = failure.to_string();
        assert!(
            said.ends_with("no seed was done, so nothing is saved"),
            "{said}"
        );
        assert!(!results.0.exists());
    }

    #[test]
    fn other_experiments_in_the_file_stay_and_do_not_count() {
        let trained = AtomicUsize::new(0);
        let mut experiment = experiment(&trained);
        let results = Results::new("others");
        run(&experiment, &results.common(2, 1), &|| false).unwrap();
        experiment.key["rate"] = json!(0.25);
        run(&experiment, &results.common(2, 1), &|| false).unwrap();
        assert_eq!(trained.load(Ordering::Relaxed), 4);
        assert_eq!(results::read(&results.0).unwrap().len(), 4);
    }

    /// The nearest double to these digits is found only by reading that rounds correctly: reading that multiplies by a power of ten
    /// ends one double beside it, about once in four rates of full precision.
    #[test]
    fn a_rate_of_full_precision_is_recognised() {
        let trained = AtomicUsize::new(0);
        let mut experiment = experiment(&trained);
        experiment.key["rate"] = json!(0.9424502837770503);
        let results = Results::new("precision");
        for _ in 0..2 {
            run(&experiment, &results.common(1, 1), &|| false).unwrap();
        }
        assert_eq!(trained.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_line_that_is_no_result_is_named() {
        let trained = AtomicUsize::new(0);
        let experiment = experiment(&trained);
        let results = Results::new("wrong");
        run(&experiment, &results.common(1, 1), &|| false).unwrap();
        let text = fs::read_to_string(&results.0).unwrap() + "{}\n";
        fs::write(&results.0, text).unwrap();
        let failure = run(&experiment, &results.common(1, 1), &|| false).unwrap_err();
        assert!(failure.to_string().starts_with("line 2 of "), "{failure}");
    }
}
