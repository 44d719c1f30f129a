//! Exponentials of whole columns, on SIMD registers.

use lstm_kernels::rt::activations::exp;
use lstm_kernels::rt::{Lanes, Simd, SimdToken};
use lstm_kernels::{Element, KernelError, Width};
use pulp::WithSimd;

use crate::error::Result;

/// So many numbers are summed in their own type, lane by lane; the sums of longer columns are taken in double precision
/// from block to block, so that a vocabulary of any size costs no accuracy.
const BLOCK: usize = 512;

/// The largest number; -∞ if there is none. What is not a number is passed over.
pub(crate) fn maximum<T: Element>(values: &[T]) -> T {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let (chunks, rest) = values.as_chunks::<16>();
    // Sixteen independent maxima, which the compiler keeps in registers.
    let mut best = [T::from_f64(f64::NEG_INFINITY); 16];
    for chunk in chunks {
        for (best, &value) in best.iter_mut().zip(chunk) {
            *best = larger(*best, value);
        }
    }
    let candidates = best.iter().chain(rest).copied();
    candidates.fold(T::from_f64(f64::NEG_INFINITY), larger)
}

/// The exponential function by this machine's widest registers.
#[derive(Clone, Copy)]
pub(crate) struct Exponentials(SimdToken);

impl Exponentials {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Width::best().token().map_err(KernelError::from)?))
    }

    /// Runs other work on the same registers.
    pub(crate) fn dispatch<W: WithSimd>(self, work: W) -> W::Output {
        self.0.dispatch(work)
    }

    /// How many numbers its registers hold.
    pub(crate) fn lanes<T: Element>(self) -> usize {
        self.0.width().lanes::<T>()
    }

    /// Every number x becomes e^(x - shift); returns their sum.
    pub(crate) fn replace<T: Element>(self, values: &mut [T], shift: T) -> f64 {
        let blocks = values.chunks_mut(BLOCK);
        blocks.map(|values| self.block(values, shift)).sum()
    }

    /// The sum of e^(x - shift): to the bit that of [`replace`](Self::replace).
    pub(crate) fn sum<T: Element>(self, values: &[T], shift: T) -> f64 {
        let mut copy = [T::from_f64(0.0); BLOCK];
        let sum = |values: &[T]| {
            let copy = &mut copy[..values.len()];
            copy.copy_from_slice(values);
            self.block(copy, shift)
        };
        values.chunks(BLOCK).map(sum).sum()
    }

    fn block<T: Element>(self, values: &mut [T], shift: T) -> f64 {
        self.0.dispatch(Exponentiate { values, shift }).to_f64()
    }
}

struct Exponentiate<'a, T> {
    values: &'a mut [T],
    shift: T,
}

impl<T: Element> WithSimd for Exponentiate<'_, T> {
    type Output = T;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> T {
        let shift = Lanes::splat(simd, self.shift);
        let mut sum = Lanes::zero(simd);
        let mut registers = self.values.chunks_exact_mut(T::lanes::<S>());
        for register in &mut registers {
            let power = exp(Lanes::read(simd, register) - shift);
            power.write(register);
            sum += power;
        }
        let rest = registers.into_remainder();
        let power = exp(Lanes::read_first(simd, rest) - shift);
        power.write_first(rest);
        sum += power.keep_first(rest.len());
        sum.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    #[test]
    fn exponentials_are_those_of_the_standard_library_on_every_width_at_every_length() {
        for width in Width::available() {
            let exponentials = Exponentials(width.token().unwrap());
            let mut rng = Rng::new(8);
            for len in (0..40).chain([511, 512, 513, 1500]) {
                let values: Vec<f64> = (0..len).map(|_| rng.symmetric(5.0)).collect();
                let mut powers = values.clone();
                let sum = exponentials.replace(&mut powers, 1.5);
                for (value, power) in values.iter().zip(&powers) {
                    // Both are right to 2 units in the last place of at most e^3.5 = 33: 2 · 7e-15.
                    assert!(((value - 1.5).exp() - power).abs() < 2e-14);
                }
                // Rounding of at most 1500 additions, each by 1e-16 of the sum at most.
                assert!((powers.iter().sum::<f64>() - sum).abs() <= 2e-13 * sum);
                assert_eq!(sum, exponentials.sum(&values, 1.5));
            }
        }
    }

    #[test]
    fn long_sums_in_single_precision_keep_their_digits() {
        // 100,000 equal terms: a plain sum in f32 is off by 1e-4 of itself.
        let values = vec![0.1f32; 100_000];
        let sum = Exponentials::new().unwrap().sum(&values, 0.0);
        let expected = 1e5 * f64::from(0.1f32.exp());
        assert!((sum / expected - 1.0).abs() < 1e-6, "{sum} {expected}");
    }

    #[test]
    fn the_largest_is_found_anywhere() {
        for len in [1, 5, 16, 17, 40] {
            for at in 0..len {
                let mut values = vec![-3.0f32; len];
                values[at] = 2.0;
                assert_eq!(maximum(&values), 2.0);
            }
        }
        assert_eq!(maximum(&[f64::NAN, 1.0]), 1.0);
        assert_eq!(maximum::<f32>(&[]), f32::NEG_INFINITY);
    }
}
