//! How the state depends on the weights, carried along from step to step: what lets weights change after every step.
//!
//! For each number s of the state there is its derivative by all weights, E. A step takes it on by the chain rule,
//! E(t) = the step's own part + the derivative of s(t) by the state before it * E(t-1); both factors come from the backward kernel,
//! started with an error of 1 at s(t).
//!
//! With the whole gradient that is real-time recurrent learning, as many derivatives as there are pairs of a state and a weight. With
//! the truncated gradient a weight has a way to the states of its own block only, and a state only to itself one step
//! later. So the first cells of all blocks share one vector of derivatives, the second cells another: this is the rule that the
//! papers give in formulas, at its cost.

use faer::MatRef;
use lstm_core::{Cell, Error, Kernel, Packed, State, Tape};

use super::args::Rule;

/// A number of the state: carried quantity, and row.
type Place = (usize, usize);

/// The derivatives of the state, or of that part of it through which errors go back at all.
pub struct Traces {
    /// The places that share a vector of derivatives: entry w of it is the derivative of place w modulo their number.
    groups: Vec<Vec<Place>>,
    /// The vectors, one after the other, before and after a step.
    before: Vec<f64>,
    after: Vec<f64>,
    errors: State<f64>,
    /// Errors of a group's places.
    factors: Vec<f64>,
    zeros: Vec<f64>,
    /// The input of the step.
    x: Vec<f64>,
}

impl Traces {
    /// For a network around `kernel` whose weights follow the gradient of `rule`; the truncated one goes back through the
    /// states "s" of a cell with memory blocks.
    ///
    /// # Errors
    /// No memory.
    pub fn new<C: Cell>(kernel: &Kernel<C, f64>, rule: Rule) -> Result<Self, Error> {
        let rows = |quantity| (0..kernel.carried_len(quantity)).map(move |row| (quantity, row));
        let carried = || C::SPEC.carried.iter().enumerate();
        let groups: Vec<Vec<Place>> = match rule {
            Rule::Full => {
                let places = carried().flat_map(|(quantity, _)| rows(quantity));
                places.map(|place| vec![place]).collect()
            }
            Rule::Truncated => {
                // Blocks vary fastest, in states and in all parameters.
                let blocks = kernel.sizes().get(1).copied().unwrap_or(1);
                let states = carried().filter(|(_, carried)| carried.name == "s");
                let places: Vec<Place> = states.flat_map(|(quantity, _)| rows(quantity)).collect();
                places.chunks(blocks).map(<[Place]>::to_vec).collect()
            }
        };
        let len = groups.len() * kernel.params_len();
        Ok(Self {
            groups,
            before: vec![0.0; len],
            after: vec![0.0; len],
            errors: kernel.zero_state(1)?,
            factors: Vec::new(),
            zeros: vec![0.0; kernel.output_len()],
            x: Vec::new(),
        })
    }

    /// Before the first step no weight has had an effect.
    pub fn clear(&mut self) {
        self.before.fill(0.0);
    }

    /// Begins a step with an input, which it returns.
    pub fn step(&mut self, x: &[f64]) -> &[f64] {
        self.x.clear();
        self.x.extend_from_slice(x);
        &self.x
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
        let len = kernel.params_len();
        let x = MatRef::from_column_major_slice(&self.x, self.x.len(), 1);
        let dy = MatRef::from_column_major_slice(dy, dy.len(), 1);
        let (groups, before) = (&self.groups, &self.before);
        // Steps without targets have no errors.
        if dy.col(0).iter().any(|&error| error != 0.0) {
            self.errors.set_zero();
            kernel.backward(packed, x, dy, &mut self.errors, tape, gradient, None)?;
            through_state(groups, before, &self.errors, &mut self.factors, gradient);
        }

        let dy = MatRef::from_column_major_slice(&self.zeros, self.zeros.len(), 1);
        self.after.fill(0.0);
        for (places, after) in groups.iter().zip(self.after.chunks_exact_mut(len)) {
            self.errors.set_zero();
            for &(quantity, row) in places {
                self.errors.get_mut(quantity)[(row, 0)] = 1.0;
            }
            kernel.backward(packed, x, dy, &mut self.errors, tape, after, None)?;
            through_state(groups, before, &self.errors, &mut self.factors, after);
        }
        std::mem::swap(&mut self.before, &mut self.after);
        Ok(())
    }
}

/// Adds what errors of a state do to the weights that made it.
fn through_state(
    groups: &[Vec<Place>],
    traces: &[f64],
    errors: &State<f64>,
    factors: &mut Vec<f64>,
    gradient: &mut [f64],
) {
    for (places, trace) in groups.iter().zip(traces.chunks_exact(gradient.len())) {
        factors.clear();
        factors.extend((places.iter()).map(|&(quantity, row)| errors.get(quantity)[(row, 0)]));
        // Most states have no way to most others.
        if factors.iter().all(|&factor| factor == 0.0) {
            continue;
        }
        // For the numbers of blocks that the papers have, the compiler knows how many factors there are.
        match factors[..] {
            [a] => add_products([a], trace, gradient),
            [a, b] => add_products([a, b], trace, gradient),
            [a, b, c] => add_products([a, b, c], trace, gradient),
            [a, b, c, d] => add_products([a, b, c, d], trace, gradient),
            _ => {
                let factors = factors.iter().cycle();
                let products = trace
                    .iter()
                    .zip(factors)
                    .map(|(trace, factor)| trace * factor);
                (gradient.iter_mut().zip(products)).for_each(|(sum, product)| *sum += product);
            }
        }
    }
}

fn add_products<const N: usize>(factors: [f64; N], trace: &[f64], gradient: &mut [f64]) {
    let (traces, _) = trace.as_chunks::<N>();
    let (gradients, _) = gradient.as_chunks_mut::<N>();
    for (sums, traces) in gradients.iter_mut().zip(traces) {
        for index in 0..N {
            sums[index] += factors[index] * traces[index];
        }
    }
}
