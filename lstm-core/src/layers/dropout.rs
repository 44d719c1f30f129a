//! Dropout between layers.

use std::iter::from_fn;

use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Mat, MatMut, MatRef, unzip, zip};
use lstm_kernels::{Element, State, Threads};

use super::gather::{clear_padding, room};
use super::{Batch, Kind, Layer, LayerTape, require_call, require_gradient};
use crate::error::{Error, Result, require_fraction};
use crate::jobs::share;
use crate::params::{Name, Parameters, Visit, VisitMut};
use crate::random::Rng;

/// In training, drops features at random and scales the others up, so that their mean stays; in inference, does nothing.
///
/// It takes inputs of any length.
#[derive(Debug, Clone)]
pub struct Dropout {
    len: usize,
    rate: f64,
    mask: DropoutMask,
    threads: Option<Threads>,
}

/// For what a [`Dropout`] draws anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DropoutMask {
    /// For every step of every sample (Zaremba, Sutskever and Vinyals 2014).
    #[default]
    EachStep,
    /// For every sample of a call, the same for all of its steps: variational dropout (Gal and Ghahramani 2016).
    EachSequence,
}

impl Dropout {
    /// Drops each of `len` features with probability `rate`, at each step anew.
    ///
    /// # Errors
    /// A rate outside [0, 1).
    pub fn new(len: usize, rate: f64) -> Result<Self> {
        require_fraction("the rate of dropout", rate)?;
        Ok(Self {
            len,
            rate,
            mask: DropoutMask::EachStep,
            threads: None,
        })
    }

    /// With another choice of what it draws anew for.
    pub fn with_mask(mut self, mask: DropoutMask) -> Self {
        self.mask = mask;
        self
    }

    /// The probability of a feature to be dropped.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

/// Fills a mask: 0 for what is dropped, 1 / (1 - rate) for the others, column after column.
pub(crate) fn draw_mask<T: Element>(rate: f64, mask: MatMut<'_, T>, rng: &mut Rng) {
    draw(
        rate,
        [T::default(), T::from_f64(1.0 / (1.0 - rate))],
        mask,
        rng,
    );
}

/// Fills a matrix column after column: with the first number at this probability, else with the second.
pub(crate) fn draw<T: Element>(
    probability: f64,
    [first, second]: [T; 2],
    to: MatMut<'_, T>,
    rng: &mut Rng,
) {
    let mut happens = [false; 256];
    for mut column in to.col_iter_mut() {
        for start in (0..column.nrows()).step_by(happens.len()) {
            let count = happens.len().min(column.nrows() - start);
            rng.chances(probability, &mut happens[..count]);
            let values = column.rb_mut().subrows_mut(start, count);
            for (value, &happens) in values.iter_mut().zip(&happens) {
                *value = if happens { first } else { second };
            }
        }
    }
}

/// What is kept for the way back.
struct Memory<T> {
    batch: Option<Batch>,
    /// What each feature is multiplied with, a column for each step and sample, or for each sample.
    mask: Mat<T>,
}

impl<T: Element> Default for Memory<T> {
    fn default() -> Self {
        Self {
            batch: None,
            mask: Mat::new(),
        }
    }
}

/// Columns that a thread takes at a time.
const COLUMNS: usize = 32;

/// Numbers of a call above which it pays to wake threads.
const WORTH_A_CALL: usize = 1 << 14;

/// Cuts a matrix into blocks of columns, each with the index of its first one.
fn blocks<'a, T: 'a>(matrix: MatMut<'a, T>) -> impl Iterator<Item = (usize, MatMut<'a, T>)> {
    let (mut rest, mut first) = (Some(matrix), 0);
    from_fn(move || {
        let matrix = rest.take().filter(|matrix| matrix.ncols() > 0)?;
        let count = matrix.ncols().min(COLUMNS);
        let (block, later) = matrix.split_at_col_mut(count);
        rest = Some(later);
        first += count;
        Some((first - count, block))
    })
}

impl Dropout {
    /// The threads, if so many numbers are work for more than one.
    fn threads(&self, numbers: usize) -> Option<&Threads> {
        self.threads.as_ref().filter(|_| numbers > WORTH_A_CALL)
    }

    /// Draws a mask as [`draw_mask`] does: threads change no bit of it.
    fn draw<T: Element>(&self, mask: MatMut<'_, T>, rng: &mut Rng) {
        let numbers = mask.nrows() * mask.ncols();
        let (start, rows) = (&*rng, mask.nrows());
        share(self.threads(numbers), blocks(mask), |(first, block)| {
            draw_mask(self.rate, block, &mut start.after_chances(first * rows));
        });
        *rng = rng.after_chances(numbers);
    }

    /// `to` becomes `from` times the mask, and zero in padding.
    fn apply<T: Element>(
        &self,
        batch: &Batch,
        mask: MatRef<'_, T>,
        from: MatRef<'_, T>,
        mut to: MatMut<'_, T>,
    ) {
        let threads = self.threads(from.nrows() * from.ncols());
        share(threads, blocks(to.rb_mut()), |(first, block)| {
            for (column, to) in (first..).zip(block.col_iter_mut()) {
                let of_mask = match self.mask {
                    DropoutMask::EachStep => column,
                    DropoutMask::EachSequence => batch.sample_of(column),
                };
                let (from, mask) = (from.col(column), mask.col(of_mask));
                zip!(to, from, mask).for_each(|unzip!(to, from, mask)| *to = *from * *mask);
            }
        });
        clear_padding(batch, to);
    }
}

impl<T: Element> Parameters<T> for Dropout {
    fn visit(&self, _: Name<'_>, _: &mut Visit<'_, T>) -> Result<()> {
        Ok(())
    }

    fn visit_mut(&mut self, _: Name<'_>, _: &mut VisitMut<'_, T>) -> Result<()> {
        Ok(())
    }
}

impl<T: Element> Layer<T> for Dropout {
    fn input_len(&self) -> usize {
        self.len
    }

    fn output_len(&self) -> usize {
        self.len
    }

    fn states(&self) -> usize {
        0
    }

    fn initial_states(&self, _: usize) -> Result<Vec<State<T>>> {
        Ok(Vec::new())
    }

    fn infer(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        mut y: MatMut<'_, T>,
        _: &mut LayerTape,
    ) -> Result<()> {
        require_call::<T>(self, batch, x.shape(), y.shape(), state)?;
        y.copy_from(x);
        clear_padding(batch, y);
        Ok(())
    }

    fn forward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        y: MatMut<'_, T>,
        tape: &mut LayerTape,
        rng: &mut Rng,
    ) -> Result<()> {
        require_call::<T>(self, batch, x.shape(), y.shape(), state)?;
        let Memory {
            batch: last, mask, ..
        } = tape.get::<Memory<T>>();
        let columns = match self.mask {
            DropoutMask::EachStep => batch.columns(),
            DropoutMask::EachSequence => batch.samples(),
        };
        let mut mask = room(mask, self.len, columns);
        self.draw(mask.rb_mut(), rng);
        *last = Some(batch.clone());
        self.apply(batch, mask.rb(), x, y);
        Ok(())
    }

    fn backward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        dy: MatRef<'_, T>,
        dstate: &mut [State<T>],
        tape: &mut LayerTape,
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        require_call::<T>(self, batch, x.shape(), dy.shape(), dstate)?;
        require_gradient::<T>(self, x.shape(), gradient, dx.as_ref().map(|dx| dx.shape()))?;
        let memory = tape.get::<Memory<T>>();
        if memory.batch.as_ref() != Some(batch) || memory.mask.nrows() != self.len {
            return Err(Error::NoForwardPass);
        }
        if let Some(dx) = dx {
            self.apply(batch, memory.mask.as_ref(), dy, dx);
        }
        Ok(())
    }

    fn set_threads(&mut self, threads: &Threads) {
        self.threads = Some(threads.clone());
    }

    fn kind(&self) -> Kind<'_, T> {
        Kind::Identity
    }
}
