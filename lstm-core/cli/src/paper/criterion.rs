//! When a task is solved.

use std::collections::VecDeque;

use lstm_core::{Cell, Error};

use super::network::{Deviation, Network};
use super::sequence::Sequence;

/// Whether outputs of a sequence are right.
pub type IsRight = fn(&Sequence, &[f64]) -> bool;

/// What a network must do for its task to count as solved.
pub enum Criterion {
    /// Of the last `window` training sequences at most `wrong` have an output off by `tolerance` or more, and over all of
    /// them the mean distance to the target is below `mean`.
    Recent {
        /// How many sequences are looked at.
        window: usize,
        /// How many may be wrong.
        wrong: usize,
        /// How far off an output may be.
        tolerance: f64,
        /// How far off outputs may be on average.
        mean: f64,
    },
    /// All of these sequences are right, looked at after every `every` training sequences.
    All {
        /// How often.
        every: u64,
        /// The sequences.
        sequences: Vec<Sequence>,
        /// What is right.
        is_right: IsRight,
    },
}

/// A criterion and what it has seen.
pub struct Judge {
    criterion: Criterion,
    recent: VecDeque<Deviation>,
    wrong: usize,
    /// Which of the sequences was wrong last: the one to look at first.
    suspect: usize,
}

impl Judge {
    /// A judge that has seen nothing.
    pub fn new(criterion: Criterion) -> Self {
        Self {
            criterion,
            recent: VecDeque::new(),
            wrong: 0,
            suspect: 0,
        }
    }

    /// Whether the network has solved the task with training sequence number `count`, which it missed by `deviation`.
    ///
    /// # Errors
    /// Test sequences that do not fit the network.
    pub fn solved<C: Cell>(
        &mut self,
        count: u64,
        deviation: Deviation,
        network: &mut Network<C>,
    ) -> Result<bool, Error> {
        match &self.criterion {
            &Criterion::Recent {
                window,
                wrong,
                tolerance,
                mean,
            } => {
                // A number that is none is wrong, too.
                let is_wrong = |seen: &Deviation| {
                    let is_right = seen.largest < tolerance;
                    usize::from(!is_right)
                };
                self.wrong += is_wrong(&deviation);
                self.recent.push_back(deviation);
                if self.recent.len() > window
                    && let Some(oldest) = self.recent.pop_front()
                {
                    self.wrong -= is_wrong(&oldest);
                }
                let average =
                    || self.recent.iter().map(|seen| seen.mean).sum::<f64>() / window as f64;
                Ok(self.recent.len() == window && self.wrong <= wrong && average() < mean)
            }
            Criterion::All {
                every,
                sequences,
                is_right,
            } => {
                if !count.is_multiple_of(*every) {
                    return Ok(false);
                }
                // In a network that has not learned it yet, one is wrong for long.
                let count = sequences.len();
                for index in (self.suspect..count).chain(0..self.suspect) {
                    let sequence = &sequences[index];
                    if !is_right(sequence, network.outputs(sequence)?) {
                        self.suspect = index;
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::Rng;
    use lstm_core::cells::Lstm1997;

    use super::*;
    use crate::paper::task::Task;
    use crate::paper::tasks::Adding;

    /// Tells a judge of the last three sequences how far off each was; it says when it is satisfied.
    fn solved(wrong: usize, deviations: &[f64]) -> Vec<bool> {
        let topology = Adding { lag: 8 }.topology();
        let mut network = Network::<Lstm1997>::new(&topology, &mut Rng::new(1)).unwrap();
        let mut judge = Judge::new(Criterion::Recent {
            window: 3,
            wrong,
            tolerance: 0.3,
            mean: 0.2,
        });
        let mut see = |(count, &off): (usize, &f64)| {
            let deviation = Deviation {
                largest: off,
                mean: off,
            };
            judge.solved(count as u64, deviation, &mut network).unwrap()
        };
        deviations.iter().enumerate().map(&mut see).collect()
    }

    #[test]
    fn the_last_sequences_count() {
        let all = solved(0, &[0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1]);
        assert_eq!(all, [false, false, true, false, false, false, true]);
        let but_one = solved(1, &[0.0, 0.0, 0.4, 0.4, 0.0, 0.0]);
        assert_eq!(but_one, [false, false, true, false, false, true]);
    }

    /// Whichever was wrong last and is looked at first, all have to be right.
    #[test]
    fn all_sequences_count() {
        let topology = Adding { lag: 8 }.topology();
        let mut network = Network::<Lstm1997>::new(&topology, &mut Rng::new(1)).unwrap();
        let sequences = |rights: [f64; 3]| {
            let sequence = |right| {
                let mut sequence = Sequence::default();
                sequence.clear(2);
                sequence.push(&[0.0, 0.0]);
                sequence.target([right]);
                sequence
            };
            rights.map(sequence).to_vec()
        };
        let criterion = |rights| Criterion::All {
            every: 2,
            sequences: sequences(rights),
            is_right: |sequence, _| sequence.targets() == [1.0],
        };
        let mut judge = Judge::new(criterion([1.0, 0.0, 1.0]));
        let none = Deviation {
            largest: 0.0,
            mean: 0.0,
        };
        let mut solved = |rights, count| {
            judge.criterion = criterion(rights);
            judge.solved(count, none, &mut network).unwrap()
        };
        for wrong in [1, 0, 2, 1] {
            let rights = [0, 1, 2].map(|index| f64::from(u8::from(index != wrong)));
            assert!(!solved(rights, 2), "{wrong}");
        }
        // Looked at after every second sequence.
        assert!(!solved([1.0; 3], 3));
        assert!(solved([1.0; 3], 4));
    }

    #[test]
    fn the_mean_counts_and_what_is_no_number_is_wrong() {
        assert_eq!(
            solved(0, &[0.2, 0.2, 0.2, 0.1]),
            [false, false, false, true]
        );
        assert_eq!(solved(0, &[0.1, 0.1, f64::NAN]), [false; 3]);
    }
}
