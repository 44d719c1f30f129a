//! What is done with a block of words, on SIMD registers: scores and exponentials forth, gradients back.
//!
//! Samples lie in [`Panels`]: a panel holds, word after word, the numbers of its samples. It passes through all that is done
//! with it while it lies in the first level of the cache.

use std::ops::Range;

use lstm_kernels::Element;
use lstm_kernels::rt::activations::exp;
use lstm_kernels::rt::dense::{Factor, Start, multiply};
use lstm_kernels::rt::{Lanes, Simd};
use pulp::WithSimd;

use super::panels::Panels;

/// So many exponentials of a sample are summed in their own type; sums of these are taken in double precision.
const RUN: usize = 64;

/// A sample whose target is a word of the block, and the score of that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<T> {
    pub sample: usize,
    /// Counted from the first word of the block.
    pub word: usize,
    pub score: T,
}

/// The samples of a call.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a, T> {
    pub panels: Panels,
    /// The length of their vectors.
    pub len: usize,
    /// x with a row for each sample, in panels of one height.
    pub rows: &'a [T],
}

/// The words of a block.
#[derive(Clone, Copy)]
pub(super) struct Words<'a, T> {
    /// Their vectors, one after the other.
    pub vectors: &'a [T],
    pub bias: &'a [T],
}

/// Finds the largest score of each sample, and replaces each score s by e^(s - max), unless the scores are to be kept.
pub(super) struct Exponentiate<'a, T> {
    pub samples: Samples<'a, T>,
    pub words: Words<'a, T>,
    /// Of each panel for each word.
    pub values: &'a mut [T],
    pub max: &'a mut [T],
    /// Of the exponentials of each sample.
    pub sums: &'a mut [f64],
    /// In the order of the samples.
    pub targets: &'a mut [Target<T>],
    /// Whether only the sums are of exponentials, and the values are the scores.
    pub keeps_scores: bool,
}

/// Goes back from the loss to the scores, and from these to the vectors of samples and words.
pub(super) struct Differentiate<'a, T> {
    pub samples: Samples<'a, T>,
    pub words: Words<'a, T>,
    /// What [`Exponentiate`] left.
    pub values: &'a [T],
    /// The factor of each sample that makes gradients of the exponentials; zero for padding.
    pub scales: &'a [T],
    pub targets: &'a [Target<T>],
    /// What the gradient of a target's score is less.
    pub share: T,
    /// x with a column for each sample and a row of ones below, in panels.
    pub columns: &'a [T],
    /// These panels.
    pub features: Panels,
    /// Room for the gradients of the scores, which lie as `values` do.
    pub gradients: &'a mut [T],
    /// Room for the gradient of the words' vectors, and below them of the biases, in panels.
    pub sums: &'a mut [T],
    /// What to add to.
    pub of_table: &'a mut [T],
    /// What to add to.
    pub of_bias: &'a mut [T],
    /// What to add the gradient of x to, in panels of samples, if it is wanted.
    pub dx: Option<&'a mut [T]>,
}

impl<T: Element> WithSimd for Exponentiate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for rows in self.samples.panels.rows() {
            match rows.len() / T::lanes::<S>() {
                1 => self.panel::<S, 1>(simd, rows),
                2 => self.panel::<S, 2>(simd, rows),
                _ => self.panel::<S, 3>(simd, rows),
            }
        }
    }
}

impl<T: Element> Exponentiate<'_, T> {
    /// A panel of P lane vectors.
    #[inline(always)]
    fn panel<S: Simd, const P: usize>(&mut self, simd: S, rows: Range<usize>) {
        let (samples, words) = (self.samples, self.words);
        let (len, count) = (samples.len, words.bias.len());
        let values = &mut self.values[rows.start * count..rows.end * count];
        let vectors = Factor {
            numbers: words.vectors,
            planes: 1,
            plane_stride: 0,
            depth: len,
            stride: 1,
            columns: count,
            column_stride: len,
        };
        let x = &samples.rows[rows.start * len..rows.end * len];
        multiply(simd, P, x, &vectors, Start::Columns(words.bias), values);
        for target in targets_of(self.targets, &rows) {
            let target = &mut self.targets[target];
            target.score = values[target.word * rows.len() + target.sample - rows.start];
        }

        let lanes = T::lanes::<S>();
        let mut max = [Lanes::splat(simd, T::from_f64(f64::NEG_INFINITY)); P];
        for scores in values.chunks_exact(P * lanes) {
            for (max, scores) in max.iter_mut().zip(scores.chunks_exact(lanes)) {
                // A score that is not a number may get lost here, but not from the sum.
                let larger = T::vmax(simd, max.vector(), Lanes::read(simd, scores).vector());
                *max = Lanes::new(simd, larger);
            }
        }
        for (max, found) in max
            .iter()
            .zip(self.max[rows.clone()].chunks_exact_mut(lanes))
        {
            max.write(found);
        }
        // Where all words are ruled out, any shift leaves exponentials of zero.
        let none = Lanes::splat(simd, T::from_f64(f64::NEG_INFINITY));
        let mut shift = max;
        for shift in &mut shift {
            *shift = shift.le(none).select(Lanes::zero(simd), *shift);
        }
        let (keeps_scores, sums) = (self.keeps_scores, &mut self.sums[rows]);
        sums.fill(0.0);
        for values in values.chunks_mut(RUN * P * lanes) {
            let mut partial = [Lanes::zero(simd); P];
            for values in values.chunks_exact_mut(P * lanes) {
                for (p, values) in values.chunks_exact_mut(lanes).enumerate() {
                    let power = exp(Lanes::read(simd, values) - shift[p]);
                    if !keeps_scores {
                        power.write(values);
                    }
                    partial[p] += power;
                }
            }
            for (sums, partial) in sums.chunks_exact_mut(lanes).zip(partial) {
                let mut numbers = [T::default(); MAX_LANES];
                partial.write(&mut numbers[..lanes]);
                (sums.iter_mut().zip(numbers)).for_each(|(sum, part)| *sum += part.to_f64());
            }
        }
    }
}

impl<T: Element> WithSimd for Differentiate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for rows in self.samples.panels.rows() {
            self.panel(simd, rows);
        }
        let count = self.words.bias.len();
        let panels = self.samples.panels;
        let height = panels.padded() / panels.count().max(1);
        let gradients = Factor {
            numbers: self.gradients,
            planes: panels.count(),
            plane_stride: height * count,
            depth: height,
            stride: 1,
            columns: count,
            column_stride: height,
        };
        for rows in self.features.rows() {
            let x = &self.columns[rows.start * panels.padded()..rows.end * panels.padded()];
            let sums = &mut self.sums[rows.start * count..rows.end * count];
            let high = rows.len() / T::lanes::<S>();
            multiply(simd, high, x, &gradients, Start::Zero, sums);
        }
        let len = self.samples.len;
        self.features.add_to(self.sums, count, len, self.of_table);
        self.features
            .add_row_to(self.sums, count, len, self.of_bias);
    }
}

impl<T: Element> Differentiate<'_, T> {
    /// The gradients of the scores, and from these that of x.
    #[inline(always)]
    fn panel<S: Simd>(&mut self, simd: S, rows: Range<usize>) {
        let (len, count) = (self.samples.len, self.words.bias.len());
        let lanes = T::lanes::<S>();
        let (values, gradients) = (
            &self.values[rows.start * count..rows.end * count],
            &mut self.gradients[rows.start * count..rows.end * count],
        );
        let scales = &self.scales[rows.clone()];
        let words = gradients.chunks_exact_mut(rows.len());
        for (gradients, values) in words.zip(values.chunks_exact(rows.len())) {
            let registers = values.chunks_exact(lanes).zip(scales.chunks_exact(lanes));
            for (gradients, (values, scales)) in gradients.chunks_exact_mut(lanes).zip(registers) {
                let gradient = Lanes::read(simd, values) * Lanes::read(simd, scales);
                gradient.write(gradients);
            }
        }
        for target in &self.targets[targets_of(self.targets, &rows)] {
            gradients[target.word * rows.len() + target.sample - rows.start] -= self.share;
        }
        if let Some(dx) = &mut self.dx {
            let vectors = Factor {
                numbers: self.words.vectors,
                planes: 1,
                plane_stride: 0,
                depth: count,
                stride: len,
                columns: len,
                column_stride: 1,
            };
            let dx = &mut dx[rows.start * len..rows.end * len];
            let high = rows.len() / lanes;
            multiply(simd, high, gradients, &vectors, Start::Sums, dx);
        }
    }
}

/// The most lanes a register has.
const MAX_LANES: usize = 16;

/// Which of the targets are those of a panel.
#[inline(always)]
fn targets_of<T>(targets: &[Target<T>], rows: &Range<usize>) -> Range<usize> {
    let before = |row: usize| targets.partition_point(|target| target.sample < row);
    before(rows.start)..before(rows.end)
}

#[cfg(test)]
mod tests {
    use lstm_kernels::Width;

    use super::super::panels::{Aligned, slice};
    use super::*;
    use crate::random::Rng;

    /// Samples that fill one register or several panels of any instruction set, or do not.
    #[test]
    fn every_width_does_what_is_said_for_any_number_of_samples() {
        const WORDS: usize = 70;
        const LEN: usize = 5;
        for width in Width::available() {
            let token = width.token().unwrap();
            let mut rng = Rng::new(4);
            for samples in [1, 2, 7, 8, 16, 21, 25, 60] {
                let mut draw = |len| (0..len).map(|_| rng.symmetric(2.0)).collect::<Vec<f64>>();
                let (vectors, bias, x) = (draw(WORDS * LEN), draw(WORDS), draw(samples * LEN));
                let lanes = width.lanes::<f64>();
                let panels = Panels::equal(samples, lanes);
                let features = Panels::few(LEN + 1, lanes);
                let padded = panels.padded();
                let (mut rows, mut columns) = (Aligned::zeros(0), Aligned::zeros(0));
                panels.pack(LEN, &mut rows, |sample, row| x[sample * LEN + row]);
                features.pack(padded, &mut columns, |row, sample| match sample < samples {
                    true if row < LEN => x[sample * LEN + row],
                    inside => f64::from(u8::from(inside)),
                });
                let of_samples = Samples {
                    panels,
                    len: LEN,
                    rows: slice(&rows),
                };
                let words = Words {
                    vectors: &vectors,
                    bias: &bias,
                };
                let (mut values, mut max) = (vec![0.0; padded * WORDS], vec![0.0; padded]);
                let mut sums = vec![9.0; padded];
                let mut targets: Vec<_> = (0..samples)
                    .map(|sample| Target {
                        sample,
                        word: (7 * sample) % WORDS,
                        score: 0.0,
                    })
                    .collect();
                token.dispatch(Exponentiate {
                    samples: of_samples,
                    words,
                    values: &mut values,
                    max: &mut max,
                    sums: &mut sums,
                    targets: &mut targets,
                    keeps_scores: false,
                });
                let score = |word: usize, sample: usize| {
                    let term = |row| vectors[word * LEN + row] * x[sample * LEN + row];
                    bias[word] + (0..LEN).map(term).sum::<f64>()
                };
                let height = padded / panels.count();
                let place = |word: usize, sample: usize| {
                    (sample / height * WORDS + word) * height + sample % height
                };
                // Scores below 22 in 6 terms, exponentials of at most 1, sums of at most 70: rounding of 1e-14.
                let is = |a: f64, b: f64| (a - b).abs() < 2e-13;
                for sample in 0..samples {
                    let scores = (0..WORDS).map(|word| score(word, sample));
                    let largest = scores.fold(f64::NEG_INFINITY, f64::max);
                    assert!(is(max[sample], largest));
                    let exact = |word: usize| (score(word, sample) - largest).exp();
                    let is_exact = |word| is(values[place(word, sample)], exact(word));
                    assert!((0..WORDS).all(is_exact), "{width} {samples}");
                    assert!(is(sums[sample], (0..WORDS).map(exact).sum()));
                    let target = targets[sample];
                    assert!(is(target.score, score(target.word, sample)));
                }

                let mut scales = draw(samples);
                scales.resize(padded, 0.0);
                let (mut of_table, mut of_bias) = (vec![1.0; WORDS * LEN], vec![2.0; WORDS]);
                let mut dx = vec![3.0; padded * LEN];
                token.dispatch(Differentiate {
                    samples: of_samples,
                    words,
                    values: &values,
                    scales: &scales,
                    targets: &targets,
                    share: 0.25,
                    columns: slice(&columns),
                    features,
                    gradients: &mut vec![f64::NAN; padded * WORDS],
                    sums: &mut vec![f64::NAN; features.padded() * WORDS],
                    of_table: &mut of_table,
                    of_bias: &mut of_bias,
                    dx: Some(&mut dx),
                });
                let gradient = |word: usize, sample: usize| {
                    let share = f64::from(u8::from(targets[sample].word == word)) * 0.25;
                    values[place(word, sample)] * scales[sample] - share
                };
                // Sums of up to 70 products below 10.
                let is = |a: f64, b: f64| (a - b).abs() < 1e-12;
                for word in 0..WORDS {
                    let of_samples = (0..samples).map(|sample| gradient(word, sample));
                    assert!(is(of_bias[word], 2.0 + of_samples.sum::<f64>()));
                    for row in 0..LEN {
                        let term = |sample| gradient(word, sample) * x[sample * LEN + row];
                        let sum = (0..samples).map(term).sum::<f64>();
                        assert!(is(of_table[word * LEN + row], 1.0 + sum));
                    }
                }
                for sample in 0..samples {
                    for row in 0..LEN {
                        let term = |word: usize| gradient(word, sample) * vectors[word * LEN + row];
                        let found = dx[(sample / height * LEN + row) * height + sample % height];
                        assert!(is(found, 3.0 + (0..WORDS).map(term).sum::<f64>()));
                    }
                }
            }
        }
    }
}
