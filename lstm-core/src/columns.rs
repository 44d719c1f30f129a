//! Matrices column by column. Their numbers nearly always lie side by side, and slices are copied and added in wide registers,
//! numbers at a stride one by one.

use faer::reborrow::*;
use faer::{ColMut, ColRef, MatMut, MatRef};
use lstm_kernels::Element;

/// The numbers of a matrix column by column.
pub(crate) fn column_major<T: Element>(matrix: MatRef<'_, T>) -> Vec<T> {
    let columns = (0..matrix.ncols()).map(|column| matrix.col(column));
    columns.flat_map(|column| column.iter().copied()).collect()
}

/// The numbers of a matrix row by row, as the formats of other libraries list them.
pub(crate) fn row_major<T: Element>(matrix: MatRef<'_, T>) -> Vec<T> {
    column_major(matrix.transpose())
}

/// A column becomes these numbers.
pub(crate) fn set_column<T: Element>(mut column: ColMut<'_, T>, numbers: &[T]) {
    match column.rb_mut().try_as_col_major_mut() {
        Some(column) => column.as_slice_mut().copy_from_slice(numbers),
        None => (column.iter_mut())
            .zip(numbers)
            .for_each(|(to, &number)| *to = number),
    }
}

/// Adds numbers to a column.
pub(crate) fn add_to_column<T: Element>(column: ColMut<'_, T>, numbers: &[T]) {
    add_to(ColRef::from_slice(numbers), column);
}

/// Adds a column to numbers.
pub(crate) fn add_column<T: Element>(column: ColRef<'_, T>, numbers: &mut [T]) {
    add_to(column, ColMut::from_slice_mut(numbers));
}

/// Adds a column to another one, as far as both reach.
fn add_to<T: Element>(column: ColRef<'_, T>, mut sum: ColMut<'_, T>) {
    let side_by_side = (
        column.try_as_col_major(),
        sum.rb_mut().try_as_col_major_mut(),
    );
    match side_by_side {
        (Some(column), Some(sum)) => (sum.as_slice_mut().iter_mut())
            .zip(column.as_slice())
            .for_each(|(sum, &number)| *sum += number),
        _ => (sum.iter_mut())
            .zip(column.iter())
            .for_each(|(sum, &number)| *sum += number),
    }
}

/// Every column of a matrix becomes the same numbers, such as a bias.
pub(crate) fn fill_columns<T: Element>(matrix: MatMut<'_, T>, numbers: &[T]) {
    for column in matrix.col_iter_mut() {
        set_column(column, numbers);
    }
}

/// Adds all columns of a matrix to numbers, as far as there are any.
pub(crate) fn add_columns<T: Element>(matrix: MatRef<'_, T>, numbers: &mut [T]) {
    for column in matrix.col_iter() {
        add_column(column, numbers);
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;

    #[test]
    fn columns_at_a_stride_are_columns() {
        let start = mat![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        for is_flipped in [false, true] {
            let mut memory = match is_flipped {
                false => start.clone(),
                true => Mat::from_fn(2, 3, |i, j| start[(j, i)]),
            };
            let mut matrix = match is_flipped {
                false => memory.as_mut(),
                true => memory.as_mut().transpose_mut(),
            };
            let mut sums = [10.0, 20.0, 30.0];
            add_columns(matrix.rb(), &mut sums);
            assert_eq!(sums, [13.0, 27.0, 41.0]);
            add_to_column(matrix.rb_mut().col_mut(1), &[0.5, 0.25, 0.125]);
            assert_eq!(matrix.rb(), mat![[1.0, 2.5], [3.0, 4.25], [5.0, 6.125]]);
            fill_columns(matrix.rb_mut(), &[7.0, 8.0, 9.0]);
            assert_eq!(matrix.rb(), mat![[7.0, 7.0], [8.0, 8.0], [9.0, 9.0]]);
        }
    }
}
