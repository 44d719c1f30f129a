//! Recurrent networks as ONNX models, in and out, for inference.
//!
//! [`OnnxModel`] reads a file. Its recurrent nodes can be run one by one ([`OnnxModel::node`]), or the whole graph becomes
//! a [`Stack`](crate::layers::Stack) ([`OnnxModel::network`]) if it is a chain, as PyTorch's exporters write `nn.LSTM`,
//! `nn.GRU` and `nn.RNN`. [`Export`] writes layers.
//!
//! ```
//! use faer::Mat;
//! use lstm_core::layers::{Batch, Bidirectional, Layer, LayerTape};
//! use lstm_core::onnx::{Export, OnnxModel};
//! use lstm_core::{Recurrent, Rng, cells::Lstm};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! let mut rng = Rng::new(1);
//! let forward = Recurrent::<Lstm, f32>::new(&[3, 8], &mut rng)?;
//! let both = Bidirectional::concat(forward, Recurrent::<Lstm, f32>::new(&[3, 8], &mut rng)?)?;
//! let bytes = Export::new().with_lengths().to_bytes(&both)?;
//!
//! // Another program would load these bytes from a file; here they are read again.
//! let model = OnnxModel::from_bytes(&bytes)?;
//! let node = model.node::<f32>(model.names()[0])?;
//! let batch = node.batch(5, &[5, 2])?;
//! let x = Mat::from_fn(3, batch.columns(), |i, j| (i + j) as f32 / 10.0);
//! let outputs = node.run(x.as_ref(), &batch, None, None)?;
//!
//! let mut y = Mat::zeros(16, batch.columns());
//! let mut state = both.initial_states(2)?;
//! both.infer(x.as_ref(), &batch, &mut state, y.as_mut(), &mut LayerTape::new())?;
//! assert_eq!(outputs.y, y);
//! # Ok(())
//! # }
//! ```
//!
//! # What is read
//! The operators RNN, GRU and LSTM with all their attributes and inputs: directions, both layouts, lengths, initial
//! states, peepholes, lists of activations, `clip`, `input_forget`, `linear_before_reset`. Weights must be constants of the
//! model, of f32, f64 or the two types of 16 bits; f64 is not narrowed to f32. Whatever cannot be represented is an error
//! with the node's name.
//!
//! Where the specification leaves a choice, it is that of ONNX Runtime: `clip` bounds the net inputs of gates and of the
//! candidate, not the cell state on its way to the output; a list of alphas is consumed by the functions that take one.
//! In four things ONNX Runtime is not followed: an alpha of `ThresholdedRelu` that is left out is 1, as the specification
//! says; just at its alpha that function is x, as the specification of the recurrent operators says, not 0; an alpha
//! of `Affine` or `ScaledTanh` that is left out, of which it says nothing, is an error; and `Softplus` of x from 89 on is x,
//! where ONNX Runtime 1.32 takes the logarithm of an e^x that f32 cannot hold, which gives infinity and soon NaN.

mod activation;
mod attributes;
mod axes;
mod definition;
mod export;
mod general;
mod graph;
mod inputs;
mod network;
mod node;
mod operator;
mod proto;
mod shape;
mod shipped;
mod tensor;

use std::path::Path;

use lstm_kernels::Element;
use prost::Message;

pub use export::Export;
pub use network::OnnxNetwork;
pub use node::{OnnxNode, Outputs};
pub use operator::{Direction, Operator};

use crate::error::{Error, Result};
use crate::io::read_file;
use definition::Definition;
use graph::{Graph, is_standard, label};
use proto::{GraphProto, ModelProto, NodeProto};

/// An ONNX model, read but not yet built.
#[derive(Debug, Clone)]
pub struct OnnxModel {
    graph: GraphProto,
}

impl OnnxModel {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is a device or a pipe, or is no ONNX model.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = read_file(path).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        Self::read(&bytes, path.display().to_string())
    }

    /// Reads a model from memory.
    ///
    /// # Errors
    /// Bytes that are no ONNX model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, "the sequence of bytes".to_owned())
    }

    fn read(bytes: &[u8], what: String) -> Result<Self> {
        let model = match ModelProto::decode(bytes) {
            Ok(model) => model,
            Err(error) => {
                let reason = error.to_string();
                return Err(Error::OnnxModel { what, reason });
            }
        };
        match model.graph {
            Some(graph) => Ok(Self { graph }),
            None => Err(Error::OnnxModel {
                what,
                reason: "it has no graph".to_owned(),
            }),
        }
    }

    /// The names of its recurrent nodes, in the order of the graph. A node without a name goes by that of its first
    /// output. Those in the bodies of loops and branches are not among them.
    pub fn names(&self) -> Vec<&str> {
        self.recurrent().map(|(_, node)| label(node)).collect()
    }

    /// The recurrent node of a name, the first if there are several.
    ///
    /// # Errors
    /// No such node; whatever it says that cannot be represented, by name.
    pub fn node<T: Element>(&self, name: &str) -> Result<OnnxNode<T>> {
        let found = self.recurrent().find(|(_, node)| label(node) == name);
        let (operator, node) = found.ok_or_else(|| Error::OnnxNode {
            node: name.to_owned(),
            operator: "RNN, GRU or LSTM".to_owned(),
            reason: format!(
                "there is none of this name; there are: {}",
                self.names().join(", ")
            ),
        })?;
        let graph = Graph::new(&self.graph)?;
        OnnxNode::new(name, &Definition::read(&graph, node, operator)?)
    }

    /// All recurrent nodes, in the order of the graph.
    ///
    /// # Errors
    /// Whatever one of them says that cannot be represented, by name.
    pub fn nodes<T: Element>(&self) -> Result<Vec<OnnxNode<T>>> {
        let graph = Graph::new(&self.graph)?;
        self.recurrent()
            .map(|(operator, node)| {
                OnnxNode::new(label(node), &Definition::read(&graph, node, operator)?)
            })
            .collect()
    }

    /// The whole graph as layers, if it is a chain of recurrent nodes and linear maps, as PyTorch's exporters write
    /// `nn.LSTM`, `nn.GRU` and `nn.RNN` of any number of layers and directions. Of several outputs the first one counts
    /// to which such a chain leads.
    ///
    /// Initial states and lengths that are inputs of the graph, or parts of them, are given to the layers as those of any
    /// other. The numbers of the output are those of the stack, in the same order.
    ///
    /// # Errors
    /// A node that no layer stands for, by name, or whatever a recurrent one says that cannot be represented, such as an
    /// initial state that another node computes; an output whose numbers stand in another order.
    pub fn network<T: Element>(&self) -> Result<OnnxNetwork<T>> {
        OnnxNetwork::read(&Graph::new(&self.graph)?)
    }

    fn recurrent(&self) -> impl Iterator<Item = (Operator, &NodeProto)> {
        let nodes = self.graph.node.iter().filter(|node| is_standard(node));
        nodes.filter_map(|node| Some((Operator::of(node)?, node)))
    }
}

#[cfg(test)]
mod tests;
