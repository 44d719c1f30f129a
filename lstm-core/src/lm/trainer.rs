//! Training a character model by truncated BPTT, on several threads.

use std::{mem, thread};

use lstm_kernels::{Cell, Element, FlushDenormals, Threads};

use crate::checkpoint::{Checkpoint, CheckpointFile};
use crate::embedding::require_ids;
use crate::error::{Error, Result, require_fraction, require_len, require_size};
use crate::jobs::try_share;
use crate::lm::shard::{Carried, Shard};
use crate::lm::{CharModel, require_room};
use crate::loss::require_targets;
use crate::optim::{Optimiser, clip_global_norm};
use crate::params::{Parameters, zero_gradient};
use crate::random::Rng;
use crate::text::Window;

/// What one training step found.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// Mean cross-entropy of the window before the step, in nats per character.
    pub loss: f64,
    /// The norm of the gradient before clipping.
    pub norm: f64,
}

/// The memory of training: the carried state, the tape and every buffer, made once.
///
/// The streams of a batch are split into shards, each with memory of its own, which the machine's threads share. Gradients are
/// summed in the order of the shards, so the result depends on their number but never on the number or the timing of threads.
///
/// What the trainer carries from window to window is part of a checkpoint by [`save_to`](Self::save_to), so that a run goes
/// on to the bit:
///
/// ```
/// use lstm_core::checkpoint::{Checkpoint, CheckpointFile};
/// use lstm_core::lm::{CharModel, CharTrainer};
/// use lstm_core::optim::Adam;
/// use lstm_core::text::{Streams, Vocabulary, Window};
/// use lstm_core::{Rng, cells::Lstm};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// # let path = std::env::temp_dir().join(format!("chars-{}", std::process::id()));
/// # let text = "to be, or not to be, that is the question";
/// let vocabulary = Vocabulary::of(text)?;
/// let ids = vocabulary.encode(text)?;
/// // As at every start, of a new run or of one that goes on.
/// let mut rng = Rng::new(1);
/// let mut model = CharModel::<Lstm, f32>::new(vocabulary, &[4, 8], &mut rng)?;
/// let mut trainer = CharTrainer::new(&model, 2, 5, 1)?;
/// trainer.set_dropout(0.1, &mut rng)?;
/// let mut adam = Adam::new(0.01)?;
/// let mut streams = Streams::new(&ids, 2, 5)?;
/// if path.exists() {
///     let file = CheckpointFile::open(&path)?;
///     file.load_into(&mut model)?.load_optimiser(&mut adam)?;
///     trainer.load_from(&file)?;
///     streams.resume(file.count("window")?)?;
/// }
/// let mut window = Window::default();
/// for _ in 0..3 {
///     streams.next_window(&mut window);
///     trainer.step(&mut model, &window, &mut adam, 1.0)?;
/// }
/// let checkpoint = Checkpoint::new(&model).with_optimiser(&adam).with_count("window", streams.place());
/// trainer.save_to(checkpoint).save(&path)?;
/// # std::fs::remove_file(path).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CharTrainer<T: Element> {
    batch: usize,
    steps: usize,
    shards: Vec<Shard<T>>,
    threads: Threads,
    gradient: Vec<T>,
}

impl<T: Element> CharTrainer<T> {
    /// Memory for windows of `steps` steps of `batch` streams, split into `shards`.
    ///
    /// # Errors
    /// Zero steps, an empty batch, or more shards than streams; windows that are too large for this machine's memory; more
    /// threads than the system gives.
    pub fn new<C: Cell>(
        model: &CharModel<C, T>,
        batch: usize,
        steps: usize,
        shards: usize,
    ) -> Result<Self> {
        require_size("the batch", batch)?;
        require_size("the steps", steps)?;
        if !(1..=batch).contains(&shards) {
            return Err(Error::Option {
                option: "the number of shards",
                value: shards.to_string(),
                expected: "at least 1 and at most the batch",
            });
        }
        require_room::<T>(column_len(model), batch, steps)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = Threads::new(shards.min(cores))?;
        let shards = (0..shards)
            .map(|shard| {
                Shard::new(
                    model,
                    batch * shard / shards..batch * (shard + 1) / shards,
                    steps,
                )
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            batch,
            steps,
            shards,
            threads,
            gradient: zero_gradient(model)?,
        })
    }

    /// From the next window on, drops each number that stands for a character and each output of the recurrent layer with
    /// this probability, at every step anew, and scales the others up, so that their mean stays: a model that sees a text
    /// often learns it by heart later. With 0 nothing is dropped, as at first.
    ///
    /// # Errors
    /// A rate outside [0, 1).
    pub fn set_dropout(&mut self, rate: f64, rng: &mut Rng) -> Result<()> {
        require_fraction("the rate of dropout", rate)?;
        for shard in &mut self.shards {
            shard.set_dropout(rate, rng);
        }
        Ok(())
    }

    /// The gradient that [`accumulate`](Self::accumulate) or [`step`](Self::step) computed last.
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// One step of training on a window: forward, loss, back, clip, optimise. Returns loss and gradient norm.
    ///
    /// The state is carried from window to window; where the streams start it is the initial one.
    ///
    /// # Errors
    /// A model of another size than the trainer was made for, a window of another size, ids beyond the vocabulary, or a loss
    /// or gradient that is no longer finite; the parameters and what is carried are unchanged then.
    pub fn step<C: Cell>(
        &mut self,
        model: &mut CharModel<C, T>,
        window: &Window,
        optimiser: &mut dyn Optimiser<T>,
        max_norm: f64,
    ) -> Result<Step> {
        let loss = self.run(model, window)?;
        let norm = clip_global_norm(model, &mut self.gradient, max_norm)?;
        optimiser.step(model, &self.gradient)?;
        self.move_on();
        Ok(Step { loss, norm })
    }

    /// The loss of a window and, in [`gradient`](Self::gradient), its gradient; the state moves on.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn accumulate<C: Cell>(&mut self, model: &CharModel<C, T>, window: &Window) -> Result<f64> {
        let loss = self.run(model, window)?;
        self.move_on();
        Ok(loss)
    }

    /// Adds to a checkpoint what is carried from window to window: the state of every stream, and how far the random sources
    /// of dropout have come. Parameters, optimiser and the [place](crate::text::Streams::place) in the text are for the
    /// caller to add.
    pub fn save_to(&self, checkpoint: Checkpoint<T>) -> Checkpoint<T> {
        let states: Vec<_> = (self.shards.iter())
            .map(|shard| shard.carried.state.clone())
            .collect();
        let checkpoint = checkpoint
            .with_states(CARRIED, &states)
            .with_number(DROPOUT, self.dropout());
        let rngs = self.shards.iter().map(|shard| &shard.carried.rng);
        (rngs.enumerate()).fold(checkpoint, |checkpoint, (shard, rng)| match rng {
            Some(rng) => checkpoint.with_rng(&source(shard), rng),
            None => checkpoint,
        })
    }

    /// Goes on from what [`save_to`](Self::save_to) added to a checkpoint.
    ///
    /// # Errors
    /// A checkpoint without it, or of a trainer for another model, of another batch, another number of shards or another
    /// rate of dropout. Nothing is changed then.
    pub fn load_from(&mut self, file: &CheckpointFile) -> Result<()> {
        let (rate, own) = (file.number(DROPOUT)?, self.dropout());
        if rate != own {
            return Err(file.mismatch(format!(
                "its run has dropout of a rate of {rate}, not of {own}; set that rate before it is loaded"
            )));
        }
        let mut states: Vec<_> = (self.shards.iter())
            .map(|shard| shard.carried.state.clone())
            .collect();
        file.load_states(CARRIED, &mut states)?;
        let rngs = (self.shards.iter().enumerate()).map(|(shard, carrier)| {
            let mut rng = carrier.carried.rng.clone();
            if let Some(rng) = &mut rng {
                file.load_rng(&source(shard), rng)?;
            }
            Ok(rng)
        });
        let rngs = rngs.collect::<Result<Vec<_>>>()?;
        for ((shard, state), rng) in self.shards.iter_mut().zip(states).zip(rngs) {
            shard.carried = Carried { state, rng };
        }
        Ok(())
    }

    /// The rate of dropout.
    fn dropout(&self) -> f64 {
        self.shards.first().map_or(0.0, Shard::dropout)
    }

    /// The last window counts.
    fn move_on(&mut self) {
        for shard in &mut self.shards {
            mem::swap(&mut shard.carried, &mut shard.moved);
        }
    }

    /// The loss of a window and its gradient; what is carried stays until [`move_on`](Self::move_on).
    fn run<C: Cell>(&mut self, model: &CharModel<C, T>, window: &Window) -> Result<f64> {
        let _mode = FlushDenormals::new();
        let columns = self.batch * self.steps;
        require_len(
            "the gradient of the trainer",
            model.params_len(),
            self.gradient.len(),
        )?;
        require_len("the window's inputs", columns, window.inputs.len())?;
        require_len("the window's targets", columns, window.targets.len())?;
        // Here and not by the shards, which would say at which position of their own.
        require_ids("symbol", &window.inputs, model.vocabulary.len())?;
        require_targets(&window.targets, model.vocabulary.len(), None)?;
        let batch = self.batch;
        let shards = self.shards.iter_mut();
        try_share(Some(&self.threads), shards, |shard| {
            shard.run(model, window, batch)
        })?;

        self.gradient.fill(T::from_f64(0.0));
        let mut total = 0.0;
        for shard in &self.shards {
            // Each shard took the mean over its own columns; together they are weighted by their part of all.
            let part = shard.streams.len() as f64 / batch as f64;
            total += part * shard.loss;
            let scale = T::from_f64(part);
            for (sum, &value) in self.gradient.iter_mut().zip(&shard.gradient) {
                *sum += scale * value;
            }
        }
        match total.is_finite() {
            true => Ok(total),
            false => Err(Error::not_finite("the loss")),
        }
    }
}

/// What the states, the rate of dropout and its random sources are called in a checkpoint.
const CARRIED: &str = "streams";
const DROPOUT: &str = "dropout";

fn source(shard: usize) -> String {
    format!("{DROPOUT} of shard {shard}")
}

/// How many numbers the matrices and the tape of a window hold for each of its columns.
fn column_len<C: Cell, T: Element>(model: &CharModel<C, T>) -> usize {
    let CharModel {
        vocabulary,
        recurrent,
        ..
    } = model;
    let (inputs, units) = (recurrent.input_len(), recurrent.output_len());
    // A tape keeps a few vectors of each parameter's rows for every column; the number of rows of all parameters bounds
    // what a column needs, and a step more than the window has is kept.
    let rows: usize = (0..C::SPEC.params.len())
        .map(|param| recurrent.kernel().param_shape(param).0)
        .sum();
    // Of inputs and outputs there are values, gradients and perhaps masks.
    3 * (inputs + units) + vocabulary.len() + 4 * rows
}
