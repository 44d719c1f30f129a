//! What a sweep backward writes and reads: errors, and what they leave for the step before.

use super::buffer::Buffer;
use super::context::Rows;
use super::element::Element;
use super::layout::Layout;
use super::memory::{Scratch, VectorPlace, accumulators, rows};
use super::program::Operand;
use super::sweep::OuterScratch;
use crate::state::State;

/// The scratch of the backward step of one lead.
#[derive(Debug, Clone)]
pub(crate) struct LeadErrors<T> {
    /// For each step and sample the errors that products read.
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
    pub leads: Vec<LeadErrors<T>>,
    pub sums: Buffer<T>,
    /// Accumulators of a tile, for each thread.
    pub accumulators: Scratch<T>,
    /// What the weight gradients rearrange.
    pub outer: OuterScratch<T>,
}

impl<T: Element> Errors<T> {
    pub fn new(layout: &Layout, steps: usize, batch: usize, threads: usize) -> Self {
        let leads = layout
            .leads
            .iter()
            .map(|lead| LeadErrors {
                columns: Buffer::zeros(steps * batch * lead.errors * lead.padded),
                carries: Buffer::zeros(2 * lead.padded * batch * lead.carries),
                spill: Buffer::zeros(lead.padded * batch * lead.spill),
                gradients: Buffer::zeros(lead.padded * batch * lead.gradients),
            })
            .collect();
        let sums = Buffer::zeros(batch * layout.program.backward_sums);
        Errors {
            batch,
            leads,
            sums,
            accumulators: Scratch::new(
                accumulators(layout, &layout.backward).max(accumulators(
                    layout,
                    std::slice::from_ref(&layout.input_gradient),
                )),
                threads,
            ),
            outer: OuterScratch::new(layout, steps * batch, threads),
        }
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
        let (padded, count) = (layout.leads[lead].padded, layout.leads[lead].errors);
        let place = (step * self.batch + sample) * count * padded + group * layout.lanes;
        rows(&self.leads[lead].columns, place, padded, count * padded)
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

    /// Copies between the carries of a turn and the gradients of a state.
    pub fn visit_carries(
        &mut self,
        layout: &Layout,
        turn: usize,
        state: &mut State<T>,
        copy: impl Fn(&mut T, &mut T),
    ) {
        for (index, carried) in layout.program.carried.iter().enumerate() {
            let (sizes, lanes, batch) = (layout.leads[carried.lead], layout.lanes, self.batch);
            let memory = self.leads[carried.lead].carries.as_mut_slice();
            let mut values = state.get_mut(index);
            for sample in 0..batch {
                for row in 0..sizes.units * carried.carry.len(sizes.cells) {
                    let (unit, plane) = (row % sizes.units, row / sizes.units);
                    let (group, lane) = (unit / lanes, unit % lanes);
                    let record = carried.carry.index(sizes.cells) + plane;
                    let place = (((turn * sizes.groups + group) * batch + sample) * sizes.carries
                        + record)
                        * lanes
                        + lane;
                    copy(&mut memory[place], &mut values[(row, sample)]);
                }
            }
        }
    }
}

impl<T: Element> Errors<T> {
    /// Where a product finds an error column.
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
            plane: columns.row,
            sample: columns.sample,
        })
    }
}
