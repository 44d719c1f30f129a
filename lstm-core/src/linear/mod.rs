//! The linear layer: y = W x + b, on all columns at once.

use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, MatMut, MatRef, Par};

use lstm_kernels::{Element, Threads};

use crate::columns::{add_columns, column_major, fill_columns};
use crate::error::{Result, require_len, require_shape, require_size};
use crate::init::Init;
use crate::jobs::{even_blocks, share};
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut, zeros};
use crate::random::Rng;

/// Columns that a thread takes at a time, at most: few enough for several threads, and many enough for a product to reach its speed.
const COLUMNS: usize = 256;

/// The same of features of the input, for the gradient of the matrix.
const FEATURES: usize = 128;

/// A matrix and a bias: the head that turns units into scores.
#[derive(Debug, Clone)]
pub struct Linear<T> {
    outputs: usize,
    inputs: usize,
    /// `outputs x inputs`, column by column.
    weight: Vec<T>,
    /// Empty in a layer without bias.
    bias: Vec<T>,
    threads: Option<Threads>,
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
        init.check::<T>()?;
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
            threads: None,
        })
    }

    /// A layer of these numbers: a matrix of `outputs x inputs`, and a bias, if it has one.
    ///
    /// # Errors
    /// No inputs or no outputs; a bias of another length.
    pub(crate) fn of_numbers(weight: MatRef<'_, T>, bias: Option<Vec<T>>) -> Result<Self> {
        let (outputs, inputs) = weight.shape();
        require_size("the count of inputs", inputs)?;
        require_size("the count of outputs", outputs)?;
        if let Some(bias) = &bias {
            require_len("the bias of the linear layer", outputs, bias.len())?;
        }
        Ok(Self {
            outputs,
            inputs,
            weight: column_major(weight),
            bias: bias.unwrap_or_default(),
            threads: None,
        })
    }

    /// With a bias filled from `init`.
    ///
    /// # Errors
    /// Numbers from which nothing can be drawn.
    pub fn with_bias(mut self, init: Init, rng: &mut Rng) -> Result<Self> {
        init.check::<T>()?;
        self.bias.resize(self.outputs, T::from_f64(0.0));
        let parameter = ParameterMut::vector(&mut self.bias);
        init.fill(parameter, rng);
        Ok(self)
    }

    /// Lets calls share their work among threads; the result is the same to the bit for any number of them.
    pub fn set_threads(&mut self, threads: &Threads) {
        self.threads = Some(threads.clone());
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
    pub fn apply(&self, x: MatRef<'_, T>, y: MatMut<'_, T>) -> Result<()> {
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
        // Blocks do not depend on the number of threads, so no bit does.
        let blocks = even_blocks(y, COLUMNS);
        share(self.threads.as_ref(), blocks, |(first, y)| {
            self.apply_to(x.subcols(first, y.ncols()), y);
        });
        Ok(())
    }

    fn apply_to(&self, x: MatRef<'_, T>, mut y: MatMut<'_, T>) {
        let accum = match self.bias.is_empty() {
            true => Accum::Replace,
            false => {
                fill_columns(y.rb_mut(), &self.bias);
                Accum::Add
            }
        };
        matmul(y, accum, self.matrix(), x, T::from_f64(1.0), Par::Seq);
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
        let threads = self.threads.as_ref();
        let blocks = even_blocks(dweight, FEATURES);
        share(threads, blocks, |(first, dweight)| {
            add_outer(x.subrows(first, dweight.ncols()), dy, dweight);
        });
        add_columns(dy, dbias);
        if let Some(dx) = dx {
            share(threads, even_blocks(dx, COLUMNS), |(first, dx)| {
                self.send_back(dy.subcols(first, dx.ncols()), dx);
            });
        }
        Ok(())
    }

    /// The gradient with respect to the input.
    fn send_back(&self, dy: MatRef<'_, T>, dx: MatMut<'_, T>) {
        let one = T::from_f64(1.0);
        let matrix = self.matrix().transpose();
        matmul(dx, Accum::Replace, matrix, dy, one, Par::Seq);
    }
}

/// Adds the gradient of those columns of the matrix that belong to some features.
fn add_outer<T: Element>(x: MatRef<'_, T>, dy: MatRef<'_, T>, dweight: MatMut<'_, T>) {
    let one = T::from_f64(1.0);
    matmul(dweight, Accum::Add, dy, x.transpose(), one, Par::Seq);
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
mod tests;
