//! How the state depends on the weights, carried along from step to step: what lets weights change after every step.
//!
//! For each number s of the state there is its derivative by all weights, E. A step takes it on by the chain rule,
//! E(t) = the step's own part + the derivative of s(t) by the state before it * E(t-1); both factors come from the backward kernel,
//! started with an error of 1 at s(t). With the truncated gradient this is the rule that the papers give in formulas.

use faer::MatRef;
use lstm_core::{Cell, Error, Kernel, Packed, State, Tape};

use super::sequence::Sequence;

/// The derivatives of the state, or of that part of it through which errors go back at all.
pub struct Traces {
    /// The numbers of the state: carried quantity, and row.
    places: Vec<(usize, usize)>,
    /// Their derivatives, one after the other, before and after a step.
    before: Vec<f64>,
    after: Vec<f64>,
    errors: State<f64>,
    zeros: Vec<f64>,
    step: Sequence,
}

impl Traces {
    /// For a network around `kernel`, in which errors go back through those carried quantities that `carries` names.
    ///
    /// # Errors
    /// No memory.
    pub fn new<C: Cell>(kernel: &Kernel<C, f64>, carries: fn(&str) -> bool) -> Result<Self, Error> {
        let quantities = C::SPEC.carried.iter().enumerate();
        let quantities = quantities.filter(|(_, carried)| carries(carried.name));
        let rows = |quantity| (0..kernel.carried_len(quantity)).map(move |row| (quantity, row));
        let places: Vec<_> = quantities
            .flat_map(|(quantity, _)| rows(quantity))
            .collect();
        let len = places.len() * kernel.params_len();
        Ok(Self {
            places,
            before: vec![0.0; len],
            after: vec![0.0; len],
            errors: kernel.zero_state(1)?,
            zeros: vec![0.0; kernel.output_len()],
            step: Sequence::default(),
        })
    }

    /// Before the first step no weight has had an effect.
    pub fn clear(&mut self) {
        self.before.fill(0.0);
    }

    /// Begins a step; returns it as a sequence of its own.
    pub fn step(&mut self, x: &[f64], targets: &[f64]) -> &Sequence {
        self.step.clear(x.len());
        self.step.push(x);
        self.step.target(targets.iter().copied());
        &self.step
    }

    /// Adds the gradient of the step that is on `tape`, whose cell outputs have the errors `dy`, and takes the derivatives on.
    ///
    /// # Errors
    /// Lengths that do not fit.
    pub fn backprop<C: Cell>(
        &mut self,
        kernel: &Kernel<C, f64>,
        packed: &Packed<f64>,
        dy: &[f64],
        tape: &mut Tape<f64>,
        gradient: &mut [f64],
    ) -> Result<(), Error> {
        let (x, len) = (self.step.x(), kernel.params_len());
        let dy = MatRef::from_column_major_slice(dy, dy.len(), 1);
        self.errors.set_zero();
        kernel.backward(packed, x, dy, &mut self.errors, tape, gradient, None)?;
        through_state(&self.places, &self.before, &self.errors, gradient);

        let dy = MatRef::from_column_major_slice(&self.zeros, self.zeros.len(), 1);
        self.after.fill(0.0);
        let after = self.after.chunks_exact_mut(len);
        for (&(quantity, row), after) in self.places.iter().zip(after) {
            self.errors.set_zero();
            self.errors.get_mut(quantity)[(row, 0)] = 1.0;
            kernel.backward(packed, x, dy, &mut self.errors, tape, after, None)?;
            through_state(&self.places, &self.before, &self.errors, after);
        }
        std::mem::swap(&mut self.before, &mut self.after);
        Ok(())
    }
}

/// Adds what errors of a state do to the weights that made it.
fn through_state(
    places: &[(usize, usize)],
    traces: &[f64],
    errors: &State<f64>,
    gradient: &mut [f64],
) {
    for (&(quantity, row), trace) in places.iter().zip(traces.chunks_exact(gradient.len())) {
        let error = errors.get(quantity)[(row, 0)];
        // Most states have no way to most others.
        if error != 0.0 {
            (gradient.iter_mut().zip(trace)).for_each(|(sum, trace)| *sum += error * trace);
        }
    }
}
