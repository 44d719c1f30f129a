//! Columns of a batch: what place they have, and the last one of every sample, which a classifier looks at.

use faer::prelude::ReborrowMut;
use faer::{MatMut, MatRef};
use lstm_kernels::Element;

use super::Batch;
use crate::error::{Result, require_shape};

impl Batch {
    /// The step and the sample of a column: the way back of [`column`](Self::column). None for padding and for columns
    /// beyond the batch.
    ///
    /// ```
    /// use faer::{Mat, mat};
    /// use lstm_core::layers::Batch;
    ///
    /// let series = [vec![1.0, 2.0], vec![5.0, 6.0, 7.0]];
    /// let batch = Batch::ragged(&[2, 3]);
    /// let x = Mat::from_fn(1, batch.columns(), |_, column| match batch.place(column) {
    ///     Some((step, sample)) => series[sample][step],
    ///     None => 0.0,
    /// });
    /// assert_eq!(x, mat![[1.0, 5.0, 2.0, 6.0, 0.0, 7.0]]);
    /// ```
    pub fn place(&self, column: usize) -> Option<(usize, usize)> {
        let (step, sample) = match self.is_batch_major {
            true => (
                column.checked_rem(self.steps())?,
                column.checked_div(self.steps())?,
            ),
            false => (
                column.checked_div(self.samples())?,
                column.checked_rem(self.samples())?,
            ),
        };
        (step < self.length(sample)).then_some((step, sample))
    }

    /// Column s of `last` becomes the column of `y` at the last step of sample s, or zero for a sample of no steps.
    ///
    /// `y` has the columns of the batch, `last` one for each sample, both the same features. The last step is that of
    /// time, also in a [`reversed`](Self::reversed) batch.
    ///
    /// ```
    /// use faer::{Mat, mat};
    /// use lstm_core::layers::Batch;
    ///
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// let batch = Batch::ragged(&[3, 1]);
    /// let y = mat![[1.0, 10.0, 2.0, 0.0, 3.0, 0.0]];
    /// let (mut last, mut dy) = (Mat::zeros(1, 2), Mat::zeros(1, 6));
    /// batch.gather_last(y.as_ref(), last.as_mut())?;
    /// assert_eq!(last, mat![[3.0, 10.0]]);
    ///
    /// batch.scatter_last(last.as_ref(), dy.as_mut())?;
    /// assert_eq!(dy, mat![[0.0, 10.0, 0.0, 0.0, 3.0, 0.0]]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn gather_last<T: Element>(&self, y: MatRef<'_, T>, mut last: MatMut<'_, T>) -> Result<()> {
        self.require_last(y.shape(), last.shape())?;
        for sample in 0..self.samples() {
            let mut to = last.rb_mut().col_mut(sample);
            match self.length(sample) {
                0 => to.fill(T::default()),
                length => to.copy_from(y.col(self.column(length - 1, sample))),
            }
        }
        Ok(())
    }

    /// The way back of [`gather_last`](Self::gather_last): `dy` becomes the gradient by all columns, which is `dlast` at
    /// the last steps and zero elsewhere.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn scatter_last<T: Element>(
        &self,
        dlast: MatRef<'_, T>,
        mut dy: MatMut<'_, T>,
    ) -> Result<()> {
        self.require_last(dy.shape(), dlast.shape())?;
        dy.fill(T::default());
        for sample in 0..self.samples() {
            if let Some(step) = self.length(sample).checked_sub(1) {
                let column = self.column(step, sample);
                dy.rb_mut().col_mut(column).copy_from(dlast.col(sample));
            }
        }
        Ok(())
    }

    fn require_last(&self, all: (usize, usize), last: (usize, usize)) -> Result<()> {
        let features = all.0;
        let columns = (features, self.columns());
        require_shape("the matrix of all steps", columns, all)?;
        let samples = (features, self.samples());
        require_shape("the matrix of the last steps", samples, last)
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    #[test]
    fn places_and_columns_are_inverse() {
        for batch in [
            Batch::padded(&[2, 0, 3], 4).unwrap(),
            Batch::padded(&[2, 0, 3], 4).unwrap().batch_major(),
        ] {
            let places: Vec<_> = (0..20).filter_map(|column| batch.place(column)).collect();
            assert_eq!(places.len(), 5);
            for (column, place) in (0..20).map(|column| (column, batch.place(column))) {
                if let Some((step, sample)) = place {
                    assert_eq!(batch.column(step, sample), column);
                }
            }
        }
        assert_eq!(Batch::new(0, 0).place(0), None);
        assert_eq!(Batch::new(0, 3).batch_major().place(0), None);
    }

    #[test]
    fn the_last_columns_are_those_of_the_lengths_in_either_order() {
        let lengths = [2, 0, 4, 1];
        for batch in [
            Batch::padded(&lengths, 5).unwrap(),
            Batch::padded(&lengths, 5).unwrap().batch_major(),
        ] {
            // Every column tells its step and sample.
            let mut y = Mat::full(1, batch.columns(), f64::NAN);
            for sample in 0..4 {
                for step in 0..lengths[sample] {
                    y[(0, batch.column(step, sample))] = (10 * step + sample) as f64;
                }
            }
            let mut last = Mat::full(1, 4, 7.0);
            batch.gather_last(y.as_ref(), last.as_mut()).unwrap();
            assert_eq!(last, faer::mat![[10.0, 0.0, 32.0, 3.0]]);
        }
    }

    #[test]
    fn scatter_is_the_transpose_of_gather() {
        let batch = Batch::ragged(&[3, 0, 2]);
        let y = Mat::from_fn(2, batch.columns(), |i, j| ((3 * i + 5 * j) as f64).sin());
        let d = Mat::from_fn(2, 3, |i, j| ((7 * i + 2 * j) as f64).cos());
        let (mut last, mut dy) = (Mat::zeros(2, 3), Mat::full(2, batch.columns(), 9.0));
        batch.gather_last(y.as_ref(), last.as_mut()).unwrap();
        batch.scatter_last(d.as_ref(), dy.as_mut()).unwrap();
        let dot = |a: &Mat<f64>, b: &Mat<f64>| -> f64 {
            let columns = a.col_iter().zip(b.col_iter());
            columns.map(|(a, b)| a.transpose() * b).sum()
        };
        // The same products, summed in an order that differs by zeros: a few roundings at 1e-16.
        assert!((dot(&last, &d) - dot(&y, &dy)).abs() < 1e-14);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let batch = Batch::ragged(&[3, 1]);
        for (y, last) in [((2, 5), (2, 2)), ((2, 6), (1, 2)), ((2, 6), (2, 3))] {
            let y = Mat::<f32>::zeros(y.0, y.1);
            let mut last = Mat::zeros(last.0, last.1);
            assert!(batch.gather_last(y.as_ref(), last.as_mut()).is_err());
            assert!(
                batch
                    .scatter_last(last.as_ref(), y.clone().as_mut())
                    .is_err()
            );
        }
        let message =
            batch.gather_last(Mat::<f32>::zeros(2, 6).as_ref(), Mat::zeros(2, 3).as_mut());
        assert_eq!(
            message.unwrap_err().to_string(),
            "the matrix of the last steps is 2 x 3, but 2 x 2 is needed"
        );
    }
}
