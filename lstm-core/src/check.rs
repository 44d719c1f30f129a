//! Central differences, for the unit tests of this crate.

use faer::{Mat, MatRef};

use crate::params::{Name, Parameters, visit_ranges};

/// Compares `gradient` with central differences of `loss` at every parameter of `model`.
///
/// With a step of 1e-5 the truncation error is of the order of 1e-10 times the third derivative, the rounding error
/// of the order of 1e-16 / 1e-5 = 1e-11 times the loss: 1e-8 leaves room for losses and derivatives of a few units.
pub(crate) fn assert_gradient<M: Parameters<f64>>(
    model: &mut M,
    gradient: &[f64],
    mut loss: impl FnMut(&M) -> f64,
) {
    let step = 1e-5;
    let mut names = Vec::new();
    model
        .visit(Name::ROOT, &mut |name, parameter| {
            names.extend((0..parameter.values.len()).map(|i| format!("{name}[{i}]")));
            Ok(())
        })
        .unwrap();
    let shift = |model: &mut M, at: usize, by: f64| {
        visit_ranges(model, gradient.len(), &mut |range, parameter| {
            if range.contains(&at) {
                parameter.values[at - range.start] += by;
            }
        })
        .unwrap();
    };
    for (at, name) in names.iter().enumerate() {
        shift(model, at, step);
        let above = loss(model);
        shift(model, at, -2.0 * step);
        let below = loss(model);
        shift(model, at, step);
        let difference = (above - below) / (2.0 * step);
        assert!(
            (difference - gradient[at]).abs() < 1e-8,
            "{name}: gradient {}, central difference {difference}",
            gradient[at]
        );
    }
}

/// Compares `gradient` with central differences of `loss` at every entry of `x`; the tolerance is that of
/// [`assert_gradient`].
pub(crate) fn assert_matrix_gradient(
    x: &Mat<f64>,
    gradient: &Mat<f64>,
    loss: impl Fn(MatRef<'_, f64>) -> f64,
) {
    let step = 1e-5;
    assert_eq!(x.shape(), gradient.shape());
    for at in (0..x.ncols()).flat_map(|j| (0..x.nrows()).map(move |i| (i, j))) {
        let shifted = |by: f64| {
            let mut x = x.clone();
            x[at] += by;
            loss(x.as_ref())
        };
        let difference = (shifted(step) - shifted(-step)) / (2.0 * step);
        assert!(
            (difference - gradient[at]).abs() < 1e-8,
            "{at:?}: gradient {}, central difference {difference}",
            gradient[at]
        );
    }
}
