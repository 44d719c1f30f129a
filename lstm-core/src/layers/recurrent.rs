//! A recurrent layer as a layer over batches of sequences.

use faer::{MatMut, MatRef};
use lstm_kernels::{Cell, Element, State, Threads};

use super::unroll::{Unroll, UnrollTape};
use super::{Batch, Kind, Layer, LayerTape, require_call, require_gradient};
use crate::error::Result;
use crate::explain::Explanation;
use crate::params::Name;
use crate::random::Rng;
use crate::recurrent::Recurrent;

impl<C: Cell, T: Element> Layer<T> for Recurrent<C, T> {
    fn input_len(&self) -> usize {
        self.kernel().input_len()
    }

    fn output_len(&self) -> usize {
        self.kernel().output_len()
    }

    fn states(&self) -> usize {
        1
    }

    fn initial_states(&self, batch: usize) -> Result<Vec<State<T>>> {
        Ok(vec![self.initial_state(batch)?])
    }

    fn infer(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        y: MatMut<'_, T>,
        tape: &mut LayerTape,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), y.shape(), state)?;
        let tape = tape.get::<UnrollTape<T>>();
        Unroll { layer: self, batch }.infer(x, &mut state[0], y, tape)
    }

    fn forward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        y: MatMut<'_, T>,
        tape: &mut LayerTape,
        _: &mut Rng,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), y.shape(), state)?;
        let tape = tape.get::<UnrollTape<T>>();
        Unroll { layer: self, batch }.forward(x, &mut state[0], y, tape)
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
        require_call(self, batch, x.shape(), dy.shape(), dstate)?;
        require_gradient(self, x.shape(), gradient, dx.as_ref().map(|dx| dx.shape()))?;
        let tape = tape.get::<UnrollTape<T>>();
        Unroll { layer: self, batch }.backward(x, dy, &mut dstate[0], tape, gradient, dx)
    }

    fn set_threads(&mut self, threads: &Threads) {
        Recurrent::set_threads(self, threads);
    }

    fn visit_explanations(&self, name: Name<'_>, each: &mut dyn FnMut(Name<'_>, Explanation)) {
        each(name, self.explain());
    }

    fn kind(&self) -> Kind<'_, T> {
        Kind::Recurrent {
            cell: &C::SPEC,
            sizes: self.kernel().sizes(),
        }
    }
}
