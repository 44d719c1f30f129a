//! The softmax over all words that shares its matrix with an embedding, made for many words and several threads.

mod blocks;
mod panels;
mod scores;

use faer::{MatMut, MatRef};
use lstm_kernels::{Element, Threads};

use crate::embedding::Embedding;
use crate::error::{Result, require_len, require_shape};
use crate::loss::{Exponentials, require_columns, require_targets};
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut};

pub use blocks::SoftmaxWorkspace;
use blocks::{Pass, Table, UNIT};

/// p(w | x) = softmax(Eᵀ x + b): scores, softmax and cross-entropy in one, where E is the table of an [`Embedding`]. Only the
/// bias is a parameter of this layer.
/// Press & Wolf 2017, "Using the output embedding to improve language models".
///
/// The embedding may be the one at the input, which ties the two, or another. Words are taken in blocks whose scores stay
/// in the cache, and blocks are shared among [`Threads`]; the result is the same to the bit for any number of them.
/// [`TiedLinear`](crate::TiedLinear) gives the scores themselves.
///
/// ```
/// use faer::Mat;
/// use lstm_core::{Embedding, Rng, TiedSoftmax, init::Init};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let embedding = Embedding::<f64>::new(5, 3, Init::Uniform(0.1), &mut Rng::new(1))?;
/// let head = TiedSoftmax::new(&embedding);
/// let x = Mat::full(3, 2, 1.0);
/// let mut workspace = head.workspace();
/// let mut logs = [0.0; 2];
/// head.log_likelihoods(&embedding, x.as_ref(), &[4, 0], &mut logs, &mut workspace)?;
/// let (mut of_embedding, mut of_bias) = ([0.0; 15], [0.0; 5]);
/// let loss = head.gradient(
///     &embedding,
///     x.as_ref(),
///     &[4, 0],
///     &mut of_embedding,
///     &mut of_bias,
///     None,
///     &mut workspace,
/// )?;
/// assert!((loss + (logs[0] + logs[1]) / 2.0).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TiedSoftmax<T> {
    bias: Vec<T>,
    threads: Option<Threads>,
}

impl<T: Element> TiedSoftmax<T> {
    /// A layer for the words of `embedding`, with a bias of zero, on the calling thread.
    pub fn new(embedding: &Embedding<T>) -> Self {
        Self {
            bias: vec![T::from_f64(0.0); embedding.count()],
            threads: None,
        }
    }

    /// Lets calls share their work among threads.
    pub fn set_threads(&mut self, threads: &Threads) {
        self.threads = Some(threads.clone());
    }

    /// Buffers for the calls below.
    pub fn workspace(&self) -> SoftmaxWorkspace<T> {
        SoftmaxWorkspace::default()
    }

    /// `logs[j]` becomes ln p(`targets[j]` | column j of `x`), in nats; `x` is `embedding.len() x n`.
    ///
    /// # Errors
    /// A length or a target that does not fit, no columns, or an embedding of another count than that of
    /// [`new`](Self::new).
    pub fn log_likelihoods(
        &self,
        embedding: &Embedding<T>,
        x: MatRef<'_, T>,
        targets: &[u32],
        logs: &mut [f64],
        workspace: &mut SoftmaxWorkspace<T>,
    ) -> Result<()> {
        require_len("the slice of logarithms", targets.len(), logs.len())?;
        let pass = self.pass(embedding, x, targets)?;
        workspace.forward(&pass, logs);
        Ok(())
    }

    /// The mean over the columns of `-ln p(target | x)`, in nats. The gradient of the table is added to
    /// `embedding_gradient`, where that of the embedding's own backward pass is added too, and the gradient of the bias to
    /// `gradient`; if asked for, `dx` is overwritten.
    ///
    /// # Errors
    /// As [`log_likelihoods`](Self::log_likelihoods), and gradients that do not fit.
    #[allow(
        clippy::too_many_arguments,
        reason = "two ends share a table, so each call names it and its gradient"
    )]
    pub fn gradient(
        &self,
        embedding: &Embedding<T>,
        x: MatRef<'_, T>,
        targets: &[u32],
        embedding_gradient: &mut [T],
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
        workspace: &mut SoftmaxWorkspace<T>,
    ) -> Result<f64> {
        let pass = self.pass(embedding, x, targets)?;
        require_len(
            "the gradient of the embedding",
            embedding.len() * embedding.count(),
            embedding_gradient.len(),
        )?;
        require_len("the gradient of the bias", self.bias.len(), gradient.len())?;
        if let Some(dx) = &dx {
            require_shape(
                "the input gradient of `TiedSoftmax::gradient`",
                x.shape(),
                dx.shape(),
            )?;
        }
        let mut logs = vec![0.0; targets.len()];
        workspace.forward(&pass, &mut logs);
        workspace.backward(&pass, embedding_gradient, gradient, dx);
        Ok(-logs.iter().sum::<f64>() / targets.len() as f64)
    }

    /// The logarithms of the probabilities of all words, in nats, after one column of `x`: `logs` becomes as long as there
    /// are words.
    ///
    /// # Errors
    /// As [`log_likelihoods`](Self::log_likelihoods), and an `x` of other than one column.
    pub fn log_probabilities(
        &self,
        embedding: &Embedding<T>,
        x: MatRef<'_, T>,
        logs: &mut Vec<f64>,
        workspace: &mut SoftmaxWorkspace<T>,
    ) -> Result<()> {
        require_shape(
            "the input of `TiedSoftmax::log_probabilities`",
            (embedding.len(), 1),
            x.shape(),
        )?;
        let mut pass = self.pass(embedding, x, &[0])?;
        pass.keeps_scores = true;
        workspace.forward(&pass, &mut [0.0]);
        logs.clear();
        workspace.each_log(|log| logs.push(log));
        Ok(())
    }

    fn pass<'a>(
        &'a self,
        embedding: &'a Embedding<T>,
        x: MatRef<'a, T>,
        targets: &'a [u32],
    ) -> Result<Pass<'a, T>> {
        let count = self.bias.len();
        require_len("the bias of `TiedSoftmax`", embedding.count(), count)?;
        require_shape(
            "the input of `TiedSoftmax`",
            (embedding.len(), x.ncols()),
            x.shape(),
        )?;
        require_columns("the input of `TiedSoftmax`", x.shape())?;
        require_len("the slice of targets", x.ncols(), targets.len())?;
        require_targets(targets, count, None)?;
        Ok(Pass {
            table: Table {
                vectors: embedding.vectors(),
                bias: &self.bias,
            },
            x,
            targets,
            exponentials: Exponentials::new()?,
            keeps_scores: false,
            // One unit is one thread's work.
            threads: self.threads.as_ref().filter(|_| count > UNIT),
        })
    }
}

impl<T: Element> Parameters<T> for TiedSoftmax<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        visit(name.child("bias"), Parameter::vector(&self.bias))
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        visit(name.child("bias"), ParameterMut::vector(&mut self.bias))
    }
}

#[cfg(test)]
mod tests;
