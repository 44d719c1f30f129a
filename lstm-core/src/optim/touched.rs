//! Gradients of large tables, of which a batch touches little.

use std::iter::from_fn;
use std::mem::take;
use std::ops::Range;

use lstm_kernels::Threads;

use crate::error::{Error, Result, require_len};
use crate::jobs::share;

/// Touched numbers of a window, at most: 128 KiB of `f32`, beside which it costs nothing to hand a window out.
const WINDOW: usize = 1 << 15;

/// Where a gradient may differ from zero: ranges of the flat slice, ascending and apart.
///
/// A batch of words touches few vectors of an [`Embedding`](crate::Embedding), and few classes of a
/// [`ClassSoftmax`](crate::ClassSoftmax). Whoever knows where the gradient may differ from zero saves the time to clear,
/// measure and apply the rest: [`clear`](Self::clear), [`clip_global_norm_at`](crate::optim::clip_global_norm_at),
/// [`Optimiser::step_at`](crate::optim::Optimiser::step_at) and
/// [`Optimiser::spend_at`](crate::optim::Optimiser::spend_at) go only there, on several threads if there are any.
///
/// ```
/// use lstm_core::optim::{Optimiser, Sgd, Touched};
/// use lstm_core::params::Parameters;
/// use lstm_core::{Embedding, Rng, init::Init};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let mut table = Embedding::<f32>::new(30_000, 2, Init::Uniform(0.1), &mut Rng::new(1))?;
/// let (ids, mut gradient) = ([7, 29_999, 7], vec![0.0; table.params_len()]);
/// let mut touched = Touched::new();
/// touched.set(gradient.len(), table.touched(&ids))?;
/// assert_eq!(touched.ranges(), [14..16, 59_998..60_000]);
/// table.backward(&ids, faer::Mat::full(2, 3, 1.0).as_ref(), &mut gradient)?;
/// Sgd::new(0.5)?.spend_at(&mut table, &mut gradient, &touched, 1.0)?;
/// assert!(gradient.iter().all(|&value| value == 0.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Touched {
    len: usize,
    ranges: Vec<Range<usize>>,
    threads: Option<Threads>,
}

impl Touched {
    /// Nothing of a gradient of no length.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets threads share what is done with the gradient. They change no bit of it.
    pub fn set_threads(&mut self, threads: &Threads) {
        self.threads = Some(threads.clone());
    }

    /// Sets the gradient's length and the ranges, which may come in any order and overlap.
    ///
    /// # Errors
    /// A range beyond the gradient; nothing is touched then.
    pub fn set(
        &mut self,
        len: usize,
        ranges: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<()> {
        self.len = len;
        self.ranges.clear();
        self.ranges.extend(ranges);
        if let Some(end) = (self.ranges.iter().map(|range| range.end)).find(|&end| end > len) {
            self.ranges.clear();
            return Err(Error::Option {
                option: "the end of a range of the gradient",
                value: end.to_string(),
                expected: "at most the gradient's length",
            });
        }
        self.ranges.retain(|range| !range.is_empty());
        self.ranges.sort_unstable_by_key(|range| range.start);
        self.ranges.dedup_by(|next, last| {
            let joins = next.start <= last.end;
            if joins {
                last.end = last.end.max(next.end);
            }
            joins
        });
        Ok(())
    }

    /// The ranges, ascending and apart.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// The length of the gradient.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing of the gradient is touched.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Sets these ranges of a gradient to zero.
    ///
    /// # Errors
    /// A gradient of another length.
    pub fn clear<T: Default + Clone + Send>(&self, gradient: &mut [T]) -> Result<()> {
        require_len("the gradient", self.len, gradient.len())?;
        self.edit(gradient, |part| part.fill(T::default()));
        Ok(())
    }

    /// Changes these ranges of a gradient of this length.
    pub(crate) fn edit<T: Send>(&self, gradient: &mut [T], change: impl Fn(&mut [T]) + Sync) {
        self.edit_within(0..self.len, gradient, |part, _| change(part));
    }

    /// Changes the numbers that belong to the touched ones of a stretch of the gradient, with their places in the gradient.
    pub(crate) fn edit_within<T: Send>(
        &self,
        stretch: Range<usize>,
        mut values: &mut [T],
        change: impl Fn(&mut [T], Range<usize>) + Sync,
    ) {
        let windows = self.windows(stretch).map(|window| {
            let (own, rest) = take(&mut values).split_at_mut(window.len());
            values = rest;
            (window, own)
        });
        share(self.threads(), windows, |(window, values)| {
            let start = window.start;
            for part in self.within(window) {
                change(
                    &mut values[part.clone()],
                    start + part.start..start + part.end,
                );
            }
        });
    }

    /// Changes the numbers that belong to the touched ones of a stretch of the gradient, together with these.
    pub(crate) fn edit_both<T: Send>(
        &self,
        stretch: Range<usize>,
        mut values: &mut [T],
        mut gradient: &mut [T],
        change: impl Fn(&mut [T], &mut [T]) + Sync,
    ) {
        let windows = self.windows(stretch).map(|window| {
            let (own, rest) = take(&mut values).split_at_mut(window.len());
            let (slopes, later) = take(&mut gradient).split_at_mut(window.len());
            (values, gradient) = (rest, later);
            (window, own, slopes)
        });
        share(self.threads(), windows, |(window, values, slopes)| {
            for part in self.within(window) {
                change(&mut values[part.clone()], &mut slopes[part]);
            }
        });
    }

    /// The sum of what `measure` finds in these ranges of a gradient of this length, in an order that the threads do not
    /// change.
    pub(crate) fn sum<T: Sync>(&self, gradient: &[T], measure: impl Fn(&[T]) -> f64 + Sync) -> f64 {
        let windows: Vec<_> = self.windows(0..self.len).collect();
        let mut sums = vec![0.0; windows.len()];
        share(
            self.threads(),
            windows.into_iter().zip(&mut sums),
            |(window, sum)| {
                let gradient = &gradient[window.clone()];
                *sum = self
                    .within(window)
                    .map(|part| measure(&gradient[part]))
                    .sum();
            },
        );
        sums.into_iter().sum()
    }

    /// The threads, if there is work for more than one.
    fn threads(&self) -> Option<&Threads> {
        let touched: usize = self.ranges.iter().map(Range::len).sum();
        self.threads.as_ref().filter(|_| touched > WINDOW)
    }

    /// Cuts a stretch of the gradient into windows, each of which has [`WINDOW`] touched numbers at most.
    fn windows(&self, stretch: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut start = stretch.start;
        from_fn(move || {
            let (mut end, mut room) = (stretch.end, WINDOW);
            for part in self.within(start..stretch.end) {
                if part.len() > room {
                    end = start + part.start + room;
                    break;
                }
                room -= part.len();
            }
            let window = start..end;
            start = end;
            (!window.is_empty()).then_some(window)
        })
    }

    /// The parts of the ranges that lie within `window`, counted from its start.
    fn within(&self, window: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let first = self
            .ranges
            .partition_point(|range| range.end <= window.start);
        let later = self.ranges[first..].iter();
        later
            .take_while(move |range| range.start < window.end)
            .map(move |range| {
                let end = range.end.min(window.end);
                range.start.max(window.start) - window.start..end - window.start
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(ranges: &[Range<usize>]) -> Touched {
        let mut touched = Touched::new();
        touched.set(40, ranges.iter().cloned()).unwrap();
        touched
    }

    #[test]
    fn ranges_are_sorted_and_joined() {
        let some = touched(&[8..9, 2..4, 3..6, 6..7, 5..5, 20..30]);
        assert_eq!(some.ranges(), [2..7, 8..9, 20..30]);
        assert_eq!((some.len(), some.is_empty()), (40, false));
        assert!(touched(&[3..3, 9..9]).is_empty());
    }

    #[test]
    fn a_window_sees_its_parts() {
        let some = touched(&[2..7, 8..9, 20..30]);
        let within = |window| some.within(window).collect::<Vec<_>>();
        assert_eq!(within(0..40), some.ranges());
        assert_eq!(within(3..9), [0..4, 5..6]);
        assert_eq!(within(8..25), [0..1, 12..17]);
        assert_eq!(within(9..20), []);
    }

    #[test]
    fn windows_cover_a_stretch_and_have_little_to_do_each() {
        let mut some = Touched::new();
        let ranges = [3..4, 10..11, 20..20 + 2 * WINDOW, 90_000..90_001];
        some.set(100_000, ranges.clone()).unwrap();
        for stretch in [0..100_000, 15..80_000, 4..10, 7..7] {
            let (mut end, mut touched) = (stretch.start, 0);
            for window in some.windows(stretch.clone()) {
                assert!(window.start == end && window.end > end, "{window:?}");
                let count: usize = some.within(window.clone()).map(|part| part.len()).sum();
                assert!(count <= WINDOW, "{window:?}");
                (end, touched) = (window.end, touched + count);
            }
            let within = |range: &Range<usize>| {
                let end = range.end.min(stretch.end);
                end.saturating_sub(range.start.max(stretch.start))
            };
            assert_eq!(end, stretch.end);
            assert_eq!(touched, ranges.iter().map(within).sum::<usize>());
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let len = 5 * WINDOW + 3;
        let values: Vec<f64> = (0..len).map(|index| (index as f64).sin()).collect();
        let work = |threads: Option<usize>| {
            let mut some = Touched::new();
            let ranges = (0..len / 7).map(|index| 7 * index..7 * index + 5);
            some.set(len, ranges.chain(std::iter::once(len - WINDOW..len)))
                .unwrap();
            if let Some(count) = threads {
                some.set_threads(&Threads::new(count).unwrap());
            }
            let mut edited = values.clone();
            some.edit(&mut edited, |part| {
                part.iter_mut().for_each(|value| *value *= 1.5)
            });
            some.edit_within(1..len - 1, &mut edited[1..len - 1], |part, at| {
                assert_eq!(part.len(), at.len());
                part.iter_mut()
                    .zip(at)
                    .for_each(|(value, at)| *value += at as f64);
            });
            let mut others = values.clone();
            let both = (&mut edited[1..len - 1], &mut others[1..len - 1]);
            some.edit_both(1..len - 1, both.0, both.1, |part, others| {
                let pairs = part.iter_mut().zip(others);
                pairs.for_each(|(value, other)| *value += std::mem::take(other));
            });
            let sum = some.sum(&edited, |part| part.iter().sum());
            some.clear(&mut edited[..]).unwrap();
            (sum.to_bits(), edited, others)
        };
        let alone = work(None);
        assert_eq!(alone.1[5], values[5]);
        assert!(alone.1[..5].iter().all(|&value| value == 0.0));
        assert_eq!((alone.2[..6]), [values[0], 0.0, 0.0, 0.0, 0.0, values[5]]);
        for threads in 1..=3 {
            assert_eq!(work(Some(threads)), alone, "{threads} threads");
        }
    }

    #[test]
    fn what_is_touched_is_cleared_and_nothing_else() {
        let mut gradient = vec![1.0; 40];
        let mut some = touched(&[0..2, 39..40]);
        some.clear(&mut gradient).unwrap();
        assert_eq!(gradient.iter().sum::<f64>(), 37.0);
        assert_eq!((gradient[0], gradient[1], gradient[39]), (0.0, 0.0, 0.0));
        assert!(some.clear(&mut gradient[1..]).is_err());
        assert!(some.set(40, [0..1, 39..41]).is_err() && some.is_empty());
    }
}
