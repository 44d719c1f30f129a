//! The output layer that shares its matrix with the embedding.

use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, MatMut, MatRef, Par};

use lstm_kernels::Element;

use crate::columns::{add_columns, fill_columns};
use crate::embedding::Embedding;
use crate::error::{Result, require_len, require_shape};
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut};

/// y = Eᵀ x + b, where E is the table of an [`Embedding`]: the score of a symbol is the product of its vector with x. Only
/// the bias is a parameter of this layer.
/// Press & Wolf 2017, "Using the output embedding to improve language models".
///
/// ```
/// use faer::Mat;
/// use lstm_core::{Embedding, Rng, TiedLinear, init::Init};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let embedding = Embedding::<f32>::new(5, 3, Init::Uniform(0.1), &mut Rng::new(1))?;
/// let head = TiedLinear::new(&embedding);
/// let (x, mut scores) = (Mat::full(3, 2, 1.0), Mat::zeros(5, 2));
/// head.forward(&embedding, x.as_ref(), scores.as_mut())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TiedLinear<T> {
    bias: Vec<T>,
}

impl<T: Element> TiedLinear<T> {
    /// A layer for the symbols of `embedding`, with a bias of zero.
    pub fn new(embedding: &Embedding<T>) -> Self {
        Self {
            bias: vec![T::from_f64(0.0); embedding.count()],
        }
    }

    /// `y = Eᵀ x + b`; `x` is `embedding.len() x n`, `y` is `embedding.count() x n`.
    ///
    /// # Errors
    /// Shapes that do not fit, or an embedding of another count than that of [`new`](Self::new).
    pub fn forward(
        &self,
        embedding: &Embedding<T>,
        x: MatRef<'_, T>,
        mut y: MatMut<'_, T>,
    ) -> Result<()> {
        self.require_count(embedding)?;
        require_shape(
            "the input of `TiedLinear::forward`",
            (embedding.len(), x.ncols()),
            x.shape(),
        )?;
        require_shape(
            "the output of `TiedLinear::forward`",
            (self.bias.len(), x.ncols()),
            y.shape(),
        )?;
        fill_columns(y.rb_mut(), &self.bias);
        let table = embedding.matrix().transpose();
        matmul(y, Accum::Add, table, x, T::from_f64(1.0), Par::Seq);
        Ok(())
    }

    /// Adds the gradient of the table to `embedding_gradient`, where that of the embedding's own backward pass is added
    /// too, and the gradient of the bias to `gradient`; if asked for, overwrites `dx`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn backward(
        &self,
        embedding: &Embedding<T>,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        embedding_gradient: &mut [T],
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        self.require_count(embedding)?;
        let (len, count) = (embedding.len(), embedding.count());
        require_shape(
            "the input of `TiedLinear::backward`",
            (len, dy.ncols()),
            x.shape(),
        )?;
        require_shape(
            "the gradient that reaches `TiedLinear::backward`",
            (count, dy.ncols()),
            dy.shape(),
        )?;
        require_len(
            "the gradient of the embedding",
            len * count,
            embedding_gradient.len(),
        )?;
        require_len("the gradient of the bias", count, gradient.len())?;
        if let Some(dx) = &dx {
            require_shape(
                "the input gradient of `TiedLinear::backward`",
                x.shape(),
                dx.shape(),
            )?;
        }
        let one = T::from_f64(1.0);
        let dtable = MatMut::from_column_major_slice_mut(embedding_gradient, len, count);
        matmul(dtable, Accum::Add, x, dy.transpose(), one, Par::Seq);
        add_columns(dy, gradient);
        if let Some(dx) = dx {
            matmul(dx, Accum::Replace, embedding.matrix(), dy, one, Par::Seq);
        }
        Ok(())
    }

    fn require_count(&self, embedding: &Embedding<T>) -> Result<()> {
        require_len(
            "the bias of `TiedLinear`",
            embedding.count(),
            self.bias.len(),
        )
    }
}

impl<T: Element> Parameters<T> for TiedLinear<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        visit(name.child("bias"), Parameter::vector(&self.bias))
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        visit(name.child("bias"), ParameterMut::vector(&mut self.bias))
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::check::{assert_gradient, assert_matrix_gradient};
    use crate::init::Init;
    use crate::random::Rng;

    /// Symbols in, scores out, by one table: both ends add to its gradient.
    struct Model {
        embedding: Embedding<f64>,
        head: TiedLinear<f64>,
    }

    impl Parameters<f64> for Model {
        fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, f64>) -> Result<()> {
            self.embedding.visit(name.child("embedding"), visit)?;
            self.head.visit(name.child("head"), visit)
        }

        fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, f64>) -> Result<()> {
            self.embedding.visit_mut(name.child("embedding"), visit)?;
            self.head.visit_mut(name.child("head"), visit)
        }
    }

    const IDS: [u32; 3] = [2, 0, 2];

    impl Model {
        fn new() -> Self {
            let mut rng = Rng::new(6);
            let embedding = Embedding::new(4, 3, Init::Uniform(1.0), &mut rng).unwrap();
            let mut head = TiedLinear::new(&embedding);
            head.bias.copy_from_slice(&[0.1, -0.2, 0.3, 0.4]);
            Self { embedding, head }
        }

        fn scores(&self, x: MatRef<'_, f64>) -> Mat<f64> {
            let mut y = Mat::zeros(4, x.ncols());
            self.head.forward(&self.embedding, x, y.as_mut()).unwrap();
            y
        }

        fn vectors(&self) -> Mat<f64> {
            let mut x = Mat::zeros(3, 3);
            self.embedding.forward(&IDS, x.as_mut()).unwrap();
            x
        }
    }

    #[test]
    fn gradients_of_both_ends_are_central_differences() {
        let mut model = Model::new();
        let x = model.vectors();
        // The loss is half the sum of squares of the scores, so the scores are their own gradient.
        let dy = model.scores(x.as_ref());
        let (mut gradient, mut dx) = (vec![0.0; 16], Mat::zeros(3, 3));
        let (of_embedding, of_head) = gradient.split_at_mut(12);
        let Model { embedding, head } = &model;
        head.backward(
            embedding,
            x.as_ref(),
            dy.as_ref(),
            of_embedding,
            of_head,
            Some(dx.as_mut()),
        )
        .unwrap();
        let loss = |model: &Model, x: MatRef<'_, f64>| model.scores(x).squared_norm_l2() / 2.0;
        assert_matrix_gradient(&x, &dx, |x| loss(&model, x));
        model
            .embedding
            .backward(&IDS, dx.as_ref(), of_embedding)
            .unwrap();
        assert_gradient(&mut model, &gradient, |model| {
            loss(model, model.vectors().as_ref())
        });
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let Model { embedding, head } = Model::new();
        let other = Embedding::new(5, 3, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
        let (x, dy) = (Mat::zeros(3, 2), Mat::zeros(4, 2));
        let forward = |embedding: &Embedding<f64>, x: &Mat<f64>, rows| {
            let mut y = Mat::zeros(rows, 2);
            head.forward(embedding, x.as_ref(), y.as_mut())
        };
        assert!(forward(&embedding, &x, 4).is_ok());
        assert!(forward(&other, &x, 4).is_err());
        assert!(forward(&embedding, &dy, 4).is_err());
        assert!(forward(&embedding, &x, 3).is_err());
        let backward = |table, bias, dx: &mut Mat<f64>| {
            head.backward(
                &embedding,
                x.as_ref(),
                dy.as_ref(),
                &mut vec![0.0; table],
                &mut vec![0.0; bias],
                Some(dx.as_mut()),
            )
        };
        assert!(backward(12, 4, &mut Mat::zeros(3, 2)).is_ok());
        assert!(backward(11, 4, &mut Mat::zeros(3, 2)).is_err());
        assert!(backward(12, 3, &mut Mat::zeros(3, 2)).is_err());
        assert!(backward(12, 4, &mut Mat::zeros(2, 2)).is_err());
    }
}
