//! Gradients against differences, for the unit tests of this crate.

use faer::{Mat, MatRef};

use crate::gradcheck::GradCheck;
use crate::params::Parameters;

/// What a right gradient of these small `f64` models stays below with room to spare: the differences are good to about
/// 1e-12 of the loss, and gradients that matter are not much smaller than 1e-3 of it.
const TOLERANCE: f64 = 1e-8;

/// Compares `gradient` with differences of `loss` at every parameter of `model`.
pub(crate) fn assert_gradient<M: Parameters<f64>>(
    model: &mut M,
    gradient: &[f64],
    mut loss: impl FnMut(&M) -> f64,
) {
    let report = GradCheck::new().compare(model, gradient, |model| Ok(loss(model)));
    report.and_then(|report| report.require(TOLERANCE)).unwrap();
}

/// Compares `gradient` with differences of `loss` at every entry of `x`.
pub(crate) fn assert_matrix_gradient(
    x: &Mat<f64>,
    gradient: &Mat<f64>,
    mut loss: impl FnMut(MatRef<'_, f64>) -> f64,
) {
    let (x, gradient) = (x.as_ref(), gradient.as_ref());
    let report = GradCheck::new().compare_matrix("x", x, gradient, |x| Ok(loss(x)));
    report.and_then(|report| report.require(TOLERANCE)).unwrap();
}
