//! The loop, and the two verbs of which it consists.

use std::ops::ControlFlow;

use lstm_kernels::{Element, FlushDenormals};

use super::callback::either;
use super::trainer::Memory;
use super::{
    Best, Callback, Clip, End, Evaluation, Every, Mean, Moment, Plan, StepReport, Task, Trainer,
};
use crate::error::{Error, Result, require_not_negative};
use crate::optim::{Accumulator, Optimiser};
use crate::params::{Name, Parameters, zero_gradient};

impl<T: Element, O: Optimiser<T>> Trainer<T, O> {
    /// Trains until a limit, early stopping, a plateau or a callback ends it, and says which. Without any of them it has no end:
    /// `()` is a callback that ends nothing.
    ///
    /// Called again it goes on: at once to the same end, or from where a callback stopped it. An evaluation that failed is made
    /// first then, and callbacks hear of the step before it, of which they have not heard yet, of the evaluation and of the
    /// epoch. Of the step they do not hear where the trainer was [resumed](Self::resume) in between: progress has no report of
    /// it. Nothing else is told later or twice.
    ///
    /// # Errors
    /// As [`step`](Self::step) and [`evaluate`](Self::evaluate); those of callbacks.
    pub fn run<M, K, C>(&mut self, model: &mut M, task: &mut K, callbacks: &mut C) -> Result<End>
    where
        M: Parameters<T>,
        K: Task<M, T>,
        C: Callback<M, T>,
    {
        callbacks.start(&self.plan())?;
        let end = loop {
            if !self.lacks_evaluation() {
                if let Some(end) = self.end() {
                    self.restore_best(model)?;
                    break end;
                }
                self.step(model, task)?;
            }
            if self.conclude(model, task, callbacks)?.is_break() {
                break End::Callback;
            }
        };
        callbacks.end()?;
        Ok(end)
    }

    /// What follows a step: the evaluation, if it is due, and then callbacks. One that fails keeps nothing from the others, as
    /// none of them is called again for this step.
    fn conclude<M, K, C>(
        &mut self,
        model: &M,
        task: &mut K,
        callbacks: &mut C,
    ) -> Result<ControlFlow<()>>
    where
        M: Parameters<T>,
        K: Task<M, T>,
        C: Callback<M, T>,
    {
        let evaluation = match self.is_evaluation_due() {
            true => Some(self.evaluate(model, task)?),
            false => None,
        };
        let at = self.moment(model);
        let mut flows = Vec::new();
        if let Some(step) = &self.last {
            flows.push(callbacks.step(step, &at));
        }
        if let Some(evaluation) = evaluation {
            flows.push(callbacks.evaluation(&evaluation, &at));
        }
        if self.order.is_at_end() {
            flows.push(callbacks.epoch(self.epochs(), &at));
        }
        (flows.into_iter()).try_fold(ControlFlow::Continue(()), |one, other| {
            Ok(either(one, other?))
        })
    }

    /// One step: the gradient of a batch, or of several, clipped, and a step of the optimiser.
    ///
    /// # Errors
    /// Those of the task and of the optimiser; a loss or a gradient that is not finite, with the number of the step. The
    /// parameters are as before then, and the next step would see the same samples.
    pub fn step<M, K>(&mut self, model: &mut M, task: &mut K) -> Result<StepReport>
    where
        M: Parameters<T>,
        K: Task<M, T>,
    {
        let _mode = FlushDenormals::new();
        let before = self.order.place();
        let mut memory = self.take_memory(model)?;
        let stepped = self.step_with(&mut memory, model, task);
        self.memory = Some(memory);
        if stepped.is_err() {
            self.memory = None;
            self.order.resume(before)?;
        }
        stepped.map_err(|error| error.at_step(self.progress.steps))
    }

    fn step_with<M, K>(
        &mut self,
        memory: &mut Memory<T>,
        model: &mut M,
        task: &mut K,
    ) -> Result<StepReport>
    where
        M: Parameters<T>,
        K: Task<M, T>,
    {
        let Memory {
            gradient,
            sum,
            samples,
        } = memory;
        let (mut loss, mut seen) = (Mean::default(), 0);
        for _ in 0..self.batches {
            self.order.next_batch(self.batch, samples);
            gradient.fill(T::from_f64(0.0));
            let batch = task.gradient(model, samples, gradient)?;
            let weight = batch.weight.unwrap_or(samples.len() as f64);
            require_not_negative("the weight of a batch", weight)?;
            require_finite("the loss", batch.mean)?;
            loss.add(batch.mean, weight);
            seen += samples.len();
            if let Some(sum) = sum {
                sum.add(gradient, weight)?;
            }
            if self.order.is_at_end() {
                break;
            }
        }
        let gradient = match sum.as_mut().and_then(Accumulator::finish) {
            Some(mean) => mean,
            None => gradient,
        };
        let norm = Clip::apply(self.clip, model, gradient)?;
        let step = self.progress.steps;
        if let Some(schedule) = &self.schedule {
            self.optimiser.set_rate(schedule.rate(step))?;
        }
        self.optimiser.step(model, gradient)?;

        let progress = &mut self.progress;
        progress.steps = step.saturating_add(1);
        progress.samples = progress.samples.saturating_add(seen as u64);
        progress.place = self.order.place();
        progress.since.sum += loss.sum;
        progress.since.weight += loss.weight;
        let report = StepReport {
            step,
            epoch: progress.place.epoch,
            samples: seen,
            // Batches without a single target have a loss of zero, as has a loss function without one.
            loss: loss.mean().unwrap_or(0.0),
            norm,
            rate: self.optimiser.rate(),
        };
        self.last = Some(report);
        Ok(report)
    }

    /// The buffers, if they were made for a model of this size; new ones otherwise.
    fn take_memory<M: Parameters<T>>(&mut self, model: &M) -> Result<Memory<T>> {
        let len = model.params_len();
        match self.memory.take() {
            Some(memory) if memory.gradient.len() == len => Ok(memory),
            _ => Ok(Memory {
                gradient: zero_gradient(model)?,
                // The trainer says when a step is complete; the accumulator never does.
                sum: match self.batches {
                    1 => None,
                    _ => Some(Accumulator::new(len, usize::MAX)?),
                },
                samples: Vec::new(),
            }),
        }
    }

    /// One evaluation: the mean training loss since the last one and the validation loss. Plateau, early stopping and the
    /// best parameters go by it.
    ///
    /// # Errors
    /// Those of the task; a validation loss that is not finite, with the number of steps done.
    pub fn evaluate<M, K>(&mut self, model: &M, task: &mut K) -> Result<Evaluation>
    where
        M: Parameters<T>,
        K: Task<M, T>,
    {
        let _mode = FlushDenormals::new();
        let steps = self.progress.steps;
        let validation_loss = task.validate(model)?;
        if let Some(loss) = validation_loss {
            require_finite("the validation loss", loss).map_err(|error| error.at_step(steps))?;
        }
        let mut evaluation = Evaluation {
            step: steps,
            epoch: self.progress.place.epoch,
            training_loss: self.progress.since.mean(),
            validation_loss,
            rate: self.optimiser.rate(),
            is_best: false,
        };
        if let Some(value) = evaluation.value() {
            let best = self.progress.best.as_ref().map(|best| best.value);
            evaluation.is_best = !value.is_nan() && best.is_none_or(|best| value < best);
            if evaluation.is_best {
                self.keep(model, value)?;
            }
            if let Some(plateau) = &mut self.plateau {
                plateau.observe(value, &mut self.optimiser)?;
                self.progress.plateau = Some(plateau.watch());
            }
            if let Some(stopping) = &mut self.stopping {
                stopping.observe(value);
                self.progress.stopping = Some(stopping.watch());
            }
        }
        self.progress.since = Mean::default();
        self.progress.history.push(evaluation);
        Ok(evaluation)
    }

    /// Remembers the best value and, if asked to, the parameters that reached it.
    fn keep<M: Parameters<T>>(&mut self, model: &M, value: f64) -> Result<()> {
        let mut parameters = match self.progress.best.take() {
            Some(best) => best.parameters,
            None => Vec::new(),
        };
        parameters.clear();
        if self.keeps_best {
            model.visit(Name::ROOT, &mut |_, parameter| {
                parameters.extend_from_slice(parameter.values);
                Ok(())
            })?;
        }
        self.progress.best = Some(Best {
            value,
            step: self.progress.steps,
            parameters,
        });
        Ok(())
    }

    /// How many epochs are complete.
    fn epochs(&self) -> u64 {
        let epoch = self.order.place().epoch;
        match self.order.is_at_end() {
            true => epoch.saturating_add(1),
            false => epoch,
        }
    }

    /// The limit that has been reached, if one has.
    fn limit(&self) -> Option<End> {
        let reached = |limit: Option<u64>, done| limit.is_some_and(|limit| done >= limit);
        match () {
            () if reached(self.max_steps, self.progress.steps) => Some(End::Steps),
            () if reached(self.max_epochs, self.epochs()) => Some(End::Epochs),
            () => None,
        }
    }

    /// Why training is over; none if it is not.
    pub fn end(&self) -> Option<End> {
        let is_over = (self.stopping.as_ref()).is_some_and(|stopping| stopping.is_over());
        let is_flat = (self.plateau.as_ref()).is_some_and(|plateau| plateau.is_over());
        match () {
            () if is_over => Some(End::Stopping),
            () if is_flat => Some(End::Plateau),
            () => self.limit(),
        }
    }

    /// Whether the evaluation after the last step is still to be made: one that fails is made up for.
    fn lacks_evaluation(&self) -> bool {
        let evaluated = self.progress.history.last().map(|last| last.step);
        let steps = self.progress.steps;
        steps > 0 && evaluated != Some(steps) && self.is_evaluation_due()
    }

    /// What callbacks see.
    fn moment<'a, M>(&'a self, model: &'a M) -> Moment<'a, M, T> {
        Moment {
            model,
            optimiser: &self.optimiser,
            progress: &self.progress,
        }
    }

    fn is_evaluation_due(&self) -> bool {
        let is_due = match self.evaluate_every {
            Every::Steps(every) => self.progress.steps.is_multiple_of(every),
            Every::Epochs(every) => self.order.is_at_end() && self.epochs().is_multiple_of(every),
        };
        is_due || self.limit().is_some()
    }

    /// What lies ahead.
    fn plan(&self) -> Plan {
        let of_epoch = (self.order.count())
            .div_ceil(self.batch)
            .div_ceil(self.batches) as u64;
        let by_epochs = self
            .max_epochs
            .map(|epochs| epochs.saturating_mul(of_epoch));
        Plan {
            steps: by_epochs.into_iter().chain(self.max_steps).min(),
            done: self.progress.steps,
        }
    }
}

fn require_finite(what: &str, loss: f64) -> Result<()> {
    match loss.is_finite() {
        true => Ok(()),
        false => Err(Error::not_finite(what)),
    }
}
