//! The part of a character model's training that one thread does.

use std::ops::Range;

use faer::{Mat, MatMut, MatRef, unzip, zip};
use lstm_kernels::{Cell, Element, State, Tape};

use crate::error::Result;
use crate::layers::draw_mask;
use crate::lm::CharModel;
use crate::loss::cross_entropy_gradient;
use crate::params::{Parameters, zero_gradient};
use crate::random::Rng;
use crate::text::Window;

/// A range of the streams with all that one thread needs to take them forward and back, and their loss.
#[derive(Debug)]
pub(super) struct Shard<T: Element> {
    pub streams: Range<usize>,
    inputs: Vec<u32>,
    targets: Vec<u32>,
    x: Mat<T>,
    y: Mat<T>,
    scores: Mat<T>,
    dx: Mat<T>,
    dy: Mat<T>,
    pub carried: Carried<T>,
    /// What is carried on from the last window, once that counts: not if anything of it was refused.
    pub moved: Carried<T>,
    dstate: State<T>,
    tape: Tape<T>,
    pub gradient: Vec<T>,
    dropout: Option<Masks<T>>,
    pub loss: f64,
}

/// What goes from window to window.
#[derive(Debug)]
pub(super) struct Carried<T> {
    pub state: State<T>,
    /// Where the masks of dropout come from, if there is any.
    pub rng: Option<Rng>,
}

/// What dropout multiplies the two ends of the recurrent layer with, in a window.
#[derive(Debug)]
struct Masks<T> {
    rate: f64,
    x: Mat<T>,
    y: Mat<T>,
}

impl<T: Element> Shard<T> {
    pub fn new<C: Cell>(
        model: &CharModel<C, T>,
        streams: Range<usize>,
        steps: usize,
    ) -> Result<Self> {
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
            carried: Carried {
                state: model.recurrent.initial_state(batch)?,
                rng: None,
            },
            moved: Carried {
                state: model.recurrent.initial_state(batch)?,
                rng: None,
            },
            dstate: model.recurrent.zero_state(batch)?,
            tape: model.recurrent.tape(steps, batch)?,
            gradient: zero_gradient(model)?,
            dropout: None,
            loss: 0.0,
        })
    }

    /// From the next window on, drops with this probability what `rng` says.
    pub fn set_dropout(&mut self, rate: f64, rng: &mut Rng) {
        self.carried.rng = (rate > 0.0).then(|| rng.split());
        self.dropout = (rate > 0.0).then(|| Masks {
            rate,
            x: self.x.clone(),
            y: self.y.clone(),
        });
    }

    /// The rate of dropout.
    pub fn dropout(&self) -> f64 {
        self.dropout.as_ref().map_or(0.0, |masks| masks.rate)
    }

    /// Forward and back through this shard's columns of the window.
    pub fn run<C: Cell>(
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
        let Carried { state, rng } = &mut self.moved;
        state.clone_from(&self.carried.state);
        rng.clone_from(&self.carried.rng);
        if window.is_first {
            recurrent.begin_anew(0..state.batch(), state);
        }
        embedding.forward(&self.inputs, self.x.as_mut())?;
        if let (Some(masks), Some(rng)) = (&mut self.dropout, rng) {
            draw_mask(masks.rate, masks.x.as_mut(), rng);
            draw_mask(masks.rate, masks.y.as_mut(), rng);
            multiply(self.x.as_mut(), masks.x.as_ref());
        }
        recurrent.record(self.x.as_ref(), state, self.y.as_mut(), &mut self.tape)?;
        if let Some(masks) = &self.dropout {
            multiply(self.y.as_mut(), masks.y.as_ref());
        }
        head.apply(self.y.as_ref(), self.scores.as_mut())?;
        self.loss = cross_entropy_gradient(self.scores.as_mut(), &self.targets)?;

        // The scores are now their own gradient. Truncation: nothing comes back from the windows that follow, and nothing goes
        // back beyond this one, but to the initial state.
        self.dstate.set_zero();
        self.gradient.fill(T::from_f64(0.0));
        let (of_embedding, rest) = self.gradient.split_at_mut(embedding.params_len());
        let (of_recurrent, of_head) = rest.split_at_mut(recurrent.params_len());
        let (of_cell, of_initial) = of_recurrent.split_at_mut(recurrent.params().len());
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
            of_cell,
            Some(self.dx.as_mut()),
        )?;
        if window.is_first {
            recurrent.end_at_initial_state(0..self.streams.len(), &mut self.dstate, of_initial);
        }
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
