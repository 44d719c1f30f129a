//! The squashing functions of the gates and cells.

use pulp::Simd;

use super::exp::{exp_of_negative, power_of_two};
use super::{polynomial, splat_like};
use crate::rt::{Element, Lanes};

/// The logistic function 1 / (1 + e^-x).
///
/// With z = e^-|x|, which never overflows, it is y = a / (1 + z), where a = 1 on the right and a = z on
/// the left, so that small results keep all their digits. The last step, y = a - z·y, is an
/// identity that takes the rounding errors of the sum and of the quotient down by the factor z.
#[inline(always)]
pub fn sigmoid<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    let one = splat_like(x, T::from_f64(1.0));
    let z = exp_of_negative(-x.abs());
    let numerator = x.ge(Lanes::zero(x.simd())).select(one, z);
    z.neg_mul_add(numerator / (one + z), numerator)
}

/// The hyperbolic tangent.
///
/// With z = e^(-2|x|) it is (1 - z) / (1 + z), with the sign of x. The difference is never formed by
/// cancellation: from -2|x| = n·ln 2 + r with an integer n <= 0 follows
/// 1 - z = (1 - 2^n) - 2^n·(e^r - 1), where e^r - 1 = r + r²·q(r) and the first term is exact and
/// zero near x = 0. The denominator is formed in the same way, not from the numerator, so that it
/// does not inherit its rounding.
#[inline(always)]
pub fn tanh<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    let one = splat_like(x, T::from_f64(1.0));
    let rounder = splat_like(x, T::ROUNDER + T::EXPONENT_BIAS);

    let below = (-x.abs()).at_least(-T::TANH_SATURATION);
    let doubled = below + below;
    let shifted = doubled.mul_add(splat_like(x, T::LOG2_E), rounder);
    let n = shifted - rounder;
    // One constant for ln 2 is enough: where n is large, 2^n is small.
    let r = n.mul_add(splat_like(x, -T::LN_2), doubled);
    let scale = power_of_two(shifted);

    let rest = (r * r).mul_add(polynomial(r, T::EXP_TAIL), r);
    let numerator = rest.neg_mul_add(scale, one - scale);
    let denominator = rest.mul_add(scale, one + scale);
    (numerator / denominator).with_sign_of(x)
}
