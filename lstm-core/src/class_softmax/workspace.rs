//! What a call of the class softmax works with.

use faer::MatMut;
use lstm_kernels::Element;

use super::group::Group;
use super::{Classes, NO_CLASS};

/// The buffers of a [`ClassSoftmax`](crate::ClassSoftmax), to be used again and again; they grow to what calls need.
#[derive(Debug, Clone, Default)]
pub struct ClassWorkspace<T> {
    pub(super) plan: Plan,
    pub(super) class_scores: Vec<T>,
    /// The scores of one class's words.
    pub(super) word_scores: Vec<T>,
    pub(super) groups: Vec<Group<T>>,
    /// Logarithms of which only the mean is wanted.
    pub(super) logs: Vec<f64>,
}

/// The columns of a call, sorted by the classes of their targets.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    class_targets: Vec<u32>,
    /// The counted columns.
    columns: Vec<usize>,
}

impl Plan {
    /// Sorts the columns of these targets, all but those with the ignored one.
    pub(super) fn fill(&mut self, classes: &Classes, targets: &[u32], ignored: Option<u32>) {
        let class = |&target: &u32| match ignored == Some(target) {
            true => NO_CLASS,
            false => classes.class_of()[target as usize],
        };
        self.class_targets.clear();
        self.class_targets.extend(targets.iter().map(class));
        let Self {
            class_targets,
            columns,
        } = self;
        columns.clear();
        columns.extend((0..targets.len()).filter(|&column| class_targets[column] != NO_CLASS));
        columns.sort_by_key(|&column| class_targets[column]);
    }

    /// The class of every target.
    pub(super) fn class_targets(&self) -> &[u32] {
        &self.class_targets
    }

    /// How many columns are counted.
    pub(super) fn counted(&self) -> usize {
        self.columns.len()
    }

    /// The counted columns, class by class.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[usize]> + Send {
        let same = |a: &usize, b: &usize| self.class_targets[*a] == self.class_targets[*b];
        self.columns.chunk_by(same)
    }

    /// The class of a group.
    pub(super) fn class(&self, group: &[usize]) -> usize {
        self.class_targets[group[0]] as usize
    }

    /// The mean over all columns, from those of the groups.
    pub(super) fn mean<T>(&self, groups: &[Group<T>]) -> f64 {
        let pairs = self.groups().zip(groups);
        pairs
            .map(|(columns, group)| group.loss * self.share(columns))
            .sum()
    }

    /// The part of the counted columns that a group is.
    pub(super) fn share(&self, group: &[usize]) -> f64 {
        group.len() as f64 / self.columns.len() as f64
    }
}

/// A buffer as a matrix of this shape; what it holds is left over from earlier calls.
pub(super) fn shaped<T: Element>(
    buffer: &mut Vec<T>,
    rows: usize,
    columns: usize,
) -> MatMut<'_, T> {
    MatMut::from_column_major_slice_mut(sized(buffer, rows * columns), rows, columns)
}

/// A buffer as so many numbers; what it holds is left over from earlier calls.
pub(super) fn sized<T: Element>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::from_f64(0.0));
    }
    &mut buffer[..len]
}

/// A buffer as so many zeros.
pub(super) fn zeroed<T: Element>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    let buffer = sized(buffer, len);
    buffer.fill(T::from_f64(0.0));
    buffer
}
