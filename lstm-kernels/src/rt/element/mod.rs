//! The two number types, and what a register of them can do.

mod exchange;
mod powers;
mod types;

use core::any::{Any, TypeId};
use core::fmt::{Debug, Display};

use pulp::{Simd, bytemuck};

use super::activations::constants::Constants;
use super::equations::Equations;
use super::sweep::Job;
use super::width::SimdToken;
use crate::Cell;

/// A number type of the kernels: `f32` or `f64`, and nothing else.
///
/// The functions whose names begin with `v` work on one register of the instruction set `S`, lane
/// by lane; [`Lanes`](super::Lanes) wraps them in operators. They must run inside a region that
/// [`SimdToken::dispatch`](super::SimdToken::dispatch) entered, or they are compiled to slow
/// function calls. All of them are inlined.
pub trait Element:
    Constants
    + faer::traits::RealField
    + bytemuck::Pod
    + Copy
    + Default
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + 'static
{
    /// A register of this type under the instruction set `S`.
    type Vector<S: Simd>: Copy + Debug + Send + Sync + 'static;
    /// One truth value a lane.
    type Mask<S: Simd>: Copy + Debug + Send + Sync + 'static;

    /// The name of the type in Rust: `f32` or `f64`.
    const NAME: &'static str;

    /// The number of lanes of a register.
    fn lanes<S: Simd>() -> usize;
    /// The nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// The same value in double precision; exact.
    fn to_f64(self) -> f64;

    /// The equations of a cell for this type.
    #[doc(hidden)]
    fn equations<C: Cell>() -> Equations<Self>;
    /// Does a job, by code that is compiled once, in this crate.
    #[doc(hidden)]
    fn run_job(token: SimdToken, job: Job<'_, Self>);

    /// `x` in every lane.
    fn vsplat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;

    /// A whole register from memory of any alignment.
    ///
    /// # Safety
    /// `source` is valid for reads of [`lanes`](Element::lanes) elements.
    #[inline(always)]
    unsafe fn vload<S: Simd>(_simd: S, source: *const Self) -> Self::Vector<S> {
        // SAFETY: a register is `lanes` elements side by side, which the caller vouches for.
        unsafe { source.cast::<Self::Vector<S>>().read_unaligned() }
    }

    /// A whole register to memory of any alignment.
    ///
    /// # Safety
    /// `target` is valid for writes of [`lanes`](Element::lanes) elements.
    #[inline(always)]
    unsafe fn vstore<S: Simd>(_simd: S, target: *mut Self, a: Self::Vector<S>) {
        // SAFETY: a register is `lanes` elements side by side, which the caller vouches for.
        unsafe { target.cast::<Self::Vector<S>>().write_unaligned(a) }
    }

    /// The first `n` lanes from memory, zero in the others; all lanes when `n` is larger.
    ///
    /// # Safety
    /// `source` is valid for reads of `min(n, lanes)` elements; memory behind them is not touched.
    unsafe fn vload_first<S: Simd>(simd: S, source: *const Self, n: usize) -> Self::Vector<S>;

    /// The first `n` lanes to memory; all lanes when `n` is larger.
    ///
    /// # Safety
    /// `target` is valid for writes of `min(n, lanes)` elements; memory behind them is not touched.
    unsafe fn vstore_first<S: Simd>(simd: S, target: *mut Self, n: usize, a: Self::Vector<S>);

    /// `a + b`.
    fn vadd<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a - b`.
    fn vsub<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a · b`.
    fn vmul<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a / b`.
    fn vdiv<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `-a`.
    fn vneg<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// `|a|`.
    fn vabs<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// The square root, correctly rounded.
    fn vsqrt<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// `a · b + c`, rounded once where the instruction set has fused multiplication and addition
    /// (AVX2, AVX-512, NEON), and twice where it has not (scalar, SSE).
    fn vmul_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// The larger of the two. A lane where `b` is NaN becomes NaN; one where only `a` is NaN is
    /// unspecified.
    fn vmax<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The smaller of the two. A lane where `b` is NaN becomes NaN; one where only `a` is NaN is
    /// unspecified.
    fn vmin<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The sum of all lanes, by halves: lane `i` and lane `i + lanes/2` first, and so on.
    fn vsum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;

    /// `a == b`.
    fn veq<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// `a > b`.
    fn vgt<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// `a >= b`.
    fn vge<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// `a < b`.
    fn vlt<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// `a <= b`.
    fn vle<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Mask<S>;
    /// True in the first `n` lanes.
    fn vfirst<S: Simd>(simd: S, n: usize) -> Self::Mask<S>;
    /// `a` where the mask is true, `b` elsewhere.
    fn vselect<S: Simd>(
        simd: S,
        mask: Self::Mask<S>,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// The bits that are set in both.
    fn vand<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The bits that are set in either.
    fn vor<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The bits shifted left by the length of the mantissa, so that the lowest bits land in the
    /// exponent field.
    fn vshift_into_exponent<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// The bits shifted right by the length of the mantissa, so that the exponent field becomes
    /// the lowest bits.
    fn vshift_out_of_exponent<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// `a · 2^⌊n⌋`, rounded once, if the instruction set can do it in one go.
    fn vscale<S: Simd>(simd: S, a: Self::Vector<S>, n: Self::Vector<S>) -> Option<Self::Vector<S>>;

    /// 2^(i/8) for the i in the lowest three bits of each lane, if the instruction set finds it in one go.
    fn vpower<S: Simd>(simd: S, place: Self::Vector<S>) -> Option<Self::Vector<S>>;
    /// 2^(n + `LIFT`) for the n in each lane, a multiple of 1/8 to which `ROUNDER`/8 was added, if the instruction set
    /// finds the power in one go, and goes on with integers. The power must be a normal number.
    fn vlifted_power<S: Simd>(simd: S, shifted: Self::Vector<S>) -> Option<Self::Vector<S>>;

    /// Every second stretch of so many lanes of `a`, a power of two, changes places with the stretch before it of `b`.
    fn vexchange<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        distance: usize,
    ) -> (Self::Vector<S>, Self::Vector<S>);
}

/// Whether `S` multiplies and adds in one instruction. Known when `S` is, so it costs nothing.
///
/// pulp emulates a missing fused operation by a call to the mathematics library for every lane.
#[inline(always)]
pub(super) fn has_fused_multiply_add<S: Simd>() -> bool {
    let set = TypeId::of::<S>();
    #[cfg(target_arch = "x86_64")]
    let fused = set == TypeId::of::<pulp::x86::V3>() || set == TypeId::of::<pulp::x86::V4>();
    #[cfg(target_arch = "aarch64")]
    let fused = set == TypeId::of::<pulp::aarch64::Neon>();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let (fused, _) = (false, set);
    fused
}

/// Whether a register with a mask goes to memory as fast as a whole one. Some processors with AVX2 take dozens of cycles for it, and
/// for older sets pulp goes lane by lane.
#[inline(always)]
pub(super) fn has_masked_memory<S: Simd>() -> bool {
    #[cfg(target_arch = "x86_64")]
    return TypeId::of::<S>() == TypeId::of::<pulp::x86::V4>();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The instruction set `S` as the concrete `V`, if that is what it is. Known when `S` is, so it
/// costs nothing; it gives generic code what only one instruction set offers.
#[inline(always)]
fn is_set<S: Simd, V: Simd>(simd: S) -> Option<V> {
    (&simd as &dyn Any).downcast_ref().copied()
}
