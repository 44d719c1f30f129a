//! Gradients of matrices: one large sum of outer products per weight, over all steps and samples.
//!
//! Errors and vectors are copied into panels, a block of steps and samples at a time, so that a register tile reads
//! them as streams. All gates that were multiplied with the same vector share a tile, and threads share the groups of units.

use pulp::Simd;

use super::gradients::Gradients;
use super::share::{part, sample_tiles};
use crate::rt::buffer::{Buffer, NoMemory, room};
use crate::rt::element::Element;
use crate::rt::layout::{Layout, LeadLayout};
use crate::rt::memory::Scratch;
use crate::rt::outer::{OuterProduct, add_outer};
use crate::rt::outer_layout::OuterVector;
use crate::rt::pass::MAX_ROWS;
use crate::rt::prefetch::prefetch;
use crate::rt::tile::MAX_SAMPLES;

/// Steps times samples that are summed before they are added to the gradient. The errors of a group of units then stay in the
/// second level of the cache.
const BLOCK: usize = 512;

/// Steps times samples that are summed in registers. The errors of a group of units, for four gates 32 KiB, then stay in the
/// first level of the cache for all elements of a vector; the sums wait in the second until the next piece.
const PIECE: usize = 128;

/// Cache lines that a tile asks for, of what is read after it.
const LINES: usize = 8;

/// Panels of the weight gradients.
#[derive(Debug, Clone)]
pub(crate) struct OuterScratch<T> {
    /// For each vector, each of its pieces and each group of its elements: a lane vector per step and sample.
    vectors: Buffer<T>,
    /// For each thread the errors of a group of units: a record per step and sample.
    pub errors: Scratch<T>,
    /// For each thread the sums of a group of units with all elements of a vector, between two pieces of a block.
    partial: Scratch<T>,
    /// For each lead the sums of the errors of each group.
    pub sums: Vec<Buffer<T>>,
}

impl<T: Element> OuterScratch<T> {
    /// No memory.
    pub const EMPTY: Self = OuterScratch {
        vectors: Buffer::EMPTY,
        errors: Scratch::EMPTY,
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
        let [vectors, errors, partial] = Self::rooms(layout, columns);
        self.vectors.resize(vectors)?;
        self.errors.reshape(errors, threads)?;
        self.partial.reshape(partial, threads)?;
        self.sums.resize_with(layout.leads.len(), || Buffer::EMPTY);
        for (sums, lead) in self.sums.iter_mut().zip(&layout.leads) {
            sums.resize(lead.padded * lead.errors)?;
        }
        Ok(())
    }

    /// Whether this was made for such a call.
    pub fn fits(&self, layout: &Layout, columns: usize) -> bool {
        let [vectors, errors, partial] = Self::rooms(layout, columns);
        self.vectors.len() == vectors
            && self.errors.fits(errors)
            && self.partial.fits(partial)
            && self.sums.len() == layout.leads.len()
            && (self.sums.iter().zip(&layout.leads))
                .all(|(sums, lead)| sums.len() == lead.padded * lead.errors)
    }

    /// How many numbers the vectors are, the errors of a thread, and its sums.
    fn rooms(layout: &Layout, columns: usize) -> [usize; 3] {
        let block = BLOCK.min(columns);
        let partial = layout.outer.iter().map(|vector| {
            let (planes, len) = layout.extent(vector.operand);
            let rows = vector.targets.len().min(MAX_ROWS);
            room([planes * len, rows, layout.lanes])
        });
        // A block of one piece leaves nothing waiting.
        let partial = partial.max().filter(|_| block > PIECE);
        let record = layout.leads.iter().map(|lead| lead.errors).max();
        [
            room([layout.outer_vectors, layout.lanes, block]),
            room([record.unwrap_or(0), layout.lanes, block]),
            partial.unwrap_or(0),
        ]
    }

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        let sums: usize = self.sums.iter().map(Buffer::bytes).sum();
        self.vectors.bytes() + self.errors.bytes() + self.partial.bytes() + sums
    }

    /// Sets everything, as an earlier use might.
    #[cfg(test)]
    pub fn soil(&mut self, value: T) {
        self.vectors.soil(value);
        self.errors.soil(value);
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
        let len = self.layout.lanes * BLOCK.min(self.columns());
        self.errors.outer.vectors.shared().wrapping_add(group * len)
    }

    /// Adds the gradients of all matrices, and sums the errors.
    #[inline(always)]
    pub(super) fn add_matrices<S: Simd>(&self, simd: S) {
        let columns = self.columns();
        let groups = |lead: &LeadLayout| if lead.errors > 0 { lead.groups } else { 0 };
        let all = self.layout.leads.iter().map(groups).sum();
        let mut first = 0;
        while first < columns {
            let count = BLOCK.min(columns - first);
            self.begin(all);
            self.pack_vectors(simd, first, count);
            self.barrier.meet();
            while let Some(mut group) = self.take() {
                let mut lead = 0;
                while group >= groups(&self.layout.leads[lead]) {
                    group -= groups(&self.layout.leads[lead]);
                    lead += 1;
                }
                self.add_group(simd, (lead, group), first, count);
            }
            self.barrier.meet();
            first += count;
        }
    }

    /// Adds the products of the errors of a group of units with all that they were multiplied with.
    #[inline(always)]
    fn add_group<S: Simd>(&self, simd: S, place: (usize, usize), first: usize, count: usize) {
        self.pack_errors(simd, place, first, count);
        let (lead, group) = place;
        // The next group is most likely this thread's, too.
        let next = (group + 1 < self.layout.leads[lead].groups).then_some((lead, group + 1));
        let mut coming = next
            .into_iter()
            .flat_map(|next| self.lines_of_errors(next, first, count));
        for vector in &self.layout.outer {
            if vector.lead == lead {
                self.add_vector(simd, vector, group, count, &mut coming);
            }
        }
    }

    /// Adds the products of a group's errors with all elements of a vector. With each tile, some lines are asked for of what
    /// will be read afterwards.
    #[inline(always)]
    fn add_vector<S: Simd>(
        &self,
        simd: S,
        vector: &OuterVector,
        group: usize,
        count: usize,
        coming: &mut impl Iterator<Item = *const T>,
    ) {
        let (layout, lanes) = (self.layout, self.layout.lanes);
        let lead = layout.leads[vector.lead];
        let (planes, len) = layout.extent(vector.operand);
        let groups = len.div_ceil(lanes);
        let errors = self.errors.outer.errors.part(self.thread).cast_const();
        let valid = (lead.units - group * lanes).min(lanes);
        let pieces = count.div_ceil(PIECE);
        for targets in vector.targets.chunks(MAX_ROWS.min(layout.max_rows)) {
            for piece in 0..pieces {
                let some = part(0..count, piece, pieces);
                let mut sums = self.errors.outer.partial.part(self.thread);
                for plane in 0..planes {
                    for (first, elements) in sample_tiles(&(0..len)) {
                        let mut product = OuterProduct {
                            k: some.len(),
                            errors: errors.wrapping_add(some.start * lead.errors * lanes),
                            errors_stride: lead.errors * lanes,
                            planes: [0; MAX_ROWS],
                            vector: [std::ptr::null(); MAX_SAMPLES],
                            vector_stride: lanes,
                            sums,
                            begins: piece == 0,
                            ends: piece + 1 == pieces,
                            gradients: [self.dparams.base; MAX_ROWS],
                            column_strides: [0; MAX_ROWS],
                            valid,
                        };
                        for (index, target) in targets.iter().enumerate() {
                            let matrix = layout.params[target.matrix];
                            let row = target.plane * lead.units + group * lanes;
                            let column = plane * len + first;
                            product.planes[index] = target.error;
                            product.column_strides[index] = matrix.rows;
                            product.gradients[index] = self
                                .dparams
                                .base
                                .wrapping_add(matrix.start + row + column * matrix.rows);
                        }
                        for (index, element) in (first..first + elements).enumerate() {
                            let panel =
                                self.vector_panel(vector.start + plane * groups + element / lanes);
                            product.vector[index] =
                                panel.wrapping_add(some.start * lanes + element % lanes);
                        }
                        coming.by_ref().take(LINES).for_each(prefetch);
                        // SAFETY: the errors and vectors of `count` steps and samples were packed; the sums are this
                        // thread's, and the gradients of this group's rows this thread's alone.
                        unsafe { add_outer(simd, targets.len(), elements, &product) };
                        sums = sums.wrapping_add(targets.len() * elements * lanes);
                    }
                }
            }
        }
    }
}
