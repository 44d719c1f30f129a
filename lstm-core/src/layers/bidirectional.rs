//! Two layers, one of which reads every sequence from its end.

use std::fmt;

use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Element, State, Threads};

use super::gather::room;
use super::residual::add_real;
use super::tape::Passed;
use super::{Batch, Kind, Layer, LayerTape, require_call, require_gradient};
use crate::error::{Error, Result};
use crate::explain::Explanation;
use crate::params::{Name, Parameters, Visit, VisitCells, VisitLayouts, VisitMut};
use crate::random::Rng;

/// A layer that reads sequences forwards and one that reads them backwards, each sample from its own last step. With
/// threads both run at the same time.
///
/// The states are those of the forward layer, then those of the backward one, whose final state is the one after the
/// first step. Parameters are named `forward.` and `backward.`.
pub struct Bidirectional<T: Element> {
    forward: Box<dyn Layer<T>>,
    backward: Box<dyn Layer<T>>,
    merge: Merge,
    threads: Option<Threads>,
}

/// What becomes of the two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// The features of the forward layer, then those of the backward one.
    Concat,
    /// Their sum.
    Sum,
}

impl<T: Element> Bidirectional<T> {
    /// Both outputs, one above the other.
    ///
    /// # Errors
    /// Layers with inputs of different lengths.
    pub fn concat(
        forward: impl Layer<T> + 'static,
        backward: impl Layer<T> + 'static,
    ) -> Result<Self> {
        Self::new(Box::new(forward), Box::new(backward), Merge::Concat)
    }

    /// The sum of both outputs.
    ///
    /// # Errors
    /// Layers with inputs or outputs of different lengths.
    pub fn sum(
        forward: impl Layer<T> + 'static,
        backward: impl Layer<T> + 'static,
    ) -> Result<Self> {
        Self::new(Box::new(forward), Box::new(backward), Merge::Sum)
    }

    /// Two layers of any kind.
    ///
    /// # Errors
    /// Layers that do not fit together.
    pub fn new(
        forward: Box<dyn Layer<T>>,
        backward: Box<dyn Layer<T>>,
        merge: Merge,
    ) -> Result<Self> {
        let mut lengths = vec![(forward.input_len(), backward.input_len(), "the input")];
        if merge == Merge::Sum {
            lengths.push((forward.output_len(), backward.output_len(), "the sum"));
        }
        for (expected, given, what) in lengths {
            if expected != given {
                return Err(Error::LayerSizes {
                    what: format!("{what} of both directions"),
                    expected,
                    given,
                    source_of: "the backward layer".to_owned(),
                });
            }
        }
        Ok(Self {
            forward,
            backward,
            merge,
            threads: None,
        })
    }

    /// The layer that reads forwards.
    pub fn forward_layer(&self) -> &dyn Layer<T> {
        self.forward.as_ref()
    }

    /// The layer that reads backwards.
    pub fn backward_layer(&self) -> &dyn Layer<T> {
        self.backward.as_ref()
    }

    /// What becomes of the two outputs.
    pub fn merge(&self) -> Merge {
        self.merge
    }

    fn each(&self) -> impl Iterator<Item = &dyn Layer<T>> {
        [self.forward.as_ref(), self.backward.as_ref()].into_iter()
    }

    /// Runs both directions, at the same time if there are threads for it.
    fn both(
        &self,
        forward: impl FnOnce(&dyn Layer<T>) -> Result<()> + Send,
        backward: impl FnOnce(&dyn Layer<T>) -> Result<()> + Send,
    ) -> Result<()> {
        let forward = || forward(self.forward.as_ref());
        let backward = || backward(self.backward.as_ref());
        let (first, second) = match &self.threads {
            Some(threads) => threads.join(forward, backward),
            None => (forward(), backward()),
        };
        first.and(second)
    }

    /// Runs both directions into `y`.
    fn merged(
        &self,
        batch: &Batch,
        y: MatMut<'_, T>,
        other: &mut Mat<T>,
        forward: impl FnOnce(&dyn Layer<T>, MatMut<'_, T>) -> Result<()> + Send,
        backward: impl FnOnce(&dyn Layer<T>, MatMut<'_, T>) -> Result<()> + Send,
    ) -> Result<()> {
        match self.merge {
            Merge::Concat => {
                let (above, below) = y.split_at_row_mut(self.forward.output_len());
                self.both(
                    |layer| forward(layer, above),
                    |layer| backward(layer, below),
                )
            }
            Merge::Sum => {
                let mut y = y;
                let mut other = room(other, y.nrows(), y.ncols());
                let (own, others) = (y.rb_mut(), other.rb_mut());
                self.both(|layer| forward(layer, own), |layer| backward(layer, others))?;
                add_real(batch, other.rb(), y);
                Ok(())
            }
        }
    }
}

/// What is kept between the passes.
struct Memory<T> {
    passed: Passed,
    forward: LayerTape,
    backward: LayerTape,
    /// The output of the backward layer, or its gradient with respect to the input.
    other: Mat<T>,
}

impl<T: Element> Default for Memory<T> {
    fn default() -> Self {
        Self {
            passed: Passed::default(),
            forward: LayerTape::new(),
            backward: LayerTape::new(),
            other: Mat::new(),
        }
    }
}

impl<T: Element> fmt::Debug for Bidirectional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs) = (self.forward.input_len(), self.forward.output_len());
        write!(
            f,
            "Bidirectional({inputs} to 2 x {outputs}, {:?})",
            self.merge
        )
    }
}

impl<T: Element> Parameters<T> for Bidirectional<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        self.forward.visit(name.child("forward"), visit)?;
        self.backward.visit(name.child("backward"), visit)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        self.forward.visit_mut(name.child("forward"), visit)?;
        self.backward.visit_mut(name.child("backward"), visit)
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        self.forward.visit_cells(name.child("forward"), visit);
        self.backward.visit_cells(name.child("backward"), visit);
    }

    fn visit_layouts(&self, name: Name<'_>, visit: &mut VisitLayouts<'_>) {
        self.forward.visit_layouts(name.child("forward"), visit);
        self.backward.visit_layouts(name.child("backward"), visit);
    }
}

impl<T: Element> Layer<T> for Bidirectional<T> {
    fn input_len(&self) -> usize {
        self.forward.input_len()
    }

    fn output_len(&self) -> usize {
        match self.merge {
            Merge::Concat => {
                let own = self.forward.output_len();
                own.saturating_add(self.backward.output_len())
            }
            Merge::Sum => self.forward.output_len(),
        }
    }

    fn states(&self) -> usize {
        self.forward.states() + self.backward.states()
    }

    fn initial_states(&self, batch: usize) -> Result<Vec<State<T>>> {
        let mut states = self.forward.initial_states(batch)?;
        states.extend(self.backward.initial_states(batch)?);
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
        let Memory {
            forward,
            backward,
            other,
            ..
        } = tape.get::<Memory<T>>();
        let (states, other_states) = state.split_at_mut(self.forward.states());
        let reversed = batch.clone().reversed();
        self.merged(
            batch,
            y,
            other,
            |layer, y| layer.infer(x, batch, states, y, forward),
            |layer, y| layer.infer(x, &reversed, other_states, y, backward),
        )
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
        let Memory {
            passed,
            forward,
            backward,
            other,
        } = tape.get::<Memory<T>>();
        passed.begin();
        let (states, other_states) = state.split_at_mut(self.forward.states());
        let reversed = batch.clone().reversed();
        // Each direction draws from a source of its own, so it does not matter which runs first.
        let (mut rng, mut other_rng) = (rng.split(), rng.split());
        self.merged(
            batch,
            y,
            other,
            |layer, y| layer.forward(x, batch, states, y, forward, &mut rng),
            |layer, y| layer.forward(x, &reversed, other_states, y, backward, &mut other_rng),
        )?;
        passed.end(batch, self.each());
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
        let Memory {
            passed,
            forward,
            backward,
            other,
        } = tape.get::<Memory<T>>();
        passed.require(batch, self.each())?;
        let (states, other_states) = dstate.split_at_mut(self.forward.states());
        let (gradient, other_gradient) = gradient.split_at_mut(self.forward.params_len());
        let reversed = batch.clone().reversed();
        let (dy, other_dy) = match self.merge {
            Merge::Concat => dy.split_at_row(self.forward.output_len()),
            Merge::Sum => (dy, dy),
        };
        let mut dx = dx;
        let (own_dx, mut other_dx) = match &mut dx {
            Some(dx) => (Some(dx.rb_mut()), Some(room(other, x.nrows(), x.ncols()))),
            None => (None, None),
        };
        let other_written = other_dx.as_mut().map(|dx| dx.rb_mut());
        self.both(
            |layer| layer.backward(x, batch, dy, states, forward, gradient, own_dx),
            |layer| {
                layer.backward(
                    x,
                    &reversed,
                    other_dy,
                    other_states,
                    backward,
                    other_gradient,
                    other_written,
                )
            },
        )?;
        if let (Some(dx), Some(other)) = (dx, other_dx) {
            add_real(batch, other.rb(), dx);
        }
        Ok(())
    }

    fn set_threads(&mut self, threads: &Threads) {
        self.forward.set_threads(threads);
        self.backward.set_threads(threads);
        self.threads = (threads.count() > 1).then(|| threads.clone());
    }

    fn visit_explanations(&self, name: Name<'_>, each: &mut dyn FnMut(Name<'_>, Explanation)) {
        self.forward.visit_explanations(name.child("forward"), each);
        self.backward
            .visit_explanations(name.child("backward"), each);
    }

    fn kind(&self) -> Kind<'_, T> {
        Kind::Bidirectional {
            forward: self.forward.as_ref(),
            backward: self.backward.as_ref(),
            merge: self.merge,
        }
    }
}
