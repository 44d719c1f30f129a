//! Gradients checked against differences of the loss, for any model built from this library.
//!
//! Whoever writes a model writes its backward pass by calling those of its parts; a forgotten term makes it learn worse,
//! not fail. [`gradcheck`] finds the term: it moves one parameter at a time and looks at what the loss does.
//!
//! ```
//! use faer::Mat;
//! use lstm_core::gradcheck::gradcheck;
//! use lstm_core::{Linear, Rng, init::Init};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let mut model = Linear::<f64>::new(3, 2, Init::Xavier, &mut Rng::new(1))?;
//! let x = Mat::from_fn(3, 4, |i, j| ((3 * i + 7 * j) as f64).sin());
//! let report = gradcheck(&mut model, |model, gradient| {
//!     let mut y = Mat::zeros(2, 4);
//!     model.apply(x.as_ref(), y.as_mut())?;
//!     // The loss is half the sum of squares of the outputs, whose gradient is the outputs.
//!     model.backprop(x.as_ref(), y.as_ref(), gradient, None)?;
//!     Ok(y.squared_norm_l2() / 2.0)
//! })?;
//! report.require(1e-6)?;
//! println!("{report}");
//! # Ok(())
//! # }
//! ```
//!
//! # How differences are taken
//! Each parameter θ is moved to θ ± h and θ ± 2h. The two central differences D(h) and D(2h) give (4 D(h) - D(2h)) / 3,
//! in which the error of order h² cancels (Richardson's extrapolation). What is left is h⁴/30 times the fifth derivative,
//! and the rounding of the loss, which enters as 1.5 δ / h for a loss known to δ. The sum of both is least near
//! h = ε^(1/5) for numbers of precision ε; the step is the power of two next to it, 2⁻¹⁰ in `f64` and 2⁻⁵ in `f32`, times the
//! power of two below |θ| where that is above 1. Powers of two make θ ± h exact but for the last digits of θ.
//!
//! So the difference is good to about 1e-12 in `f64` and 1e-5 in `f32`, in units of the loss. A gradient much smaller than
//! that cannot be judged: the part of a deviation that rounding can explain, 1.5 δ / h with δ = 8 ε |loss| unless
//! [`GradCheck::with_rounding`] says otherwise, is not counted as one.
//!
//! A loss with kinks, as `relu`, `max` and `select` make them, has no derivative by differences across one. So in `f64` a number
//! whose derivatives disagree is looked at once more, at a step a thousand times shorter, within which a kink seldom lies. Where
//! the differences at both steps disagree as well, the report says that there may be one.
//!
//! A tolerance of 1e-6 in `f64` and of 1e-2 in `f32` lets right gradients pass and finds any wrong term. Check in `f64` where the
//! model allows: the formulas are the same.

mod place;
mod report;
mod sample;

use faer::MatRef;
use lstm_kernels::Element;

use crate::columns::column_major;
use crate::error::{Error, Result, require_len, require_positive, require_shape, require_size};
use crate::params::{Parameters, zero_gradient};

use place::{Here, Matrix, replace, shapes};
pub use report::{Entry, Report};

/// The relative error from which on a number is looked at once more.
const SUSPECT: f64 = 1e-8;

/// The part of the step at which that is done: rounding then enters with 3e-9 of the loss.
const CLOSER: f64 = 1.0 / 1024.0;

/// Compares the gradient of a model at every parameter with differences of its loss.
///
/// `loss` returns the loss and adds its gradient to a slice of zeros laid out as [`Parameters::visit`] goes. It must give
/// equal losses for equal parameters: a dropout mask or a carried state must be the same at each call. It is called four
/// times a number of the model; [`GradCheck::with_sample`] looks at some of them only.
///
/// The parameters are bit by bit the same afterwards, even after an error.
///
/// # Errors
/// Those of `loss`; a loss that is not finite. A gradient that is wrong is no error of this call but of
/// [`Report::require`].
pub fn gradcheck<M, T>(
    model: &mut M,
    loss: impl FnMut(&M, &mut [T]) -> Result<f64>,
) -> Result<Report>
where
    M: Parameters<T>,
    T: Element,
{
    GradCheck::new().run(model, loss)
}

/// How gradients are checked; see the [module](self) for the reasons of what it does by default.
#[derive(Debug, Clone, Default)]
pub struct GradCheck {
    sample: Option<(usize, u64)>,
    step: Option<f64>,
    rounding: Option<f64>,
}

impl GradCheck {
    /// Every number of every parameter, with steps and rounding by the number type.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a sample: of each parameter only so many numbers, drawn by `seed`.
    ///
    /// # Errors
    /// A sample of none.
    pub fn with_sample(mut self, of_each: usize, seed: u64) -> Result<Self> {
        require_size("the sample of each parameter", of_each)?;
        self.sample = Some((of_each, seed));
        Ok(self)
    }

    /// With another step h, for losses that bend on another scale than 1.
    ///
    /// # Errors
    /// A step that is not a finite number greater than zero.
    pub fn with_step(mut self, step: f64) -> Result<Self> {
        require_positive("the step of the differences", step)?;
        self.step = Some(step);
        Ok(self)
    }

    /// With another relative error of one evaluation of the loss than 8 ε: larger for a loss that is a small difference of
    /// large numbers.
    ///
    /// # Errors
    /// An error that is not a finite number greater than zero.
    pub fn with_rounding(mut self, rounding: f64) -> Result<Self> {
        require_positive("the rounding of the loss", rounding)?;
        self.rounding = Some(rounding);
        Ok(self)
    }

    /// As [`gradcheck`].
    ///
    /// # Errors
    /// As [`gradcheck`].
    pub fn run<M, T>(
        &self,
        model: &mut M,
        mut loss: impl FnMut(&M, &mut [T]) -> Result<f64>,
    ) -> Result<Report>
    where
        M: Parameters<T>,
        T: Element,
    {
        let mut gradient = zero_gradient(model)?;
        loss(model, &mut gradient)?;
        // The gradients at the moved parameters are by-products that nobody reads.
        let mut unused = gradient.clone();
        self.compare(model, &gradient, |model| {
            unused.fill(T::from_f64(0.0));
            loss(model, &mut unused)
        })
    }

    /// Compares a gradient that is there already with differences of `loss`.
    ///
    /// # Errors
    /// As [`gradcheck`]; a gradient of another length than the model's parameters.
    pub fn compare<M, T>(
        &self,
        model: &mut M,
        gradient: &[T],
        mut loss: impl FnMut(&M) -> Result<f64>,
    ) -> Result<Report>
    where
        M: Parameters<T>,
        T: Element,
    {
        require_len("the gradient", model.params_len(), gradient.len())?;
        let loss_here = finite(loss(model)?, || "the loss".to_owned())?;
        let mut report = Report::new(loss_here, gradient.len());
        let mut start = 0;
        for (number, shape) in shapes(model)?.into_iter().enumerate() {
            for index in sample::indices(shape.len, self.sample, number as u64) {
                let here = Here {
                    number,
                    index,
                    shape: &shape,
                };
                let analytic = gradient[start + index].to_f64();
                report.add(self.entry(model, here, analytic, &mut loss)?);
            }
            start += shape.len;
        }
        Ok(report)
    }

    /// Compares the gradient `dx` of `loss` by the matrix `x` with differences: for inputs, or for the scores that a loss
    /// function sees. `name` is what the report calls it.
    ///
    /// ```
    /// # use faer::mat;
    /// # use lstm_core::gradcheck::GradCheck;
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// let x = mat![[1.0, 2.0], [3.0, 4.0]];
    /// let report = GradCheck::new().compare_matrix("x", x.as_ref(), x.as_ref(), |x| Ok(x.squared_norm_l2() / 2.0))?;
    /// assert!(report.passed(1e-9));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`gradcheck`]; a `dx` of another shape than `x`.
    pub fn compare_matrix<T: Element>(
        &self,
        name: &str,
        x: MatRef<'_, T>,
        dx: MatRef<'_, T>,
        mut loss: impl FnMut(MatRef<'_, T>) -> Result<f64>,
    ) -> Result<Report> {
        require_shape("the gradient of the matrix", x.shape(), dx.shape())?;
        let mut matrix = Matrix {
            name,
            rows: x.nrows(),
            columns: x.ncols(),
            values: column_major(x),
        };
        self.compare(&mut matrix, &column_major(dx), |matrix| {
            let Matrix { rows, columns, .. } = *matrix;
            loss(MatRef::from_column_major_slice(
                &matrix.values,
                rows,
                columns,
            ))
        })
    }

    /// One number of one parameter, moved and put back.
    fn entry<M, T>(
        &self,
        model: &mut M,
        here: Here<'_>,
        analytic: f64,
        loss: &mut impl FnMut(&M) -> Result<f64>,
    ) -> Result<Entry>
    where
        M: Parameters<T>,
        T: Element,
    {
        let value: T = replace(model, here, None)?;
        let step = self.step_at(value);
        let entry = self.measure(model, here, value, analytic, step, loss)?;
        let is_in_double = epsilon::<T>() == f64::EPSILON;
        if !is_in_double || self.step.is_some() || entry.relative_error < SUSPECT {
            return Ok(entry);
        }
        let closer = self.measure(model, here, value, analytic, step * CLOSER, loss)?;
        Ok(entry.or_better(closer))
    }

    /// The same at a step.
    fn measure<M, T>(
        &self,
        model: &mut M,
        here: Here<'_>,
        value: T,
        analytic: f64,
        step: f64,
        loss: &mut impl FnMut(&M) -> Result<f64>,
    ) -> Result<Entry>
    where
        M: Parameters<T>,
        T: Element,
    {
        let losses = [1.0, -1.0, 2.0, -2.0].map(|times| {
            let moved = T::from_f64(value.to_f64() + times * step);
            replace(model, here, Some(moved))?;
            finite(loss(model)?, || format!("the loss near {here}"))
        });
        replace(model, here, Some(value))?;
        let [above, below, far_above, far_below] = losses;
        let [above, below, far_above, far_below] = [above?, below?, far_above?, far_below?];
        let near = (above - below) / (2.0 * step);
        let far = (far_above - far_below) / (4.0 * step);
        let largest = [above, below, far_above, far_below]
            .into_iter()
            .fold(0.0f64, |largest, loss| largest.max(loss.abs()));
        let rounding = self.rounding.unwrap_or(8.0 * epsilon::<T>());
        Ok(Entry::new(
            here,
            analytic,
            (4.0 * near - far) / 3.0,
            (near - far).abs(),
            1.5 * rounding * largest / step,
        ))
    }

    fn step_at<T: Element>(&self, value: T) -> f64 {
        // 2^-10 and 2^-5 are the powers of two next to ε^(1/5) = 7.4e-4 and 4.1e-2.
        let step = self
            .step
            .unwrap_or_else(|| epsilon::<T>().powf(0.2).log2().round().exp2());
        let size = value.to_f64().abs();
        match size.is_finite() && size > 1.0 {
            true => step * size.log2().floor().exp2(),
            false => step,
        }
    }
}

/// The distance from 1 to the next number of this type.
fn epsilon<T: Element>() -> f64 {
    match size_of::<T>() {
        4 => f64::from(f32::EPSILON),
        _ => f64::EPSILON,
    }
}

fn finite(loss: f64, what: impl FnOnce() -> String) -> Result<f64> {
    match loss.is_finite() {
        true => Ok(loss),
        false => Err(Error::not_finite(what()).untrained()),
    }
}

#[cfg(test)]
mod tests;
