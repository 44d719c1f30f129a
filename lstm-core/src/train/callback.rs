//! Watching a run, and stopping it.

use std::fmt;
use std::ops::ControlFlow;

use super::{Evaluation, Progress, StepReport};
use crate::error::Result;
use crate::optim::Optimiser;

/// What lies ahead when a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// How many steps there are in all, if limits say so.
    pub steps: Option<u64>,
    /// How many of them an earlier run has done.
    pub done: u64,
}

/// The state of a run between two steps: all that a checkpoint needs.
#[non_exhaustive]
pub struct Moment<'a, M, T> {
    /// The model.
    pub model: &'a M,
    /// The optimiser.
    pub optimiser: &'a dyn Optimiser<T>,
    /// The progress.
    pub progress: &'a Progress<T>,
}

impl<M, T> fmt::Debug for Moment<'_, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment").finish_non_exhaustive()
    }
}

/// Is told what happens in a run; any of its answers may stop it.
///
/// After a step, everything that belongs to it, an evaluation too, is done before the first callback is called. So each of
/// them sees a [`Moment`] from which the run can go on, and they come in the order step, evaluation, epoch. All of them are
/// called also where one fails, and the run ends with the first error: so a log that cannot be written keeps no checkpoint
/// from being saved.
///
/// `()` does nothing; a pair of callbacks, of which one may again be a pair, calls both; [`on_step`] and [`on_evaluation`] make
/// one of a closure.
pub trait Callback<M, T> {
    /// A run begins.
    ///
    /// # Errors
    /// Here and below: whatever goes wrong; it ends the run. [`Error::custom`](crate::Error::custom) takes in errors of
    /// another kind.
    fn start(&mut self, _plan: &Plan) -> Result<()> {
        Ok(())
    }

    /// A step is done.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    fn step(&mut self, _step: &StepReport, _at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    /// An evaluation is done.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    fn evaluation(
        &mut self,
        _evaluation: &Evaluation,
        _at: &Moment<'_, M, T>,
    ) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    /// An epoch is done; `epochs` is how many there have been.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    fn epoch(&mut self, _epochs: u64, _at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    /// A run ends without an error.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

impl<M, T> Callback<M, T> for () {}

impl<M, T, C: Callback<M, T> + ?Sized> Callback<M, T> for &mut C {
    fn start(&mut self, plan: &Plan) -> Result<()> {
        (**self).start(plan)
    }

    fn step(&mut self, step: &StepReport, at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        (**self).step(step, at)
    }

    fn evaluation(
        &mut self,
        evaluation: &Evaluation,
        at: &Moment<'_, M, T>,
    ) -> Result<ControlFlow<()>> {
        (**self).evaluation(evaluation, at)
    }

    fn epoch(&mut self, epochs: u64, at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        (**self).epoch(epochs, at)
    }

    fn end(&mut self) -> Result<()> {
        (**self).end()
    }
}

/// Stops if one of the two does.
pub(super) fn either(one: ControlFlow<()>, other: ControlFlow<()>) -> ControlFlow<()> {
    match one {
        ControlFlow::Continue(()) => other,
        ControlFlow::Break(()) => one,
    }
}

impl<M, T, A: Callback<M, T>, B: Callback<M, T>> Callback<M, T> for (A, B) {
    fn start(&mut self, plan: &Plan) -> Result<()> {
        self.0.start(plan)?;
        self.1.start(plan)
    }

    fn step(&mut self, step: &StepReport, at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        let (one, other) = (self.0.step(step, at), self.1.step(step, at));
        Ok(either(one?, other?))
    }

    fn evaluation(
        &mut self,
        evaluation: &Evaluation,
        at: &Moment<'_, M, T>,
    ) -> Result<ControlFlow<()>> {
        let one = self.0.evaluation(evaluation, at);
        let other = self.1.evaluation(evaluation, at);
        Ok(either(one?, other?))
    }

    fn epoch(&mut self, epochs: u64, at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        let (one, other) = (self.0.epoch(epochs, at), self.1.epoch(epochs, at));
        Ok(either(one?, other?))
    }

    fn end(&mut self) -> Result<()> {
        let (one, other) = (self.0.end(), self.1.end());
        one.and(other)
    }
}

/// A closure that is called after each step; see [`on_step`].
#[derive(Debug, Clone)]
pub struct OnStep<F>(F);

/// The callback that calls a closure after each step.
pub fn on_step<F: FnMut(&StepReport) -> Result<ControlFlow<()>>>(call: F) -> OnStep<F> {
    OnStep(call)
}

impl<M, T, F: FnMut(&StepReport) -> Result<ControlFlow<()>>> Callback<M, T> for OnStep<F> {
    fn step(&mut self, step: &StepReport, _at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        self.0(step)
    }
}

/// A closure that is called after each evaluation; see [`on_evaluation`].
#[derive(Debug, Clone)]
pub struct OnEvaluation<F>(F);

/// The callback that calls a closure after each evaluation.
pub fn on_evaluation<F: FnMut(&Evaluation) -> Result<ControlFlow<()>>>(call: F) -> OnEvaluation<F> {
    OnEvaluation(call)
}

impl<M, T, F: FnMut(&Evaluation) -> Result<ControlFlow<()>>> Callback<M, T> for OnEvaluation<F> {
    fn evaluation(
        &mut self,
        evaluation: &Evaluation,
        _at: &Moment<'_, M, T>,
    ) -> Result<ControlFlow<()>> {
        self.0(evaluation)
    }
}
