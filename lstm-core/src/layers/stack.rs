//! Layers one upon the other.

use std::fmt;

use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Element, State, Threads};

use super::gather::{room, written};
use super::tape::Passed;
use super::{Batch, Kind, Layer, LayerTape, require_call, require_gradient};
use crate::error::{Error, Result};
use crate::explain::Explanation;
use crate::params::{Name, Parameters, Visit, VisitCells, VisitLayouts, VisitMut};
use crate::random::Rng;

/// Layers of any kind, each on the outputs of the one below. A stack without layers has no features, so that only matrices
/// without rows go through it.
///
/// The name of a layer goes before the names of its parameters: `below.w_i`.
pub struct Stack<T: Element> {
    layers: Vec<(String, Box<dyn Layer<T>>)>,
}

impl<T: Element> Default for Stack<T> {
    fn default() -> Self {
        Self { layers: Vec::new() }
    }
}

impl<T: Element> Stack<T> {
    /// A stack without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more layer on top.
    ///
    /// # Errors
    /// A name that is empty, holds a dot or is another layer's; a layer that does not fit on the one below.
    pub fn with(mut self, name: &str, layer: impl Layer<T> + 'static) -> Result<Self> {
        self.push(name, Box::new(layer))?;
        Ok(self)
    }

    /// Puts one more layer on top.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn push(&mut self, name: &str, layer: Box<dyn Layer<T>>) -> Result<()> {
        if name.is_empty() || name.contains('.') {
            return Err(Error::Option {
                option: "the name of a layer in a stack",
                value: format!("`{name}`"),
                expected: "a text without dots that is not empty: dots join it and the names of parameters",
            });
        }
        if self.layer(name).is_some() {
            return Err(Error::LayerName {
                name: name.to_owned(),
            });
        }
        if let Some((below, last)) = self.layers.last()
            && last.output_len() != layer.input_len()
        {
            return Err(Error::LayerSizes {
                what: format!("the layer `{name}`"),
                expected: layer.input_len(),
                given: last.output_len(),
                source_of: format!("`{below}`"),
            });
        }
        self.layers.push((name.to_owned(), layer));
        Ok(())
    }

    /// How many layers there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The layer of a name.
    pub fn layer(&self, name: &str) -> Option<&dyn Layer<T>> {
        let found = self.layers.iter().find(|(other, _)| other == name);
        found.map(|(_, layer)| layer.as_ref())
    }

    /// The layers from the lowest to the highest, with their names.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = (&str, &dyn Layer<T>)> {
        (self.layers.iter()).map(|(name, layer)| (name.as_str(), layer.as_ref()))
    }

    fn each(&self) -> impl Iterator<Item = &dyn Layer<T>> {
        self.layers().map(|(_, layer)| layer)
    }

    /// Calls `run` for each layer, from the lowest, with what lies below and where its outputs go: to `between`, or those
    /// of the highest to `y`.
    fn upwards(
        &self,
        x: MatRef<'_, T>,
        mut y: MatMut<'_, T>,
        state: &mut [State<T>],
        tapes: &mut Vec<LayerTape>,
        between: &mut Vec<Mat<T>>,
        mut run: impl FnMut(
            &dyn Layer<T>,
            MatRef<'_, T>,
            &mut [State<T>],
            MatMut<'_, T>,
            &mut LayerTape,
        ) -> Result<()>,
    ) -> Result<()> {
        let count = self.layers.len();
        tapes.resize_with(count, LayerTape::new);
        between.resize_with(count, Mat::new);
        let mut rest = state;
        for (index, (_, layer)) in self.layers.iter().enumerate() {
            let (own, others) = rest.split_at_mut(layer.states());
            rest = others;
            let (below, above) = between.split_at_mut(index);
            let x = match below.last() {
                Some(below) => written(below, layer.input_len(), x.ncols()),
                None => x,
            };
            let y = match index + 1 == count {
                true => y.rb_mut(),
                false => room(&mut above[0], layer.output_len(), x.ncols()),
            };
            run(layer.as_ref(), x, own, y, &mut tapes[index])?;
        }
        if count == 0 {
            y.copy_from(x);
        }
        Ok(())
    }
}

/// What is kept between the passes.
struct Memory<T> {
    passed: Passed,
    tapes: Vec<LayerTape>,
    /// The outputs of all layers but the highest in training, which the way back reads.
    kept: Vec<Mat<T>>,
    /// The same in inference, so that what is kept stays as it is.
    passing: Vec<Mat<T>>,
    /// Gradients with respect to outputs, for two layers in turn.
    errors: [Mat<T>; 2],
}

impl<T: Element> Default for Memory<T> {
    fn default() -> Self {
        Self {
            passed: Passed::default(),
            tapes: Vec::new(),
            kept: Vec::new(),
            passing: Vec::new(),
            errors: [Mat::new(), Mat::new()],
        }
    }
}

impl<T: Element> fmt::Debug for Stack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.layers.iter().map(|(name, _)| name);
        f.write_str("Stack")?;
        f.debug_list().entries(names).finish()
    }
}

impl<T: Element> Parameters<T> for Stack<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        (self.layers.iter()).try_for_each(|(part, layer)| layer.visit(name.child(part), visit))
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        (self.layers.iter_mut())
            .try_for_each(|(part, layer)| layer.visit_mut(name.child(part), visit))
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        (self.layers.iter()).for_each(|(part, layer)| layer.visit_cells(name.child(part), visit));
    }

    fn visit_layouts(&self, name: Name<'_>, visit: &mut VisitLayouts<'_>) {
        (self.layers.iter()).for_each(|(part, layer)| layer.visit_layouts(name.child(part), visit));
    }
}

impl<T: Element> Layer<T> for Stack<T> {
    fn input_len(&self) -> usize {
        self.layers
            .first()
            .map_or(0, |(_, layer)| layer.input_len())
    }

    fn output_len(&self) -> usize {
        self.layers
            .last()
            .map_or(0, |(_, layer)| layer.output_len())
    }

    fn states(&self) -> usize {
        self.layers.iter().map(|(_, layer)| layer.states()).sum()
    }

    fn initial_states(&self, batch: usize) -> Result<Vec<State<T>>> {
        let mut states = Vec::with_capacity(self.states());
        for (_, layer) in &self.layers {
            states.extend(layer.initial_states(batch)?);
        }
        Ok(states)
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
        let Memory { tapes, passing, .. } = tape.get::<Memory<T>>();
        self.upwards(x, y, state, tapes, passing, |layer, x, state, y, tape| {
            layer.infer(x, batch, state, y, tape)
        })
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
        require_call(self, batch, x.shape(), y.shape(), state)?;
        let memory = tape.get::<Memory<T>>();
        memory.passed.begin();
        let Memory { tapes, kept, .. } = memory;
        self.upwards(x, y, state, tapes, kept, |layer, x, state, y, tape| {
            layer.forward(x, batch, state, y, tape, rng)
        })?;
        memory.passed.end(batch, self.each());
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
        mut dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), dy.shape(), dstate)?;
        require_gradient(self, x.shape(), gradient, dx.as_ref().map(|dx| dx.shape()))?;
        let Memory {
            passed,
            tapes,
            kept,
            errors,
            ..
        } = tape.get::<Memory<T>>();
        passed.require(batch, self.each())?;
        let [above, below] = errors;
        let (mut states, mut gradients) = (dstate, gradient);
        for (index, (_, layer)) in self.layers.iter().enumerate().rev() {
            let (other_states, own_states) = states.split_at_mut(states.len() - layer.states());
            let (other_gradients, own_gradient) =
                gradients.split_at_mut(gradients.len() - layer.params_len());
            (states, gradients) = (other_states, other_gradients);
            let dy = match index + 1 == self.layers.len() {
                true => dy,
                false => written(above, layer.output_len(), dy.ncols()),
            };
            let tape = &mut tapes[index];
            if index == 0 {
                let dx = dx.as_mut().map(|dx| dx.rb_mut());
                layer.backward(x, batch, dy, own_states, tape, own_gradient, dx)?;
            } else {
                let x = written(&kept[index - 1], layer.input_len(), x.ncols());
                let dx = room(below, x.nrows(), x.ncols());
                layer.backward(x, batch, dy, own_states, tape, own_gradient, Some(dx))?;
                std::mem::swap(above, below);
            }
        }
        if let (true, Some(mut dx)) = (self.is_empty(), dx) {
            dx.copy_from(dy);
        }
        Ok(())
    }

    fn set_threads(&mut self, threads: &Threads) {
        (self.layers.iter_mut()).for_each(|(_, layer)| layer.set_threads(threads));
    }

    fn visit_explanations(&self, name: Name<'_>, each: &mut dyn FnMut(Name<'_>, Explanation)) {
        (self.layers.iter())
            .for_each(|(part, layer)| layer.visit_explanations(name.child(part), each));
    }

    fn kind(&self) -> Kind<'_, T> {
        Kind::Stack(self.layers().collect())
    }
}
