//! The output of a model: a softmax over all words, or one factorised over classes.

use std::iter;
use std::ops::Range;

use faer::{Mat, MatMut, MatRef};
use lstm_core::params::{Name, Parameters, Visit, VisitLayouts, VisitMut};
use lstm_core::{
    ClassSoftmax, ClassWorkspace, Embedding, Error, Result, SoftmaxWorkspace, Threads, TiedSoftmax,
    WordSlopes,
};

/// What turns features into probabilities of words.
pub enum Head {
    /// All words, by the vectors of the input.
    Tied(TiedSoftmax<f32>),
    /// All words, by vectors of their own.
    Full(Embedding<f32>, TiedSoftmax<f32>),
    /// A class, and a word of this class.
    Classes(ClassSoftmax<f32>),
}

/// Buffers of any head.
#[derive(Default)]
pub struct HeadWorkspace {
    full: SoftmaxWorkspace<f32>,
    classes: ClassWorkspace<f32>,
}

impl Head {
    /// Lets it share its work among threads.
    pub fn set_threads(&mut self, threads: &Threads) {
        match self {
            Self::Tied(softmax) | Self::Full(_, softmax) => softmax.set_threads(threads),
            Self::Classes(softmax) => softmax.set_threads(threads),
        }
    }

    /// `logs[j]` becomes ln p(`targets[j]`) after column j of `y`.
    ///
    /// # Errors
    /// Shapes and targets that do not fit.
    pub fn log_likelihoods(
        &self,
        embedding: &Embedding<f32>,
        y: MatRef<'_, f32>,
        targets: &[u32],
        logs: &mut [f64],
        workspace: &mut HeadWorkspace,
    ) -> Result<()> {
        match self {
            Self::Tied(softmax) => {
                softmax.log_likelihoods(embedding, y, targets, logs, &mut workspace.full)
            }
            Self::Full(output, softmax) => {
                softmax.log_likelihoods(output, y, targets, logs, &mut workspace.full)
            }
            Self::Classes(softmax) => {
                softmax.log_likelihoods(y, targets, logs, &mut workspace.classes)
            }
        }
    }

    /// ln p of every word after the one column of `y`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn log_probabilities(
        &self,
        embedding: &Embedding<f32>,
        y: MatRef<'_, f32>,
        logs: &mut Vec<f64>,
        workspace: &mut HeadWorkspace,
    ) -> Result<()> {
        match self {
            Self::Tied(softmax) => {
                softmax.log_probabilities(embedding, y, logs, &mut workspace.full)
            }
            Self::Full(output, softmax) => {
                softmax.log_probabilities(output, y, logs, &mut workspace.full)
            }
            Self::Classes(softmax) => {
                let mut all = Mat::zeros(softmax.classes().words(), 1);
                softmax.log_probabilities(y, all.as_mut(), &mut workspace.classes)?;
                logs.clear();
                logs.extend(all.col_as_slice(0).iter().map(|&log| f64::from(log)));
                Ok(())
            }
        }
    }

    /// The ranges of the gradients of the input vectors and of this head that [`gradient`](Self::gradient) adds to.
    pub fn touched(
        &self,
        embedding: &Embedding<f32>,
        targets: &[u32],
        in_factors: bool,
    ) -> (Option<Range<usize>>, Vec<Range<usize>>) {
        let all = iter::once(0..self.params_len());
        match self {
            Self::Tied(_) => (Some(0..embedding.params_len()), all.collect()),
            Self::Full(..) => (None, all.collect()),
            Self::Classes(softmax) if in_factors => {
                (None, iter::once(0..softmax.classes_len()).collect())
            }
            Self::Classes(softmax) => (None, softmax.touched(targets).collect()),
        }
    }

    /// The mean of `-ln p(target)`; the gradients of the input vectors and of this head are added to, `dy` is overwritten.
    /// With `in_factors`, what can be left in factors is returned instead.
    ///
    /// # Errors
    /// Shapes and targets that do not fit.
    #[allow(
        clippy::too_many_arguments,
        reason = "the gradient of a tied output has that many parts"
    )]
    pub fn gradient<'a>(
        &self,
        embedding: &Embedding<f32>,
        y: MatRef<'_, f32>,
        targets: &[u32],
        in_factors: bool,
        of_embedding: &mut [f32],
        of_head: &mut [f32],
        dy: MatMut<'_, f32>,
        workspace: &'a mut HeadWorkspace,
    ) -> Result<(f64, Option<WordSlopes<'a, f32>>)> {
        let HeadWorkspace { full, classes } = workspace;
        let loss = match self {
            Self::Tied(softmax) => {
                softmax.gradient(embedding, y, targets, of_embedding, of_head, Some(dy), full)
            }
            Self::Full(output, softmax) => {
                let (of_output, of_bias) = of_head.split_at_mut(output.params_len());
                softmax.gradient(output, y, targets, of_output, of_bias, Some(dy), full)
            }
            Self::Classes(softmax) if in_factors => {
                let of_classes = &mut of_head[..softmax.classes_len()];
                let (loss, slopes) =
                    softmax.gradient_in_factors(y, targets, of_classes, Some(dy), classes)?;
                return Ok((loss, Some(slopes)));
            }
            Self::Classes(softmax) => softmax.gradient(y, targets, of_head, Some(dy), classes),
        };
        Ok((loss?, None))
    }

    /// Moves the words' parameters against their gradient.
    ///
    /// # Errors
    /// The gradient of another head.
    pub fn descend(&mut self, slopes: &WordSlopes<'_, f32>, rate: f64) -> Result<()> {
        match self {
            Self::Classes(softmax) => slopes.descend(softmax, rate),
            Self::Tied(_) | Self::Full(..) => Err(Error::Custom(
                "these are slopes of the words of classes, and this output has none".into(),
            )),
        }
    }
}

impl Parameters<f32> for Head {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, f32>) -> Result<()> {
        match self {
            Self::Tied(softmax) => softmax.visit(name, visit),
            Self::Full(output, softmax) => {
                output.visit(name, visit)?;
                softmax.visit(name, visit)
            }
            Self::Classes(softmax) => softmax.visit(name, visit),
        }
    }

    fn visit_layouts(&self, name: Name<'_>, visit: &mut VisitLayouts<'_>) {
        match self {
            Self::Tied(softmax) => softmax.visit_layouts(name, visit),
            Self::Full(output, softmax) => {
                output.visit_layouts(name, visit);
                softmax.visit_layouts(name, visit);
            }
            Self::Classes(softmax) => softmax.visit_layouts(name, visit),
        }
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, f32>) -> Result<()> {
        match self {
            Self::Tied(softmax) => softmax.visit_mut(name, visit),
            Self::Full(output, softmax) => {
                output.visit_mut(name, visit)?;
                softmax.visit_mut(name, visit)
            }
            Self::Classes(softmax) => softmax.visit_mut(name, visit),
        }
    }
}
