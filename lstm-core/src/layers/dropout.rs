//! Dropout between layers.

use faer::prelude::ReborrowMut;
use faer::{ColMut, ColRef, MatMut, MatRef};
use lstm_kernels::{Element, State, Threads};
use pulp::Arch;

use super::gather::clear_padding;
use super::{Batch, Kind, Layer, LayerTape, require_call, require_gradient};
use crate::error::{Error, Result, require_fraction};
use crate::jobs::{blocks, share};
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
#[derive(Default)]
struct Memory {
    batch: Option<Batch>,
    /// Which features are dropped, for each step and sample or for each sample: a byte each, as the numbers that they stand for
    /// would take longer to read.
    dropped: Vec<bool>,
}

/// Columns that a thread takes at a time.
const COLUMNS: usize = 32;

/// Numbers of a call above which it pays to wake threads.
const WORTH_A_CALL: usize = 1 << 14;

impl Dropout {
    /// The threads, if so many numbers are work for more than one.
    fn threads(&self, numbers: usize) -> Option<&Threads> {
        self.threads.as_ref().filter(|_| numbers > WORTH_A_CALL)
    }

    /// For how many columns of features it draws.
    fn drawn(&self, batch: &Batch) -> usize {
        match self.mask {
            DropoutMask::EachStep => batch.columns(),
            // None of sequences of no steps.
            DropoutMask::EachSequence => batch.samples().min(batch.columns()),
        }
    }

    /// Draws what is dropped, column after column: threads change no bit of it.
    fn draw(&self, dropped: &mut [bool], rng: &mut Rng) {
        let (start, numbers) = (&*rng, dropped.len());
        let block = (COLUMNS * self.len).max(1);
        let jobs = dropped.chunks_mut(block).enumerate();
        share(self.threads(numbers), jobs, |(index, dropped)| {
            let mut rng = start.after_chances(index * block);
            rng.chances(self.rate, dropped);
        });
        *rng = rng.after_chances(numbers);
    }

    /// `to` becomes `from`, scaled up, but for what is dropped, and zero in padding.
    fn apply<T: Element>(
        &self,
        batch: &Batch,
        dropped: &[bool],
        from: MatRef<'_, T>,
        mut to: MatMut<'_, T>,
    ) {
        let factors = [T::from_f64(1.0 / (1.0 - self.rate)), T::default()];
        let threads = self.threads(from.nrows() * from.ncols());
        share(threads, blocks(to.rb_mut(), COLUMNS), |(first, block)| {
            for (column, to) in (first..).zip(block.col_iter_mut()) {
                let drawn = match self.mask {
                    DropoutMask::EachStep => column,
                    DropoutMask::EachSequence => batch.sample_of(column),
                };
                let dropped = &dropped[drawn * self.len..][..self.len];
                multiply(from.col(column), dropped, factors, to);
            }
        });
        clear_padding(batch, to);
    }
}

/// `to` becomes `from` times the second of two factors where it is dropped, and times the first elsewhere.
fn multiply<T: Element>(
    from: ColRef<'_, T>,
    dropped: &[bool],
    [kept, zero]: [T; 2],
    mut to: ColMut<'_, T>,
) {
    let write = |((to, &from), &dropped): ((&mut T, &T), &bool)| {
        *to = from * if dropped { zero } else { kept };
    };
    match (from.try_as_col_major(), to.rb_mut().try_as_col_major_mut()) {
        // In wide registers.
        (Some(from), Some(to)) => Arch::new().dispatch(|| {
            let (from, to) = (from.as_slice(), to.as_slice_mut());
            to.iter_mut().zip(from).zip(dropped).for_each(write);
        }),
        _ => (to.iter_mut().zip(from.iter()).zip(dropped)).for_each(write),
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
        let memory = tape.get::<Memory>();
        memory.batch = Some(batch.clone());
        memory.dropped.resize(self.drawn(batch) * self.len, false);
        self.draw(&mut memory.dropped, rng);
        self.apply(batch, &memory.dropped, x, y);
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
        let memory = tape.get::<Memory>();
        let drawn = self.drawn(batch) * self.len;
        if memory.batch.as_ref() != Some(batch) || memory.dropped.len() != drawn {
            return Err(Error::NoForwardPass);
        }
        if let Some(dx) = dx {
            self.apply(batch, &memory.dropped, dy, dx);
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
