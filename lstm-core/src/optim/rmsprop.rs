//! RMSProp: steps scaled by a running root mean square of the gradient.

use faer::traits::math_utils::{min_positive, sqrt};
use lstm_kernels::{Element, FlushDenormals};

use crate::error::{Error, Result, require_fraction, require_positive};
use crate::optim::state::{least_root, require_memory};
use crate::optim::{Optimiser, OptimiserState, WeightDecay, require_rate};
use crate::params::Parameters;

/// s ← α s + (1 - α) g², θ ← θ - rate g / (√s + ε). Hinton 2012, "Neural networks for machine learning", lecture 6.
///
/// Centred, the root is √(s - m²) with m ← α m + (1 - α) g, the variance in place of the square (Graves 2013, eq. 40).
/// With momentum, v ← momentum v + g / (√s + ε) and θ ← θ - rate v. Weight decay is an L2 penalty: g ← g + decay θ before
/// all else. ε may also stand within the root: √(s + ε).
#[derive(Debug, Clone)]
pub struct RmsProp<T> {
    rate: f64,
    smoothing: f64,
    epsilon: f64,
    /// Whether ε stands within the root.
    within: bool,
    momentum: f64,
    centred: bool,
    decay: WeightDecay,
    square: Vec<T>,
    mean: Vec<T>,
    velocity: Vec<T>,
}

impl<T: Element> RmsProp<T> {
    /// PyTorch's settings at `rate`: α = 0.99, ε = 1e-8, no momentum, not centred. (Keras has α = 0.9 and
    /// ε = 1e-7 [within the root](Self::with_epsilon_within), Graves 2013 α = 0.95 and ε = 1e-4 there.)
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("the learning rate", rate)?;
        require_rate::<T>(rate)?;
        Ok(Self {
            rate,
            smoothing: 0.99,
            epsilon: 1e-8,
            within: false,
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

    /// With another ε. One below the root of the smallest normal number, 1.1e-19 in `f32`, counts as that root: squares of
    /// gradients below it are zero, and nothing but ε stands between a step and a division by zero then.
    ///
    /// # Errors
    /// An ε that is not a finite number greater than zero.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        require_positive("RMSProp's epsilon", epsilon)?;
        (self.epsilon, self.within) = (epsilon.max(least_root::<T>()), false);
        Ok(self)
    }

    /// With an ε within the root, g / √(s + ε): it counts as a square does, and so hides much larger gradients. One below the
    /// smallest normal number, 1.2e-38 in `f32`, counts as that.
    ///
    /// # Errors
    /// An ε that is not a finite number greater than zero.
    pub fn with_epsilon_within(self, epsilon: f64) -> Result<Self> {
        let optimiser = self.with_epsilon(epsilon)?;
        let least = min_positive::<T>().to_f64();
        Ok(Self {
            epsilon: epsilon.max(least),
            within: true,
            ..optimiser
        })
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

    /// A step with what the options ask for: known to the compiler, so that the loop has no branches.
    fn update<const CENTRED: bool, const MOVING: bool>(
        &mut self,
        model: &mut dyn Parameters<T>,
        gradient: &[T],
    ) -> Result<()> {
        require_memory(model, gradient, [&mut self.square])?;
        if CENTRED {
            require_memory(model, gradient, [&mut self.mean])?;
        }
        if MOVING {
            require_memory(model, gradient, [&mut self.velocity])?;
        }
        let _mode = FlushDenormals::new();
        let rate = T::from_f64(self.rate);
        let (within, beside) = match self.within {
            true => (self.epsilon, 0.0),
            false => (0.0, self.epsilon),
        };
        let (within, beside) = (T::from_f64(within), T::from_f64(beside));
        let keep = T::from_f64(self.smoothing);
        let new = T::from_f64(1.0 - self.smoothing);
        let (momentum, zero) = (T::from_f64(self.momentum), T::from_f64(0.0));
        let (square, mean, velocity) = (&mut self.square, &mut self.mean, &mut self.velocity);
        (self.decay).visit(model, gradient.len(), &mut |range, decay, parameter| {
            let decay = T::from_f64(decay);
            // Slices of one length, as far as they are used: the compiler sees that no index is out of range.
            let (values, len) = (parameter.values, range.len());
            let (values, gradient) = (&mut values[..len], &gradient[range.clone()][..len]);
            let square = &mut square[range.clone()][..len];
            let mean = match CENTRED {
                true => &mut mean[range.clone()][..len],
                false => &mut [],
            };
            let velocity = match MOVING {
                true => &mut velocity[range][..len],
                false => &mut [],
            };
            for at in 0..len {
                let gradient = gradient[at] + decay * values[at];
                square[at] = keep * square[at] + new * gradient * gradient;
                let mut spread = square[at];
                if CENTRED {
                    mean[at] = keep * mean[at] + new * gradient;
                    spread -= mean[at] * mean[at];
                    // Rounding may take a variance of zero below zero, where it has no root.
                    spread = if spread < zero { zero } else { spread };
                }
                let mut step = gradient / (sqrt(&(spread + within)) + beside);
                if MOVING {
                    velocity[at] = momentum * velocity[at] + step;
                    step = velocity[at];
                }
                values[at] -= rate * step;
            }
        })
    }
}

impl<T: Element> Optimiser<T> for RmsProp<T> {
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()> {
        match (self.centred, self.momentum > 0.0) {
            (false, false) => self.update::<false, false>(model, gradient),
            (false, true) => self.update::<false, true>(model, gradient),
            (true, false) => self.update::<true, false>(model, gradient),
            (true, true) => self.update::<true, true>(model, gradient),
        }
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
        if square.is_empty() && !(mean.is_empty() && velocity.is_empty()) {
            return Err(Error::OptimiserState {
                optimiser: "rmsprop",
                reason: "its `square` is empty, though others are not".to_owned(),
            });
        }
        (self.rate, self.square, self.mean, self.velocity) = (rate, square, mean, velocity);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::linear::Linear;
    use crate::random::Rng;

    /// One step with g = 0.3, α = 0.9, ε = 0.01: s = 0.1 · 0.09 = 0.009.
    #[test]
    fn epsilon_stands_beside_the_root_or_within() {
        let step = |within: bool| {
            let mut model =
                Linear::<f64>::without_bias(1, 1, Init::Constant(0.0), &mut Rng::new(0));
            let model = model.as_mut().unwrap();
            let optimiser = RmsProp::new(1.0).unwrap().with_smoothing(0.9).unwrap();
            let mut optimiser = match within {
                true => optimiser.with_epsilon_within(0.01).unwrap(),
                false => optimiser.with_epsilon(0.01).unwrap(),
            };
            optimiser.step(model, &[0.3]).unwrap();
            -model.weight_and_bias().0[0]
        };
        assert!((step(false) - 0.3 / (0.009f64.sqrt() + 0.01)).abs() < 1e-14);
        assert!((step(true) - 0.3 / 0.019f64.sqrt()).abs() < 1e-14);
    }

    #[test]
    fn an_epsilon_that_the_numbers_cannot_hold_divides_nothing_by_zero() {
        for epsilon in [1e-300, 1e-50, 1e-40] {
            let new = || RmsProp::new(0.1).unwrap();
            for mut optimiser in [
                new().with_epsilon(epsilon).unwrap(),
                new().with_epsilon_within(epsilon).unwrap(),
            ] {
                // A gradient of zero, and one whose square is zero: it is divided by 1.1e-19, the root of 1.2e-38.
                for slope in [0.0f32, 1e-25] {
                    let mut model =
                        Linear::<f32>::without_bias(1, 1, Init::Constant(1.0), &mut Rng::new(0))
                            .unwrap();
                    optimiser.step(&mut model, &[slope]).unwrap();
                    assert!((model.weight_and_bias().0[0] - 1.0).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_state_without_squares_is_incomplete() {
        let state = |square: Vec<f32>| {
            let buffers = [
                ("square", &square),
                ("mean", &vec![0.5]),
                ("velocity", &Vec::new()),
            ];
            OptimiserState::new("rmsprop", &[("rate", 0.1)], &buffers)
        };
        let mut optimiser = RmsProp::new(0.1).unwrap();
        assert!(optimiser.load_state(&state(vec![0.25])).is_ok());
        assert!(optimiser.load_state(&state(Vec::new())).is_err());
    }

    #[test]
    fn impossible_options_are_errors() {
        assert!(RmsProp::<f32>::new(0.0).is_err());
        let new = || RmsProp::<f32>::new(0.1).unwrap();
        assert!(new().with_smoothing(1.0).is_err());
        assert!(new().with_epsilon(0.0).is_err());
        assert!(new().with_epsilon_within(f64::NAN).is_err());
        assert!(new().with_momentum(-0.1).is_err());
    }
}
