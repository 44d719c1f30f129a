//! Nodes that are shipped cells: their weights in the layer that has fused kernels for them.

use faer::MatRef;
use lstm_kernels::cells::{ElmanRnn, GruResetAfter, GruResetBefore, Lstm, PeepholeLstm, ReluRnn};
use lstm_kernels::{Cell, Element};

use super::activation::Activation;
use super::definition::{Definition, Rule, Weights};
use super::operator::Operator;
use crate::columns::column_major;
use crate::error::Result;
use crate::layers::Layer;
use crate::params::{Name, Parameters};
use crate::recurrent::Recurrent;

/// What a parameter of a cell is made of: its name, what it is taken from, and the gate's place in ONNX's order.
pub(super) type Part = (&'static str, Take, usize);

/// Where a parameter's numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// The gate's rows of W.
    W,
    /// Its rows of R.
    R,
    /// Its biases of both products, added.
    Biases,
    /// Its bias of the product with the input.
    InputBias,
    /// Its bias of the product with the state.
    StateBias,
    /// Its peepholes, in ONNX's order of these: i, o, f.
    Peepholes,
}

use Take::{Biases, InputBias, Peepholes, R, StateBias, W};

/// The parameters of shipped cells in terms of ONNX's operators. Those of simple recurrent networks differ in the
/// activation alone.
pub(super) const SIMPLE_RNN: &[Part] = &[("w", W, 0), ("u", R, 0), ("beta", Biases, 0)];

#[rustfmt::skip]
pub(super) const LSTM: &[Part] = &[
    ("w_i", W, 0), ("w_o", W, 1), ("w_f", W, 2), ("w_g", W, 3),
    ("u_i", R, 0), ("u_o", R, 1), ("u_f", R, 2), ("u_g", R, 3),
    ("beta_i", Biases, 0), ("beta_o", Biases, 1), ("beta_f", Biases, 2), ("beta_g", Biases, 3),
];

#[rustfmt::skip]
pub(super) const PEEPHOLE_LSTM: &[Part] = &[
    ("w_iota", W, 0), ("w_omega", W, 1), ("w_phi", W, 2), ("w_c", W, 3),
    ("u_iota", R, 0), ("u_omega", R, 1), ("u_phi", R, 2), ("u_c", R, 3),
    ("p_iota", Peepholes, 0), ("p_omega", Peepholes, 1), ("p_phi", Peepholes, 2),
    ("beta_iota", Biases, 0), ("beta_omega", Biases, 1), ("beta_phi", Biases, 2), ("beta_c", Biases, 3),
];

#[rustfmt::skip]
pub(super) const GRU_RESET_AFTER: &[Part] = &[
    ("w_z", W, 0), ("w_r", W, 1), ("w_n", W, 2),
    ("u_z", R, 0), ("u_r", R, 1), ("u_n", R, 2),
    ("beta_z", Biases, 0), ("beta_r", Biases, 1), ("beta_n", InputBias, 2), ("beta_u", StateBias, 2),
];

#[rustfmt::skip]
pub(super) const GRU_RESET_BEFORE: &[Part] = &[
    ("w_z", W, 0), ("w_r", W, 1), ("w_n", W, 2),
    ("u_z", R, 0), ("u_r", R, 1), ("u_n", R, 2),
    ("beta_z", Biases, 0), ("beta_r", Biases, 1), ("beta_n", Biases, 2),
];

/// One direction of a node as a layer of a shipped cell, if it is one.
pub(super) fn layer<T: Element>(
    definition: &Definition<T>,
    direction: usize,
) -> Result<Option<Box<dyn Layer<T>>>> {
    let Rule {
        clip,
        input_forget,
        linear_before_reset,
    } = definition.rule;
    let weights = &definition.weights[direction];
    if clip.is_some() || input_forget {
        return Ok(None);
    }
    if definition.operator == Operator::Rnn && weights.activations == [Activation::Relu] {
        return Ok(Some(filled::<ReluRnn, T>(
            definition, direction, SIMPLE_RNN,
        )?));
    }
    if weights.activations != definition.operator.default_activations() {
        return Ok(None);
    }
    let layer = match definition.operator {
        Operator::Rnn => filled::<ElmanRnn, T>(definition, direction, SIMPLE_RNN)?,
        Operator::Gru if linear_before_reset => {
            filled::<GruResetAfter, T>(definition, direction, GRU_RESET_AFTER)?
        }
        Operator::Gru => filled::<GruResetBefore, T>(definition, direction, GRU_RESET_BEFORE)?,
        Operator::Lstm if weights.peepholes.is_some() => {
            filled::<PeepholeLstm, T>(definition, direction, PEEPHOLE_LSTM)?
        }
        Operator::Lstm => filled::<Lstm, T>(definition, direction, LSTM)?,
    };
    Ok(Some(layer))
}

fn filled<C: Cell, T: Element>(
    definition: &Definition<T>,
    direction: usize,
    parts: &[Part],
) -> Result<Box<dyn Layer<T>>> {
    let mut layer = Recurrent::<C, T>::zeros(&[definition.inputs, definition.units])?;
    let initial = definition.initial_of(direction);
    if !initial.is_empty() {
        layer = layer.with_trained_state();
    }
    let weights = &definition.weights[direction];
    let mut initial = initial.iter();
    layer.visit_mut(Name::ROOT, &mut |name, parameter| {
        let name = name.to_string();
        match parts.iter().find(|(part, ..)| *part == name) {
            Some(&(_, take, gate)) => {
                parameter
                    .values
                    .copy_from_slice(&part_of(weights, definition.units, take, gate))
            }
            // What is no part of the operator is an initial state, in the order in which the cell carries them.
            None => {
                if let Some(values) = initial.next() {
                    parameter.values.copy_from_slice(values);
                }
            }
        }
        Ok(())
    })?;
    Ok(Box::new(layer))
}

/// The numbers of a part of an operator's weights, matrices column by column.
fn part_of<T: Element>(weights: &Weights<T>, units: usize, take: Take, gate: usize) -> Vec<T> {
    let rows = |values: &[T]| {
        let len = values.len() / (weights.w_bias.len() / units);
        let of_gate = &values[gate * len..(gate + 1) * len];
        column_major(MatRef::from_row_major_slice(of_gate, units, len / units))
    };
    let range = gate * units..(gate + 1) * units;
    match take {
        W => rows(&weights.w),
        R => rows(&weights.r),
        Biases => {
            let both = weights.w_bias[range.clone()]
                .iter()
                .zip(&weights.r_bias[range]);
            both.map(|(&w, &r)| w + r).collect()
        }
        InputBias => weights.w_bias[range].to_vec(),
        StateBias => weights.r_bias[range].to_vec(),
        Peepholes => weights
            .peepholes
            .as_ref()
            .map_or(vec![T::default(); units], |p| p[range].to_vec()),
    }
}
