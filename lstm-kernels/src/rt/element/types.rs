//! `f32` and `f64` as elements: pulp's operations under the names of [`Element`].

use pulp::{Simd, bytemuck};

use super::exchange::{exchange_f32, exchange_f64};
use super::powers::{lifted_power_f32, no_lifted_power};
use super::{Element, has_fused_multiply_add, has_masked_memory, is_set};
use crate::Cell;
#[cfg(target_arch = "x86_64")]
use crate::rt::activations::constants::Constants;
use crate::rt::equations::Equations;
use crate::rt::sweep::Job;
use crate::rt::width::SimdToken;

/// Shifts each lane's bits by the length of the mantissa.
macro_rules! shift {
    (
        $a:expr, $simd:expr, $bits:ident, $bits_vector:ident, $length:literal,
        $sse:ident, $avx2:ident, $avx512:ident, $neon:ident, $scalar:ident
    ) => {{
        #[cfg(target_arch = "x86_64")]
        {
            use pulp::x86::{V2, V3, V4};
            if let Some(set) = is_set::<S, V4>($simd) {
                return bytemuck::cast(set.avx512f.$avx512::<$length>(bytemuck::cast($a)));
            }
            if let Some(set) = is_set::<S, V3>($simd) {
                return bytemuck::cast(set.avx2.$avx2::<$length>(bytemuck::cast($a)));
            }
            if let Some(set) = is_set::<S, V2>($simd) {
                return bytemuck::cast(set.sse2.$sse::<$length>(bytemuck::cast($a)));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if let Some(set) = is_set::<S, pulp::aarch64::Neon>($simd) {
            return bytemuck::cast(set.neon.$neon::<$length>(bytemuck::cast($a)));
        }
        let mut shifted: S::$bits_vector = bytemuck::cast($a);
        let lanes: &mut [$bits] = bytemuck::cast_slice_mut(core::slice::from_mut(&mut shifted));
        for lane in lanes {
            *lane = lane.$scalar($length);
        }
        bytemuck::cast(shifted)
    }};
}

/// Both implementations are the same text with pulp's names for the type filled in.
macro_rules! impl_element {
    (
        $T:ident, $bits:ident, $mantissa:literal, $vector:ident, $mask:ident, $bits_vector:ident,
        equations: $equations:ident, lanes: $LANES:ident,
        splat: $splat:ident, load: $load:ident, store: $store:ident, between: $between:ident,
        add: $add:ident, sub: $sub:ident, mul: $mul:ident, div: $div:ident,
        neg: $neg:ident, abs: $abs:ident, sqrt: $sqrt:ident, fma: $fma:ident,
        max: $max:ident, min: $min:ident, sum: $sum:ident,
        eq: $eq:ident, gt: $gt:ident, ge: $ge:ident, lt: $lt:ident, le: $le:ident,
        select: $select:ident, and: $and:ident, or: $or:ident,
        left: $sse_left:ident $avx2_left:ident $avx512_left:ident $neon_left:ident,
        right: $sse_right:ident $avx2_right:ident $avx512_right:ident $neon_right:ident,
        scale: $avx512_scale:ident, look_up: $avx512_look_up:ident, lifted_power: $lifted_power:ident,
        exchange: $exchange:ident,
    ) => {
        impl Element for $T {
            type Vector<S: Simd> = S::$vector;
            type Mask<S: Simd> = S::$mask;

            const NAME: &'static str = stringify!($T);

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$LANES
            }
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $T
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline]
            fn equations<C: Cell>() -> Equations<Self> {
                C::$equations()
            }
            // What is inlined elsewhere is compiled elsewhere, once more.
            #[inline(never)]
            fn run_job(token: SimdToken, job: Job<'_, Self>) {
                job.run(token);
            }

            #[inline(always)]
            fn vsplat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }
            #[inline(always)]
            unsafe fn vload_first<S: Simd>(simd: S, source: *const Self, n: usize) -> S::$vector {
                if !has_masked_memory::<S>() && n >= S::$LANES {
                    // SAFETY: all lanes are below `n`.
                    return unsafe { Self::vload(simd, source) };
                }
                let first = Self::vfirst(simd, n);
                // SAFETY: only lanes below `n` are read, which the caller vouches for.
                unsafe { simd.$load(first.into(), source) }
            }
            #[inline(always)]
            unsafe fn vstore_first<S: Simd>(simd: S, target: *mut Self, n: usize, a: S::$vector) {
                if !has_masked_memory::<S>() && n >= S::$LANES {
                    // SAFETY: all lanes are below `n`.
                    return unsafe { Self::vstore(simd, target, a) };
                }
                let first = Self::vfirst(simd, n);
                // SAFETY: only lanes below `n` are written, which the caller vouches for.
                unsafe { simd.$store(first.into(), target, a) }
            }

            #[inline(always)]
            fn vadd<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn vsub<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$sub(a, b)
            }
            #[inline(always)]
            fn vmul<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$mul(a, b)
            }
            #[inline(always)]
            fn vdiv<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$div(a, b)
            }
            #[inline(always)]
            fn vneg<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$neg(a)
            }
            #[inline(always)]
            fn vabs<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$abs(a)
            }
            #[inline(always)]
            fn vsqrt<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$sqrt(a)
            }
            #[inline(always)]
            fn vmul_add<S: Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                c: S::$vector,
            ) -> S::$vector {
                if has_fused_multiply_add::<S>() {
                    simd.$fma(a, b, c)
                } else {
                    simd.$add(simd.$mul(a, b), c)
                }
            }
            #[inline(always)]
            fn vmax<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                if S::IS_SCALAR {
                    // pulp's scalar maximum drops a NaN.
                    simd.$select(simd.$gt(a, b), a, b)
                } else {
                    simd.$max(a, b)
                }
            }
            #[inline(always)]
            fn vmin<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                if S::IS_SCALAR {
                    // pulp's scalar minimum drops a NaN.
                    simd.$select(simd.$lt(a, b), a, b)
                } else {
                    simd.$min(a, b)
                }
            }
            #[inline(always)]
            fn vsum<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }

            #[inline(always)]
            fn veq<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$eq(a, b)
            }
            #[inline(always)]
            fn vgt<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$gt(a, b)
            }
            #[inline(always)]
            fn vge<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$ge(a, b)
            }
            #[inline(always)]
            fn vlt<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$lt(a, b)
            }
            #[inline(always)]
            fn vle<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$mask {
                simd.$le(a, b)
            }
            #[inline(always)]
            fn vfirst<S: Simd>(simd: S, n: usize) -> S::$mask {
                // At most 16 lanes, so nothing is lost in the cast.
                simd.$between(0, n.min(S::$LANES) as $bits).mask()
            }
            #[inline(always)]
            fn vselect<S: Simd>(
                simd: S,
                mask: S::$mask,
                a: S::$vector,
                b: S::$vector,
            ) -> S::$vector {
                simd.$select(mask, a, b)
            }

            #[inline(always)]
            fn vand<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$and(a, b)
            }
            #[inline(always)]
            fn vor<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$or(a, b)
            }
            #[inline(always)]
            fn vshift_into_exponent<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                shift!(
                    a,
                    simd,
                    $bits,
                    $bits_vector,
                    $mantissa,
                    $sse_left,
                    $avx2_left,
                    $avx512_left,
                    $neon_left,
                    wrapping_shl
                )
            }
            #[inline(always)]
            fn vshift_out_of_exponent<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                shift!(
                    a,
                    simd,
                    $bits,
                    $bits_vector,
                    $mantissa,
                    $sse_right,
                    $avx2_right,
                    $avx512_right,
                    $neon_right,
                    wrapping_shr
                )
            }
            #[inline(always)]
            fn vscale<S: Simd>(simd: S, a: S::$vector, n: S::$vector) -> Option<S::$vector> {
                #[cfg(target_arch = "x86_64")]
                if let Some(set) = is_set::<S, pulp::x86::V4>(simd) {
                    let scaled = set
                        .avx512f
                        .$avx512_scale(bytemuck::cast(a), bytemuck::cast(n));
                    return Some(bytemuck::cast(scaled));
                }
                let _ = (simd, a, n);
                None
            }
            #[inline(always)]
            fn vpower<S: Simd>(simd: S, place: S::$vector) -> Option<S::$vector> {
                #[cfg(target_arch = "x86_64")]
                if let Some(set) = is_set::<S, pulp::x86::V4>(simd) {
                    // The lowest three bits choose, or four, of which the highest makes no difference.
                    let powers = [<$T as Constants>::POWERS; 8 / size_of::<$T>()];
                    let powers = bytemuck::cast(powers);
                    let power = set.avx512f.$avx512_look_up(bytemuck::cast(place), powers);
                    return Some(bytemuck::cast(power));
                }
                let _ = (simd, place);
                None
            }
            #[inline(always)]
            fn vlifted_power<S: Simd>(simd: S, shifted: S::$vector) -> Option<S::$vector> {
                $lifted_power(simd, shifted)
            }
            #[inline(always)]
            fn vexchange<S: Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                distance: usize,
            ) -> (S::$vector, S::$vector) {
                $exchange(simd, a, b, distance)
            }
        }
    };
}

impl_element! {
    f32, u32, 23, f32s, m32s, u32s,
    equations: equations_f32, lanes: F32_LANES,
    splat: splat_f32s, load: mask_load_ptr_f32s, store: mask_store_ptr_f32s,
    between: mask_between_m32s,
    add: add_f32s, sub: sub_f32s, mul: mul_f32s, div: div_f32s,
    neg: neg_f32s, abs: abs_f32s, sqrt: sqrt_f32s, fma: mul_add_f32s,
    max: max_f32s, min: min_f32s, sum: reduce_sum_f32s,
    eq: equal_f32s, gt: greater_than_f32s, ge: greater_than_or_equal_f32s,
    lt: less_than_f32s, le: less_than_or_equal_f32s,
    select: select_f32s, and: and_f32s, or: or_f32s,
    left: _mm_slli_epi32 _mm256_slli_epi32 _mm512_slli_epi32 vshlq_n_u32,
    right: _mm_srli_epi32 _mm256_srli_epi32 _mm512_srli_epi32 vshrq_n_u32,
    scale: _mm512_scalef_ps, look_up: _mm512_permutexvar_ps, lifted_power: lifted_power_f32,
    exchange: exchange_f32,
}

impl_element! {
    f64, u64, 52, f64s, m64s, u64s,
    equations: equations_f64, lanes: F64_LANES,
    splat: splat_f64s, load: mask_load_ptr_f64s, store: mask_store_ptr_f64s,
    between: mask_between_m64s,
    add: add_f64s, sub: sub_f64s, mul: mul_f64s, div: div_f64s,
    neg: neg_f64s, abs: abs_f64s, sqrt: sqrt_f64s, fma: mul_add_f64s,
    max: max_f64s, min: min_f64s, sum: reduce_sum_f64s,
    eq: equal_f64s, gt: greater_than_f64s, ge: greater_than_or_equal_f64s,
    lt: less_than_f64s, le: less_than_or_equal_f64s,
    select: select_f64s, and: and_f64s, or: or_f64s,
    left: _mm_slli_epi64 _mm256_slli_epi64 _mm512_slli_epi64 vshlq_n_u64,
    right: _mm_srli_epi64 _mm256_srli_epi64 _mm512_srli_epi64 vshrq_n_u64,
    scale: _mm512_scalef_pd, look_up: _mm512_permutexvar_pd, lifted_power: no_lifted_power,
    exchange: exchange_f64,
}
