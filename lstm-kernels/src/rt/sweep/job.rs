//! A thread's share of a call as a value: what a kernel hands to code that is compiled once, in this crate, for all cells.

use std::fmt;

use super::backward::Backward;
use super::forward::Forward;
use super::gradients::Gradients;
use crate::rt::element::Element;
use crate::rt::panel::Pack;
use crate::rt::stream::PlannedSteps;
use crate::rt::width::SimdToken;

/// What a thread has to do.
pub struct Job<'a, T: Element>(pub(crate) Task<'a, T>);

/// The tasks there are.
pub(crate) enum Task<'a, T: Element> {
    /// Bringing weights into panels.
    Pack(Pack<'a, T>),
    /// From the first step to the last.
    Forward(Forward<'a, T>),
    /// From the last step to the first.
    Backward(Backward<'a, T>),
    /// The gradients that are formed after that.
    Gradients(Gradients<'a, T>),
    /// One sequence, step by step.
    Stream(&'a mut PlannedSteps<'a, T>),
}

impl<T: Element> fmt::Debug for Job<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Task::Pack(_) => "Job(pack)",
            Task::Forward(_) => "Job(forward)",
            Task::Backward(_) => "Job(backward)",
            Task::Gradients(_) => "Job(gradients)",
            Task::Stream(_) => "Job(stream)",
        })
    }
}

impl<T: Element> Job<'_, T> {
    /// Does it by code for an instruction set.
    #[inline]
    pub(crate) fn run(self, token: SimdToken) {
        match self.0 {
            Task::Pack(pack) => token.dispatch(pack),
            Task::Forward(sweep) => token.dispatch(sweep),
            Task::Backward(sweep) => token.dispatch(sweep),
            Task::Gradients(gradients) => token.dispatch(gradients),
            Task::Stream(steps) => token.dispatch(steps),
        }
    }
}
