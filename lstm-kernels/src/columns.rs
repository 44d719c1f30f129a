//! Where the steps and samples of a sequence lie among the columns of a matrix.

use crate::error::KernelError;

/// Which columns of a matrix are a sequence: step t of sample b is the column `first + t * step + b * sample`.
///
/// With these a kernel runs on what is already there, without a copy: on sequences whose samples lie one behind the
/// other, from the last step to the first, on the first few samples of a wider batch, on every other step.
///
/// ```
/// use lstm_kernels::Columns;
///
/// let (steps, batch) = (5, 3);
/// assert_eq!(Columns::time_major(batch).column(2, 1), Some(2 * batch + 1));
/// assert_eq!(Columns::batch_major(steps).column(2, 1), Some(2 + steps));
/// // Time runs backwards: the first step is the last column of the sample.
/// assert_eq!(Columns::batch_major(steps).reversed(steps).column(0, 1), Some(steps - 1 + steps));
/// // The sequences that go on behind step 4, at most two of the three samples.
/// assert_eq!(Columns::time_major(batch).skip_steps(4).column(0, 1), Some(4 * batch + 1));
/// ```
///
/// How many steps and samples there are is said in each call, and checked there: every column must lie in the matrix,
/// and columns that are written must all be different. Columns that are only read may be the same, such as one input
/// for all steps (`step` 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    first: isize,
    step: isize,
    sample: isize,
}

impl Columns {
    /// Any arrangement: the column of the first step of the first sample, from a step to the next, and from a sample
    /// to the next.
    pub const fn new(first: usize, step: isize, sample: isize) -> Self {
        Columns {
            first: signed(first),
            step,
            sample,
        }
    }

    /// All samples of a step side by side: column `t * batch + b`. `batch` is that of the matrix; a call may run on
    /// fewer samples of it.
    pub const fn time_major(batch: usize) -> Self {
        Columns {
            first: 0,
            step: signed(batch),
            sample: 1,
        }
    }

    /// All steps of a sample side by side: column `b * steps + t`. `steps` is that of the matrix; a call may run on fewer
    /// steps of it.
    pub const fn batch_major(steps: usize) -> Self {
        Columns {
            first: 0,
            step: 1,
            sample: signed(steps),
        }
    }

    /// The same columns for so many steps, from the last to the first.
    #[must_use]
    pub const fn reversed(self, steps: usize) -> Self {
        Columns {
            step: self.step.saturating_neg(),
            ..self.skip_steps(steps.saturating_sub(1))
        }
    }

    /// Without the first `steps` steps.
    #[must_use]
    pub const fn skip_steps(self, steps: usize) -> Self {
        let skipped = self.step.saturating_mul(signed(steps));
        Columns {
            first: self.first.saturating_add(skipped),
            ..self
        }
    }

    /// Without the first `samples` samples.
    #[must_use]
    pub const fn skip_samples(self, samples: usize) -> Self {
        let skipped = self.sample.saturating_mul(signed(samples));
        Columns {
            first: self.first.saturating_add(skipped),
            ..self
        }
    }

    /// The column of a step of a sample, unless it would lie before the first one.
    pub fn column(self, step: usize, sample: usize) -> Option<usize> {
        usize::try_from(self.place(step, sample)).ok()
    }

    /// A matrix with its columns in this arrangement, as the kernels take it.
    pub const fn of<M>(self, matrix: M) -> Sequence<M> {
        Sequence {
            matrix,
            columns: self,
        }
    }

    /// From a step to the next.
    pub(crate) const fn step(self) -> isize {
        self.step
    }

    /// From a sample to the next.
    pub(crate) const fn sample(self) -> isize {
        self.sample
    }

    /// The column of a step of a sample, wherever it is.
    fn place(self, step: usize, sample: usize) -> i128 {
        // The product of a `usize` and an `isize` fits; only their sum may leave the range.
        let term = |count: usize, stride: isize| count as i128 * stride as i128;
        term(step, self.step)
            .saturating_add(term(sample, self.sample))
            .saturating_add(self.first as i128)
    }

    /// Checks that all columns of so many steps and samples lie in a matrix with so many columns.
    pub(crate) fn check_inside(
        self,
        what: &'static str,
        columns: usize,
        steps: usize,
        batch: usize,
    ) -> Result<(), KernelError> {
        let (Some(last_step), Some(last_sample)) = (steps.checked_sub(1), batch.checked_sub(1))
        else {
            return Ok(());
        };
        // The column is linear in step and sample, so the outermost ones are at the corners.
        for (step, sample) in [
            (0, 0),
            (last_step, 0),
            (0, last_sample),
            (last_step, last_sample),
        ] {
            let column = self.place(step, sample);
            // A place that was cut off at the largest number lies in no matrix.
            if !(0..columns.min(isize::MAX as usize) as i128).contains(&column) {
                return Err(KernelError::ColumnOutside {
                    what,
                    columns,
                    step,
                    sample,
                    column,
                });
            }
        }
        Ok(())
    }

    /// Checks that no two of so many steps and samples have the same column.
    pub(crate) fn check_distinct(
        self,
        what: &'static str,
        steps: usize,
        batch: usize,
    ) -> Result<(), KernelError> {
        if steps == 0 || batch == 0 {
            return Ok(());
        }
        let (step, sample) = (self.step.unsigned_abs(), self.sample.unsigned_abs());
        // Columns that agree are whole multiples of this many steps and samples apart: the smallest solution of
        // Δt * step = Δb * sample.
        let (steps_apart, samples_apart) = match gcd(step, sample) {
            0 if steps > 1 => (1, 0),
            0 => (0, 1),
            divisor => (sample / divisor, step / divisor),
        };
        if steps_apart >= steps || samples_apart >= batch {
            return Ok(());
        }
        let is_opposite = (self.step < 0) != (self.sample < 0);
        let (first, second) = if is_opposite {
            ((0, 0), (steps_apart, samples_apart))
        } else {
            ((steps_apart, 0), (0, samples_apart))
        };
        Err(KernelError::ColumnShared {
            what,
            first,
            second,
        })
    }
}

/// A matrix (`MatRef`, or `MatMut` for results) and which of its columns are a sequence; see [`Columns::of`].
#[derive(Debug, Clone, Copy)]
pub struct Sequence<M> {
    pub(crate) matrix: M,
    pub(crate) columns: Columns,
}

/// A count as a difference. One too large for that leads out of every matrix.
const fn signed(count: usize) -> isize {
    if count > isize::MAX as usize {
        isize::MAX
    } else {
        count as isize
    }
}

/// The greatest common divisor; that of 0 and n is n.
fn gcd(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every arrangement of small strides against a table of which columns were taken.
    #[test]
    fn distinct_columns_are_told_from_shared_ones() {
        let mut shared = 0;
        for (step, sample) in (-7..=7).flat_map(|step| (-7..=7).map(move |n| (step, n))) {
            for (steps, batch) in (0..6).flat_map(|steps| (0..6).map(move |n| (steps, n))) {
                let columns = Columns::new(100, step, sample);
                let places: Vec<_> = (0..steps)
                    .flat_map(|t| (0..batch).map(move |b| columns.column(t, b)))
                    .collect();
                let distinct: std::collections::HashSet<_> = places.iter().collect();
                let result = columns.check_distinct("y", steps, batch);
                assert_eq!(
                    result.is_ok(),
                    distinct.len() == places.len(),
                    "{columns:?} for {steps} steps of {batch} samples"
                );
                if let Err(KernelError::ColumnShared { first, second, .. }) = result {
                    shared += 1;
                    assert_ne!(first, second);
                    assert!(first.0.max(second.0) < steps && first.1.max(second.1) < batch);
                    assert_eq!(
                        columns.column(first.0, first.1),
                        columns.column(second.0, second.1),
                        "the message names two that agree: {columns:?}"
                    );
                }
            }
        }
        assert!(shared > 0);
    }

    #[test]
    fn columns_inside_are_told_from_those_outside() {
        for (step, sample) in (-4..=4).flat_map(|step| (-4..=4).map(move |n| (step, n))) {
            for (steps, batch) in (0..4).flat_map(|steps| (0..4).map(move |n| (steps, n))) {
                let columns = Columns::new(5, step, sample);
                let inside = (0..steps).all(|t| {
                    (0..batch).all(|b| columns.column(t, b).is_some_and(|column| column < 11))
                });
                let result = columns.check_inside("y", 11, steps, batch);
                assert_eq!(result.is_ok(), inside, "{columns:?}, {steps} of {batch}");
            }
        }
    }

    #[test]
    fn numbers_at_the_ends_of_their_range_lie_outside() {
        let huge = usize::MAX;
        for columns in [
            Columns::new(huge, 1, 1),
            Columns::new(0, isize::MIN, isize::MAX),
            Columns::new(0, isize::MAX, isize::MIN),
            Columns::time_major(huge),
            Columns::batch_major(huge),
            Columns::time_major(huge).reversed(huge),
            Columns::new(0, isize::MIN, 1).reversed(huge),
            Columns::batch_major(3).skip_samples(huge),
            Columns::new(3, isize::MIN, isize::MIN).skip_steps(huge),
        ] {
            for (steps, batch) in [(2, 2), (huge, 2), (2, huge), (huge, huge)] {
                let result = columns.check_inside("y", huge, steps, batch);
                assert!(result.is_err(), "{columns:?}, {steps} of {batch}");
                // Whatever the answer, it comes without an overflow.
                let _ = columns.check_distinct("y", steps, batch);
            }
        }
    }

    #[test]
    fn reversed_twice_is_the_same() {
        let columns = Columns::new(4, 3, 1);
        assert_eq!(columns.reversed(7).reversed(7), columns);
        for step in 0..7 {
            assert_eq!(
                columns.reversed(7).column(step, 2),
                columns.column(6 - step, 2)
            );
        }
        assert_eq!(columns.reversed(0).first, columns.first);
    }
}
