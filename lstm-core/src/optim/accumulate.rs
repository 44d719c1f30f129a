//! One gradient from several batches.

use lstm_kernels::Element;

use crate::error::{Result, require_len, require_not_negative, require_size};
use crate::params::zeros;

/// Sums the gradients of several batches to the gradient of all of them together, for batches that would not fit into
/// memory at once.
///
/// Each gradient is that of a mean loss and comes with its weight: how many targets the mean was taken over. So a padded
/// batch counts for what it holds, and the result is the gradient of the mean over all targets.
///
/// ```
/// # use lstm_core::optim::Accumulator;
/// # fn main() -> Result<(), lstm_core::Error> {
/// let mut accumulator = Accumulator::new(1, 2)?;
/// assert_eq!(accumulator.add(&[4.0f32], 30.0)?, None);
/// // (30 · 4 + 10 · 8) / 40
/// assert_eq!(accumulator.add(&[8.0], 10.0)?, Some(&mut [5.0][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Accumulator<T> {
    every: usize,
    batches: usize,
    weight: f64,
    /// The mean so far: a sum may be beyond all numbers though the mean is not.
    mean: Vec<T>,
}

impl<T: Element> Accumulator<T> {
    /// Gradients of `len` numbers, of which `every` batches make one.
    ///
    /// # Errors
    /// Zero batches; no memory for so many numbers.
    pub fn new(len: usize, every: usize) -> Result<Self> {
        require_size("the number of batches to a step", every)?;
        Ok(Self {
            every,
            batches: 0,
            weight: 0.0,
            mean: zeros("the mean of gradients", len, 1)?,
        })
    }

    /// Adds the gradient of a batch of so many targets. After the last batch of a step, returns the mean, to be clipped
    /// and to be stepped by, and begins anew.
    ///
    /// # Errors
    /// A gradient of another length; a weight that is negative or not finite.
    pub fn add(&mut self, gradient: &[T], weight: f64) -> Result<Option<&mut [T]>> {
        require_len("the gradient", self.mean.len(), gradient.len())?;
        require_not_negative("the weight of a batch", weight)?;
        if self.batches == 0 {
            self.mean.fill(T::from_f64(0.0));
            self.weight = 0.0;
        }
        self.weight += weight;
        self.batches += 1;
        // Batches without a single target have a gradient of zero, which is its own mean.
        if self.weight > 0.0 {
            let share = weight / self.weight;
            for (mean, &value) in self.mean.iter_mut().zip(gradient) {
                let before = mean.to_f64();
                *mean = T::from_f64(before + share * (value.to_f64() - before));
            }
        }
        match self.batches == self.every {
            true => Ok(self.finish()),
            false => Ok(None),
        }
    }

    /// The mean of the batches since the last step, if there are any: what is left at the end of an epoch.
    pub fn finish(&mut self) -> Option<&mut [T]> {
        if self.batches == 0 {
            return None;
        }
        self.batches = 0;
        Some(&mut self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_weighted_and_begin_anew() {
        let mut accumulator = Accumulator::<f64>::new(2, 2).unwrap();
        for _ in 0..2 {
            assert!(accumulator.add(&[1.0, 2.0], 3.0).unwrap().is_none());
            // (3 · 1 + 1 · 5) / 4 and (3 · 2 + 1 · 2) / 4.
            let mean = accumulator.add(&[5.0, 2.0], 1.0).unwrap();
            assert_eq!(mean.unwrap(), [2.0, 2.0]);
        }
        assert!(accumulator.finish().is_none());
        accumulator.add(&[1.0, 2.0], 4.0).unwrap();
        assert_eq!(accumulator.finish().unwrap(), [1.0, 2.0]);
        accumulator.add(&[0.0, 0.0], 0.0).unwrap();
        assert_eq!(accumulator.finish().unwrap(), [0.0, 0.0]);
    }

    /// The sum would be beyond all numbers of `f32`, or below them.
    #[test]
    fn a_mean_is_as_large_as_its_gradients() {
        for (gradient, weight) in [(1e35f32, 1e4), (4.0, 1e-50)] {
            let mut accumulator = Accumulator::new(1, 2).unwrap();
            accumulator.add(&[gradient], weight).unwrap();
            let mean = accumulator.add(&[gradient], 3.0 * weight).unwrap();
            assert_eq!(mean.unwrap(), [gradient]);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(Accumulator::<f32>::new(1, 0).is_err());
        let mut accumulator = Accumulator::<f32>::new(1, 1).unwrap();
        assert!(accumulator.add(&[0.0; 2], 1.0).is_err());
        assert!(accumulator.add(&[0.0], f64::NAN).is_err());
    }
}
