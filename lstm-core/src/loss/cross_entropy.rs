//! The cross-entropy of softmax.

use faer::{MatMut, MatRef};
use lstm_kernels::Element;

use crate::error::{Error, Result, require_fraction, require_len};
use crate::loss::{Exponentials, SCORES, maximum, require_columns, slices, slices_mut};

/// The mean over the columns of `-ln softmax(scores)[target]`, in nats; divide by ln 2 for bits.
///
/// `scores` is `symbols x n`, `targets` holds n symbols. [`CrossEntropy`] has options.
///
/// # Errors
/// A length or a target that does not fit, no columns, or scores stored other than column by column.
pub fn cross_entropy<T: Element>(scores: MatRef<'_, T>, targets: &[u32]) -> Result<f64> {
    CrossEntropy::new().loss(scores, targets)
}

/// [`cross_entropy`], which also turns the scores into its gradient: (softmax(scores) - onehot(target)) / n.
///
/// # Errors
/// As [`cross_entropy`]; the scores are unchanged then.
pub fn cross_entropy_gradient<T: Element>(scores: MatMut<'_, T>, targets: &[u32]) -> Result<f64> {
    CrossEntropy::new().gradient(scores, targets)
}

/// Cross-entropy with options; without any it is [`cross_entropy`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CrossEntropy {
    smoothing: f64,
    ignored: Option<u32>,
}

impl CrossEntropy {
    /// Every target counts, and is the one right answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// With label smoothing ε, from [0, 1): the right answer is the target with probability 1 - ε, and any symbol, the
    /// target included, with ε shared equally.
    /// Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, "Rethinking the Inception architecture", section 7.
    ///
    /// # Errors
    /// A smoothing outside that interval.
    pub fn with_smoothing(mut self, smoothing: f64) -> Result<Self> {
        require_fraction("the label smoothing", smoothing)?;
        self.smoothing = smoothing;
        Ok(self)
    }

    /// With a target that is not counted, such as the one that fills up short sequences. It need not be a symbol.
    pub fn with_ignored(mut self, target: u32) -> Self {
        self.ignored = Some(target);
        self
    }

    /// How many of the targets are counted: what the mean is taken over.
    pub fn counted(&self, targets: &[u32]) -> usize {
        targets
            .iter()
            .filter(|&&target| self.counts(target))
            .count()
    }

    /// The mean over the counted columns; 0 if there are none.
    ///
    /// # Errors
    /// As [`cross_entropy`].
    pub fn loss<T: Element>(&self, scores: MatRef<'_, T>, targets: &[u32]) -> Result<f64> {
        let mut total = 0.0;
        self.for_losses(scores, targets, |_, loss| total += loss)?;
        Ok(total / self.counted(targets).max(1) as f64)
    }

    /// Hands over the loss of every counted column.
    pub(crate) fn for_losses<T: Element>(
        &self,
        scores: MatRef<'_, T>,
        targets: &[u32],
        mut hand_over: impl FnMut(usize, f64),
    ) -> Result<()> {
        self.require_targets(scores.shape(), targets)?;
        let (scores, exponentials) = (slices(SCORES, scores)?, Exponentials::new()?);
        for (column, &target) in targets.iter().enumerate() {
            if self.counts(target) {
                let scores = scores.col(column).as_slice();
                let max = maximum(scores);
                let distance = self.distance(scores, target, max);
                hand_over(column, distance + exponentials.sum(scores, max).ln());
            }
        }
        Ok(())
    }

    /// [`loss`](Self::loss), which also turns the scores into its gradient. The gradient is zero in columns that are not
    /// counted.
    ///
    /// # Errors
    /// As [`cross_entropy`]; the scores are unchanged then.
    pub fn gradient<T: Element>(&self, scores: MatMut<'_, T>, targets: &[u32]) -> Result<f64> {
        let counted = self.counted(targets).max(1);
        let total = self.part_of_gradient(scores, targets, counted)?;
        Ok(total / counted as f64)
    }

    /// The gradient of a mean over `counted` columns, of which these are some; returns the sum of their losses.
    pub(crate) fn part_of_gradient<T: Element>(
        &self,
        scores: MatMut<'_, T>,
        targets: &[u32],
        counted: usize,
    ) -> Result<f64> {
        self.require_targets(scores.shape(), targets)?;
        let (mut scores, exponentials) = (slices_mut(SCORES, scores)?, Exponentials::new()?);
        let share = 1.0 / counted as f64;
        let mut total = 0.0;
        for (column, &target) in targets.iter().enumerate() {
            let scores = scores.as_mut().col_mut(column).as_slice_mut();
            if !self.counts(target) {
                scores.fill(T::from_f64(0.0));
                continue;
            }
            let max = maximum(scores);
            let distance = self.distance(scores, target, max);
            let sum = exponentials.replace(scores, max);
            total += distance + sum.ln();
            let scale = T::from_f64(share / sum);
            match self.smoothing {
                0.0 => scores.iter_mut().for_each(|score| *score *= scale),
                smoothing => {
                    let smooth = T::from_f64(share * smoothing / scores.len() as f64);
                    for score in &mut *scores {
                        *score = *score * scale - smooth;
                    }
                }
            }
            scores[target as usize] -= T::from_f64(share * (1.0 - self.smoothing));
        }
        Ok(total)
    }

    /// How far the scores of the right answers lie below the largest: with ln Σ exp(score - max) added, -ln softmax.
    /// Nothing overflows, and nothing underflows to ln 0.
    fn distance<T: Element>(&self, scores: &[T], target: u32, max: T) -> f64 {
        let below = |score: T| (max - score).to_f64();
        let target = below(scores[target as usize]);
        if self.smoothing == 0.0 {
            return target;
        }
        let mean = scores.iter().map(|&score| below(score)).sum::<f64>() / scores.len() as f64;
        (1.0 - self.smoothing) * target + self.smoothing * mean
    }

    fn counts(&self, target: u32) -> bool {
        self.ignored != Some(target)
    }

    fn require_targets(&self, shape: (usize, usize), targets: &[u32]) -> Result<()> {
        require_len("the slice of targets", shape.1, targets.len())?;
        require_columns(SCORES, shape)?;
        require_targets(targets, shape.0, self.ignored)
    }
}

/// Refuses targets that are not below `count`, but for the ignored one.
pub(crate) fn require_targets(targets: &[u32], count: usize, ignored: Option<u32>) -> Result<()> {
    let is_wrong = |&target: &u32| target as usize >= count && ignored != Some(target);
    match targets.iter().position(is_wrong) {
        None => Ok(()),
        Some(position) => Err(Error::IdOutOfRange {
            what: "target",
            id: targets[position],
            position,
            count,
        }),
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;
    use crate::check::assert_matrix_gradient;

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
    fn scores_that_are_no_numbers_give_a_loss_that_is_none() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut scores = mat![[1.0f32], [bad], [0.0]];
            assert!(!cross_entropy(scores.as_ref(), &[0]).unwrap().is_finite());
            assert!(
                !cross_entropy_gradient(scores.as_mut(), &[0])
                    .unwrap()
                    .is_finite()
            );
        }
        // A symbol that is ruled out costs nothing unless it is the target.
        let scores = mat![[1.0f64], [f64::NEG_INFINITY], [1.0]];
        let loss = |target| cross_entropy(scores.as_ref(), &[target]).unwrap();
        assert!((loss(0) - 2f64.ln()).abs() < 1e-15);
        assert_eq!(loss(1), f64::INFINITY);
        let nowhere = Mat::<f64>::full(2, 1, f64::NEG_INFINITY);
        assert!(cross_entropy(nowhere.as_ref(), &[0]).unwrap().is_nan());
    }

    fn scores() -> Mat<f64> {
        mat![
            [0.2, -1.0, 0.7, 3.0],
            [1.3, 0.4, -2.0, 0.0],
            [-0.5, 2.0, 0.1, 1.0]
        ]
    }

    /// The options, a loss and the first column of its gradient by PyTorch 2:
    ///
    /// ```python
    /// import torch; torch.set_default_dtype(torch.float64)
    /// x = torch.tensor([[.2, 1.3, -.5], [-1., .4, 2.], [.7, -2., .1], [3., 0., 1.]], requires_grad=True)
    /// def run(**options):
    ///     x.grad = None
    ///     loss = torch.nn.functional.cross_entropy(x, torch.tensor([2, 1, 0, 2]), **options)
    ///     loss.backward(); print(loss.item(), x.grad[0].tolist())
    /// run(); run(label_smoothing=.1); run(ignore_index=0, label_smoothing=.3)
    /// ```
    #[test]
    fn losses_and_gradients_are_those_of_pytorch() {
        let plain = CrossEntropy::new();
        let smooth = plain.with_smoothing(0.1).unwrap();
        let both = plain.with_smoothing(0.3).unwrap().with_ignored(0);
        let targets = [2, 1, 0, 2];
        for (options, loss, column) in [
            (
                plain,
                1.6696361125624686,
                [0.05554628145289121, 0.1668702514973417, -0.2224165329502329],
            ),
            (
                smooth,
                1.6663027792291352,
                [
                    0.047212948119557875,
                    0.15853691816400836,
                    -0.20574986628356623,
                ],
            ),
            (
                both,
                1.942859959435062,
                [0.0407283752705216, 0.1891603353297889, -0.22988871060031052],
            ),
        ] {
            let mut gradient = scores();
            let found = options.gradient(gradient.as_mut(), &targets).unwrap();
            assert_eq!(found, options.loss(scores().as_ref(), &targets).unwrap());
            // A few roundings of numbers near 2.
            assert!((found - loss).abs() < 1e-14, "{found} {loss}");
            for (row, expected) in column.into_iter().enumerate() {
                assert!((gradient[(row, 0)] - expected).abs() < 1e-15);
            }
            assert_matrix_gradient(&scores(), &gradient, |scores| {
                options.loss(scores, &targets).unwrap()
            });
        }
    }

    #[test]
    fn without_a_counted_target_there_is_nothing_to_learn() {
        let loss = CrossEntropy::new().with_ignored(u32::MAX);
        let mut gradient = scores();
        let targets = [u32::MAX; 4];
        assert_eq!(loss.loss(gradient.as_ref(), &targets).unwrap(), 0.0);
        assert_eq!(loss.gradient(gradient.as_mut(), &targets).unwrap(), 0.0);
        assert_eq!(
            gradient,
            Mat::<f64>::zeros(gradient.nrows(), gradient.ncols())
        );
        assert_eq!(loss.counted(&[1, u32::MAX, 0]), 2);
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
        assert!(cross_entropy(scores.transpose(), &[0; 3]).is_err());
        for smoothing in [-0.1, 1.0, f64::NAN] {
            assert!(CrossEntropy::new().with_smoothing(smoothing).is_err());
        }
    }
}
