//! What a step of one sample does, written down once: which panels are multiplied with which vectors, and where the
//! element-wise equations find their memory.
//!
//! With one sample and two slots in turn every place in memory is known when the memory is made, so a step follows
//! a list instead of finding its way through the layout.

use pulp::Scalar;

use crate::rt::context::ForwardTile;
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::{Memory, VectorPlace};
use crate::rt::panel::Packed;
use crate::rt::pass::{Chunk, MAX_ROWS, PassLayout};
use crate::rt::program::{Operand, Program};
use crate::rt::rows::Rows;
use crate::rt::run::Run;
use crate::rt::segment::SegmentLayout;
use crate::rt::tile::{MAX_BLOCKS, MAX_RUNS};

/// The products of a chunk of panels.
pub(super) struct Product<T> {
    /// Lane vectors side by side.
    pub rows: usize,
    /// What is summed, in order: the first `count` of these.
    pub runs: [Run<T>; MAX_RUNS],
    pub count: usize,
    /// Where each lane vector is accumulated, from the first accumulator of its block on.
    pub places: [usize; MAX_ROWS],
}

/// Some blocks of a pass: their products, then their equations.
pub(super) struct Turn<T: Element> {
    pub products: Vec<Product<T>>,
    /// The equations of each group. The instruction set is filled in by whoever runs them.
    pub groups: Vec<ForwardTile<T, Scalar>>,
}

/// A pass over the units of an axis.
pub(super) struct PassPlan<T: Element> {
    /// Blocks that each turn takes.
    pub blocks: usize,
    /// Whether the products add to what is there, which is zero at first.
    pub adds: bool,
    /// From the accumulators of one block to the next.
    pub block_stride: usize,
    pub turns: Vec<Turn<T>>,
}

/// A step.
pub(super) struct Plan<T: Element> {
    pub passes: Vec<PassPlan<T>>,
    /// Accumulators of a turn.
    pub accumulators: *mut T,
    /// Sums over all units: the first and how many.
    pub sums: (*mut T, usize),
}

/// The chains of multiply-adds that a turn has under way at most.
const MAX_CHAINS: usize = 12;

/// Groups of units that a turn takes at most.
pub(super) const MAX_GROUPS: usize = 8;

/// How many blocks a turn takes of a pass with so many of so many groups, whose tiles have so many lane vectors each: as
/// many as keep the multipliers busy, and the same number in every turn.
pub(super) const fn blocks_per_turn(rows: usize, groups: usize, blocks: usize) -> usize {
    let mut count = MAX_BLOCKS;
    while count > 1
        && (!blocks.is_multiple_of(count)
            || count * rows > MAX_CHAINS
            || count * groups > MAX_GROUPS)
    {
        count -= 1;
    }
    count
}

/// Whether the equations of an axis with so many cells a block may write whole registers, padding included: no sum counts
/// it, and nothing lies behind it. What reads a part of a register then need not wait for the cache.
pub(super) const fn writes_padding(program: &Program, cells: usize) -> bool {
    program.forward_sums == 0 && cells == 1
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
}

impl<T: Element> Places<'_, T> {
    /// The plan of the steps that read one slot of the memory and write the other.
    pub fn plan(&self, previous: usize) -> Plan<T> {
        let sums = self.memory.sums(self.layout, 1 - previous, 0);
        let passes = self.layout.forward.iter();
        Plan {
            passes: passes.map(|pass| self.pass(pass, previous)).collect(),
            accumulators: self.memory.accumulators.part(0),
            sums: (sums.base, self.layout.program.forward_sums),
        }
    }

    fn pass(&self, pass: &PassLayout, previous: usize) -> PassPlan<T> {
        let chunks = pass.segments.iter().flat_map(|segment| &segment.chunks);
        let rows = chunks.map(|chunk| chunk.rows).max().unwrap_or(1);
        let blocks = blocks_per_turn(rows, pass.groups, pass.blocks);
        let firsts = (0..pass.blocks).step_by(blocks);
        let turn = |first_block| self.turn(pass, previous, first_block, blocks);
        let mut turns: Vec<_> = firsts.map(turn).collect();
        // Every other step walks the panels backwards, to begin with what is still in the cache. Sums over all units are formed as
        // the units come, so these come in one order at every step.
        if previous == 1 && self.layout.program.forward_sums == 0 {
            turns.reverse();
        }
        PassPlan {
            blocks,
            adds: !is_one_tile(pass),
            block_stride: pass.groups * pass.rows * self.layout.lanes,
            turns,
        }
    }

    fn turn(
        &self,
        pass: &PassLayout,
        previous: usize,
        first_block: usize,
        blocks: usize,
    ) -> Turn<T> {
        let (layout, row) = (self.layout, self.layout.lanes);
        let accumulators = self.memory.accumulators.part(0);
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
                is_far: segment.is_far::<T>(pass.blocks),
                ..Run::NONE
            })
        };
        let product = |chunk: &Chunk, some: Vec<Run<T>>| {
            let mut places = [0; MAX_ROWS];
            for (place, &(group, target)) in places.iter_mut().zip(&chunk.targets) {
                *place = (group * pass.rows + target) * row;
            }
            let mut runs = [Run::NONE; MAX_RUNS];
            for (place, &run) in runs.iter_mut().zip(&some) {
                *place = run;
            }
            Product {
                rows: chunk.rows,
                runs,
                count: some.len(),
                places,
            }
        };
        let mut products = Vec::new();
        match (is_one_tile(pass), pass.segments.split_first()) {
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
            valid: match writes_padding(layout.program, lead.cells) {
                true => layout.lanes,
                false => (lead.units - group * layout.lanes).min(layout.lanes),
            },
            sizes: memory.sizes.as_ptr(),
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

/// Whether all segments add to the same rows, so that each chunk is one tile over all of them. Otherwise every tile adds
/// to sums that begin at zero.
fn is_one_tile(pass: &PassLayout) -> bool {
    pass.has_equal_segments && !pass.has_idle_rows
}
