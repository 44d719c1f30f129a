//! Everything a stream reads and writes between two calls.

use super::head::Head;
use super::plan::{Places, Plan};
use crate::rt::buffer::{Buffer, NoMemory};
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::Memory;
use crate::rt::panel::Packed;
use crate::state::State;

/// The memory of a stream, and the plans of its steps, which name places in that memory.
pub(crate) struct StreamMemory<T: Element> {
    memory: Memory<T>,
    pub(super) input: Buffer<T>,
    pub(super) output: Buffer<T>,
    pub(super) head: Option<Head<T>>,
    /// The plan of the next step, and that of the one after it.
    pub(super) plans: (Plan<T>, Plan<T>),
    /// Whether the second slot holds the state, so that the second plan is the next.
    pub(super) is_odd: bool,
    /// Whether the plans have the shape that the compiler knows.
    pub(super) is_fixed: bool,
    /// Kept for the plans, which alone read it.
    _packed: Packed<T>,
}

// SAFETY: the plans name places in buffers that the same value owns, and nobody else has them.
unsafe impl<T: Element> Send for StreamMemory<T> {}
// SAFETY: a shared stream is only read.
unsafe impl<T: Element> Sync for StreamMemory<T> {}

impl<T: Element> StreamMemory<T> {
    /// A stream at rest in a state of zeros.
    pub fn new(layout: &Layout, packed: Packed<T>) -> Result<Self, NoMemory> {
        let memory = Memory::new(layout, 2, 1, false, 1)?;
        let padded = |len: usize| Buffer::zeros(len.next_multiple_of(layout.lanes));
        let (input, output) = (padded(layout.input_len)?, padded(layout.output_len)?);
        let places = Places {
            layout,
            packed: &packed,
            memory: &memory,
            input: input.shared(),
            output: output.shared(),
        };
        let plans = (places.plan(0), places.plan(1));
        Ok(StreamMemory {
            memory,
            input,
            output,
            head: None,
            plans,
            is_odd: false,
            is_fixed: false,
            _packed: packed,
        })
    }

    /// Puts a head behind the cell, or another in its place.
    pub fn set_head(&mut self, head: Head<T>) {
        self.head = Some(head);
    }

    /// Whether the plans have the shape that the compiler knows.
    pub fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    /// Goes on from another state of one sample.
    pub fn load_state(&mut self, layout: &Layout, state: &State<T>) {
        self.is_odd = false;
        self.memory.load_state(layout, state);
    }

    /// Reads the state after the last step.
    pub fn store_state(&self, layout: &Layout, state: &mut State<T>) {
        let slot = usize::from(self.is_odd);
        // Reading takes the same path as writing, which wants the memory for itself.
        self.memory.clone().store_state(layout, slot, state);
    }
}
