//! What makes an experiment with separate sequences, and the training of one network on it.

use lstm_core::cells::{Lstm1997, Lstm1997Truncated};
use lstm_core::{Cell, Error, Kernel, Rng};
use serde::Serialize;

use super::args::{Rule, Update};
use super::criterion::{Criterion, Judge};
use super::network::Network;
use super::results::Outcome;
use super::runner::Watch;
use super::sequence::Sequence;
use super::topology::Topology;

/// An experiment of 1997: separate sequences, each of which begins with a state of zeros.
pub trait Task: Serialize + Sync {
    /// Its name on the command line.
    const NAME: &'static str;

    /// The network.
    fn topology(&self) -> Topology;

    /// The paper's learning rate.
    fn rate(&self) -> f64;

    /// When weights change.
    fn update(&self) -> Update {
        Update::Sequence
    }

    /// After how many sequences a network has failed, where the paper has no figure for the options.
    fn limit(&self) -> u64;

    /// What the paper reports for these options, if it does.
    fn published(&self) -> Option<Published>;

    /// The same for a learning rate, of which the paper may have tried several.
    fn published_at(&self, rate: f64) -> Option<Published> {
        self.published().filter(|_| rate == self.rate())
    }

    /// Where sequences come from and what has to be achieved, for one network.
    fn problem(&self, rng: &mut Rng) -> Problem<'_>;
}

/// What a paper reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Published {
    /// Percent of the networks that solved the task, where it is said.
    pub success: Option<f64>,
    /// Sequences until then, on average.
    pub sequences: Option<u64>,
    /// The root of the mean squared error of networks that did, on average.
    pub rmse: Option<f64>,
}

impl Published {
    /// No network succeeded.
    pub fn never() -> Self {
        Self {
            success: Some(0.0),
            ..Self::default()
        }
    }

    /// So many sequences on average; how many networks succeeded is not said.
    pub fn after(sequences: u64) -> Self {
        Self {
            sequences: Some(sequences),
            ..Self::default()
        }
    }
}

/// Makes a training sequence.
pub type Draw<'a> = Box<dyn FnMut(&mut Rng, &mut Sequence) + 'a>;

/// The sequences and the aim of one network.
pub struct Problem<'a> {
    /// Makes the next training sequence.
    pub draw: Draw<'a>,
    /// When the task is solved.
    pub criterion: Criterion,
}

/// Weights of the network of `task`.
///
/// # Errors
/// Sizes that are too large.
pub fn weights(task: &impl Task) -> Result<usize, Error> {
    let topology = task.topology();
    Ok(topology.weights(&Kernel::<Lstm1997, f64>::new(&topology.sizes())?))
}

/// How one network is trained.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Which gradient.
    pub rule: Rule,
    /// The learning rate.
    pub rate: f64,
    /// Weights start uniform over plus and minus this.
    pub range: f64,
    /// The most sequences.
    pub limit: u64,
}

/// Trains the network of one seed until the task is solved, the limit is reached or the watch says stop, which gives
/// nothing.
///
/// # Errors
/// Sizes that are too large.
pub fn train(
    task: &impl Task,
    setting: &Setting,
    seed: u64,
    watch: &Watch<'_>,
) -> Result<Option<Outcome>, Error> {
    match setting.rule {
        Rule::Truncated => train_cell::<Lstm1997Truncated>(task, setting, seed, watch),
        Rule::Full => train_cell::<Lstm1997>(task, setting, seed, watch),
    }
}

fn train_cell<C: Cell>(
    task: &impl Task,
    setting: &Setting,
    seed: u64,
    watch: &Watch<'_>,
) -> Result<Option<Outcome>, Error> {
    // Streams of their own, so that both rules start from the same weights and see the same sequences.
    let (mut weights, mut data) = (Rng::stream(seed, 0), Rng::stream(seed, 1));
    let topology = Topology {
        range: setting.range,
        ..task.topology()
    };
    let mut network = Network::<C>::new(&topology, &mut weights)?;
    let mut traces = match task.update() {
        Update::Step => Some(network.traces(setting.rule)?),
        Update::Sequence => None,
    };
    let mut problem = task.problem(&mut data);
    let mut judge = Judge::new(problem.criterion);
    let mut sequence = Sequence::default();
    for count in 1..=setting.limit {
        (problem.draw)(&mut data, &mut sequence);
        let deviation = match &mut traces {
            Some(traces) => network.learn_by_step(&sequence, setting.rate, traces)?,
            None => network.learn(&sequence, setting.rate)?,
        };
        if judge.solved(count, deviation, &mut network)? {
            return Ok(Some(Outcome::solved(count)));
        }
        if watch.says_stop_after(1) {
            return Ok(None);
        }
    }
    Ok(Some(Outcome::failed(setting.limit)))
}
