//! Which steps are run, and which of them count, in truncated back-propagation through time.

use std::ops::Range;

use crate::error::{Error, Result, require_size};

/// Truncated back-propagation through time: an update every `k1` steps, whose gradient goes back through the last `k2`.
///
/// Every step's loss counts once. With k1 = k2 the windows lie side by side, as in most language models; with k2 > k1
/// they overlap, so that even the first loss that a window counts goes back through the k2 - k1 steps before it, where the
/// sequence has so many. This is BPTT(h; h') with h = k2 and h' = k1 of Williams & Peng 1990, "An efficient gradient-based
/// algorithm for on-line training of recurrent network trajectories", where activations of earlier updates are kept; here the
/// steps before the new ones are run once more with the parameters as they are, so the gradient is exactly that of the
/// window's loss given the state before it.
///
/// ```
/// # use lstm_core::truncated::Truncated;
/// # fn main() -> Result<(), lstm_core::Error> {
/// let windows: Vec<_> = Truncated::new(2, 5)?.windows(7).collect();
/// let steps: Vec<_> = windows.iter().map(|window| window.steps.clone()).collect();
/// assert_eq!(steps, [0..2, 0..4, 1..6, 2..7]);
/// let counted: Vec<_> = windows.iter().map(|window| window.counted.clone()).collect();
/// assert_eq!(counted, [0..2, 2..4, 4..6, 6..7]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    k1: usize,
    k2: usize,
}

/// The steps of one update.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// The steps that are run with a tape.
    pub steps: Range<usize>,
    /// The last of them, whose losses count.
    pub counted: Range<usize>,
    /// The first step of the next window, before which the state is to be kept; the end of this one if it is the last.
    pub next: usize,
}

impl Truncated {
    /// An update every `k1` steps through the last `k2`.
    ///
    /// # Errors
    /// A `k1` of zero; a `k2` below it, which would leave out losses.
    pub fn new(k1: usize, k2: usize) -> Result<Self> {
        require_size("k1, the steps from update to update,", k1)?;
        match k2 < k1 {
            true => Err(Error::Option {
                option: "k2, the steps through which a gradient goes back,",
                value: k2.to_string(),
                expected: "at least k1, the steps from update to update",
            }),
            false => Ok(Self { k1, k2 }),
        }
    }

    /// The steps from update to update.
    pub fn k1(self) -> usize {
        self.k1
    }

    /// The steps through which a gradient goes back.
    pub fn k2(self) -> usize {
        self.k2
    }

    /// The windows of a sequence of so many steps, in order. The last one counts what is left.
    pub fn windows(self, steps: usize) -> impl Iterator<Item = Window> {
        let counted = move |first: usize| first..first.saturating_add(self.k1).min(steps);
        let start = move |counted: &Range<usize>| counted.end.saturating_sub(self.k2);
        (0..steps).step_by(self.k1).map(move |first| {
            let counted_now = counted(first);
            let next = match counted_now.end == steps {
                true => steps,
                false => start(&counted(counted_now.end)),
            };
            Window {
                steps: start(&counted_now)..counted_now.end,
                counted: counted_now,
                next,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_counts_once_and_every_window_begins_in_the_one_before() {
        for (k1, k2) in [(1, 1), (1, 4), (2, 3), (3, 3), (4, 100)] {
            for steps in 0..12 {
                let windows: Vec<_> = Truncated::new(k1, k2).unwrap().windows(steps).collect();
                let counted: Vec<_> = windows.iter().flat_map(|it| it.counted.clone()).collect();
                assert_eq!(counted, (0..steps).collect::<Vec<_>>());
                for window in &windows {
                    assert_eq!(window.steps.end, window.counted.end);
                    assert_eq!(window.steps.len(), k2.min(window.counted.end));
                    assert!(window.steps.start <= window.counted.start);
                    assert!((window.steps.start..=window.steps.end).contains(&window.next));
                }
                for pair in windows.windows(2) {
                    assert_eq!(pair[0].next, pair[1].steps.start);
                }
                assert!(windows.last().is_none_or(|last| last.next == steps));
            }
        }
    }

    #[test]
    fn huge_and_impossible_numbers() {
        let all = Truncated::new(usize::MAX, usize::MAX).unwrap();
        let windows: Vec<_> = all.windows(3).collect();
        assert_eq!((windows.len(), windows[0].steps.clone()), (1, 0..3));
        let first = Truncated::new(2, 3).unwrap().windows(usize::MAX).next();
        assert_eq!(first.unwrap().counted, 0..2);
        assert!(Truncated::new(0, 3).is_err());
        let message = Truncated::new(3, 2).unwrap_err().to_string();
        assert!(
            message.contains("is 2, but must be at least k1"),
            "{message}"
        );
    }
}
