//! Derivatives of the loss along directions, measured.

use std::ops::Range;

use lstm_derive_engine::evaluate::Trace;
use lstm_derive_engine::expr::Op;
use lstm_derive_engine::model;
use lstm_kernels::{Cell, Kernel};

use crate::passes::{self, Gradients, Outputs, Problem};

/// What a derivative is taken by.
pub enum Place {
    /// A parameter.
    Param { index: usize, range: Range<usize> },
    /// A carried state before the first step.
    First { index: usize },
    /// The inputs of all steps.
    Input,
}

impl Place {
    /// What it is, for messages.
    pub fn name<C: Cell>(&self) -> String {
        match *self {
            Place::Param { index, .. } => C::SPEC.params[index].symbol.to_owned(),
            Place::First { index } => format!("the initial {}", C::SPEC.carried[index].symbol),
            Place::Input => C::SPEC.input.symbol.to_owned(),
        }
    }

    /// How many numbers it has.
    pub fn len(&self, problem: &Problem) -> usize {
        match self {
            Place::Param { range, .. } => range.len(),
            Place::First { index } => problem.first[*index].len(),
            Place::Input => problem.x.len(),
        }
    }

    /// Its part of the gradients.
    pub fn of<'a>(&self, gradients: &'a Gradients) -> &'a [f64] {
        match self {
            Place::Param { range, .. } => &gradients.params[range.clone()],
            Place::First { index } => &gradients.first[*index],
            Place::Input => &gradients.x,
        }
    }

    /// The problem at a distance along a direction.
    fn moved(&self, problem: &Problem, direction: &[f64], distance: f64) -> Problem {
        let mut moved = problem.clone();
        let values = match self {
            Place::Param { range, .. } => &mut moved.params[range.clone()],
            Place::First { index } => &mut moved.first[*index],
            Place::Input => &mut moved.x,
        };
        values
            .iter_mut()
            .zip(direction)
            .for_each(|(value, d)| *value += distance * d);
        moved
    }
}

/// The derivative of the loss along a unit direction, by a five-point difference.
pub fn measure<C: Cell>(
    cell: &model::Cell,
    sizes: &[usize],
    problem: &Problem,
    place: &Place,
    direction: &[f64],
) -> f64 {
    const STEP: f64 = 5e-4;
    let stops = (0..cell.quantities.len()).any(|index| {
        let definition = cell.quantities[index].definition;
        cell.graph
            .reachable(&[definition])
            .into_iter()
            .any(|id| matches!(cell.graph.op(id), Op::Stop(_)))
    });
    let base = stops.then(|| trace_all(cell, sizes, problem, None));
    let kernel = Kernel::<C, f64>::new(sizes).expect("sizes above zero");
    let loss = |distance: f64| {
        let moved = place.moved(problem, direction, distance);
        let outputs = match &base {
            Some(base) => interpret(cell, sizes, &moved, Some(base)),
            None => passes::infer(
                &kernel,
                &moved,
                moved.x.len() / kernel.input_len() / moved.batch,
            ),
        };
        dot(&problem.dy, &outputs.y)
            + problem
                .dlast
                .iter()
                .zip(&outputs.last)
                .map(|(d, s)| dot(d, s))
                .sum::<f64>()
    };
    (8.0 * (loss(STEP) - loss(-STEP)) - (loss(2.0 * STEP) - loss(-2.0 * STEP))) / (12.0 * STEP)
}

/// The outputs by the equations as they stand, with stopped values from other runs where these are given.
pub fn interpret(
    cell: &model::Cell,
    sizes: &[usize],
    problem: &Problem,
    stopped: Option<&[Trace]>,
) -> Outputs {
    let traces = trace_all(cell, sizes, problem, stopped);
    let steps = traces[0].inputs.len() as i64;
    let at = |step: i64, id| {
        traces
            .iter()
            .flat_map(move |trace| trace.quantities[&(step, id)].iter().copied())
    };
    Outputs {
        y: (0..steps).flat_map(|step| at(step, cell.output)).collect(),
        last: cell
            .carried()
            .map(|id| at(steps - 1, id).collect())
            .collect(),
    }
}

/// One run of the equations for each sample.
fn trace_all(
    cell: &model::Cell,
    sizes: &[usize],
    problem: &Problem,
    stopped: Option<&[Trace]>,
) -> Vec<Trace> {
    (0..problem.batch)
        .map(|sample| {
            trace(
                cell,
                sizes,
                problem,
                sample,
                stopped.map(|traces| &traces[sample]),
            )
        })
        .collect()
}

fn trace(
    cell: &model::Cell,
    sizes: &[usize],
    problem: &Problem,
    sample: usize,
    stopped: Option<&Trace>,
) -> Trace {
    let mut trace = Trace {
        sizes: sizes.to_vec(),
        stopped: stopped.cloned().map(Box::new),
        ..Trace::default()
    };
    let mut rest = problem.params.as_slice();
    for param in &cell.params {
        let (values, after) = rest.split_at(trace.len(&param.shape));
        trace.params.push(values.to_vec());
        rest = after;
    }
    for (id, first) in cell.carried().zip(&problem.first) {
        let len = first.len() / problem.batch;
        trace
            .quantities
            .insert((-1, id), first[sample * len..][..len].to_vec());
    }
    let rows = trace.len(&cell.input.shape);
    for (column, x) in problem.x.chunks(rows).enumerate() {
        if column % problem.batch == sample {
            let step = (column / problem.batch) as i64;
            trace.inputs.insert(step, x.to_vec());
            trace.forward(cell, step);
        }
    }
    trace
}

/// The largest difference between the components of outputs.
pub fn distance(a: &Outputs, b: &Outputs) -> f64 {
    let all = |outputs: &Outputs| -> Vec<f64> {
        outputs
            .y
            .iter()
            .chain(outputs.last.iter().flatten())
            .copied()
            .collect()
    };
    let (a, b) = (all(a), all(b));
    assert_eq!(a.len(), b.len());
    // A NaN is infinitely far from anything.
    a.iter()
        .zip(&b)
        .map(|(a, b)| (a - b).abs())
        .fold(
            0.0,
            |largest, d| if d <= largest { largest } else { d.max(d) },
        )
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
