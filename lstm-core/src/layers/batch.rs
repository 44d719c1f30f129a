//! What the columns of a batch of sequences mean.

use std::ops::Range;

use lstm_kernels::Columns;

use crate::error::{Error, Result};

/// The shape of a batch of sequences: how many steps and samples, how long each sample is, where one begins anew, and
/// which column of a matrix belongs to which step and sample.
///
/// Samples need not be sorted by length. The order of columns is time-major, `step * samples + sample`, or, with
/// [`batch_major`](Self::batch_major), `sample * steps + step`; layers work on either without copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    steps: usize,
    samples: usize,
    /// One for each sample, if they differ from `steps`.
    lengths: Option<Vec<usize>>,
    /// Steps before which a sample begins anew: (step, sample), in order.
    resets: Vec<(usize, usize)>,
    pub(super) is_batch_major: bool,
    is_reversed: bool,
}

impl Batch {
    /// So many samples of `steps` steps each.
    pub fn new(steps: usize, samples: usize) -> Self {
        Self {
            steps,
            samples,
            lengths: None,
            resets: Vec::new(),
            is_batch_major: false,
            is_reversed: false,
        }
    }

    /// Samples of these lengths, in any order; zero is a length, too. Matrices have room for the longest.
    pub fn ragged(lengths: &[usize]) -> Self {
        let steps = lengths.iter().copied().max().unwrap_or(0);
        Self {
            lengths: Some(lengths.to_vec()),
            ..Self::new(steps, lengths.len())
        }
    }

    /// Samples of these lengths in matrices with room for `steps` steps.
    ///
    /// # Errors
    /// A length above `steps`.
    pub fn padded(lengths: &[usize], steps: usize) -> Result<Self> {
        if let Some(sample) = lengths.iter().position(|&length| length > steps) {
            return Err(Error::BatchPlace {
                what: "the length",
                value: lengths[sample],
                sample,
                expected: format!("at most {steps}, the steps of the batch"),
            });
        }
        Ok(Self {
            steps,
            ..Self::ragged(lengths)
        })
    }

    /// With the columns of a sample side by side: column `sample * steps + step`.
    pub fn batch_major(mut self) -> Self {
        self.is_batch_major = true;
        self
    }

    /// With a sample that begins anew before `step`: whatever it carried is replaced by the initial state there, and no
    /// gradient goes back beyond it. A reset before step 0 discards the state that a call brings.
    ///
    /// # Errors
    /// A step or a sample that the batch does not have.
    pub fn reset(mut self, step: usize, sample: usize) -> Result<Self> {
        if sample >= self.samples || step >= self.steps {
            return Err(Error::BatchPlace {
                what: "a reset before step",
                value: step,
                sample,
                expected: format!("within {} steps of {} samples", self.steps, self.samples),
            });
        }
        if let Err(place) = self.resets.binary_search(&(step, sample)) {
            self.resets.insert(place, (step, sample));
        }
        Ok(self)
    }

    /// With all samples beginning anew at their first step, whatever state a call brings.
    pub fn fresh(mut self) -> Self {
        self.resets.retain(|&(step, _)| step > 0);
        if self.steps > 0 {
            let first = (0..self.samples).map(|sample| (0, sample));
            self.resets.splice(0..0, first);
        }
        self
    }

    /// Some of the steps of all samples as a batch of their own, whose columns lie side by side in a matrix of this batch:
    /// those of `steps`, from column `steps.start * samples`. Samples that end before have length zero there.
    ///
    /// # Errors
    /// Steps that the batch does not have; a batch that is batch-major, where the columns are apart, or reversed.
    pub fn part(&self, steps: Range<usize>) -> Result<Self> {
        let is_plain = !self.is_batch_major && !self.is_reversed;
        if !is_plain || steps.start > steps.end || steps.end > self.steps {
            return Err(Error::Option {
                option: "the part of the batch",
                value: format!("{steps:?}"),
                expected: "within the steps of a time-major batch that is not reversed",
            });
        }
        let part_of = |&length: &usize| length.clamp(steps.start, steps.end) - steps.start;
        let lengths = self.lengths.as_ref();
        let resets = self.resets.iter();
        Ok(Self {
            lengths: lengths.map(|lengths| lengths.iter().map(part_of).collect()),
            resets: resets
                .filter(|(step, _)| steps.contains(step))
                .map(|&(step, sample)| (step - steps.start, sample))
                .collect(),
            ..Self::new(steps.len(), self.samples)
        })
    }

    /// The same batch read from the last step of each sample to its first.
    pub fn reversed(mut self) -> Self {
        self.is_reversed = !self.is_reversed;
        self
    }

    /// Steps of the longest sample there is room for.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Columns of a matrix of this batch: steps times samples.
    pub fn columns(&self) -> usize {
        self.steps.saturating_mul(self.samples)
    }

    /// Steps of a sample; zero for one that does not exist.
    pub fn length(&self, sample: usize) -> usize {
        match &self.lengths {
            Some(lengths) => lengths.get(sample).copied().unwrap_or(0),
            None if sample < self.samples => self.steps,
            None => 0,
        }
    }

    /// The column of a step of a sample, without meaning for a place that the batch does not have.
    pub fn column(&self, step: usize, sample: usize) -> usize {
        match self.is_batch_major {
            true => sample.saturating_mul(self.steps).saturating_add(step),
            false => step.saturating_mul(self.samples).saturating_add(sample),
        }
    }

    /// The sample of a column.
    pub(super) fn sample_of(&self, column: usize) -> usize {
        match self.is_batch_major {
            true => column / self.steps,
            false => column % self.samples,
        }
    }

    /// Whether some columns are padding.
    pub fn has_padding(&self) -> bool {
        (0..self.samples).any(|sample| self.length(sample) < self.steps)
    }

    /// Calls `each` with every column that is padding.
    pub(crate) fn for_padding(&self, mut each: impl FnMut(usize)) {
        for sample in 0..self.samples {
            for step in self.length(sample)..self.steps {
                each(self.column(step, sample));
            }
        }
    }

    /// The column that a sample has at a place in the order in which a layer goes through it.
    pub(crate) fn column_in_turn(&self, turn: usize, sample: usize) -> usize {
        let step = match self.is_reversed {
            true => self.length(sample) - 1 - turn,
            false => turn,
        };
        self.column(step, sample)
    }

    /// How a recurrent layer goes through the batch, in segments of at most `longest` steps.
    pub(crate) fn schedule(&self, longest: usize) -> Schedule {
        let mut order: Vec<usize> = (0..self.samples).collect();
        order.sort_by_key(|&sample| std::cmp::Reverse(self.length(sample)));
        let resets = self.resets_in_turn(&order);
        let steps = order.first().map_or(0, |&sample| self.length(sample));
        let mut resets = resets.into_iter().peekable();
        let mut segments = Vec::new();
        let (mut first, mut samples) = (0, order.len());
        while first < steps {
            samples = order[..samples].partition_point(|&sample| self.length(sample) > first);
            let mut fresh = Vec::new();
            while let Some((_, place)) = resets.next_if(|&(turn, _)| turn == first) {
                fresh.push(place);
            }
            let shortest = self.length(order[samples - 1]);
            let next_reset = resets.peek().map_or(steps, |&(turn, _)| turn);
            let end = shortest
                .min(next_reset)
                .min(first.saturating_add(longest.max(1)));
            segments.push(Segment {
                first,
                steps: end - first,
                samples,
                fresh,
            });
            first = end;
        }
        let is_in_order = order.is_sorted();
        Schedule {
            order,
            segments,
            is_in_order,
        }
    }

    /// Resets as (turn, place in `order`), by turn. Those behind the end of a sample are none.
    fn resets_in_turn(&self, order: &[usize]) -> Vec<(usize, usize)> {
        let mut place = vec![0; self.samples];
        for (at, &sample) in order.iter().enumerate() {
            place[sample] = at;
        }
        let mut turns: Vec<_> = (self.resets.iter())
            .filter(|&&(step, sample)| step < self.length(sample))
            .map(|&(step, sample)| {
                // Backwards, the boundary before `step` is met behind it.
                let turn = match self.is_reversed && step > 0 {
                    true => self.length(sample) - step,
                    false => step,
                };
                (turn, place[sample])
            })
            .collect();
        turns.sort_unstable();
        turns
    }

    /// Where the columns of a segment lie, if they lie as evenly as kernels take them.
    pub(crate) fn even_columns(&self, schedule: &Schedule, segment: &Segment) -> Option<Columns> {
        let length = |place: usize| self.length(schedule.order[place]);
        let begins_at_once = !self.is_reversed || length(0) == length(segment.samples - 1);
        if !schedule.is_in_order || !begins_at_once {
            return None;
        }
        let columns = match self.is_batch_major {
            true => Columns::batch_major(self.steps),
            false => Columns::time_major(self.samples),
        };
        let columns = match self.is_reversed {
            true => columns.reversed(length(0)),
            false => columns,
        };
        Some(columns.skip_steps(segment.first))
    }
}

/// How a recurrent layer goes through a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The samples, the longest first.
    pub order: Vec<usize>,
    pub segments: Vec<Segment>,
    /// Whether the order is that of the batch.
    is_in_order: bool,
}

/// Steps during which the same samples run and none of them begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first of its steps, in the order in which they are taken.
    pub first: usize,
    pub steps: usize,
    /// How many samples run, the first ones of the schedule's order.
    pub samples: usize,
    /// Samples that begin anew before it, by their places in the order.
    pub fresh: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(batch: &Batch, longest: usize) -> Vec<(usize, usize, usize, Vec<usize>)> {
        let schedule = batch.schedule(longest);
        (schedule.segments.into_iter())
            .map(|s| (s.first, s.steps, s.samples, s.fresh))
            .collect()
    }

    #[test]
    fn a_segment_ends_where_a_sample_ends_or_begins_anew() {
        let batch = Batch::ragged(&[2, 5, 0, 5]);
        assert_eq!((batch.steps(), batch.columns()), (5, 20));
        assert_eq!(batch.schedule(9).order, [1, 3, 0, 2]);
        let expected = [(0, 2, 3, vec![]), (2, 3, 2, vec![])];
        assert_eq!(segments(&batch, 9), expected);
        let batch = batch.reset(3, 3).unwrap().reset(3, 0).unwrap();
        // Sample 0 has ended by step 3, so nothing begins anew there.
        let expected = [(0, 2, 3, vec![]), (2, 1, 2, vec![]), (3, 2, 2, vec![1])];
        assert_eq!(segments(&batch, 9), expected);
        let expected = [(0, 2, 3, vec![]), (2, 2, 2, vec![0]), (4, 1, 2, vec![])];
        let reset = Batch::ragged(&[2, 5, 0, 5]).reset(3, 1).unwrap().reversed();
        assert_eq!(segments(&reset, 2), expected);
    }

    #[test]
    fn every_real_column_is_taken_once() {
        for batch in [
            Batch::new(4, 3),
            Batch::new(4, 3).batch_major().reversed(),
            Batch::padded(&[3, 0, 4], 6).unwrap(),
            Batch::ragged(&[1, 4, 2]).batch_major().reversed().fresh(),
        ] {
            let schedule = batch.schedule(2);
            let mut seen = Vec::new();
            for segment in &schedule.segments {
                for turn in segment.first..segment.first + segment.steps {
                    let running = &schedule.order[..segment.samples];
                    seen.extend(running.iter().map(|&b| batch.column_in_turn(turn, b)));
                }
            }
            batch.for_padding(|column| seen.push(column));
            seen.sort_unstable();
            assert_eq!(seen, (0..batch.columns()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn columns_that_lie_evenly_are_found() {
        for (batch, is_even) in [
            (Batch::new(3, 2), true),
            (Batch::new(3, 2).batch_major(), true),
            (Batch::new(3, 2).reversed(), true),
            (Batch::new(3, 2).batch_major().reversed(), true),
            (Batch::padded(&[3, 3], 5).unwrap().reversed(), true),
            (Batch::ragged(&[3, 2, 0]), true),
            (Batch::ragged(&[2, 3]), false),
            (Batch::ragged(&[3, 2]).reversed(), false),
        ] {
            let schedule = batch.schedule(2);
            for segment in &schedule.segments {
                let Some(columns) = batch.even_columns(&schedule, segment) else {
                    assert!(!is_even, "{batch:?}");
                    continue;
                };
                for step in 0..segment.steps {
                    for (place, &sample) in schedule.order[..segment.samples].iter().enumerate() {
                        let expected = batch.column_in_turn(segment.first + step, sample);
                        assert_eq!(columns.column(step, place), Some(expected), "{batch:?}");
                    }
                }
            }
            let all = |segment| batch.even_columns(&schedule, segment).is_some();
            assert_eq!(schedule.segments.iter().all(all), is_even, "{batch:?}");
        }
    }

    #[test]
    fn places_that_do_not_exist_are_errors() {
        assert!(Batch::new(3, 2).reset(3, 0).is_err());
        assert!(Batch::new(3, 2).reset(0, 2).is_err());
        let message = Batch::padded(&[3, 5], 4).unwrap_err().to_string();
        assert_eq!(
            message,
            "the length 5 of sample 1 must be at most 4, the steps of the batch"
        );
        assert!(segments(&Batch::new(0, 3).fresh(), 1).is_empty());
        assert!(segments(&Batch::ragged(&[]), 1).is_empty());
    }
}
