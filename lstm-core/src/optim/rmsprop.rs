//! RMSProp: steps scaled by a running root mean square of the gradient.

use faer::traits::math_utils::sqrt;
use lstm_kernels::Element;

use crate::error::{Result, require_fraction, require_not_negative, require_positive};
use crate::optim::state::require_memory;
use crate::optim::{Optimiser, OptimiserState, WeightDecay};
use crate::params::Parameters;

/// s ← α s + (1 - α) g², θ ← θ - rate g / (√s + ε). Hinton 2012, "Neural networks for machine learning", lecture 6.
///
/// Centred, the root is √(s - m²) with m ← α m + (1 - α) g, the variance in place of the square (Graves 2013, eq. 40).
/// With momentum, v ← momentum v + g / (√s + ε) and θ ← θ - rate v. Weight decay is an L2 penalty: g ← g + decay θ before
/// all else.
#[derive(Debug, Clone)]
pub struct RmsProp<T> {
    rate: f64,
    smoothing: f64,
    epsilon: f64,
    momentum: f64,
    centred: bool,
    decay: WeightDecay,
    square: Vec<T>,
    mean: Vec<T>,
    velocity: Vec<T>,
}

impl<T: Element> RmsProp<T> {
    /// PyTorch's settings at `rate`: α = 0.99, ε = 1e-8, no momentum, not centred. (Keras has α = 0.9, ε = 1e-7.)
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("the learning rate", rate)?;
        Ok(Self {
            rate,
            smoothing: 0.99,
            epsilon: 1e-8,
            momentum: 0.0,
            centred: false,
            decay: WeightDecay::none(),
            square: Vec::new(),
            mean: Vec::new(),
            velocity: Vec::new(),
        })
    }

    /// With another smoothing α of the running means, from [0, 1).
    ///
    /// # Errors
    /// A smoothing outside that interval.
    pub fn with_smoothing(mut self, smoothing: f64) -> Result<Self> {
        require_fraction("the smoothing", smoothing)?;
        self.smoothing = smoothing;
        Ok(self)
    }

    /// With another ε.
    ///
    /// # Errors
    /// An ε that is not a finite number greater than zero.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        require_positive("RMSProp's epsilon", epsilon)?;
        self.epsilon = epsilon;
        Ok(self)
    }

    /// With momentum, from [0, 1).
    ///
    /// # Errors
    /// A momentum outside that interval.
    pub fn with_momentum(mut self, momentum: f64) -> Result<Self> {
        require_fraction("the momentum", momentum)?;
        self.momentum = momentum;
        Ok(self)
    }

    /// With the variance of the gradient in place of its square.
    pub fn centred(mut self) -> Self {
        self.centred = true;
        self
    }

    /// With weight decay as an L2 penalty.
    pub fn with_weight_decay(mut self, decay: WeightDecay) -> Self {
        self.decay = decay;
        self
    }
}

impl<T: Element> Optimiser<T> for RmsProp<T> {
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()> {
        let (centred, moving) = (self.centred, self.momentum > 0.0);
        require_memory(model, gradient, [&mut self.square])?;
        if centred {
            require_memory(model, gradient, [&mut self.mean])?;
        }
        if moving {
            require_memory(model, gradient, [&mut self.velocity])?;
        }
        let (rate, epsilon) = (T::from_f64(self.rate), T::from_f64(self.epsilon));
        let (keep, new) = (
            T::from_f64(self.smoothing),
            T::from_f64(1.0 - self.smoothing),
        );
        let momentum = T::from_f64(self.momentum);
        let (squares, means, velocities) = (&mut self.square, &mut self.mean, &mut self.velocity);
        (self.decay).visit(model, gradient.len(), &mut |range, decay, parameter| {
            let decay = T::from_f64(decay);
            for (value, at) in parameter.values.iter_mut().zip(range) {
                let gradient = gradient[at] + decay * *value;
                let square = &mut squares[at];
                *square = keep * *square + new * gradient * gradient;
                let mut spread = *square;
                if centred {
                    let mean = &mut means[at];
                    *mean = keep * *mean + new * gradient;
                    spread -= *mean * *mean;
                    // Rounding may take a variance of zero below zero, where it has no root.
                    if spread < T::from_f64(0.0) {
                        spread = T::from_f64(0.0);
                    }
                }
                let mut step = gradient / (sqrt(&spread) + epsilon);
                if moving {
                    let velocity = &mut velocities[at];
                    *velocity = momentum * *velocity + step;
                    step = *velocity;
                }
                *value -= rate * step;
            }
        })
    }

    fn rate(&self) -> f64 {
        self.rate
    }

    fn set_rate(&mut self, rate: f64) -> Result<()> {
        require_not_negative("the learning rate", rate)?;
        self.rate = rate;
        Ok(())
    }

    fn state(&self) -> OptimiserState<T> {
        let (square, mean, velocity) = (&self.square, &self.mean, &self.velocity);
        OptimiserState::new(
            "rmsprop",
            &[("rate", self.rate)],
            &[("square", square), ("mean", mean), ("velocity", velocity)],
        )
    }

    fn load_state(&mut self, state: &OptimiserState<T>) -> Result<()> {
        let ([rate], [square, mean, velocity]) =
            state.open("rmsprop", ["rate"], ["square", "mean", "velocity"])?;
        (self.rate, self.square, self.mean, self.velocity) = (rate, square, mean, velocity);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_options_are_errors() {
        assert!(RmsProp::<f32>::new(0.0).is_err());
        let new = || RmsProp::<f32>::new(0.1).unwrap();
        assert!(new().with_smoothing(1.0).is_err());
        assert!(new().with_epsilon(0.0).is_err());
        assert!(new().with_momentum(-0.1).is_err());
    }
}
