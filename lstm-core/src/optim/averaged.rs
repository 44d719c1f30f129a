//! Averaged stochastic gradient descent.

use lstm_kernels::{Element, FlushDenormals};

use crate::error::{Error, Result, require_not_negative, require_positive};
use crate::optim::state::{LARGEST_COUNT, require_memory};
use crate::optim::{Optimiser, OptimiserState, WeightDecay, require_rate};
use crate::params::{Parameters, visit_ranges};

/// Descent that keeps the mean of the parameters it passes; the mean has less noise than any one of them.
/// Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging".
///
/// Step t, counted from 1: η = rate / (1 + λ rate (t - 1))^α, θ ← (1 - λ η) θ - η g, and the mean a ← a + (θ - a) μ with
/// μ = 1 / max(1, t - 1 - start); before `start` the mean follows the parameters. Weight decay is an L2 penalty:
/// g ← g + decay θ before all else.
///
/// Training goes on with θ; [`at_mean`](Self::at_mean) looks at the model at the mean, and
/// [`write_mean`](Self::write_mean) leaves it there at the end. For language models the rate stays constant (λ = 0) and
/// averaging begins when validation no longer improves: [`average_from_now`](Self::average_from_now)
/// (Merity, Keskar & Socher 2018, "Regularizing and optimizing LSTM language models").
///
/// A new rate counts at once, where PyTorch's `ASGD` takes one more step at the old one.
#[derive(Debug, Clone)]
pub struct AveragedSgd<T> {
    rate: f64,
    lambda: f64,
    alpha: f64,
    decay: WeightDecay,
    start: u64,
    steps: u64,
    mean: Vec<T>,
}

impl<T: Element> AveragedSgd<T> {
    /// PyTorch's settings at `rate`: λ = 1e-4, α = 0.75, averaging from step 1,000,000 on.
    ///
    /// # Errors
    /// A rate that is not a finite number greater than zero.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("the learning rate", rate)?;
        require_rate::<T>(rate)?;
        Ok(Self {
            rate,
            lambda: 1e-4,
            alpha: 0.75,
            decay: WeightDecay::none(),
            start: 1_000_000,
            steps: 0,
            mean: Vec::new(),
        })
    }

    /// With another decline λ of rate and parameters, and another power α of the decline.
    ///
    /// # Errors
    /// Numbers that are negative or not finite.
    pub fn with_decline(mut self, lambda: f64, alpha: f64) -> Result<Self> {
        require_not_negative("the decline lambda", lambda)?;
        require_not_negative("the power alpha of the decline", alpha)?;
        (self.lambda, self.alpha) = (lambda, alpha);
        Ok(self)
    }

    /// With averaging from another step on.
    ///
    /// # Errors
    /// A step beyond 2^53.
    pub fn with_start(mut self, start: u64) -> Result<Self> {
        if start > LARGEST_COUNT {
            return Err(Error::Option {
                option: "the start of averaging",
                value: start.to_string(),
                expected: "at most 2^53",
            });
        }
        self.start = start;
        Ok(self)
    }

    /// With weight decay as an L2 penalty.
    pub fn with_weight_decay(mut self, decay: WeightDecay) -> Self {
        self.decay = decay;
        self
    }

    /// Begins averaging now, unless it has begun.
    pub fn average_from_now(&mut self) {
        self.start = self.start.min(self.steps);
    }

    /// Calls `look` with the model at the mean; afterwards the model is again where it was.
    ///
    /// # Errors
    /// A model of another size than at earlier steps.
    pub fn at_mean<M: Parameters<T>, R>(
        &mut self,
        model: &mut M,
        look: impl FnOnce(&M) -> R,
    ) -> Result<R> {
        self.swap(model)?;
        let seen = look(model);
        self.swap(model)?;
        Ok(seen)
    }

    /// Sets the model to the mean; before the first step there is none, and the model stays as it is.
    ///
    /// # Errors
    /// A model of another size than at earlier steps.
    pub fn write_mean(&self, model: &mut dyn Parameters<T>) -> Result<()> {
        if self.steps == 0 {
            return Ok(());
        }
        visit_ranges(model, self.mean.len(), &mut |range, parameter| {
            parameter.values.copy_from_slice(&self.mean[range]);
        })
    }

    fn swap(&mut self, model: &mut dyn Parameters<T>) -> Result<()> {
        // A first step that failed may have left a mean of zeros.
        if self.steps == 0 {
            return Ok(());
        }
        let mean = &mut self.mean;
        visit_ranges(model, mean.len(), &mut |range, parameter| {
            parameter.values.swap_with_slice(&mut mean[range]);
        })
    }
}

impl<T: Element> Optimiser<T> for AveragedSgd<T> {
    fn step(&mut self, model: &mut dyn Parameters<T>, gradient: &[T]) -> Result<()> {
        require_memory(model, gradient, [&mut self.mean])?;
        let _mode = FlushDenormals::new();
        let before = self.steps as f64;
        let eta = self.rate / (1.0 + self.lambda * self.rate * before).powf(self.alpha);
        let keep = T::from_f64(1.0 - self.lambda * eta);
        let eta = T::from_f64(eta);
        let averaged = self.steps.saturating_sub(self.start);
        let share = T::from_f64(1.0 / averaged.max(1) as f64);
        let mean = &mut self.mean;
        (self.decay).visit(model, gradient.len(), &mut |range, decay, parameter| {
            let decay = T::from_f64(decay);
            let memory = mean[range.clone()].iter_mut().zip(&gradient[range]);
            for (value, (mean, &gradient)) in parameter.values.iter_mut().zip(memory) {
                let gradient = gradient + decay * *value;
                *value = keep * *value - eta * gradient;
                *mean = match averaged {
                    0 | 1 => *value,
                    _ => *mean + (*value - *mean) * share,
                };
            }
        })?;
        self.steps = self.steps.saturating_add(1);
        Ok(())
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
        let (steps, start) = (self.steps as f64, self.start as f64);
        OptimiserState::new(
            "averaged_sgd",
            &[("rate", self.rate), ("steps", steps), ("start", start)],
            &[("mean", &self.mean)],
        )
    }

    fn load_state(&mut self, state: &OptimiserState<T>) -> Result<()> {
        let ([rate, steps, start], [mean]) =
            state.open("averaged_sgd", ["rate", "steps", "start"], ["mean"])?;
        (self.rate, self.mean) = (rate, mean);
        (self.steps, self.start) = (steps as u64, start as u64);
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

    fn weight(model: &Linear<f64>) -> f64 {
        let mut weight = 0.0;
        model
            .visit(Name::ROOT, &mut |name, parameter| {
                if name.to_string() == "weight" {
                    weight = parameter.values[0];
                }
                Ok(())
            })
            .unwrap();
        weight
    }

    #[test]
    fn the_mean_is_that_of_the_places_passed_since_the_start() {
        let mut model = Linear::<f64>::new(1, 1, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
        let mut sgd = AveragedSgd::new(1.0)
            .unwrap()
            .with_decline(0.0, 0.0)
            .unwrap();
        assert_eq!(sgd.at_mean(&mut model, weight).unwrap(), 0.0);
        for _ in 0..3 {
            sgd.step(&mut model, &[-1.0, 0.0]).unwrap();
        }
        // Before the start the mean is the last place.
        assert_eq!(sgd.at_mean(&mut model, weight).unwrap(), 3.0);
        sgd.average_from_now();
        for _ in 0..4 {
            sgd.step(&mut model, &[-1.0, 0.0]).unwrap();
        }
        // PyTorch's μ is 1 at the first two steps after the start (places 4 and 5), then 1/2 and 1/3: (5 + 6 + 7) / 3.
        assert_eq!(sgd.at_mean(&mut model, weight).unwrap(), 6.0);
        assert_eq!(weight(&model), 7.0);
        sgd.write_mean(&mut model).unwrap();
        assert_eq!(weight(&model), 6.0);
    }

    #[test]
    fn a_first_step_that_failed_leaves_no_mean() {
        let mut model = Linear::<f64>::new(1, 1, Init::Constant(2.0), &mut Rng::new(0)).unwrap();
        let decay = WeightDecay::none().with("*wieght", 0.1).unwrap();
        let mut sgd = AveragedSgd::new(1.0).unwrap().with_weight_decay(decay);
        assert!(sgd.step(&mut model, &[1.0, 1.0]).is_err());
        assert_eq!(sgd.at_mean(&mut model, weight).unwrap(), 2.0);
        sgd.write_mean(&mut model).unwrap();
        assert_eq!(weight(&model), 2.0);
    }

    #[test]
    fn impossible_options_and_lengths_are_errors() {
        assert!(AveragedSgd::<f32>::new(0.0).is_err());
        let new = || AveragedSgd::<f32>::new(0.1).unwrap();
        assert!(new().with_decline(-1.0, 1.0).is_err());
        assert!(new().with_decline(1.0, f64::NAN).is_err());
        assert!(new().with_start(u64::MAX).is_err());
        let mut model = Linear::<f32>::new(1, 1, Init::Constant(1.0), &mut Rng::new(0)).unwrap();
        assert!(new().step(&mut model, &[0.0]).is_err());
    }
}
