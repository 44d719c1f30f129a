//! Layers as an ONNX model.

mod graph;
mod make;
mod weights;

use std::path::Path;

use lstm_kernels::Element;
use prost::Message;

use super::operator;
use super::proto::{GraphProto, ModelProto, OperatorSetIdProto};
use crate::error::{Error, Result};
use crate::io::write_atomic;
use crate::layers::{Kind, Layer, Merge};
use graph::Builder;
use weights::{Direction, direction_of};

/// The version of ONNX's operators that is written: the first one of ONNX Runtime's long support that has all of them.
const OPSET: i64 = 17;

/// The version of the file format that goes with it.
const IR: i64 = 8;

/// Writes layers as an ONNX model that infers.
///
/// What has an operator: layers of the cells [`ElmanRnn`](crate::cells::ElmanRnn),
/// [`ReluRnn`](crate::cells::ReluRnn), [`Lstm`](crate::cells::Lstm),
/// [`PeepholeLstm`](crate::cells::PeepholeLstm) with one cell in a block,
/// [`GruResetAfter`](crate::cells::GruResetAfter) and [`GruResetBefore`](crate::cells::GruResetBefore), with trained
/// initial states or without; [`Linear`](crate::Linear); and of these
/// [`Stack`](crate::layers::Stack), [`Bidirectional`](crate::layers::Bidirectional) and
/// [`Reversed`](crate::layers::Reversed). [`Dropout`](crate::layers::Dropout) leaves no trace. Anything else is refused
/// by its name.
///
/// The model has an input `x` and an output `y`, both of any number of steps and samples:
/// \[steps, samples, features\].
///
/// Numbers are those of the layers: f32 or f64. ONNX Runtime 1.32 has these operators in f32 only: it loads no RNN of f64,
/// and GRUs and LSTMs of f64 fail when they are run. For it, write layers of f64 by [`in_f32`](Self::in_f32).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    is_batch_major: bool,
    has_lengths: bool,
    has_states: bool,
    is_f32: bool,
}

impl Export {
    /// The plain form: time-major, sequences of one length, states not seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `x` and `y` as \[samples, steps, features\].
    pub fn batch_major(mut self) -> Self {
        self.is_batch_major = true;
        self
    }

    /// With an input `sequence_lens` of int32, the length of each sample. What stands behind the end of a sample is not
    /// read; what a linear layer on top writes there is its bias, and means nothing.
    pub fn with_lengths(mut self) -> Self {
        self.has_lengths = true;
        self
    }

    /// With the states as inputs and outputs, to go on where a call ended: for each recurrent layer, under its name,
    /// `initial_h` and `final_h`, and for an LSTM `initial_c` and `final_c`, all \[directions, samples, units\].
    pub fn with_states(mut self) -> Self {
        self.has_states = true;
        self
    }

    /// With f32 numbers in place of f64 ones, each the nearest; layers of f32 are written as they are.
    pub fn in_f32(mut self) -> Self {
        self.is_f32 = true;
        self
    }

    /// Writes the model to a file: all of it or nothing, see [`write_atomic`].
    ///
    /// # Errors
    /// As [`to_bytes`](Self::to_bytes); a file that cannot be written.
    pub fn save<T: Element>(&self, path: &Path, layer: &dyn Layer<T>) -> Result<()> {
        write_atomic(path, &self.to_bytes(layer)?)
    }

    /// The bytes of the model. Equal layers give equal bytes.
    ///
    /// # Errors
    /// A layer that ONNX has no operator for; with [`in_f32`](Self::in_f32) a number beyond those of f32.
    pub fn to_bytes<T: Element>(&self, layer: &dyn Layer<T>) -> Result<Vec<u8>> {
        let model = ModelProto {
            ir_version: Some(IR),
            producer_name: Some(env!("CARGO_PKG_NAME").to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            graph: Some(self.graph(layer)?),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPSET),
            }],
        };
        Ok(model.encode_to_vec())
    }

    fn graph<T: Element>(&self, layer: &dyn Layer<T>) -> Result<GraphProto> {
        let mut builder = Builder::<T>::new(self.clone());
        let axes = match self.is_batch_major {
            true => ["samples", "steps"],
            false => ["steps", "samples"],
        };
        builder.input("x", &axes, layer.input_len());
        let mut value = "x".to_owned();
        if self.is_batch_major {
            value = builder.transpose("x.time_major", &value, &[1, 0, 2]);
        }
        if self.has_lengths {
            builder.lengths_input();
        }
        value = put(&mut builder, layer, "", value, false)?;
        match self.is_batch_major {
            true => builder.transpose_into("y", &value, &[1, 0, 2]),
            false => builder.identity_into("y", &value),
        }
        builder.output("y", &axes, layer.output_len());
        builder.finish()
    }
}

/// Puts a layer on `value`; the name of its outputs. A layer below a reversed one reads from the end.
fn put<T: Element>(
    builder: &mut Builder<T>,
    layer: &dyn Layer<T>,
    name: &str,
    value: String,
    is_reversed: bool,
) -> Result<String> {
    match layer.kind() {
        Kind::Identity => Ok(value),
        Kind::Linear => builder.linear(layer, name, &value),
        Kind::Reversed(inner) => put(builder, inner, name, value, !is_reversed),
        Kind::Stack(layers) => layers.into_iter().try_fold(value, |value, (part, layer)| {
            put(builder, layer, &child(name, part), value, is_reversed)
        }),
        Kind::Recurrent { .. } => {
            let direction = direction_of(layer, name)?;
            let reading = match is_reversed {
                true => operator::Direction::Reverse,
                false => operator::Direction::Forward,
            };
            builder.recurrent(&[direction], reading, name, &value)
        }
        Kind::Bidirectional {
            forward,
            backward,
            merge,
        } => {
            if let Some(both) = both_directions(forward, backward, merge, name, is_reversed)? {
                return builder.recurrent(&both, operator::Direction::Bidirectional, name, &value);
            }
            let first = put(
                builder,
                forward,
                &child(name, "forward"),
                value.clone(),
                is_reversed,
            )?;
            let second = put(
                builder,
                backward,
                &child(name, "backward"),
                value,
                !is_reversed,
            )?;
            builder.merge(merge, name, [first, second])
        }
        _ => Err(refuse(
            name,
            "it is of a kind that ONNX has no operator for".to_owned(),
        )),
    }
}

/// Both directions of one operator, if that is what two layers are.
fn both_directions<T: Element>(
    forward: &dyn Layer<T>,
    backward: &dyn Layer<T>,
    merge: Merge,
    name: &str,
    is_reversed: bool,
) -> Result<Option<[Direction<T>; 2]>> {
    let are_recurrent = [forward, backward]
        .iter()
        .all(|layer| matches!(layer.kind(), Kind::Recurrent { .. }));
    if !are_recurrent || merge != Merge::Concat || is_reversed {
        return Ok(None);
    }
    let both = [
        direction_of(forward, &child(name, "forward"))?,
        direction_of(backward, &child(name, "backward"))?,
    ];
    Ok(both[0].is_alike(&both[1]).then_some(both))
}

/// The name of a part of a layer.
fn child(name: &str, part: &str) -> String {
    match name.is_empty() {
        true => part.to_owned(),
        false => format!("{name}.{part}"),
    }
}

/// The nearest f32 numbers of those of `name`.
fn narrowed<T: Element>(name: &str, values: &[T]) -> Result<Vec<f32>> {
    let narrow = |value: &T| {
        let (wide, narrow) = (value.to_f64(), value.to_f64() as f32);
        match narrow.is_infinite() && wide.is_finite() {
            true => Err(refuse(
                name,
                format!("it holds {wide:e}, which is beyond all numbers of f32; write it in f64"),
            )),
            false => Ok(narrow),
        }
    };
    values.iter().map(narrow).collect()
}

/// The error that refuses a layer.
fn refuse(name: &str, reason: String) -> Error {
    let layer = match name.is_empty() {
        true => "at the top".to_owned(),
        false => format!("`{name}`"),
    };
    Error::OnnxExport { layer, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recurrent;
    use lstm_kernels::cells::Lstm;

    /// A stack refuses names that it has; a layer of one's own might show two parts of one name, and values of one name would
    /// be taken for each other.
    #[test]
    fn values_of_one_name_are_refused() {
        let layer = Recurrent::<Lstm, f32>::zeros(&[2, 2]).unwrap();
        let refusal = |second: &str| {
            let mut builder = Builder::<f32>::new(Export::new());
            builder.input("x", &["steps", "samples"], 2);
            let first = put(&mut builder, &layer, "twin", "x".to_owned(), false).unwrap();
            put(&mut builder, &layer, second, first, false).unwrap();
            builder.finish().map(drop)
        };
        refusal("other").unwrap();
        let twin = refusal("twin").unwrap_err();
        assert!(matches!(&twin, Error::DuplicateName { name } if name == "twin.w"));
        // What a node gives may not have the name of an input either.
        let mut builder = Builder::<f32>::new(Export::new());
        builder.input("x", &["steps", "samples"], 2);
        builder.identity_into("x", "x");
        let input = builder.finish().unwrap_err();
        assert!(matches!(&input, Error::DuplicateName { name } if name == "x"));
    }
}
