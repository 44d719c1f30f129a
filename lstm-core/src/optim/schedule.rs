//! Learning rates that follow a plan.

use std::f64::consts::PI;

use crate::error::{Error, Result, require_not_negative, require_positive, require_size};

/// A learning rate for every step, counted from 0: a function of the step alone, so there is nothing to save.
///
/// ```
/// # use lstm_core::optim::Schedule;
/// # fn main() -> Result<(), lstm_core::Error> {
/// let schedule = Schedule::exponential(0.5, 0.5, 1000)?.with_warm_up(3);
/// assert_eq!(schedule.rate(0), 0.125);
/// assert_eq!(schedule.rate(3), 0.5);
/// assert_eq!(schedule.rate(1003), 0.25);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    rate: f64,
    warm_up: u64,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Constant,
    Exponential { factor: f64, every: u64 },
    Staircase { factor: f64, every: u64 },
    Cosine { steps: u64, floor: f64 },
}

impl Schedule {
    fn new(rate: f64, shape: Shape) -> Result<Self> {
        require_positive("the learning rate", rate)?;
        Ok(Self {
            rate,
            warm_up: 0,
            shape,
        })
    }

    /// The same rate at every step.
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    pub fn constant(rate: f64) -> Result<Self> {
        Self::new(rate, Shape::Constant)
    }

    /// Smooth decay: rate · factor^(step / every).
    ///
    /// # Errors
    /// A rate or a factor that is not a finite number greater than zero; an interval of zero steps.
    pub fn exponential(rate: f64, factor: f64, every: u64) -> Result<Self> {
        require_decay(factor, every)?;
        Self::new(rate, Shape::Exponential { factor, every })
    }

    /// Decay in stairs: rate · factor^⌊step / every⌋.
    ///
    /// # Errors
    /// As [`exponential`](Self::exponential).
    pub fn staircase(rate: f64, factor: f64, every: u64) -> Result<Self> {
        require_decay(factor, every)?;
        Self::new(rate, Shape::Staircase { factor, every })
    }

    /// Half a period of the cosine, from `rate` at step 0 down to zero at step `steps` and from then on.
    /// Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5.
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero; zero steps.
    pub fn cosine(rate: f64, steps: u64) -> Result<Self> {
        require_size("the length of the schedule in steps", steps.min(1) as usize)?;
        Self::new(rate, Shape::Cosine { steps, floor: 0.0 })
    }

    /// With a rate at which a cosine ends, instead of zero. Other shapes have no end and are an error.
    ///
    /// # Errors
    /// A shape without an end; a floor that is negative or above the rate.
    pub fn with_floor(mut self, floor: f64) -> Result<Self> {
        require_not_negative("the floor of the learning rate", floor)?;
        match &mut self.shape {
            Shape::Cosine { floor: old, .. } if floor <= self.rate => *old = floor,
            _ => {
                return Err(Error::Option {
                    option: "the floor of the learning rate",
                    value: floor.to_string(),
                    expected: "that of a cosine, and at most the rate it starts from",
                });
            }
        }
        Ok(self)
    }

    /// With so many steps of a linear rise before the plan begins: step s has rate · (s + 1) / (steps + 1).
    pub fn with_warm_up(mut self, steps: u64) -> Self {
        self.warm_up = steps;
        self
    }

    /// The rate of a step.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.rate * ((step + 1) as f64 / (self.warm_up as f64 + 1.0));
        }
        let step = step - self.warm_up;
        match self.shape {
            Shape::Constant => self.rate,
            Shape::Exponential { factor, every } => {
                self.rate * factor.powf(step as f64 / every as f64)
            }
            Shape::Staircase { factor, every } => self.rate * factor.powf((step / every) as f64),
            Shape::Cosine { steps, floor } => {
                let part = step.min(steps) as f64 / steps as f64;
                floor + (self.rate - floor) * ((1.0 + (PI * part).cos()) / 2.0)
            }
        }
    }
}

fn require_decay(factor: f64, every: u64) -> Result<()> {
    require_positive("the factor of the learning rate", factor)?;
    require_size("the steps to a factor", every.min(1) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts the rates of steps 0, 1, 2, ...; they are printed by PyTorch to 10 digits.
    fn assert_rates(schedule: Schedule, expected: &[f64]) {
        for (step, expected) in (0..).zip(expected) {
            let rate = schedule.rate(step);
            assert!((rate - expected).abs() < 1e-10, "{step}: {rate} {expected}");
        }
    }

    // The rates are those of PyTorch 2:
    //     def rates(make, n):
    //         o = torch.optim.SGD([torch.zeros(1)], lr=0.5); s = make(o); r = []
    //         for _ in range(n): r.append(round(o.param_groups[0]["lr"], 10)); o.step(); s.step()
    //         return r
    //     from torch.optim.lr_scheduler import *
    #[test]
    fn rates_are_those_of_pytorch() {
        // rates(lambda o: ExponentialLR(o, 0.8), 4)
        assert_rates(
            Schedule::exponential(0.5, 0.8, 1).unwrap(),
            &[0.5, 0.4, 0.32, 0.256],
        );
        // rates(lambda o: StepLR(o, 2, 0.1), 5)
        assert_rates(
            Schedule::staircase(0.5, 0.1, 2).unwrap(),
            &[0.5, 0.5, 0.05, 0.05, 0.005],
        );
        // rates(lambda o: CosineAnnealingLR(o, 4, eta_min=0.1), 5)
        let cosine = Schedule::cosine(0.5, 4).unwrap();
        assert_rates(
            cosine.with_floor(0.1).unwrap(),
            &[0.5, 0.4414213562, 0.3, 0.1585786438, 0.1],
        );
        // rates(lambda o: SequentialLR(o, [LinearLR(o, 1/4, 1, 3), CosineAnnealingLR(o, 4)], [3]), 8)
        assert_rates(
            cosine.with_warm_up(3),
            &[
                0.125,
                0.25,
                0.375,
                0.5,
                0.4267766953,
                0.25,
                0.0732233047,
                0.0,
            ],
        );
    }

    #[test]
    fn the_ends_of_the_plans_hold() {
        let cosine = Schedule::cosine(0.5, 4).unwrap();
        assert_eq!(cosine.rate(u64::MAX), 0.0);
        let constant = Schedule::constant(0.5).unwrap();
        assert_eq!(constant.rate(7), 0.5);
        assert!(constant.with_warm_up(u64::MAX).rate(u64::MAX - 1) <= 0.5);
    }

    #[test]
    fn impossible_plans_are_errors() {
        for rate in [0.0, -1.0, f64::NAN] {
            assert!(Schedule::constant(rate).is_err());
        }
        assert!(Schedule::exponential(0.1, 0.0, 1).is_err());
        assert!(Schedule::staircase(0.1, 0.5, 0).is_err());
        assert!(Schedule::cosine(0.1, 0).is_err());
        assert!(Schedule::cosine(0.1, 9).unwrap().with_floor(0.2).is_err());
        assert!(Schedule::constant(0.1).unwrap().with_floor(0.05).is_err());
    }
}
