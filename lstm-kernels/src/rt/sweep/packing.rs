//! Errors and vectors of all steps and samples copied into panels for the weight gradients, which read them as streams.

use pulp::Simd;

use super::UserMatrix;
use super::gradients::Gradients;
use super::share::part;
use crate::rt::context::Rows;
use crate::rt::element::Element;
use crate::rt::lanes::Lanes;
use crate::rt::program::Operand;

/// Columns whose vectors are copied together: each is read from end to end, and goes to as many places as it has groups.
const TOGETHER: usize = 16;

impl<T: Element> Gradients<'_, T> {
    /// Copies this thread's part of the vectors of some steps and samples.
    #[inline(always)]
    pub(super) fn pack_vectors<S: Simd>(&self, simd: S, first: usize, count: usize) {
        let (layout, lanes) = (self.layout, self.layout.lanes);
        for vector in &layout.outer {
            if vector.is_repeated {
                continue;
            }
            let (pieces, len) = layout.extent(vector.operand);
            let groups = len.div_ceil(lanes);
            let (vectors, piece_stride) = match vector.operand {
                Operand::Forward {
                    lead,
                    slot,
                    previous,
                } => {
                    let at = usize::from(!previous);
                    let rows = self.memory.columns(layout, lead, at, 0, 0);
                    let base = rows
                        .base
                        .wrapping_add(slot.index(layout.leads[lead].cells) * rows.row);
                    (UserMatrix::even(base, rows.sample), rows.row)
                }
                _ => (self.input, 0),
            };
            let mut done = 0;
            while done < count {
                let (source, run) = vectors.run(first + done, TOGETHER.min(count - done));
                for index in part(0..pieces * groups, self.thread, self.threads) {
                    let (piece, group) = (index / groups, index % groups);
                    let valid = (len - group * lanes).min(lanes);
                    let source = source.wrapping_add(piece * piece_stride + group * lanes);
                    let panel = self.vector_panel(vector.start + index);
                    for column in 0..run {
                        // SAFETY: the source has `valid` elements in each column, the panel a lane vector; nobody else
                        // writes this group.
                        unsafe {
                            let source = source.offset(column as isize * vectors.sample());
                            Lanes::load_first(simd, source, valid)
                                .store(panel.add((done + column) * lanes));
                        }
                    }
                }
                done += run;
            }
        }
    }

    /// Copies the errors of a group of units for some steps and samples, and sums them.
    #[inline(always)]
    pub(super) fn pack_errors<S: Simd>(
        &self,
        simd: S,
        (lead, group): (usize, usize),
        first: usize,
        count: usize,
    ) {
        let lanes = self.layout.lanes;
        let record = self.layout.leads[lead].errors;
        let errors = self.errors.columns(self.layout, lead, 0, group, 0);
        let panel = self.errors.outer.errors.part(self.thread);
        let sums = self.errors.outer.sums[lead].shared();
        let sums = sums.wrapping_add(group * record * lanes);
        let mut plane = 0;
        while plane < record {
            let rows = Rows {
                base: errors
                    .base
                    .wrapping_add(plane * errors.row)
                    .wrapping_offset(first as isize * errors.sample),
                ..errors
            };
            let panel = (panel.wrapping_add(plane * lanes), record * lanes);
            let sums = sums.wrapping_add(plane * lanes);
            // SAFETY: each step and sample has a record of errors, for which this thread's panel has room, and each lead a
            // sum for each group and error.
            plane += unsafe {
                match record - plane {
                    1 => copy_rows::<T, S, 1>(simd, count, rows, panel, sums),
                    2 => copy_rows::<T, S, 2>(simd, count, rows, panel, sums),
                    3 => copy_rows::<T, S, 3>(simd, count, rows, panel, sums),
                    _ => copy_rows::<T, S, 4>(simd, count, rows, panel, sums),
                }
            };
        }
    }

    /// The cache lines that [`pack_errors`](Self::pack_errors) reads: each is on a page of its own, which no processor foresees.
    pub(super) fn lines_of_errors(
        &self,
        (lead, group): (usize, usize),
        first: usize,
        count: usize,
    ) -> impl Iterator<Item = *const T> + use<T> {
        let planes = self.layout.leads[lead].errors;
        let rows = self.errors.columns(self.layout, lead, 0, group, 0);
        (first..first + count).flat_map(move |column| {
            let place = rows.base.wrapping_offset(column as isize * rows.sample);
            (0..planes).map(move |plane| place.wrapping_add(plane * rows.row).cast_const())
        })
    }
}

/// Copies P lane vectors of so many columns to a panel, whose columns are so far apart, and adds them to the sums. Returns P.
///
/// # Safety
/// The rows must have P lane vectors in each column, the panel room for them, and there must be P sums.
#[inline(always)]
unsafe fn copy_rows<T: Element, S: Simd, const P: usize>(
    simd: S,
    count: usize,
    rows: Rows<T>,
    (mut panel, stride): (*mut T, usize),
    sums: *mut T,
) -> usize {
    let lanes = T::lanes::<S>();
    let mut column = rows.base;
    let mut sum = [Lanes::<T, S>::zero(simd); P];
    for (p, sum) in sum.iter_mut().enumerate() {
        // SAFETY: there are P sums.
        *sum = unsafe { Lanes::load(simd, sums.add(p * lanes)) };
    }
    for _ in 0..count {
        for (p, sum) in sum.iter_mut().enumerate() {
            // SAFETY: each column has P lane vectors, and the panel has room for them.
            unsafe {
                let error = Lanes::load(simd, column.wrapping_add(p * rows.row));
                error.store(panel.wrapping_add(p * lanes));
                *sum += error;
            }
        }
        column = column.wrapping_offset(rows.sample);
        panel = panel.wrapping_add(stride);
    }
    for (p, sum) in sum.iter().enumerate() {
        // SAFETY: there are P sums.
        unsafe { sum.store(sums.add(p * lanes)) };
    }
    P
}
