//! The exponential function.

use pulp::Simd;

use super::{polynomial, splat_like};
use crate::rt::element::has_fused_multiply_add;
use crate::rt::{Element, Lanes};

/// e^x. Overflows to infinity, underflows gradually to zero.
#[inline(always)]
pub fn exp<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    let x = x.at_least(T::EXP_UNDERFLOW).at_most(T::EXP_OVERFLOW);
    if let Some(result) = exp_by_table(x) {
        return result;
    }
    let rounder = T::ROUNDER + T::EXPONENT_BIAS;
    let reduced = Reduced::new(x, rounder);
    let (n, mantissa) = (reduced.n, reduced.exp());
    // 2^n itself may be too large or too small, hence two factors. The first keeps the number in
    // the normal range, so that only the second one rounds.
    let rounder = splat_like(x, rounder);
    let half = n.mul_add(splat_like(x, T::from_f64(0.5)), rounder);
    let rest = n - (half - rounder) + rounder;
    mantissa * power_of_two(half) * power_of_two(rest)
}

/// e^x for x <= 0, which takes fewer steps than [`exp`].
#[inline(always)]
pub(super) fn exp_of_negative<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
    let x = x.at_least(T::EXP_UNDERFLOW);
    if let Some(result) = exp_by_table(x) {
        return result;
    }
    if let Some(result) = exp_by_lifted_table(x) {
        return result;
    }
    let reduced = Reduced::new(x, T::ROUNDER + T::EXPONENT_BIAS + T::LIFT);
    // 2^(n + LIFT) is always normal; the last product is the only one that rounds.
    reduced.exp() * power_of_two(reduced.shifted) * splat_like(x, T::UNLIFT)
}

/// e^x between the bounds of the exponent, if the instruction set finds a number in a table, and multiplies by a power of two, in
/// one go each: 2^⌊n⌋ · 2^(n - ⌊n⌋) · e^r with a multiple n of 1/8. As r is eight times smaller than with an integer n, the
/// polynomial is shorter.
#[inline(always)]
fn exp_by_table<T: Element, S: Simd>(x: Lanes<T, S>) -> Option<Lanes<T, S>> {
    let simd = x.simd();
    let reduced = Reduced::new(x, T::ROUNDER / T::from_f64(8.0));
    let power = Lanes::new(simd, T::vpower(simd, reduced.shifted.vector())?);
    let mantissa = power.mul_add(reduced.short_exp_m1(), power);
    let scaled = T::vscale(simd, mantissa.vector(), reduced.n.vector())?;
    Some(Lanes::new(simd, scaled))
}

/// The same for x <= 0, if the instruction set finds a power of two in a table and scales it by adding to its exponent.
#[inline(always)]
fn exp_by_lifted_table<T: Element, S: Simd>(x: Lanes<T, S>) -> Option<Lanes<T, S>> {
    let simd = x.simd();
    let reduced = Reduced::new(x, T::ROUNDER / T::from_f64(8.0));
    // 2^(n + LIFT) is always normal; the last product is the only one that rounds once more.
    let power = Lanes::new(simd, T::vlifted_power(simd, reduced.shifted.vector())?);
    let lifted = power.mul_add(reduced.short_exp_m1(), power);
    Some(lifted * splat_like(x, T::UNLIFT))
}

/// x = n·ln 2 + r with an integer n and |r| <= ln(2)/2. With a rounder that is eight times smaller, n is a multiple of
/// 1/8, and r as many times smaller.
struct Reduced<T: Element, S: Simd> {
    n: Lanes<T, S>,
    /// n + `rounder`, whose lowest bits are an exponent if `rounder` contains the bias.
    shifted: Lanes<T, S>,
    /// x less n times the leading bits of ln 2: exact.
    leading: Lanes<T, S>,
    r: Lanes<T, S>,
}

impl<T: Element, S: Simd> Reduced<T, S> {
    #[inline(always)]
    fn new(x: Lanes<T, S>, rounder: T) -> Self {
        let rounder = splat_like(x, rounder);
        let shifted = x.mul_add(splat_like(x, T::LOG2_E), rounder);
        let n = shifted - rounder;
        let leading = n.mul_add(splat_like(x, -T::LN_2_HIGH), x);
        let r = n.mul_add(splat_like(x, -T::LN_2_LOW), leading);
        Self {
            n,
            shifted,
            leading,
            r,
        }
    }

    /// e^r - 1, if n is a multiple of 1/8.
    #[inline(always)]
    fn short_exp_m1(&self) -> Lanes<T, S> {
        let r = self.r;
        (r * r).mul_add(polynomial(r, T::EXP_TAIL_WITH_POWERS), r)
    }

    /// e^r.
    #[inline(always)]
    fn exp(&self) -> Lanes<T, S> {
        let r = self.r;
        let one = splat_like(r, T::from_f64(1.0));
        let tail = polynomial(r, T::EXP_TAIL);
        if has_fused_multiply_add::<S>() {
            tail.mul_add(r, one).mul_add(r, one)
        } else {
            // Every product rounds, so the small terms, that of r itself among them, come first.
            let low = self.n * splat_like(r, -T::LN_2_LOW);
            tail * r * r + low + self.leading + one
        }
    }
}

/// 2^n from n + `ROUNDER` + `EXPONENT_BIAS`.
#[inline(always)]
pub(super) fn power_of_two<T: Element, S: Simd>(shifted: Lanes<T, S>) -> Lanes<T, S> {
    let simd = shifted.simd();
    Lanes::new(simd, T::vshift_into_exponent(simd, shifted.vector()))
}
