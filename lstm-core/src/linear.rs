//! The linear layer: y = W x + b, on all columns at once.

use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, MatMut, MatRef, Par};

use lstm_kernels::Element;

use crate::error::{Error, Result, require_len, require_shape};
use crate::init::Init;
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut};
use crate::random::Rng;

/// A matrix and a bias: the head that turns units into scores.
#[derive(Debug, Clone)]
pub struct Linear<T> {
    outputs: usize,
    inputs: usize,
    /// `outputs x inputs`, column by column.
    weight: Vec<T>,
    bias: Vec<T>,
}

impl<T: Element> Linear<T> {
    /// A layer with its matrix filled from `init` and a bias of zero.
    ///
    /// # Errors
    /// No inputs or no outputs.
    pub fn new(inputs: usize, outputs: usize, init: Init, rng: &mut Rng) -> Result<Self> {
        for (option, size) in [
            ("the count of inputs", inputs),
            ("the count of outputs", outputs),
        ] {
            if size == 0 {
                return Err(Error::Option {
                    option,
                    value: "0".to_owned(),
                    expected: "at least 1",
                });
            }
        }
        let mut weight = vec![T::from_f64(0.0); outputs * inputs];
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
            bias: vec![T::from_f64(0.0); outputs],
        })
    }

    /// Features of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Features of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    fn matrix(&self) -> MatRef<'_, T> {
        MatRef::from_column_major_slice(&self.weight, self.outputs, self.inputs)
    }

    /// `y = W x + b`; `x` is `inputs x n`, `y` is `outputs x n`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(&self, x: MatRef<'_, T>, mut y: MatMut<'_, T>) -> Result<()> {
        require_shape(
            "the input of `Linear::forward`",
            (self.inputs, x.ncols()),
            x.shape(),
        )?;
        require_shape(
            "the output of `Linear::forward`",
            (self.outputs, x.ncols()),
            y.shape(),
        )?;
        for column in 0..y.ncols() {
            for (row, &bias) in self.bias.iter().enumerate() {
                y[(row, column)] = bias;
            }
        }
        matmul(y, Accum::Add, self.matrix(), x, T::from_f64(1.0), Par::Seq);
        Ok(())
    }

    /// Adds the gradients of matrix and bias to `gradient` (matrix first) and, if asked for, overwrites `dx`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn backward(
        &self,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        require_shape(
            "the input of `Linear::backward`",
            (self.inputs, dy.ncols()),
            x.shape(),
        )?;
        require_shape(
            "the gradient that reaches `Linear::backward`",
            (self.outputs, dy.ncols()),
            dy.shape(),
        )?;
        require_len(
            "the gradient of the linear layer",
            self.weight.len() + self.outputs,
            gradient.len(),
        )?;
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
        for column in 0..dy.ncols() {
            for (row, dbias) in dbias.iter_mut().enumerate() {
                *dbias += dy[(row, column)];
            }
        }
        if let Some(mut dx) = dx {
            require_shape(
                "the input gradient of `Linear::backward`",
                x.shape(),
                dx.shape(),
            )?;
            matmul(
                dx.rb_mut(),
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

impl<T: Element> Parameters<T> for Linear<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        let weight = Parameter {
            rows: self.outputs,
            columns: self.inputs,
            values: &self.weight,
        };
        let bias = Parameter {
            rows: self.outputs,
            columns: 1,
            values: &self.bias,
        };
        visit(name.child("weight"), weight)?;
        visit(name.child("bias"), bias)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        let weight = ParameterMut {
            rows: self.outputs,
            columns: self.inputs,
            values: &mut self.weight,
        };
        let bias = ParameterMut {
            rows: self.outputs,
            columns: 1,
            values: &mut self.bias,
        };
        visit(name.child("weight"), weight)?;
        visit(name.child("bias"), bias)
    }
}

#[cfg(test)]
mod tests {
    use faer::{Mat, mat};

    use super::*;
    use crate::check::assert_gradient;

    fn layer() -> Linear<f64> {
        let mut layer = Linear::new(3, 2, Init::Uniform(1.0), &mut Rng::new(4)).unwrap();
        layer.bias.copy_from_slice(&[0.3, -0.7]);
        layer
    }

    /// Half the sum of squares of the outputs, whose gradient is the outputs themselves.
    fn loss(layer: &Linear<f64>, x: MatRef<'_, f64>) -> f64 {
        let mut y = Mat::zeros(2, x.ncols());
        layer.forward(x, y.as_mut()).unwrap();
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
        layer.forward(x.as_ref(), y.as_mut()).unwrap();
        let mut gradient = vec![0.0; 8];
        let mut dx = Mat::zeros(3, 4);
        layer
            .backward(x.as_ref(), y.as_ref(), &mut gradient, Some(dx.as_mut()))
            .unwrap();
        assert_gradient(&mut layer, &gradient, |layer| loss(layer, x.as_ref()));

        let step = 1e-5;
        for (i, j) in [(0, 0), (1, 2), (2, 3)] {
            let at = |shift: f64| {
                let mut x = x.clone();
                x[(i, j)] += shift;
                loss(&layer, x.as_ref())
            };
            let difference = (at(step) - at(-step)) / (2.0 * step);
            // The loss is quadratic, so the difference is exact up to rounding: about 1e-16 / 1e-5.
            assert!((difference - dx[(i, j)]).abs() < 1e-9);
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let x = Mat::zeros(4, 2);
        let message = layer()
            .forward(x.as_ref(), Mat::zeros(2, 2).as_mut())
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "the input of `Linear::forward` is 4 x 2, but 3 x 2 is needed"
        );
    }
}
