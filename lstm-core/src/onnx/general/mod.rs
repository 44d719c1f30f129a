//! Any of ONNX's recurrent operators, one direction of it, as its equations say: for what no shipped cell is.
//!
//! Products are faer's; what is element by element is computed in f64, one number after the other.

mod equations;

use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use lstm_kernels::{Element, State, Threads};

use super::activation::Activation;
use super::definition::{Definition, Rule};
use super::operator::Operator;
use crate::columns::column_major;
use crate::error::{Error, Result};
use crate::layers::{Batch, Layer, LayerTape, Part, clear_padding, require_call, room};
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut};
use crate::random::Rng;

/// Steps whose products with the input are taken together.
const AHEAD: usize = 64;

/// One direction of a recurrent operator. It infers and cannot be trained.
pub(super) struct General<T> {
    /// The node's name, for messages.
    node: String,
    operator: Operator,
    rule: Rule,
    activations: Vec<Activation>,
    inputs: usize,
    units: usize,
    /// Matrices column by column, rows in the operator's order of gates.
    w: Vec<T>,
    r: Vec<T>,
    w_bias: Vec<T>,
    r_bias: Vec<T>,
    /// Of input, output and forget gate; empty if there are none.
    peepholes: Vec<T>,
    /// The initial state of each carried quantity; empty for zeros.
    initial: Vec<Vec<T>>,
}

/// What a call needs beside its arguments.
struct Memory<T> {
    x: Mat<T>,
    y: Mat<T>,
    /// Products with the input, of several steps.
    ahead: Mat<T>,
    /// Products with the state, of one step.
    recurrent: Mat<T>,
    /// The state after the reset gate.
    reset: Mat<T>,
}

impl<T: Element> Default for Memory<T> {
    fn default() -> Self {
        Self {
            x: Mat::new(),
            y: Mat::new(),
            ahead: Mat::new(),
            recurrent: Mat::new(),
            reset: Mat::new(),
        }
    }
}

impl<T: Element> General<T> {
    pub fn new(node: &str, definition: &Definition<T>, direction: usize) -> Self {
        let Definition {
            operator,
            inputs,
            units,
            ..
        } = *definition;
        let weights = &definition.weights[direction];
        let rows = operator.gates() * units;
        Self {
            node: node.to_owned(),
            operator,
            rule: definition.rule,
            activations: weights.activations.clone(),
            inputs,
            units,
            w: column_major(MatRef::from_row_major_slice(&weights.w, rows, inputs)),
            r: column_major(MatRef::from_row_major_slice(&weights.r, rows, units)),
            w_bias: weights.w_bias.clone(),
            r_bias: weights.r_bias.clone(),
            peepholes: weights.peepholes.clone().unwrap_or_default(),
            initial: definition.initial_of(direction),
        }
    }

    fn rows(&self) -> usize {
        self.operator.gates() * self.units
    }

    /// c and h of an LSTM, h of the others.
    fn carried(&self) -> usize {
        match self.operator {
            Operator::Lstm => 2,
            _ => 1,
        }
    }

    fn begin_anew(&self, sample: usize, state: &mut State<T>) {
        for index in 0..state.len() {
            let column = state.get_mut(index).col_mut(sample);
            match self.initial.get(index) {
                Some(initial) => {
                    (column.iter_mut().zip(initial)).for_each(|(value, initial)| *value = *initial)
                }
                None => column.iter_mut().for_each(|value| *value = T::default()),
            }
        }
    }

    /// Name, rows, columns and numbers of each parameter.
    fn parameters(&mut self) -> [(&'static str, usize, usize, &mut Vec<T>); 5] {
        let (rows, inputs, units) = (self.rows(), self.inputs, self.units);
        let peepholes = self.peepholes.len();
        [
            ("w", rows, inputs, &mut self.w),
            ("r", rows, units, &mut self.r),
            ("w_bias", rows, 1, &mut self.w_bias),
            ("r_bias", rows, 1, &mut self.r_bias),
            ("peepholes", peepholes, 1, &mut self.peepholes),
        ]
    }

    fn cannot_be_trained(&self) -> Error {
        Error::OnnxNode {
            node: self.node.clone(),
            operator: format!("{:?}", self.operator).to_uppercase(),
            reason: "it is not one of the shipped cells, so it infers only and cannot be trained"
                .to_owned(),
        }
    }
}

impl<T: Element> Parameters<T> for General<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        let (rows, inputs, units) = (self.rows(), self.inputs, self.units);
        let parameters = [
            ("w", rows, inputs, &self.w),
            ("r", rows, units, &self.r),
            ("w_bias", rows, 1, &self.w_bias),
            ("r_bias", rows, 1, &self.r_bias),
            ("peepholes", self.peepholes.len(), 1, &self.peepholes),
        ];
        for (part, rows, columns, values) in parameters {
            if !values.is_empty() {
                visit(
                    name.child(part),
                    Parameter {
                        rows,
                        columns,
                        values,
                    },
                )?;
            }
        }
        Ok(())
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        for (part, rows, columns, values) in self.parameters() {
            if !values.is_empty() {
                visit(
                    name.child(part),
                    ParameterMut {
                        rows,
                        columns,
                        values,
                    },
                )?;
            }
        }
        Ok(())
    }
}

impl<T: Element> Layer<T> for General<T> {
    fn input_len(&self) -> usize {
        self.inputs
    }

    fn output_len(&self) -> usize {
        self.units
    }

    fn states(&self) -> usize {
        1
    }

    fn initial_states(&self, batch: usize) -> Result<Vec<State<T>>> {
        let mut state = State::zeros((0..self.carried()).map(|_| self.units), batch)?;
        (0..batch).for_each(|sample| self.begin_anew(sample, &mut state));
        Ok(vec![state])
    }

    fn infer(
        &self,
        x: MatRef<'_, T>,
        batch: &Batch,
        state: &mut [State<T>],
        mut y: MatMut<'_, T>,
        tape: &mut LayerTape,
    ) -> Result<()> {
        require_call(self, batch, x.shape(), y.shape(), state)?;
        let [all] = state else {
            return Ok(());
        };
        let memory = tape.get::<Memory<T>>();
        let schedule = batch.schedule(AHEAD);
        (schedule.idle.iter()).for_each(|&sample| self.begin_anew(sample, all));
        for segment in &schedule.segments {
            let part = Part {
                batch,
                schedule: &schedule,
                segment,
            };
            let count = segment.samples;
            let mut state = State::zeros((0..self.carried()).map(|_| self.units), count)?;
            part.take_state(all, &mut state);
            segment
                .fresh
                .iter()
                .for_each(|&place| self.begin_anew(place, &mut state));
            let x = part.gather(x, &mut memory.x);
            let mut ahead = room(&mut memory.ahead, self.rows(), part.columns());
            let w = MatRef::from_column_major_slice(&self.w, self.rows(), self.inputs);
            matmul(
                ahead.rb_mut(),
                Accum::Replace,
                w,
                x,
                T::from_f64(1.0),
                Par::Seq,
            );
            let (recurrent, reset) = (&mut memory.recurrent, &mut memory.reset);
            part.scatter(y.rb_mut(), &mut memory.y, |mut y| {
                for step in 0..segment.steps {
                    let net = ahead.rb().subcols(step * count, count);
                    let y = y.rb_mut().subcols_mut(step * count, count);
                    self.step(net, &mut state, y, [&mut *recurrent, &mut *reset]);
                }
            });
            part.put_state(&state, all);
        }
        clear_padding(batch, y);
        Ok(())
    }

    fn forward(
        &self,
        _: MatRef<'_, T>,
        _: &Batch,
        _: &mut [State<T>],
        _: MatMut<'_, T>,
        _: &mut LayerTape,
        _: &mut Rng,
    ) -> Result<()> {
        Err(self.cannot_be_trained())
    }

    fn backward(
        &self,
        _: MatRef<'_, T>,
        _: &Batch,
        _: MatRef<'_, T>,
        _: &mut [State<T>],
        _: &mut LayerTape,
        _: &mut [T],
        _: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        Err(self.cannot_be_trained())
    }

    fn set_threads(&mut self, _: &Threads) {}
}
