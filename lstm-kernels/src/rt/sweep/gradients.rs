//! Gradients formed after the sweep, from the errors of all steps and samples.

use pulp::{Simd, WithSimd};

use super::cuts::part;
use super::{ColumnGrid, SharedNumbers};
use crate::rt::element::Element;
use crate::rt::errors::Errors;
use crate::rt::layout::Layout;
use crate::rt::memory::Memory;
use crate::rt::panel::Packed;
use crate::rt::program::{Gradient, Slot};
use crate::threads::Barrier;

/// A thread's share of the gradients: parameter gradients are added to `dparams`, the gradient of the input is written.
pub(crate) struct Gradients<'a, T: Element> {
    pub layout: &'a Layout,
    pub packed: &'a Packed<T>,
    pub thread: usize,
    pub threads: usize,
    pub barrier: &'a Barrier,
    pub steps: usize,
    pub input: ColumnGrid<T>,
    pub memory: &'a Memory<T>,
    pub errors: &'a Errors<T>,
    /// As many numbers as there are parameters.
    pub dparams: SharedNumbers<T>,
    /// Nowhere, if the gradient of the input is not wanted.
    pub input_gradient: ColumnGrid<T>,
}

impl<T: Element> WithSimd for Gradients<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.add_matrices(simd);
        self.add_vectors();
        self.write_input_gradient(simd);
    }
}

impl<T: Element> Gradients<'_, T> {
    /// Steps times samples.
    pub(super) fn columns(&self) -> usize {
        self.steps * self.errors.batch
    }

    /// Takes this thread's part of some pieces of work as its own.
    pub(super) fn begin(&self, pieces: usize) {
        let own = part(0..pieces, self.thread, self.threads);
        self.memory.queue.begin(self.thread, own);
    }

    /// The next piece for this thread, its own or another's.
    #[inline(always)]
    pub(super) fn take(&self) -> Option<usize> {
        let (_, piece) = self.memory.queue.take(self.thread)?;
        Some(piece)
    }

    /// Adds the gradients of element-wise parameters: sums of errors, and sums that the sweep formed for each sample.
    fn add_vectors(&self) {
        for gradient in self.layout.program.column_gradients {
            let record = self.layout.leads[gradient.lead].errors;
            let sums = self.errors.outer.sums[gradient.lead].as_ptr();
            self.add_lanes(
                gradient.lead,
                gradient.param,
                gradient.slot,
                |group, row, lane| {
                    let place = (group * record + row) * self.layout.lanes + lane;
                    // SAFETY: there is a sum for each group and error, and all threads have met since the sums were formed.
                    unsafe { *sums.add(place) }
                },
            );
        }
        for gradient in self.layout.program.gradients {
            if gradient.scalar {
                // All threads have met since the sweep; one of them adds up the lanes of all groups.
                if self.thread == 0 {
                    self.add_scalar(gradient);
                }
                continue;
            }
            self.add_lanes(
                gradient.lead,
                gradient.param,
                gradient.slot,
                |group, row, lane| self.sum_of_samples(gradient.lead, group, row, lane),
            );
        }
    }

    /// Adds one number per unit of this thread's groups.
    fn add_lanes(
        &self,
        lead: usize,
        param: usize,
        slot: Slot,
        sum: impl Fn(usize, usize, usize) -> T,
    ) {
        let (sizes, lanes) = (self.layout.leads[lead], self.layout.lanes);
        let start = self.layout.params[param].start;
        for group in part(0..sizes.groups, self.thread, self.threads) {
            for plane in 0..slot.len(sizes.cells) {
                for lane in 0..(sizes.units - group * lanes).min(lanes) {
                    let place = start + plane * sizes.units + group * lanes + lane;
                    // SAFETY: the parameter has a number for each plane and unit; these units are this thread's.
                    unsafe {
                        *self.dparams.first().add(place) +=
                            sum(group, slot.index(sizes.cells) + plane, lane);
                    }
                }
            }
        }
    }

    fn add_scalar(&self, gradient: &Gradient) {
        let (sizes, lanes) = (self.layout.leads[gradient.lead], self.layout.lanes);
        let mut total = T::default();
        for plane in 0..gradient.slot.len(sizes.cells) {
            let row = gradient.slot.index(sizes.cells) + plane;
            for unit in 0..sizes.units {
                total += self.sum_of_samples(gradient.lead, unit / lanes, row, unit % lanes);
            }
        }
        // SAFETY: the parameter is one number, and only one thread adds to it.
        unsafe {
            *self
                .dparams
                .first()
                .add(self.layout.params[gradient.param].start) += total
        };
    }

    /// What the sweep added up for a unit, summed over the samples in order.
    fn sum_of_samples(&self, lead: usize, group: usize, row: usize, lane: usize) -> T {
        let rows = self.errors.gradients(self.layout, lead, group, 0);
        let first = rows.base.wrapping_add(row * rows.row + lane);
        (0..self.errors.batch).fold(T::default(), |sum, sample| {
            // SAFETY: there is a record of sums for each group and sample.
            sum + unsafe { *first.wrapping_offset(sample as isize * rows.sample) }
        })
    }
}
