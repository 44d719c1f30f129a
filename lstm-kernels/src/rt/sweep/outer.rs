//! Gradients of matrices: one large sum of outer products per weight, over all steps and samples.
//!
//! Vectors are copied into panels, a block of steps and samples at a time, so that a register tile reads them as streams;
//! errors lie in streams already. All gates that were multiplied with the same vector share a tile, and threads share the
//! groups of units.

use std::ops::Range;

use pulp::Simd;

use super::cuts::{element_tiles, part};
use super::gradients::Gradients;
use crate::rt::buffer::{Buffer, NoMemory, room};
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::Scratch;
use crate::rt::outer::{OuterProduct, add_outer};
use crate::rt::outer_layout::{OuterBundle, OuterVector};
use crate::rt::pass::MAX_ROWS;
use crate::rt::prefetch::{Asked, Lines};
use crate::rt::tile::{MAX_SAMPLES, at_once_in};

/// Steps times samples that are summed before they are added to the gradient, which comes from afar.
const BLOCK: usize = 1024;

/// Elements of a vector that meet the errors of all groups of units, before the next ones do: for a block 1 MiB at most, which
/// stays in the second level of the cache, or near it.
const ELEMENTS: usize = 256;

/// Panels of the weight gradients.
#[derive(Debug, Clone)]
pub(crate) struct OuterScratch<T> {
    /// For each vector, each of its pieces and each group of its elements: a lane vector per step and sample.
    vectors: Buffer<T>,
    /// For each thread the sums of a group of units with some elements of a vector, between two pieces of a block.
    partial: Scratch<T>,
    /// For each lead the sums of the errors of each group.
    pub sums: Vec<Buffer<T>>,
}

impl<T: Element> OuterScratch<T> {
    /// No memory.
    pub const EMPTY: Self = OuterScratch {
        vectors: Buffer::EMPTY,
        partial: Scratch::EMPTY,
        sums: Vec::new(),
    };

    /// Makes it one for so many steps times samples.
    pub fn reshape(
        &mut self,
        layout: &Layout,
        columns: usize,
        threads: usize,
    ) -> Result<(), NoMemory> {
        let [vectors, partial] = Self::rooms(layout, columns);
        self.vectors.resize(vectors)?;
        self.partial.reshape(partial, threads)?;
        self.sums.resize_with(layout.leads.len(), || Buffer::EMPTY);
        for (sums, lead) in self.sums.iter_mut().zip(&layout.leads) {
            sums.resize(lead.padded * lead.errors)?;
        }
        Ok(())
    }

    /// Whether this was made for such a call.
    pub fn fits(&self, layout: &Layout, columns: usize) -> bool {
        let [vectors, partial] = Self::rooms(layout, columns);
        self.vectors.len() == vectors
            && self.partial.fits(partial)
            && self.sums.len() == layout.leads.len()
            && (self.sums.iter().zip(&layout.leads))
                .all(|(sums, lead)| sums.len() == lead.padded * lead.errors)
    }

    /// How many numbers the vectors are, and the sums of a thread.
    fn rooms(layout: &Layout, columns: usize) -> [usize; 2] {
        let block = BLOCK.min(columns);
        let vectors = layout.outer.iter().flat_map(|bundle| &bundle.vectors);
        let partial = vectors.map(|vector| {
            let (_, len) = layout.extent(vector.operand);
            let rows = vector.targets.len().min(MAX_ROWS);
            room([len.min(ELEMENTS), rows, layout.lanes])
        });
        // A block of one piece leaves nothing waiting.
        let partial = partial.max().filter(|_| block > Self::piece(layout));
        [
            room([layout.outer_vectors, layout.lanes, block]),
            partial.unwrap_or(0),
        ]
    }

    /// How many steps times samples are summed in registers. Their errors then stay near for all elements of a vector; the sums wait
    /// in the second level of the cache until the next piece.
    fn piece(layout: &Layout) -> usize {
        let bytes = layout.max_rows.min(MAX_ROWS) * layout.lanes * size_of::<T>();
        (layout.pieces.errors / bytes).max(1)
    }

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        let sums: usize = self.sums.iter().map(Buffer::bytes).sum();
        self.vectors.bytes() + self.partial.bytes() + sums
    }

    /// Sets everything, as an earlier use might.
    #[cfg(test)]
    pub fn soil(&mut self, value: T) {
        self.vectors.soil(value);
        self.partial.soil(value);
        self.sums.iter_mut().for_each(|sums| sums.soil(value));
    }

    /// Forgets the sums of an earlier call.
    pub fn clear(&mut self) {
        for sums in &mut self.sums {
            sums.as_mut_slice().fill(T::default());
        }
    }
}

impl<T: Element> Gradients<'_, T> {
    /// The panel of a group of elements of the vectors, which threads fill side by side.
    #[inline(always)]
    pub(super) fn vector_panel(&self, group: usize) -> *mut T {
        let before = group * self.vector_panel_len();
        self.errors.outer.vectors.shared().wrapping_add(before)
    }

    /// From one of them to the next.
    fn vector_panel_len(&self) -> usize {
        self.layout.lanes * BLOCK.min(self.columns())
    }

    /// Adds the gradients of all matrices, and sums the errors.
    #[inline(always)]
    pub(super) fn add_matrices<S: Simd>(&self, simd: S) {
        let columns = self.columns();
        let leads = 0..self.layout.leads.len();
        let all = leads.map(|lead| self.pieces(lead)).sum();
        let blocks = columns.div_ceil(BLOCK);
        for block in 0..blocks {
            let Range { start: first, end } = part(0..columns, block, blocks);
            let count = end - first;
            self.begin(all);
            self.pack_vectors(simd, first, count);
            self.barrier.meet();
            while let Some(mut piece) = self.take() {
                let mut lead = 0;
                while piece >= self.pieces(lead) {
                    piece -= self.pieces(lead);
                    lead += 1;
                }
                self.add_piece(simd, lead, piece, first, count);
            }
            self.barrier.meet();
        }
    }

    /// Pieces of work for the errors of a lead: for some elements of a vector at a time, each group of units.
    fn pieces(&self, lead: usize) -> usize {
        let sizes = &self.layout.leads[lead];
        if sizes.errors == 0 {
            return 0;
        }
        let bundles = self.layout.outer.iter();
        let bundles = bundles.filter(|bundle| bundle.lead == lead);
        let turns: usize = bundles.map(|bundle| self.turns(bundle)).sum();
        sizes.groups * turns.max(1)
    }

    /// In how many pieces of work a group's errors meet the vectors of a bundle.
    fn turns(&self, bundle: &OuterBundle) -> usize {
        match bundle.vectors.as_slice() {
            [vector] => self.stretches(vector),
            _ => 1,
        }
    }

    /// How many stretches of elements a vector has.
    fn stretches(&self, vector: &OuterVector) -> usize {
        let (planes, len) = self.layout.extent(vector.operand);
        planes * len.div_ceil(ELEMENTS)
    }

    /// Adds the products of the errors of a group of units with some elements of a vector, or with all vectors of a bundle.
    #[inline(always)]
    fn add_piece<S: Simd>(&self, simd: S, lead: usize, piece: usize, first: usize, count: usize) {
        let groups = self.layout.leads[lead].groups;
        let (mut turn, group) = (piece / groups, piece % groups);
        if turn == 0 {
            self.sum_errors(simd, (lead, group), first, count);
        }
        // The next group is most likely this thread's, too.
        let (next, columns) = (group + 1..group + 2, first..first + count);
        let mut coming = match next.start < groups {
            true => self.errors.lines(self.layout, lead, 0, next, columns),
            false => Lines::NONE,
        };
        let bundles = self.layout.outer.iter();
        for bundle in bundles.filter(|bundle| bundle.lead == lead) {
            let turns = self.turns(bundle);
            if turn >= turns {
                turn -= turns;
                continue;
            }
            let is_shared = bundle.vectors.len() > 1;
            for vector in &bundle.vectors {
                let stretches = match is_shared {
                    true => 0..self.stretches(vector),
                    false => turn..turn + 1,
                };
                for stretch in stretches {
                    let place = (lead, group, stretch);
                    self.add_stretch(simd, vector, place, (first, count), &mut coming);
                }
            }
            return;
        }
    }

    /// Adds the products of a group's errors with a stretch of a vector. With each tile, some lines are asked for of what will be
    /// read afterwards.
    #[inline(always)]
    fn add_stretch<S: Simd>(
        &self,
        simd: S,
        vector: &OuterVector,
        (lead, group, stretch): (usize, usize, usize),
        (first_column, count): (usize, usize),
        coming: &mut Lines<T>,
    ) {
        // What the compiler knows, it does not divide by.
        let (layout, lanes) = (self.layout, T::lanes::<S>());
        let sizes = layout.leads[lead];
        let (planes, len) = layout.extent(vector.operand);
        let groups = len.div_ceil(lanes);
        let stretches = self.stretches(vector) / planes;
        let (plane, stretch) = (stretch / stretches, stretch % stretches);
        let elements = part(0..groups, stretch, stretches);
        let elements = elements.start * lanes..len.min(elements.end * lanes);
        let rows = self.errors.columns(layout, lead, 0, group, 0);
        let errors = rows
            .base
            .wrapping_offset(first_column as isize * rows.sample);
        let valid = (sizes.units - group * lanes).min(lanes);
        let pieces = count.div_ceil(OuterScratch::<T>::piece(layout));
        for targets in vector.targets.chunks(MAX_ROWS.min(layout.max_rows)) {
            let mut product = OuterProduct {
                k: 0,
                errors,
                errors_stride: rows.sample as usize,
                planes: [0; MAX_ROWS],
                pairs: [std::ptr::null(); MAX_SAMPLES / 2],
                pair_stride: self.vector_panel_len(),
                sums: self.errors.outer.partial.part(self.thread),
                begins: true,
                ends: true,
                gradients: [self.dparams.first(); MAX_ROWS],
                column_strides: [0; MAX_ROWS],
                valid,
                asked: Asked::only(errors),
            };
            for (index, target) in targets.iter().enumerate() {
                product.planes[index] = target.error * rows.row;
                product.column_strides[index] = layout.params[target.matrix].rows;
            }
            for piece in 0..pieces {
                let some = part(0..count, piece, pieces);
                product.k = some.len();
                product.errors = errors.wrapping_offset(some.start as isize * rows.sample);
                product.sums = self.errors.outer.partial.part(self.thread);
                (product.begins, product.ends) = (piece == 0, piece + 1 == pieces);
                for (first, elements) in element_tiles(&elements) {
                    for (index, target) in targets.iter().enumerate() {
                        let matrix = layout.params[target.matrix];
                        let row = target.plane * sizes.units + group * lanes;
                        let column = plane * len + first;
                        product.gradients[index] = self
                            .dparams
                            .first()
                            .wrapping_add(matrix.start + row + column * matrix.rows);
                    }
                    for (index, element) in (first..first + elements).step_by(2).enumerate() {
                        let panel =
                            self.vector_panel(vector.start + plane * groups + element / lanes);
                        product.pairs[index] =
                            panel.wrapping_add(some.start * lanes + element % lanes);
                    }
                    let turns = product.k / const { at_once_in::<S>(1) };
                    product.asked = (coming.hand_out(turns, 1)).unwrap_or(Asked::only(errors));
                    // SAFETY: the vectors of `count` steps and samples were packed, and all have errors; the sums are this
                    // thread's, and the gradients of this group's rows and these columns this thread's alone.
                    unsafe { add_outer(simd, targets.len(), elements, &product) };
                    product.sums = product.sums.wrapping_add(targets.len() * elements * lanes);
                }
            }
        }
    }
}
