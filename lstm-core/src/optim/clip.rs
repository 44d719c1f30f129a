//! Clipping: a bound on the gradient, by its length or number by number.

use lstm_kernels::Element;
use pulp::Arch;

use super::{Touched, scale_by};
use crate::error::{Error, Result, require_len, require_positive};
use crate::params::{Name, Parameters};

/// Scales `gradient` down to a norm of `limit` if it is longer, and returns the norm it had.
///
/// The norm is that of all parameters together, so the direction stays. Numbers below 1e-154, whose squares vanish, do not
/// count.
/// Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", algorithm 1.
///
/// # Errors
/// A gradient that is infinite or not a number, with the name of the parameter where it is so; a length that does not
/// fit; a limit that is not a finite number greater than zero. The gradient is unchanged then.
pub fn clip_global_norm<T: Element>(
    model: &dyn Parameters<T>,
    gradient: &mut [T],
    limit: f64,
) -> Result<f64> {
    let mut all = Touched::new();
    all.set(gradient.len(), std::iter::once(0..gradient.len()))?;
    clip_global_norm_at(model, gradient, &all, limit)
}

/// [`clip_global_norm`] of a gradient that is zero wherever it is not `touched`. The squares are summed in another order,
/// which may change the norm by rounding.
///
/// # Errors
/// As [`clip_global_norm`], and ranges of a gradient of another length.
pub fn clip_global_norm_at<T: Element>(
    model: &dyn Parameters<T>,
    gradient: &mut [T],
    touched: &Touched,
    limit: f64,
) -> Result<f64> {
    require_positive("the limit of the gradient's norm", limit)?;
    let norm = global_norm_at(model, gradient, touched)?;
    if norm > limit {
        touched.edit(gradient, |part| scale_by(part, limit / norm));
    }
    Ok(norm)
}

/// The norm of all parameters' gradient together, which is zero wherever it is not `touched`: what
/// [`clip_global_norm_at`] measures, for those who scale by other means ([`Optimiser::spend_at`](crate::optim::Optimiser::spend_at)).
///
/// # Errors
/// As [`clip_global_norm_at`].
pub fn global_norm_at<T: Element>(
    model: &dyn Parameters<T>,
    gradient: &[T],
    touched: &Touched,
) -> Result<f64> {
    require_len("the gradient", model.params_len(), gradient.len())?;
    require_len("the gradient", touched.len(), gradient.len())?;
    let norm = touched.sum(gradient, sum_of_squares).sqrt();
    match norm.is_finite() {
        true => Ok(norm),
        false => Err(not_finite(model, gradient)),
    }
}

/// Scales the gradient of each parameter that is longer than `limit` down to that norm, and returns the largest norm
/// there was. Long gradients of one parameter leave the others as they are.
///
/// `clipnorm` in Keras does so with its variables. There one kernel holds the matrices of all gates; here the matrix of each
/// gate is a parameter with a norm of its own, which is at most that of the kernel, so that the same limit clips less.
///
/// # Errors
/// As [`clip_global_norm`].
pub fn clip_norm_each<T: Element>(
    model: &dyn Parameters<T>,
    gradient: &mut [T],
    limit: f64,
) -> Result<f64> {
    require_positive("the limit of each gradient's norm", limit)?;
    require_len("the gradient", model.params_len(), gradient.len())?;
    require_finite(model, gradient)?;
    // All norms are taken before anything is scaled, as one of them may be beyond all numbers.
    let (mut start, mut norms) = (0, Vec::new());
    model.visit(Name::ROOT, &mut |name, parameter| {
        let own = start..start + parameter.values.len();
        start = own.end;
        let norm = sum_of_squares(&gradient[own.clone()]).sqrt();
        if norm.is_infinite() {
            return Err(Error::not_finite(format!(
                "the norm of the gradient of `{name}`"
            )));
        }
        norms.push((own, norm));
        Ok(())
    })?;
    let mut largest = 0.0f64;
    for (own, norm) in norms {
        if norm > limit {
            scale_by(&mut gradient[own], limit / norm);
        }
        largest = largest.max(norm);
    }
    Ok(largest)
}

/// Moves every number of `gradient` into [-limit, limit], and returns the largest magnitude there was.
///
/// # Errors
/// As [`clip_global_norm`].
pub fn clip_value<T: Element>(
    model: &dyn Parameters<T>,
    gradient: &mut [T],
    limit: f64,
) -> Result<f64> {
    require_positive("the limit of the gradient's numbers", limit)?;
    require_len("the gradient", model.params_len(), gradient.len())?;
    require_finite(model, gradient)?;
    let (low, high) = (T::from_f64(-limit), T::from_f64(limit));
    let mut largest = 0.0f64;
    for value in gradient {
        largest = largest.max(value.to_f64().abs());
        if *value > high {
            *value = high;
        } else if *value < low {
            *value = low;
        }
    }
    Ok(largest)
}

fn require_finite<T: Element>(model: &dyn Parameters<T>, gradient: &[T]) -> Result<()> {
    match gradient.iter().all(|value| value.to_f64().is_finite()) {
        true => Ok(()),
        false => Err(not_finite(model, gradient)),
    }
}

/// The sum of squares, in double precision and in eight independent sums: registers of them, none of which waits for itself.
pub(crate) fn sum_of_squares<T: Element>(values: &[T]) -> f64 {
    Arch::new().dispatch(|| {
        let (chunks, rest) = values.as_chunks::<8>();
        let mut sums = [0.0; 8];
        for chunk in chunks {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value.to_f64() * value.to_f64();
            }
        }
        let rest = rest.iter().map(|value| value.to_f64().powi(2));
        sums.into_iter().chain(rest).sum()
    })
}

/// The error that names the first parameter whose gradient is not finite.
fn not_finite<T: Element>(model: &dyn Parameters<T>, gradient: &[T]) -> Error {
    let mut start = 0;
    let found = model.visit(Name::ROOT, &mut |name, parameter| {
        let values = &gradient[start..start + parameter.values.len()];
        start += parameter.values.len();
        match values.iter().all(|value| value.to_f64().is_finite()) {
            true => Ok(()),
            false => Err(Error::not_finite(format!("the gradient of `{name}`"))),
        }
    });
    // Finite numbers whose squares overflow an f64 leave no single culprit.
    found
        .err()
        .unwrap_or_else(|| Error::not_finite("the norm of the gradient"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::linear::Linear;
    use crate::random::Rng;

    fn model() -> Linear<f64> {
        Linear::new(1, 1, Init::Constant(0.0), &mut Rng::new(0)).unwrap()
    }

    #[test]
    fn long_gradients_are_scaled_and_short_ones_kept() {
        let mut gradient = [3.0, 4.0];
        assert_eq!(
            clip_global_norm(&model(), &mut gradient, 10.0).unwrap(),
            5.0
        );
        assert_eq!(gradient, [3.0, 4.0]);
        assert_eq!(clip_global_norm(&model(), &mut gradient, 1.0).unwrap(), 5.0);
        assert!((gradient[0] - 0.6).abs() < 1e-15 && (gradient[1] - 0.8).abs() < 1e-15);
    }

    /// Training counts subnormal numbers as zero, and the factor is one, though the result is not.
    #[test]
    fn exploding_gradients_are_scaled_where_subnormal_numbers_are_zero() {
        let model = Linear::<f32>::new(1, 1, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
        let _mode = lstm_kernels::FlushDenormals::new();
        for clip in [clip_global_norm, clip_norm_each] {
            let mut gradient = [3e38, 0.0];
            let norm = clip(&model, &mut gradient, 0.25).unwrap();
            assert!((norm / 3e38 - 1.0).abs() < 1e-6);
            assert!((gradient[0] - 0.25).abs() < 1e-7, "{gradient:?}");
        }
    }

    #[test]
    fn each_parameter_and_each_number_has_its_own_bound() {
        // The weight of two numbers has the norm 5, the bias 0.5.
        let model = Linear::<f64>::new(2, 1, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
        let mut gradient = [3.0, -4.0, 0.5];
        assert_eq!(clip_norm_each(&model, &mut gradient, 2.5).unwrap(), 5.0);
        assert_eq!(gradient, [1.5, -2.0, 0.5]);
        let mut gradient = [3.0, -4.0, 0.5];
        assert_eq!(clip_value(&model, &mut gradient, 2.0).unwrap(), 4.0);
        assert_eq!(gradient, [2.0, -2.0, 0.5]);
    }

    #[test]
    fn lengths_limits_and_numbers_that_do_not_fit_are_errors() {
        let model = model();
        for clip in [clip_global_norm, clip_norm_each, clip_value] {
            assert!(clip(&model, &mut [0.0; 3], 1.0).is_err());
            assert!(clip(&model, &mut [f64::NAN, 0.0], 1.0).is_err());
            for limit in [0.0, f64::INFINITY] {
                assert!(clip(&model, &mut [0.0; 2], limit).is_err());
            }
        }
        assert!(clip_norm_each(&model, &mut [1e200, 0.0], 1.0).is_err());
        // The weight is too long, and the bias beyond all numbers: both stay.
        let mut gradient = [3.0, 1e200];
        assert!(clip_norm_each(&model, &mut gradient, 1.0).is_err());
        assert_eq!(gradient, [3.0, 1e200]);
    }

    #[test]
    fn a_gradient_that_is_not_a_number_is_reported_by_name() {
        for bad in [f64::NAN, f64::INFINITY] {
            let error = clip_global_norm(&model(), &mut [0.0, bad], 1.0)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("the gradient of `bias` is not a finite number"),
                "{error}"
            );
        }
        let error = clip_global_norm(&model(), &mut [1e200, 0.0], 1.0)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("the norm of the gradient"), "{error}");
    }
}
