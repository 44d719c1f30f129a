//! What follows from a validation loss: a smaller rate, or an end.

use crate::error::{Error, Result, require_not_negative, require_size};
use crate::optim::Optimiser;

/// What is remembered from one validation to the next, to go on after a restart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watch {
    /// The best value so far; infinite before the first.
    pub best: f64,
    /// How many values came since the best one, or since the rate was reduced.
    pub waited: u64,
    /// How often the rate was reduced.
    pub reductions: u64,
}

impl Watch {
    const START: Self = Self {
        best: f64::INFINITY,
        waited: 0,
        reductions: 0,
    };

    /// Whether `value` is better than the best by more than `margin`; if so, it is now the best. What is not a number is
    /// never better.
    fn improves(&mut self, value: f64, margin: f64) -> bool {
        let improves = value < self.best - margin || (value < self.best && self.best.is_infinite());
        if improves {
            (self.best, self.waited) = (value, 0);
        } else {
            self.waited = self.waited.saturating_add(1);
        }
        improves
    }
}

/// Reduces the learning rate whenever a validation loss no longer improves.
///
/// ```
/// # use lstm_core::optim::{Optimiser, Plateau, Sgd};
/// # fn main() -> Result<(), lstm_core::Error> {
/// let mut sgd = Sgd::<f32>::new(20.0)?;
/// let mut plateau = Plateau::dividing(4.0)?;
/// for (loss, is_best, rate) in [(5.0, true, 20.0), (4.9, true, 20.0), (5.1, false, 5.0)] {
///     assert_eq!(plateau.observe(loss, &mut sgd)?, is_best);
///     assert_eq!(sgd.rate(), rate);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Plateau {
    factor: f64,
    patience: u64,
    threshold: f64,
    min_rate: f64,
    max_reductions: u64,
    watch: Watch,
}

impl Plateau {
    /// The rate times `factor` once more than `patience` values in a row did not improve.
    ///
    /// # Errors
    /// A factor outside (0, 1).
    pub fn new(factor: f64, patience: u64) -> Result<Self> {
        if !(factor > 0.0 && factor < 1.0) {
            return Err(Error::Option {
                option: "the factor of the learning rate",
                value: factor.to_string(),
                expected: "greater than 0 and less than 1",
            });
        }
        Ok(Self {
            factor,
            patience,
            threshold: 0.0,
            min_rate: 0.0,
            max_reductions: u64::MAX,
            watch: Watch::START,
        })
    }

    /// The rate divided by `divisor` at every value that is no improvement: 2 is customary for classical language models,
    /// 4 in PyTorch's example of one.
    ///
    /// # Errors
    /// A divisor that is not greater than 1, or infinite.
    pub fn dividing(divisor: f64) -> Result<Self> {
        if !(divisor > 1.0 && divisor.is_finite()) {
            return Err(Error::Option {
                option: "the divisor of the learning rate",
                value: divisor.to_string(),
                expected: "a finite number greater than 1",
            });
        }
        Self::new(1.0 / divisor, 0)
    }

    /// With a threshold: only what is better than the best by more than this part of it is an improvement.
    ///
    /// # Errors
    /// A threshold that is negative or not finite.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Self> {
        require_not_negative("the threshold of improvement", threshold)?;
        self.threshold = threshold;
        Ok(self)
    }

    /// With a least rate: the rate goes down to it and then no further.
    ///
    /// # Errors
    /// A rate that is negative or not finite.
    pub fn with_min_rate(mut self, rate: f64) -> Result<Self> {
        require_not_negative("the least learning rate", rate)?;
        self.min_rate = rate;
        Ok(self)
    }

    /// With an end: when the rate has been reduced so often, the next plateau [`is_over`](Self::is_over).
    ///
    /// # Errors
    /// Zero reductions.
    pub fn with_max_reductions(mut self, reductions: u64) -> Result<Self> {
        require_size("the number of reductions", reductions.min(1) as usize)?;
        self.max_reductions = reductions;
        Ok(self)
    }

    /// Takes a validation loss (lower is better), sets the rate of `optimiser` if need be, and says whether the loss is
    /// better than the best before it by more than the threshold.
    ///
    /// # Errors
    /// None that an optimiser of this crate returns.
    pub fn observe<T>(&mut self, value: f64, optimiser: &mut dyn Optimiser<T>) -> Result<bool> {
        let margin = self.threshold * self.watch.best.abs();
        if self.watch.improves(value, margin) {
            return Ok(true);
        }
        if self.watch.waited > self.patience && !self.is_over() {
            self.watch.reductions = self.watch.reductions.saturating_add(1);
            if !self.is_over() {
                self.watch.waited = 0;
                let rate = optimiser.rate();
                optimiser.set_rate((rate * self.factor).max(self.min_rate).min(rate))?;
            }
        }
        Ok(false)
    }

    /// Whether there was a plateau after the last reduction allowed: time to stop.
    pub fn is_over(&self) -> bool {
        self.watch.reductions > self.max_reductions
    }

    /// What is remembered.
    pub fn watch(&self) -> Watch {
        self.watch
    }

    /// Goes on from what [`watch`](Self::watch) returned.
    pub fn resume(&mut self, watch: Watch) {
        self.watch = watch;
    }
}

/// Says when a validation loss has not improved for too long.
///
/// ```
/// # use lstm_core::optim::EarlyStopping;
/// let mut stopping = EarlyStopping::new(1);
/// for (loss, is_best, is_over) in [(3.0, true, false), (3.1, false, false), (3.2, false, true)] {
///     assert_eq!(stopping.observe(loss), is_best);
///     assert_eq!(stopping.is_over(), is_over);
/// }
/// ```
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    patience: u64,
    margin: f64,
    watch: Watch,
}

impl EarlyStopping {
    /// An end once more than `patience` values in a row did not improve; Keras ends at so many.
    pub fn new(patience: u64) -> Self {
        Self {
            patience,
            margin: 0.0,
            watch: Watch::START,
        }
    }

    /// With a margin: only what is better than the best by more than this is an improvement.
    ///
    /// # Errors
    /// A margin that is negative or not finite.
    pub fn with_margin(mut self, margin: f64) -> Result<Self> {
        require_not_negative("the margin of improvement", margin)?;
        self.margin = margin;
        Ok(self)
    }

    /// Takes a validation loss (lower is better) and says whether it is better than the best before it by more than the
    /// margin.
    pub fn observe(&mut self, value: f64) -> bool {
        self.watch.improves(value, self.margin)
    }

    /// Whether it is time to stop.
    pub fn is_over(&self) -> bool {
        self.watch.waited > self.patience
    }

    /// What is remembered.
    pub fn watch(&self) -> Watch {
        self.watch
    }

    /// Goes on from what [`watch`](Self::watch) returned.
    pub fn resume(&mut self, watch: Watch) {
        self.watch = watch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Sgd;

    /// The rates after each of these values.
    fn rates(mut plateau: Plateau, values: &[f64]) -> Vec<f64> {
        let mut sgd = Sgd::<f32>::new(1.0).unwrap();
        let mut rates = Vec::new();
        for &value in values {
            plateau.observe(value, &mut sgd).unwrap();
            rates.push(sgd.rate());
        }
        rates
    }

    // The rates of PyTorch 2:
    //     o = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    //     s = torch.optim.lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=1, threshold=0.1, min_lr=0.2)
    //     for v in [4, 3.9, 3.8, 3.7, 3, 3, 3, 3, 3, 3, 3]: s.step(v); print(o.param_groups[0]["lr"])
    #[test]
    fn reductions_are_those_of_pytorch() {
        let plateau = Plateau::new(0.5, 1).unwrap();
        let plateau = plateau.with_threshold(0.1).unwrap();
        let values = [4.0, 3.9, 3.8, 3.7, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0];
        assert_eq!(
            rates(plateau.with_min_rate(0.2).unwrap(), &values),
            [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]
        );
    }

    #[test]
    fn halving_ends_after_the_last_reduction() {
        let mut plateau = Plateau::dividing(2.0).unwrap();
        plateau = plateau.with_max_reductions(2).unwrap();
        let mut sgd = Sgd::<f32>::new(1.0).unwrap();
        for (value, is_best, rate, is_over) in [
            (5.0, true, 1.0, false),
            (5.0, false, 0.5, false),
            (4.0, true, 0.5, false),
            (f64::NAN, false, 0.25, false),
            (4.5, false, 0.25, true),
            (4.5, false, 0.25, true),
        ] {
            assert_eq!(plateau.observe(value, &mut sgd).unwrap(), is_best);
            assert_eq!((sgd.rate(), plateau.is_over()), (rate, is_over));
            // Each value is taken by a plateau that was made anew and went on.
            let watch = plateau.watch();
            plateau = Plateau::dividing(2.0).unwrap();
            plateau = plateau.with_max_reductions(2).unwrap();
            plateau.resume(watch);
        }
    }

    #[test]
    fn stopping_counts_from_the_last_improvement() {
        let mut stopping = EarlyStopping::new(1).with_margin(0.5).unwrap();
        for (value, is_best, is_over) in [
            (5.0, true, false),
            (4.6, false, false),
            (4.4, true, false),
            (f64::INFINITY, false, false),
            (4.0, false, true),
            (3.8, true, false),
        ] {
            assert_eq!(stopping.observe(value), is_best, "{value}");
            assert_eq!(stopping.is_over(), is_over, "{value}");
            let watch = stopping.watch();
            stopping = EarlyStopping::new(1).with_margin(0.5).unwrap();
            stopping.resume(watch);
        }
    }

    #[test]
    fn impossible_options_are_errors() {
        for factor in [0.0, 1.0, f64::NAN] {
            assert!(Plateau::new(factor, 0).is_err());
        }
        for divisor in [1.0, 0.0, -2.0, f64::INFINITY, f64::NAN] {
            let message = Plateau::dividing(divisor).unwrap_err().to_string();
            let start = format!("the divisor of the learning rate is {divisor}, but must be");
            assert!(message.starts_with(&start), "{message}");
        }
        // The smallest factor that is not zero, and the largest below 1.
        for divisor in [f64::MAX, 1.0 + f64::EPSILON] {
            assert!(Plateau::dividing(divisor).is_ok());
        }
        let plateau = || Plateau::dividing(2.0).unwrap();
        assert!(plateau().with_threshold(f64::NAN).is_err());
        assert!(plateau().with_min_rate(-1.0).is_err());
        assert!(plateau().with_max_reductions(0).is_err());
        assert!(EarlyStopping::new(0).with_margin(-1.0).is_err());
    }
}
