//! A trainer: what it consists of, and its options.

use lstm_kernels::Element;

use super::{Clip, Every, Progress, StepReport};
use crate::error::{Error, Result, require_len, require_not_negative, require_size};
use crate::optim::{Accumulator, EarlyStopping, Optimiser, Plateau, Schedule};
use crate::order::{Order, describe};
use crate::params::{Parameters, visit_ranges};

/// Runs the training loop for any model; see the [module](super) for an example.
///
/// `T` is the number type and `O` the optimiser. Options are set by the methods that begin with `with`; without them
/// there is no clipping, the optimiser's rate stays, and a run is evaluated at the end of every epoch.
#[derive(Debug)]
pub struct Trainer<T, O> {
    pub(super) optimiser: O,
    pub(super) order: Order,
    pub(super) batch: usize,
    pub(super) batches: usize,
    pub(super) max_epochs: Option<u64>,
    pub(super) max_steps: Option<u64>,
    pub(super) clip: Option<Clip>,
    pub(super) schedule: Option<Schedule>,
    pub(super) plateau: Option<Plateau>,
    pub(super) stopping: Option<EarlyStopping>,
    pub(super) evaluate_every: Every,
    pub(super) keeps_best: bool,
    pub(super) progress: Progress<T>,
    pub(super) memory: Option<Memory<T>>,
    /// What the last step did; none before the first, or after progress that was made elsewhere.
    pub(super) last: Option<StepReport>,
}

/// Buffers for a model of a certain size.
#[derive(Debug)]
pub(super) struct Memory<T> {
    pub(super) gradient: Vec<T>,
    /// The sum over the batches of a step, if there are several.
    pub(super) sum: Option<Accumulator<T>>,
    pub(super) samples: Vec<usize>,
}

impl<T: Element, O: Optimiser<T>> Trainer<T, O> {
    /// Steps by `optimiser` on batches of so many samples of `order`.
    ///
    /// Unless a limit is set by [`with_epochs`](Self::with_epochs) or [`with_steps`](Self::with_steps), it is for
    /// early stopping, a plateau or a callback to end a run.
    ///
    /// # Errors
    /// A batch of zero samples.
    pub fn new(optimiser: O, order: Order, batch: usize) -> Result<Self> {
        require_size("the batch", batch)?;
        let (count, seed, place) = (Some(order.count()), order.seed(), order.place());
        Ok(Self {
            optimiser,
            order,
            batch,
            batches: 1,
            max_epochs: None,
            max_steps: None,
            clip: None,
            schedule: None,
            plateau: None,
            stopping: None,
            evaluate_every: Every::Epochs(1),
            keeps_best: false,
            progress: Progress {
                count,
                seed,
                place,
                ..Progress::default()
            },
            memory: None,
            last: None,
        })
    }

    /// With an end after so many epochs in all.
    ///
    /// # Errors
    /// Zero epochs.
    pub fn with_epochs(mut self, epochs: u64) -> Result<Self> {
        require_size("the number of epochs", epochs.min(1) as usize)?;
        self.max_epochs = Some(epochs);
        Ok(self)
    }

    /// With an end after so many steps in all.
    ///
    /// # Errors
    /// Zero steps.
    pub fn with_steps(mut self, steps: u64) -> Result<Self> {
        require_size("the number of steps", steps.min(1) as usize)?;
        self.max_steps = Some(steps);
        Ok(self)
    }

    /// With gradients summed over so many batches for each step, as by an [`Accumulator`]; the last step of an epoch takes
    /// what is left.
    ///
    /// # Errors
    /// Zero batches.
    pub fn with_batches_per_step(mut self, batches: usize) -> Result<Self> {
        require_size("the number of batches to a step", batches)?;
        self.batches = batches;
        self.memory = None;
        Ok(self)
    }

    /// With a bound on the gradient.
    ///
    /// # Errors
    /// A limit that is not a finite number greater than zero.
    pub fn with_clip(mut self, clip: Clip) -> Result<Self> {
        clip.check()?;
        self.clip = Some(clip);
        Ok(self)
    }

    /// With a rate by the number of the step.
    ///
    /// # Errors
    /// A plateau was set before: only one of them can set the rate.
    pub fn with_schedule(mut self, schedule: Schedule) -> Result<Self> {
        self.schedule = Some(schedule);
        self.require_one_rate()?;
        Ok(self)
    }

    /// With a rate that is reduced when evaluations no longer improve.
    ///
    /// # Errors
    /// A schedule was set before: only one of them can set the rate.
    pub fn with_plateau(mut self, plateau: Plateau) -> Result<Self> {
        self.progress.plateau = Some(plateau.watch());
        self.plateau = Some(plateau);
        self.require_one_rate()?;
        Ok(self)
    }

    fn require_one_rate(&self) -> Result<()> {
        match self.schedule.is_some() && self.plateau.is_some() {
            true => Err(Error::Option {
                option: "the learning rate",
                value: "set by a schedule and by a plateau".to_owned(),
                expected: "set by one of them",
            }),
            false => Ok(()),
        }
    }

    /// With an end when evaluations have not improved for too long.
    pub fn with_early_stopping(mut self, stopping: EarlyStopping) -> Self {
        self.progress.stopping = Some(stopping.watch());
        self.stopping = Some(stopping);
        self
    }

    /// With the parameters of the best evaluation kept, and put back into the model when training is over. A run that a
    /// callback stops is not over.
    pub fn with_best_kept(mut self) -> Self {
        self.keeps_best = true;
        self
    }

    /// With evaluations at other times than the end of every epoch. A run that comes to its limit is evaluated in any case.
    ///
    /// # Errors
    /// An interval of zero.
    pub fn with_evaluations(mut self, every: Every) -> Result<Self> {
        every.check()?;
        self.evaluate_every = every;
        Ok(self)
    }

    /// The optimiser.
    pub fn optimiser(&self) -> &O {
        &self.optimiser
    }

    /// The optimiser, to load a state into it.
    pub fn optimiser_mut(&mut self) -> &mut O {
        &mut self.optimiser
    }

    /// How far training has come.
    pub fn progress(&self) -> &Progress<T> {
        &self.progress
    }

    /// Goes on from what [`progress`](Self::progress) returned. Parameters and optimiser are loaded apart.
    ///
    /// # Errors
    /// Progress of a trainer with other options or other data; nothing is changed then.
    pub fn resume(&mut self, progress: Progress<T>) -> Result<()> {
        let what = |option, held: bool| Error::Option {
            option,
            value: match held {
                true => "part of the progress, but not of the trainer".to_owned(),
                false => "part of the trainer, but not of the progress".to_owned(),
            },
            expected: "part of both or of neither",
        };
        if progress.plateau.is_some() != self.plateau.is_some() {
            return Err(what("the plateau", progress.plateau.is_some()));
        }
        if progress.stopping.is_some() != self.stopping.is_some() {
            return Err(what("early stopping", progress.stopping.is_some()));
        }
        require_not_negative("the weight of the batches so far", progress.since.weight)?;
        if !progress.since.sum.is_finite() {
            return Err(Error::Option {
                option: "the sum of losses so far",
                value: progress.since.sum.to_string(),
                expected: "a finite number",
            });
        }
        let best = progress.best.as_ref();
        // What is not kept would stay as it is while training goes on, and be put back in the end.
        if let Some(best) = best
            && best.parameters.is_empty() == self.keeps_best
        {
            return Err(what("keeping the best parameters", !self.keeps_best));
        }
        let own = (self.order.count(), self.order.seed());
        if let Some(count) = progress.count
            && (count, progress.seed) != own
        {
            return Err(Error::Option {
                option: "the data of the progress",
                value: describe(count, progress.seed),
                expected: "that of the trainer: as many samples, in the order of the same seed",
            });
        }
        self.order.resume(progress.place)?;
        if let (Some(plateau), Some(watch)) = (&mut self.plateau, progress.plateau) {
            plateau.resume(watch);
        }
        if let (Some(stopping), Some(watch)) = (&mut self.stopping, progress.stopping) {
            stopping.resume(watch);
        }
        self.progress = Progress {
            count: Some(own.0),
            seed: own.1,
            ..progress
        };
        self.last = None;
        Ok(())
    }

    /// Puts the parameters of the best evaluation into the model, and says whether there are any.
    ///
    /// # Errors
    /// Parameters that were kept of a model of another size.
    pub fn restore_best<M: Parameters<T>>(&self, model: &mut M) -> Result<bool> {
        let Some(best) = (self.progress.best.as_ref()).filter(|best| !best.parameters.is_empty())
        else {
            return Ok(false);
        };
        let parameters = &best.parameters;
        require_len("the best parameters", model.params_len(), parameters.len())?;
        visit_ranges(model, parameters.len(), &mut |range, parameter| {
            parameter.values.copy_from_slice(&parameters[range]);
        })?;
        Ok(true)
    }
}
