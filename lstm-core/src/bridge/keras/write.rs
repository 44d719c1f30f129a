//! Layers into a file of weights.

use std::path::Path;

use lstm_kernels::Element;

use super::forms::{has_two_biases, of_cell};
use crate::bridge::cells::{CellPart, Level, collect};
use crate::bridge::gates::{Sizes, Tensors};
use crate::bridge::parameters;
use crate::bridge::target::{NamedTensor, Target};
use crate::columns::column_major;
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::io::Metadata;
use crate::layers::{Bidirectional, Layer};
use crate::linear::Linear;

const FORMAT: &str = "Keras";

/// Weights for a Keras model, layer by layer, each under the path that it has there.
#[derive(Debug)]
pub struct KerasWriter<T> {
    target: Target<T>,
    has_bias: bool,
}

impl<T: Element> Default for KerasWriter<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> KerasWriter<T> {
    /// A file without tensors.
    pub fn new() -> Self {
        Self {
            target: Target::new(),
            has_bias: true,
        }
    }

    /// From now on recurrent layers are those with `use_bias=False`; their biases have to be zero.
    pub fn without_bias(mut self) -> Self {
        self.has_bias = false;
        self
    }

    /// Adds a [`Recurrent`](crate::Recurrent) layer as the layer `layer`, such as `model/lstm`.
    ///
    /// # Errors
    /// A cell that Keras has no layer of; several cells, or parameters beside theirs; a layer of any other kind, such as one
    /// with zoneout, of which the [`layer`](crate::layers::Regularised::layer) within can be written; names that are taken.
    pub fn recurrent(&mut self, layer: &str, from: &dyn Layer<T>) -> Result<&mut Self> {
        let shown = format!("`{layer}`");
        let reason = match collect(FORMAT, &shown, from)?.as_slice() {
            [Level::Single(cell)] => {
                self.target.add(self.named(layer, cell)?)?;
                return Ok(self);
            }
            [Level::Bidirectional { .. }] => {
                "it has two directions; write it with `KerasWriter::bidirectional`".to_owned()
            }
            levels => format!(
                "a layer there has one recurrent cell, this has {}; write them one by one",
                levels.len()
            ),
        };
        Err(refuse(shown, reason))
    }

    /// Adds both directions as the `Bidirectional` layer `layer` around one named `inner`: Keras calls its parts
    /// `forward_` and `backward_` and that name, `lstm` if the model gives none.
    ///
    /// # Errors
    /// As [`recurrent`](Self::recurrent).
    pub fn bidirectional(
        &mut self,
        layer: &str,
        inner: &str,
        from: &Bidirectional<T>,
    ) -> Result<&mut Self> {
        let shown = format!("`{layer}`");
        match collect(FORMAT, &shown, from)?.as_slice() {
            [
                Level::Bidirectional {
                    forward, backward, ..
                },
            ] if (forward.spec, &forward.sizes) == (backward.spec, &backward.sizes) => {
                let mut tensors = self.named(&format!("{layer}/forward_{inner}"), forward)?;
                tensors.extend(self.named(&format!("{layer}/backward_{inner}"), backward)?);
                self.target.add(tensors)?;
                Ok(self)
            }
            _ => {
                let reason =
                    "a Bidirectional there has one recurrent cell in each direction, both alike";
                Err(refuse(shown, reason.to_owned()))
            }
        }
    }

    /// Adds a linear layer as a `Dense` layer, with `use_bias=False` if it has none.
    ///
    /// # Errors
    /// Names that are taken.
    pub fn dense(&mut self, layer: &str, from: &Linear<T>) -> Result<&mut Self> {
        let tensors = parameters(from)?.into_iter().map(|(name, matrix)| {
            let (name, shape) = match name.as_str() {
                "bias" => ("bias", vec![matrix.nrows()]),
                _ => ("kernel", vec![matrix.ncols(), matrix.nrows()]),
            };
            (
                format!("{layer}/{name}"),
                shape,
                column_major(matrix.as_ref()),
            )
        });
        self.target.add(tensors.collect())?;
        Ok(self)
    }

    /// Adds an embedding as an `Embedding` layer.
    ///
    /// # Errors
    /// Names that are taken.
    pub fn embedding(&mut self, layer: &str, from: &Embedding<T>) -> Result<&mut Self> {
        let shape = vec![from.count(), from.len()];
        let values = column_major(from.matrix());
        self.target
            .add(vec![(format!("{layer}/embeddings"), shape, values)])?;
        Ok(self)
    }

    /// Writes the file: all of it or nothing.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.target.save(path, &Metadata::new())
    }

    /// The tensors of a recurrent layer, as Keras has them.
    fn named(&self, layer: &str, cell: &CellPart<T>) -> Result<Vec<NamedTensor<T>>> {
        let form = of_cell(cell.spec, layer)?;
        let sizes = Sizes::of_cell(&cell.sizes);
        let mut tensors = Tensors::zeros(form, sizes);
        for (name, parameter) in &cell.params {
            tensors.put(form, name, parameter.as_ref())?;
        }
        let folder = match form.gates {
            4 => "lstm_cell",
            3 => "gru_cell",
            _ => "simple_rnn_cell",
        };
        let columns = form.gates * sizes.units;
        let name = |tensor: &str| format!("{layer}/{folder}/{tensor}");
        let mut named = vec![
            (
                name("kernel"),
                vec![sizes.inputs, columns],
                column_major(tensors.input.as_ref()),
            ),
            (
                name("recurrent_kernel"),
                vec![sizes.units, columns],
                column_major(tensors.recurrent.as_ref()),
            ),
        ];
        if self.has_bias {
            let mut bias = column_major(tensors.input_bias.as_ref());
            let shape = match has_two_biases(form) {
                true => {
                    bias.extend(column_major(tensors.recurrent_bias.as_ref()));
                    vec![2, columns]
                }
                false => vec![columns],
            };
            named.push((name("bias"), shape, bias));
        } else if !tensors.is_unbiased() {
            let reason = "its biases are not zero, as they are with use_bias=False";
            return Err(refuse(format!("`{layer}`"), reason.to_owned()));
        }
        Ok(named)
    }
}

fn refuse(part: String, reason: String) -> Error {
    Error::Unrepresentable {
        format: FORMAT,
        part,
        reason,
    }
}
