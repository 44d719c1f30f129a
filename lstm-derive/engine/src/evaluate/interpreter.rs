//! Expressions in numbers, element by element.

use std::collections::HashMap;

use num_traits::ToPrimitive;

use super::rounded::{Rounded, compare};
use super::{Step, Trace};
use crate::expr::{NodeId, Op, Time};
use crate::model::Cell;

/// Evaluates expressions at one step of a trace.
pub(super) struct Interpreter<'a> {
    cell: &'a Cell,
    trace: &'a Trace,
    step: Step,
    known: HashMap<NodeId, Vec<Rounded>>,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(cell: &'a Cell, trace: &'a Trace, step: Step) -> Self {
        Interpreter {
            cell,
            trace,
            step,
            known: HashMap::new(),
        }
    }

    pub(super) fn value(&mut self, id: NodeId) -> Vec<Rounded> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let value = self.compute(id);
        self.known.insert(id, value.clone());
        value
    }

    fn compute(&mut self, id: NodeId) -> Vec<Rounded> {
        let node = self.cell.node(id);
        let len = self.trace.len(&node.shape);
        let at = |time: Time| self.step + Step::from(time);
        let known = |value: Option<&Vec<f64>>| match value {
            Some(value) => value.iter().copied().map(Rounded::from).collect(),
            None => vec![Rounded::from(f64::NAN); len],
        };
        match &node.op {
            Op::Number(number) => vec![number.to_f64().unwrap_or(f64::NAN).into()],
            Op::Size(axis) => vec![(self.trace.sizes[axis.0] as f64).into()],
            Op::Param(param) => known(self.trace.params.get(param.0)),
            Op::Input(time) => known(self.trace.inputs.get(&at(*time))),
            Op::Quantity(quantity, time) => {
                known(self.trace.quantities.get(&(at(*time), *quantity)))
            }
            Op::Signal(quantity, time) => known(self.trace.signals.get(&(at(*time), *quantity))),
            Op::Upstream(_, time) => known(self.trace.upstream.get(&at(*time))),
            Op::Neg(a) => self.map(*a, |a| -a),
            Op::Add(a, b) => self.zip(*a, *b, |a, b| a + b),
            Op::Sub(a, b) => self.zip(*a, *b, |a, b| a - b),
            Op::Mul(a, b) => self.zip(*a, *b, |a, b| a * b),
            Op::Div(a, b) => self.zip(*a, *b, |a, b| a / b),
            Op::Apply(function, a) => self.map(*a, |a| a.apply(*function)),
            Op::Derivative(function, a) => self.map(*a, |a| a.slope(*function)),
            Op::Max(a, b) => self.zip(*a, *b, |a, b| if a.value >= b.value { a } else { b }),
            Op::Min(a, b) => self.zip(*a, *b, |a, b| if a.value <= b.value { a } else { b }),
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            } => {
                let (left, right) = (self.value(*left), self.value(*right));
                let (then, otherwise) = (self.value(*then), self.value(*otherwise));
                let pairs = then.into_iter().zip(otherwise);
                let compared = left.into_iter().zip(right);
                compared
                    .zip(pairs)
                    .map(|((a, b), (p, q))| {
                        if compare(*sign, a.value, b.value) {
                            p
                        } else {
                            q
                        }
                    })
                    .collect()
            }
            Op::Product {
                matrix,
                transposed,
                vector,
            } => {
                let vector = self.value(*vector);
                let matrix = &self.trace.params[matrix.0];
                let columns = vector.len();
                let element = |row: usize, column: usize| {
                    Rounded::from(
                        matrix[if *transposed {
                            column + columns * row
                        } else {
                            row + len * column
                        }],
                    )
                };
                (0..len)
                    .map(|row| {
                        (0..columns)
                            .map(|column| element(row, column) * vector[column])
                            .sum()
                    })
                    .collect()
            }
            Op::Sum(axis, a) => {
                let shape = self.cell.graph.shape(*a);
                let position = shape
                    .iter()
                    .position(|other| other == axis)
                    .unwrap_or(shape.len());
                let (stride, count) =
                    (self.trace.len(&shape[..position]), self.trace.sizes[axis.0]);
                let value = self.value(*a);
                let start = |at: usize| at % stride + at / stride * stride * count;
                (0..len)
                    .map(|at| (0..count).map(|i| value[start(at) + i * stride]).sum())
                    .collect()
            }
            Op::Broadcast(a) => self.value(*a).into_iter().cycle().take(len).collect(),
            Op::Stop(a) => match &self.trace.stopped {
                Some(trace) => trace.rounded(self.cell, *a, self.step),
                None => self.value(*a),
            },
        }
    }

    fn map(&mut self, a: NodeId, f: impl Fn(Rounded) -> Rounded) -> Vec<Rounded> {
        self.value(a).into_iter().map(f).collect()
    }

    fn zip(
        &mut self,
        a: NodeId,
        b: NodeId,
        f: impl Fn(Rounded, Rounded) -> Rounded,
    ) -> Vec<Rounded> {
        let (a, b) = (self.value(a), self.value(b));
        a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()
    }
}
