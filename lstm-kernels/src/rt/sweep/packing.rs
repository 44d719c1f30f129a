//! What the weight gradients read: vectors of all steps and samples copied into panels, and sums of errors.

use pulp::Simd;

use super::ColumnGrid;
use super::cuts::part;
use super::gradients::Gradients;
use crate::rt::element::Element;
use crate::rt::lanes::Lanes;
use crate::rt::program::Operand;
use crate::rt::rows::Rows;

/// Columns whose vectors are copied together: each is read from end to end, and goes to as many places as it has groups.
const TOGETHER: usize = 16;

impl<T: Element> Gradients<'_, T> {
    /// Copies this thread's part of the vectors of some steps and samples.
    #[inline(always)]
    pub(super) fn pack_vectors<S: Simd>(&self, simd: S, first: usize, count: usize) {
        let (layout, lanes) = (self.layout, T::lanes::<S>());
        let vectors = layout.outer.iter().flat_map(|bundle| &bundle.vectors);
        for vector in vectors.filter(|vector| !vector.is_repeated) {
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
                    (ColumnGrid::even(base, rows.sample), rows.row)
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

    /// Sums the errors of a group of units for some steps and samples.
    #[inline(always)]
    pub(super) fn sum_errors<S: Simd>(
        &self,
        simd: S,
        (lead, group): (usize, usize),
        first: usize,
        count: usize,
    ) {
        let lanes = self.layout.lanes;
        let record = self.layout.leads[lead].errors;
        let errors = self.errors.columns(self.layout, lead, 0, group, first);
        let sums = self.errors.outer.sums[lead].shared();
        let sums = sums.wrapping_add(group * record * lanes);
        let mut error = 0;
        while error < record {
            let rows = Rows {
                base: errors.base.wrapping_add(error * errors.row),
                ..errors
            };
            let sums = sums.wrapping_add(error * lanes);
            // SAFETY: each step and sample has a record of errors, and each lead a sum for each group and error.
            error += unsafe {
                match record - error {
                    1 => sum_rows::<T, S, 1>(simd, count, rows, sums),
                    2 => sum_rows::<T, S, 2>(simd, count, rows, sums),
                    3 => sum_rows::<T, S, 3>(simd, count, rows, sums),
                    _ => sum_rows::<T, S, 4>(simd, count, rows, sums),
                }
            };
        }
    }
}

/// Adds P lane vectors of so many columns to sums. Returns P.
///
/// # Safety
/// The rows must have P lane vectors in each column, and there must be P sums.
#[inline(always)]
unsafe fn sum_rows<T: Element, S: Simd, const P: usize>(
    simd: S,
    count: usize,
    rows: Rows<T>,
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
            // SAFETY: each column has P lane vectors.
            *sum += unsafe { Lanes::load(simd, column.wrapping_add(p * rows.row)) };
        }
        column = column.wrapping_offset(rows.sample);
    }
    for (p, sum) in sum.iter().enumerate() {
        // SAFETY: there are P sums.
        unsafe { sum.store(sums.add(p * lanes)) };
    }
    P
}
