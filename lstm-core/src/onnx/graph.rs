//! A graph's values by name: where each comes from, and which are constants.

use std::borrow::Cow;
use std::collections::HashMap;

use super::proto::{GraphProto, NodeProto, TensorProto, element, kind};
use super::tensor;
use crate::error::{Error, Result};

/// A graph with its names resolved.
pub(super) struct Graph<'a> {
    proto: &'a GraphProto,
    sources: HashMap<&'a str, Source<'a>>,
}

/// Where a value comes from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Initializer(&'a TensorProto),
    /// The output of a node, and which one.
    Node(&'a NodeProto, usize),
    /// Whoever runs the graph gives it.
    Input,
}

impl<'a> Graph<'a> {
    /// Resolves the names of a graph.
    ///
    /// # Errors
    /// Two values of one name.
    pub fn new(proto: &'a GraphProto) -> Result<Self> {
        let mut sources = HashMap::new();
        // Models of old list constants among the inputs, too, as defaults; what is stored wins.
        let inputs = proto
            .input
            .iter()
            .map(|input| (input.name(), Source::Input));
        sources.extend(inputs);
        let stored =
            (proto.initializer.iter()).map(|stored| (stored.name(), Source::Initializer(stored)));
        sources.extend(stored);
        for node in &proto.node {
            for (index, output) in node
                .output
                .iter()
                .enumerate()
                .filter(|(_, name)| !name.is_empty())
            {
                if sources.insert(output, Source::Node(node, index)).is_some() {
                    return Err(refuse(
                        node,
                        format!("its output `{output}` has the name of another value"),
                    ));
                }
            }
        }
        Ok(Self { proto, sources })
    }

    pub fn nodes(&self) -> &'a [NodeProto] {
        &self.proto.node
    }

    /// The lengths of the axes that the graph declares of an input, each unless it is left open; none if it declares none.
    pub fn declared(&self, input: &str) -> Vec<Option<i64>> {
        let declared = (self.proto.input.iter()).find(|declared| declared.name() == input);
        let shape = declared
            .and_then(|declared| declared.r#type.as_ref()?.tensor_type.as_ref())
            .and_then(|tensor| tensor.shape.as_ref());
        shape.map_or(Vec::new(), |shape| {
            // Some exporters write 0 or -1 for what is left open.
            let len = |len: &i64| *len > 0;
            (shape.dim.iter())
                .map(|axis| axis.dim_value.filter(len))
                .collect()
        })
    }

    pub fn outputs(&self) -> impl Iterator<Item = &'a str> {
        self.proto.output.iter().map(|output| output.name())
    }

    /// Where a value comes from; nothing if the graph does not say.
    pub fn source(&self, name: &str) -> Option<Source<'a>> {
        self.sources.get(name).copied()
    }

    /// The node of ONNX's own operators that gives a value. What another domain's operator of the same name does is not known.
    pub fn standard(&self, name: &str) -> Option<&'a NodeProto> {
        match self.source(name)? {
            Source::Node(node, _) if is_standard(node) => Some(node),
            _ => None,
        }
    }

    /// Goes back from a value by the first input of each node of ONNX's own that `passes`: where the way ends.
    pub fn back<'n>(&self, name: &'n str, passes: impl Fn(&NodeProto) -> bool) -> &'n str
    where
        'a: 'n,
    {
        let mut name = name;
        // A graph that goes in circles ends here after as many turns as there are nodes.
        for _ in 0..=self.proto.node.len() {
            let node = self.standard(name).filter(|node| passes(node));
            let Some(data) = node.and_then(|node| node.input.first()) else {
                return name;
            };
            name = data;
        }
        name
    }

    /// A value that the graph holds as numbers: stored, or given by a node `Constant`, or such a one handed on.
    pub fn constant(&self, name: &str) -> Option<Cow<'a, TensorProto>> {
        let name = self.back(name, |node| node.op_type() == "Identity");
        match self.source(name)? {
            Source::Initializer(tensor) => Some(Cow::Borrowed(tensor)),
            _ => match self.standard(name)? {
                node if node.op_type() == "Constant" => constant_of(node),
                _ => None,
            },
        }
    }

    /// The one number that fills a value all over, whatever its shape; nothing if that cannot be seen.
    pub fn filling(&self, name: &str) -> Option<f64> {
        let name = self.back(name, |node| match node.op_type() {
            // Only what is alike by name is followed; anything else would be a search over all paths.
            "Concat" => node.input.iter().all(|input| *input == node.input[0]),
            "Expand" | "Slice" | "Squeeze" | "Unsqueeze" | "Reshape" | "Transpose" | "Identity"
            | "Tile" => true,
            _ => false,
        });
        if let Some(tensor) = self.constant(name) {
            return filling_of(&tensor);
        }
        let node = self.standard(name)?;
        let mut attributes = node.attribute.iter();
        let value = attributes.find(|attribute| attribute.name() == "value");
        match (node.op_type(), value) {
            ("ConstantOfShape", Some(value)) => filling_of(value.t.as_ref()?),
            ("ConstantOfShape", None) => Some(0.0),
            _ => None,
        }
    }

    /// What a value is repeated from, if it is: the same for every sample.
    pub fn expanded<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        let repeats = self.standard(name);
        let repeats = repeats.filter(|node| node.op_type() == "Expand");
        repeats
            .and_then(|node| node.input.first())
            .map_or(name, String::as_str)
    }

    /// What a value is made of by nodes that move its numbers, repeat them or leave some out, but compute nothing.
    pub fn origin<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.back(name, |node| match node.op_type() {
            "Identity" | "Cast" | "Squeeze" | "Unsqueeze" | "Reshape" | "Transpose" | "Expand" => {
                true
            }
            // Which part it is must not depend on what comes in.
            "Slice" | "Split" | "Gather" => (node.input.iter().skip(1))
                .all(|other| other.is_empty() || self.constant(other).is_some()),
            _ => false,
        })
    }

    /// Whether the graph fixes an initial state, in a way that is read.
    pub fn is_fixed(&self, name: &str) -> bool {
        self.filling(name).is_some() || self.constant(self.expanded(name)).is_some()
    }

    /// A value that the graph holds, as integers.
    pub fn integers(&self, name: &str) -> Option<Vec<i64>> {
        let array = tensor::integers(&*self.constant(name)?).ok()?;
        Some(array.values)
    }
}

/// What to call a node in a message: its name, or that of its first output.
pub(super) fn label(node: &NodeProto) -> &str {
    match node.name() {
        "" => node
            .output
            .iter()
            .map(String::as_str)
            .find(|name| !name.is_empty())
            .unwrap_or("without a name"),
        name => name,
    }
}

/// The error that refuses a node.
pub(super) fn refuse(node: &NodeProto, reason: String) -> Error {
    Error::OnnxNode {
        node: label(node).to_owned(),
        operator: node.op_type().to_owned(),
        reason,
    }
}

/// Whether a node's operator is one of ONNX's own, not of a vendor's domain.
pub(super) fn is_standard(node: &NodeProto) -> bool {
    matches!(node.domain(), "" | "ai.onnx")
}

/// The tensor of a node `Constant`, in any of the ways it can be given.
fn constant_of(node: &NodeProto) -> Option<Cow<'_, TensorProto>> {
    let attribute = node.attribute.first()?;
    let list = |data_type, dims| TensorProto {
        dims,
        data_type: Some(data_type),
        ..TensorProto::default()
    };
    let len = |count: usize| vec![count as i64];
    match (attribute.name(), attribute.r#type.unwrap_or(0)) {
        ("value", kind::TENSOR | 0) => attribute.t.as_ref().map(Cow::Borrowed),
        ("value_int", _) => Some(Cow::Owned(TensorProto {
            int64_data: vec![attribute.i?],
            ..list(element::INT64, Vec::new())
        })),
        ("value_ints", _) => Some(Cow::Owned(TensorProto {
            int64_data: attribute.ints.clone(),
            ..list(element::INT64, len(attribute.ints.len()))
        })),
        ("value_float", _) => Some(Cow::Owned(TensorProto {
            float_data: vec![attribute.f?],
            ..list(element::FLOAT, Vec::new())
        })),
        ("value_floats", _) => Some(Cow::Owned(TensorProto {
            float_data: attribute.floats.clone(),
            ..list(element::FLOAT, len(attribute.floats.len()))
        })),
        _ => None,
    }
}

/// The number that all elements of a tensor are.
fn filling_of(tensor: &TensorProto) -> Option<f64> {
    let array = tensor::floats::<f64>(tensor).ok()?;
    let (&first, others) = array.values.split_first()?;
    others.iter().all(|&other| other == first).then_some(first)
}
