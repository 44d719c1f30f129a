//! What a sweep forward writes and reads: carried quantities, columns and the tape.

use std::ops::Range;

use super::buffer::{Buffer, NoMemory, room};
use super::element::Element;
use super::layout::{Layout, LeadLayout};
use super::pass::PassLayout;
use super::prefetch::Lines;
use super::program::{Operand, Place};
use super::rows::Rows;
use super::sweep::{Queue, ahead_input_len, ahead_len, steps_ahead};
use super::tile::{MAX_BLOCKS, MAX_SAMPLES, MAX_TILES_OF_BLOCKS};
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
    /// The sizes of the cell, as other sizes may need as much.
    pub sizes: Vec<usize>,
    /// The lanes of its registers, as another width may need as much, in another order.
    lane_count: usize,
    /// How many steps are held at once, the initial state included.
    pub slots: usize,
    pub batch: usize,
    pub leads: Vec<LeadMemory<T>>,
    /// Sums over all units: for each slot and sample.
    pub sums: Buffer<T>,
    /// Accumulators of a tile, for each thread.
    pub accumulators: Scratch<T>,
    /// By which the threads of a call help each other.
    pub queue: Queue,
    /// How many steps run ahead together; nothing if each does its own.
    pub steps_ahead: Option<usize>,
    /// Products with the input, computed for several steps ahead: for each pass.
    pub ahead: Vec<Buffer<T>>,
    /// The inputs of these steps side by side, for each thread.
    pub ahead_input: Scratch<T>,
}

impl<T: Element> Memory<T> {
    pub fn new(
        layout: &Layout,
        slots: usize,
        batch: usize,
        is_tape: bool,
        threads: usize,
    ) -> Result<Self, NoMemory> {
        let mut memory = Memory {
            sizes: Vec::new(),
            lane_count: 0,
            slots: 0,
            batch: 0,
            leads: Vec::new(),
            sums: Buffer::EMPTY,
            accumulators: Scratch::EMPTY,
            queue: Queue::EMPTY,
            steps_ahead: None,
            ahead: Vec::new(),
            ahead_input: Scratch::EMPTY,
        };
        memory.reshape(layout, slots, batch, is_tape, threads)?;
        Ok(memory)
    }

    /// Makes it one for such calls, allocating only where there is too little room. Without memory it fits no call.
    pub fn reshape(
        &mut self,
        layout: &Layout,
        slots: usize,
        batch: usize,
        is_tape: bool,
        threads: usize,
    ) -> Result<(), NoMemory> {
        (self.slots, self.batch) = (slots, batch);
        self.sizes.clone_from(&layout.sizes);
        self.lane_count = layout.lanes;
        self.leads.resize_with(layout.leads.len(), || LeadMemory {
            lanes: Buffer::EMPTY,
            columns: Buffer::EMPTY,
            record: 0,
        });
        for (memory, lead) in self.leads.iter_mut().zip(&layout.leads) {
            memory.record = lead.record(is_tape);
            for (buffer, vectors) in [
                (&mut memory.lanes, memory.record),
                (&mut memory.columns, lead.columns),
            ] {
                let len = room([slots, batch, vectors, lead.padded]);
                buffer.resize(len)?;
                // Sweeps write all other slots, padding included, before they read them; of the initial state only
                // what is carried.
                let initial = len.checked_div(slots).unwrap_or(0);
                buffer.as_mut_slice()[..initial].fill(T::default());
            }
        }
        self.sums
            .resize(room([slots, batch, layout.program.forward_sums]))?;
        self.accumulators
            .reshape(accumulators(layout, &layout.forward), threads)?;
        self.queue.reshape(threads);
        self.steps_ahead = steps_ahead::<T>(layout, batch);
        self.ahead
            .resize_with(layout.forward.len(), || Buffer::EMPTY);
        for (buffer, pass) in self.ahead.iter_mut().zip(&layout.forward) {
            buffer.resize(ahead_len::<T>(layout, pass, batch))?;
        }
        self.ahead_input
            .reshape(ahead_input_len::<T>(layout, batch), threads)
    }

    /// Whether this was made for such a call.
    pub fn fits(&self, layout: &Layout, slots: usize, batch: usize, is_tape: bool) -> bool {
        let fits = |(memory, lead): (&LeadMemory<T>, &LeadLayout)| {
            let record = lead.record(is_tape);
            memory.record == record
                && memory.lanes.len() == room([slots, batch, record, lead.padded])
                && memory.columns.len() == room([slots, batch, lead.columns, lead.padded])
        };
        let runs_ahead = |(buffer, pass): (&Buffer<T>, &PassLayout)| {
            buffer.len() == ahead_len::<T>(layout, pass, batch)
        };
        self.slots == slots
            && self.batch == batch
            && self.sizes == layout.sizes
            && self.lane_count == layout.lanes
            && self.leads.len() == layout.leads.len()
            && self.leads.iter().zip(&layout.leads).all(fits)
            && self.sums.len() == room([slots, batch, layout.program.forward_sums])
            && self
                .accumulators
                .fits(accumulators(layout, &layout.forward))
            && self.ahead.len() == layout.forward.len()
            && self.ahead.iter().zip(&layout.forward).all(runs_ahead)
            && self.ahead_input.fits(ahead_input_len::<T>(layout, batch))
    }

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        let leads = self.leads.iter();
        leads
            .map(|lead| lead.lanes.bytes() + lead.columns.bytes())
            .chain(self.ahead.iter().map(Buffer::bytes))
            .sum::<usize>()
            + self.sums.bytes()
            + self.accumulators.bytes()
            + self.ahead_input.bytes()
    }

    /// Sets everything, as an earlier use might.
    #[cfg(test)]
    pub fn soil(&mut self, value: T) {
        for lead in &mut self.leads {
            lead.lanes.soil(value);
            lead.columns.soil(value);
        }
        self.ahead.iter_mut().for_each(|ahead| ahead.soil(value));
        self.sums.soil(value);
        self.accumulators.soil(value);
        self.ahead_input.soil(value);
    }

    /// Where lane vectors of a group lie at a slot.
    #[inline(always)]
    pub fn lanes(
        &self,
        layout: &Layout,
        lead: usize,
        slot: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let memory = &self.leads[lead];
        let stride = memory.record * layout.lanes;
        let place = ((slot * layout.leads[lead].groups + group) * self.batch + sample) * stride;
        rows(&memory.lanes, place, layout.lanes, stride)
    }

    /// The cache lines of the lane vectors of some groups and samples at a slot.
    pub fn lines(
        &self,
        layout: &Layout,
        lead: usize,
        slot: usize,
        groups: Range<usize>,
        samples: Range<usize>,
    ) -> Lines<T> {
        let rows = self.lanes(layout, lead, slot, groups.start, samples.start);
        Lines::new(rows, samples.len(), groups.len(), self.batch)
    }

    /// Where the columns of a group lie at a slot.
    #[inline(always)]
    pub fn columns(
        &self,
        layout: &Layout,
        lead: usize,
        slot: usize,
        group: usize,
        sample: usize,
    ) -> Rows<T> {
        let (padded, count) = (layout.leads[lead].padded, layout.leads[lead].columns);
        let place = (slot * self.batch + sample) * count * padded + group * layout.lanes;
        rows(&self.leads[lead].columns, place, padded, count * padded)
    }

    /// Where the sums of a sample lie at a slot.
    #[inline(always)]
    pub fn sums(&self, layout: &Layout, slot: usize, sample: usize) -> Rows<T> {
        let count = layout.program.forward_sums;
        rows(&self.sums, (slot * self.batch + sample) * count, 1, count)
    }

    /// The slot of a step: `time` 0 is the initial state. A tape has one for each, a workspace two that take turns.
    #[inline(always)]
    pub fn slot(&self, time: usize) -> usize {
        debug_assert!(
            time < self.slots || self.slots == 2,
            "a tape has too few steps"
        );
        if time < self.slots { time } else { time % 2 }
    }

    /// Writes the initial state into the first slot.
    pub fn load_state(&mut self, layout: &Layout, state: &State<T>) {
        self.visit(layout, 0, |index, rows, sample, memory| {
            memory.copy_from_slice(&state.column(index, sample)[rows]);
        });
    }

    /// Reads the state that a slot holds.
    pub fn store_state(&mut self, layout: &Layout, slot: usize, state: &mut State<T>) {
        self.visit(layout, slot, |index, rows, sample, memory| {
            state.column_mut(index, sample)[rows].copy_from_slice(memory);
        });
    }

    /// Calls `each(index, rows, sample, memory)` for every contiguous stretch of every carried quantity.
    fn visit(
        &mut self,
        layout: &Layout,
        slot: usize,
        mut each: impl FnMut(usize, Range<usize>, usize, &mut [T]),
    ) {
        for (index, carried) in layout.program.carried.iter().enumerate() {
            let (sizes, batch) = (layout.leads[carried.lead], self.batch);
            let memory = &mut self.leads[carried.lead];
            for sample in 0..batch {
                match carried.place {
                    Place::Lanes(at) => sizes.visit(at, layout.lanes, |plane, group, rows| {
                        let record =
                            ((slot * sizes.groups + group) * batch + sample) * memory.record;
                        let place = (record + plane) * layout.lanes;
                        let memory = &mut memory.lanes.as_mut_slice()[place..][..rows.len()];
                        each(index, rows, sample, memory);
                    }),
                    Place::Column(at) => sizes.visit(at, sizes.units, |plane, _, rows| {
                        let column = (slot * batch + sample) * sizes.columns + plane;
                        let place = column * sizes.padded;
                        let memory = &mut memory.columns.as_mut_slice()[place..][..rows.len()];
                        each(index, rows, sample, memory);
                    }),
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
    pub sample: isize,
}

impl<T: Element> Memory<T> {
    /// Where a product finds a forward column. `time` counts the initial state as 0.
    #[inline(always)]
    pub fn vector(&self, layout: &Layout, operand: Operand, time: usize) -> Option<VectorPlace<T>> {
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

#[inline(always)]
pub(super) fn rows<T: Element>(
    buffer: &Buffer<T>,
    place: usize,
    row: usize,
    sample: usize,
) -> Rows<T> {
    // A group of units that keeps nothing of a kind has an empty buffer, of which nothing is read.
    debug_assert!(
        place <= buffer.len() || buffer.len() == 0,
        "a sweep left its memory"
    );
    Rows {
        base: buffer.shared().wrapping_add(place),
        row,
        sample: sample as isize,
    }
}

/// How many accumulators the largest strip of any pass has: the more blocks, the fewer samples.
pub(super) fn accumulators(layout: &Layout, passes: &[PassLayout]) -> usize {
    let rows = |pass: &PassLayout| pass.groups * pass.rows;
    passes.iter().map(rows).max().unwrap_or(0)
        * MAX_BLOCKS.max(MAX_TILES_OF_BLOCKS)
        * MAX_SAMPLES
        * layout.lanes
}

/// Memory of which each thread has a part of its own. What it holds between calls has no meaning.
#[derive(Debug, Clone)]
pub(crate) struct Scratch<T> {
    memory: Buffer<T>,
    part: usize,
    /// How many threads it serves.
    pub threads: usize,
}

impl<T: Element> Scratch<T> {
    /// No memory, for no threads.
    pub const EMPTY: Self = Scratch {
        memory: Buffer::EMPTY,
        part: 0,
        threads: 0,
    };

    /// Makes it one of so many numbers for each of so many threads.
    pub fn reshape(&mut self, len: usize, threads: usize) -> Result<(), NoMemory> {
        let part = Self::part_len(len);
        // Until the memory is there it serves nobody.
        (self.part, self.threads) = (0, 0);
        self.memory.resize(room([part, threads]))?;
        (self.part, self.threads) = (part, threads);
        Ok(())
    }

    /// Whether each thread has so many numbers.
    pub fn fits(&self, len: usize) -> bool {
        self.part == Self::part_len(len)
    }

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// Sets everything, as an earlier use might.
    #[cfg(test)]
    pub fn soil(&mut self, value: T) {
        self.memory.soil(value);
    }

    /// Parts begin on lines of their own, so that threads do not write to the same one.
    fn part_len(len: usize) -> usize {
        len.checked_next_multiple_of(64).unwrap_or(usize::MAX)
    }

    /// The part of a thread.
    #[inline(always)]
    pub fn part(&self, thread: usize) -> *mut T {
        debug_assert!(
            thread < self.threads,
            "a sweep has more threads than its memory"
        );
        self.memory.shared().wrapping_add(thread * self.part)
    }
}
