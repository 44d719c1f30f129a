//! Adam: steps scaled by running moments of the gradient.

use faer::traits::math_utils::sqrt;
use lstm_kernels::{Element, FlushDenormals};

use crate::error::{Result, require_fraction, require_positive};
use crate::optim::state::{least_root, require_memory};
use crate::optim::{Optimiser, OptimiserState, WeightDecay, require_rate};
use crate::params::Parameters;

/// Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1:
/// m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², θ ← θ - rate m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁^t), v̂ = v / (1 - β₂^t).
///
/// Weight decay is an L2 penalty, g ← g + decay θ before all else; [`AdamW`] keeps it apart from the gradient.
#[derive(Debug, Clone)]
pub struct Adam<T> {
    rate: f64,
    moments: Moments<T>,
    decay: WeightDecay,
}

/// Adam with decoupled weight decay: θ ← θ - rate decay θ, and then Adam's step by the gradient alone.
/// Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2, with the rate as PyTorch has it.
#[derive(Debug, Clone)]
pub struct AdamW<T> {
    rate: f64,
    moments: Moments<T>,
    decay: WeightDecay,
}

/// The running moments, and the settings that are theirs.
#[derive(Debug, Clone)]
struct Moments<T> {
    decay: [f64; 2],
    epsilon: f64,
    steps: u64,
    mean: Vec<T>,
    square: Vec<T>,
}

/// Where the decay of weights acts.
#[derive(Clone, Copy)]
enum Coupling {
    /// In the gradient, so that its moments see it.
    Gradient,
    /// In the parameter itself.
    Parameter,
}

impl<T: Element> Moments<T> {
    fn new() -> Self {
        Self {
            decay: [0.9, 0.999],
            epsilon: 1e-8,
            steps: 0,
            mean: Vec::new(),
            square: Vec::new(),
        }
    }

    fn set_decay(&mut self, mean: f64, square: f64) -> Result<()> {
        require_fraction("the decay of the mean", mean)?;
        require_fraction("the decay of the square", square)?;
        self.decay = [mean, square];
        Ok(())
    }

    fn set_epsilon(&mut self, epsilon: f64) -> Result<()> {
        require_positive("Adam's epsilon", epsilon)?;
        self.epsilon = epsilon.max(least_root::<T>());
        Ok(())
    }

    fn step(
        &mut self,
        model: &mut dyn Parameters<T>,
        gradient: &[T],
        rate: f64,
        decay: &WeightDecay,
        coupling: Coupling,
    ) -> Result<()> {
        require_memory(model, gradient, [&mut self.mean, &mut self.square])?;
        let _mode = FlushDenormals::new();
        // Both bias corrections, taken out of the loop: rate m̂ / (√v̂ + ε) = scale m / (√v + ε √(1 - β₂^t)).
        let time = self.steps.saturating_add(1) as f64;
        let [mean_bias, square_bias] = self.decay.map(|decay| 1.0 - decay.powf(time));
        let scale = T::from_f64(rate * square_bias.sqrt() / mean_bias);
        let epsilon = T::from_f64(self.epsilon * square_bias.sqrt());
        let [keep_mean, keep_square] = self.decay.map(T::from_f64);
        let [new_mean, new_square] = self.decay.map(|decay| T::from_f64(1.0 - decay));
        let (mean, square) = (&mut self.mean, &mut self.square);
        decay.visit(model, gradient.len(), &mut |range, decay, parameter| {
            let (penalty, shrink) = match coupling {
                Coupling::Gradient => (decay, 0.0),
                Coupling::Parameter => (0.0, rate * decay),
            };
            let (penalty, shrink) = (T::from_f64(penalty), T::from_f64(shrink));
            let moments = mean[range.clone()]
                .iter_mut()
                .zip(&mut square[range.clone()]);
            let memory = moments.zip(&gradient[range]);
            for (value, ((mean, square), &gradient)) in parameter.values.iter_mut().zip(memory) {
                let gradient = gradient + penalty * *value;
                *value -= shrink * *value;
                *mean = keep_mean * *mean + new_mean * gradient;
                *square = keep_square * *square + new_square * gradient * gradient;
                *value -= scale * *mean / (sqrt(square) + epsilon);
            }
        })?;
        self.steps = self.steps.saturating_add(1);
        Ok(())
    }

    fn state(&self, optimiser: &str, rate: f64) -> OptimiserState<T> {
        OptimiserState::new(
            optimiser,
            &[("rate", rate), ("steps", self.steps as f64)],
            &[("mean", &self.mean), ("square", &self.square)],
        )
    }

    /// Takes its part of a state and returns the rate.
    fn load(&mut self, optimiser: &'static str, state: &OptimiserState<T>) -> Result<f64> {
        let ([rate, steps], [mean, square]) =
            state.open(optimiser, ["rate", "steps"], ["mean", "square"])?;
        (self.steps, self.mean, self.square) = (steps as u64, mean, square);
        Ok(rate)
    }
}

/// The two forms of Adam differ in name, in where the decay acts, and in the decay they start with.
macro_rules! adam {
    ($Adam:ident, $name:literal, $coupling:expr, $decay:expr, $settings:literal) => {
        impl<T: Element> $Adam<T> {
            #[doc = $settings]
            ///
            /// # Errors
            /// A rate that is not a finite number greater than zero.
            pub fn new(rate: f64) -> Result<Self> {
                require_positive("the learning rate", rate)?;
                require_rate::<T>(rate)?;
                Ok(Self {
                    rate,
                    moments: Moments::new(),
                    decay: $decay,
                })
            }

            /// With other decays β₁ and β₂ of the two moments, each from [0, 1).
            ///
            /// # Errors
            /// A decay outside that interval.
            pub fn with_decay(mut self, mean: f64, square: f64) -> Result<Self> {
                self.moments.set_decay(mean, square)?;
                Ok(self)
            }

            /// With another ε. One below the root of the smallest normal number, 1.1e-19 in `f32`, counts as that root: squares
            /// of gradients below it are zero, and nothing but ε stands between a step and a division by zero then.
            ///
            /// # Errors
            /// An ε that is not a finite number greater than zero.
            pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
                self.moments.set_epsilon(epsilon)?;
                Ok(self)
            }

            /// With another decay of weights.
            pub fn with_weight_decay(mut self, decay: WeightDecay) -> Self {
                self.decay = decay;
                self
            }
        }

        impl<T: Element> Optimiser<T> for $Adam<T> {
            fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()> {
                (self.moments).step(model, gradient, self.rate, &self.decay, $coupling)
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
                self.moments.state($name, self.rate)
            }

            fn load_state(&mut self, state: &OptimiserState<T>) -> Result<()> {
                self.rate = self.moments.load($name, state)?;
                Ok(())
            }
        }
    };
}

adam!(
    Adam,
    "adam",
    Coupling::Gradient,
    WeightDecay::none(),
    "The paper's settings at `rate`: β₁ = 0.9, β₂ = 0.999, ε = 1e-8; no weight decay."
);
adam!(
    AdamW,
    "adamw",
    Coupling::Parameter,
    WeightDecay::all(0.01)?,
    "PyTorch's settings at `rate`: β₁ = 0.9, β₂ = 0.999, ε = 1e-8, a weight decay of 0.01 on everything."
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::linear::Linear;
    use crate::params::Name;
    use crate::random::Rng;

    #[test]
    fn first_steps_are_those_computed_by_hand() {
        let mut model = Linear::<f64>::new(1, 1, Init::Constant(1.0), &mut Rng::new(0)).unwrap();
        let mut adam = Adam::new(0.1)
            .unwrap()
            .with_decay(0.5, 0.75)
            .unwrap()
            .with_epsilon(1.0)
            .unwrap();
        let mut weight = || {
            let mut weight = 0.0;
            adam.step(&mut model, &[3.0, 0.0]).unwrap();
            model
                .visit(Name::ROOT, &mut |name, parameter| {
                    if name.to_string() == "weight" {
                        weight = parameter.values[0];
                    }
                    Ok(())
                })
                .unwrap();
            weight
        };
        // t = 1: m = 1.5, v = 2.25, m̂ = 1.5/0.5 = 3, v̂ = 2.25/0.25 = 9; θ = 1 - 0.1·3/(3 + 1) = 0.925.
        assert!((weight() - 0.925).abs() < 1e-15);
        // t = 2: m = 2.25, v = 3.9375, m̂ = 2.25/0.75 = 3, v̂ = 3.9375/0.4375 = 9: a constant gradient keeps its step.
        assert!((weight() - 0.85).abs() < 1e-15);
    }

    #[test]
    fn an_epsilon_that_the_numbers_cannot_hold_divides_nothing_by_zero() {
        let after = |epsilon, slope: f32| {
            let mut model =
                Linear::<f32>::without_bias(1, 1, Init::Constant(1.0), &mut Rng::new(0)).unwrap();
            let mut adam = Adam::new(0.5).unwrap().with_epsilon(epsilon).unwrap();
            adam.step(&mut model, &[slope]).unwrap();
            let mut value = 0.0;
            (model.visit(Name::ROOT, &mut |_, parameter| {
                value = parameter.values[0];
                Ok(())
            }))
            .unwrap();
            value
        };
        for epsilon in [1e-300, 1e-50, 1e-40, 1e-30, 1e-19] {
            assert_eq!(after(epsilon, 0.0), 1.0);
            // The first step is as long as the rate whatever the gradient.
            assert!((after(epsilon, 1.0) - 0.5).abs() < 1e-6);
            // Its square is no number of `f32`, so ε alone is what divides: 0.5 * 1e-25 / 1.1e-19 is below 1e-6.
            assert!((after(epsilon, 1e-25) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn impossible_options_and_lengths_are_errors() {
        assert!(Adam::<f32>::new(f64::NAN).is_err());
        assert!(Adam::<f32>::new(0.1).unwrap().with_decay(0.9, 1.0).is_err());
        assert!(Adam::<f32>::new(0.1).unwrap().with_epsilon(0.0).is_err());
        let mut model = Linear::<f32>::new(1, 1, Init::Constant(1.0), &mut Rng::new(0)).unwrap();
        let mut adam = Adam::new(0.1).unwrap();
        assert!(adam.step(&mut model, &[0.0; 3]).is_err());
        assert!(adam.step(&mut model, &[0.0; 2]).is_ok());
    }
}
