//! Forward through a sequence: inference and, with a tape, training.

use pulp::{Simd, WithSimd};

use super::{Tile, UserMatrix, blocks_from, products, sample_tiles};
use crate::Cell;
use crate::rt::context::{ForwardTile, Rows};
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::{Memory, VectorPlace};
use crate::rt::panel::Packed;
use crate::rt::program::Operand;

/// A sweep over the steps of a sequence. The first slot of the memory holds the initial state.
pub(crate) struct Forward<'a, C, T: Element, const TAPE: bool> {
    pub cell: std::marker::PhantomData<C>,
    pub layout: &'a Layout,
    pub packed: &'a Packed<T>,
    pub steps: usize,
    pub input: UserMatrix<T>,
    pub output: UserMatrix<T>,
    pub memory: &'a mut Memory<T>,
}

impl<C: Cell, T: Element, const TAPE: bool> WithSimd for Forward<'_, C, T, TAPE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for step in 0..self.steps {
            self.clear_sums(step);
            for index in 0..self.layout.forward.len() {
                self.pass(simd, step, index);
            }
        }
    }
}

impl<C: Cell, T: Element, const TAPE: bool> Forward<'_, C, T, TAPE> {
    fn clear_sums(&mut self, step: usize) {
        let count = self.memory.batch * self.layout.program.forward_sums;
        let slot = self.memory.slot(step + 1);
        self.memory.sums.as_mut_slice()[slot * count..][..count].fill(T::default());
    }

    #[inline(always)]
    fn pass<S: Simd>(&mut self, simd: S, step: usize, index: usize) {
        let pass = &self.layout.forward[index];
        let batch = self.memory.batch;
        for (first_sample, samples) in sample_tiles(batch) {
            // A loop, not a closure: what runs here must be inlined into the code of this instruction set.
            let mut first_block = 0;
            while first_block < pass.blocks {
                let blocks = blocks_from::<S>(first_block, pass.blocks, samples);
                self.tile(
                    simd,
                    step,
                    index,
                    Tile {
                        first_block,
                        blocks,
                        first_sample,
                        samples,
                    },
                );
                first_block += blocks;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd>(&mut self, simd: S, step: usize, index: usize, tile: Tile) {
        let (layout, batch) = (self.layout, self.memory.batch);
        let pass = &layout.forward[index];
        let lead = layout.leads[pass.lead];
        // The accumulators leave the memory for the time of the products, which read the memory's columns.
        let mut accumulators = std::mem::replace(
            &mut self.memory.accumulators,
            crate::rt::buffer::Buffer::zeros(0),
        );
        products(
            simd,
            layout,
            pass,
            self.packed.panels.as_slice(),
            accumulators.as_mut_slice(),
            tile,
            |operand| match operand {
                Operand::Input => Some(VectorPlace {
                    base: self
                        .input
                        .base
                        .wrapping_add(step * batch * self.input.column),
                    plane: 0,
                    sample: self.input.column,
                }),
                _ => self.memory.vector(layout, operand, step + 1),
            },
        );
        let (now, previous) = (self.memory.slot(step + 1), self.memory.slot(step));
        let first_group = tile.first_block * pass.groups;
        let last_group = ((tile.first_block + tile.blocks) * pass.groups).min(lead.groups);
        for group in first_group..last_group {
            let row_stride = pass.rows * crate::rt::tile::MAX_SAMPLES * layout.lanes;
            let column = step * batch + tile.first_sample;
            let sample = tile.first_sample;
            let context = ForwardTile {
                simd,
                samples: tile.samples,
                cells: lead.cells,
                valid: (lead.units - group * layout.lanes).min(layout.lanes),
                sizes: layout.sizes.as_ptr(),
                params: self.packed.vectors[pass.lead]
                    .as_ptr()
                    .wrapping_add(group * lead.params * layout.lanes),
                scalars: self.packed.scalars.as_ptr(),
                accumulators: accumulators
                    .as_ptr()
                    .wrapping_add((group - first_group) * row_stride),
                input: if layout.program.input_lead == pass.lead {
                    self.input.rows(layout, pass.lead, group, column)
                } else {
                    Rows::none()
                },
                lanes: self.memory.lanes(layout, pass.lead, now, group, sample),
                previous_lanes: self
                    .memory
                    .lanes(layout, pass.lead, previous, group, sample),
                columns: self.memory.columns(layout, pass.lead, now, group, sample),
                previous_columns: self
                    .memory
                    .columns(layout, pass.lead, previous, group, sample),
                output: if layout.program.output_lead == pass.lead {
                    self.output.rows(layout, pass.lead, group, column)
                } else {
                    Rows::none()
                },
                sums: self.memory.sums(layout, now, sample),
            };
            C::forward::<T, S, TAPE>(index, &context);
        }
        self.memory.accumulators = accumulators;
    }
}
