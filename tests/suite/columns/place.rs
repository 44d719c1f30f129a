//! A sequence among other numbers, which must stay as they are.

use faer::{Mat, MatMut, MatRef};
use lstm_kernels::Columns;

use crate::bits::bits_of_columns;
use crate::passes::Real;

/// What no result is; it must stay wherever no result belongs.
pub(super) const UNTOUCHED: f64 = 1234.5;

/// Rows above and below a sequence in its matrix, and columns behind it.
const MARGIN: usize = 2;

/// A matrix that has a sequence among other rows and columns, all of them filled with a value.
pub(super) struct Place<T> {
    matrix: Mat<T>,
    columns: Columns,
    rows: usize,
}

impl<T: Real> Place<T> {
    pub(super) fn new(
        rows: usize,
        columns: Columns,
        steps: usize,
        batch: usize,
        fill: f64,
    ) -> Self {
        let places =
            (0..steps).flat_map(|t| (0..batch).map(move |b| columns.column(t, b).unwrap()));
        let width = places.max().map_or(0, |last| last + 1) + MARGIN;
        Place {
            matrix: Mat::from_fn(rows + 2 * MARGIN, width, |_, _| T::of(fill)),
            columns,
            rows,
        }
    }

    pub(super) fn as_ref(&self) -> MatRef<'_, T> {
        self.matrix.as_ref().subrows(MARGIN, self.rows)
    }

    pub(super) fn as_mut(&mut self) -> MatMut<'_, T> {
        self.matrix.as_mut().subrows_mut(MARGIN, self.rows)
    }

    /// The same with the numbers of a time-major matrix.
    pub(super) fn with(mut self, values: &Mat<T>, batch: usize) -> Self {
        let columns = self.columns;
        let mut to = self.as_mut();
        for at in 0..values.ncols() {
            let column = columns.column(at / batch, at % batch).unwrap();
            to.as_mut().col_mut(column).copy_from(values.col(at));
        }
        self
    }

    /// Takes the results out, as a time-major matrix; nothing else may have been written.
    pub(super) fn take(mut self, steps: usize, batch: usize, case: &str) -> Mat<T> {
        let mut result = Mat::from_fn(self.rows, steps * batch, |_, _| T::of(f64::NAN));
        let columns = self.columns;
        let mut from = self.as_mut();
        for at in 0..steps * batch {
            let column = columns.column(at / batch, at % batch).unwrap();
            result.col_mut(at).copy_from(from.as_ref().col(column));
            from.as_mut().col_mut(column).fill(T::of(UNTOUCHED));
        }
        let untouched = Mat::from_fn(self.matrix.nrows(), 1, |_, _| T::of(UNTOUCHED));
        let untouched = bits_of_columns(untouched.as_ref()).next();
        for (at, column) in bits_of_columns(self.matrix.as_ref()).enumerate() {
            assert!(
                Some(column) == untouched,
                "column {at} was written outside the sequence: {case}"
            );
        }
        result
    }
}
