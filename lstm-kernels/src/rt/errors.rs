//! What a sweep backward writes and reads: errors, and what they leave for the step before.

use std::ops::Range;

use super::buffer::{Buffer, NoMemory, room};
use super::element::Element;
use super::layout::{Layout, LeadLayout};
use super::memory::{Scratch, VectorPlace, accumulators, rows};
use super::prefetch::Lines;
use super::program::Operand;
use super::rows::Rows;
use super::sweep::OuterScratch;
use super::width::MAX_LANES;
use crate::state::State;

/// Units whose errors lie side by side: a cache line of `f32`, and as many as the widest register has lanes.
pub(crate) const LINE: usize = MAX_LANES;

/// The scratch of the backward step of one lead.
#[derive(Debug, Clone)]
pub(crate) struct LeadErrors<T> {
    /// The errors that products read: for each line of units, each step and each sample a record of lines. So the weight
    /// gradients, which need some units at all steps, find them in one stretch.
    pub columns: Buffer<T>,
    /// Contributions of later steps, for two steps in turn: by group and sample.
    pub carries: Buffer<T>,
    /// Values between passes: by group and sample.
    pub spill: Buffer<T>,
    /// Element-wise parameter gradients: by group and sample.
    pub gradients: Buffer<T>,
}

/// The scratch of the backward step.
#[derive(Debug, Clone)]
pub(crate) struct Errors<T> {
    pub batch: usize,
    /// Records from one line of units to the next.
    spacing: usize,
    pub leads: Vec<LeadErrors<T>>,
    pub sums: Buffer<T>,
    /// Accumulators of a tile, for each thread.
    pub accumulators: Scratch<T>,
    /// What the weight gradients rearrange.
    pub outer: OuterScratch<T>,
}

impl<T: Element> Errors<T> {
    pub fn new(
        layout: &Layout,
        steps: usize,
        batch: usize,
        threads: usize,
    ) -> Result<Self, NoMemory> {
        let mut errors = Errors {
            batch: 0,
            spacing: 0,
            leads: Vec::new(),
            sums: Buffer::EMPTY,
            accumulators: Scratch::EMPTY,
            outer: OuterScratch::EMPTY,
        };
        errors.reshape(layout, steps, batch, threads)?;
        Ok(errors)
    }

    /// Makes it one for such calls, allocating only where there is too little room. Without memory it fits no call.
    pub fn reshape(
        &mut self,
        layout: &Layout,
        steps: usize,
        batch: usize,
        threads: usize,
    ) -> Result<(), NoMemory> {
        self.batch = batch;
        self.spacing = Self::spacing(steps, batch);
        self.leads.resize_with(layout.leads.len(), || LeadErrors {
            columns: Buffer::EMPTY,
            carries: Buffer::EMPTY,
            spill: Buffer::EMPTY,
            gradients: Buffer::EMPTY,
        });
        for (errors, lead) in self.leads.iter_mut().zip(&layout.leads) {
            let [columns, carries, spill, gradients] = Self::lead_rooms(lead, steps, batch);
            errors.columns.resize(columns)?;
            errors.carries.resize(carries)?;
            // A call brings only what is carried, without padding.
            errors.carries.as_mut_slice().fill(T::default());
            errors.spill.resize(spill)?;
            errors.gradients.resize(gradients)?;
        }
        self.sums
            .resize(room([batch, layout.program.backward_sums]))?;
        self.accumulators
            .reshape(Self::largest_tile(layout), threads)?;
        self.outer.reshape(layout, room([steps, batch]), threads)
    }

    /// Whether this was made for such a call.
    pub fn fits(&self, layout: &Layout, steps: usize, batch: usize) -> bool {
        let fits = |(errors, lead): (&LeadErrors<T>, &LeadLayout)| {
            let lens = [
                errors.columns.len(),
                errors.carries.len(),
                errors.spill.len(),
                errors.gradients.len(),
            ];
            lens == Self::lead_rooms(lead, steps, batch)
        };
        self.batch == batch
            && self.leads.len() == layout.leads.len()
            && self.leads.iter().zip(&layout.leads).all(fits)
            && self.sums.len() == room([batch, layout.program.backward_sums])
            && self.accumulators.fits(Self::largest_tile(layout))
            && self.outer.fits(layout, room([steps, batch]))
    }

    /// Steps times samples, with room for an odd number of steps: with a power of two, the errors of a step would lie in the same
    /// places of a cache for all lines of units, and push each other out.
    fn spacing(steps: usize, batch: usize) -> usize {
        room([steps | 1, batch])
    }

    /// How many numbers the error columns, carries, values between passes and gradients of a lead are.
    fn lead_rooms(lead: &LeadLayout, steps: usize, batch: usize) -> [usize; 4] {
        [
            room([
                Self::spacing(steps, batch),
                lead.errors,
                lead.units.next_multiple_of(LINE),
            ]),
            room([2, batch, lead.carries, lead.padded]),
            room([batch, lead.spill, lead.padded]),
            room([batch, lead.gradients, lead.padded]),
        ]
    }

    /// How many accumulators the largest tile of any pass has.
    fn largest_tile(layout: &Layout) -> usize {
        let input_gradient = std::slice::from_ref(&layout.input_gradient);
        accumulators(layout, &layout.backward).max(accumulators(layout, input_gradient))
    }

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        let lead = |lead: &LeadErrors<T>| {
            lead.columns.bytes()
                + lead.carries.bytes()
                + lead.spill.bytes()
                + lead.gradients.bytes()
        };
        self.leads.iter().map(lead).sum::<usize>()
            + self.sums.bytes()
            + self.accumulators.bytes()
            + self.outer.bytes()
    }

    /// Sets everything, as an earlier use might.
    #[cfg(test)]
    pub fn soil(&mut self, value: T) {
        for lead in &mut self.leads {
            lead.columns.soil(value);
            lead.carries.soil(value);
            lead.spill.soil(value);
            lead.gradients.soil(value);
        }
        self.sums.soil(value);
        self.accumulators.soil(value);
        self.outer.soil(value);
    }

    #[inline(always)]
    pub fn columns(
        &self,
        layout: &Layout,
        lead: usize,
        step: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let record = layout.leads[lead].errors * LINE;
        let (line, unit) = (group * layout.lanes / LINE, group * layout.lanes % LINE);
        let place = (line * self.spacing + step * self.batch + sample) * record + unit;
        rows(&self.leads[lead].columns, place, LINE, record)
    }

    /// The cache lines of the errors of some groups and samples at a step.
    pub fn lines(
        &self,
        layout: &Layout,
        lead: usize,
        step: usize,
        groups: Range<usize>,
        samples: Range<usize>,
    ) -> Lines<T> {
        let rows = self.columns(layout, lead, step, groups.start, samples.start);
        let lines = (groups.len() * layout.lanes).div_ceil(LINE);
        Lines::new(rows, samples.len(), lines, self.spacing)
    }

    #[inline(always)]
    pub fn carries(
        &self,
        layout: &Layout,
        lead: usize,
        turn: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let stride = layout.leads[lead].carries * layout.lanes;
        let place = ((turn * layout.leads[lead].groups + group) * self.batch + sample) * stride;
        rows(&self.leads[lead].carries, place, layout.lanes, stride)
    }

    /// Where the element-wise parameter gradients of a group are added up.
    #[inline(always)]
    pub fn gradients(&self, layout: &Layout, lead: usize, group: usize, sample: usize) -> Rows<T> {
        let stride = layout.leads[lead].gradients * layout.lanes;
        let place = (group * self.batch + sample) * stride;
        rows(&self.leads[lead].gradients, place, layout.lanes, stride)
    }

    #[inline(always)]
    pub fn spill(&self, layout: &Layout, lead: usize, group: usize, sample: usize) -> Rows<T> {
        let stride = layout.leads[lead].spill * layout.lanes;
        let place = (group * self.batch + sample) * stride;
        rows(&self.leads[lead].spill, place, layout.lanes, stride)
    }

    #[inline(always)]
    pub fn sums(&self, layout: &Layout, sample: usize) -> Rows<T> {
        let count = layout.program.backward_sums;
        rows(&self.sums, sample * count, 1, count)
    }

    /// Calls `copy(carries, gradients)` for every contiguous stretch of the carries of a turn and of the gradients of a state.
    pub fn visit_carries(
        &mut self,
        layout: &Layout,
        turn: usize,
        state: &mut State<T>,
        copy: impl Fn(&mut [T], &mut [T]),
    ) {
        for (index, carried) in layout.program.carried.iter().enumerate() {
            let (sizes, batch) = (layout.leads[carried.lead], self.batch);
            let memory = self.leads[carried.lead].carries.as_mut_slice();
            for sample in 0..batch {
                let values = state.column_mut(index, sample);
                sizes.visit(carried.carry, layout.lanes, |plane, group, rows| {
                    let record = ((turn * sizes.groups + group) * batch + sample) * sizes.carries;
                    let place = (record + plane) * layout.lanes;
                    copy(&mut memory[place..][..rows.len()], &mut values[rows]);
                });
            }
        }
    }
}

impl<T: Element> Errors<T> {
    /// Where a product finds an error column: its planes are lines of units.
    #[inline(always)]
    pub fn vector(&self, layout: &Layout, operand: Operand, step: usize) -> Option<VectorPlace<T>> {
        let Operand::Error { lead, slot, next } = operand else {
            return None;
        };
        let cells = layout.leads[lead].cells;
        let columns = self.columns(layout, lead, step + usize::from(next), 0, 0);
        let base = columns.base.wrapping_add(slot.index(cells) * columns.row);
        Some(VectorPlace {
            base,
            plane: self.spacing * layout.leads[lead].errors * LINE,
            sample: columns.sample,
        })
    }
}
