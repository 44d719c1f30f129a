//! The order in which samples are seen.

use crate::error::{Error, Result, require_size};
use crate::random::Rng;

/// Every sample once an epoch, in an order that seed and epoch determine.
///
/// The order of an epoch does not depend on those before it, so a [`Place`] is all there is to save.
///
/// ```
/// # use lstm_core::Order;
/// # fn main() -> Result<(), lstm_core::Error> {
/// let mut order = Order::new(10, 42)?;
/// let mut batch = Vec::new();
/// order.next_batch(4, &mut batch);
/// let mut resumed = Order::new(10, 42)?;
/// resumed.resume(order.place())?;
/// let mut same = Vec::new();
/// order.next_batch(4, &mut batch);
/// resumed.next_batch(4, &mut same);
/// assert_eq!(batch, same);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Order {
    /// None for samples in turn.
    seed: Option<u64>,
    place: Place,
    count: usize,
    /// The order of this epoch; empty for samples in turn.
    samples: Vec<usize>,
}

/// How far an [`Order`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// How many samples of the epoch have been seen.
    pub position: usize,
}

/// An order in words.
pub(crate) fn describe(count: usize, seed: Option<u64>) -> String {
    match seed {
        Some(seed) => format!("{count} samples with seed {seed}"),
        None => format!("{count} samples in turn"),
    }
}

impl Order {
    /// The order of `count` samples.
    ///
    /// # Errors
    /// No samples.
    pub fn new(count: usize, seed: u64) -> Result<Self> {
        Self::with_seed(count, Some(seed))
    }

    fn with_seed(count: usize, seed: Option<u64>) -> Result<Self> {
        require_size("the number of samples", count)?;
        let mut samples = Vec::new();
        if seed.is_some() && samples.try_reserve_exact(count).is_err() {
            return Err(Error::Option {
                option: "the number of samples",
                value: count.to_string(),
                expected: "small enough for this machine's memory",
            });
        }
        let mut order = Self {
            seed,
            place: Place {
                epoch: 0,
                position: 0,
            },
            count,
            samples,
        };
        order.shuffle();
        Ok(order)
    }

    /// The samples in turn, the same in every epoch: for streams whose state is carried from one sample to the next.
    ///
    /// # Errors
    /// No samples.
    pub fn sequential(count: usize) -> Result<Self> {
        Self::with_seed(count, None)
    }

    /// How many samples there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether every sample of the epoch has been seen.
    pub fn is_at_end(&self) -> bool {
        self.place.position == self.count
    }

    /// The seed it was made with; none if it is sequential.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// How far it has come.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Goes on from a place.
    ///
    /// # Errors
    /// A position beyond the samples; nothing is changed then.
    pub fn resume(&mut self, place: Place) -> Result<()> {
        if place.position > self.count {
            return Err(Error::Option {
                option: "the position in the epoch",
                value: place.position.to_string(),
                expected: "at most the number of samples",
            });
        }
        self.place = place;
        self.shuffle();
        Ok(())
    }

    /// Fills `batch` with the next `size` samples. The last batch of an epoch holds what is left, so no batch mixes
    /// epochs; a size of 0 counts as 1.
    pub fn next_batch(&mut self, size: usize, batch: &mut Vec<usize>) {
        if self.is_at_end() {
            self.place = Place {
                epoch: self.place.epoch.wrapping_add(1),
                position: 0,
            };
            self.shuffle();
        }
        let first = self.place.position;
        let last = first.saturating_add(size.max(1)).min(self.count);
        batch.clear();
        match self.seed {
            Some(_) => batch.extend_from_slice(&self.samples[first..last]),
            None => batch.extend(first..last),
        }
        self.place.position = last;
    }

    /// The order of this epoch: Fisher and Yates's, from the samples in turn.
    fn shuffle(&mut self) {
        let Some(seed) = self.seed else { return };
        let mut rng = Rng::stream(seed, self.place.epoch);
        self.samples.clear();
        self.samples.extend(0..self.count);
        for last in (1..self.samples.len()).rev() {
            let other = rng.below(last as u64 + 1) as usize;
            self.samples.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(order: &mut Order, count: usize) -> Vec<Vec<usize>> {
        let mut batch = Vec::new();
        let mut next = || {
            order.next_batch(3, &mut batch);
            batch.clone()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn every_epoch_has_every_sample_once_in_an_order_of_its_own() {
        let mut order = Order::new(7, 1).unwrap();
        let mut epochs = Vec::new();
        for epoch in 0..3 {
            let batches = batches(&mut order, 3);
            let sizes: Vec<_> = batches.iter().map(Vec::len).collect();
            assert_eq!((order.place().epoch, sizes), (epoch, vec![3, 3, 1]));
            let mut samples = batches.concat();
            epochs.push(samples.clone());
            samples.sort_unstable();
            assert_eq!(samples, [0, 1, 2, 3, 4, 5, 6]);
        }
        // Two of 5040 orders agree with a probability of 1/5040; these do not.
        assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2]);
        assert_ne!(
            epochs[0],
            batches(&mut Order::new(7, 2).unwrap(), 3).concat()
        );
    }

    #[test]
    fn samples_in_turn_are_the_same_in_every_epoch() {
        let mut order = Order::sequential(5).unwrap();
        let expected = [vec![0, 1, 2], vec![3, 4]].concat();
        for epoch in 0..2 {
            assert_eq!(batches(&mut order, 2).concat(), expected);
            assert_eq!((order.place().epoch, order.is_at_end()), (epoch, true));
        }
        // In turn there is nothing to remember, so the number may be any.
        assert_eq!(Order::sequential(usize::MAX).unwrap().count(), usize::MAX);
        assert!(Order::new(usize::MAX, 1).is_err());
    }

    #[test]
    fn a_place_anywhere_is_gone_on_from() {
        for passed in 0..7 {
            let mut order = Order::new(7, 1).unwrap();
            batches(&mut order, passed);
            let mut resumed = Order::new(7, 1).unwrap();
            resumed.resume(order.place()).unwrap();
            assert_eq!(batches(&mut order, 4), batches(&mut resumed, 4));
        }
    }

    #[test]
    fn the_order_of_a_seed_is_the_same_for_ever() {
        // Printed once by this crate: a training that was begun with an older version must go on in the same order.
        assert_eq!(
            [4, 1, 3, 5, 6, 0, 2],
            batches(&mut Order::new(7, 1).unwrap(), 3).concat()[..]
        );
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut counts = [[0i32; 3]; 3];
        for seed in 0..3000 {
            let mut batch = Vec::new();
            Order::new(3, seed).unwrap().next_batch(3, &mut batch);
            batch
                .iter()
                .enumerate()
                .for_each(|(place, &sample)| counts[place][sample] += 1);
        }
        // Five standard deviations of a binomial count: 5 sqrt(3000 * 1/3 * 2/3) = 129.
        let all = counts.as_flattened();
        assert!(
            all.iter().all(|count| (count - 1000).abs() < 129),
            "{counts:?}"
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(Order::new(0, 1).is_err());
        let mut order = Order::new(3, 1).unwrap();
        let beyond = Place {
            epoch: 0,
            position: 4,
        };
        assert!(order.resume(beyond).is_err());
        let mut batch = Vec::new();
        order.next_batch(0, &mut batch);
        assert_eq!(batch.len(), 1);
    }
}
