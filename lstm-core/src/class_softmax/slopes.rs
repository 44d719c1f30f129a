//! The gradient of the words' parameters, in factors.

use lstm_kernels::{Element, Threads};

use super::ClassSoftmax;
use super::group::Group;
use super::products::Products;
use crate::error::{Error, Result, require_shape};
use crate::jobs::{largest_first, share, take_blocks};

/// The gradient of the words' vectors and biases that [`ClassSoftmax::gradient_in_factors`] has found: for each class the
/// inputs of its columns and the slopes of its scores, whose product it is.
///
/// A batch has few targets in a class of many words, so these are small where the product is a large part of the words'
/// matrix. Its length is told from the factors, and [`descend`](Self::descend) multiplies them out into the parameters: a
/// plain step of descent reads and writes these once, and no gradient of their size is ever in memory.
#[derive(Debug)]
pub struct WordSlopes<'a, T> {
    pub(super) groups: &'a mut [Group<T>],
    /// The shape of the words' matrix.
    pub(super) shape: (usize, usize),
    /// The fingerprint of the partition that says which of its columns is which word's.
    pub(super) partition: String,
    pub(super) threads: Option<Threads>,
}

impl<T: Element> WordSlopes<'_, T> {
    /// The sum of the squares of this gradient, to be added to those of the other parameters before a root is taken.
    ///
    /// # Errors
    /// A gradient that is infinite or not a number.
    pub fn squares(&mut self) -> Result<f64> {
        let inputs = self.shape.0;
        let products = Products::new(inputs)?;
        let mut sums = vec![0.0; self.groups.len()];
        let jobs = self.groups.iter_mut().zip(&mut sums);
        let jobs = largest_first(jobs, |(group, _)| group.work());
        share(self.threads.as_ref(), jobs, |(group, sum)| {
            *sum = group.squares(products, inputs);
        });
        let sum: f64 = sums.into_iter().sum();
        match sum.is_finite() {
            true => Ok(sum),
            false => Err(Error::not_finite(
                "the gradient of the words of the class softmax",
            )),
        }
    }

    /// Moves the words' parameters of `head` against this gradient, by `rate` times it.
    ///
    /// # Errors
    /// A layer of another shape or another partition of words than the one that this is the gradient of; nothing is changed
    /// then.
    pub fn descend(&self, head: &mut ClassSoftmax<T>, rate: f64) -> Result<()> {
        require_shape(
            "the words' matrix of `WordSlopes::descend`",
            self.shape,
            (head.inputs, head.classes.words()),
        )?;
        let partition = head.classes.fingerprint();
        if partition != self.partition {
            return Err(Error::Shape {
                what: "the partition of the layer of `WordSlopes::descend`",
                expected: format!("that of the gradient, {},", self.partition),
                actual: partition,
            });
        }
        self.add(-rate, &mut head.weight, &mut head.bias)
    }

    /// Adds `scale` times this gradient to numbers that are laid out as the words' vectors and their biases.
    pub(super) fn add(&self, scale: f64, weight: &mut [T], bias: &mut [T]) -> Result<()> {
        let products = Products::new(self.shape.0)?;
        // Classes ascend, so each takes its part of what the ones before have left.
        let words = self.groups.iter().map(|group| group.words.clone());
        let weights = take_blocks(weight, self.shape.0, words.clone());
        let blocks = weights.zip(take_blocks(bias, 1, words));
        let jobs = self.groups.iter().zip(blocks);
        let jobs = largest_first(jobs, |(group, _)| group.work());
        share(self.threads.as_ref(), jobs, |(group, (weight, bias))| {
            group.add_words(products, scale, weight, bias);
        });
        Ok(())
    }
}
