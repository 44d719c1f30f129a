//! Products of the vectors of words with few columns.
//!
//! A batch has a few columns of each class, and the vectors of a vocabulary come from the memory of the machine for each product.
//! A general product copies them before it multiplies; here they are read, and changed, where they lie: a register holds numbers
//! of one vector side by side, and meets some columns before the next one is read.

#![allow(
    clippy::needless_range_loop,
    reason = "indices of the same range name places in several arrays; the compiler unrolls these loops"
)]

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use lstm_kernels::rt::{Lanes, Simd, SimdToken};
use lstm_kernels::{Element, KernelError, Width};
use pulp::WithSimd;

use crate::error::Result;

/// More columns than these are many, and a general product is faster.
const FEW: usize = 12;

/// Columns that meet a register before the next one is read.
const COLUMNS: usize = 4;

/// Products on this machine's widest registers. Matrices are slices, column by column: `vectors` has a column of `len` numbers
/// for each word, `x` one of as many for each sample, and `scores`, or the slopes of these, one with a number for each word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Products {
    registers: SimdToken,
    len: usize,
}

impl Products {
    /// Those of vectors of `len` numbers.
    pub(super) fn new(len: usize) -> Result<Self> {
        let registers = Width::best().token().map_err(KernelError::from)?;
        Ok(Self { registers, len })
    }

    /// Those of vectors of another length.
    pub(super) fn of_len(self, len: usize) -> Self {
        Self { len, ..self }
    }

    /// Adds vectorsᵀ x to the scores.
    pub(super) fn add_scores<T: Element>(self, vectors: &[T], x: &[T], scores: &mut [T]) {
        let (len, words, columns) = self.shape(vectors, x, scores);
        if columns <= FEW {
            let scores = Scores {
                len,
                vectors,
                x,
                scores,
            };
            return self.registers.dispatch(scores);
        }
        matmul(
            MatMut::from_column_major_slice_mut(scores, words, columns),
            Accum::Add,
            MatRef::from_column_major_slice(vectors, len, words).transpose(),
            MatRef::from_column_major_slice(x, len, columns),
            T::from_f64(1.0),
            Par::Seq,
        );
    }

    /// `dx` becomes `scale` times vectors · slopes.
    pub(super) fn send_back<T: Element>(self, vectors: &[T], slopes: &[T], scale: T, dx: &mut [T]) {
        let (len, words, columns) = self.shape(vectors, dx, slopes);
        if columns <= FEW {
            let back = Back {
                len,
                vectors,
                slopes,
                scale,
                dx,
            };
            return self.registers.dispatch(back);
        }
        matmul(
            MatMut::from_column_major_slice_mut(dx, len, columns),
            Accum::Replace,
            MatRef::from_column_major_slice(vectors, len, words),
            MatRef::from_column_major_slice(slopes, words, columns),
            scale,
            Par::Seq,
        );
    }

    /// Adds `scale` times x slopesᵀ to the vectors.
    pub(super) fn add_outer<T: Element>(self, x: &[T], slopes: &[T], scale: T, vectors: &mut [T]) {
        let (len, words, columns) = self.shape(vectors, x, slopes);
        if columns <= FEW {
            let outer = Outer {
                len,
                x,
                slopes,
                scale,
                vectors,
            };
            return self.registers.dispatch(outer);
        }
        matmul(
            MatMut::from_column_major_slice_mut(vectors, len, words),
            Accum::Add,
            MatRef::from_column_major_slice(x, len, columns),
            MatRef::from_column_major_slice(slopes, words, columns).transpose(),
            scale,
            Par::Seq,
        );
    }

    /// The length of a vector, how many words there are, and how many columns.
    ///
    /// # Panics
    /// Slices of other lengths.
    fn shape<T>(self, vectors: &[T], x: &[T], scores: &[T]) -> (usize, usize, usize) {
        let (words, columns) = (vectors.len() / self.len, x.len() / self.len);
        assert_eq!(vectors.len(), words * self.len, "whole vectors");
        assert_eq!(x.len(), columns * self.len, "whole columns");
        assert_eq!(scores.len(), words * columns, "a score for each pair");
        (self.len, words, columns)
    }
}

/// A product that adds to the scores.
struct Scores<'a, T> {
    len: usize,
    vectors: &'a [T],
    x: &'a [T],
    scores: &'a mut [T],
}

/// A product that makes gradients of x.
struct Back<'a, T> {
    len: usize,
    vectors: &'a [T],
    slopes: &'a [T],
    scale: T,
    dx: &'a mut [T],
}

/// A product that adds to the vectors.
struct Outer<'a, T> {
    len: usize,
    x: &'a [T],
    slopes: &'a [T],
    scale: T,
    vectors: &'a mut [T],
}

/// Runs a method on all columns, a few at a time. Loops, not closures: what runs here must be inlined into the code of its
/// instruction set.
macro_rules! for_few_columns {
    ($columns:expr, $product:ident.$method:ident::<$S:ident>($simd:expr)) => {
        let columns = $columns;
        let mut first = 0;
        while first < columns {
            match columns - first {
                1 => $product.$method::<$S, 1>($simd, first),
                2 => $product.$method::<$S, 2>($simd, first),
                3 => $product.$method::<$S, 3>($simd, first),
                _ => $product.$method::<$S, COLUMNS>($simd, first),
            }
            first += COLUMNS;
        }
    };
}

impl<T: Element> WithSimd for Scores<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for_few_columns!(self.x.len() / self.len, self.columns::<S>(simd));
    }
}

impl<T: Element> Scores<'_, T> {
    /// C columns from one on. Their sums with some words at a time take most of the registers.
    #[inline(always)]
    fn columns<S: Simd, const C: usize>(&mut self, simd: S, first: usize) {
        let (len, words) = (self.len, self.vectors.len() / self.len);
        let x: [_; C] = next_columns(&mut &self.x[first * len..], len);
        let (mut vectors, mut word) = (self.vectors, 0);
        if S::REGISTER_COUNT >= 32 {
            while word + 4 <= words {
                let four: [_; 4] = next_columns(&mut vectors, len);
                self.tile(simd, x, four, first * words + word);
                word += 4;
            }
        }
        while word + 2 <= words {
            let two: [_; 2] = next_columns(&mut vectors, len);
            self.tile(simd, x, two, first * words + word);
            word += 2;
        }
        if word < words {
            let one: [_; 1] = next_columns(&mut vectors, len);
            self.tile(simd, x, one, first * words + word);
        }
    }

    /// C columns and W words, whose first score has this place.
    #[inline(always)]
    fn tile<S: Simd, const C: usize, const W: usize>(
        &mut self,
        simd: S,
        x: [&[T]; C],
        vectors: [&[T]; W],
        place: usize,
    ) {
        let (len, lanes) = (self.len, T::lanes::<S>());
        let mut sums = [[Lanes::<T, S>::zero(simd); C]; W];
        let mut at = 0;
        while at < len {
            let count = lanes.min(len - at);
            let mut own = [Lanes::<T, S>::zero(simd); C];
            for c in 0..C {
                [own[c]] = read(simd, &x[c][at..][..count]);
            }
            for w in 0..W {
                let [vector] = read(simd, &vectors[w][at..][..count]);
                for c in 0..C {
                    sums[w][c] = vector.mul_add(own[c], sums[w][c]);
                }
            }
            at += lanes;
        }
        let words = self.vectors.len() / len;
        for c in 0..C {
            let scores = &mut self.scores[place + c * words..][..W];
            for w in 0..W {
                scores[w] += sums[w][c].sum();
            }
        }
    }
}

impl<T: Element> WithSimd for Back<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for_few_columns!(self.dx.len() / self.len, self.columns::<S>(simd));
    }
}

impl<T: Element> Back<'_, T> {
    /// C columns from one on, some registers of each at a time: their sums over all words take most of the registers.
    #[inline(always)]
    fn columns<S: Simd, const C: usize>(&mut self, simd: S, first: usize) {
        let lanes = T::lanes::<S>();
        let mut at = 0;
        if S::REGISTER_COUNT >= 32 {
            while at + 6 * lanes <= self.len {
                self.tile::<S, C, 6>(simd, first, at);
                at += 6 * lanes;
            }
        }
        while at + 2 * lanes <= self.len {
            self.tile::<S, C, 2>(simd, first, at);
            at += 2 * lanes;
        }
        while at < self.len {
            self.tile::<S, C, 1>(simd, first, at);
            at += lanes;
        }
    }

    /// C columns of P registers, the last of which may not be full if it is alone.
    #[inline(always)]
    fn tile<S: Simd, const C: usize, const P: usize>(&mut self, simd: S, first: usize, at: usize) {
        let (len, lanes) = (self.len, T::lanes::<S>());
        let words = self.vectors.len() / len;
        let count = (P * lanes).min(len - at);
        let mut sums = [[Lanes::<T, S>::zero(simd); P]; C];
        let slopes: [_; C] = next_columns(&mut &self.slopes[first * words..], words);
        let mut vectors = self.vectors;
        for word in 0..words {
            let [vector]: [_; 1] = next_columns(&mut vectors, len);
            let vector: [_; P] = read(simd, &vector[at..][..count]);
            for c in 0..C {
                let slope = Lanes::splat(simd, slopes[c][word]);
                for p in 0..P {
                    sums[c][p] = vector[p].mul_add(slope, sums[c][p]);
                }
            }
        }
        let scale = Lanes::splat(simd, self.scale);
        for c in 0..C {
            for p in 0..P {
                sums[c][p] = sums[c][p] * scale;
            }
            let dx = &mut self.dx[(first + c) * len + at..][..count];
            write(sums[c], dx);
        }
    }
}

impl<T: Element> WithSimd for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for_few_columns!(self.x.len() / self.len, self.columns::<S>(simd));
    }
}

impl<T: Element> Outer<'_, T> {
    /// C columns from one on.
    #[inline(always)]
    fn columns<S: Simd, const C: usize>(&mut self, simd: S, first: usize) {
        let (len, lanes) = (self.len, T::lanes::<S>());
        let words = self.vectors.len() / len;
        let x: [_; C] = next_columns(&mut &self.x[first * len..], len);
        for word in 0..words {
            let mut slopes = [Lanes::<T, S>::zero(simd); C];
            for c in 0..C {
                let slope = self.slopes[(first + c) * words + word];
                slopes[c] = Lanes::splat(simd, self.scale * slope);
            }
            let vector = &mut self.vectors[word * len..][..len];
            let mut at = 0;
            while at < len {
                let count = lanes.min(len - at);
                let [mut sum] = read(simd, &vector[at..][..count]);
                for c in 0..C {
                    let [own] = read(simd, &x[c][at..][..count]);
                    sum = own.mul_add(slopes[c], sum);
                }
                write([sum], &mut vector[at..][..count]);
                at += lanes;
            }
        }
    }
}

/// The next N columns of a matrix, each of `len` numbers: the compiler keeps in mind how many they are, and does not check again
/// what is read of them.
#[inline(always)]
fn next_columns<'a, T, const N: usize>(matrix: &mut &'a [T], len: usize) -> [&'a [T]; N] {
    let mut columns = [&matrix[..0]; N];
    for n in 0..N {
        (columns[n], *matrix) = matrix.split_at(len);
    }
    columns
}

/// P registers of numbers side by side, or a single one that is not full.
#[inline(always)]
fn read<T: Element, S: Simd, const P: usize>(simd: S, numbers: &[T]) -> [Lanes<T, S>; P] {
    let lanes = T::lanes::<S>();
    let mut registers = [Lanes::zero(simd); P];
    match numbers.len() == P * lanes {
        true => {
            for p in 0..P {
                registers[p] = Lanes::read(simd, &numbers[p * lanes..][..lanes]);
            }
        }
        false => registers[0] = Lanes::read_first(simd, numbers),
    }
    registers
}

/// Writes P registers side by side, or the first numbers of a single one.
#[inline(always)]
fn write<T: Element, S: Simd, const P: usize>(registers: [Lanes<T, S>; P], numbers: &mut [T]) {
    let lanes = T::lanes::<S>();
    match numbers.len() == P * lanes {
        true => {
            for p in 0..P {
                registers[p].write(&mut numbers[p * lanes..][..lanes]);
            }
        }
        false => registers[0].write_first(numbers),
    }
}

#[cfg(test)]
mod tests;
