//! What a recurrent node of ONNX says, read and checked.

use lstm_kernels::Element;

use super::activation::Activation;
use super::attributes::Attributes;
use super::graph::{Graph, refuse};
use super::inputs::Reader;
use super::operator::{Direction, Operator};
use super::proto::NodeProto;
use super::tensor::Array;
use crate::error::Result;

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
        let direction = Direction::of(node)?;
        let directions = direction.count();
        let tensors = Tensors::read(&reader, operator, directions)?;
        let (inputs, units) = (tensors.inputs, tensors.units);
        let activations = activations(node, operator, directions)?;
        let weights = activations
            .chunks(operator.default_activations().len())
            .enumerate()
            .map(|(direction, activations)| tensors.of_direction(direction, activations))
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

/// The stored tensors of a node, whose shapes fit together. The first axis of each is the direction.
struct Tensors<T> {
    directions: usize,
    inputs: usize,
    units: usize,
    /// Rows of the matrices of a direction.
    rows: usize,
    w: Array<T>,
    r: Array<T>,
    b: Option<Array<T>>,
    p: Option<Array<T>>,
}

impl<T: Element> Tensors<T> {
    fn read(reader: &Reader<'_, '_>, operator: Operator, directions: usize) -> Result<Self> {
        let node = reader.node;
        let r: Array<T> = reader.weights(2, "R")?;
        let &[_, _, units] = r.dims.as_slice() else {
            let reason = format!("its R has the shape {:?}, not one of three axes", r.dims);
            return Err(refuse(node, reason));
        };
        if let Some(stated) = Attributes(node).integer("hidden_size")?
            && usize::try_from(stated) != Ok(units)
        {
            let reason = format!("its hidden_size is {stated}, but its R has {units} columns");
            return Err(refuse(node, reason));
        }
        let rows = operator.gates().checked_mul(units);
        let rows = rows.filter(|&rows| rows > 0);
        let rows = rows.ok_or_else(|| refuse(node, format!("it has {units} units")))?;
        reader.require("R", &r.dims, &[directions, rows, units])?;
        let w: Array<T> = reader.weights(1, "W")?;
        let inputs = w.dims.get(2).copied().filter(|&inputs| inputs > 0);
        let inputs = inputs.ok_or_else(|| {
            let reason = format!("its W has the shape {:?}, without inputs", w.dims);
            refuse(node, reason)
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
        Ok(Self {
            directions,
            inputs,
            units,
            rows,
            w,
            r,
            b,
            p,
        })
    }

    /// What belongs to a direction.
    fn of_direction(&self, direction: usize, activations: &[Activation]) -> Weights<T> {
        let part = |array: &Array<T>| {
            let len = array.values.len() / self.directions;
            array.values[direction * len..][..len].to_vec()
        };
        let mut w_bias = match &self.b {
            Some(b) => part(b),
            None => vec![T::default(); 2 * self.rows],
        };
        let r_bias = w_bias.split_off(self.rows);
        Weights {
            activations: activations.to_vec(),
            w: part(&self.w),
            r: part(&self.r),
            w_bias,
            r_bias,
            peepholes: self.p.as_ref().map(part),
        }
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
