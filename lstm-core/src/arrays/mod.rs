//! Sequences and matrices as arrays of `ndarray`, and back (feature `ndarray`).
//!
//! A sequence here is a matrix with the features down its columns. An array of three axes whose last one are the features
//! is the same thing with the two other axes drawn together, so most arrays become matrices, and all matrices arrays,
//! without a copy:
//!
//! | array | columns of the matrix | to go with |
//! |---|---|---|
//! | `[steps, batch, features]` | `step * batch + sample` | [`Batch::new`](crate::layers::Batch::new) |
//! | `[batch, steps, features]` | `sample * steps + step` | [`Batch::batch_major`](crate::layers::Batch::batch_major) |
//! | `[batch, steps, features]` with `permuted_axes([1, 0, 2])` | `step * batch + sample` | all verbs of a layer |
//!
//! No copy is made where the features lie side by side, and where the first axis has as its stride the second one's times
//! its length, as in every array in standard layout, and in one cut along its first or its last axis. The third line
//! therefore copies, unless there is one step or one sample, or the array itself was such a view. [`columns`] copies where it must,
//! [`columns_ref`] and [`columns_mut`] say that it must.
//!
//! ```
//! use lstm_core::arrays::{columns, columns_mut};
//! use lstm_core::{Recurrent, Rng, cells::Lstm};
//! use ndarray::Array3;
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let (steps, batch) = (5, 2);
//! let layer = Recurrent::<Lstm, f32>::new(&[3, 4], &mut Rng::new(1))?;
//! let x = Array3::from_shape_fn((steps, batch, 3), |(t, b, i)| (t + 2 * b + 3 * i) as f32);
//! let x = columns(x.view())?;
//! assert!(x.is_borrowed());
//!
//! let mut y = Array3::zeros((steps, batch, 4));
//! let mut state = layer.zero_state(batch)?;
//! let into_y = columns_mut(y.view_mut())?;
//! layer.seq(x.as_ref(), &mut state, into_y, &mut layer.workspace(batch)?)?;
//! assert!(y[[4, 1, 3]] != 0.0);
//! # Ok(())
//! # }
//! ```
#![allow(
    unsafe_code,
    reason = "a matrix has no slice if its columns do not follow one another, so a view of it is made from its pointer"
)]

use faer::{Mat, MatMut, MatRef};
use faer_ext::{IntoFaer, IntoNdarray};
use lstm_kernels::Element;
use ndarray::{
    Array2, Array3, ArrayBase, ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis, Ix2,
    Ix3, RawData, ShapeBuilder,
};

use crate::error::{Error, Result};

/// A matrix that is the memory of an array, or a copy of it.
#[derive(Debug, Clone)]
pub enum Columns<'a, T> {
    /// The array's own memory.
    Borrowed(MatRef<'a, T>),
    /// A copy.
    Owned(Mat<T>),
}

impl<T: Element> Columns<'_, T> {
    /// The matrix.
    pub fn as_ref(&self) -> MatRef<'_, T> {
        match self {
            Self::Borrowed(matrix) => *matrix,
            Self::Owned(matrix) => matrix.as_ref(),
        }
    }

    /// Whether there was no need to copy.
    pub fn is_borrowed(&self) -> bool {
        matches!(self, Self::Borrowed(_))
    }

    /// The matrix to keep; copied now if it was not before.
    pub fn into_owned(self) -> Mat<T> {
        match self {
            Self::Borrowed(matrix) => matrix.to_owned(),
            Self::Owned(matrix) => matrix,
        }
    }
}

/// The array `[a, b, features]` as a matrix of `features x (a * b)`, column `i * b + j` for the places `i` and `j`; copied if
/// its strides demand it.
///
/// # Errors
/// An array that stands for more numbers than there is memory, by strides of zero.
pub fn columns<T: Element>(array: ArrayView3<'_, T>) -> Result<Columns<'_, T>> {
    if let Ok(matrix) = columns_ref(array) {
        return Ok(Columns::Borrowed(matrix));
    }
    let (_, b, features) = array.dim();
    // The array exists, so the product of its axes does not overflow; the memory for a copy may still be lacking. A matrix
    // pads its columns to 64 bytes.
    let columns = array.len() / features.max(1);
    let padded = features.next_multiple_of(64 / size_of::<T>());
    let mut room = Vec::<T>::new();
    let needed = padded.checked_mul(columns);
    if needed.is_none_or(|needed| room.try_reserve_exact(needed).is_err()) {
        return Err(too_large(array.shape()));
    }
    drop(room);
    let copy = Mat::from_fn(features, columns, |feature, column| {
        array[[column / b, column % b, feature]]
    });
    Ok(Columns::Owned(copy))
}

/// The same without a copy.
///
/// # Errors
/// Strides that demand one.
pub fn columns_ref<T: Element>(array: ArrayView3<'_, T>) -> Result<MatRef<'_, T>> {
    let (a, b, features) = array.dim();
    match drawn_together(array) {
        Some(array) => Ok(array.reversed_axes().into_faer()),
        None if a.min(b).min(features) == 0 => Ok(MatRef::from_column_major_slice(
            &[],
            features,
            empty_columns(a, b, features)?,
        )),
        None => Err(needs_copy()),
    }
}

/// The same to be written, so that outputs land in an array.
///
/// # Errors
/// As [`columns_ref`].
pub fn columns_mut<T: Element>(array: ArrayViewMut3<'_, T>) -> Result<MatMut<'_, T>> {
    let (a, b, features) = array.dim();
    match drawn_together(array) {
        Some(array) => Ok(array.reversed_axes().into_faer()),
        None if a.min(b).min(features) == 0 => Ok(MatMut::from_column_major_slice_mut(
            &mut [],
            features,
            empty_columns(a, b, features)?,
        )),
        None => Err(needs_copy()),
    }
}

/// The first two axes as one, if their strides allow it, kernels can take the columns, and there are any.
fn drawn_together<S: RawData>(mut array: ArrayBase<S, Ix3>) -> Option<ArrayBase<S, Ix2>> {
    let are_together = !array.is_empty() && array.merge_axes(Axis(0), Axis(1));
    if !are_together {
        return None;
    }
    let &[_, column_stride, row_stride] = array.strides() else {
        return None;
    };
    let &[_, columns, rows] = array.shape() else {
        return None;
    };
    let fits = (rows <= 1 || row_stride == 1) && (columns <= 1 || column_stride >= 0);
    fits.then(|| array.index_axis_move(Axis(0), 0))
}

/// A matrix as an array `[a, b, features]` in the same memory: place `(i, j)` is column `i * b + j`. So `a` steps of `b` samples,
/// or, for a batch-major matrix, `a` samples of `b` steps.
///
/// # Errors
/// A number of columns other than `a * b`; a matrix that is reversed, or whose columns are one repeated.
pub fn array_ref<T: Element>(
    matrix: MatRef<'_, T>,
    a: usize,
    b: usize,
) -> Result<ArrayView3<'_, T>> {
    let (shape, strides) = taken_apart(matrix, a, b)?;
    if a.min(b).min(matrix.nrows()) == 0 {
        return ArrayView3::from_shape(shape, &[]).map_err(|_| too_large(&[a, b, matrix.nrows()]));
    }
    // SAFETY: the strides are those of the matrix, whose memory is readable as long as it is borrowed: place (i, j, k) is
    // its element (k, i * b + j), within bounds since there are a * b columns.
    Ok(unsafe { ArrayView3::from_shape_ptr(shape.strides(strides), matrix.as_ptr()) })
}

/// The same to be written.
///
/// # Errors
/// As [`array_ref`].
pub fn array_mut<T: Element>(
    matrix: MatMut<'_, T>,
    a: usize,
    b: usize,
) -> Result<ArrayViewMut3<'_, T>> {
    let (shape, strides) = taken_apart(matrix.as_ref(), a, b)?;
    if a.min(b).min(matrix.nrows()) == 0 {
        return ArrayViewMut3::from_shape(shape, &mut [])
            .map_err(|_| too_large(&[a, b, matrix.nrows()]));
    }
    // SAFETY: as in `array_ref`; the matrix was borrowed to be written, so no two of its elements share their memory.
    Ok(unsafe { ArrayViewMut3::from_shape_ptr(shape.strides(strides), matrix.as_ptr_mut()) })
}

/// A matrix as an array `[a, b, features]` of its own, in standard layout; see [`array_ref`].
///
/// # Errors
/// A number of columns other than `a * b`; too little memory.
pub fn array<T: Element>(matrix: MatRef<'_, T>, a: usize, b: usize) -> Result<Array3<T>> {
    require_columns(matrix, a, b)?;
    let features = matrix.nrows();
    let values = copied(matrix)?;
    Array3::from_shape_vec((a, b, features), values).map_err(|_| too_large(&[a, b, features]))
}

/// An array of two axes as a matrix of the same rows and columns, in the same memory whatever its strides.
///
/// For one step of some samples, `[samples, features]`, that is the wrong way round: [`columns`] of
/// `array.insert_axis(Axis(0))` is right.
pub fn matrix_ref<T: Element>(array: ArrayView2<'_, T>) -> MatRef<'_, T> {
    array.into_faer()
}

/// The same to be written.
pub fn matrix_mut<T: Element>(array: ArrayViewMut2<'_, T>) -> MatMut<'_, T> {
    array.into_faer()
}

/// A matrix as an array of the same rows and columns, in the same memory.
///
/// # Errors
/// A matrix that is reversed, or whose columns are one repeated.
pub fn array2_ref<T: Element>(matrix: MatRef<'_, T>) -> Result<ArrayView2<'_, T>> {
    let (rows, columns) = matrix.shape();
    require_countable(&[rows, columns])?;
    require_forward(matrix)?;
    if rows.min(columns) == 0 {
        return ArrayView2::from_shape((rows, columns), &[])
            .map_err(|_| too_large(&[rows, columns]));
    }
    // Along an axis of one element a stride is never used, but it must not be negative.
    let matrix = match matrix.row_stride() < 0 {
        true => matrix.reverse_rows(),
        false => matrix,
    };
    let matrix = match matrix.col_stride() < 0 {
        true => matrix.reverse_cols(),
        false => matrix,
    };
    Ok(matrix.into_ndarray())
}

/// A matrix as an array of its own, in standard layout.
///
/// # Errors
/// Too little memory.
pub fn array2<T: Element>(matrix: MatRef<'_, T>) -> Result<Array2<T>> {
    let (rows, columns) = matrix.shape();
    let values = copied(matrix.transpose())?;
    Array2::from_shape_vec((rows, columns), values).map_err(|_| too_large(&[rows, columns]))
}

/// The numbers of a matrix, column after column.
fn copied<T: Element>(matrix: MatRef<'_, T>) -> Result<Vec<T>> {
    let (rows, columns) = matrix.shape();
    require_countable(&[rows, columns])?;
    let mut values = Vec::new();
    if values.try_reserve_exact(rows * columns).is_err() {
        return Err(too_large(&[columns, rows]));
    }
    // A matrix without rows may have more columns than anyone can go through.
    let columns = if rows == 0 { 0 } else { columns };
    for column in matrix.subcols(0, columns).col_iter() {
        values.extend(column.iter().copied());
    }
    Ok(values)
}

type ShapeAndStrides = ((usize, usize, usize), (usize, usize, usize));

/// The shape and strides of a matrix as an array of three axes.
fn taken_apart<T: Element>(matrix: MatRef<'_, T>, a: usize, b: usize) -> Result<ShapeAndStrides> {
    require_columns(matrix, a, b)?;
    require_forward(matrix)?;
    let shape = (a, b, matrix.nrows());
    let stride = |len: usize, stride: isize| match len {
        // An axis along which nobody moves may have any stride.
        0 | 1 => 0,
        _ => stride.unsigned_abs(),
    };
    let of_column = matrix.col_stride().unsigned_abs();
    let strides = (
        match a {
            0 | 1 => 0,
            _ => b.checked_mul(of_column).ok_or_else(|| too_large(&[a, b]))?,
        },
        stride(b, matrix.col_stride()),
        stride(matrix.nrows(), matrix.row_stride()),
    );
    Ok((shape, strides))
}

fn require_columns<T>(matrix: MatRef<'_, T>, a: usize, b: usize) -> Result<()> {
    require_countable(&[a, b, matrix.nrows()])?;
    match a.checked_mul(b) == Some(matrix.ncols()) {
        true => Ok(()),
        false => Err(Error::Shape {
            what: "the matrix to be seen as an array",
            expected: format!("{a} x {b} columns"),
            actual: format!("{} columns wide", matrix.ncols()),
        }),
    }
}

/// `ndarray` counts what axes that are not empty have together, even beside an empty one.
fn require_countable(axes: &[usize]) -> Result<()> {
    let counted = (axes.iter().filter(|&&axis| axis > 0))
        .try_fold(1usize, |product, &axis| product.checked_mul(axis));
    match counted {
        Some(count) if isize::try_from(count).is_ok() => Ok(()),
        _ => Err(too_large(axes)),
    }
}

/// `ndarray` makes views only of strides that go forward, and of no number twice.
fn require_forward<T>(matrix: MatRef<'_, T>) -> Result<()> {
    let goes_forward = |len: usize, stride: isize| len <= 1 || stride > 0;
    let fits = goes_forward(matrix.nrows(), matrix.row_stride())
        && goes_forward(matrix.ncols(), matrix.col_stride());
    match fits || matrix.nrows() * matrix.ncols() == 0 {
        true => Ok(()),
        false => Err(Error::Shape {
            what: "the matrix to be seen as an array",
            expected: "in ascending order in memory, or a copy by `array` or `array2`,".to_owned(),
            actual: "reversed or repeated".to_owned(),
        }),
    }
}

fn empty_columns(a: usize, b: usize, features: usize) -> Result<usize> {
    a.checked_mul(b).ok_or_else(|| too_large(&[a, b, features]))
}

fn needs_copy() -> Error {
    Error::Shape {
        what: "the array to be seen as columns",
        expected: "features side by side and the two other axes one within the other, or a copy by `columns`,"
            .to_owned(),
        actual: "laid out otherwise".to_owned(),
    }
}

fn too_large(axes: &[usize]) -> Error {
    Error::Option {
        option: "the size of the array",
        value: format!("{axes:?}"),
        expected: "small enough for this machine's memory",
    }
}

#[cfg(test)]
mod tests;
