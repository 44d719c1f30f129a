//! Functions that pick one of their arguments, and those that are one instruction: the words of the
//! language, so that generated code calls every function the same way.

use pulp::Simd;

use crate::rt::{Element, LaneMask, Lanes};

/// max(x, 0); NaN stays NaN.
#[inline(always)]
pub fn relu<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    x.at_least(T::from_f64(0.0))
}

/// |x|.
#[inline(always)]
pub fn abs<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    x.abs()
}

/// The square root, correctly rounded; NaN for negative numbers.
#[inline(always)]
pub fn sqrt<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    x.sqrt()
}

/// The larger of the two, NaN if either is NaN.
#[inline(always)]
pub fn max<T: Element, S: Simd>(a: Lanes<T, S>, b: Lanes<T, S>) -> Lanes<T, S> {
    a.max(b)
}

/// The smaller of the two, NaN if either is NaN.
#[inline(always)]
pub fn min<T: Element, S: Simd>(a: Lanes<T, S>, b: Lanes<T, S>) -> Lanes<T, S> {
    a.min(b)
}

/// `a` where the condition holds, `b` elsewhere.
#[inline(always)]
pub fn select<T: Element, S: Simd>(
    condition: LaneMask<T, S>,
    a: Lanes<T, S>,
    b: Lanes<T, S>,
) -> Lanes<T, S> {
    condition.select(a, b)
}
