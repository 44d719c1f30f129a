//! What makes an experiment on endless streams, and the training of one network on it.

use lstm_core::{Cell, Error, Kernel, Rng};
use serde::Serialize;

use super::args::Rule;
use super::design::Design;
use super::online::{Descent, Online};
use super::results::Outcome;
use super::runner::Watch;
use super::task::{Published, Setting};

/// A rate that has decayed to this part of what it was at the start of its stream changes no weight but in its last bits;
/// training goes on with the next stream.
const NEGLIGIBLE: f64 = 1.0 / (1_u128 << 64) as f64;

/// How many steps of a test stream the network sees at once: few at first, because most streams end soon, and twice as many each
/// time.
const FIRST_AT_ONCE: usize = 8;
const MOST_AT_ONCE: usize = 256;

/// An experiment of 2000 or 2002: streams without an end, each of which begins with a state of zeros and is left at the first
/// error, or when it has lasted long enough. Weights change at every step. After each training stream the network is tested
/// on other streams, without learning; the task is solved if it makes no error on them.
pub trait StreamTask: Serialize + Sync {
    /// Its name on the command line.
    const NAME: &'static str;

    /// The cell with the truncated gradient.
    type Truncated: Cell;

    /// The cell with the whole gradient.
    type Full: Cell;

    /// Where streams come from.
    type Stream: Stream;

    /// The network.
    fn design(&self) -> Design;

    /// How weights follow their gradient, and the part of the rate that is left after each step of a stream.
    fn descent(&self) -> (Descent, f64);

    /// An output off by this or more is an error.
    fn tolerance(&self) -> f64 {
        0.49
    }

    /// How much streams may count.
    fn lengths(&self) -> Lengths;

    /// After how many training streams a network has failed.
    fn limit(&self) -> u64;

    /// Whether it is told how far the network was off in the test, too.
    fn tells_error(&self) -> bool {
        false
    }

    /// What the paper reports for these options, if it does.
    fn published(&self) -> Option<Published>;

    /// The streams.
    fn stream(&self) -> Self::Stream;
}

/// How long streams last, in what a stream counts, and how many tests there are.
#[derive(Debug, Clone, Copy)]
pub struct Lengths {
    /// Of a training stream.
    pub training: u64,
    /// Of a test stream.
    pub test: u64,
    /// How many test streams there are.
    pub tests: u64,
}

/// Makes the steps of a stream.
pub trait Stream {
    /// Begins anew.
    fn begin(&mut self);

    /// The next step.
    fn next(&mut self, rng: &mut Rng, step: &mut Step);
}

/// A step of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The input.
    pub x: Vec<f64>,
    /// The targets; none if the outputs do not matter.
    pub targets: Vec<f64>,
    /// Whether it counts for the length of the stream.
    pub counts: bool,
    /// Whether the state is set to zero after it.
    pub resets: bool,
}

impl Step {
    /// A step with so many inputs, all of them zero, and nothing else.
    pub fn new(inputs: usize) -> Self {
        Self {
            x: vec![0.0; inputs],
            targets: Vec::new(),
            counts: false,
            resets: false,
        }
    }

    /// Whether all outputs are nearer to their targets than `tolerance`; a number that is none is not.
    fn is_right(&self, outputs: &[f64], tolerance: f64) -> bool {
        let pairs = outputs.iter().zip(&self.targets);
        pairs.fold(true, |right, (output, target)| {
            right & ((output - target).abs() < tolerance)
        })
    }
}

/// Weights of the network of `task`.
///
/// # Errors
/// Sizes that are too large.
pub fn weights<T: StreamTask>(task: &T) -> Result<usize, Error> {
    let design = task.design();
    let kernel = Kernel::<T::Truncated, f64>::new(&design.topology.sizes())?;
    Ok(design.weights(&kernel))
}

/// Trains the network of one seed until the task is solved, the limit is reached or the watch says stop, which gives
/// nothing.
///
/// # Errors
/// Sizes that are too large.
pub fn train<T: StreamTask>(
    task: &T,
    setting: &Setting,
    seed: u64,
    watch: &Watch<'_>,
) -> Result<Option<Outcome>, Error> {
    match setting.rule {
        Rule::Truncated => Trainer::<T, T::Truncated>::new(task, setting, seed)?.run(watch),
        Rule::Full => Trainer::<T, T::Full>::new(task, setting, seed)?.run(watch),
    }
}

/// One network and its streams.
struct Trainer<'a, T: StreamTask, C: Cell> {
    task: &'a T,
    setting: Setting,
    network: Online<C>,
    stream: T::Stream,
    training: Rng,
    tests: Rng,
    steps: Steps,
    /// How far outputs were off in the test.
    error: SquaredError,
}

impl<'a, T: StreamTask, C: Cell> Trainer<'a, T, C> {
    fn new(task: &'a T, setting: &Setting, seed: u64) -> Result<Self, Error> {
        let mut design = task.design();
        design.topology.range = setting.range;
        // Streams of their own, so that both rules start from the same weights and see the same training streams.
        Ok(Self {
            network: Online::new(&design, setting.rule, &mut Rng::stream(seed, 0))?,
            training: Rng::stream(seed, 1),
            tests: Rng::stream(seed, 2),
            stream: task.stream(),
            steps: Steps::new(design.topology.inputs),
            error: SquaredError::default(),
            setting: *setting,
            task,
        })
    }

    fn run(mut self, watch: &Watch<'_>) -> Result<Option<Outcome>, Error> {
        let lengths = self.task.lengths();
        for count in 1..=self.setting.limit {
            self.learn(lengths.training)?;
            if self.is_solved(lengths)? {
                let rmse = self
                    .task
                    .tells_error()
                    .then(|| self.error.root_mean_square());
                return Ok(Some(Outcome {
                    rmse,
                    ..Outcome::solved(count)
                }));
            }
            if watch.says_stop_after(1) {
                return Ok(None);
            }
        }
        Ok(Some(Outcome::failed(self.setting.limit)))
    }

    /// Learns a stream, up to its first error and that included.
    fn learn(&mut self, length: u64) -> Result<(), Error> {
        let tolerance = self.task.tolerance();
        let (mut descent, decay) = self.task.descent();
        descent.rate = self.setting.rate;
        let least = descent.rate * NEGLIGIBLE;
        let step = &mut self.steps.one;
        self.network.reset();
        self.stream.begin();
        let mut counted = 0;
        while counted < length && descent.rate > least {
            self.stream.next(&mut self.training, step);
            let is_right = step.is_right(self.network.forward(&step.x)?, tolerance);
            self.network.learn(&step.targets, descent)?;
            if !is_right {
                return Ok(());
            }
            descent.rate *= decay;
            counted += u64::from(step.counts);
            if step.resets {
                self.network.reset();
            }
        }
        Ok(())
    }

    /// Whether the network makes no error on the test streams.
    fn is_solved(&mut self, lengths: Lengths) -> Result<bool, Error> {
        self.error = SquaredError::default();
        for _ in 0..lengths.tests {
            if !self.passes(lengths.test)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn passes(&mut self, length: u64) -> Result<bool, Error> {
        let tolerance = self.task.tolerance();
        let steps = &mut self.steps;
        self.network.reset();
        self.stream.begin();
        let (mut counted, mut at_once) = (0, FIRST_AT_ONCE);
        while counted < length {
            steps.clear();
            while steps.count < at_once && counted < length {
                let step = steps.draw(&mut self.stream, &mut self.tests);
                counted += u64::from(step.counts);
                if step.resets {
                    break;
                }
            }
            let (drawn, error) = (steps.drawn(), &mut self.error);
            let is_right = |step: usize, outputs: &[f64]| {
                error.add(outputs, &drawn[step].targets);
                drawn[step].is_right(outputs, tolerance)
            };
            if !self.network.infer(&steps.x, is_right)? {
                return Ok(false);
            }
            if drawn.last().is_some_and(|step| step.resets) {
                self.network.reset();
            }
            at_once = MOST_AT_ONCE.min(2 * at_once);
        }
        Ok(true)
    }
}

/// The squares of distances to targets.
#[derive(Debug, Default)]
struct SquaredError {
    sum: f64,
    count: u64,
}

impl SquaredError {
    fn add(&mut self, outputs: &[f64], targets: &[f64]) {
        let squares = outputs
            .iter()
            .zip(targets)
            .map(|(output, target)| (output - target).powi(2));
        self.sum += squares.sum::<f64>();
        self.count += targets.len() as u64;
    }

    fn root_mean_square(&self) -> f64 {
        (self.sum / self.count as f64).sqrt()
    }
}

/// Steps that are drawn before the network sees them, with memory that is used again.
struct Steps {
    one: Step,
    all: Vec<Step>,
    count: usize,
    /// Their inputs side by side.
    x: Vec<f64>,
}

impl Steps {
    fn new(inputs: usize) -> Self {
        Self {
            one: Step::new(inputs),
            all: vec![Step::new(inputs); MOST_AT_ONCE],
            count: 0,
            x: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.count = 0;
        self.x.clear();
    }

    fn draw(&mut self, stream: &mut impl Stream, rng: &mut Rng) -> &Step {
        let step = &mut self.all[self.count];
        stream.next(rng, step);
        self.x.extend_from_slice(&step.x);
        self.count += 1;
        step
    }

    fn drawn(&self) -> &[Step] {
        &self.all[..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::tasks::continual_reber::{ContinualReber, Memory};

    #[test]
    fn a_short_task_is_solved_by_both_rules() {
        let task = ContinualReber {
            memory: Memory::Reset,
            length: 4,
        };
        let watch = Watch::new(&|| false);
        for rule in [Rule::Truncated, Rule::Full] {
            let mut setting = Setting {
                rule,
                rate: 0.5,
                range: 0.5,
                limit: 1000,
            };
            let outcome = train(&task, &setting, 1, &watch).unwrap().unwrap();
            let solved = outcome.solved_after.unwrap();
            // At its start a network does not know that a string begins with B.
            assert!(solved > 1, "{solved}");
            setting.limit = solved - 1;
            let again = train(&task, &setting, 1, &watch).unwrap().unwrap();
            assert_eq!(again, Outcome::failed(solved - 1));
        }
    }

    #[test]
    fn a_network_that_is_told_to_stop_has_no_outcome() {
        let task = ContinualReber {
            memory: Memory::Forget,
            length: 1000,
        };
        let setting = Setting {
            rule: Rule::Truncated,
            rate: 0.5,
            range: 0.5,
            limit: 10,
        };
        let outcome = train(&task, &setting, 1, &Watch::new(&|| true)).unwrap();
        assert_eq!(outcome, None);
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let mut step = Step::new(1);
        step.targets = vec![0.5, 0.0];
        assert!(step.is_right(&[0.6, 0.1], 0.2));
        assert!(!step.is_right(&[0.6, 0.2], 0.2));
        assert!(!step.is_right(&[f64::NAN, 0.1], 0.2));
        step.targets.clear();
        assert!(step.is_right(&[f64::NAN, 9.0], 0.2));
    }

    #[test]
    fn the_error_is_over_all_targets() {
        let mut error = SquaredError::default();
        error.add(&[1.0, 2.0], &[1.0, 0.0]);
        error.add(&[5.0, 6.0], &[]);
        error.add(&[0.5, 0.0], &[1.5, 2.0]);
        // 0, 4, 1 and 4.
        assert_eq!(error.root_mean_square(), 1.5);
    }
}
