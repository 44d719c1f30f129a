//! Where each step of each sample lies in a matrix, and numbers that threads share.

use std::ops::Range;

use crate::columns::Columns;
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::VectorPlace;
use crate::rt::prefetch::Lines;
use crate::rt::rows::Rows;

/// Columns of a matrix of which each belongs to a step of a sample, such as those of a sequence that a user gave: the first
/// element of the first one, and how far steps and samples are apart. Rows are contiguous.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnGrid<T> {
    pub base: *mut T,
    batch: usize,
    step: isize,
    sample: isize,
}

// SAFETY: threads read a matrix together, or write columns and rows that no other thread has; see `Share`.
unsafe impl<T: Send> Send for ColumnGrid<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for ColumnGrid<T> {}

/// Numbers of the caller to which threads add, each to places that no other thread has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedNumbers<T>(*mut T);

// SAFETY: as said above.
unsafe impl<T: Send> Send for SharedNumbers<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for SharedNumbers<T> {}

impl<T> SharedNumbers<T> {
    /// These numbers, which must outlive it.
    pub fn of(numbers: &mut [T]) -> Self {
        Self(numbers.as_mut_ptr())
    }

    /// The first of them.
    #[inline(always)]
    pub fn first(&self) -> *mut T {
        self.0
    }
}

impl<T> ColumnGrid<T> {
    /// So many steps and samples of a matrix whose columns are `stride` apart. All of them must lie inside.
    pub fn new(
        base: *const T,
        stride: isize,
        columns: Columns,
        steps: usize,
        batch: usize,
    ) -> Self {
        // What lies outside belongs to a step or sample that there is not.
        let distance = |columns: isize| columns.wrapping_mul(stride);
        let (step, sample) = (distance(columns.step()), distance(columns.sample()));
        // A single sample is evenly spaced whatever the distance of samples, and so is a single step.
        let sample = if batch == 1 { step } else { sample };
        let step = if steps == 1 {
            sample.wrapping_mul(batch as isize)
        } else {
            step
        };
        let first = columns.column(0, 0).unwrap_or(0) as isize;
        ColumnGrid {
            base: base.cast_mut().wrapping_offset(distance(first)),
            batch,
            step,
            sample,
        }
    }

    /// Vectors with even spaces, each a column of its own.
    #[inline(always)]
    pub const fn even(base: *mut T, sample: isize) -> Self {
        ColumnGrid {
            base,
            batch: 1,
            step: sample,
            sample,
        }
    }

    /// No matrix at all.
    pub const fn none() -> Self {
        ColumnGrid {
            base: std::ptr::null_mut(),
            batch: 0,
            step: 0,
            sample: 0,
        }
    }

    /// From a sample to the next.
    #[inline(always)]
    pub fn sample(&self) -> isize {
        self.sample
    }

    /// Whether the distance from the last sample of a step to the first of the next is that from sample to sample. Then
    /// the columns of several steps are one range with even spaces.
    #[inline(always)]
    pub fn is_even(&self) -> bool {
        self.step == (self.batch as isize).wrapping_mul(self.sample)
    }

    /// The column of a step of a sample.
    #[inline(always)]
    pub fn column(&self, step: usize, sample: usize) -> *mut T {
        let place = step as isize * self.step + sample as isize * self.sample;
        self.base.wrapping_offset(place)
    }

    /// The first of some of the columns in order of steps and samples, `step * batch + sample`, and how many of them have
    /// even spaces: all, or those of the same step.
    #[inline(always)]
    pub fn run(&self, first: usize, most: usize) -> (*mut T, usize) {
        if self.is_even() {
            return (self.column(0, first), most);
        }
        let (step, sample) = (first / self.batch, first % self.batch);
        (self.column(step, sample), most.min(self.batch - sample))
    }
}

impl<T: Element> ColumnGrid<T> {
    /// The vectors of a step.
    #[inline(always)]
    pub fn vector(&self, step: usize) -> VectorPlace<T> {
        VectorPlace {
            base: self.column(step, 0),
            plane: 0,
            sample: self.sample,
        }
    }

    /// The rows of a group of units, of the samples of a step from one on.
    #[inline(always)]
    pub fn rows(
        &self,
        layout: &Layout,
        lead: usize,
        group: usize,
        (step, sample): (usize, usize),
    ) -> Rows<T> {
        if self.base.is_null() {
            return Rows::none();
        }
        Rows {
            base: self.column(step, sample).wrapping_add(group * layout.lanes),
            row: layout.leads[lead].units,
            sample: self.sample,
        }
    }

    /// The cache lines of some groups of units, of the samples of a step from one on; where blocks have several cells, those of
    /// the first.
    pub fn lines(
        &self,
        layout: &Layout,
        lead: usize,
        groups: Range<usize>,
        (step, samples): (usize, Range<usize>),
    ) -> Lines<T> {
        if self.base.is_null() {
            return Lines::NONE;
        }
        let rows = self.rows(layout, lead, groups.start, (step, samples.start));
        Lines::of_rows(rows, groups.len() * layout.lanes, samples.len())
    }
}
