//! Rows in panels: a few lane vectors of rows, column after column, then the next few.

use std::ops::Range;

use faer::Col;
use lstm_kernels::Element;
use lstm_kernels::rt::dense::ROWS;

/// Numbers aligned to lines of the cache.
pub(super) type Aligned<T> = Col<T>;

/// How the rows of a matrix are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panels {
    /// Of the matrix; behind them comes padding.
    len: usize,
    lanes: usize,
    /// Lane vectors, those of padding too.
    vectors: usize,
    panels: usize,
}

impl Panels {
    /// As few panels as can be, some of them perhaps a lane vector lower than the others.
    pub fn few(len: usize, lanes: usize) -> Self {
        let vectors = len.div_ceil(lanes);
        Panels {
            len,
            lanes,
            vectors,
            panels: vectors.div_ceil(ROWS),
        }
    }

    /// As few panels as can be, all of one height.
    pub fn equal(len: usize, lanes: usize) -> Self {
        let few = Self::few(len, lanes);
        let height = few.vectors.div_ceil(few.panels.max(1));
        Panels {
            vectors: few.panels * height,
            ..few
        }
    }

    /// Rows with those of padding.
    pub fn padded(&self) -> usize {
        self.vectors * self.lanes
    }

    /// How many panels there are.
    pub fn count(&self) -> usize {
        self.panels
    }

    /// The rows of each panel, those of padding too.
    pub fn rows(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let Panels {
            lanes,
            vectors,
            panels,
            ..
        } = *self;
        let start = move |panel| vectors * panel / panels * lanes;
        (0..panels).map(move |panel| start(panel)..start(panel + 1))
    }

    /// Writes a matrix of so many rows and columns into panels, number by number, and zeros into the padding.
    pub fn pack<T: Element>(
        &self,
        columns: usize,
        packed: &mut Aligned<T>,
        number: impl Fn(usize, usize) -> T,
    ) {
        let packed = resize(packed, self.padded() * columns);
        for rows in self.rows() {
            let panel = &mut packed[rows.start * columns..rows.end * columns];
            for (j, column) in panel.chunks_exact_mut(rows.len()).enumerate() {
                for (i, packed) in rows.clone().zip(column) {
                    *packed = match i < self.len {
                        true => number(i, j),
                        false => T::default(),
                    };
                }
            }
        }
    }

    /// Adds the columns that lie in panels to a matrix whose columns lie one after the other, each of as many rows as there
    /// are or of fewer.
    #[inline(always)]
    pub fn add_to<T: Element>(&self, packed: &[T], columns: usize, len: usize, matrix: &mut [T]) {
        for rows in self.rows() {
            let panel = &packed[rows.start * columns..rows.end * columns];
            let inside = rows.start..rows.end.min(len);
            let columns = matrix.chunks_exact_mut(len);
            for (column, packed) in columns.zip(panel.chunks_exact(rows.len())) {
                for (number, &packed) in column[inside.clone()].iter_mut().zip(packed) {
                    *number += packed;
                }
            }
        }
    }

    /// Adds one row of the columns that lie in panels to a vector.
    pub fn add_row_to<T: Element>(&self, packed: &[T], columns: usize, row: usize, sum: &mut [T]) {
        let Some(rows) = self.rows().find(|rows| rows.contains(&row)) else {
            return;
        };
        let panel = &packed[rows.start * columns..rows.end * columns];
        for (sum, column) in sum.iter_mut().zip(panel.chunks_exact(rows.len())) {
            *sum += column[row - rows.start];
        }
    }
}

/// So many numbers, whatever they are.
pub(super) fn resize<T: Element>(numbers: &mut Aligned<T>, len: usize) -> &mut [T] {
    numbers.resize_with(len, |_| T::default());
    slice_mut(numbers)
}

/// The numbers side by side.
pub(super) fn slice<T: Element>(numbers: &Aligned<T>) -> &[T] {
    let contiguous = numbers.try_as_col_major();
    contiguous.map_or(&[], |numbers| numbers.as_slice())
}

/// The numbers side by side, to write.
pub(super) fn slice_mut<T: Element>(numbers: &mut Aligned<T>) -> &mut [T] {
    let contiguous = numbers.try_as_col_major_mut();
    contiguous.map_or(&mut [], |numbers| numbers.as_slice_mut())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_few_and_of_nearly_or_wholly_one_height() {
        let heights = |panels: Panels| panels.rows().map(|rows| rows.len()).collect::<Vec<_>>();
        assert_eq!(heights(Panels::few(201, 16)), [32, 48, 32, 48, 48]);
        assert_eq!(heights(Panels::equal(201, 16)), [48; 5]);
        assert_eq!(heights(Panels::few(50, 16)), [32, 32]);
        assert_eq!(heights(Panels::equal(3, 4)), [4]);
        assert_eq!(heights(Panels::equal(0, 4)), [0; 0]);
        for len in 1..60 {
            for panels in [Panels::few(len, 4), Panels::equal(len, 4)] {
                let ends: Vec<_> = panels.rows().map(|rows| rows.end).collect();
                let starts = panels.rows().map(|rows| rows.start);
                assert!(starts.skip(1).eq(ends[..ends.len() - 1].iter().copied()));
                assert_eq!(ends.last(), Some(&panels.padded()));
                assert!(panels.padded() >= len && panels.count() == ends.len());
            }
        }
    }

    #[test]
    fn what_is_packed_comes_back_and_padding_is_zero() {
        let panels = Panels::few(9, 2);
        let mut packed = Aligned::zeros(0);
        panels.pack(3, &mut packed, |i, j| (10 * i + j + 1) as f64);
        let packed = slice(&packed);
        // 5 lane vectors in panels of 2 and of 3.
        assert_eq!(packed[..6], [1.0, 11.0, 21.0, 31.0, 2.0, 12.0]);
        assert_eq!(packed[12..18], [41.0, 51.0, 61.0, 71.0, 81.0, 0.0]);
        let mut matrix = [0.5; 27];
        panels.add_to(packed, 3, 9, &mut matrix);
        for (place, number) in matrix.into_iter().enumerate() {
            assert_eq!(number, (10 * (place % 9) + place / 9) as f64 + 1.5);
        }
        let mut sum = [1.0; 3];
        panels.add_row_to(packed, 3, 8, &mut sum);
        assert_eq!(sum, [82.0, 83.0, 84.0]);
    }
}
