//! How likely words are: of the targets, and of all.

use std::mem;
use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, MatMut, MatRef, Par};
use lstm_kernels::Element;

use super::group::Job;
use super::workspace::shaped;
use super::{ClassSoftmax, ClassWorkspace, NO_CLASS};
use crate::columns::fill_columns;
use crate::error::{Result, require_len, require_shape};
use crate::jobs::{largest_first, try_share};
use crate::loss::{CrossEntropy, log_softmax_columns};

impl<T: Element> ClassSoftmax<T> {
    /// The mean over the counted columns of `-ln p(target | x)`, in nats; 0 if there are none. `x` is `inputs x n`,
    /// `targets` holds n words.
    ///
    /// # Errors
    /// A length or a target that does not fit, or no columns.
    pub fn loss(
        &self,
        x: MatRef<'_, T>,
        targets: &[u32],
        workspace: &mut ClassWorkspace<T>,
    ) -> Result<f64> {
        let mut logs = mem::take(&mut workspace.logs);
        logs.resize(targets.len(), 0.0);
        self.log_likelihoods(x, targets, &mut logs, workspace)?;
        let total: f64 = logs.iter().sum();
        workspace.logs = logs;
        Ok(-total / workspace.plan.counted().max(1) as f64)
    }

    /// `logs[j]` becomes ln p(`targets[j]` | column j of `x`), in nats, and 0 where the target is not counted.
    ///
    /// # Errors
    /// As [`loss`](Self::loss), and another number of logarithms than targets.
    pub fn log_likelihoods(
        &self,
        x: MatRef<'_, T>,
        targets: &[u32],
        logs: &mut [f64],
        workspace: &mut ClassWorkspace<T>,
    ) -> Result<()> {
        self.require_targets(x, targets)?;
        require_len("the slice of logarithms", targets.len(), logs.len())?;
        let ClassWorkspace {
            plan,
            class_scores,
            groups,
            ..
        } = workspace;
        plan.fill(&self.classes, targets, self.ignored);
        let scores = self.score_classes(x, class_scores)?;
        logs.fill(0.0);
        let cross_entropy = CrossEntropy::new().with_ignored(NO_CLASS);
        cross_entropy.for_losses(scores.rb(), plan.class_targets(), |column, loss| {
            logs[column] = -loss;
        })?;
        let jobs = largest_first(self.jobs(plan, groups), Job::work);
        try_share(self.threads.as_ref(), jobs, |job| {
            job.losses(self, x, targets)
        })?;
        for (columns, group) in plan.groups().zip(groups) {
            for (&column, loss) in columns.iter().zip(&group.losses) {
                logs[column] -= loss;
            }
        }
        Ok(())
    }

    /// The logarithms of the probabilities of all words, in nats: `x` is `inputs x n`, `y` is `words x n`, its rows in the
    /// order of the words' ids.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn log_probabilities(
        &self,
        x: MatRef<'_, T>,
        mut y: MatMut<'_, T>,
        workspace: &mut ClassWorkspace<T>,
    ) -> Result<()> {
        self.require_inputs(x)?;
        require_shape(
            "the output of `ClassSoftmax::log_probabilities`",
            (self.classes.words(), x.ncols()),
            y.shape(),
        )?;
        let ClassWorkspace {
            class_scores,
            word_scores,
            ..
        } = workspace;
        let mut class_logs = self.score_classes(x, class_scores)?;
        log_softmax_columns(class_logs.rb_mut())?;
        for class in 0..self.classes.len() {
            let words = self.classes.block(class);
            let mut logs = shaped(word_scores, words.len(), x.ncols());
            self.score(words.clone(), x, logs.rb_mut());
            log_softmax_columns(logs.rb_mut())?;
            for column in 0..x.ncols() {
                let of_class = class_logs[(class, column)];
                for (row, &word) in self.classes.order()[words.clone()].iter().enumerate() {
                    y[(word as usize, column)] = of_class + logs[(row, column)];
                }
            }
        }
        Ok(())
    }

    /// The scores of all classes for every column of `x`.
    pub(super) fn score_classes<'a>(
        &self,
        x: MatRef<'_, T>,
        scores: &'a mut Vec<T>,
    ) -> Result<MatMut<'a, T>> {
        let mut scores = shaped(scores, self.classes.len(), x.ncols());
        self.class.apply(x, scores.rb_mut())?;
        Ok(scores)
    }

    /// The scores of a block of words for every column of `x`.
    fn score(&self, words: Range<usize>, x: MatRef<'_, T>, mut scores: MatMut<'_, T>) {
        fill_columns(scores.rb_mut(), &self.bias[words.clone()]);
        let (inputs, count, one) = (self.inputs, words.len(), T::from_f64(1.0));
        let vectors = MatRef::from_column_major_slice(self.vectors(words), inputs, count);
        matmul(scores, Accum::Add, vectors.transpose(), x, one, Par::Seq);
    }
}
