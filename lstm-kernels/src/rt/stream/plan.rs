//! What a step of one sample does, written down once: which panels are multiplied with which vectors, and where the
//! element-wise equations find their memory.
//!
//! With one sample and two slots in turn every place in memory is known when the memory is made, so a step follows
//! a list instead of finding its way through the layout.

use pulp::Scalar;

use crate::rt::context::{ForwardTile, Rows};
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::{Memory, VectorPlace};
use crate::rt::panel::Packed;
use crate::rt::pass::{Chunk, MAX_ROWS, PassLayout, SegmentLayout};
use crate::rt::program::Operand;
use crate::rt::tile::{Run, TileProduct, blocks_at_once_in};

/// The products of a chunk of panels.
pub(super) struct Product<T> {
    /// Lane vectors side by side.
    pub rows: usize,
    /// Blocks of groups.
    pub blocks: usize,
    runs: Vec<Run<T>>,
    accumulators: *mut T,
    places: [usize; MAX_ROWS],
    accumulators_stride: usize,
    add: bool,
}

impl<T> Product<T> {
    /// What the register tile takes.
    #[inline(always)]
    pub fn tile(&self) -> TileProduct<'_, T> {
        TileProduct {
            runs: &self.runs,
            accumulators: self.accumulators,
            rows: self.places,
            accumulators_stride: self.accumulators_stride,
            add: self.add,
        }
    }
}

/// Some blocks of a pass: their products, then their equations.
pub(super) struct Turn<T: Element> {
    /// Index of the pass.
    pub pass: usize,
    /// Accumulators that begin at zero: the first and how many.
    pub zeroed: (*mut T, usize),
    pub products: Vec<Product<T>>,
    /// The equations of each group. The instruction set is filled in by whoever runs them.
    pub groups: Vec<ForwardTile<T, Scalar>>,
}

/// A step.
pub(super) struct Plan<T: Element> {
    pub turns: Vec<Turn<T>>,
    /// Sums over all units: the first and how many.
    pub sums: (*mut T, usize),
}

/// The memory that a plan names. None of it moves as long as it lives.
pub(super) struct Places<'a, T> {
    pub layout: &'a Layout,
    pub packed: &'a Packed<T>,
    pub memory: &'a Memory<T>,
    /// The input of the step, and room up to a full register.
    pub input: *mut T,
    /// The output of the step, and room up to a full register.
    pub output: *mut T,
    /// How many registers the instruction set has.
    pub registers: usize,
}

impl<T: Element> Places<'_, T> {
    /// The plan of the steps that read one slot of the memory and write the other.
    pub fn plan(&self, previous: usize) -> Plan<T> {
        let sums = self.memory.sums(self.layout, 1 - previous, 0);
        let mut turns = Vec::new();
        for (index, pass) in self.layout.forward.iter().enumerate() {
            let mut some = self.turns(index, pass, previous);
            // Every other step walks the panels backwards, to begin with what is still in the cache.
            if previous == 1 {
                some.reverse();
            }
            turns.extend(some);
        }
        Plan {
            turns,
            sums: (sums.base, self.layout.program.forward_sums),
        }
    }

    fn turns(&self, index: usize, pass: &PassLayout, previous: usize) -> Vec<Turn<T>> {
        let mut turns = Vec::new();
        let mut first_block = 0;
        while first_block < pass.blocks {
            let left = pass.blocks - first_block;
            let blocks = blocks_at_once_in(self.registers, 1, left);
            turns.push(self.turn(index, pass, previous, first_block, blocks));
            first_block += blocks;
        }
        turns
    }

    fn turn(
        &self,
        index: usize,
        pass: &PassLayout,
        previous: usize,
        first_block: usize,
        blocks: usize,
    ) -> Turn<T> {
        let (layout, row) = (self.layout, self.layout.lanes);
        let accumulators = self.memory.accumulators.part(0);
        let block_rows = pass.groups * pass.rows;
        let place = |operand| match operand {
            Operand::Input => Some(VectorPlace {
                base: self.input.cast_const(),
                plane: 0,
                sample: 0,
            }),
            _ => self.memory.vector(layout, operand, previous + 1),
        };
        let run = |segment: &SegmentLayout, chunk: &Chunk| {
            let vector = place(segment.operand)?;
            let panel = segment.start
                + first_block * segment.block_stride
                + chunk.before * segment.planes * segment.k * layout.lanes;
            Some(Run {
                planes: segment.planes,
                k: segment.k,
                panel: self.packed.panels.as_ptr().wrapping_add(panel),
                panel_stride: segment.block_stride,
                vector: vector.base,
                plane_stride: vector.plane,
                vector_stride: 0,
            })
        };
        // Where all segments add to the same rows, each chunk is one tile over all of them. Otherwise every tile adds
        // to sums that begin at zero.
        let together = pass.has_equal_segments && !pass.has_idle_rows;
        let product = |chunk: &Chunk, runs: Vec<Run<T>>| {
            let mut places = [0; MAX_ROWS];
            for (place, &(group, target)) in places.iter_mut().zip(&chunk.targets) {
                *place = (group * pass.rows + target) * row;
            }
            Product {
                rows: chunk.rows,
                blocks,
                runs,
                accumulators,
                places,
                accumulators_stride: block_rows * row,
                add: !together,
            }
        };
        let mut products = Vec::new();
        match (together, pass.segments.split_first()) {
            (true, Some((first, _))) => {
                for (index, chunk) in first.chunks.iter().enumerate() {
                    let runs = pass.segments.iter();
                    let runs = runs.filter_map(|segment| run(segment, &segment.chunks[index]));
                    products.push(product(chunk, runs.collect()));
                }
            }
            _ => {
                for segment in &pass.segments {
                    for chunk in &segment.chunks {
                        let runs: Vec<_> = run(segment, chunk).into_iter().collect();
                        products.push(product(chunk, runs));
                    }
                }
            }
        }
        let end = (first_block + blocks) * pass.groups;
        let first = first_block * pass.groups;
        let groups = first..end.min(layout.leads[pass.lead].groups);
        let groups = groups.map(|group| {
            let accumulators = accumulators.wrapping_add((group - first) * pass.rows * row);
            self.group(pass, previous, group, accumulators)
        });
        Turn {
            pass: index,
            zeroed: (
                accumulators,
                if together { 0 } else { blocks * block_rows * row },
            ),
            products,
            groups: groups.collect(),
        }
    }

    /// What the equations of a group see.
    fn group(
        &self,
        pass: &PassLayout,
        previous: usize,
        group: usize,
        accumulators: *mut T,
    ) -> ForwardTile<T, Scalar> {
        let (layout, memory, now) = (self.layout, self.memory, 1 - previous);
        let lead = layout.leads[pass.lead];
        let rows = |is_there: bool, base: *mut T| match is_there {
            true => Rows {
                base: base.wrapping_add(group * layout.lanes),
                row: lead.units,
                sample: 0,
            },
            false => Rows::none(),
        };
        ForwardTile {
            simd: Scalar,
            samples: 1,
            cells: lead.cells,
            valid: (lead.units - group * layout.lanes).min(layout.lanes),
            sizes: layout.sizes.as_ptr(),
            params: self.packed.vectors[pass.lead]
                .as_ptr()
                .wrapping_add(group * lead.params * layout.lanes),
            scalars: self.packed.scalars.as_ptr(),
            accumulators,
            accumulators_row: layout.lanes,
            input: rows(layout.program.input_lead == pass.lead, self.input),
            lanes: memory.lanes(layout, pass.lead, now, group, 0),
            previous_lanes: memory.lanes(layout, pass.lead, previous, group, 0),
            columns: memory.columns(layout, pass.lead, now, group, 0),
            previous_columns: memory.columns(layout, pass.lead, previous, group, 0),
            output: rows(layout.program.output_lead == pass.lead, self.output),
            sums: memory.sums(layout, now, 0),
        }
    }
}
