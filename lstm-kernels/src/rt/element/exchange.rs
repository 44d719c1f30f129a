//! Exchanges between two registers, of which transpositions are made.
//!
//! At a distance d, the lanes of a register are cut into stretches of d. Every second stretch of the first register changes
//! places with the stretch before it of the second one: \[a0 a1 a2 a3\] and \[b0 b1 b2 b3\] at a distance of 1 become
//! \[a0 b0 a2 b2\] and \[a1 b1 a3 b3\].

use pulp::{Simd, bytemuck};

#[cfg(target_arch = "x86_64")]
use super::is_set;

/// The exchange of one number type.
macro_rules! exchange {
    (
        $name:ident, $T:ident, $vector:ident, $index:ident, [$($distance:literal)*], $N:literal,
        $permute:ident, |$set:ident, $a:ident, $b:ident, $d:ident| $avx2:expr
    ) => {
        #[inline(always)]
        pub(super) fn $name<S: Simd>(
            simd: S,
            mut $a: S::$vector,
            mut $b: S::$vector,
            $d: usize,
        ) -> (S::$vector, S::$vector) {
            #[cfg(target_arch = "x86_64")]
            {
                if let Some(set) = is_set::<S, pulp::x86::V4>(simd) {
                    const LANES: &[[[$index; $N]; 2]] = &[$(lanes($distance)),*];
                    /// Which lanes make the first and the second result: those of the second register from N on.
                    const fn lanes(distance: $index) -> [[$index; $N]; 2] {
                        let mut lanes = [[0; $N]; 2];
                        let mut lane = 0;
                        while lane < $N {
                            let is_moved = lane & distance != 0;
                            let first = if is_moved { $N + lane - distance } else { lane };
                            let second = if is_moved { $N + lane } else { lane + distance };
                            lanes[0][lane as usize] = first;
                            lanes[1][lane as usize] = second;
                            lane += 1;
                        }
                        lanes
                    }
                    let permute = |lanes: [$index; $N]| {
                        let (a, b) = (bytemuck::cast($a), bytemuck::cast($b));
                        bytemuck::cast(set.avx512f.$permute(a, bytemuck::cast(lanes), b))
                    };
                    let [first, second] = LANES[$d.ilog2() as usize];
                    return (permute(first), permute(second));
                }
                if let Some($set) = is_set::<S, pulp::x86::V3>(simd) {
                    let ($a, $b) = (bytemuck::cast($a), bytemuck::cast($b));
                    let (first, second) = $avx2;
                    return (bytemuck::cast(first), bytemuck::cast(second));
                }
            }
            let _ = simd;
            let first: &mut [$T] = bytemuck::cast_slice_mut(core::slice::from_mut(&mut $a));
            let second: &mut [$T] = bytemuck::cast_slice_mut(core::slice::from_mut(&mut $b));
            for lane in 0..first.len() {
                if lane & $d != 0 {
                    core::mem::swap(&mut first[lane], &mut second[lane - $d]);
                }
            }
            ($a, $b)
        }
    };
}

exchange! {
    exchange_f32, f32, f32s, i32, [1 2 4 8], 16,
    _mm512_permutex2var_ps,
    |set, a, b, d| match d {
        1 => (
            set.avx._mm256_blend_ps::<0b1010_1010>(a, set.avx._mm256_moveldup_ps(b)),
            set.avx._mm256_blend_ps::<0b1010_1010>(set.avx._mm256_movehdup_ps(a), b),
        ),
        2 => {
            let (a, b) = (bytemuck::cast(a), bytemuck::cast(b));
            (
                bytemuck::cast(set.avx._mm256_unpacklo_pd(a, b)),
                bytemuck::cast(set.avx._mm256_unpackhi_pd(a, b)),
            )
        }
        _ => (
            set.avx._mm256_permute2f128_ps::<0x20>(a, b),
            set.avx._mm256_permute2f128_ps::<0x31>(a, b),
        ),
    }
}

exchange! {
    exchange_f64, f64, f64s, i64, [1 2 4], 8,
    _mm512_permutex2var_pd,
    |set, a, b, d| match d {
        1 => (
            set.avx._mm256_unpacklo_pd(a, b),
            set.avx._mm256_unpackhi_pd(a, b),
        ),
        _ => (
            set.avx._mm256_permute2f128_pd::<0x20>(a, b),
            set.avx._mm256_permute2f128_pd::<0x31>(a, b),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use pulp::WithSimd;

    use crate::rt::{Element, Lanes, Width};

    /// Transposes a square of numbers that name their place.
    struct Square<T>(PhantomData<T>);

    impl<T: Element> WithSimd for Square<T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, simd: S) {
            let lanes = T::lanes::<S>();
            let number = |row: usize, lane: usize| T::from_f64((100 * row + lane) as f64);
            let row = |row: usize| -> Vec<T> { (0..lanes).map(|lane| number(row, lane)).collect() };
            // SAFETY: each row has as many numbers as a register.
            let load = |index: usize| unsafe { Lanes::<T, S>::load(simd, row(index).as_ptr()) };
            let mut square: Vec<_> = (0..lanes).map(load).collect();
            Lanes::transpose(&mut square);
            for (column, lane) in square.iter().enumerate() {
                let mut found = vec![T::default(); lanes];
                // SAFETY: as above.
                unsafe { lane.store(found.as_mut_ptr()) };
                let expected: Vec<T> = (0..lanes).map(|row| number(row, column)).collect();
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn squares_are_transposed_on_every_instruction_set() {
        for width in Width::available() {
            let token = width.token().unwrap();
            token.dispatch(Square::<f32>(PhantomData));
            token.dispatch(Square::<f64>(PhantomData));
        }
    }
}
