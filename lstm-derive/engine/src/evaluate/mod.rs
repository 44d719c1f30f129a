//! The equations in numbers: a plain interpreter over a few steps, for points where two expressions differ and as an
//! oracle in tests. Slow and obvious.

mod interpreter;
mod rounded;

use std::collections::BTreeMap;

use crate::adjoint::{Derivation, Term};
use crate::expr::{AxisId, NodeId, QuantityId};
use crate::model::Cell;

use interpreter::Interpreter;
pub use rounded::Rounded;
pub(crate) use rounded::apply;

/// A step; a run starts from states at step -1.
pub type Step = i64;

/// Numbers drawn from a seed, equal on every machine (splitmix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for every seed.
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number in -1 .. 1.
    pub fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// So many numbers.
    pub fn vector(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| self.draw()).collect()
    }
}

/// The values of everything in a cell over some steps. First axes vary fastest. What is not known reads as NaN.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The lengths of the axes.
    pub sizes: Vec<usize>,
    /// The parameters.
    pub params: Vec<Vec<f64>>,
    /// The inputs.
    pub inputs: BTreeMap<Step, Vec<f64>>,
    /// The quantities.
    pub quantities: BTreeMap<(Step, QuantityId), Vec<f64>>,
    /// The gradients that reach the output from above.
    pub upstream: BTreeMap<Step, Vec<f64>>,
    /// The error signals.
    pub signals: BTreeMap<(Step, QuantityId), Vec<f64>>,
    /// Where `stop(e)` takes its value from, if not from this trace: the run whose gradient is taken.
    pub stopped: Option<Box<Trace>>,
}

impl Trace {
    /// A trace of given sizes and random parameters.
    pub fn new(cell: &Cell, sizes: Vec<usize>, random: &mut Random) -> Self {
        let mut trace = Trace {
            sizes,
            ..Trace::default()
        };
        trace.params = cell
            .params
            .iter()
            .map(|param| random.vector(trace.len(&param.shape)))
            .collect();
        trace
    }

    /// How many elements a value of some axes has.
    pub fn len(&self, axes: &[AxisId]) -> usize {
        axes.iter().map(|axis| self.sizes[axis.0]).product()
    }

    /// Computes all quantities of a step from its input and the step before.
    pub fn forward(&mut self, cell: &Cell, step: Step) {
        for id in cell.quantity_ids() {
            let value = self.value(cell, cell.quantity(id).definition, step);
            self.quantities.insert((step, id), value);
        }
    }

    /// Computes all error signals of a step. What reaches a quantity from later steps is `future` where that is given,
    /// and otherwise follows from the signals of the next step.
    pub fn backward(
        &mut self,
        cell: &Cell,
        derivation: &Derivation,
        step: Step,
        future: Option<&BTreeMap<QuantityId, Vec<f64>>>,
    ) {
        let mut quantities: Vec<_> = cell.quantity_ids().collect();
        quantities.reverse();
        for id in quantities {
            let error = &derivation.signals[id.0];
            let mut sum = vec![0.0; self.len(&cell.quantity(id).shape)];
            self.accumulate(cell, &error.now, step, &mut sum);
            match future {
                None => self.accumulate(cell, &error.later, step, &mut sum),
                Some(future) => {
                    for (total, value) in sum.iter_mut().zip(future.get(&id).into_iter().flatten())
                    {
                        *total += value;
                    }
                }
            }
            self.signals.insert((step, id), sum);
        }
    }

    fn accumulate(&self, cell: &Cell, terms: &[Term], step: Step, sum: &mut [f64]) {
        for term in terms {
            for (total, value) in sum.iter_mut().zip(self.value(cell, term.value, step)) {
                *total += value;
            }
        }
    }

    /// The value of an expression at a step.
    pub fn value(&self, cell: &Cell, id: NodeId, step: Step) -> Vec<f64> {
        let elements = self.rounded(cell, id, step).into_iter();
        elements.map(|element| element.value).collect()
    }

    /// The value of an expression at a step, and how far rounding may have changed it.
    pub fn rounded(&self, cell: &Cell, id: NodeId, step: Step) -> Vec<Rounded> {
        Interpreter::new(cell, self, step).value(id)
    }
}

/// A point at which all expressions of an `errors` block have values: step t is step 0.
///
/// Parameters, inputs, states at t-1, gradients from above and what arrives from after t+1 are random; quantities at t
/// and t+1 and all error signals at both follow from the equations.
pub fn random_point(cell: &Cell, derivation: &Derivation, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    // Lengths 2 and 3, so that no two neighbouring axes are mistaken for each other; an axis has both, lest it passes for a
    // number.
    let turned = (seed / 2 % 2) as usize;
    let sizes = (0..cell.sizes.len())
        .map(|axis| 2 + (axis + turned) % 2)
        .collect();
    let mut point = Trace::new(cell, sizes, &mut random);
    let mut future = BTreeMap::new();
    for id in cell.quantity_ids() {
        let len = point.len(&cell.quantity(id).shape);
        point.quantities.insert((-1, id), random.vector(len));
        if !derivation.signals[id.0].later.is_empty() {
            future.insert(id, random.vector(len));
        }
    }
    let (input, output) = (
        point.len(&cell.input.shape),
        point.len(&cell.quantity(cell.output).shape),
    );
    for step in -1..=1 {
        point.inputs.insert(step, random.vector(input));
        point.upstream.insert(step, random.vector(output));
    }
    if seed % 2 == 1 {
        // Every other point is positive, for logarithms and square roots.
        let params = point.params.iter_mut();
        for vector in params
            .chain(point.quantities.values_mut())
            .chain(point.inputs.values_mut())
        {
            vector
                .iter_mut()
                .for_each(|value| *value = value.abs() + 0.1);
        }
    }
    point.forward(cell, 0);
    point.forward(cell, 1);
    point.backward(cell, derivation, 1, Some(&future));
    point.backward(cell, derivation, 0, None);
    point
}
