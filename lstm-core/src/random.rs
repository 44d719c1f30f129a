//! Random numbers whose stream is part of this crate's promise.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded source of random numbers: equal seeds give equal numbers on every machine and in every version.
///
/// The bits are ChaCha with 8 rounds, whose stream is specified; what is made of them is written out below and does
/// not depend on another crate's distributions.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

/// Where an [`Rng`] stands: all that is needed to go on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RngState {
    /// The key that the seed was spread to.
    pub key: [u8; 32],
    /// The stream of the seed.
    pub stream: u64,
    /// How many words of 32 bits have been drawn, modulo 2^68, after which a stream repeats itself.
    pub position: u128,
}

impl RngState {
    /// A state of these parts; bits of the position beyond the 68th mean nothing and are dropped.
    pub fn new(key: [u8; 32], stream: u64, position: u128) -> Self {
        let position = position % (1 << 68);
        Self {
            key,
            stream,
            position,
        }
    }
}

impl Rng {
    /// A source that is wholly determined by `seed`.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// One of 2^64 independent streams that belong to `seed`; stream 0 is that of [`new`](Self::new).
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut bits = ChaCha8Rng::seed_from_u64(seed);
        bits.set_stream(stream);
        Self(bits)
    }

    /// A source of its own for a part of the work, determined by the next number of this one. Parts that draw from
    /// sources of their own give the same numbers in whatever order they run.
    pub fn split(&mut self) -> Self {
        Self(ChaCha8Rng::seed_from_u64(self.0.next_u64()))
    }

    /// Where it stands, for checkpoints.
    pub fn state(&self) -> RngState {
        RngState::new(
            self.0.get_seed(),
            self.0.get_stream(),
            self.0.get_word_pos(),
        )
    }

    /// The source that goes on from where another one stood when [`state`](Self::state) was called, to the bit.
    ///
    /// ```
    /// # use lstm_core::Rng;
    /// let mut rng = Rng::new(7);
    /// rng.normal();
    /// let mut resumed = Rng::from_state(&rng.state());
    /// assert_eq!(resumed.unit(), rng.unit());
    /// ```
    pub fn from_state(state: &RngState) -> Self {
        let mut bits = ChaCha8Rng::from_seed(state.key);
        bits.set_stream(state.stream);
        bits.set_word_pos(state.position);
        Self(bits)
    }

    /// A whole number from 0 to `count` - 1, uniform; 0 if `count` is 0.
    pub fn below(&mut self, count: u64) -> u64 {
        // The product of a draw and the count, shifted down by 64 bits, is uniform but for the draws that fall into the
        // lowest 2^64 mod count places of an interval; those are drawn again (Lemire 2019).
        let rest = count.wrapping_neg().checked_rem(count).unwrap_or(0);
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(count);
            if product as u64 >= rest {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number from [0, 1), uniform over the multiples of 2^-53.
    pub fn unit(&mut self) -> f64 {
        // 53 bits are what an f64 holds without rounding.
        const ULP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * ULP
    }

    /// Whether an event of this probability, from 0 to 1, happens; probabilities are rounded to multiples of 2^-32.
    pub fn chance(&mut self, probability: f64) -> bool {
        u64::from(self.0.next_u32()) < below(probability)
    }

    /// Many independent [`chance`](Self::chance)s, the same as one after the other.
    pub fn chances(&mut self, probability: f64, happen: &mut [bool]) {
        const WORDS: usize = 64;
        let below = below(probability);
        let mut bytes = [0; 4 * WORDS];
        for happen in happen.chunks_mut(WORDS) {
            let bytes = &mut bytes[..4 * happen.len()];
            self.0.fill_bytes(bytes);
            let (words, _) = bytes.as_chunks();
            match u32::try_from(below) {
                Ok(below) => {
                    for (happens, &word) in happen.iter_mut().zip(words) {
                        *happens = u32::from_le_bytes(word) < below;
                    }
                }
                // All words are below 2^32; they are drawn for the sake of the stream.
                Err(_) => happen.fill(true),
            }
        }
    }

    /// A copy that has drawn so many [`chance`](Self::chance)s more, in no time: threads that begin at places of their own draw
    /// what one would draw alone.
    pub(crate) fn after_chances(&self, count: usize) -> Self {
        let mut bits = self.0.clone();
        bits.set_word_pos(bits.get_word_pos().wrapping_add(count as u128));
        Self(bits)
    }

    /// A number from [-limit, limit), uniform.
    pub fn symmetric(&mut self, limit: f64) -> f64 {
        (2.0 * self.unit() - 1.0) * limit
    }

    /// No number from the standard normal distribution is further from zero: sqrt(-2 ln 2^-53) is 8.6.
    pub(crate) const LARGEST_NORMAL: f64 = 9.0;

    /// A number from the standard normal distribution, by the method of Box and Muller.
    pub fn normal(&mut self) -> f64 {
        // 1 - unit lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// The number of words of 32 bits that stand for an event of this probability; at most 2^32, so whole numbers are compared.
fn below(probability: f64) -> u64 {
    (probability * 4_294_967_296.0) as u64
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
    fn streams_of_a_seed_differ_and_the_first_is_the_seed_itself() {
        let draw = |mut rng: Rng| [(); 4].map(|()| rng.unit());
        assert_eq!(draw(Rng::new(7)), draw(Rng::stream(7, 0)));
        assert_ne!(draw(Rng::stream(7, 1)), draw(Rng::stream(7, 2)));
    }

    #[test]
    fn every_state_is_gone_on_from() {
        // Beyond 16 words a block ends, beyond 64 the buffer of the source.
        let mut rng = Rng::stream(7, 3);
        for drawn in 0..100 {
            let state = rng.state();
            assert_eq!(state.position, 2 * drawn);
            let mut resumed = Rng::from_state(&state);
            assert_eq!(resumed.state(), state);
            let (mut ahead, mut same) = (rng.clone(), || resumed.unit());
            assert_eq!([(); 70].map(|()| ahead.unit()), [(); 70].map(|()| same()));
            rng.unit();
        }
        // The end of a stream: from here on it begins anew.
        let state = RngState::new([1; 32], u64::MAX, u128::MAX);
        assert_eq!(state.position, (1 << 68) - 1);
        let mut last = Rng::from_state(&state);
        last.unit();
        assert_eq!(last.state().position, 1);
    }

    #[test]
    fn whole_numbers_are_uniform() {
        let mut rng = Rng::new(3);
        let mut counts = [0i32; 6];
        (0..6000).for_each(|_| counts[rng.below(6) as usize] += 1);
        // Five standard deviations of a binomial count: 5 sqrt(6000 * 1/6 * 5/6) = 144.
        assert!(
            counts.iter().all(|count| (count - 1000).abs() < 144),
            "{counts:?}"
        );
        assert_eq!(rng.below(1), 0);
        assert_eq!(rng.below(0), 0);
        assert!(rng.below(u64::MAX) < u64::MAX);
    }

    #[test]
    fn chances_happen_as_often_as_they_should() {
        let mut rng = Rng::new(5);
        for probability in [0.0, 0.2, 0.5, 1.0] {
            let count = (0..10_000).filter(|_| rng.chance(probability)).count() as f64;
            // Five standard deviations of a binomial count are 5 sqrt(10,000 · 1/4) = 250 at most.
            assert!((count - 10_000.0 * probability).abs() <= 250.0, "{count}");
        }
        assert!((0..10_000).all(|_| !rng.chance(0.0) && rng.chance(1.0)));
    }

    #[test]
    fn many_chances_are_one_after_the_other() {
        let (mut many, mut single) = (Rng::new(9), Rng::new(9));
        for count in [1, 63, 64, 65, 300] {
            let mut happen = vec![false; count];
            many.chances(0.3, &mut happen);
            assert!(happen.iter().all(|&happens| happens == single.chance(0.3)));
            assert_eq!(many.state(), single.state());
        }
    }

    #[test]
    fn chances_are_skipped_as_if_they_were_drawn() {
        // The last begins where a stream does anew.
        let last = Rng::from_state(&RngState::new([1; 32], 0, u128::MAX));
        for start in [Rng::new(9), last] {
            for count in [0, 1, 15, 16, 63, 64, 1000] {
                let mut drawn = start.clone();
                (0..count).for_each(|_| _ = drawn.chance(0.5));
                let mut skipped = start.after_chances(count);
                assert_eq!(skipped.state(), drawn.state());
                assert_eq!(skipped.unit(), drawn.unit());
            }
        }
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
