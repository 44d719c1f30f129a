//! What the columns of a batch of sequences mean.

mod schedule;

use std::ops::Range;

pub(crate) use schedule::{Schedule, Segment};

use crate::error::{Error, Result};

/// The shape of a batch of sequences: how many steps and samples, how long each sample is, where one begins anew, and
/// which column of a matrix belongs to which step and sample.
///
/// Samples need not be sorted by length. The order of columns is time-major, `step * samples + sample`, or, with
/// [`batch_major`](Self::batch_major), `sample * steps + step`; layers work on either without copying.
///
/// Batches are equal if every layer goes through them alike, however they were made: samples that all have the length
/// `steps` are as good as no lengths, and a reset behind the end of a sample is none.
#[derive(Debug, Clone)]
pub struct Batch {
    steps: usize,
    samples: usize,
    /// One for each sample, if they differ from `steps`.
    lengths: Option<Vec<usize>>,
    /// Whether all samples begin anew before step 0.
    is_fresh: bool,
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
            is_fresh: false,
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
    /// gradient goes back beyond it. A reset before step 0 discards the state that a call brings, of a sample of no steps,
    /// too, which ends where it begins.
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

    /// With all samples beginning anew before step 0, whatever state a call brings.
    pub fn fresh(mut self) -> Self {
        self.is_fresh = true;
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
        // Not those behind the end of a sample: they would come to lie before the first step of a sample of no steps.
        let resets = self.resets().filter(|(step, _)| steps.contains(step));
        Ok(Self {
            lengths: lengths.map(|lengths| lengths.iter().map(part_of).collect()),
            is_fresh: self.is_fresh && steps.contains(&0),
            resets: resets
                .map(|(step, sample)| (step - steps.start, sample))
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
        let mut lengths = self.lengths.iter().flatten();
        lengths.any(|&length| length < self.steps)
    }

    /// Calls `each` with every column that is padding.
    pub(crate) fn for_padding(&self, mut each: impl FnMut(usize)) {
        for (sample, &length) in self.lengths.iter().flatten().enumerate() {
            for step in length..self.steps {
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

    /// The resets that mean something, (step, sample), but for those that [`fresh`](Self::fresh) stands for: not those behind
    /// the end of a sample.
    fn resets(&self) -> impl Iterator<Item = (usize, usize)> {
        let is_met = |&&(step, sample): &&(usize, usize)| match step {
            0 => !self.is_fresh,
            _ => step < self.length(sample),
        };
        self.resets.iter().filter(is_met).copied()
    }

    /// The same with those before step 0 of a batch that is fresh.
    fn all_resets(&self) -> impl Iterator<Item = (usize, usize)> {
        let fresh = if self.is_fresh { self.samples } else { 0 };
        let first = (0..fresh).map(|sample| (0, sample));
        first.chain(self.resets())
    }
}

impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        let shape = |batch: &Self| {
            let Self { steps, samples, .. } = *batch;
            (steps, samples, batch.is_batch_major, batch.is_reversed)
        };
        let have_equal_lengths = match (&self.lengths, &other.lengths) {
            (Some(own), Some(others)) => own == others,
            (None, None) => true,
            (one, another) => !(one.iter().chain(another).flatten()).any(|&len| len < self.steps),
        };
        let have_equal_resets = match self.is_fresh && other.is_fresh {
            true => self.resets().eq(other.resets()),
            false => self.all_resets().eq(other.all_resets()),
        };
        shape(self) == shape(other) && have_equal_lengths && have_equal_resets
    }
}

impl Eq for Batch {}

#[cfg(test)]
mod tests;
