//! Scores, exponentials and gradients, block by block of words.
//!
//! A block's scores are a matrix with a row for each column of x and a column for each word, so that all large products
//! run along contiguous memory and whatever belongs to a sample is a vector over rows.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use lstm_kernels::{Element, Threads};

use super::scores::{Exponentiate, Raise, Scale};
use crate::jobs::share;
use crate::loss::Exponentials;

/// Words whose scores for some hundred samples stay in a core's cache.
const BLOCK: usize = 128;

/// Words that one thread takes at a time. Each unit sums a gradient of x of its own, so that the order of sums does not
/// depend on the threads.
pub(super) const UNIT: usize = 8 * BLOCK;

/// So many exponentials of a sample are summed in their own type; sums of these are taken in double precision.
const RUN: usize = 64;

/// The table of vectors and the bias.
#[derive(Clone, Copy)]
pub(super) struct Table<'a, T> {
    pub matrix: MatRef<'a, T>,
    pub bias: &'a [T],
}

/// What a call is given.
pub(super) struct Pass<'a, T> {
    pub table: Table<'a, T>,
    pub x: MatRef<'a, T>,
    pub targets: &'a [u32],
    pub exponentials: Exponentials,
    /// Who shares the work; the calling thread alone if nobody.
    pub threads: Option<&'a Threads>,
}

/// The buffers of a [`TiedSoftmax`](crate::TiedSoftmax), to be used again and again; they grow to what calls need.
#[derive(Debug, Clone)]
pub struct SoftmaxWorkspace<T: Element> {
    units: Vec<Unit<T>>,
    /// x with a row for each sample.
    rows: Mat<T>,
    /// The largest score of each sample.
    max: Vec<T>,
    /// The sum of e^(score - max) of each sample.
    sum: Vec<f64>,
}

impl<T: Element> Default for SoftmaxWorkspace<T> {
    fn default() -> Self {
        Self {
            units: Vec::new(),
            rows: Mat::new(),
            max: Vec::new(),
            sum: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Unit<T: Element> {
    blocks: Vec<Block<T>>,
    /// This unit's part of the gradient of x, a row for each sample.
    dx: Mat<T>,
}

/// The words from `start`, and what is known of them.
#[derive(Debug, Clone)]
struct Block<T> {
    start: usize,
    words: usize,
    /// `samples x words`: scores, then e^(score - max), then gradients.
    values: Vec<T>,
    /// Of this block alone.
    max: Vec<T>,
    sum: Vec<f64>,
    /// The scores of the targets in this block, with their samples.
    targets: Vec<(usize, T)>,
}

impl<T: Element> SoftmaxWorkspace<T> {
    /// `logs` becomes the logarithms of the targets' probabilities.
    pub(super) fn forward(&mut self, pass: &Pass<'_, T>, logs: &mut [f64]) {
        let samples = pass.x.ncols();
        self.shape(pass.table.bias.len());
        self.rows
            .resize_with(samples, pass.x.nrows(), |_, _| T::default());
        self.rows.copy_from(pass.x.transpose());
        let rows = self.rows.as_ref();
        share(pass.threads, self.units.iter_mut(), |unit| {
            for block in &mut unit.blocks {
                block.forward(pass, rows);
            }
        });
        self.gather(samples);
        for (sample, score) in self.blocks().flat_map(|block| &block.targets) {
            let below = (*score - self.max[*sample]).to_f64();
            logs[*sample] = below - self.sum[*sample].ln();
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
        let (max, sum, wants_dx) = (&self.max, &self.sum, dx.is_some());
        let len = pass.x.nrows();
        let jobs = (self.units.iter_mut())
            .zip(of_table.chunks_mut(UNIT * len))
            .zip(of_bias.chunks_mut(UNIT));
        share(pass.threads, jobs, |((unit, of_table), of_bias)| {
            let parts = of_table
                .chunks_mut(BLOCK * len)
                .zip(of_bias.chunks_mut(BLOCK));
            for (block, (of_table, of_bias)) in unit.blocks.iter_mut().zip(parts) {
                block.become_gradient(pass, max, sum, of_bias);
                block.add_gradient(pass, of_table);
            }
            if wants_dx {
                unit.sum_dx(pass);
            }
        });
        if let Some(mut dx) = dx {
            dx.fill(T::default());
            for unit in &self.units {
                dx += unit.dx.transpose();
            }
        }
    }

    /// Calls `each` with ln p of every word after the only sample.
    pub(super) fn each_log(&self, mut each: impl FnMut(f64)) {
        let (max, log_sum) = (self.max[0], self.sum[0].ln());
        for block in self.blocks() {
            let shift = (block.max[0] - max).to_f64() - log_sum;
            let powers = block.values.iter();
            powers.for_each(|power| each(power.to_f64().ln() + shift));
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
            values: Vec::new(),
            max: Vec::new(),
            sum: Vec::new(),
            targets: Vec::new(),
        };
        let unit = |start: usize| Unit {
            blocks: (start..words.min(start + UNIT))
                .step_by(BLOCK)
                .map(block)
                .collect(),
            dx: Mat::new(),
        };
        self.units = (0..words).step_by(UNIT).map(unit).collect();
    }

    /// Largest score and sum of each sample, from those of the blocks.
    fn gather(&mut self, samples: usize) {
        let lowest = T::from_f64(f64::NEG_INFINITY);
        let (mut max, mut sum) = (vec![lowest; samples], vec![0.0; samples]);
        for block in self.blocks() {
            raise(&mut max, &block.max);
        }
        for block in self.blocks() {
            for (sample, sum) in sum.iter_mut().enumerate() {
                let shift = (block.max[sample] - max[sample]).to_f64();
                *sum += block.sum[sample] * shift.exp();
            }
        }
        (self.max, self.sum) = (max, sum);
    }
}

impl<T: Element> Unit<T> {
    fn sum_dx(&mut self, pass: &Pass<'_, T>) {
        let (len, samples) = pass.x.shape();
        self.dx.resize_with(samples, len, |_, _| T::default());
        let mut accum = Accum::Replace;
        for block in &self.blocks {
            let vectors = pass.table.matrix.subcols(block.start, block.words);
            let one = T::from_f64(1.0);
            let dx = self.dx.as_mut();
            matmul(
                dx,
                accum,
                block.matrix(samples),
                vectors.transpose(),
                one,
                Par::Seq,
            );
            accum = Accum::Add;
        }
    }
}

impl<T: Element> Block<T> {
    fn matrix(&self, samples: usize) -> MatRef<'_, T> {
        MatRef::from_column_major_slice(&self.values, samples, self.words)
    }

    /// The index of a target among the words, if it is one of them.
    fn place(&self, target: u32) -> Option<usize> {
        let place = (target as usize).checked_sub(self.start)?;
        (place < self.words).then_some(place)
    }

    /// Scores, their maxima, exponentials and sums.
    fn forward(&mut self, pass: &Pass<'_, T>, rows: MatRef<'_, T>) {
        let samples = rows.nrows();
        self.values.resize(samples * self.words, T::default());
        let values = MatMut::from_column_major_slice_mut(&mut self.values, samples, self.words);
        let vectors = pass.table.matrix.subcols(self.start, self.words);
        matmul(
            values,
            Accum::Replace,
            rows,
            vectors,
            T::from_f64(1.0),
            Par::Seq,
        );

        self.max.clear();
        self.max.resize(samples, T::from_f64(f64::NEG_INFINITY));
        let bias = &pass.table.bias[self.start..][..self.words];
        pass.exponentials.dispatch(Raise {
            scores: &self.values,
            bias,
            max: &mut self.max,
        });
        self.targets.clear();
        for (sample, &target) in pass.targets.iter().enumerate() {
            if let Some(place) = self.place(target) {
                let score = self.values[place * samples + sample] + bias[place];
                self.targets.push((sample, score));
            }
        }

        self.sum.clear();
        self.sum.resize(samples, 0.0);
        let mut partial = vec![T::default(); samples];
        let runs = self.values.chunks_mut(RUN * samples);
        for (scores, bias) in runs.zip(bias.chunks(RUN)) {
            partial.fill(T::default());
            pass.exponentials.dispatch(Exponentiate {
                scores,
                bias,
                max: &self.max,
                sums: &mut partial,
            });
            (self.sum.iter_mut().zip(&partial)).for_each(|(sum, part)| *sum += part.to_f64());
        }
    }

    /// Turns the exponentials into the gradient of the mean loss, (softmax - onehot) / samples, and adds that of the biases.
    fn become_gradient(&mut self, pass: &Pass<'_, T>, max: &[T], sum: &[f64], of_bias: &mut [T]) {
        let samples = pass.targets.len();
        let share = 1.0 / samples as f64;
        let of_sample = |sample: usize| {
            let shift = (self.max[sample] - max[sample]).to_f64();
            T::from_f64(shift.exp() / sum[sample] * share)
        };
        let scales: Vec<T> = (0..samples).map(of_sample).collect();
        pass.exponentials.dispatch(Scale {
            values: &mut self.values,
            scales: &scales,
            sums: of_bias,
        });
        for &(sample, _) in &self.targets {
            if let Some(place) = self.place(pass.targets[sample]) {
                self.values[place * samples + sample] -= T::from_f64(share);
                of_bias[place] -= T::from_f64(share);
            }
        }
    }

    /// Adds the gradient of the table.
    fn add_gradient(&self, pass: &Pass<'_, T>, of_table: &mut [T]) {
        let (len, samples) = pass.x.shape();
        let table = MatMut::from_column_major_slice_mut(of_table, len, self.words);
        let values = self.matrix(samples);
        matmul(
            table,
            Accum::Add,
            pass.x,
            values,
            T::from_f64(1.0),
            Par::Seq,
        );
    }
}

/// Each number becomes the larger of itself and its partner; what is not a number is passed over.
fn raise<T: Element>(max: &mut [T], values: &[T]) {
    for (max, &value) in max.iter_mut().zip(values) {
        *max = if value > *max { value } else { *max };
    }
}
