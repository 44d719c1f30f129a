//! Stochastic gradient descent with momentum.

use lstm_kernels::Element;

use crate::error::{Error, Result, require_len, require_positive};
use crate::optim::Optimiser;
use crate::params::{Parameters, visit_ranges};

/// v ← momentum v + g, θ ← θ - rate v: gradient descent, heavy-ball for a momentum above zero (Polyak 1964).
#[derive(Debug, Clone)]
pub struct Sgd<T> {
    rate: f64,
    momentum: f64,
    velocity: Vec<T>,
}

impl<T: Element> Sgd<T> {
    /// Descent at `rate`, without momentum.
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("the learning rate", rate)?;
        Ok(Self {
            rate,
            momentum: 0.0,
            velocity: Vec::new(),
        })
    }

    /// With momentum, from [0, 1).
    ///
    /// # Errors
    /// A momentum outside that interval.
    pub fn with_momentum(mut self, momentum: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&momentum) {
            return Err(Error::Option {
                option: "the momentum",
                value: momentum.to_string(),
                expected: "at least 0 and less than 1",
            });
        }
        self.momentum = momentum;
        Ok(self)
    }
}

impl<T: Element> Optimiser<T> for Sgd<T> {
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()> {
        let (rate, momentum) = (T::from_f64(self.rate), T::from_f64(self.momentum));
        if self.momentum == 0.0 {
            return visit_ranges(model, gradient.len(), &mut |range, parameter| {
                for (value, &gradient) in parameter.values.iter_mut().zip(&gradient[range]) {
                    *value -= rate * gradient;
                }
            });
        }
        if self.velocity.is_empty() {
            self.velocity.resize(gradient.len(), T::from_f64(0.0));
        }
        require_len("the gradient", self.velocity.len(), gradient.len())?;
        let velocity = &mut self.velocity;
        visit_ranges(model, gradient.len(), &mut |range, parameter| {
            let memory = velocity[range.clone()].iter_mut().zip(&gradient[range]);
            for (value, (velocity, &gradient)) in parameter.values.iter_mut().zip(memory) {
                *velocity = momentum * *velocity + gradient;
                *value -= rate * *velocity;
            }
        })
    }

    fn rate(&self) -> f64 {
        self.rate
    }

    fn set_rate(&mut self, rate: f64) -> Result<()> {
        require_positive("the learning rate", rate)?;
        self.rate = rate;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::linear::Linear;
    use crate::params::Name;
    use crate::random::Rng;

    #[test]
    fn momentum_accumulates_the_gradient() {
        let mut model = Linear::<f64>::new(1, 1, Init::Constant(1.0), &mut Rng::new(0)).unwrap();
        let mut sgd = Sgd::new(0.1).unwrap().with_momentum(0.5).unwrap();
        // By hand: v = 2, then 0.5·2 + 2 = 3; θ = 1 - 0.2 - 0.3 = 0.5. The bias sees 1: v = 1, 1.5; θ = -0.25.
        for _ in 0..2 {
            sgd.step(&mut model, &[2.0, 1.0]).unwrap();
        }
        let mut values = Vec::new();
        model
            .visit(Name::ROOT, &mut |_, parameter| {
                values.extend_from_slice(parameter.values);
                Ok(())
            })
            .unwrap();
        assert!((values[0] - 0.5f64).abs() < 1e-15 && (values[1] + 0.25).abs() < 1e-15);
    }

    #[test]
    fn impossible_options_and_lengths_are_errors() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Sgd::<f32>::new(rate).is_err());
        }
        assert!(Sgd::<f32>::new(1.0).unwrap().with_momentum(1.0).is_err());
        let mut model = Linear::<f32>::new(1, 1, Init::Constant(1.0), &mut Rng::new(0)).unwrap();
        assert!(Sgd::new(1.0).unwrap().step(&mut model, &[0.0]).is_err());
    }
}
