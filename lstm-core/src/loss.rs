//! Softmax and cross-entropy, computed in log space.

use faer::{ContiguousFwd, MatMut, MatRef};

use lstm_kernels::Element;

use crate::embedding::require_ids;
use crate::error::{Error, Result, require_len};

/// The mean over the columns of `-ln softmax(scores)[target]`, in nats; divide by ln 2 for bits.
///
/// `scores` is `symbols x n`, `targets` holds n symbols.
///
/// # Errors
/// A length or a target that does not fit, no columns, or scores stored other than column by column.
pub fn cross_entropy<T: Element>(scores: MatRef<'_, T>, targets: &[u32]) -> Result<f64> {
    require_targets(scores.nrows(), scores.ncols(), targets)?;
    let scores = scores
        .try_as_col_major()
        .ok_or_else(|| not_column_major(scores.shape()))?;
    let mut total = 0.0;
    for (column, &target) in targets.iter().enumerate() {
        let scores = scores.col(column).as_slice();
        let max = maximum(scores);
        let sum = scores
            .iter()
            .fold(T::from_f64(0.0), |sum, &score| sum + exp(score - max));
        total += surprise(scores[target as usize], max, sum);
    }
    Ok(total / targets.len() as f64)
}

/// [`cross_entropy`], which also turns the scores into its gradient: (softmax(scores) - onehot(target)) / n.
///
/// # Errors
/// As [`cross_entropy`]; the scores are unchanged then.
pub fn cross_entropy_gradient<T: Element>(scores: MatMut<'_, T>, targets: &[u32]) -> Result<f64> {
    require_targets(scores.nrows(), scores.ncols(), targets)?;
    let shape = scores.shape();
    let mut scores: MatMut<'_, T, usize, usize, ContiguousFwd> = scores
        .try_as_col_major_mut()
        .ok_or_else(|| not_column_major(shape))?;
    let share = T::from_f64(1.0 / targets.len() as f64);
    let mut total = 0.0;
    for (column, &target) in targets.iter().enumerate() {
        let scores = scores.as_mut().col_mut(column).as_slice_mut();
        let max = maximum(scores);
        let target_score = scores[target as usize];
        let mut sum = T::from_f64(0.0);
        for score in &mut *scores {
            *score = exp(*score - max);
            sum += *score;
        }
        total += surprise(target_score, max, sum);
        let scale = share / sum;
        for score in &mut *scores {
            *score *= scale;
        }
        scores[target as usize] -= share;
    }
    Ok(total / targets.len() as f64)
}

/// Turns scores into probabilities at a temperature: softmax(scores / temperature), in double precision.
///
/// # Errors
/// A temperature that is not a finite number greater than zero.
pub fn softmax<T: Element>(
    scores: &[T],
    temperature: f64,
    probabilities: &mut Vec<f64>,
) -> Result<()> {
    crate::error::require_positive("the temperature", temperature)?;
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

/// -ln softmax at a score, where `sum` is Σ exp(score - max): nothing overflows, and nothing underflows to ln 0.
fn surprise<T: Element>(score: T, max: T, sum: T) -> f64 {
    (max - score).to_f64() + sum.to_f64().ln()
}

fn exp<T: Element>(x: T) -> T {
    T::from_f64(x.to_f64().exp())
}

fn maximum<T: Element>(scores: &[T]) -> T {
    scores
        .iter()
        .copied()
        .fold(T::from_f64(f64::NEG_INFINITY), |max, score| {
            if score > max { score } else { max }
        })
}

fn require_targets(symbols: usize, columns: usize, targets: &[u32]) -> Result<()> {
    require_len("the slice of targets", columns, targets.len())?;
    if targets.is_empty() {
        return Err(Error::Shape {
            what: "the matrix of scores",
            expected: "at least one column".to_owned(),
            actual: format!("{symbols} x 0"),
        });
    }
    require_ids("target", targets, symbols)
}

fn not_column_major(shape: (usize, usize)) -> Error {
    Error::Shape {
        what: "the matrix of scores",
        expected: "storage column by column".to_owned(),
        actual: format!("{} x {} with rows apart", shape.0, shape.1),
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;

    #[test]
    fn equal_scores_cost_the_logarithm_of_their_number() {
        let scores = Mat::<f64>::full(8, 3, 5.0);
        let loss = cross_entropy(scores.as_ref(), &[0, 3, 7]).unwrap();
        assert!((loss - 8f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn huge_scores_neither_overflow_nor_lose_the_loss() {
        // softmax(1000, 0) at the second symbol is e^-1000, which no f32 holds; its logarithm is -1000.
        let scores = mat![[1000.0f32], [0.0]];
        assert_eq!(cross_entropy(scores.as_ref(), &[1]).unwrap(), 1000.0);
        let mut gradient = scores.clone();
        assert_eq!(
            cross_entropy_gradient(gradient.as_mut(), &[1]).unwrap(),
            1000.0
        );
        assert_eq!(gradient, mat![[1.0f32], [-1.0]]);
    }

    #[test]
    fn the_gradient_is_the_central_difference() {
        let scores = mat![[0.2, -1.0], [1.3, 0.4], [-0.5, 2.0f64]];
        let targets = [2, 1];
        let mut gradient = scores.clone();
        let loss = cross_entropy_gradient(gradient.as_mut(), &targets).unwrap();
        assert_eq!(loss, cross_entropy(scores.as_ref(), &targets).unwrap());
        let step = 1e-5;
        for j in 0..2 {
            for i in 0..3 {
                let at = |shift: f64| {
                    let mut scores = scores.clone();
                    scores[(i, j)] += shift;
                    cross_entropy(scores.as_ref(), &targets).unwrap()
                };
                let difference = (at(step) - at(-step)) / (2.0 * step);
                // Truncation and rounding are both near 1e-11 for a loss of about one and a step of 1e-5.
                assert!((difference - gradient[(i, j)]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn targets_that_do_not_fit_are_errors() {
        let scores = Mat::<f32>::zeros(3, 2);
        for (targets, reason) in [
            (&[0][..], "1 long, but a length of 2 is needed"),
            (&[0, 3], "target 3 at position 1 is out of range"),
        ] {
            let message = cross_entropy(scores.as_ref(), targets)
                .unwrap_err()
                .to_string();
            assert!(message.contains(reason), "{message}");
        }
        assert!(cross_entropy(Mat::<f32>::zeros(3, 0).as_ref(), &[]).is_err());
    }

    #[test]
    fn temperature_sharpens_and_flattens() {
        let mut probabilities = Vec::new();
        // At temperature 1/2 the odds e^(ln 3) = 3 : 1 become 9 : 1.
        softmax(&[3f64.ln(), 0.0], 0.5, &mut probabilities).unwrap();
        assert!((probabilities[0] - 0.9).abs() < 1e-15);
        assert!(softmax(&[0.0f64], f64::NAN, &mut probabilities).is_err());
        assert!(softmax(&[0.0f64], 0.0, &mut probabilities).is_err());
    }
}
