//! Adam: steps scaled by running moments of the gradient.

use faer::traits::math_utils::sqrt;
use lstm_kernels::Element;

use crate::error::{Error, Result, require_len, require_positive};
use crate::optim::Optimiser;
use crate::params::{Parameters, visit_ranges};

/// Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1:
/// m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², θ ← θ - rate m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁^t), v̂ = v / (1 - β₂^t).
#[derive(Debug, Clone)]
pub struct Adam<T> {
    rate: f64,
    decay: [f64; 2],
    epsilon: f64,
    steps: u64,
    mean: Vec<T>,
    square: Vec<T>,
}

impl<T: Element> Adam<T> {
    /// The paper's settings at `rate`: β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("the learning rate", rate)?;
        Ok(Self {
            rate,
            decay: [0.9, 0.999],
            epsilon: 1e-8,
            steps: 0,
            mean: Vec::new(),
            square: Vec::new(),
        })
    }

    /// With other decays β₁ and β₂ of the two moments, each from [0, 1).
    ///
    /// # Errors
    /// A decay outside that interval.
    pub fn with_decay(mut self, mean: f64, square: f64) -> Result<Self> {
        for (option, value) in [
            ("the decay of the mean", mean),
            ("the decay of the square", square),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::Option {
                    option,
                    value: value.to_string(),
                    expected: "at least 0 and less than 1",
                });
            }
        }
        self.decay = [mean, square];
        Ok(self)
    }

    /// With another ε.
    ///
    /// # Errors
    /// An ε that is not a finite number greater than zero.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        require_positive("Adam's epsilon", epsilon)?;
        self.epsilon = epsilon;
        Ok(self)
    }
}

impl<T: Element> Optimiser<T> for Adam<T> {
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()> {
        if self.steps == 0 {
            self.mean = vec![T::from_f64(0.0); gradient.len()];
            self.square = vec![T::from_f64(0.0); gradient.len()];
        }
        require_len("the gradient", self.mean.len(), gradient.len())?;
        // Both bias corrections, taken out of the loop: rate m̂ / (√v̂ + ε) = scale m / (√v + ε √(1 - β₂^t)).
        let time = (self.steps + 1) as f64;
        let [mean_bias, square_bias] = self.decay.map(|decay| 1.0 - decay.powf(time));
        let scale = T::from_f64(self.rate * square_bias.sqrt() / mean_bias);
        let epsilon = T::from_f64(self.epsilon * square_bias.sqrt());
        let [keep_mean, keep_square] = self.decay.map(T::from_f64);
        let [new_mean, new_square] = self.decay.map(|decay| T::from_f64(1.0 - decay));
        let (mean, square) = (&mut self.mean, &mut self.square);
        visit_ranges(model, gradient.len(), &mut |range, parameter| {
            let moments = mean[range.clone()]
                .iter_mut()
                .zip(&mut square[range.clone()]);
            let memory = moments.zip(&gradient[range]);
            for (value, ((mean, square), &gradient)) in parameter.values.iter_mut().zip(memory) {
                *mean = keep_mean * *mean + new_mean * gradient;
                *square = keep_square * *square + new_square * gradient * gradient;
                *value -= scale * *mean / (sqrt(square) + epsilon);
            }
        })?;
        self.steps += 1;
        Ok(())
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
