//! The functions of the language on registers: the same formulas for every number type and every
//! instruction set, without branches or gathers. The exponential function finds eight powers of two in a register, where an
//! instruction set can look up numbers there.
//!
//! Accuracy: the error is below 2 ulp over the whole range, subnormal arguments and results
//! included, with and without fused multiplication and addition. NaN in gives NaN out; infinities
//! and signed zeros go where the limits say.

pub(super) mod constants;
mod exp;
mod log;
mod logistic;
mod piecewise;

pub use exp::exp;
pub use log::{log, logsigmoid, softplus};
pub use logistic::{sigmoid, tanh};
pub use piecewise::{abs, max, min, relu, select, sqrt};

use pulp::Simd;

use super::{Element, Lanes};

/// The polynomial with these coefficients, lowest power first, by Horner's rule. The length is
/// known to the compiler, so that the loop becomes straight code.
#[inline(always)]
fn polynomial<T: Element, S: Simd>(x: Lanes<T, S>, coefficients: &'static [T]) -> Lanes<T, S> {
    let mut power = coefficients.len() - 1;
    let mut sum = splat_like(x, coefficients[power]);
    while power > 0 {
        power -= 1;
        sum = sum.mul_add(x, splat_like(x, coefficients[power]));
    }
    sum
}

/// `c` in every lane of a register like `x`.
#[inline(always)]
fn splat_like<T: Element, S: Simd>(x: Lanes<T, S>, c: T) -> Lanes<T, S> {
    Lanes::splat(x.simd(), c)
}
