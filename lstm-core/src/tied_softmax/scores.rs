//! What is done to the scores of a block of words, on SIMD registers. A word's scores of all samples lie side by side.

use lstm_kernels::Element;
use lstm_kernels::rt::activations::exp;
use lstm_kernels::rt::{Lanes, Simd};
use pulp::WithSimd;

/// Each sample's maximum becomes the largest of itself and its scores, with the words' biases added.
pub(super) struct Raise<'a, T> {
    pub scores: &'a [T],
    pub bias: &'a [T],
    pub max: &'a mut [T],
}

/// Each score s becomes e^(s + bias - max) of its word and sample; `sums` grows by the sums of each sample.
pub(super) struct Exponentiate<'a, T> {
    pub scores: &'a mut [T],
    pub bias: &'a [T],
    pub max: &'a [T],
    pub sums: &'a mut [T],
}

/// Each number is multiplied with its sample's scale; `sums` grows by the sum of each word.
pub(super) struct Scale<'a, T> {
    pub values: &'a mut [T],
    pub scales: &'a [T],
    pub sums: &'a mut [T],
}

impl<T: Element> WithSimd for Raise<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (samples, lanes) = (self.max.len(), T::lanes::<S>());
        for (scores, &bias) in self.scores.chunks_exact(samples).zip(self.bias) {
            let bias = Lanes::splat(simd, bias);
            let registers = scores.chunks(lanes).zip(self.max.chunks_mut(lanes));
            for (scores, max) in registers {
                let raised = (load(simd, scores) + bias).max(load(simd, max));
                store(raised, max);
            }
        }
    }
}

impl<T: Element> WithSimd for Exponentiate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (samples, lanes) = (self.max.len(), T::lanes::<S>());
        for (scores, &bias) in self.scores.chunks_exact_mut(samples).zip(self.bias) {
            let bias = Lanes::splat(simd, bias);
            let of_samples = self.max.chunks(lanes).zip(self.sums.chunks_mut(lanes));
            for (scores, (max, sums)) in scores.chunks_mut(lanes).zip(of_samples) {
                let power = exp((load(simd, scores) + bias) - load(simd, max));
                store(power, scores);
                store(load(simd, sums) + power, sums);
            }
        }
    }
}

impl<T: Element> WithSimd for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (samples, lanes) = (self.scales.len(), T::lanes::<S>());
        for (values, sum) in self.values.chunks_exact_mut(samples).zip(self.sums) {
            let mut total = Lanes::zero(simd);
            for (values, scales) in values.chunks_mut(lanes).zip(self.scales.chunks(lanes)) {
                let scaled = load(simd, values) * load(simd, scales);
                store(scaled, values);
                total += scaled.keep_first(values.len());
            }
            *sum += total.sum();
        }
    }
}

/// A register that begins with `values`, at most as many as it holds.
#[inline(always)]
fn load<S: Simd, T: Element>(simd: S, values: &[T]) -> Lanes<T, S> {
    match values.len() == T::lanes::<S>() {
        // SAFETY: there are as many values as a register holds.
        true => unsafe { Lanes::load(simd, values.as_ptr()) },
        // SAFETY: only these values are read, and they are fewer.
        false => unsafe { Lanes::load_first(simd, values.as_ptr(), values.len()) },
    }
}

/// Writes as much of a register as `values` takes, at most as many as it holds.
#[inline(always)]
fn store<S: Simd, T: Element>(register: Lanes<T, S>, values: &mut [T]) {
    match values.len() == T::lanes::<S>() {
        // SAFETY: there is room for all of the register.
        true => unsafe { register.store(values.as_mut_ptr()) },
        // SAFETY: only these values are written, and they are fewer.
        false => unsafe { register.store_first(values.as_mut_ptr(), values.len()) },
    }
}

#[cfg(test)]
mod tests {
    use lstm_kernels::Width;

    use super::*;
    use crate::random::Rng;

    /// Samples that fill registers of any width, that do not, and that need several.
    #[test]
    fn every_width_does_what_is_said_for_any_number_of_samples() {
        for width in Width::available() {
            let token = width.token().unwrap();
            let mut rng = Rng::new(4);
            for samples in [1, 2, 7, 8, 16, 21] {
                let words = 3;
                let mut draw = |len| (0..len).map(|_| rng.symmetric(3.0)).collect::<Vec<f64>>();
                let (scores, bias) = (draw(words * samples), draw(words));
                let (mut max, mut sums) = (vec![f64::NEG_INFINITY; samples], vec![1.0; samples]);
                token.dispatch(Raise {
                    scores: &scores,
                    bias: &bias,
                    max: &mut max,
                });
                let mut powers = scores.clone();
                token.dispatch(Exponentiate {
                    scores: &mut powers,
                    bias: &bias,
                    max: &max,
                    sums: &mut sums,
                });
                let (scales, mut of_words) = (draw(samples), vec![2.0; words]);
                let mut scaled = powers.clone();
                token.dispatch(Scale {
                    values: &mut scaled,
                    scales: &scales,
                    sums: &mut of_words,
                });
                for sample in 0..samples {
                    let biased = |word: usize| scores[word * samples + sample] + bias[word];
                    let largest = (0..words).map(biased).fold(f64::NEG_INFINITY, f64::max);
                    assert_eq!(max[sample], largest);
                    let exact = |word: usize| (biased(word) - largest).exp();
                    for word in 0..words {
                        let power = powers[word * samples + sample];
                        // At most 1, right to 2 units in the last place.
                        assert!((power - exact(word)).abs() < 5e-16);
                        assert_eq!(scaled[word * samples + sample], power * scales[sample]);
                    }
                    let sum = 1.0 + (0..words).map(exact).sum::<f64>();
                    assert!((sums[sample] - sum).abs() < 5e-15);
                }
                for (values, sum) in scaled.chunks(samples).zip(of_words) {
                    // Up to 21 numbers of at most 3, added in another order.
                    assert!((2.0 + values.iter().sum::<f64>() - sum).abs() < 1e-13);
                }
            }
        }
    }
}
