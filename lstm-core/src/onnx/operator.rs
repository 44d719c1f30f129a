//! ONNX's recurrent operators: what a node says, checked.

use lstm_kernels::Element;

use super::activation::Activation;
use super::attributes::Attributes;
use super::graph::{Graph, refuse};
use super::inputs::Reader;
use super::proto::NodeProto;
use super::tensor::Array;
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
        match node.op_type() {
            "RNN" => Some(Self::Rnn),
            "GRU" => Some(Self::Gru),
            "LSTM" => Some(Self::Lstm),
            _ => None,
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

    fn known_attributes(self) -> Vec<&'static str> {
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

/// Everything a node says.
#[derive(Debug, Clone)]
pub(super) struct Definition<T> {
    pub operator: Operator,
    pub direction: Direction,
    pub is_batch_major: bool,
    pub inputs: usize,
    pub units: usize,
    pub rule: Rule,
    /// One for each direction.
    pub weights: Vec<Weights<T>>,
    /// Lengths that the model fixes.
    pub sequence_lens: Option<Vec<usize>>,
    /// Initial states of h and, in an LSTM, of c, each with the directions one behind the other.
    pub initial: [Option<Vec<T>>; 2],
}

/// What distinguishes nodes of one operator apart from numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub clip: Option<f64>,
    pub input_forget: bool,
    pub linear_before_reset: bool,
}

/// What a direction has of its own. Matrices are stored row by row, the rows in the operator's order of gates.
#[derive(Debug, Clone)]
pub(super) struct Weights<T> {
    pub activations: Vec<Activation>,
    /// (gates * units) x inputs.
    pub w: Vec<T>,
    /// (gates * units) x units.
    pub r: Vec<T>,
    /// Biases of both products, of gates * units each.
    pub w_bias: Vec<T>,
    pub r_bias: Vec<T>,
    /// For input, output and forget gate, if there are any.
    pub peepholes: Option<Vec<T>>,
}

impl<T: Element> Definition<T> {
    /// The initial states of a direction in the order in which cells carry them, c before h; empty if all are zero.
    pub fn initial_of(&self, direction: usize) -> Vec<Vec<T>> {
        let [h, c] = &self.initial;
        if h.is_none() && c.is_none() {
            return Vec::new();
        }
        let of = |all: &Option<Vec<T>>| match all {
            Some(all) => all[direction * self.units..][..self.units].to_vec(),
            None => vec![T::default(); self.units],
        };
        match self.operator {
            Operator::Lstm => vec![of(c), of(h)],
            _ => vec![of(h)],
        }
    }

    /// Reads a node.
    ///
    /// # Errors
    /// Whatever cannot be represented or contradicts itself, with the node's name.
    pub fn read(graph: &Graph<'_>, node: &NodeProto, operator: Operator) -> Result<Self> {
        let reader = Reader { graph, node };
        let attributes = Attributes(node);
        attributes.require_known(&operator.known_attributes())?;
        let direction = match attributes.string("direction")?.as_deref() {
            None | Some("forward") => Direction::Forward,
            Some("reverse") => Direction::Reverse,
            Some("bidirectional") => Direction::Bidirectional,
            Some(other) => {
                return Err(refuse(
                    node,
                    format!("its direction `{other}` is none of ONNX's"),
                ));
            }
        };
        let directions = if direction == Direction::Bidirectional {
            2
        } else {
            1
        };
        let gates = operator.gates();

        let r: Array<T> = reader.weights(2, "R")?;
        let &[_, _, units] = r.dims.as_slice() else {
            return Err(refuse(
                node,
                format!("its R has the shape {:?}, not one of three axes", r.dims),
            ));
        };
        if let Some(stated) = attributes.integer("hidden_size")?
            && usize::try_from(stated) != Ok(units)
        {
            return Err(refuse(
                node,
                format!("its hidden_size is {stated}, but its R has {units} columns"),
            ));
        }
        let rows = gates.checked_mul(units).filter(|&rows| rows > 0);
        let rows = rows.ok_or_else(|| refuse(node, format!("it has {units} units")))?;
        reader.require("R", &r.dims, &[directions, rows, units])?;
        let w: Array<T> = reader.weights(1, "W")?;
        let inputs = w.dims.get(2).copied().filter(|&inputs| inputs > 0);
        let inputs = inputs.ok_or_else(|| {
            refuse(
                node,
                format!("its W has the shape {:?}, without inputs", w.dims),
            )
        })?;
        reader.require("W", &w.dims, &[directions, rows, inputs])?;
        let b: Option<Array<T>> = reader.optional(3, "B")?;
        if let Some(b) = &b {
            reader.require("B", &b.dims, &[directions, 2 * rows])?;
        }
        let p: Option<Array<T>> = match operator {
            Operator::Lstm => reader.optional(7, "P")?,
            _ => None,
        };
        if let Some(p) = &p {
            reader.require("P", &p.dims, &[directions, 3 * units])?;
        }

        let mut activations = activations(node, operator, directions)?.into_iter();
        let count = operator.default_activations().len();
        let weights = (0..directions)
            .map(|d| {
                let b = b.as_ref().map_or(vec![T::default(); 2 * rows], |b| {
                    block(b, d, directions).to_vec()
                });
                let (w_bias, r_bias) = b.split_at(rows);
                Weights {
                    activations: activations.by_ref().take(count).collect(),
                    w: block(&w, d, directions).to_vec(),
                    r: block(&r, d, directions).to_vec(),
                    w_bias: w_bias.to_vec(),
                    r_bias: r_bias.to_vec(),
                    peepholes: p.as_ref().map(|p| block(p, d, directions).to_vec()),
                }
            })
            .collect();
        let is_batch_major = attributes.flag("layout")?;
        let initial_h = reader.initial(5, "initial_h", directions, units, is_batch_major)?;
        let initial_c = match operator {
            Operator::Lstm => reader.initial(6, "initial_c", directions, units, is_batch_major)?,
            _ => None,
        };
        Ok(Self {
            operator,
            direction,
            is_batch_major,
            inputs,
            units,
            rule: rule(node, operator)?,
            weights,
            sequence_lens: reader.sequence_lens()?,
            initial: [initial_h, initial_c],
        })
    }
}

fn rule(node: &NodeProto, operator: Operator) -> Result<Rule> {
    let attributes = Attributes(node);
    let clip = attributes.float("clip")?;
    // An infinite threshold clips nothing.
    if let Some(clip) = clip.filter(|&clip| clip.is_nan() || clip <= 0.0) {
        return Err(refuse(
            node,
            format!("its clip is {clip}, but must be greater than 0"),
        ));
    }
    Ok(Rule {
        clip: clip.filter(|clip| clip.is_finite()).map(f64::from),
        input_forget: operator == Operator::Lstm && attributes.flag("input_forget")?,
        linear_before_reset: operator == Operator::Gru
            && attributes.integer("linear_before_reset")?.unwrap_or(0) != 0,
    })
}

/// The activation functions of all directions.
fn activations(node: &NodeProto, operator: Operator, directions: usize) -> Result<Vec<Activation>> {
    let attributes = Attributes(node);
    let (alphas, betas) = (
        attributes.floats("activation_alpha")?,
        attributes.floats("activation_beta")?,
    );
    let defaults = operator.default_activations();
    let Some(names) = attributes.strings("activations")? else {
        return Ok(defaults.repeat(directions));
    };
    if names.len() != defaults.len() * directions {
        let needed = defaults.len() * directions;
        return Err(refuse(
            node,
            format!("it has {} activations, but needs {needed}", names.len()),
        ));
    }
    Activation::list(&names, alphas, betas).map_err(|reason| refuse(node, reason))
}

/// The part of a tensor that belongs to a direction, its first axis.
fn block<T>(array: &Array<T>, direction: usize, directions: usize) -> &[T] {
    let len = array.values.len() / directions;
    &array.values[direction * len..(direction + 1) * len]
}
