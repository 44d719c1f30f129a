//! Scores, exponentials and gradients, block by block of words.
//!
//! A block's scores are a matrix with a row for each column of x and a column for each word. Its rows lie in panels, so that
//! whatever belongs to a sample has a lane of its own.

use std::mem;
use std::sync::{Mutex, PoisonError};

use faer::{MatMut, MatRef};
use lstm_kernels::{Element, Threads};

use super::panels::{Aligned, Panels, resize, slice};
use super::scores::{Differentiate, Exponentiate, Samples, Target, Words};
use crate::jobs::share;
use crate::loss::Exponentials;

/// Words whose scores for some hundred samples stay in a core's cache.
const BLOCK: usize = 128;

/// Words that one thread takes at a time. Each unit sums a gradient of x of its own, so that the order of sums does not
/// depend on the threads.
pub(super) const UNIT: usize = 8 * BLOCK;

/// Samples whose sums one thread takes at a time.
const TOGETHER: usize = 64;

/// The table of vectors and the bias.
#[derive(Clone, Copy)]
pub(super) struct Table<'a, T> {
    /// A vector for each word, one after the other.
    pub vectors: &'a [T],
    pub bias: &'a [T],
}

/// What a call is given.
pub(super) struct Pass<'a, T> {
    pub table: Table<'a, T>,
    pub x: MatRef<'a, T>,
    pub targets: &'a [u32],
    pub exponentials: Exponentials,
    /// Whether blocks keep scores instead of their exponentials.
    pub keeps_scores: bool,
    /// Who shares the work; the calling thread alone if nobody.
    pub threads: Option<&'a Threads>,
}

/// The buffers of a [`TiedSoftmax`](crate::TiedSoftmax), to be used again and again; they grow to what calls need.
#[derive(Debug, Clone)]
pub struct SoftmaxWorkspace<T: Element> {
    units: Vec<Unit<T>>,
    /// How the samples of the last call lie.
    panels: Panels,
    /// x with a row for each sample, in panels.
    rows: Aligned<T>,
    /// x with a column for each sample and a row of ones below, in panels.
    columns: Aligned<T>,
    /// One for each thread that has worked.
    scratch: Vec<Scratch<T>>,
    /// The largest score of each sample.
    max: Vec<T>,
    /// The sum of e^(score - max) of each sample.
    sum: Vec<f64>,
}

impl<T: Element> Default for SoftmaxWorkspace<T> {
    fn default() -> Self {
        Self {
            units: Vec::new(),
            panels: Panels::equal(0, 1),
            rows: Aligned::zeros(0),
            columns: Aligned::zeros(0),
            scratch: Vec::new(),
            max: Vec::new(),
            sum: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Unit<T: Element> {
    blocks: Vec<Block<T>>,
    /// This unit's part of the gradient of x, with a row for each sample, in panels.
    dx: Aligned<T>,
}

/// The words from `start`, and what is known of them.
#[derive(Debug, Clone)]
struct Block<T: Element> {
    start: usize,
    words: usize,
    /// e^(score - max), a row for each sample, in panels.
    values: Aligned<T>,
    /// Of this block alone.
    max: Vec<T>,
    sum: Vec<f64>,
    /// The targets in this block.
    targets: Vec<Target<T>>,
}

/// What a thread needs for the time of a block.
#[derive(Debug, Clone)]
struct Scratch<T: Element> {
    gradients: Aligned<T>,
    sums: Aligned<T>,
    scales: Vec<T>,
}

impl<T: Element> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            gradients: Aligned::zeros(0),
            sums: Aligned::zeros(0),
            scales: Vec::new(),
        }
    }
}

impl<T: Element> SoftmaxWorkspace<T> {
    /// `logs` becomes the logarithms of the targets' probabilities.
    pub(super) fn forward(&mut self, pass: &Pass<'_, T>, logs: &mut [f64]) {
        let (len, samples) = pass.x.shape();
        self.shape(pass.table.bias.len());
        self.panels = Panels::equal(samples, pass.exponentials.lanes::<T>());
        let x = |sample, row| pass.x[(row, sample)];
        self.panels.pack(len, &mut self.rows, x);
        let samples = Samples {
            panels: self.panels,
            len,
            rows: slice(&self.rows),
        };
        share(pass.threads, self.units.iter_mut(), |unit| {
            for block in &mut unit.blocks {
                block.forward(pass, samples);
            }
        });
        self.gather(pass.threads);
        for target in self.blocks().flat_map(|block| &block.targets) {
            let below = (target.score - self.max[target.sample]).to_f64();
            logs[target.sample] = below - self.sum[target.sample].ln();
        }
    }

    /// Back from the mean of the targets' -ln p.
    pub(super) fn backward(
        &mut self,
        pass: &Pass<'_, T>,
        of_table: &mut [T],
        of_bias: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) {
        let (len, count) = pass.x.shape();
        let features = Panels::few(len + 1, pass.exponentials.lanes::<T>());
        let column = |row, sample| match (sample < count, row < len) {
            (false, _) => T::default(),
            (true, true) => pass.x[(row, sample)],
            (true, false) => T::from_f64(1.0),
        };
        features.pack(self.panels.padded(), &mut self.columns, column);
        let back = Back {
            pass,
            samples: Samples {
                panels: self.panels,
                len,
                rows: slice(&self.rows),
            },
            features,
            columns: slice(&self.columns),
            max: &self.max,
            sum: &self.sum,
            wants_dx: dx.is_some(),
        };
        let pool = Mutex::new(mem::take(&mut self.scratch));
        let pool = || pool.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = (self.units.iter_mut())
            .zip(of_table.chunks_mut(UNIT * len))
            .zip(of_bias.chunks_mut(UNIT));
        // Backwards, to begin with what the forward pass left in the cache.
        share(pass.threads, jobs.rev(), |((unit, of_table), of_bias)| {
            let mut scratch = pool().pop().unwrap_or_default();
            unit.backward(&back, &mut scratch, of_table, of_bias);
            pool().push(scratch);
        });
        self.scratch = mem::take(&mut pool());
        if let Some(dx) = dx {
            self.sum_dx(pass.threads, dx);
        }
    }

    /// The units' parts of the gradient of x, added in order.
    fn sum_dx(&self, threads: Option<&Threads>, dx: MatMut<'_, T>) {
        let (len, samples) = dx.shape();
        let (mut jobs, mut rest) = (Vec::new(), dx);
        for rows in self.panels.rows() {
            let inside = rows.end.min(samples) - rows.start.min(samples);
            let (dx, behind) = rest.split_at_col_mut(inside);
            jobs.push((rows, dx));
            rest = behind;
        }
        share(threads, jobs.into_iter(), |(rows, mut dx)| {
            let mut sum = vec![T::default(); rows.len() * len];
            for unit in &self.units {
                let part = &slice(&unit.dx)[rows.start * len..rows.end * len];
                (sum.iter_mut().zip(part)).for_each(|(sum, &part)| *sum += part);
            }
            for (row, numbers) in sum.chunks_exact(rows.len()).enumerate() {
                for (sample, &number) in (0..dx.ncols()).zip(numbers) {
                    dx[(row, sample)] = number;
                }
            }
        });
    }

    /// Calls `each` with ln p of every word after the only sample of a pass that has kept the scores: their exponentials would
    /// be nothing for words that are far from the likeliest.
    pub(super) fn each_log(&self, mut each: impl FnMut(f64)) {
        let (max, log_sum) = (self.max[0], self.sum[0].ln());
        // There is one panel, and the sample is its first row.
        let height = self.panels.padded();
        for block in self.blocks() {
            let scores = slice(&block.values).iter().step_by(height);
            scores.for_each(|&score| each((score - max).to_f64() - log_sum));
        }
    }

    fn blocks(&self) -> impl Iterator<Item = &Block<T>> {
        self.units.iter().flat_map(|unit| &unit.blocks)
    }

    fn shape(&mut self, words: usize) {
        let fits = self.blocks().map(|block| block.words).sum::<usize>() == words;
        if fits {
            return;
        }
        let block = |start| Block {
            start,
            words: BLOCK.min(words - start),
            values: Aligned::zeros(0),
            max: Vec::new(),
            sum: Vec::new(),
            targets: Vec::new(),
        };
        let unit = |start: usize| Unit {
            blocks: (start..words.min(start + UNIT))
                .step_by(BLOCK)
                .map(block)
                .collect(),
            dx: Aligned::zeros(0),
        };
        self.units = (0..words).step_by(UNIT).map(unit).collect();
    }

    /// Largest score and sum of each sample, from those of the blocks.
    fn gather(&mut self, threads: Option<&Threads>) {
        let samples = self.panels.padded();
        let lowest = T::from_f64(f64::NEG_INFINITY);
        let (mut max, mut sum) = (vec![lowest; samples], vec![0.0; samples]);
        let blocks: Vec<_> = self.blocks().collect();
        let jobs = max.chunks_mut(TOGETHER).zip(sum.chunks_mut(TOGETHER));
        share(threads, jobs.enumerate(), |(job, (max, sum))| {
            let first = job * TOGETHER;
            for block in &blocks {
                raise(max, &block.max[first..]);
            }
            for block in &blocks {
                let of_block = block.max[first..].iter().zip(&block.sum[first..]);
                for ((sum, max), (shifted, part)) in sum.iter_mut().zip(&*max).zip(of_block) {
                    *sum += part * (*shifted - *max).to_f64().exp();
                }
            }
        });
        (self.max, self.sum) = (max, sum);
    }
}

/// What all units are given on the way back.
struct Back<'a, T: Element> {
    pass: &'a Pass<'a, T>,
    samples: Samples<'a, T>,
    features: Panels,
    columns: &'a [T],
    max: &'a [T],
    sum: &'a [f64],
    wants_dx: bool,
}

impl<T: Element> Unit<T> {
    fn backward(
        &mut self,
        back: &Back<'_, T>,
        scratch: &mut Scratch<T>,
        of_table: &mut [T],
        of_bias: &mut [T],
    ) {
        let Samples { panels, len, .. } = back.samples;
        let mut dx = match back.wants_dx {
            true => Some(resize(&mut self.dx, panels.padded() * len)),
            false => None,
        };
        if let Some(dx) = &mut dx {
            dx.fill(T::default());
        }
        let parts = of_table
            .chunks_mut(BLOCK * len)
            .zip(of_bias.chunks_mut(BLOCK));
        for (block, (of_table, of_bias)) in self.blocks.iter().zip(parts).rev() {
            block.backward(back, scratch, of_table, of_bias, dx.as_deref_mut());
        }
    }
}

impl<T: Element> Block<T> {
    fn of<'a>(&self, table: Table<'a, T>, len: usize) -> Words<'a, T> {
        Words {
            vectors: &table.vectors[self.start * len..][..self.words * len],
            bias: &table.bias[self.start..][..self.words],
        }
    }

    /// Scores, their maxima, exponentials and sums.
    fn forward(&mut self, pass: &Pass<'_, T>, samples: Samples<'_, T>) {
        self.targets.clear();
        for (sample, &target) in pass.targets.iter().enumerate() {
            let word = (target as usize).wrapping_sub(self.start);
            if word < self.words {
                self.targets.push(Target {
                    sample,
                    word,
                    score: T::default(),
                });
            }
        }
        let padded = samples.panels.padded();
        self.max.resize(padded, T::default());
        self.sum.resize(padded, 0.0);
        pass.exponentials.dispatch(Exponentiate {
            samples,
            words: self.of(pass.table, samples.len),
            values: resize(&mut self.values, padded * self.words),
            max: &mut self.max,
            sums: &mut self.sum,
            targets: &mut self.targets,
            keeps_scores: pass.keeps_scores,
        });
    }

    /// Adds the gradients of the mean loss; that by the scores is (softmax - onehot) / samples.
    fn backward(
        &self,
        back: &Back<'_, T>,
        scratch: &mut Scratch<T>,
        of_table: &mut [T],
        of_bias: &mut [T],
        dx: Option<&mut [T]>,
    ) {
        let Samples { panels, len, .. } = back.samples;
        let share = 1.0 / back.pass.targets.len() as f64;
        let of_sample = |sample: usize| {
            let shift = (self.max[sample] - back.max[sample]).to_f64();
            T::from_f64(shift.exp() / back.sum[sample] * share)
        };
        scratch.scales.clear();
        let scales = (0..back.pass.targets.len()).map(of_sample);
        scratch.scales.extend(scales);
        scratch.scales.resize(panels.padded(), T::default());
        back.pass.exponentials.dispatch(Differentiate {
            samples: back.samples,
            words: self.of(back.pass.table, len),
            values: slice(&self.values),
            scales: &scratch.scales,
            targets: &self.targets,
            share: T::from_f64(share),
            columns: back.columns,
            features: back.features,
            gradients: resize(&mut scratch.gradients, panels.padded() * self.words),
            sums: resize(&mut scratch.sums, back.features.padded() * self.words),
            of_table,
            of_bias,
            dx,
        });
    }
}

/// Each number becomes the larger of itself and its partner; what is not a number is passed over.
fn raise<T: Element>(max: &mut [T], values: &[T]) {
    for (max, &value) in max.iter_mut().zip(values) {
        *max = if value > *max { value } else { *max };
    }
}
