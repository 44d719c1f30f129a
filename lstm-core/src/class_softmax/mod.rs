//! An output layer over many words, factorised over classes of words.

mod classes;
mod group;
mod likelihoods;
mod parameters;
mod products;
mod slopes;
mod workspace;

use std::iter;
use std::ops::Range;

use faer::reborrow::*;
use faer::{MatMut, MatRef};
use lstm_kernels::{Element, Threads};

pub use classes::Classes;
pub use slopes::WordSlopes;
pub use workspace::ClassWorkspace;

use crate::error::{Result, require_len, require_shape, require_size};
use crate::init::Init;
use crate::jobs::{even_blocks, largest_first, share, try_share};
use crate::linear::Linear;
use crate::loss::{CrossEntropy, require_columns, require_targets};
use crate::params::{ParameterMut, Parameters, zeros};
use crate::random::Rng;
use group::{Group, Job};
use workspace::Plan;

/// p(w | h) = p(class(w) | h) p(w | class(w), h), each factor a softmax of a linear layer: exact probabilities at the cost
/// of the classes and of one class, instead of all words.
/// Goodman 2001, "Classes for fast maximum entropy training".
///
/// Linear layer, softmax and cross-entropy are one here, since a word's scores exist only where a target asks for them. The
/// words of a class lie side by side, so what a target costs, forward and back, is one contiguous block.
///
/// ```
/// use faer::Mat;
/// use lstm_core::{ClassSoftmax, Classes, Rng, init::Init};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let classes = Classes::by_frequency(&[50, 20, 9, 4, 4, 1], 2)?;
/// let head = ClassSoftmax::<f64>::new(3, classes, Init::Uniform(0.5), &mut Rng::new(1))?;
/// let h = Mat::full(3, 1, 1.0);
/// let mut workspace = head.workspace();
/// let mut logs = Mat::zeros(6, 1);
/// head.log_probabilities(h.as_ref(), logs.as_mut(), &mut workspace)?;
/// let sum: f64 = (0..6).map(|word| logs[(word, 0)].exp()).sum();
/// assert!((sum - 1.0).abs() < 1e-12);
/// let loss = head.loss(h.as_ref(), &[4], &mut workspace)?;
/// assert!((loss + logs[(4, 0)]).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClassSoftmax<T> {
    inputs: usize,
    classes: Classes,
    ignored: Option<u32>,
    class: Linear<T>,
    /// `inputs x words`, a vector for each word, in the order of [`Classes::order`].
    weight: Vec<T>,
    /// In the same order.
    bias: Vec<T>,
    threads: Option<Threads>,
}

/// Columns at a time whose slopes of classes a thread computes, or to which it adds what groups send back.
const COLUMNS: usize = 512;

/// The class of a target that is not counted; there are fewer classes.
const NO_CLASS: u32 = u32::MAX;

impl<T: Element> ClassSoftmax<T> {
    /// A layer with its matrices filled from `init` and biases of zero.
    ///
    /// # Errors
    /// No inputs; numbers from which nothing can be drawn; a matrix too large for memory.
    pub fn new(inputs: usize, classes: Classes, init: Init, rng: &mut Rng) -> Result<Self> {
        require_size("the count of inputs", inputs)?;
        let class = Linear::new(inputs, classes.len(), init, rng)?;
        let mut weight = zeros("the matrix of the words", inputs, classes.words())?;
        let parameter = ParameterMut {
            rows: inputs,
            columns: classes.words(),
            values: &mut weight,
        };
        init.fill(parameter, rng);
        Ok(Self {
            inputs,
            ignored: None,
            class,
            weight,
            bias: vec![T::from_f64(0.0); classes.words()],
            classes,
            threads: None,
        })
    }

    /// With a target that is not counted, such as the one that fills up short sequences. It need not be a word.
    pub fn with_ignored(mut self, target: u32) -> Self {
        self.ignored = Some(target);
        self
    }

    /// Lets calls share their work among threads; the result is the same to the bit for any number of them.
    pub fn set_threads(&mut self, threads: &Threads) {
        self.class.set_threads(threads);
        self.threads = Some(threads.clone());
    }

    /// Features of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The classes of the words.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// How many numbers the matrix and bias of the classes have, the first of all parameters.
    pub fn classes_len(&self) -> usize {
        self.class.params_len()
    }

    /// Buffers for the calls below.
    pub fn workspace(&self) -> ClassWorkspace<T> {
        ClassWorkspace::default()
    }

    /// [`loss`](Self::loss), which also adds the gradient of all parameters to `gradient` and, if asked for, overwrites
    /// `dx`. Of the words' parameters only those in the classes of targets are touched.
    ///
    /// # Errors
    /// As [`loss`](Self::loss), and shapes that do not fit.
    pub fn gradient(
        &self,
        x: MatRef<'_, T>,
        targets: &[u32],
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
        workspace: &mut ClassWorkspace<T>,
    ) -> Result<f64> {
        let needed = self.params_len();
        require_len("the gradient of the class softmax", needed, gradient.len())?;
        let (of_classes, of_words) = gradient.split_at_mut(self.classes_len());
        let (loss, slopes) = self.gradient_in_factors(x, targets, of_classes, dx, workspace)?;
        let (weight, bias) = of_words.split_at_mut(self.weight.len());
        slopes.add(1.0, weight, bias)?;
        Ok(loss)
    }

    /// [`gradient`](Self::gradient) that leaves the gradient of the words' parameters in factors: `of_classes`, as long as
    /// the matrix and bias of the classes, which are the [first](Self::classes_len) parameters, is added to.
    ///
    /// Clipped descent, by a limit of 1 at a rate of 2, with no gradient as large as the words' matrix:
    ///
    /// ```
    /// # use faer::Mat;
    /// # use lstm_core::{ClassSoftmax, Classes, Rng, init::Init, params::Parameters};
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// # let classes = Classes::by_frequency(&[50, 20, 9, 4, 4, 1], 2)?;
    /// # let mut head = ClassSoftmax::<f64>::new(3, classes, Init::Uniform(0.5), &mut Rng::new(1))?;
    /// let (h, targets) = (Mat::full(3, 2, 1.0), [4, 5]);
    /// let (mut workspace, mut of_classes) = (head.workspace(), vec![0.0; head.classes_len()]);
    /// let (loss, mut slopes) =
    ///     head.gradient_in_factors(h.as_ref(), &targets, &mut of_classes, None, &mut workspace)?;
    /// let of_classes_squares: f64 = of_classes.iter().map(|slope| slope * slope).sum();
    /// let norm = (of_classes_squares + slopes.squares()?).sqrt();
    /// slopes.descend(&mut head, 2.0 * (1.0 / norm).min(1.0))?;
    /// assert!(head.loss(h.as_ref(), &targets, &mut workspace)? < loss);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    pub fn gradient_in_factors<'a>(
        &self,
        x: MatRef<'_, T>,
        targets: &[u32],
        of_classes: &mut [T],
        mut dx: Option<MatMut<'_, T>>,
        workspace: &'a mut ClassWorkspace<T>,
    ) -> Result<(f64, WordSlopes<'a, T>)> {
        self.require_targets(x, targets)?;
        require_len(
            "the gradient of the classes of the class softmax",
            self.classes_len(),
            of_classes.len(),
        )?;
        if let Some(dx) = &dx {
            require_shape(
                "the input gradient of `ClassSoftmax::gradient`",
                x.shape(),
                dx.shape(),
            )?;
        }
        require_columns("the input of `ClassSoftmax`", x.shape())?;
        let ClassWorkspace {
            plan,
            class_scores,
            groups,
            ..
        } = workspace;
        plan.fill(&self.classes, targets, self.ignored);
        let cross_entropy = CrossEntropy::new().with_ignored(NO_CLASS);
        let threads = self.threads.as_ref();
        let mut scores = self.score_classes(x, class_scores)?;
        let counted = plan.counted().max(1);
        let blocks: Vec<_> = even_blocks(scores.rb_mut(), COLUMNS).collect();
        let mut losses = vec![0.0; blocks.len()];
        let jobs = blocks.into_iter().zip(&mut losses);
        try_share(threads, jobs, |((first, scores), loss)| {
            let targets = &plan.class_targets()[first..][..scores.ncols()];
            *loss = cross_entropy.part_of_gradient(scores, targets, counted)?;
            Ok(())
        })?;
        (self.class).backprop(x, scores.rb(), of_classes, dx.rb_mut())?;

        let jobs = largest_first(self.jobs(plan, groups), Job::work);
        let wants_dx = dx.is_some();
        try_share(threads, jobs, |job| {
            job.gradient(self, x, targets, wants_dx)
        })?;
        if let Some(dx) = dx {
            let groups = &*groups;
            share(threads, even_blocks(dx, COLUMNS), |(first, mut dx)| {
                for (columns, group) in plan.groups().zip(groups) {
                    group.add_dx(columns, first, dx.rb_mut());
                }
            });
        }
        let of_classes = losses.into_iter().sum::<f64>() / counted as f64;
        let loss = of_classes + plan.mean(groups);
        let slopes = WordSlopes {
            groups: &mut groups[..plan.groups().count()],
            shape: (self.inputs, self.classes.words()),
            partition: self.classes.fingerprint(),
            threads: self.threads.clone(),
        };
        Ok((loss, slopes))
    }

    /// The ranges of its gradient to which [`gradient`](Self::gradient) adds for these targets: the matrix and bias of the
    /// classes, and the vectors and biases of the words in the targets' classes.
    pub fn touched(&self, targets: &[u32]) -> impl Iterator<Item = Range<usize>> {
        let mut is_touched = vec![false; self.classes.len()];
        for &target in targets {
            if let Some(&class) = self.classes.class_of().get(target as usize) {
                is_touched[class as usize] |= self.ignored != Some(target);
            }
        }
        let (weights, words) = (self.class.params_len(), self.classes.words());
        let biases = weights + words * self.inputs;
        let of_words = (0..self.classes.len())
            .filter(move |&class| is_touched[class])
            .flat_map(move |class| {
                let Range { start, end } = self.classes.block(class);
                [
                    weights + start * self.inputs..weights + end * self.inputs,
                    biases + start..biases + end,
                ]
            });
        iter::once(0..weights).chain(of_words)
    }

    /// The vectors of some words.
    fn vectors(&self, words: Range<usize>) -> &[T] {
        &self.weight[words.start * self.inputs..words.end * self.inputs]
    }

    /// The groups of columns with their buffers, class by class.
    fn jobs<'a>(
        &'a self,
        plan: &'a Plan,
        groups: &'a mut Vec<Group<T>>,
    ) -> impl Iterator<Item = Job<'a, T>> {
        let count = plan.groups().count();
        if groups.len() < count {
            groups.resize_with(count, Group::default);
        }
        let pairs = plan.groups().zip(groups);
        pairs.map(|(columns, group)| {
            group.words = self.classes.block(plan.class(columns));
            group.share = plan.share(columns);
            Job { group, columns }
        })
    }

    fn require_inputs(&self, x: MatRef<'_, T>) -> Result<()> {
        require_shape(
            "the input of `ClassSoftmax`",
            (self.inputs, x.ncols()),
            x.shape(),
        )
    }

    fn require_targets(&self, x: MatRef<'_, T>, targets: &[u32]) -> Result<()> {
        self.require_inputs(x)?;
        require_len("the slice of targets", x.ncols(), targets.len())?;
        require_targets(targets, self.classes.words(), self.ignored)
    }
}

#[cfg(test)]
mod tests;
