//! The linear layer: y = W x + b, on all columns at once.

use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, MatMut, MatRef, Par};

use lstm_kernels::Element;

use crate::error::{Result, require_len, require_shape, require_size};
use crate::init::Init;
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut, zeros};
use crate::random::Rng;

/// A matrix and a bias: the head that turns units into scores.
#[derive(Debug, Clone)]
pub struct Linear<T> {
    outputs: usize,
    inputs: usize,
    /// `outputs x inputs`, column by column.
    weight: Vec<T>,
    /// Empty in a layer without bias.
    bias: Vec<T>,
}

impl<T: Element> Linear<T> {
    /// A layer with its matrix filled from `init` and a bias of zero.
    ///
    /// # Errors
    /// No inputs or no outputs; a matrix too large for memory.
    pub fn new(inputs: usize, outputs: usize, init: Init, rng: &mut Rng) -> Result<Self> {
        let mut layer = Self::without_bias(inputs, outputs, init, rng)?;
        layer.bias = vec![T::from_f64(0.0); outputs];
        Ok(layer)
    }

    /// A layer of a matrix alone, filled from `init`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn without_bias(inputs: usize, outputs: usize, init: Init, rng: &mut Rng) -> Result<Self> {
        require_size("the count of inputs", inputs)?;
        require_size("the count of outputs", outputs)?;
        init.check()?;
        let mut weight = zeros("the matrix of the linear layer", outputs, inputs)?;
        let parameter = ParameterMut {
            rows: outputs,
            columns: inputs,
            values: &mut weight,
        };
        init.fill(parameter, rng);
        Ok(Self {
            outputs,
            inputs,
            weight,
            bias: Vec::new(),
        })
    }

    /// With a bias filled from `init`.
    ///
    /// # Errors
    /// Numbers from which nothing can be drawn.
    pub fn with_bias(mut self, init: Init, rng: &mut Rng) -> Result<Self> {
        init.check()?;
        self.bias.resize(self.outputs, T::from_f64(0.0));
        let parameter = ParameterMut::vector(&mut self.bias);
        init.fill(parameter, rng);
        Ok(self)
    }

    /// Features of the input.
    pub fn input_len(&self) -> usize {
        self.inputs
    }

    /// Features of the output.
    pub fn output_len(&self) -> usize {
        self.outputs
    }

    /// The matrix column by column, and the bias, which may be empty.
    pub(crate) fn weight_and_bias(&self) -> (&[T], &[T]) {
        (&self.weight, &self.bias)
    }

    fn matrix(&self) -> MatRef<'_, T> {
        MatRef::from_column_major_slice(&self.weight, self.outputs, self.inputs)
    }

    /// `y = W x + b`; `x` is `inputs x n`, `y` is `outputs x n`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn apply(&self, x: MatRef<'_, T>, mut y: MatMut<'_, T>) -> Result<()> {
        require_shape(
            "the input of `Linear::apply`",
            (self.inputs, x.ncols()),
            x.shape(),
        )?;
        require_shape(
            "the output of `Linear::apply`",
            (self.outputs, x.ncols()),
            y.shape(),
        )?;
        let accum = match self.bias.is_empty() {
            true => Accum::Replace,
            false => {
                fill_columns(y.rb_mut(), &self.bias);
                Accum::Add
            }
        };
        matmul(y, accum, self.matrix(), x, T::from_f64(1.0), Par::Seq);
        Ok(())
    }

    /// Adds the gradients of matrix and bias to `gradient` (matrix first) and, if asked for, overwrites `dx`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn backprop(
        &self,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        require_shape(
            "the input of `Linear::backprop`",
            (self.inputs, dy.ncols()),
            x.shape(),
        )?;
        require_shape(
            "the gradient that reaches `Linear::backprop`",
            (self.outputs, dy.ncols()),
            dy.shape(),
        )?;
        require_len(
            "the gradient of the linear layer",
            self.weight.len() + self.bias.len(),
            gradient.len(),
        )?;
        if let Some(dx) = &dx {
            require_shape(
                "the input gradient of `Linear::backprop`",
                x.shape(),
                dx.shape(),
            )?;
        }
        let (dweight, dbias) = gradient.split_at_mut(self.weight.len());
        let dweight = MatMut::from_column_major_slice_mut(dweight, self.outputs, self.inputs);
        matmul(
            dweight,
            Accum::Add,
            dy,
            x.transpose(),
            T::from_f64(1.0),
            Par::Seq,
        );
        add_columns(dy, dbias);
        if let Some(dx) = dx {
            matmul(
                dx,
                Accum::Replace,
                self.matrix().transpose(),
                dy,
                T::from_f64(1.0),
                Par::Seq,
            );
        }
        Ok(())
    }
}

/// Every column of `y` becomes `bias`.
pub(crate) fn fill_columns<T: Element>(mut y: MatMut<'_, T>, bias: &[T]) {
    for column in 0..y.ncols() {
        // Slices are copied much faster than numbers at a stride, and columns nearly always are slices.
        match y.rb_mut().col_mut(column).try_as_col_major_mut() {
            Some(column) => column.as_slice_mut().copy_from_slice(bias),
            None => (y.rb_mut().col_mut(column).iter_mut())
                .zip(bias)
                .for_each(|(y, &bias)| *y = bias),
        }
    }
}

/// Adds the columns of `dy` to `dbias`, as far as there is one.
pub(crate) fn add_columns<T: Element>(dy: MatRef<'_, T>, dbias: &mut [T]) {
    for column in 0..dy.ncols() {
        let column = dy.col(column);
        match column.try_as_col_major() {
            Some(column) => (dbias.iter_mut())
                .zip(column.as_slice())
                .for_each(|(dbias, &dy)| *dbias += dy),
            None => (dbias.iter_mut())
                .zip(column.iter())
                .for_each(|(dbias, &dy)| *dbias += dy),
        }
    }
}

impl<T: Element> Parameters<T> for Linear<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        let weight = Parameter {
            rows: self.outputs,
            columns: self.inputs,
            values: &self.weight,
        };
        let bias = Parameter::vector(&self.bias);
        visit(name.child("weight"), weight)?;
        match bias.values.is_empty() {
            true => Ok(()),
            false => visit(name.child("bias"), bias),
        }
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        let weight = ParameterMut {
            rows: self.outputs,
            columns: self.inputs,
            values: &mut self.weight,
        };
        let bias = ParameterMut::vector(&mut self.bias);
        visit(name.child("weight"), weight)?;
        match bias.values.is_empty() {
            true => Ok(()),
            false => visit(name.child("bias"), bias),
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;
    use crate::check::{assert_gradient, assert_matrix_gradient};

    fn layer() -> Linear<f64> {
        let mut layer = Linear::new(3, 2, Init::Uniform(1.0), &mut Rng::new(4)).unwrap();
        layer.bias.copy_from_slice(&[0.3, -0.7]);
        layer
    }

    /// Half the sum of squares of the outputs, whose gradient is the outputs themselves.
    fn loss(layer: &Linear<f64>, x: MatRef<'_, f64>) -> f64 {
        let mut y = Mat::zeros(2, x.ncols());
        layer.apply(x, y.as_mut()).unwrap();
        y.squared_norm_l2() / 2.0
    }

    #[test]
    fn gradients_are_central_differences() {
        let mut layer = layer();
        let x = mat![
            [0.5, -1.0, 0.1, 2.0],
            [1.5, 0.2, -0.6, 0.4],
            [-0.3, 0.8, 1.1, -1.2]
        ];
        let mut y = Mat::zeros(2, 4);
        layer.apply(x.as_ref(), y.as_mut()).unwrap();
        let mut gradient = vec![0.0; 8];
        let mut dx = Mat::zeros(3, 4);
        layer
            .backprop(x.as_ref(), y.as_ref(), &mut gradient, Some(dx.as_mut()))
            .unwrap();
        assert_gradient(&mut layer, &gradient, |layer| loss(layer, x.as_ref()));
        assert_matrix_gradient(&x, &dx, |x| loss(&layer, x));
    }

    #[test]
    fn a_layer_without_bias_is_its_matrix() {
        let mut rng = Rng::new(4);
        let mut layer = Linear::without_bias(3, 2, Init::Uniform(1.0), &mut rng).unwrap();
        let x = mat![[0.5, -1.0], [1.5, 0.2], [-0.3, 0.8]];
        let mut y = Mat::full(2, 2, 7.0);
        layer.apply(x.as_ref(), y.as_mut()).unwrap();
        assert!((&y - layer.matrix() * &x).norm_max() < 1e-15);
        assert_eq!(layer.params_len(), 6);
        let mut gradient = vec![0.0; 6];
        layer
            .backprop(x.as_ref(), y.as_ref(), &mut gradient, None)
            .unwrap();
        assert_gradient(&mut layer, &gradient, |layer| loss(layer, x.as_ref()));
        let layer = layer.with_bias(Init::Constant(0.5), &mut rng).unwrap();
        assert_eq!((layer.params_len(), layer.bias[1]), (8, 0.5));
    }

    #[test]
    fn rows_apart_give_what_columns_give() {
        let layer = layer();
        let x = mat![[0.5, -1.0], [1.5, 0.2], [-0.3, 0.8]];
        let (mut y, mut flipped) = (Mat::zeros(2, 2), Mat::zeros(2, 2));
        layer.apply(x.as_ref(), y.as_mut()).unwrap();
        layer
            .apply(x.as_ref(), flipped.as_mut().transpose_mut())
            .unwrap();
        assert_eq!(y, flipped.transpose());
        let gradient = |dy| {
            let mut gradient = vec![0.0; 8];
            layer.backprop(x.as_ref(), dy, &mut gradient, None).unwrap();
            gradient
        };
        assert_eq!(
            gradient(y.as_ref())[6..],
            gradient(flipped.transpose())[6..]
        );
    }

    #[test]
    fn impossible_layers_are_errors() {
        let mut rng = Rng::new(0);
        let zero = Init::Constant(0.0);
        for (inputs, outputs) in [(0, 2), (2, 0), (usize::MAX, 2)] {
            assert!(Linear::<f32>::new(inputs, outputs, zero, &mut rng).is_err());
        }
        let wrong = Init::Normal(-1.0);
        assert!(Linear::<f32>::new(2, 2, wrong, &mut rng).is_err());
        assert!(layer().with_bias(wrong, &mut rng).is_err());
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let x = Mat::zeros(4, 2);
        let message = layer()
            .apply(x.as_ref(), Mat::zeros(2, 2).as_mut())
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "the input of `Linear::apply` is 4 x 2, but 3 x 2 is needed"
        );
    }
}
