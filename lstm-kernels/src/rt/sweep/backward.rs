//! Backward through a sequence: the error signals of every step, from the last to the first.

use pulp::{Simd, WithSimd};

use super::{Tile, UserMatrix, blocks_from, products, sample_tiles};
use crate::Cell;
use crate::rt::context::{BackwardTile, Rows};
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::{Errors, Memory, VectorPlace};
use crate::rt::panel::Packed;
use crate::rt::program::Operand;

/// A sweep from the last step to the first. The carries of turn `steps % 2` hold the gradient of the final state;
/// afterwards those of the turn that [`Backward::initial_turn`] names hold the gradient of the initial state.
pub(crate) struct Backward<'a, C, T: Element> {
    pub cell: std::marker::PhantomData<C>,
    pub layout: &'a Layout,
    pub packed: &'a Packed<T>,
    pub steps: usize,
    pub input: UserMatrix<T>,
    pub upstream: UserMatrix<T>,
    pub input_gradient: UserMatrix<T>,
    pub memory: &'a mut Memory<T>,
    pub errors: &'a mut Errors<T>,
}

impl<C: Cell, T: Element> WithSimd for Backward<'_, C, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for step in (0..self.steps).rev() {
            self.errors.sums.as_mut_slice().fill(T::default());
            for index in 0..self.layout.backward.len() {
                self.pass(simd, Some(step), index);
            }
        }
        for index in 0..self.layout.backward.len() {
            if self.layout.program.backward[index].level == 0 {
                self.pass(simd, None, index);
            }
        }
    }
}

impl<C: Cell, T: Element> Backward<'_, C, T> {
    /// Which turn of the carries holds the gradient of the initial state after the sweep.
    pub const fn initial_turn() -> usize {
        1
    }

    /// One pass of a step, or, before the first step, the gradient of the initial state.
    #[inline(always)]
    fn pass<S: Simd>(&mut self, simd: S, step: Option<usize>, index: usize) {
        let pass = &self.layout.backward[index];
        for (first_sample, samples) in sample_tiles(self.errors.batch) {
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
    fn tile<S: Simd>(&mut self, simd: S, step: Option<usize>, index: usize, tile: Tile) {
        let (layout, batch) = (self.layout, self.errors.batch);
        let pass = &layout.backward[index];
        let lead = layout.leads[pass.lead];
        let is_last = step.is_some_and(|step| step + 1 == self.steps);
        let mut accumulators = std::mem::replace(
            &mut self.errors.accumulators,
            crate::rt::buffer::Buffer::zeros(0),
        );
        products(
            simd,
            layout,
            pass,
            self.packed.panels.as_slice(),
            accumulators.as_mut_slice(),
            tile,
            |operand| {
                match (operand, step) {
                    // Behind the last step there are no errors.
                    (Operand::Error { next: true, .. }, _) if is_last => None,
                    (
                        Operand::Error {
                            next: true,
                            lead,
                            slot,
                        },
                        None,
                    ) => self.errors.vector(
                        layout,
                        Operand::Error {
                            lead,
                            slot,
                            next: false,
                        },
                        0,
                    ),
                    (_, None) => None,
                    (Operand::Error { .. }, Some(step)) => {
                        self.errors.vector(layout, operand, step)
                    }
                    (Operand::Forward { .. }, Some(step)) => {
                        self.memory.vector(layout, operand, step + 1)
                    }
                    (Operand::Input, Some(step)) => Some(VectorPlace {
                        base: self
                            .input
                            .base
                            .wrapping_add(step * batch * self.input.column),
                        plane: 0,
                        sample: self.input.column,
                    }),
                }
            },
        );
        let first_group = tile.first_block * pass.groups;
        let last_group = ((tile.first_block + tile.blocks) * pass.groups).min(lead.groups);
        let sample = tile.first_sample;
        // Turns alternate from step to step; the initial state stands before step 0.
        let (turn, next_turn) =
            step.map_or((0, Self::initial_turn()), |step| ((step + 1) % 2, step % 2));
        let at = step.unwrap_or(0);
        let column = at * batch + sample;
        for group in first_group..last_group {
            let row_stride = pass.rows * crate::rt::tile::MAX_SAMPLES * layout.lanes;
            let has = |condition: bool, matrix: &UserMatrix<T>| {
                if condition {
                    matrix.rows(layout, pass.lead, group, column)
                } else {
                    Rows::none()
                }
            };
            let is_input = layout.program.input_lead == pass.lead;
            let context = BackwardTile {
                simd,
                samples: tile.samples,
                cells: lead.cells,
                valid: (lead.units - group * layout.lanes).min(layout.lanes),
                is_last,
                sizes: layout.sizes.as_ptr(),
                params: self.packed.vectors[pass.lead]
                    .as_ptr()
                    .wrapping_add(group * lead.params * layout.lanes),
                scalars: self.packed.scalars.as_ptr(),
                accumulators: accumulators
                    .as_ptr()
                    .wrapping_add((group - first_group) * row_stride),
                input: has(is_input, &self.input),
                lanes: self.memory.lanes(layout, pass.lead, at + 1, group, sample),
                previous_lanes: self.memory.lanes(layout, pass.lead, at, group, sample),
                columns: self
                    .memory
                    .columns(layout, pass.lead, at + 1, group, sample),
                previous_columns: self.memory.columns(layout, pass.lead, at, group, sample),
                sums: self.memory.sums(layout, at + 1, sample),
                upstream: has(layout.program.output_lead == pass.lead, &self.upstream),
                carries: self.errors.carries(layout, pass.lead, turn, group, sample),
                next_carries: self
                    .errors
                    .carries(layout, pass.lead, next_turn, group, sample),
                errors: self.errors.columns(layout, pass.lead, at, group, sample),
                spill: self.errors.spill(layout, pass.lead, group, sample),
                error_sums: self.errors.sums(layout, sample),
                gradients: self.errors.leads[pass.lead]
                    .gradients
                    .as_mut_ptr()
                    .wrapping_add(group * lead.gradients * layout.lanes),
                input_gradient: has(is_input, &self.input_gradient),
            };
            match step {
                Some(_) => C::backward::<T, S>(index, &context),
                None => C::initial_gradient::<T, S>(pass.lead, &context),
            }
        }
        self.errors.accumulators = accumulators;
    }
}
