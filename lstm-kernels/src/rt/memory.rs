//! What a sweep writes and reads: carried quantities, columns, the tape, and the scratch of the backward step.

use super::buffer::Buffer;
use super::context::Rows;
use super::element::Element;
use super::layout::Layout;
use super::program::{Operand, Place};
use crate::state::State;

/// The forward values of one lead.
#[derive(Debug, Clone)]
pub(crate) struct LeadMemory<T> {
    /// For each slot, group and sample the lane vectors of the record, in the order in which a sweep visits them.
    pub lanes: Buffer<T>,
    /// For each slot and sample the columns.
    pub columns: Buffer<T>,
    /// Lane vectors per group and sample.
    pub record: usize,
}

/// Forward values of a sequence (one slot per step and one for the initial state), or of two steps in turn.
#[derive(Debug, Clone)]
pub(crate) struct Memory<T> {
    /// How many steps are held at once, the initial state included.
    pub slots: usize,
    pub batch: usize,
    pub leads: Vec<LeadMemory<T>>,
    /// Sums over all units: for each slot and sample.
    pub sums: Buffer<T>,
    /// Accumulators of a tile.
    pub accumulators: Buffer<T>,
}

impl<T: Element> Memory<T> {
    pub fn new(layout: &Layout, slots: usize, batch: usize, is_tape: bool) -> Self {
        let leads = layout
            .leads
            .iter()
            .map(|lead| {
                let record = if is_tape { lead.tape } else { lead.kept };
                LeadMemory {
                    lanes: Buffer::zeros(slots * lead.padded * batch * record),
                    columns: Buffer::zeros(slots * batch * lead.columns * lead.padded),
                    record,
                }
            })
            .collect();
        let sums = Buffer::zeros(slots * batch * layout.program.forward_sums);
        Memory {
            slots,
            batch,
            leads,
            sums,
            accumulators: accumulators(layout, &layout.forward),
        }
    }

    /// Whether this was made for such a call.
    pub fn fits(&self, layout: &Layout, slots: usize, batch: usize, is_tape: bool) -> bool {
        let fits = |(memory, lead): (&LeadMemory<T>, &super::layout::LeadLayout)| {
            memory.record == if is_tape { lead.tape } else { lead.kept }
                && memory.lanes.len() == slots * lead.padded * batch * memory.record
                && memory.columns.len() == slots * batch * lead.columns * lead.padded
        };
        self.slots == slots
            && self.batch == batch
            && self.leads.len() == layout.leads.len()
            && self.leads.iter().zip(&layout.leads).all(fits)
            && self.sums.len() == slots * batch * layout.program.forward_sums
    }

    /// Where lane vectors of a group lie at a slot.
    #[inline(always)]
    pub fn lanes(
        &mut self,
        layout: &Layout,
        lead: usize,
        slot: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let memory = &mut self.leads[lead];
        let stride = memory.record * layout.lanes;
        let place = ((slot * layout.leads[lead].groups + group) * self.batch + sample) * stride;
        rows(&mut memory.lanes, place, layout.lanes, stride)
    }

    /// Where the columns of a group lie at a slot.
    #[inline(always)]
    pub fn columns(
        &mut self,
        layout: &Layout,
        lead: usize,
        slot: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let (padded, count) = (layout.leads[lead].padded, layout.leads[lead].columns);
        let place = (slot * self.batch + sample) * count * padded + group * layout.lanes;
        rows(&mut self.leads[lead].columns, place, padded, count * padded)
    }

    /// Where the sums of a sample lie at a slot.
    #[inline(always)]
    pub fn sums(&mut self, layout: &Layout, slot: usize, sample: usize) -> Rows<T> {
        let count = layout.program.forward_sums;
        rows(
            &mut self.sums,
            (slot * self.batch + sample) * count,
            1,
            count,
        )
    }

    /// The slot of a step: `time` 0 is the initial state.
    #[inline(always)]
    pub fn slot(&self, time: usize) -> usize {
        time % self.slots
    }

    /// Writes the initial state into the first slot.
    pub fn load_state(&mut self, layout: &Layout, state: &State<T>) {
        for (index, carried) in layout.program.carried.iter().enumerate() {
            let values = state.get(index);
            self.visit(
                layout,
                carried.lead,
                carried.place,
                0,
                |memory, place, row, sample| {
                    memory[place] = values[(row, sample)];
                },
            );
        }
    }

    /// Reads the state that a slot holds.
    pub fn store_state(&mut self, layout: &Layout, slot: usize, state: &mut State<T>) {
        for (index, carried) in layout.program.carried.iter().enumerate() {
            let mut values = state.get_mut(index);
            self.visit(
                layout,
                carried.lead,
                carried.place,
                slot,
                |memory, place, row, sample| {
                    values[(row, sample)] = memory[place];
                },
            );
        }
    }

    /// Calls `each(memory, index, row, sample)` for every element of a carried quantity.
    fn visit(
        &mut self,
        layout: &Layout,
        lead: usize,
        place: Place,
        slot: usize,
        mut each: impl FnMut(&mut [T], usize, usize, usize),
    ) {
        let (sizes, lanes, batch) = (layout.leads[lead], layout.lanes, self.batch);
        let memory = &mut self.leads[lead];
        let record = memory.record;
        for sample in 0..batch {
            match place {
                Place::Lanes(at) => {
                    for row in 0..sizes.units * at.len(sizes.cells) {
                        let (unit, plane) = (row % sizes.units, row / sizes.units);
                        let (group, lane) = (unit / lanes, unit % lanes);
                        let record_index = at.index(sizes.cells) + plane;
                        let index = (((slot * sizes.groups + group) * batch + sample) * record
                            + record_index)
                            * lanes
                            + lane;
                        each(memory.lanes.as_mut_slice(), index, row, sample);
                    }
                }
                Place::Column(at) => {
                    for row in 0..sizes.units * at.len(sizes.cells) {
                        let (unit, plane) = (row % sizes.units, row / sizes.units);
                        let column = at.index(sizes.cells) + plane;
                        let index = ((slot * batch + sample) * sizes.columns + column)
                            * sizes.padded
                            + unit;
                        each(memory.columns.as_mut_slice(), index, row, sample);
                    }
                }
            }
        }
    }
}

/// The scratch of the backward step of one lead.
#[derive(Debug, Clone)]
pub(crate) struct LeadErrors<T> {
    /// For each step and sample the errors that products read.
    pub columns: Buffer<T>,
    /// Contributions of later steps, for two steps in turn: by group and sample.
    pub carries: Buffer<T>,
    /// Values between passes: by group and sample.
    pub spill: Buffer<T>,
    /// Element-wise parameter gradients: by group.
    pub gradients: Buffer<T>,
}

/// The scratch of the backward step.
#[derive(Debug, Clone)]
pub(crate) struct Errors<T> {
    pub batch: usize,
    pub leads: Vec<LeadErrors<T>>,
    pub sums: Buffer<T>,
    pub accumulators: Buffer<T>,
}

impl<T: Element> Errors<T> {
    pub fn new(layout: &Layout, steps: usize, batch: usize) -> Self {
        let leads = layout
            .leads
            .iter()
            .map(|lead| LeadErrors {
                columns: Buffer::zeros(steps * batch * lead.errors * lead.padded),
                carries: Buffer::zeros(2 * lead.padded * batch * lead.carries),
                spill: Buffer::zeros(lead.padded * batch * lead.spill),
                gradients: Buffer::zeros(lead.padded * lead.gradients),
            })
            .collect();
        let sums = Buffer::zeros(batch * layout.program.backward_sums);
        Errors {
            batch,
            leads,
            sums,
            accumulators: accumulators(layout, &layout.backward),
        }
    }

    #[inline(always)]
    pub fn columns(
        &mut self,
        layout: &Layout,
        lead: usize,
        step: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let (padded, count) = (layout.leads[lead].padded, layout.leads[lead].errors);
        let place = (step * self.batch + sample) * count * padded + group * layout.lanes;
        rows(&mut self.leads[lead].columns, place, padded, count * padded)
    }

    #[inline(always)]
    pub fn carries(
        &mut self,
        layout: &Layout,
        lead: usize,
        turn: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let stride = layout.leads[lead].carries * layout.lanes;
        let place = ((turn * layout.leads[lead].groups + group) * self.batch + sample) * stride;
        rows(&mut self.leads[lead].carries, place, layout.lanes, stride)
    }

    #[inline(always)]
    pub fn spill(&mut self, layout: &Layout, lead: usize, group: usize, sample: usize) -> Rows<T> {
        let stride = layout.leads[lead].spill * layout.lanes;
        let place = (group * self.batch + sample) * stride;
        rows(&mut self.leads[lead].spill, place, layout.lanes, stride)
    }

    #[inline(always)]
    pub fn sums(&mut self, layout: &Layout, sample: usize) -> Rows<T> {
        let count = layout.program.backward_sums;
        rows(&mut self.sums, sample * count, 1, count)
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

/// Where the vectors of a product lie: the first sample's, from plane to plane, and from sample to sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VectorPlace<T> {
    pub base: *const T,
    pub plane: usize,
    pub sample: usize,
}

impl<T: Element> Memory<T> {
    /// Where a product finds a forward column. `time` counts the initial state as 0.
    #[inline(always)]
    pub fn vector(
        &mut self,
        layout: &Layout,
        operand: Operand,
        time: usize,
    ) -> Option<VectorPlace<T>> {
        let Operand::Forward {
            lead,
            slot,
            previous,
        } = operand
        else {
            return None;
        };
        let at = self.slot(if previous { time - 1 } else { time });
        let cells = layout.leads[lead].cells;
        let columns = self.columns(layout, lead, at, 0, 0);
        let base = columns.base.wrapping_add(slot.index(cells) * columns.row);
        Some(VectorPlace {
            base,
            plane: columns.row,
            sample: columns.sample,
        })
    }
}

impl<T: Element> Errors<T> {
    /// Where a product finds an error column.
    #[inline(always)]
    pub fn vector(
        &mut self,
        layout: &Layout,
        operand: Operand,
        step: usize,
    ) -> Option<VectorPlace<T>> {
        let Operand::Error { lead, slot, next } = operand else {
            return None;
        };
        let cells = layout.leads[lead].cells;
        let columns = self.columns(layout, lead, if next { step + 1 } else { step }, 0, 0);
        let base = columns.base.wrapping_add(slot.index(cells) * columns.row);
        Some(VectorPlace {
            base,
            plane: columns.row,
            sample: columns.sample,
        })
    }
}

#[inline(always)]
fn rows<T: Element>(buffer: &mut Buffer<T>, place: usize, row: usize, sample: usize) -> Rows<T> {
    // A group of units that keeps nothing of a kind has an empty buffer, of which nothing is read.
    debug_assert!(
        place <= buffer.len() || buffer.len() == 0,
        "a sweep left its memory"
    );
    Rows {
        base: buffer.as_mut_ptr().wrapping_add(place),
        row,
        sample,
    }
}

/// Room for the accumulators of the largest tile of any pass: four blocks of groups at most.
fn accumulators<T: Element>(layout: &Layout, passes: &[super::layout::PassLayout]) -> Buffer<T> {
    let rows = passes
        .iter()
        .map(|pass| pass.groups * pass.rows)
        .max()
        .unwrap_or(0);
    Buffer::zeros(4 * rows * super::tile::MAX_SAMPLES * layout.lanes)
}
