//! Layers that take every column by itself.

use faer::prelude::{IntoConst, ReborrowMut};
use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Element, State, Threads};

use super::gather::{clear_padding, room};
use super::{Batch, Kind, Layer, LayerTape, require_call, require_gradient};
use crate::error::Result;
use crate::linear::Linear;
use crate::random::Rng;

impl<T: Element> Layer<T> for Linear<T> {
    fn input_len(&self) -> usize {
        Linear::input_len(self)
    }

    fn output_len(&self) -> usize {
        Linear::output_len(self)
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
        require_call(self, batch, x.shape(), y.shape(), state)?;
        self.apply(x, y.rb_mut())?;
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
        _: &mut Rng,
    ) -> Result<()> {
        self.infer(x, batch, state, y, tape)
    }

    fn backward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        dy: MatRef<'_, T>,
        dstate: &mut [State<T>],
        tape: &mut LayerTape,
        gradient: &mut [T],
        mut dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), dy.shape(), dstate)?;
        require_gradient(self, x.shape(), gradient, dx.as_ref().map(|dx| dx.shape()))?;
        if !batch.has_padding() {
            return self.backprop(x, dy, gradient, dx);
        }
        // Whatever stands in padding, were it not a number, must not reach the sums over columns.
        let (real_x, real_dy) = tape.get::<(RealColumns<T>, RealColumns<T>)>();
        let (x, dy) = (real_x.of(batch, x), real_dy.of(batch, dy));
        self.backprop(x, dy, gradient, dx.as_mut().map(|dx| dx.rb_mut()))
    }

    fn set_threads(&mut self, threads: &Threads) {
        Linear::set_threads(self, threads);
    }

    fn kind(&self) -> Kind<'_, T> {
        Kind::Linear
    }
}

/// A copy of a matrix whose padding is zero.
struct RealColumns<T>(Mat<T>);

impl<T: Element> Default for RealColumns<T> {
    fn default() -> Self {
        Self(Mat::new())
    }
}

impl<T: Element> RealColumns<T> {
    fn of(&mut self, batch: &Batch, matrix: MatRef<'_, T>) -> MatRef<'_, T> {
        let mut copy = room(&mut self.0, matrix.nrows(), matrix.ncols());
        copy.copy_from(matrix);
        clear_padding(batch, copy.rb_mut());
        copy.into_const()
    }
}
