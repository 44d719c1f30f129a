//! Softmax: from scores to probabilities.

use faer::MatMut;
use lstm_kernels::Element;

use crate::error::{Result, require_positive};
use crate::loss::{Exponentials, SCORES, maximum, slices_mut};

/// Turns scores into probabilities at a temperature: softmax(scores / temperature), in double precision.
///
/// # Errors
/// A temperature that is not a finite number greater than zero.
pub fn softmax<T: Element>(
    scores: &[T],
    temperature: f64,
    probabilities: &mut Vec<f64>,
) -> Result<()> {
    require_positive("the temperature", temperature)?;
    let max = maximum(scores).to_f64();
    probabilities.clear();
    probabilities.extend(
        scores
            .iter()
            .map(|score| ((score.to_f64() - max) / temperature).exp()),
    );
    let sum: f64 = probabilities.iter().sum();
    probabilities
        .iter_mut()
        .for_each(|probability| *probability /= sum);
    Ok(())
}

/// Turns every column of scores into probabilities.
///
/// # Errors
/// Scores stored other than column by column.
pub fn softmax_columns<T: Element>(scores: MatMut<'_, T>) -> Result<()> {
    let (mut scores, exponentials) = (slices_mut(SCORES, scores)?, Exponentials::new()?);
    for column in 0..scores.ncols() {
        let scores = scores.as_mut().col_mut(column).as_slice_mut();
        let max = maximum(scores);
        let scale = T::from_f64(1.0 / exponentials.replace(scores, max));
        scores.iter_mut().for_each(|score| *score *= scale);
    }
    Ok(())
}

/// Turns every column of scores into the logarithms of its probabilities, in nats.
///
/// # Errors
/// Scores stored other than column by column.
pub fn log_softmax_columns<T: Element>(scores: MatMut<'_, T>) -> Result<()> {
    let (mut scores, exponentials) = (slices_mut(SCORES, scores)?, Exponentials::new()?);
    for column in 0..scores.ncols() {
        let scores = scores.as_mut().col_mut(column).as_slice_mut();
        let max = maximum(scores);
        // Two subtractions: max + ln Σ could be far from the small difference that is wanted.
        let log_sum = T::from_f64(exponentials.sum(scores, max).ln());
        for score in scores {
            *score = (*score - max) - log_sum;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use faer::mat;

    use super::*;

    #[test]
    fn temperature_sharpens_and_flattens() {
        let mut probabilities = Vec::new();
        // At temperature 1/2 the odds e^(ln 3) = 3 : 1 become 9 : 1.
        softmax(&[3f64.ln(), 0.0], 0.5, &mut probabilities).unwrap();
        assert!((probabilities[0] - 0.9).abs() < 1e-15);
        assert!(softmax(&[0.0f64], f64::NAN, &mut probabilities).is_err());
        assert!(softmax(&[0.0f64], 0.0, &mut probabilities).is_err());
    }

    #[test]
    fn columns_become_probabilities_and_their_logarithms() {
        // Odds of 3 : 1 in the first column; in the second, e^-1000 underflows, but its logarithm does not.
        let scores = mat![[3f64.ln(), 0.0], [0.0, -1000.0]];
        let mut probabilities = scores.clone();
        softmax_columns(probabilities.as_mut()).unwrap();
        assert!((&probabilities - mat![[0.75, 1.0], [0.25, 0.0]]).norm_l2() < 1e-15);
        let mut logs = scores.clone();
        log_softmax_columns(logs.as_mut()).unwrap();
        assert!((logs[(1, 0)] - 0.25f64.ln()).abs() < 1e-15);
        assert_eq!((logs[(0, 1)], logs[(1, 1)]), (0.0, -1000.0));
    }

    #[test]
    fn rows_apart_are_an_error() {
        let mut scores = mat![[1.0f32, 2.0], [3.0, 4.0]];
        assert!(softmax_columns(scores.as_mut().transpose_mut()).is_err());
        assert!(log_softmax_columns(scores.as_mut().transpose_mut()).is_err());
    }
}
