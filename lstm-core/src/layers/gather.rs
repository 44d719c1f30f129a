//! Columns and states of a segment, taken out of a batch and put back.

use faer::prelude::{IntoConst, Reborrow, ReborrowMut};
use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Columns, Element, Sequence, State};

use super::batch::{Batch, Schedule, Segment};

/// A segment of a batch: which columns and samples it has.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub batch: &'a Batch,
    pub schedule: &'a Schedule,
    pub segment: &'a Segment,
}

impl<'a> Part<'a> {
    /// Its samples, in the order in which kernels take them.
    pub fn samples(self) -> &'a [usize] {
        &self.schedule.order[..self.segment.samples]
    }

    /// How many columns it has.
    pub fn columns(self) -> usize {
        self.segment.steps * self.segment.samples
    }

    /// Its columns of `matrix`: in place, or gathered in `buffer`.
    pub fn take<'m, T: Element>(
        self,
        matrix: MatRef<'m, T>,
        buffer: &'m mut Mat<T>,
    ) -> Sequence<MatRef<'m, T>> {
        match self.batch.even_columns(self.schedule, self.segment) {
            Some(columns) => columns.of(matrix),
            None => self.gathered().of(self.gather(matrix, buffer)),
        }
    }

    /// Lets `write` fill its columns of `matrix`: in place, or through `buffer`.
    pub fn fill<T: Element, R>(
        self,
        matrix: MatMut<'_, T>,
        buffer: &mut Mat<T>,
        write: impl FnOnce(Sequence<MatMut<'_, T>>) -> R,
    ) -> R {
        match self.batch.even_columns(self.schedule, self.segment) {
            Some(columns) => write(columns.of(matrix)),
            None => self.scatter(matrix, buffer, |gathered| {
                write(self.gathered().of(gathered))
            }),
        }
    }

    /// Where gathered columns lie.
    fn gathered(self) -> Columns {
        Columns::time_major(self.segment.samples)
    }

    /// Its columns of `matrix`, one behind the other in `buffer`.
    pub fn gather<'m, T: Element>(
        self,
        matrix: MatRef<'_, T>,
        buffer: &'m mut Mat<T>,
    ) -> MatRef<'m, T> {
        let mut gathered = room(buffer, matrix.nrows(), self.columns());
        self.for_columns(|at, column| {
            gathered.rb_mut().col_mut(at).copy_from(matrix.col(column));
        });
        gathered.into_const()
    }

    /// Lets `write` fill its columns in `buffer`, and puts them where they belong in `matrix`.
    pub fn scatter<T: Element, R>(
        self,
        mut matrix: MatMut<'_, T>,
        buffer: &mut Mat<T>,
        write: impl FnOnce(MatMut<'_, T>) -> R,
    ) -> R {
        let mut gathered = room(buffer, matrix.nrows(), self.columns());
        let result = write(gathered.rb_mut());
        self.for_columns(|at, column| {
            matrix
                .rb_mut()
                .col_mut(column)
                .copy_from(gathered.rb().col(at));
        });
        result
    }

    /// Calls `each` with the place of every column among those of the segment and among those of the batch.
    fn for_columns(self, mut each: impl FnMut(usize, usize)) {
        let samples = self.samples();
        for step in 0..self.segment.steps {
            for (place, &sample) in samples.iter().enumerate() {
                let column = self.batch.column_in_turn(self.segment.first + step, sample);
                each(step * samples.len() + place, column);
            }
        }
    }

    /// The states of its samples.
    pub fn take_state<T: Element>(self, all: &State<T>, part: &mut State<T>) {
        for index in 0..all.len() {
            let (from, mut to) = (all.get(index), part.get_mut(index));
            for (place, &sample) in self.samples().iter().enumerate() {
                to.rb_mut().col_mut(place).copy_from(from.col(sample));
            }
        }
    }

    /// Puts the states of its samples back among all.
    pub fn put_state<T: Element>(self, part: &State<T>, all: &mut State<T>) {
        for index in 0..all.len() {
            let (from, mut to) = (part.get(index), all.get_mut(index));
            for (place, &sample) in self.samples().iter().enumerate() {
                to.rb_mut().col_mut(sample).copy_from(from.col(place));
            }
        }
    }
}

/// A matrix of this shape in memory that is used again and again, also for other shapes; what it holds is left over from them.
pub(crate) fn room<T: Element>(buffer: &mut Mat<T>, rows: usize, columns: usize) -> MatMut<'_, T> {
    if buffer.nrows() < rows || buffer.ncols() < columns {
        let (rows, columns) = (buffer.nrows().max(rows), buffer.ncols().max(columns));
        *buffer = Mat::zeros(rows, columns);
    }
    buffer.as_mut().submatrix_mut(0, 0, rows, columns)
}

/// What was written into the [`room`] of this shape.
pub(crate) fn written<T>(buffer: &Mat<T>, rows: usize, columns: usize) -> MatRef<'_, T> {
    buffer.as_ref().submatrix(0, 0, rows, columns)
}

/// Zeroes the columns of a batch that are padding.
pub(crate) fn clear_padding<T: Element>(batch: &Batch, mut matrix: MatMut<'_, T>) {
    batch.for_padding(|column| matrix.rb_mut().col_mut(column).fill(T::default()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_take_turns_share_memory() {
        let mut buffer = Mat::<f32>::new();
        room(&mut buffer, 3, 8);
        room(&mut buffer, 5, 2).fill(1.0);
        let base = buffer.as_ptr();
        for (rows, columns) in [(3, 8), (5, 2), (4, 7), (5, 8)] {
            assert_eq!(room(&mut buffer, rows, columns).shape(), (rows, columns));
            assert_eq!(buffer.as_ptr(), base);
        }
        room(&mut buffer, 2, 3).fill(2.0);
        assert_eq!(written(&buffer, 2, 3), Mat::full(2, 3, 2.0f32));
    }
}
