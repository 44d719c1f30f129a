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
        let words = self.vectors.len() / self.len;
        let mut word = 0;
        if S::REGISTER_COUNT >= 32 {
            while word + 4 <= words {
                self.tile::<S, C, 4>(simd, first, word);
                word += 4;
            }
        }
        while word + 2 <= words {
            self.tile::<S, C, 2>(simd, first, word);
            word += 2;
        }
        if word < words {
            self.tile::<S, C, 1>(simd, first, word);
        }
    }

    /// C columns and W words.
    #[inline(always)]
    fn tile<S: Simd, const C: usize, const W: usize>(
        &mut self,
        simd: S,
        first: usize,
        word: usize,
    ) {
        let (len, lanes) = (self.len, T::lanes::<S>());
        let vectors = &self.vectors[word * len..][..W * len];
        let x = &self.x[first * len..][..C * len];
        let mut sums = [[Lanes::<T, S>::zero(simd); C]; W];
        let mut at = 0;
        while at < len {
            let count = lanes.min(len - at);
            let mut own = [Lanes::<T, S>::zero(simd); C];
            for c in 0..C {
                // SAFETY: every column has as many numbers from here on.
                own[c] = unsafe { read(simd, x.as_ptr().wrapping_add(c * len + at), count) };
            }
            for w in 0..W {
                // SAFETY: as above, for every vector.
                let vector =
                    unsafe { read(simd, vectors.as_ptr().wrapping_add(w * len + at), count) };
                for c in 0..C {
                    sums[w][c] = vector.mul_add(own[c], sums[w][c]);
                }
            }
            at += lanes;
        }
        let words = self.vectors.len() / len;
        for w in 0..W {
            for c in 0..C {
                self.scores[(first + c) * words + word + w] += sums[w][c].sum();
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
        let count = lanes.min(len - at);
        let mut sums = [[Lanes::<T, S>::zero(simd); P]; C];
        let slopes = &self.slopes[first * words..][..C * words];
        for word in 0..words {
            let mut vector = [Lanes::<T, S>::zero(simd); P];
            for p in 0..P {
                let place = word * len + at + p * lanes;
                // SAFETY: every vector has as many numbers from here on: P registers, or one that may not be full.
                vector[p] = unsafe { read(simd, self.vectors.as_ptr().wrapping_add(place), count) };
            }
            for c in 0..C {
                let slope = Lanes::splat(simd, slopes[c * words + word]);
                for p in 0..P {
                    sums[c][p] = vector[p].mul_add(slope, sums[c][p]);
                }
            }
        }
        let scale = Lanes::splat(simd, self.scale);
        for c in 0..C {
            for p in 0..P {
                let place = (first + c) * len + at + p * lanes;
                // SAFETY: every column has room for as many numbers from here on.
                unsafe { write(sums[c][p] * scale, &mut self.dx[place..], count) };
            }
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
        let x = &self.x[first * len..][..C * len];
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
                // SAFETY: the vector has as many numbers from here on.
                let mut sum = unsafe { read(simd, vector.as_ptr().wrapping_add(at), count) };
                for c in 0..C {
                    // SAFETY: every column has as many, too.
                    let own = unsafe { read(simd, x.as_ptr().wrapping_add(c * len + at), count) };
                    sum = own.mul_add(slopes[c], sum);
                }
                // SAFETY: as above.
                unsafe { write(sum, &mut vector[at..], count) };
                at += lanes;
            }
        }
    }
}

/// A register of `count` numbers, of which there are as many as it has lanes or fewer.
///
/// # Safety
/// They lie in memory from `numbers` on.
#[inline(always)]
unsafe fn read<T: Element, S: Simd>(simd: S, numbers: *const T, count: usize) -> Lanes<T, S> {
    match count == T::lanes::<S>() {
        // SAFETY: passed on from the caller.
        true => unsafe { Lanes::load(simd, numbers) },
        // SAFETY: as above.
        false => unsafe { Lanes::load_first(simd, numbers, count) },
    }
}

/// Writes the first `count` numbers of a register.
///
/// # Safety
/// There is room for them.
#[inline(always)]
unsafe fn write<T: Element, S: Simd>(lanes: Lanes<T, S>, numbers: &mut [T], count: usize) {
    match count == T::lanes::<S>() {
        // SAFETY: passed on from the caller.
        true => unsafe { lanes.store(numbers.as_mut_ptr()) },
        // SAFETY: as above.
        false => unsafe { lanes.store_first(numbers.as_mut_ptr(), count) },
    }
}

#[cfg(test)]
mod tests;
