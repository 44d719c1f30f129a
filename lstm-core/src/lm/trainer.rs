//! Training a character model by truncated BPTT, on several threads.

use std::ops::Range;

use faer::{Mat, MatMut, MatRef, unzip, zip};
use lstm_kernels::{Cell, Element, FlushDenormals, State, Tape, Threads};

use crate::error::{Error, Result, require_fraction, require_len};
use crate::jobs::try_share;
use crate::layers::draw_mask;
use crate::lm::CharModel;
use crate::loss::cross_entropy_gradient;
use crate::optim::{Optimiser, clip_global_norm};
use crate::params::{Parameters, zero_gradient};
use crate::random::Rng;
use crate::text::Window;

/// What one training step found.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// Mean cross-entropy of the window before the step, in nats per character.
    pub loss: f64,
    /// The norm of the gradient before clipping.
    pub norm: f64,
}

/// The memory of training: the carried state, the tape and every buffer, made once.
///
/// The streams of a batch are split into shards, each with memory of its own and a thread of its own. Gradients are
/// summed in the order of the shards, so the result depends on their number but never on the timing of threads.
#[derive(Debug)]
pub struct CharTrainer<T: Element> {
    batch: usize,
    steps: usize,
    shards: Vec<Shard<T>>,
    threads: Option<Threads>,
    gradient: Vec<T>,
}

/// A range of the streams with all that one thread needs to take them forward and back, and their loss.
#[derive(Debug)]
struct Shard<T: Element> {
    streams: Range<usize>,
    inputs: Vec<u32>,
    targets: Vec<u32>,
    x: Mat<T>,
    y: Mat<T>,
    scores: Mat<T>,
    dx: Mat<T>,
    dy: Mat<T>,
    state: State<T>,
    dstate: State<T>,
    tape: Tape<T>,
    gradient: Vec<T>,
    dropout: Option<Masks<T>>,
    loss: f64,
}

/// What dropout multiplies the two ends of the recurrent layer with, in a window.
#[derive(Debug)]
struct Masks<T> {
    rate: f64,
    rng: Rng,
    x: Mat<T>,
    y: Mat<T>,
}

impl<T: Element> CharTrainer<T> {
    /// Memory for windows of `steps` steps of `batch` streams, split into `shards`.
    ///
    /// # Errors
    /// Zero steps, an empty batch, or more shards than streams; windows that are too large for this machine's memory; more
    /// threads than the system gives.
    pub fn new<C: Cell>(
        model: &CharModel<C, T>,
        batch: usize,
        steps: usize,
        shards: usize,
    ) -> Result<Self> {
        for (option, size, expected) in [
            ("the batch", batch, "at least 1"),
            ("the steps", steps, "at least 1"),
            (
                "the number of shards",
                shards.min(batch / shards.max(1)),
                "at least 1 and at most the batch",
            ),
        ] {
            if size == 0 {
                return Err(Error::Option {
                    option,
                    value: size.to_string(),
                    expected,
                });
            }
        }
        require_room(model, batch, steps)?;
        let threads = (shards > 1).then(|| Threads::new(shards)).transpose()?;
        let shards = (0..shards)
            .map(|shard| {
                Shard::new(
                    model,
                    batch * shard / shards..batch * (shard + 1) / shards,
                    steps,
                )
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            batch,
            steps,
            shards,
            threads,
            gradient: zero_gradient(model)?,
        })
    }

    /// From the next window on, drops each number that stands for a character and each output of the recurrent layer with
    /// this probability, at every step anew, and scales the others up, so that their mean stays: a model that sees a text
    /// often learns it by heart later. With 0 nothing is dropped, as at first.
    ///
    /// # Errors
    /// A rate outside [0, 1).
    pub fn set_dropout(&mut self, rate: f64, rng: &mut Rng) -> Result<()> {
        require_fraction("the rate of dropout", rate)?;
        for shard in &mut self.shards {
            shard.dropout = (rate > 0.0).then(|| Masks {
                rate,
                rng: rng.split(),
                x: shard.x.clone(),
                y: shard.y.clone(),
            });
        }
        Ok(())
    }

    /// The gradient that [`accumulate`](Self::accumulate) or [`step`](Self::step) computed last.
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// One step of training on a window: forward, loss, back, clip, optimise. Returns loss and gradient norm.
    ///
    /// The state is carried from window to window and set to zero where the streams start.
    ///
    /// # Errors
    /// A window of another size, ids beyond the vocabulary, or a loss or gradient that is no longer finite; the
    /// parameters are unchanged then.
    pub fn step<C: Cell>(
        &mut self,
        model: &mut CharModel<C, T>,
        window: &Window,
        optimiser: &mut dyn Optimiser<T>,
        max_norm: f64,
    ) -> Result<Step> {
        let loss = self.accumulate(model, window)?;
        let norm = clip_global_norm(model, &mut self.gradient, max_norm)?;
        optimiser.step(model, &self.gradient)?;
        Ok(Step { loss, norm })
    }

    /// The loss of a window and, in [`gradient`](Self::gradient), its gradient; the state moves on.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn accumulate<C: Cell>(&mut self, model: &CharModel<C, T>, window: &Window) -> Result<f64> {
        let _mode = FlushDenormals::new();
        let columns = self.batch * self.steps;
        require_len("the window's inputs", columns, window.inputs.len())?;
        require_len("the window's targets", columns, window.targets.len())?;
        let batch = self.batch;
        let shards = self.shards.iter_mut();
        try_share(self.threads.as_ref(), shards, |shard| {
            shard.run(model, window, batch)
        })?;

        self.gradient.fill(T::from_f64(0.0));
        let mut total = 0.0;
        for shard in &self.shards {
            // Each shard took the mean over its own columns; together they are weighted by their part of all.
            let part = shard.streams.len() as f64 / batch as f64;
            total += part * shard.loss;
            let scale = T::from_f64(part);
            for (sum, &value) in self.gradient.iter_mut().zip(&shard.gradient) {
                *sum += scale * value;
            }
        }
        match total.is_finite() {
            true => Ok(total),
            false => Err(Error::NotFinite {
                what: "the loss".to_owned(),
            }),
        }
    }
}

/// Refuses windows whose matrices and tape would not fit into memory, before any of it is taken.
fn require_room<C: Cell, T: Element>(
    model: &CharModel<C, T>,
    batch: usize,
    steps: usize,
) -> Result<()> {
    let CharModel {
        vocabulary,
        recurrent,
        ..
    } = model;
    let (inputs, units) = (recurrent.input_len(), recurrent.output_len());
    // A tape keeps a few vectors of each parameter's rows for every column; the number of rows of all parameters bounds
    // what a column needs, and a step more than the window has is kept.
    let rows: usize = (0..C::SPEC.params.len())
        .map(|param| recurrent.kernel().param_shape(param).0)
        .sum();
    // Of inputs and outputs there are values, gradients and perhaps masks.
    let of_column = 3 * (inputs + units) + vocabulary.len() + 4 * rows;
    let needed = (steps.checked_add(1))
        .and_then(|steps| steps.checked_mul(batch))
        .and_then(|columns| columns.checked_mul(of_column));
    let mut room = Vec::<T>::new();
    match needed {
        Some(needed) if room.try_reserve_exact(needed).is_ok() => Ok(()),
        _ => Err(Error::Option {
            option: "the window",
            value: format!("{steps} steps of {batch} streams"),
            expected: "small enough for this machine's memory",
        }),
    }
}

impl<T: Element> Shard<T> {
    fn new<C: Cell>(model: &CharModel<C, T>, streams: Range<usize>, steps: usize) -> Result<Self> {
        let batch = streams.len();
        let columns = batch * steps;
        let (inputs, units) = (model.recurrent.input_len(), model.recurrent.output_len());
        Ok(Self {
            streams,
            inputs: Vec::with_capacity(columns),
            targets: Vec::with_capacity(columns),
            x: Mat::zeros(inputs, columns),
            y: Mat::zeros(units, columns),
            scores: Mat::zeros(model.vocabulary.len(), columns),
            dx: Mat::zeros(inputs, columns),
            dy: Mat::zeros(units, columns),
            state: model.recurrent.zero_state(batch)?,
            dstate: model.recurrent.zero_state(batch)?,
            tape: model.recurrent.tape(steps, batch)?,
            gradient: zero_gradient(model)?,
            dropout: None,
            loss: 0.0,
        })
    }

    /// Forward and back through this shard's columns of the window.
    fn run<C: Cell>(
        &mut self,
        model: &CharModel<C, T>,
        window: &Window,
        batch: usize,
    ) -> Result<()> {
        let CharModel {
            embedding,
            recurrent,
            head,
            ..
        } = model;
        let streams = self.streams.clone();
        for (own, all) in [
            (&mut self.inputs, &window.inputs),
            (&mut self.targets, &window.targets),
        ] {
            own.clear();
            own.extend(
                all.chunks_exact(batch)
                    .flat_map(|step| &step[streams.clone()]),
            );
        }
        if window.is_first {
            self.state.set_zero();
        }
        embedding.forward(&self.inputs, self.x.as_mut())?;
        if let Some(masks) = &mut self.dropout {
            draw_mask(masks.rate, masks.x.as_mut(), &mut masks.rng);
            draw_mask(masks.rate, masks.y.as_mut(), &mut masks.rng);
            multiply(self.x.as_mut(), masks.x.as_ref());
        }
        recurrent.record(
            self.x.as_ref(),
            &mut self.state,
            self.y.as_mut(),
            &mut self.tape,
        )?;
        if let Some(masks) = &self.dropout {
            multiply(self.y.as_mut(), masks.y.as_ref());
        }
        head.apply(self.y.as_ref(), self.scores.as_mut())?;
        self.loss = cross_entropy_gradient(self.scores.as_mut(), &self.targets)?;

        // The scores are now their own gradient. Truncation: nothing comes back from the windows that follow.
        self.dstate.set_zero();
        self.gradient.fill(T::from_f64(0.0));
        let (of_embedding, rest) = self.gradient.split_at_mut(embedding.params_len());
        let (of_recurrent, of_head) = rest.split_at_mut(recurrent.params().len());
        head.backprop(
            self.y.as_ref(),
            self.scores.as_ref(),
            of_head,
            Some(self.dy.as_mut()),
        )?;
        if let Some(masks) = &self.dropout {
            multiply(self.dy.as_mut(), masks.y.as_ref());
        }
        recurrent.backprop(
            self.x.as_ref(),
            self.dy.as_ref(),
            &mut self.dstate,
            &mut self.tape,
            of_recurrent,
            Some(self.dx.as_mut()),
        )?;
        if let Some(masks) = &self.dropout {
            multiply(self.dx.as_mut(), masks.x.as_ref());
        }
        embedding.backward(&self.inputs, self.dx.as_ref(), of_embedding)?;
        Ok(())
    }
}

/// Multiplies number by number.
fn multiply<T: Element>(to: MatMut<'_, T>, mask: MatRef<'_, T>) {
    zip!(to, mask).for_each(|unzip!(to, mask)| *to *= *mask);
}
