//! The logarithm and its relatives.

use pulp::Simd;

use super::exp::exp_of_negative;
use super::{polynomial, splat_like};
use crate::rt::{Element, Lanes};

/// The natural logarithm: -∞ at zero, NaN below.
#[inline(always)]
pub fn log<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    let simd = x.simd();
    let (zero, one) = (Lanes::zero(simd), splat_like(x, T::from_f64(1.0)));

    // x = 2^n·(1 + f) with 1/√2 < 1 + f <= √2; subnormal numbers are made normal first.
    let subnormal = x.lt(splat_like(x, T::MIN_POSITIVE));
    let normal = subnormal.select(x * splat_like(x, T::from_f64(1.0) / T::UNLIFT), x);
    let lift = subnormal.select(splat_like(x, T::LIFT), zero);
    let (n, m) = split(normal);
    let above = m.gt(splat_like(x, T::from_f64(core::f64::consts::SQRT_2)));
    let m = above.select(m * splat_like(x, T::from_f64(0.5)), m);
    let n = above.select(n + one, n) - lift;
    let result = log_of_parts(n, m - one);

    // Infinity and NaN are their own logarithms.
    let result = x.lt(splat_like(x, T::INFINITY)).select(result, x);
    let pole = x
        .ge(zero)
        .select(splat_like(x, -T::INFINITY), splat_like(x, T::NAN));
    x.gt(zero).select(result, pole)
}

/// log(1 + e^x), the smooth [`relu`](super::relu): max(x, 0) + log(1 + e^-|x|).
#[inline(always)]
pub fn softplus<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    let (half, one) = (
        splat_like(x, T::from_f64(0.5)),
        splat_like(x, T::from_f64(1.0)),
    );
    // 1 + z = 2^n·(1 + f) with 3/4 <= 1 + f < 3/2; f is exact.
    let z = exp_of_negative(-x.abs());
    let above = z.ge(half);
    let n = above.select(one, Lanes::zero(x.simd()));
    let f = above.select(z.mul_add(half, -half), z);
    x.at_least(T::from_f64(0.0)) + log_of_parts(n, f)
}

/// log(sigmoid(x)) = -softplus(-x).
#[inline(always)]
pub fn logsigmoid<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    -softplus(-x)
}

/// log(2^n·(1 + f)) for -1/3 <= f <= 1/2.
///
/// With s = f / (2 + f), log(1 + f) = 2·artanh(s) = f - s·(f - s²·Q(s²)): f, the largest term, is
/// exact. All terms are added from small to large.
#[inline(always)]
fn log_of_parts<T: Element, S: Simd>(n: Lanes<T, S>, f: Lanes<T, S>) -> Lanes<T, S> {
    let s = f / (f + splat_like(f, T::from_f64(2.0)));
    let square = s * s;
    let rest = square.neg_mul_add(polynomial(square, T::LOG_TAIL), f);
    let low = s.neg_mul_add(rest, n * splat_like(n, T::LN_2_LOW));
    n.mul_add(splat_like(n, T::LN_2_HIGH), low + f)
}

/// (n, m) with x = 2^n·m and 1 <= m < 2, for normal x > 0.
#[inline(always)]
fn split<T: Element, S: Simd>(x: Lanes<T, S>) -> (Lanes<T, S>, Lanes<T, S>) {
    let simd = x.simd();
    let one = T::vsplat(simd, T::from_f64(1.0));
    let rounder = T::vsplat(simd, T::ROUNDER);
    let mantissa = T::vand(simd, x.vector(), T::vsplat(simd, T::MANTISSA));
    let exponent = T::vor(simd, T::vshift_out_of_exponent(simd, x.vector()), rounder);
    let bias = splat_like(x, T::ROUNDER + T::EXPONENT_BIAS);
    (
        Lanes::new(simd, exponent) - bias,
        Lanes::new(simd, T::vor(simd, mantissa, one)),
    )
}
