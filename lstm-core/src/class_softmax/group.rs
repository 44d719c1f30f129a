//! The columns whose targets are of one class: their part of the loss and of the gradients.

use std::ops::Range;

use faer::reborrow::*;
use faer::{MatMut, MatRef};
use lstm_kernels::Element;

use super::ClassSoftmax;
use super::products::Products;
use super::workspace::{shaped, sized, zeroed};
use crate::columns::add_to_column;
use crate::error::Result;
use crate::loss::CrossEntropy;
use crate::optim::sum_of_squares;

/// Buffers of a group, and what was computed of it.
#[derive(Debug, Clone)]
pub(super) struct Group<T> {
    /// The places of the class's words.
    pub(super) words: Range<usize>,
    /// The part of all counted columns that these are.
    pub(super) share: f64,
    x: Vec<T>,
    dx: Vec<T>,
    /// The scores of the words, or the slopes of the group's mean loss by them.
    scores: Vec<T>,
    /// The places of the targets within their class, one for each column.
    targets: Vec<u32>,
    /// Products from which the gradient's length is told.
    products: Vec<T>,
    /// The mean loss of these columns, where gradients are computed.
    pub(super) loss: f64,
    /// The loss of each column, where they are not.
    pub(super) losses: Vec<f64>,
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self {
            words: 0..0,
            share: 0.0,
            x: Vec::new(),
            dx: Vec::new(),
            scores: Vec::new(),
            targets: Vec::new(),
            products: Vec::new(),
            loss: 0.0,
            losses: Vec::new(),
        }
    }
}

/// A group at work.
pub(super) struct Job<'a, T> {
    pub(super) group: &'a mut Group<T>,
    pub(super) columns: &'a [usize],
}

impl<T: Element> Job<'_, T> {
    /// How long it takes, in comparison with others.
    pub(super) fn work(&self) -> usize {
        self.group.words.len() * self.columns.len()
    }

    /// Gathers the columns and computes the scores of the words.
    fn score(&mut self, head: &ClassSoftmax<T>, x: MatRef<'_, T>, targets: &[u32]) -> Result<()> {
        let group = &mut *self.group;
        let places = self.columns.iter().map(|&column| {
            // A place within a class is less than the number of words, which fits.
            (head.classes.place(targets[column]) - group.words.start) as u32
        });
        group.targets.clear();
        group.targets.extend(places);
        let mut own = shaped(&mut group.x, head.inputs, self.columns.len());
        for (own, &column) in own.rb_mut().col_iter_mut().zip(self.columns) {
            { own }.copy_from(x.col(column));
        }
        let scores = sized(&mut group.scores, group.words.len() * self.columns.len());
        for scores in scores.chunks_exact_mut(group.words.len()) {
            scores.copy_from_slice(&head.bias[group.words.clone()]);
        }
        let x = &group.x[..head.inputs * self.columns.len()];
        Products::new(head.inputs)?.add_scores(head.vectors(group.words.clone()), x, scores);
        Ok(())
    }

    /// What is lost by each column.
    pub(super) fn losses(
        mut self,
        head: &ClassSoftmax<T>,
        x: MatRef<'_, T>,
        targets: &[u32],
    ) -> Result<()> {
        self.score(head, x, targets)?;
        let group = self.group;
        let scores = shaped(&mut group.scores, group.words.len(), self.columns.len());
        let losses = &mut group.losses;
        losses.clear();
        CrossEntropy::new().for_losses(scores.rb(), &group.targets, |_, loss| losses.push(loss))
    }

    /// The slopes of the scores and, if asked for, of the columns. The gradient of the words is left as these factors.
    pub(super) fn gradient(
        mut self,
        head: &ClassSoftmax<T>,
        x: MatRef<'_, T>,
        targets: &[u32],
        wants_dx: bool,
    ) -> Result<()> {
        self.score(head, x, targets)?;
        let (group, columns) = (self.group, self.columns.len());
        let mut scores = shaped(&mut group.scores, group.words.len(), columns);
        group.loss = CrossEntropy::new().gradient(scores.rb_mut(), &group.targets)?;
        if wants_dx {
            // Loss and slopes are those of the group's mean; the group is a share of all.
            Products::new(head.inputs)?.send_back(
                head.vectors(group.words.clone()),
                &group.scores[..group.words.len() * columns],
                T::from_f64(group.share),
                sized(&mut group.dx, head.inputs * columns),
            );
        }
        Ok(())
    }
}

impl<T: Element> Group<T> {
    /// How long what is done with it takes, in comparison with other groups.
    pub(super) fn work(&self) -> usize {
        self.words.len() * self.targets.len()
    }

    /// Adds the gradient of these columns to those of `dx`, which begins with the `first` column, and may end before others.
    pub(super) fn add_dx(&self, columns: &[usize], first: usize, mut dx: MatMut<'_, T>) {
        for (&column, own) in columns.iter().zip(self.dx.chunks_exact(dx.nrows())) {
            if (first..first + dx.ncols()).contains(&column) {
                add_to_column(dx.rb_mut().col_mut(column - first), own);
            }
        }
    }

    /// Adds `scale` times the gradient of the words' vectors, and of their biases, to what is there.
    pub(super) fn add_words(
        &self,
        products: Products,
        scale: f64,
        weight: &mut [T],
        bias: &mut [T],
    ) {
        let (words, columns) = (self.words.len(), self.targets.len());
        let scale = T::from_f64(scale * self.share);
        let slopes = &self.scores[..words * columns];
        let x = &self.x[..weight.len() / words * columns];
        products.add_outer(x, slopes, scale, weight);
        for slopes in slopes.chunks_exact(words) {
            let both = bias.iter_mut().zip(slopes);
            both.for_each(|(bias, &slope)| *bias += scale * slope);
        }
    }

    /// The sum of the squares of the gradient of the words' vectors and biases.
    ///
    /// Those of a product G = X D' are the products of X'X and D'D, number by number, which are small where there are fewer
    /// columns than words; a bias is the weight of one more input, which is always 1.
    pub(super) fn squares(&mut self, products: Products, inputs: usize) -> f64 {
        let (words, columns) = (self.words.len(), self.targets.len());
        let (x, slopes) = (&self.x[..inputs * columns], &self.scores[..words * columns]);
        let sum = if words < columns {
            let weight = zeroed(&mut self.products, inputs * words);
            products.add_outer(x, slopes, T::from_f64(1.0), weight);
            let slopes = MatRef::from_column_major_slice(slopes, words, columns);
            let bias = |word| -> f64 { slopes.row(word).iter().map(|&slope| slope.to_f64()).sum() };
            sum_of_squares(weight) + (0..words).map(|word| bias(word).powi(2)).sum::<f64>()
        } else {
            let both = zeroed(&mut self.products, 2 * columns * columns);
            let (xx, dd) = both.split_at_mut(columns * columns);
            products.add_scores(x, x, xx);
            products.of_len(words).add_scores(slopes, slopes, dd);
            let pairs = xx.iter().zip(dd.iter());
            pairs
                .map(|(xx, dd)| (xx.to_f64() + 1.0) * dd.to_f64())
                .sum()
        };
        // Rounding may leave less than nothing of a sum that is zero; what is not a number stays so.
        let sum = if sum < 0.0 { 0.0 } else { sum };
        sum * self.share * self.share
    }
}
