//! The columns whose targets are of one class: their part of the loss and of the gradients.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, MatMut, MatRef, Par};
use lstm_kernels::Element;

use super::ClassSoftmax;
use super::workspace::shaped;
use crate::error::Result;
use crate::loss::CrossEntropy;

/// Buffers of a group, and what was computed of it.
#[derive(Debug, Clone)]
pub(super) struct Group<T> {
    x: Vec<T>,
    dx: Vec<T>,
    scores: Vec<T>,
    /// The places of the targets within their class.
    targets: Vec<u32>,
    /// The mean loss of these columns.
    pub(super) loss: f64,
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self {
            x: Vec::new(),
            dx: Vec::new(),
            scores: Vec::new(),
            targets: Vec::new(),
            loss: 0.0,
        }
    }
}

/// A group at work.
pub(super) struct Job<'a, T> {
    pub(super) group: &'a mut Group<T>,
    pub(super) columns: &'a [usize],
    pub(super) words: Range<usize>,
}

/// Where the gradients of a group's words go, and the factor that they take.
pub(super) struct Gradients<'a, T> {
    pub(super) weight: &'a mut [T],
    pub(super) bias: &'a mut [T],
    pub(super) share: T,
}

impl<T: Element> Job<'_, T> {
    /// Gathers the columns and computes the scores of the words.
    fn score(&mut self, head: &ClassSoftmax<T>, x: MatRef<'_, T>, targets: &[u32]) {
        let group = &mut *self.group;
        let places = self.columns.iter().map(|&column| {
            // A place within a class is less than the number of words, which fits.
            (head.classes.place(targets[column]) - self.words.start) as u32
        });
        group.targets.clear();
        group.targets.extend(places);
        let mut own = shaped(&mut group.x, head.inputs, self.columns.len());
        for (own, &column) in own.rb_mut().col_iter_mut().zip(self.columns) {
            { own }.copy_from(x.col(column));
        }
        let scores = shaped(&mut group.scores, self.words.len(), self.columns.len());
        head.score(self.words.clone(), own.rb(), scores);
    }

    pub(super) fn loss(
        mut self,
        head: &ClassSoftmax<T>,
        x: MatRef<'_, T>,
        targets: &[u32],
    ) -> Result<()> {
        self.score(head, x, targets);
        let group = self.group;
        let scores = shaped(&mut group.scores, self.words.len(), self.columns.len());
        group.loss = CrossEntropy::new().loss(scores.rb(), &group.targets)?;
        Ok(())
    }

    pub(super) fn gradient(
        mut self,
        head: &ClassSoftmax<T>,
        x: MatRef<'_, T>,
        targets: &[u32],
        gradients: Gradients<'_, T>,
        wants_dx: bool,
    ) -> Result<()> {
        self.score(head, x, targets);
        let (group, columns) = (self.group, self.columns.len());
        let mut scores = shaped(&mut group.scores, self.words.len(), columns);
        group.loss = CrossEntropy::new().gradient(scores.rb_mut(), &group.targets)?;
        // Loss and gradient are those of the group's mean; the group is a share of all.
        let Gradients {
            weight,
            bias,
            share,
        } = gradients;
        let dscores = scores.rb();
        matmul(
            MatMut::from_column_major_slice_mut(weight, head.inputs, self.words.len()),
            Accum::Add,
            shaped(&mut group.x, head.inputs, columns).rb(),
            dscores.transpose(),
            share,
            Par::Seq,
        );
        for dscores in dscores.col_iter() {
            let both = bias.iter_mut().zip(dscores.iter());
            both.for_each(|(bias, &dscore)| *bias += share * dscore);
        }
        if wants_dx {
            matmul(
                shaped(&mut group.dx, head.inputs, columns),
                Accum::Replace,
                head.matrix().subcols(self.words.start, self.words.len()),
                dscores,
                share,
                Par::Seq,
            );
        }
        Ok(())
    }
}

impl<T: Element> Group<T> {
    /// Adds the gradient of these columns to the columns of `dx`.
    pub(super) fn add_dx(&mut self, columns: &[usize], mut dx: MatMut<'_, T>) {
        let own = shaped(&mut self.dx, dx.nrows(), columns.len());
        for (&column, own) in columns.iter().zip(own.rb().col_iter()) {
            let target = dx.rb_mut().col_mut(column).iter_mut();
            (target.zip(own.iter())).for_each(|(target, &own)| *target += own);
        }
    }
}
