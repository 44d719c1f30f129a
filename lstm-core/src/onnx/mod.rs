//! Recurrent networks as ONNX models, in and out, for inference.

mod activation;
mod attributes;
mod export;
mod general;
mod graph;
mod network;
mod node;
mod operator;
mod proto;
mod shipped;
mod tensor;

use std::fs;
use std::path::Path;

use lstm_kernels::Element;
use prost::Message;

pub use export::Export;
pub use network::OnnxNetwork;
pub use node::{OnnxNode, Outputs};
pub use operator::{Direction, Operator};

use crate::error::{Error, Result};
use graph::{Graph, is_standard, label};
use operator::Definition;
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
    /// A file that cannot be read or is no ONNX model.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|source| Error::Io {
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
            reason: format!("there is none of this name; there are: {}", self.names().join(", ")),
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
            .map(|(operator, node)| OnnxNode::new(label(node), &Definition::read(&graph, node, operator)?))
            .collect()
    }

    /// The whole graph as layers, if it is a chain of recurrent nodes and linear maps, as PyTorch's exporters write
    /// `nn.LSTM`, `nn.GRU` and `nn.RNN` of any number of layers and directions. Of several outputs the first one counts
    /// to which such a chain leads.
    ///
    /// Initial states and lengths that are inputs of the graph are given to the layers as those of any other.
    ///
    /// # Errors
    /// A node that no layer stands for, by name, or whatever a recurrent one says that cannot be represented.
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
