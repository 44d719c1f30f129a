//! A whole graph as a stack: recurrent nodes one after the other, as exporters connect them.

use faer::MatRef;
use lstm_kernels::Element;

use super::axes::{Axes, Axis};
use super::definition::Definition;
use super::graph::{Graph, Source, is_standard, label, refuse};
use super::node::OnnxNode;
use super::operator::Operator;
use super::proto::NodeProto;
use super::shape::Shapes;
use super::tensor::{self, Array};
use crate::error::{Error, Result};
use crate::layers::Stack;
use crate::linear::Linear;

/// A graph of recurrent nodes, one on the outputs of the other, as layers.
#[derive(Debug)]
#[non_exhaustive]
pub struct OnnxNetwork<T: Element> {
    /// The layers, named after their nodes, with `_` for dots.
    pub stack: Stack<T>,
    /// The graph's input that goes into the lowest layer.
    pub input: String,
    /// The graph's output that comes from the highest one.
    pub output: String,
    /// Whether the input's first axis is that of the samples, so that its numbers are those of a batch-major batch.
    pub is_input_batch_major: bool,
    /// The same for the output.
    pub is_output_batch_major: bool,
}

impl<T: Element> OnnxNetwork<T> {
    pub(super) fn read(graph: &Graph<'_>) -> Result<Self> {
        let mut reasons = Vec::new();
        for output in graph.outputs() {
            let network = path(graph, output).and_then(|(input, nodes)| {
                let mut builder = Builder::<T>::new(graph, input);
                nodes.into_iter().try_for_each(|node| builder.add(node))?;
                builder.finish(output)
            });
            match network {
                Ok(network) => return Ok(network),
                Err(error) => reasons.push((output, error)),
            }
        }
        Err(no_chain(reasons))
    }
}

/// Why no output of the graph comes from layers one upon the other.
fn no_chain(mut reasons: Vec<(&str, Error)>) -> Error {
    let reason = match reasons.len() {
        0 => "it has no outputs".to_owned(),
        1 => return reasons.remove(0).1,
        _ => {
            let each = (reasons.iter()).map(|(output, error)| format!("`{output}`: {error}"));
            let each: Vec<_> = each.collect();
            format!(
                "none of its outputs comes from layers one upon the other: {}",
                each.join("; ")
            )
        }
    };
    Error::OnnxModel {
        what: "the graph".to_owned(),
        reason,
    }
}

/// The way from an input of the graph to an output, through one input of each node.
fn path<'a>(graph: &Graph<'a>, output: &'a str) -> Result<(&'a str, Vec<&'a NodeProto>)> {
    let mut nodes = Vec::new();
    let mut name = output;
    while nodes.len() <= graph.nodes().len() {
        match graph.source(name) {
            Some(Source::Input) => {
                nodes.reverse();
                return Ok((name, nodes));
            }
            Some(Source::Node(node, index)) => {
                if index > 0 {
                    return Err(refuse(
                        node,
                        format!("`{name}` is not the sequence of its outputs, but output {index}"),
                    ));
                }
                let mut inputs = node.input.iter().map(String::as_str);
                let data = match node.op_type() {
                    // A bias may stand on either side.
                    "Add" => inputs.rfind(|input| graph.constant(input).is_none()),
                    _ => node.input.first().map(String::as_str),
                };
                name = data.ok_or_else(|| refuse(node, "it has no input".to_owned()))?;
                nodes.push(node);
            }
            _ => break,
        }
    }
    Err(Error::OnnxModel {
        what: format!("the graph's output `{output}`"),
        reason: format!(
            "it does not come from an input: the way back ends at `{name}` or goes in a circle"
        ),
    })
}

/// A stack on the way up.
struct Builder<'a, 'g, T: Element> {
    graph: &'a Graph<'g>,
    /// The graph's input that the stack reads.
    input: &'g str,
    stack: Stack<T>,
    axes: Axes,
    shapes: Shapes<'a, 'g>,
    /// The axis of the input that is time.
    time: Option<Axis>,
    /// A matrix that a bias may follow.
    pending: Option<(String, Array<T>)>,
}

impl<'a, 'g, T: Element> Builder<'a, 'g, T> {
    fn new(graph: &'a Graph<'g>, input: &'g str) -> Self {
        Self {
            graph,
            input,
            stack: Stack::new(),
            axes: Axes::of_input(),
            shapes: Shapes::new(graph, input),
            time: None,
            pending: None,
        }
    }

    fn add(&mut self, node: &'g NodeProto) -> Result<()> {
        if !is_standard(node) {
            return Err(refuse(
                node,
                format!("it is of the domain `{}`", node.domain()),
            ));
        }
        if node.op_type() != "Add" {
            self.put_linear(None)?;
        }
        match (node.op_type(), Operator::of(node)) {
            (_, Some(operator)) => self.recurrent(node, operator)?,
            ("Transpose", _) => self.axes.transpose(node)?,
            ("Squeeze", _) => self.axes.squeeze(self.graph, node)?,
            ("Reshape", _) => self.axes.reshape(&self.shapes, node)?,
            ("MatMul", _) => self.multiply(node)?,
            ("Add", _) => self.add_bias(node)?,
            ("Identity", _) => {}
            ("Dropout", _) => self.dropout(node)?,
            _ => return Err(refuse(node, "no layer does what it does".to_owned())),
        }
        if let Some(output) = node.output.first() {
            self.shapes.insert(output, self.axes.clone());
        }
        Ok(())
    }

    /// Dropout of a model that is run does nothing, unless its third input says that the model is trained.
    fn dropout(&self, node: &NodeProto) -> Result<()> {
        let Some(training) = node.input.get(2).filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        let is_off = self.graph.constant(training).is_some_and(|tensor| {
            let bytes = tensor.raw_data.iter().flatten().map(|&byte| byte.into());
            let mut modes = bytes.chain(tensor.int32_data.iter().copied()).peekable();
            // A tensor whose numbers are in another file shows none.
            modes.peek().is_some() && modes.all(|mode: i32| mode == 0)
        });
        match is_off {
            true => Ok(()),
            false => Err(refuse(
                node,
                format!("its training_mode `{training}` is not a constant `false`"),
            )),
        }
    }

    fn recurrent(&mut self, node: &NodeProto, operator: Operator) -> Result<()> {
        let definition = Definition::read(self.graph, node, operator)?;
        if definition.sequence_lens.is_some() {
            return Err(refuse(
                node,
                "it fixes sequence_lens, which in a stack only the batch can say".to_owned(),
            ));
        }
        self.require_inputs(node, operator)?;
        let (first, second, features) = self.axes.sequence(node)?;
        if features.is_some_and(|features| features != definition.inputs) {
            let inputs = definition.inputs;
            return Err(refuse(
                node,
                format!("it takes {inputs} features, but {features:?} come from below"),
            ));
        }
        let time = if definition.is_batch_major {
            second
        } else {
            first
        };
        if *self.time.get_or_insert(time) != time {
            return Err(refuse(
                node,
                "what is time to it is another axis to a node below".to_owned(),
            ));
        }
        let (directions, units) = (
            Axis::Directions(definition.weights.len()),
            Axis::Units(definition.units),
        );
        self.axes = Axes::new(match definition.is_batch_major {
            true => [first, second, directions, units],
            false => [first, directions, second, units],
        });
        let name = self.free_name(label(node));
        let layer = OnnxNode::new(label(node), &definition)?.into_layer();
        self.stack.push(&name, layer)
    }

    /// Refuses lengths and initial states that the graph computes: a stack is given them, or has those it was read with.
    fn require_inputs(&self, node: &NodeProto, operator: Operator) -> Result<()> {
        let inputs = [
            ("sequence_lens", false),
            ("initial_h", true),
            ("initial_c", true),
        ];
        let count = if operator == Operator::Lstm { 3 } else { 2 };
        for ((what, is_state), name) in inputs
            .into_iter()
            .zip(node.input.iter().skip(4))
            .take(count)
        {
            if name.is_empty() || is_state && self.graph.is_fixed(name) {
                continue;
            }
            let origin = self.graph.origin(name);
            let computed = match self.graph.source(origin) {
                Some(Source::Node(other, _)) => {
                    format!(
                        "computed by the node `{}` ({})",
                        label(other),
                        other.op_type()
                    )
                }
                _ if origin == self.input => format!("a part of `{origin}`, which the layers read"),
                _ => continue,
            };
            return Err(refuse(
                node,
                format!(
                    "its {what} `{name}` is {computed}; a stack cannot represent it, so run the nodes one by one"
                ),
            ));
        }
        Ok(())
    }

    fn multiply(&mut self, node: &NodeProto) -> Result<()> {
        let (first, second, features) = self.axes.sequence(node)?;
        let weight = node.input.get(1).and_then(|name| self.graph.constant(name));
        let weight = weight
            .ok_or_else(|| refuse(node, "its matrix is not a constant of the model".to_owned()))?;
        let weight: Array<T> = tensor::floats(&weight)
            .map_err(|reason| refuse(node, format!("its matrix is not usable: {reason}")))?;
        let &[inputs, outputs] = weight.dims.as_slice() else {
            return Err(refuse(
                node,
                format!("its matrix has the shape {:?}", weight.dims),
            ));
        };
        if features.is_some_and(|features| features != inputs) {
            return Err(refuse(
                node,
                format!("it takes {inputs} features, but {features:?} come from below"),
            ));
        }
        self.axes = Axes::new([first, second, Axis::Features(Some(outputs))]);
        self.pending = Some((self.free_name(label(node)), weight));
        Ok(())
    }

    fn add_bias(&mut self, node: &NodeProto) -> Result<()> {
        let bias = node
            .input
            .iter()
            .filter_map(|name| self.graph.constant(name))
            .next();
        let bias = bias.and_then(|bias| tensor::floats::<T>(&bias).ok());
        match (&self.pending, bias) {
            (Some((_, weight)), Some(bias)) if bias.dims == weight.dims[1..] => {
                self.put_linear(Some(bias.values))
            }
            _ => Err(refuse(
                node,
                "it is not the bias of a matrix just before it".to_owned(),
            )),
        }
    }

    /// Puts a linear layer on the stack, if one is pending.
    fn put_linear(&mut self, bias: Option<Vec<T>>) -> Result<()> {
        let Some((name, weight)) = self.pending.take() else {
            return Ok(());
        };
        // A matrix of inputs x outputs row by row is one of outputs x inputs column by column.
        let (inputs, outputs) = (weight.dims[0], weight.dims[1]);
        let matrix = MatRef::from_column_major_slice(&weight.values, outputs, inputs);
        let layer = Linear::of_numbers(matrix, bias)?;
        self.stack.push(&name, Box::new(layer))
    }

    fn finish(mut self, output: &str) -> Result<OnnxNetwork<T>> {
        self.put_linear(None)?;
        let refuse = |reason: String| Error::OnnxModel {
            what: format!("the graph's output `{output}`"),
            reason,
        };
        let order = self.axes.first_of_output().map_err(refuse)?;
        let time = self
            .time
            .ok_or_else(|| refuse("it does not come from a recurrent node".to_owned()))?;
        Ok(OnnxNetwork {
            stack: self.stack,
            input: self.input.to_owned(),
            output: output.to_owned(),
            is_input_batch_major: time != Axis::First,
            is_output_batch_major: time != order,
        })
    }

    /// A name that no layer of the stack has, and that a stack takes.
    fn free_name(&self, name: &str) -> String {
        let name = name.replace('.', "_");
        let mut free = name.clone();
        let mut count = 1;
        while self.stack.layer(&free).is_some() {
            count += 1;
            free = format!("{name}_{count}");
        }
        free
    }
}
