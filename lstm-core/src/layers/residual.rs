//! A layer with its input added to its output.

use faer::prelude::ReborrowMut;
use faer::{MatMut, MatRef, unzip, zip};
use lstm_kernels::{Element, State, Threads};

use super::{Batch, Layer, LayerTape, require_call, require_gradient};
use crate::error::{Error, Result};
use crate::explain::Explanation;
use crate::params::{Name, Parameters, Visit, VisitCells, VisitLayouts, VisitMut};
use crate::random::Rng;

/// `y = x + layer(x)`: the error reaches what lies below undiminished, however deep the stack.
#[derive(Debug, Clone)]
pub struct Residual<L>(L);

impl<L> Residual<L> {
    /// Adds the input to the output of `layer`.
    ///
    /// # Errors
    /// A layer whose output is not as long as its input.
    pub fn new<T: Element>(layer: L) -> Result<Self>
    where
        L: Layer<T>,
    {
        let (inputs, outputs) = (layer.input_len(), layer.output_len());
        if inputs != outputs {
            return Err(Error::LayerSizes {
                what: "the sum of a residual connection".to_owned(),
                expected: inputs,
                given: outputs,
                source_of: "its layer".to_owned(),
            });
        }
        Ok(Self(layer))
    }

    /// The layer.
    pub fn layer(&self) -> &L {
        &self.0
    }

    /// The layer, to be changed.
    pub fn layer_mut(&mut self) -> &mut L {
        &mut self.0
    }
}

/// Adds the real columns of `x` to `y`.
pub(crate) fn add_real<T: Element>(batch: &Batch, x: MatRef<'_, T>, mut y: MatMut<'_, T>) {
    if !batch.has_padding() {
        zip!(y, x).for_each(|unzip!(y, x)| *y += *x);
        return;
    }
    for sample in 0..batch.samples() {
        for step in 0..batch.length(sample) {
            let column = batch.column(step, sample);
            zip!(y.rb_mut().col_mut(column), x.col(column)).for_each(|unzip!(y, x)| *y += *x);
        }
    }
}

impl<T: Element, L: Layer<T>> Parameters<T> for Residual<L> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        self.0.visit(name, visit)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        self.0.visit_mut(name, visit)
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        self.0.visit_cells(name, visit);
    }

    fn visit_layouts(&self, name: Name<'_>, visit: &mut VisitLayouts<'_>) {
        self.0.visit_layouts(name, visit);
    }
}

impl<T: Element, L: Layer<T>> Layer<T> for Residual<L> {
    fn input_len(&self) -> usize {
        self.0.input_len()
    }

    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn states(&self) -> usize {
        self.0.states()
    }

    fn initial_states(&self, batch: usize) -> Result<Vec<State<T>>> {
        self.0.initial_states(batch)
    }

    fn infer(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        mut y: MatMut<'_, T>,
        tape: &mut LayerTape,
    ) -> Result<()> {
        self.0.infer(x, batch, state, y.rb_mut(), tape)?;
        add_real(batch, x, y);
        Ok(())
    }

    fn forward(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        mut y: MatMut<'_, T>,
        tape: &mut LayerTape,
        rng: &mut Rng,
    ) -> Result<()> {
        self.0.forward(x, batch, state, y.rb_mut(), tape, rng)?;
        add_real(batch, x, y);
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
        require_call(self, batch, x.shape(), dy.shape(), dstate)?;
        require_gradient(self, x.shape(), gradient, dx.as_ref().map(|dx| dx.shape()))?;
        let Some(mut dx) = dx else {
            return self.0.backward(x, batch, dy, dstate, tape, gradient, None);
        };
        (self.0).backward(x, batch, dy, dstate, tape, gradient, Some(dx.rb_mut()))?;
        add_real(batch, dy, dx);
        Ok(())
    }

    fn visit_explanations(&self, name: Name<'_>, each: &mut dyn FnMut(Name<'_>, Explanation)) {
        self.0.visit_explanations(name, each);
    }

    fn set_threads(&mut self, threads: &Threads) {
        self.0.set_threads(threads);
    }
}
