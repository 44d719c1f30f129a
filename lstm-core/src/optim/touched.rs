//! Gradients of large tables, of which a batch touches little.

use std::ops::Range;

use crate::error::{Error, Result, require_len};

/// Where a gradient may differ from zero: ranges of the flat slice, ascending and apart.
///
/// A batch of words touches few vectors of an [`Embedding`](crate::Embedding), and few classes of a
/// [`ClassSoftmax`](crate::ClassSoftmax). Whoever knows where the gradient may differ from zero saves the time to clear,
/// measure and apply the rest: [`clear`](Self::clear), [`clip_global_norm_at`](crate::optim::clip_global_norm_at) and
/// [`Optimiser::step_at`](crate::optim::Optimiser::step_at) go only there.
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
/// Sgd::new(0.5)?.step_at(&mut table, &gradient, &touched)?;
/// touched.clear(&mut gradient)?;
/// assert!(gradient.iter().all(|&value| value == 0.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    len: usize,
    ranges: Vec<Range<usize>>,
}

impl Touched {
    /// Nothing of a gradient of no length.
    pub fn new() -> Self {
        Self::default()
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
    pub fn clear<T: Default + Clone>(&self, gradient: &mut [T]) -> Result<()> {
        require_len("the gradient", self.len, gradient.len())?;
        for range in &self.ranges {
            gradient[range.clone()].fill(T::default());
        }
        Ok(())
    }

    /// The parts of the ranges that lie within `window`, counted from its start.
    pub(crate) fn within(&self, window: Range<usize>) -> impl Iterator<Item = Range<usize>> {
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
