//! The state in which sequences begin.

use std::borrow::Borrow;
use std::ops::Range;

use lstm_kernels::{Cell, Element, State};

use super::Recurrent;
use crate::error::Result;

impl<C: Cell, T: Element> Recurrent<C, T> {
    /// Numbers of a sample's state.
    pub(super) fn state_len(&self) -> usize {
        let carried = 0..C::SPEC.carried.len();
        carried.map(|index| self.kernel.carried_len(index)).sum()
    }

    /// The state in which so many samples begin.
    ///
    /// # Errors
    /// No memory for so many samples.
    pub(crate) fn initial_state(&self, batch: usize) -> Result<State<T>> {
        let mut state = self.zero_state(batch)?;
        self.begin_anew(0..batch, &mut state);
        Ok(state)
    }

    /// The states of some samples become the initial one.
    pub(crate) fn begin_anew(
        &self,
        samples: impl IntoIterator<Item: Borrow<usize>>,
        state: &mut State<T>,
    ) {
        for sample in samples {
            let mut initial = self.initial.iter().copied();
            for index in 0..state.len() {
                let column = state.get_mut(index).col_mut(*sample.borrow());
                (column.iter_mut()).for_each(|value| *value = initial.next().unwrap_or_default());
            }
        }
    }

    /// The gradients of some samples' states belong to the initial one: they are added there, and go back no further.
    pub(crate) fn end_at_initial_state(
        &self,
        samples: impl IntoIterator<Item: Borrow<usize>>,
        dstate: &mut State<T>,
        gradient: &mut [T],
    ) {
        for sample in samples {
            let mut gradient = gradient.iter_mut();
            for index in 0..dstate.len() {
                let column = dstate.get_mut(index).col_mut(*sample.borrow());
                for value in column.iter_mut() {
                    if let Some(gradient) = gradient.next() {
                        *gradient += *value;
                    }
                    *value = T::default();
                }
            }
        }
    }

    /// The trained initial values: name, and where they lie among all of them.
    pub(super) fn initial_ranges(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let count = match self.initial.is_empty() {
            true => 0,
            false => C::SPEC.carried.len(),
        };
        let mut start = 0;
        (0..count).map(move |index| {
            let range = start..start + self.kernel.carried_len(index);
            start = range.end;
            (C::SPEC.carried[index].name, range)
        })
    }
}
