//! An output layer over many words, factorised over classes of words.

mod classes;
mod workspace;

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, MatMut, MatRef, Par};
use lstm_kernels::Element;

pub use classes::Classes;
pub use workspace::ClassWorkspace;

use crate::error::{Result, require_len, require_shape, require_size};
use crate::init::Init;
use crate::linear::{Linear, fill_columns};
use crate::loss::{CrossEntropy, log_softmax_columns, require_targets};
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut, zeros};
use crate::random::Rng;
use workspace::{Buffers, shaped};

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
}

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
        })
    }

    /// With a target that is not counted, such as the one that fills up short sequences. It need not be a word.
    pub fn with_ignored(mut self, target: u32) -> Self {
        self.ignored = Some(target);
        self
    }

    /// Features of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The classes of the words.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Buffers for the calls below.
    pub fn workspace(&self) -> ClassWorkspace<T> {
        ClassWorkspace::default()
    }

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
        self.require_targets(x, targets)?;
        let ClassWorkspace { plan, buffers } = workspace;
        plan.fill(&self.classes, targets, self.ignored);
        let cross_entropy = CrossEntropy::new().with_ignored(NO_CLASS);
        let mut scores = shaped(&mut buffers.class_scores, self.classes.len(), x.ncols());
        self.class.apply(x, scores.rb_mut())?;
        let mut total = cross_entropy.loss(scores.rb(), plan.class_targets())?;
        for columns in plan.groups() {
            let words = self.score_group(x, targets, columns, buffers);
            let scores = shaped(&mut buffers.scores, words.len(), columns.len());
            let loss = cross_entropy.loss(scores.rb(), &buffers.targets)?;
            total += loss * plan.share(columns);
        }
        Ok(total)
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
        mut dx: Option<MatMut<'_, T>>,
        workspace: &mut ClassWorkspace<T>,
    ) -> Result<f64> {
        self.require_targets(x, targets)?;
        let needed = self.params_len();
        require_len("the gradient of the class softmax", needed, gradient.len())?;
        if let Some(dx) = &dx {
            require_shape(
                "the input gradient of `ClassSoftmax::gradient`",
                x.shape(),
                dx.shape(),
            )?;
        }
        let ClassWorkspace { plan, buffers } = workspace;
        plan.fill(&self.classes, targets, self.ignored);
        let (of_classes, of_words) = gradient.split_at_mut(self.class.params_len());
        let (dweight, dbias) = of_words.split_at_mut(self.weight.len());
        let mut dweight =
            MatMut::from_column_major_slice_mut(dweight, self.inputs, self.classes.words());

        let cross_entropy = CrossEntropy::new().with_ignored(NO_CLASS);
        let mut scores = shaped(&mut buffers.class_scores, self.classes.len(), x.ncols());
        self.class.apply(x, scores.rb_mut())?;
        let mut total = cross_entropy.gradient(scores.rb_mut(), plan.class_targets())?;
        (self.class).backprop(x, scores.rb(), of_classes, dx.rb_mut())?;
        for columns in plan.groups() {
            let words = self.score_group(x, targets, columns, buffers);
            let mut scores = shaped(&mut buffers.scores, words.len(), columns.len());
            let loss = cross_entropy.gradient(scores.rb_mut(), &buffers.targets)?;
            // Loss and gradient are those of the group's mean; the group is a share of all.
            total += loss * plan.share(columns);
            let share = T::from_f64(plan.share(columns));
            let dscores = scores.rb();
            let x = shaped(&mut buffers.x, self.inputs, columns.len());
            matmul(
                dweight.rb_mut().subcols_mut(words.start, words.len()),
                Accum::Add,
                x.rb(),
                dscores.transpose(),
                share,
                Par::Seq,
            );
            for column in 0..columns.len() {
                let dbias = dbias[words.clone()].iter_mut();
                dbias
                    .zip(dscores.col(column).iter())
                    .for_each(|(dbias, &dscore)| *dbias += share * dscore);
            }
            if let Some(dx) = &mut dx {
                let mut dx_of_words = shaped(&mut buffers.dx, self.inputs, columns.len());
                matmul(
                    dx_of_words.rb_mut(),
                    Accum::Replace,
                    self.matrix().subcols(words.start, words.len()),
                    dscores,
                    share,
                    Par::Seq,
                );
                for (&column, source) in columns.iter().zip(dx_of_words.rb().col_iter()) {
                    let target = dx.rb_mut().col_mut(column).iter_mut();
                    target
                        .zip(source.iter())
                        .for_each(|(target, &source)| *target += source);
                }
            }
        }
        Ok(total)
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
        let buffers = &mut workspace.buffers;
        let mut class_logs = shaped(&mut buffers.class_scores, self.classes.len(), x.ncols());
        self.class.apply(x, class_logs.rb_mut())?;
        log_softmax_columns(class_logs.rb_mut())?;
        for class in 0..self.classes.len() {
            let words = self.classes.block(class);
            let mut logs = shaped(&mut buffers.scores, words.len(), x.ncols());
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

    fn matrix(&self) -> MatRef<'_, T> {
        MatRef::from_column_major_slice(&self.weight, self.inputs, self.classes.words())
    }

    /// The scores of a block of words for every column of `x`.
    fn score(&self, words: Range<usize>, x: MatRef<'_, T>, mut scores: MatMut<'_, T>) {
        fill_columns(scores.rb_mut(), &self.bias[words.clone()]);
        let weight = self.matrix().subcols(words.start, words.len()).transpose();
        matmul(scores, Accum::Add, weight, x, T::from_f64(1.0), Par::Seq);
    }

    /// Gathers the inputs and targets of some columns whose targets are of one class, and computes the scores of that class's
    /// words, whose block it returns.
    fn score_group(
        &self,
        x: MatRef<'_, T>,
        targets: &[u32],
        columns: &[usize],
        buffers: &mut Buffers<T>,
    ) -> Range<usize> {
        let class = self.classes.class_of()[targets[columns[0]] as usize];
        let words = self.classes.block(class as usize);
        let places = columns.iter().map(|&column| {
            // A place within a class is less than the number of words, which fits.
            (self.classes.place(targets[column]) - words.start) as u32
        });
        buffers.targets.clear();
        buffers.targets.extend(places);
        let mut own = shaped(&mut buffers.x, self.inputs, columns.len());
        for (own, &column) in own.rb_mut().col_iter_mut().zip(columns) {
            { own }.copy_from(x.col(column));
        }
        let scores = shaped(&mut buffers.scores, words.len(), columns.len());
        self.score(words.clone(), own.rb(), scores);
        words
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

impl<T: Element> Parameters<T> for ClassSoftmax<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        self.class.visit(name.child("class"), visit)?;
        let weight = Parameter {
            rows: self.inputs,
            columns: self.classes.words(),
            values: &self.weight,
        };
        let bias = Parameter::vector(&self.bias);
        let name = name.child("word");
        visit(name.child("weight"), weight)?;
        visit(name.child("bias"), bias)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        self.class.visit_mut(name.child("class"), visit)?;
        let weight = ParameterMut {
            rows: self.inputs,
            columns: self.classes.words(),
            values: &mut self.weight,
        };
        let bias = ParameterMut::vector(&mut self.bias);
        let name = name.child("word");
        visit(name.child("weight"), weight)?;
        visit(name.child("bias"), bias)
    }
}

#[cfg(test)]
mod tests;
