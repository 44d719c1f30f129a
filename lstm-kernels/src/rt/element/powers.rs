//! Powers of two from a table in a register, scaled by adding to their exponents.

use pulp::Simd;
#[cfg(target_arch = "x86_64")]
use pulp::bytemuck;

#[cfg(target_arch = "x86_64")]
use super::is_set;
#[cfg(target_arch = "x86_64")]
use crate::rt::activations::constants::Constants;

/// Bits of an `f32` behind the exponent, less the three that choose a power.
#[cfg(target_arch = "x86_64")]
const SHIFT: i32 = 23 - 3;

/// 2^(i/8 + LIFT), less what i adds when it is shifted along with the rest of n: the two give a whole power.
#[cfg(target_arch = "x86_64")]
const LIFTED_POWERS: [f32; 8] = {
    let mut powers = [0.0; 8];
    let mut i = 0;
    while i < 8 {
        let bits = (f32::POWERS[i] / f32::UNLIFT).to_bits();
        powers[i] = f32::from_bits(bits - ((i as u32) << SHIFT));
        i += 1;
    }
    powers
};

/// See [`Element::vlifted_power`](super::Element::vlifted_power).
#[inline(always)]
pub(super) fn lifted_power_f32<S: Simd>(simd: S, shifted: S::f32s) -> Option<S::f32s> {
    #[cfg(target_arch = "x86_64")]
    if let Some(set) = is_set::<S, pulp::x86::V3>(simd) {
        // The lowest three bits choose. All above them are the integer part, and those of the rounder leave the register.
        let (powers, shifted) = (bytemuck::cast(LIFTED_POWERS), bytemuck::cast(shifted));
        let power = set.avx2._mm256_permutevar8x32_ps(powers, shifted);
        let exponent = set.avx2._mm256_slli_epi32::<SHIFT>(shifted);
        let lifted = set.avx2._mm256_add_epi32(bytemuck::cast(power), exponent);
        return Some(bytemuck::cast(lifted));
    }
    let _ = (simd, shifted);
    None
}

/// Of double precision, a register of AVX2 has not room for eight.
#[inline(always)]
pub(super) fn no_lifted_power<S: Simd, V>(_simd: S, _shifted: V) -> Option<V> {
    None
}
