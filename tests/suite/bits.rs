//! Matrices as bits, column by column: these tests are not optimised, and bytes are the only thing that is compared fast then.

use faer::MatRef;
use lstm_kernels::Element;
use pulp::bytemuck;

/// The bits of the columns of a column-major matrix.
pub fn bits_of_columns<T: Element>(matrix: MatRef<'_, T>) -> impl Iterator<Item = &[u8]> {
    (0..matrix.ncols()).map(move |column| bits_of_column(matrix, column))
}

/// The bits of one of them.
pub fn bits_of_column<T: Element>(matrix: MatRef<'_, T>, column: usize) -> &[u8] {
    let column = matrix.col(column).try_as_col_major();
    bytemuck::cast_slice(column.expect("columns are contiguous").as_slice())
}
