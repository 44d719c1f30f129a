//! Random numbers whose stream is part of this crate's promise.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded source of random numbers: equal seeds give equal numbers on every machine and in every version.
///
/// The bits are ChaCha with 8 rounds, whose stream is specified; what is made of them is written out below and does
/// not depend on another crate's distributions.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// A source that is wholly determined by `seed`.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number from [0, 1), uniform over the multiples of 2^-53.
    pub fn unit(&mut self) -> f64 {
        // 53 bits are what an f64 holds without rounding.
        const ULP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * ULP
    }

    /// A number from [-limit, limit), uniform.
    pub fn symmetric(&mut self, limit: f64) -> f64 {
        (2.0 * self.unit() - 1.0) * limit
    }

    /// A number from the standard normal distribution, by the method of Box and Muller.
    pub fn normal(&mut self) -> f64 {
        // 1 - unit lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_streams_and_others_do_not() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            [(); 4].map(|()| rng.unit())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::new(1);
        let count = 20_000;
        let mean = |draw: &mut dyn FnMut() -> f64| {
            (0..count).map(|_| draw()).sum::<f64>() / f64::from(count)
        };
        // Five standard errors: sqrt(1/12/20000) = 0.002 for the uniform mean, sqrt(2/20000) = 0.01 for a normal's variance.
        assert!((mean(&mut || rng.unit()) - 0.5).abs() < 0.01);
        let mut rng = Rng::new(2);
        assert!((mean(&mut || rng.normal().powi(2)) - 1.0).abs() < 0.05);
    }
}
