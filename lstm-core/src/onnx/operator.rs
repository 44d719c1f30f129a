//! ONNX's recurrent operators and the directions they read in.

use super::activation::Activation;
use super::attributes::Attributes;
use super::graph::refuse;
use super::proto::NodeProto;
use crate::error::Result;

/// A recurrent operator of ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `RNN`, the simple recurrent network.
    Rnn,
    /// `GRU`, the gated recurrent unit.
    Gru,
    /// `LSTM`, with forget gate, with or without peepholes.
    Lstm,
}

/// The directions in which a recurrent operator of ONNX reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the first step to the last.
    Forward,
    /// From each sample's last step to its first.
    Reverse,
    /// Both, with weights of their own.
    Bidirectional,
}

impl Operator {
    pub(super) fn of(node: &NodeProto) -> Option<Self> {
        let mut all = [Self::Rnn, Self::Gru, Self::Lstm].into_iter();
        all.find(|operator| operator.name() == node.op_type())
    }

    /// What ONNX calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rnn => "RNN",
            Self::Gru => "GRU",
            Self::Lstm => "LSTM",
        }
    }

    /// Blocks of rows in its matrices.
    pub(super) fn gates(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Activation functions of one direction when none are listed.
    pub(super) fn default_activations(self) -> &'static [Activation] {
        match self {
            Self::Rnn => &[Activation::Tanh],
            Self::Gru => &[Activation::Sigmoid, Activation::Tanh],
            Self::Lstm => &[Activation::Sigmoid, Activation::Tanh, Activation::Tanh],
        }
    }

    pub(super) fn known_attributes(self) -> Vec<&'static str> {
        let mut known = vec![
            "activation_alpha",
            "activation_beta",
            "activations",
            "clip",
            "direction",
            "hidden_size",
            "layout",
        ];
        match self {
            Self::Rnn => {}
            Self::Gru => known.push("linear_before_reset"),
            Self::Lstm => known.push("input_forget"),
        }
        known
    }
}

impl Direction {
    /// What a node says; without a word it reads forward.
    pub(super) fn of(node: &NodeProto) -> Result<Self> {
        let Some(stated) = Attributes(node).string("direction")? else {
            return Ok(Self::Forward);
        };
        let mut all = [Self::Forward, Self::Reverse, Self::Bidirectional].into_iter();
        all.find(|direction| direction.name() == stated)
            .ok_or_else(|| {
                let reason = format!("its direction `{stated}` is none of ONNX's");
                refuse(node, reason)
            })
    }

    /// What ONNX calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Reverse => "reverse",
            Self::Bidirectional => "bidirectional",
        }
    }

    /// How many sets of weights it has.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Forward | Self::Reverse => 1,
            Self::Bidirectional => 2,
        }
    }
}
