//! Truncated back-propagation through time, over any layer.
//!
//! [`Truncated`] plans the windows of a sequence, [`TruncatedPass`] takes a layer through them and keeps the states from
//! which they begin.
//!
//! ```
//! use faer::Mat;
//! use lstm_core::layers::{Batch, Layer};
//! use lstm_core::optim::{Optimiser, Sgd};
//! use lstm_core::params::Parameters;
//! use lstm_core::truncated::{Truncated, TruncatedPass};
//! use lstm_core::{Recurrent, Rng, cells::Lstm};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let mut rng = Rng::new(1);
//! let mut layer = Recurrent::<Lstm, f32>::new(&[3, 4], &mut rng)?;
//! let mut sgd = Sgd::new(0.1)?;
//! let batch = Batch::new(20, 2);
//! let x = Mat::from_fn(3, batch.columns(), |i, j| ((i + j) as f32).sin());
//!
//! let mut pass = TruncatedPass::new(&layer, batch.samples())?;
//! for window in Truncated::new(5, 8)?.windows(batch.steps()) {
//!     let columns = window.counted.len() * batch.samples();
//!     let mut y = Mat::zeros(4, columns);
//!     pass.forward(&layer, x.as_ref(), &batch, &window, y.as_mut(), &mut rng)?;
//!     // The loss is half the sum of squares of the counted outputs, which are their own gradient.
//!     let mut gradient = vec![0.0; layer.params_len()];
//!     pass.backward(&layer, x.as_ref(), y.as_ref(), &mut gradient, None)?;
//!     sgd.step(&mut layer, &gradient)?;
//! }
//! // The next part of the sequences begins with the state in which this one ended.
//! pass.continue_from_end();
//! # Ok(())
//! # }
//! ```

mod plan;

use std::ops::Range;

use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Element, State};

pub use plan::{Truncated, Window};

use crate::error::{Error, Result, require_shape};
use crate::layers::{Batch, Layer, LayerTape};
use crate::random::Rng;

/// A layer's way through the [`Window`]s of a sequence: the states from which they begin, and the memory of both passes.
///
/// A window is run in two pieces, the steps before the next window begins and the rest. The state between them is the one
/// the next window begins from, so overlapping windows need no extra steps, and states of no other step are kept. It is
/// the state under the parameters with which this window was run; the update that follows does not change it.
///
/// The layer must only look back, as stacks of recurrent layers do; a layer that runs from the end of a sequence sees no
/// further than its piece. Dropout is drawn anew for each piece.
#[derive(Debug)]
pub struct TruncatedPass<T: Element> {
    /// The state before step `at`.
    state: Vec<State<T>>,
    at: usize,
    /// The state before the first step of the next window, and which step that is.
    next: Option<(usize, Vec<State<T>>)>,
    /// The two pieces of the last forward pass, if it has not been gone back through.
    pieces: Option<[Piece; 2]>,
    tapes: [LayerTape; 2],
    y: Mat<T>,
}

/// Some steps of a window.
#[derive(Debug)]
struct Piece {
    steps: Range<usize>,
    batch: Batch,
    /// How many of its columns, the last ones, count.
    counted: usize,
}

impl<T: Element> TruncatedPass<T> {
    /// A pass over so many samples from the layer's initial state.
    ///
    /// # Errors
    /// No memory for so many samples.
    pub fn new(layer: &(impl Layer<T> + ?Sized), samples: usize) -> Result<Self> {
        Ok(Self::from_state(layer.initial_states(samples)?))
    }

    /// A pass from a state, such as one from a checkpoint.
    pub fn from_state(state: Vec<State<T>>) -> Self {
        Self {
            state,
            at: 0,
            next: None,
            pieces: None,
            tapes: [LayerTape::new(), LayerTape::new()],
            y: Mat::new(),
        }
    }

    /// The state from which the last window was run, or will be; after [`continue_from_end`](Self::continue_from_end) all
    /// there is to save.
    pub fn state(&self) -> &[State<T>] {
        &self.state
    }

    /// Begins another sequence, whose step 0 follows the last step of this one: the next part of a stream.
    pub fn continue_from_end(&mut self) {
        if let Some((_, state)) = self.next.take() {
            self.state = state;
        }
        (self.at, self.pieces) = (0, None);
    }

    /// Runs a window of the sequences `x` with a tape. `y`, of `output_len x (counted steps · samples)`, receives the outputs of
    /// the steps that count. The same window may be run again.
    ///
    /// # Errors
    /// A window that neither is the last one again nor begins where that one said; a batch that is not time-major; shapes
    /// that do not fit.
    pub fn forward(
        &mut self,
        layer: &(impl Layer<T> + ?Sized),
        x: MatRef<'_, T>,
        batch: &Batch,
        window: &Window,
        mut y: MatMut<'_, T>,
        rng: &mut Rng,
    ) -> Result<()> {
        self.pieces = None;
        let pieces = pieces(batch, window)?;
        let samples = batch.samples();
        let counted = window.counted.len() * samples;
        require_shape(
            "the input of the truncated pass",
            (layer.input_len(), batch.columns()),
            x.shape(),
        )?;
        require_shape(
            "the counted output of the truncated pass",
            (layer.output_len(), counted),
            y.shape(),
        )?;
        self.go_to(window)?;
        let columns = window.steps.len() * samples;
        if (self.y.nrows(), self.y.ncols()) != (layer.output_len(), columns) {
            self.y = Mat::zeros(layer.output_len(), columns);
        }
        let mut state = self.state.clone();
        let mut done = 0;
        for (index, (piece, tape)) in pieces.iter().zip(&mut self.tapes).enumerate() {
            if index == 1 {
                self.next = Some((window.next, state.clone()));
            }
            if piece.steps.is_empty() {
                continue;
            }
            let x = x.subcols(piece.steps.start * samples, piece.batch.columns());
            let y = self.y.as_mut().subcols_mut(done, piece.batch.columns());
            layer.forward(x, &piece.batch, &mut state, y, tape, rng)?;
            done += piece.batch.columns();
        }
        y.copy_from(self.y.as_ref().subcols(columns - counted, counted));
        self.pieces = Some(pieces);
        Ok(())
    }

    /// Back through the window that [`forward`](Self::forward) ran last, once.
    ///
    /// `dy` is the gradient of the loss with respect to the counted outputs. The gradient of the parameters is added to
    /// `gradient`. `dx`, if asked for, is overwritten by that of the inputs of all steps of the window:
    /// `input_len x (window's steps · samples)`.
    ///
    /// # Errors
    /// No window was run before; shapes that do not fit.
    pub fn backward(
        &mut self,
        layer: &(impl Layer<T> + ?Sized),
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        gradient: &mut [T],
        mut dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let Some(pieces) = &self.pieces else {
            return Err(Error::Option {
                option: "the window of `TruncatedPass::backward`",
                value: "none".to_owned(),
                expected: "run by `forward` before, once for each way back",
            });
        };
        let columns: usize = pieces.iter().map(|piece| piece.batch.columns()).sum();
        let counted = pieces.iter().map(|piece| piece.counted).sum();
        require_shape(
            "the gradient that reaches the truncated pass",
            (layer.output_len(), counted),
            dy.shape(),
        )?;
        if let Some(dx) = &dx {
            let expected = (layer.input_len(), columns);
            require_shape(
                "the input gradient of the truncated pass",
                expected,
                dx.shape(),
            )?;
        }
        let samples = pieces[0].batch.samples();
        let end = pieces[1].steps.end.saturating_mul(samples);
        if x.ncols() < end {
            let whole = (layer.input_len(), end);
            require_shape("the input of the truncated pass", whole, x.shape())?;
        }
        let mut dstate = layer.zero_states(samples)?;
        // The outputs are not needed any more; their place takes the gradient, zero where nothing counts.
        let all = &mut self.y;
        all.fill(T::from_f64(0.0));
        all.as_mut()
            .subcols_mut(columns - counted, counted)
            .copy_from(dy);
        let mut left = columns;
        for (piece, tape) in pieces.iter().zip(&mut self.tapes).rev() {
            let own = piece.batch.columns();
            left -= own;
            if piece.steps.is_empty() {
                continue;
            }
            layer.backward(
                x.subcols(piece.steps.start * samples, own),
                &piece.batch,
                all.as_ref().subcols(left, own),
                &mut dstate,
                tape,
                gradient,
                dx.as_mut().map(|dx| dx.as_mut().subcols_mut(left, own)),
            )?;
        }
        self.pieces = None;
        Ok(())
    }

    /// Makes `state` the one before the window.
    fn go_to(&mut self, window: &Window) -> Result<()> {
        let first = window.steps.start;
        if let Some((_, state)) = self
            .next
            .take_if(|(at, _)| *at == first && self.at != first)
        {
            (self.state, self.at) = (state, first);
        }
        match self.at == first {
            true => Ok(()),
            false => Err(Error::Option {
                option: "the first step of the window",
                value: first.to_string(),
                expected: "that of the last window, or the next one it named",
            }),
        }
    }
}

/// The two pieces of a window: before the next one begins, and after.
fn pieces(batch: &Batch, window: &Window) -> Result<[Piece; 2]> {
    let Window {
        steps,
        counted,
        next,
    } = window;
    let is_whole = steps.start <= counted.start
        && counted.end == steps.end
        && (steps.start..=steps.end).contains(next)
        && steps.end <= batch.steps();
    if !is_whole {
        return Err(Error::Option {
            option: "the window",
            value: format!("{window:?}"),
            expected: "one that was planned for the steps of this batch",
        });
    }
    let piece = |steps: Range<usize>| -> Result<Piece> {
        let counted = counted.start.max(steps.start)..counted.end.min(steps.end);
        Ok(Piece {
            batch: batch.part(steps.clone())?,
            counted: counted.len() * batch.samples(),
            steps,
        })
    };
    Ok([piece(steps.start..*next)?, piece(*next..steps.end)?])
}

#[cfg(test)]
mod tests;
