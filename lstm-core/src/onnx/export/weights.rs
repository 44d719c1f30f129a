//! A recurrent layer's parameters as ONNX's operators take them.

use std::collections::BTreeMap;

use faer::MatRef;
use lstm_kernels::cells::{ElmanRnn, GruResetAfter, GruResetBefore, Lstm, PeepholeLstm, ReluRnn};
use lstm_kernels::{Cell, CellSpec, Element};

use super::super::operator::Operator;
use super::super::shipped::{self, Part, Take};
use super::refuse;
use crate::columns::row_major;
use crate::error::Result;
use crate::layers::{Kind, Layer};
use crate::params::Name;

/// One direction of an operator. Matrices are stored row by row.
pub(super) struct Direction<T> {
    pub operator: Operator,
    pub linear_before_reset: bool,
    /// Whether its units are rectified linear ones, in place of the operator's default.
    pub is_relu: bool,
    pub inputs: usize,
    pub units: usize,
    pub w: Vec<T>,
    pub r: Vec<T>,
    /// Biases of the product with the input, then of the one with the state.
    pub b: Vec<T>,
    /// Empty if there are none.
    pub p: Vec<T>,
    /// Trained initial states: c, in an LSTM, and h; empty if there are none.
    pub initial: Vec<Vec<T>>,
}

impl<T> Direction<T> {
    /// Whether both can be directions of one node.
    pub fn is_alike(&self, other: &Self) -> bool {
        let key = |direction: &Self| {
            let Direction {
                operator,
                linear_before_reset,
                is_relu,
                inputs,
                units,
                ..
            } = *direction;
            (
                operator,
                (linear_before_reset, is_relu),
                inputs,
                units,
                direction.p.len(),
                direction.initial.len(),
            )
        };
        key(self) == key(other)
    }
}

/// The operator that a cell is, and its parameters in terms of it.
fn operator_of(cell: &CellSpec) -> Option<(Operator, bool, &'static [Part])> {
    let is = |spec: &CellSpec| {
        spec.equations_hash == cell.equations_hash && spec.equations == cell.equations
    };
    if is(&ElmanRnn::SPEC) || is(&ReluRnn::SPEC) {
        Some((Operator::Rnn, false, shipped::SIMPLE_RNN))
    } else if is(&GruResetAfter::SPEC) {
        Some((Operator::Gru, true, shipped::GRU_RESET_AFTER))
    } else if is(&GruResetBefore::SPEC) {
        Some((Operator::Gru, false, shipped::GRU_RESET_BEFORE))
    } else if is(&Lstm::SPEC) {
        Some((Operator::Lstm, false, shipped::LSTM))
    } else if is(&PeepholeLstm::SPEC) {
        Some((Operator::Lstm, false, shipped::PEEPHOLE_LSTM))
    } else {
        None
    }
}

/// A recurrent layer as a direction of an operator.
pub(super) fn direction_of<T: Element>(layer: &dyn Layer<T>, name: &str) -> Result<Direction<T>> {
    let Kind::Recurrent { cell, sizes } = layer.kind() else {
        return Err(refuse(name, "it is not recurrent".to_owned()));
    };
    let Some((operator, linear_before_reset, parts)) = operator_of(cell) else {
        return Err(refuse(
            name,
            format!("its cell {} is none of ONNX's operators", cell.name),
        ));
    };
    let &[inputs, units, ref blocks @ ..] = sizes else {
        return Err(refuse(
            name,
            format!("its cell {} has the sizes {sizes:?}", cell.name),
        ));
    };
    if let Some(cells) = blocks.first().filter(|&&cells| cells != 1) {
        return Err(refuse(
            name,
            format!(
                "its cell {} has {cells} cells in a block, ONNX's operators one",
                cell.name
            ),
        ));
    }

    let mut parameters = BTreeMap::new();
    layer.visit(Name::ROOT, &mut |name, parameter| {
        parameters.insert(name.to_string(), parameter.values.to_vec());
        Ok(())
    })?;
    let rows = operator.gates() * units;
    let mut direction = Direction {
        operator,
        linear_before_reset,
        is_relu: cell.equations_hash == ReluRnn::SPEC.equations_hash,
        inputs,
        units,
        w: vec![T::default(); rows * inputs],
        r: vec![T::default(); rows * units],
        b: vec![T::default(); 2 * rows],
        p: Vec::new(),
        initial: Vec::new(),
    };
    if parts.iter().any(|&(_, take, _)| take == Take::Peepholes) {
        direction.p = vec![T::default(); 3 * units];
    }
    for &(part, take, gate) in parts {
        let values = parameters.remove(part);
        let values =
            values.ok_or_else(|| refuse(name, format!("it does not show its parameter {part}")))?;
        let first = gate * units;
        match take {
            Take::W => direction.w[first * inputs..][..units * inputs].copy_from_slice(&row_major(
                MatRef::from_column_major_slice(&values, units, inputs),
            )),
            Take::R => direction.r[first * units..][..units * units].copy_from_slice(&row_major(
                MatRef::from_column_major_slice(&values, units, units),
            )),
            // The sum of both biases is all that counts, so one of them holds it.
            Take::Biases | Take::InputBias => {
                direction.b[first..][..units].copy_from_slice(&values)
            }
            Take::StateBias => direction.b[rows + first..][..units].copy_from_slice(&values),
            Take::Peepholes => direction.p[first..][..units].copy_from_slice(&values),
        }
    }
    for carried in cell.carried {
        direction
            .initial
            .extend(parameters.remove(&format!("initial.{}", carried.name)));
    }
    match parameters.keys().next() {
        Some(other) => Err(refuse(
            name,
            format!("its parameter {other} has no place in ONNX's operators"),
        )),
        None => Ok(direction),
    }
}
