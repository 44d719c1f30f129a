//! Stochastic gradient descent with momentum.

use std::mem::take;

use lstm_kernels::{Element, FlushDenormals};

use crate::error::{Error, Result, require_fraction, require_len, require_positive};
use crate::optim::state::require_memory;
use crate::optim::{
    Optimiser, OptimiserState, Touched, WeightDecay, require_rate, spend_in_turn, vanishes,
};
use crate::params::{Parameters, visit_ranges};

/// v ← momentum v + g, θ ← θ - rate v: gradient descent, heavy-ball for a momentum above zero (Polyak 1964).
///
/// Nesterov's form takes the momentum of the step to come into account: θ ← θ - rate (g + momentum v). Weight decay is
/// an L2 penalty: g ← g + decay θ before all else.
#[derive(Debug, Clone)]
pub struct Sgd<T> {
    rate: f64,
    momentum: f64,
    nesterov: bool,
    decay: WeightDecay,
    velocity: Vec<T>,
}

impl<T: Element> Sgd<T> {
    /// Descent at `rate`, without momentum.
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("the learning rate", rate)?;
        require_rate::<T>(rate)?;
        Ok(Self {
            rate,
            momentum: 0.0,
            nesterov: false,
            decay: WeightDecay::none(),
            velocity: Vec::new(),
        })
    }

    /// With plain momentum, from [0, 1).
    ///
    /// # Errors
    /// A momentum outside that interval.
    pub fn with_momentum(mut self, momentum: f64) -> Result<Self> {
        require_fraction("the momentum", momentum)?;
        (self.momentum, self.nesterov) = (momentum, false);
        Ok(self)
    }

    /// With Nesterov's form of the momentum, from (0, 1).
    ///
    /// # Errors
    /// A momentum outside that interval.
    pub fn with_nesterov(self, momentum: f64) -> Result<Self> {
        if momentum == 0.0 {
            return Err(Error::Option {
                option: "Nesterov's momentum",
                value: momentum.to_string(),
                expected: "greater than 0 and less than 1",
            });
        }
        let mut sgd = self.with_momentum(momentum)?;
        sgd.nesterov = true;
        Ok(sgd)
    }

    /// With weight decay as an L2 penalty.
    pub fn with_weight_decay(mut self, decay: WeightDecay) -> Self {
        self.decay = decay;
        self
    }
}

impl<T: Element> Optimiser<T> for Sgd<T> {
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()> {
        let (rate, momentum) = (T::from_f64(self.rate), T::from_f64(self.momentum));
        if self.momentum == 0.0 {
            return (self.decay).visit(model, gradient.len(), &mut |range, decay, parameter| {
                let decay = T::from_f64(decay);
                for (value, &gradient) in parameter.values.iter_mut().zip(&gradient[range]) {
                    *value -= rate * (gradient + decay * *value);
                }
            });
        }
        require_memory(model, gradient, [&mut self.velocity])?;
        let _mode = FlushDenormals::new();
        let (velocity, nesterov) = (&mut self.velocity, self.nesterov);
        (self.decay).visit(model, gradient.len(), &mut |range, decay, parameter| {
            let decay = T::from_f64(decay);
            let memory = velocity[range.clone()].iter_mut().zip(&gradient[range]);
            for (value, (velocity, &gradient)) in parameter.values.iter_mut().zip(memory) {
                let gradient = gradient + decay * *value;
                *velocity = momentum * *velocity + gradient;
                *value -= rate
                    * match nesterov {
                        true => gradient + momentum * *velocity,
                        false => *velocity,
                    };
            }
        })
    }

    fn step_at(
        &mut self,
        model: &mut dyn Parameters<T>,
        gradient: &[T],
        touched: &Touched,
    ) -> Result<()> {
        require_len("the gradient", touched.len(), gradient.len())?;
        if self.plain_rate().is_none() {
            return self.step(model, gradient);
        }
        let rate = T::from_f64(self.rate);
        visit_ranges(model, gradient.len(), &mut |range, parameter| {
            touched.edit_within(range, parameter.values, |values, at| {
                let steps = values.iter_mut().zip(&gradient[at]);
                steps.for_each(|(value, &slope)| *value -= rate * slope);
            });
        })
    }

    fn spend_at(
        &mut self,
        model: &mut dyn Parameters<T>,
        gradient: &mut [T],
        touched: &Touched,
        scale: f64,
    ) -> Result<()> {
        if self.plain_rate().is_none() || vanishes(scale) {
            return spend_in_turn(self, model, gradient, touched, scale);
        }
        require_len("the gradient", touched.len(), gradient.len())?;
        let (rate, scale) = (T::from_f64(self.rate), T::from_f64(scale));
        let (len, mut rest) = (gradient.len(), gradient);
        visit_ranges(model, len, &mut |range, parameter| {
            let (slopes, later) = take(&mut rest).split_at_mut(range.len());
            rest = later;
            touched.edit_both(range, parameter.values, slopes, |values, slopes| {
                for (value, slope) in values.iter_mut().zip(slopes) {
                    *value -= rate * (scale * take(slope));
                }
            });
        })
    }

    fn plain_rate(&self) -> Option<f64> {
        (self.momentum == 0.0 && self.decay.is_none()).then_some(self.rate)
    }

    fn rate(&self) -> f64 {
        self.rate
    }

    fn set_rate(&mut self, rate: f64) -> Result<()> {
        require_rate::<T>(rate)?;
        self.rate = rate;
        Ok(())
    }

    fn state(&self) -> OptimiserState<T> {
        OptimiserState::new(
            "sgd",
            &[("rate", self.rate)],
            &[("velocity", &self.velocity)],
        )
    }

    fn load_state(&mut self, state: &OptimiserState<T>) -> Result<()> {
        let ([rate], [velocity]) = state.open("sgd", ["rate"], ["velocity"])?;
        (self.rate, self.velocity) = (rate, velocity);
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
        // Finite, but not in f32.
        assert!(Sgd::<f32>::new(1e300).is_err() && Sgd::<f64>::new(1e300).is_ok());
        assert!(Sgd::<f32>::new(1.0).unwrap().set_rate(1e300).is_err());
        assert!(Sgd::<f32>::new(1.0).unwrap().with_momentum(1.0).is_err());
        assert!(Sgd::<f32>::new(1.0).unwrap().with_nesterov(0.0).is_err());
        let mut model = Linear::<f32>::new(1, 1, Init::Constant(1.0), &mut Rng::new(0)).unwrap();
        assert!(Sgd::new(1.0).unwrap().step(&mut model, &[0.0]).is_err());
    }
}
