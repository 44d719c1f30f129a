//! Losses against numbers: squared distance, and the cross-entropy of yes and no.

use faer::{MatMut, MatRef};
use lstm_kernels::Element;

use crate::error::{Error, Result, require_shape};
use crate::loss::{require_numbers, slices, slices_mut};

/// The mean of (prediction - target)² over all entries.
///
/// # Errors
/// Shapes that differ, no numbers, or matrices stored other than column by column.
pub fn mean_squared<T: Element>(predictions: MatRef<'_, T>, targets: MatRef<'_, T>) -> Result<f64> {
    mean(predictions, targets, squared)
}

/// [`mean_squared`], which also turns the predictions into its gradient: 2 (prediction - target) / count.
///
/// # Errors
/// As [`mean_squared`]; the predictions are unchanged then.
pub fn mean_squared_gradient<T: Element>(
    predictions: MatMut<'_, T>,
    targets: MatRef<'_, T>,
) -> Result<f64> {
    mean_gradient(predictions, targets, squared)
}

/// The mean of `-(t ln σ(s) + (1 - t) ln(1 - σ(s)))` over all entries, for scores s and targets t from 0 to 1, in nats.
///
/// # Errors
/// A target outside [0, 1], and what is an error of [`mean_squared`].
pub fn binary_cross_entropy<T: Element>(
    scores: MatRef<'_, T>,
    targets: MatRef<'_, T>,
) -> Result<f64> {
    require_probabilities(targets)?;
    mean(scores, targets, binary)
}

/// [`binary_cross_entropy`], which also turns the scores into its gradient: (σ(score) - target) / count.
///
/// # Errors
/// As [`binary_cross_entropy`]; the scores are unchanged then.
pub fn binary_cross_entropy_gradient<T: Element>(
    scores: MatMut<'_, T>,
    targets: MatRef<'_, T>,
) -> Result<f64> {
    require_probabilities(targets)?;
    mean_gradient(scores, targets, binary)
}

const VALUES: &str = "the matrix of predictions";
const TARGETS: &str = "the matrix of targets";

/// The loss of one number against its target, and its derivative by the number.
type Distance = fn(f64, f64) -> (f64, f64);

fn squared(prediction: f64, target: f64) -> (f64, f64) {
    let difference = prediction - target;
    (difference * difference, 2.0 * difference)
}

/// With z = e^-|s|, which never overflows: ln(1 + e^s) = max(s, 0) + ln(1 + z), and σ(s) is 1 / (1 + z) or z / (1 + z).
fn binary(score: f64, target: f64) -> (f64, f64) {
    let z = (-score.abs()).exp();
    let numerator = if score >= 0.0 { 1.0 } else { z };
    let rise = if score > 0.0 { score } else { 0.0 };
    // A score of ±∞ against the target on its side has a loss of zero, which ∞ - ∞ would not say.
    let loss = match score.is_infinite() {
        true if (target == 1.0) == (score > 0.0) && (target == 0.0 || target == 1.0) => 0.0,
        true => f64::INFINITY,
        false => rise - score * target + z.ln_1p(),
    };
    (loss, numerator / (1.0 + z) - target)
}

fn mean<T: Element>(
    values: MatRef<'_, T>,
    targets: MatRef<'_, T>,
    distance: Distance,
) -> Result<f64> {
    require_pair(values.shape(), targets.shape())?;
    let (values, targets) = (slices(VALUES, values)?, slices(TARGETS, targets)?);
    let mut total = 0.0;
    for column in 0..values.ncols() {
        let pairs = values.col(column).as_slice().iter();
        for (value, target) in pairs.zip(targets.col(column).as_slice()) {
            total += distance(value.to_f64(), target.to_f64()).0;
        }
    }
    Ok(total / (values.nrows() * values.ncols()) as f64)
}

fn mean_gradient<T: Element>(
    values: MatMut<'_, T>,
    targets: MatRef<'_, T>,
    distance: Distance,
) -> Result<f64> {
    require_pair(values.shape(), targets.shape())?;
    let (mut values, targets) = (slices_mut(VALUES, values)?, slices(TARGETS, targets)?);
    let count = (values.nrows() * values.ncols()) as f64;
    let mut total = 0.0;
    for column in 0..values.ncols() {
        let pairs = values.as_mut().col_mut(column).as_slice_mut().iter_mut();
        for (value, target) in pairs.zip(targets.col(column).as_slice()) {
            let (loss, derivative) = distance(value.to_f64(), target.to_f64());
            total += loss;
            *value = T::from_f64(derivative / count);
        }
    }
    Ok(total / count)
}

fn require_pair(values: (usize, usize), targets: (usize, usize)) -> Result<()> {
    require_shape(TARGETS, values, targets)?;
    require_numbers(VALUES, values)
}

fn require_probabilities<T: Element>(targets: MatRef<'_, T>) -> Result<()> {
    let mut all = (0..targets.ncols()).flat_map(|column| targets.col(column).iter());
    match all.find(|target| !(0.0..=1.0).contains(&target.to_f64())) {
        None => Ok(()),
        Some(target) => Err(Error::Option {
            option: "a target of the binary cross-entropy",
            value: target.to_string(),
            expected: "from 0 to 1",
        }),
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;
    use crate::check::assert_matrix_gradient;

    fn values() -> Mat<f64> {
        mat![[0.2, -1.0], [1.3, 0.4], [-0.5, 30.0]]
    }

    fn targets() -> Mat<f64> {
        mat![[0.0, 1.0], [0.25, 1.0], [1.0, 0.5]]
    }

    /// By PyTorch 2:
    ///
    /// ```python
    /// import torch; torch.set_default_dtype(torch.float64)
    /// x = torch.tensor([[.2, -1.], [1.3, .4], [-.5, 30.]]); t = torch.tensor([[0., 1.], [.25, 1.], [1., .5]])
    /// print(torch.nn.functional.mse_loss(x, t).item())
    /// print(torch.nn.functional.binary_cross_entropy_with_logits(x, t).item())
    /// ```
    #[test]
    fn losses_are_those_of_pytorch_and_gradients_are_central_differences() {
        type Loss = fn(MatRef<'_, f64>, MatRef<'_, f64>) -> Result<f64>;
        type Gradient = fn(MatMut<'_, f64>, MatRef<'_, f64>) -> Result<f64>;
        let cases: [(Loss, Gradient, f64); 2] = [
            (mean_squared, mean_squared_gradient, 146.33374999999998),
            (
                binary_cross_entropy,
                binary_cross_entropy_gradient,
                3.30241687455216,
            ),
        ];
        for (loss, with_gradient, expected) in cases {
            let (mut gradient, targets) = (values(), targets());
            let found = with_gradient(gradient.as_mut(), targets.as_ref()).unwrap();
            assert_eq!(found, loss(values().as_ref(), targets.as_ref()).unwrap());
            // A few roundings of 1e-16 relative to the loss.
            assert!((found / expected - 1.0).abs() < 1e-14, "{found} {expected}");
            // The squared distance at 30 makes a loss of 150, so the differences carry rounding of 1e-14 / 1e-5.
            assert_matrix_gradient(&values(), &gradient, |values| {
                loss(values, targets.as_ref()).unwrap()
            });
        }
    }

    #[test]
    fn extreme_scores_keep_the_loss_and_stay_numbers() {
        // σ(-1000) is 0 in every type; -ln of it is 1000.
        let loss = |score: f32, target: f32| {
            binary_cross_entropy(mat![[score]].as_ref(), mat![[target]].as_ref()).unwrap()
        };
        assert_eq!(loss(-1000.0, 1.0), 1000.0);
        assert_eq!(loss(1000.0, 1.0), 0.0);
        assert_eq!(loss(f32::INFINITY, 1.0), 0.0);
        assert_eq!(loss(f32::NEG_INFINITY, 0.0), 0.0);
        assert_eq!(loss(f32::INFINITY, 0.5), f64::INFINITY);
        assert_eq!(loss(f32::INFINITY, 0.0), f64::INFINITY);
        assert!(loss(f32::NAN, 0.0).is_nan());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let values = values();
        assert!(mean_squared(values.as_ref(), values.transpose()).is_err());
        let empty = Mat::<f64>::zeros(2, 0);
        assert!(mean_squared(empty.as_ref(), empty.as_ref()).is_err());
        let square = Mat::<f64>::zeros(2, 2);
        assert!(mean_squared(square.as_ref(), square.transpose()).is_err());
        for target in [-0.1, 1.5, f64::NAN] {
            let targets = mat![[target]];
            assert!(binary_cross_entropy(mat![[0.0]].as_ref(), targets.as_ref()).is_err());
        }
    }
}
