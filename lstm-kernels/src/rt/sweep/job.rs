//! Sweeps as values: what a call of a kernel hands to the code of its cell.
//!
//! The code of the sweeps is the same for all cells but for the equations, which a cell compiles once for each element type and
//! every instruction set, in the crate that defines it; crates that use the cell only call it.

use std::fmt;
use std::marker::PhantomData;

use super::backward::{Backward, BackwardOf};
use super::forward::{Forward, ForwardOf};
use super::gradients::Gradients;
use crate::Cell;
use crate::rt::element::Element;
use crate::rt::equations::{BackwardEquations, ForwardEquations};
use crate::rt::panel::Pack;
use crate::rt::stream::{PlannedSteps, Steps};
use crate::rt::width::SimdToken;

/// A thread's share of a sweep, to be run by the code of a cell.
pub struct Sweep<'a, T: Element> {
    pub(crate) token: SimdToken,
    pub(crate) direction: Direction<'a, T>,
}

/// Which way a sweep goes.
pub(crate) enum Direction<'a, T: Element> {
    /// Forward without a tape.
    Infer(Forward<'a, T>),
    /// Forward with a tape.
    Train(Forward<'a, T>),
    /// From the last step to the first.
    Backward(Backward<'a, T>),
    /// One sequence, step by step.
    Stream(Steps<'a, T>),
}

impl<T: Element> fmt::Debug for Sweep<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.direction {
            Direction::Infer(_) => "Sweep(infer)",
            Direction::Train(_) => "Sweep(train)",
            Direction::Backward(_) => "Sweep(backward)",
            Direction::Stream(_) => "Sweep(stream)",
        })
    }
}

impl<T: Element> Sweep<'_, T> {
    /// Runs it for the cell `C`.
    #[inline]
    pub fn run<C: Cell>(self) {
        let token = self.token;
        match self.direction {
            Direction::Infer(sweep) => {
                let equations = ForwardEquations::of::<C, false>(token);
                T::chore(token, Chore::forward(sweep, equations, false));
            }
            Direction::Train(sweep) => {
                let equations = ForwardEquations::of::<C, true>(token);
                T::chore(token, Chore::forward(sweep, equations, true));
            }
            Direction::Backward(sweep) => {
                T::chore(
                    token,
                    Chore::backward(sweep, BackwardEquations::of::<C>(token)),
                );
            }
            Direction::Stream(steps) => {
                let cell = PhantomData::<C>;
                token.dispatch(PlannedSteps { cell, steps });
            }
        }
    }
}

/// What is done alike for all cells.
pub struct Chore<'a, T: Element>(Task<'a, T>);

enum Task<'a, T: Element> {
    Forward(ForwardOf<'a, T>),
    Backward(BackwardOf<'a, T>),
    Pack(Pack<'a, T>),
    Gradients(Gradients<'a, T>),
}

impl<T: Element> fmt::Debug for Chore<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Task::Forward(_) => "Chore(forward)",
            Task::Backward(_) => "Chore(backward)",
            Task::Pack(_) => "Chore(pack)",
            Task::Gradients(_) => "Chore(gradients)",
        })
    }
}

impl<'a, T: Element> Chore<'a, T> {
    /// A sweep forward, by equations that write a tape or not.
    fn forward(sweep: Forward<'a, T>, equations: ForwardEquations<T>, tape: bool) -> Self {
        Chore(Task::Forward(ForwardOf {
            equations,
            tape,
            sweep,
        }))
    }

    /// A sweep backward.
    fn backward(sweep: Backward<'a, T>, equations: BackwardEquations<T>) -> Self {
        Chore(Task::Backward(BackwardOf { equations, sweep }))
    }

    /// Packing weights.
    pub(crate) fn pack(pack: Pack<'a, T>) -> Self {
        Chore(Task::Pack(pack))
    }

    /// Gradients formed after a sweep.
    pub(crate) fn gradients(gradients: Gradients<'a, T>) -> Self {
        Chore(Task::Gradients(gradients))
    }

    #[inline]
    pub(crate) fn run(self, token: SimdToken) {
        match self.0 {
            Task::Forward(sweep) => token.dispatch(sweep),
            Task::Backward(sweep) => token.dispatch(sweep),
            Task::Pack(pack) => token.dispatch(pack),
            Task::Gradients(gradients) => token.dispatch(gradients),
        }
    }
}
