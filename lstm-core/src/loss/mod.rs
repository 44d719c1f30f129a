//! Losses, computed in log space.
//!
//! | loss | of | against |
//! |---|---|---|
//! | [`CrossEntropy`], [`cross_entropy`] | scores, softmax included | one symbol a column |
//! | [`binary_cross_entropy`] | scores, logistic function included | numbers from 0 to 1 |
//! | [`mean_squared`] | predictions | numbers |
//!
//! A loss is the mean over what is counted, in nats where it is an entropy (divide by ln 2 for bits). The form that ends in
//! `_gradient` turns its matrix into the gradient of that mean, in place. Matrices are stored column by column. A score
//! of -∞ rules a symbol out; other scores that are no finite numbers give a loss that is none, and never a panic.
//!
//! ```
//! use faer::mat;
//! use lstm_core::loss::CrossEntropy;
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! const PADDING: u32 = 0;
//! let loss = CrossEntropy::new().with_smoothing(0.1)?.with_ignored(PADDING);
//! let mut scores = mat![[0.0, 0.0], [0.0, 1.0], [0.0f32, 2.0]];
//! let nats = loss.gradient(scores.as_mut(), &[2, PADDING])?;
//! assert!((nats - 3f64.ln()).abs() < 1e-6);
//! assert_eq!(scores[(2, 1)], 0.0);
//! # Ok(())
//! # }
//! ```

mod cross_entropy;
mod distance;
mod exponentials;
mod softmax;

use faer::{ContiguousFwd, MatMut, MatRef};
use lstm_kernels::Element;

pub(crate) use cross_entropy::require_targets;
pub use cross_entropy::{CrossEntropy, cross_entropy, cross_entropy_gradient};
pub use distance::{
    binary_cross_entropy, binary_cross_entropy_gradient, mean_squared, mean_squared_gradient,
};
pub(crate) use exponentials::{Exponentials, maximum};
pub use softmax::{log_softmax_columns, softmax, softmax_columns};

use crate::error::{Error, Result};

/// What scores are called where they do not fit.
const SCORES: &str = "the matrix of scores";

/// A matrix whose columns are known to be slices.
fn slices<'m, T: Element>(
    what: &'static str,
    matrix: MatRef<'m, T>,
) -> Result<MatRef<'m, T, usize, usize, ContiguousFwd>> {
    let shape = matrix.shape();
    matrix
        .try_as_col_major()
        .ok_or_else(|| not_column_major(what, shape))
}

/// A matrix to be changed whose columns are known to be slices.
fn slices_mut<'m, T: Element>(
    what: &'static str,
    matrix: MatMut<'m, T>,
) -> Result<MatMut<'m, T, usize, usize, ContiguousFwd>> {
    let shape = matrix.shape();
    matrix
        .try_as_col_major_mut()
        .ok_or_else(|| not_column_major(what, shape))
}

fn not_column_major(what: &'static str, shape: (usize, usize)) -> Error {
    Error::Shape {
        what,
        expected: "storage column by column".to_owned(),
        actual: format!("{} x {} with rows apart", shape.0, shape.1),
    }
}

/// Refuses a matrix without numbers, of which there is no mean.
fn require_numbers(what: &'static str, shape: (usize, usize)) -> Result<()> {
    match shape {
        (0, columns) if columns > 0 => Err(Error::Shape {
            what,
            expected: "at least one row".to_owned(),
            actual: format!("0 x {columns}"),
        }),
        _ => require_columns(what, shape),
    }
}

/// Refuses a matrix without columns, of which there is no mean.
pub(crate) fn require_columns(what: &'static str, shape: (usize, usize)) -> Result<()> {
    match shape.1 {
        0 => Err(Error::Shape {
            what,
            expected: "at least one column".to_owned(),
            actual: format!("{} x 0", shape.0),
        }),
        _ => Ok(()),
    }
}
