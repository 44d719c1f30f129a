//! A layer that reads every sequence from its end.

use std::fmt;

use faer::{MatMut, MatRef};
use lstm_kernels::{Element, State, Threads};

use super::{Batch, Kind, Layer, LayerTape};
use crate::error::Result;
use crate::explain::Explanation;
use crate::params::{Name, Parameters, Visit, VisitCells, VisitLayouts, VisitMut};
use crate::random::Rng;

/// A layer that goes through each sample from its last step to its first. Its outputs stand where the inputs do, and the
/// final state is the one after the first step.
pub struct Reversed<T: Element>(Box<dyn Layer<T>>);

impl<T: Element> Reversed<T> {
    /// Lets `layer` read from the end.
    pub fn new(layer: impl Layer<T> + 'static) -> Self {
        Self(Box::new(layer))
    }

    /// The layer.
    pub fn layer(&self) -> &dyn Layer<T> {
        self.0.as_ref()
    }
}

/// Lets a layer of any kind read from the end.
impl<T: Element> From<Box<dyn Layer<T>>> for Reversed<T> {
    fn from(layer: Box<dyn Layer<T>>) -> Self {
        Self(layer)
    }
}

impl<T: Element> fmt::Debug for Reversed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs) = (self.0.input_len(), self.0.output_len());
        write!(f, "Reversed({inputs} to {outputs})")
    }
}

impl<T: Element> Parameters<T> for Reversed<T> {
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

impl<T: Element> Layer<T> for Reversed<T> {
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
        y: MatMut<'_, T>,
        tape: &mut LayerTape,
    ) -> Result<()> {
        self.0.infer(x, &batch.clone().reversed(), state, y, tape)
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
        let batch = batch.clone().reversed();
        self.0.forward(x, &batch, state, y, tape, rng)
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
        let batch = batch.clone().reversed();
        self.0.backward(x, &batch, dy, dstate, tape, gradient, dx)
    }

    fn set_threads(&mut self, threads: &Threads) {
        self.0.set_threads(threads);
    }

    fn visit_explanations(&self, name: Name<'_>, each: &mut dyn FnMut(Name<'_>, Explanation)) {
        self.0.visit_explanations(name, each);
    }

    fn kind(&self) -> Kind<'_, T> {
        Kind::Reversed(self.0.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;
    use lstm_kernels::cells::Lstm;

    use super::*;
    use crate::recurrent::Recurrent;

    #[test]
    fn the_outputs_are_those_of_the_turned_sequence_turned_back() {
        let plain = Recurrent::<Lstm, f64>::new(&[2, 3], &mut Rng::new(4)).unwrap();
        let reversed = Reversed::new(plain.clone());
        // Lengths 3 and 2, three columns of room.
        let batch = Batch::padded(&[3, 2], 3).unwrap();
        let x = Mat::from_fn(2, 6, |i, j| ((3 * i + 5 * j) as f64).sin());
        let run = |layer: &dyn Layer<f64>, x: &Mat<f64>| {
            let mut y = Mat::zeros(3, 6);
            let mut state = layer.initial_states(2).unwrap();
            let mut tape = LayerTape::new();
            (layer.infer(x.as_ref(), &batch, &mut state, y.as_mut(), &mut tape)).unwrap();
            (y, state)
        };
        let turned = |matrix: &Mat<f64>| {
            Mat::from_fn(matrix.nrows(), 6, |i, j| {
                let (step, sample) = (j / 2, j % 2);
                match batch.length(sample).checked_sub(step + 1) {
                    Some(step) => matrix[(i, batch.column(step, sample))],
                    None => 0.0,
                }
            })
        };
        let (y, state) = run(&reversed, &x);
        let (expected, expected_state) = run(&plain, &turned(&x));
        assert_eq!(y, turned(&expected));
        assert_eq!(state, expected_state);
    }
}
