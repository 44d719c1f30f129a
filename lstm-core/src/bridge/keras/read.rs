//! Layers out of a file of weights.

use std::path::PathBuf;

use faer::{Mat, MatRef};
use lstm_kernels::{Cell, Element};

use super::forms::{has_two_biases, of_cell};
use crate::bridge::embedding;
use crate::bridge::gates::{Form, Sizes, Tensors};
use crate::bridge::source::Source;
use crate::embedding::Embedding;
use crate::error::Result;
use crate::io::TensorFile;
use crate::layers::{Bidirectional, Merge};
use crate::linear::Linear;
use crate::recurrent::Recurrent;

/// Weights of a Keras model in a safetensors file, out of which layers are taken by the path that Keras gives them.
#[derive(Debug)]
pub struct KerasFile {
    source: Source,
}

impl KerasFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read or is no safetensors file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self::new(TensorFile::open(path)?))
    }

    /// As [`open`](Self::open), of a file that has been read already.
    pub fn new(file: TensorFile) -> Self {
        Self {
            source: Source::new(file),
        }
    }

    /// The file itself: names, shapes and numbers.
    pub fn tensors(&self) -> &TensorFile {
        &self.source.file
    }

    /// A recurrent layer of the cell `C`, which the table of [the module](super) gives.
    ///
    /// # Errors
    /// A cell that Keras does not have; a layer that is missing, is of another kind, lacks a tensor, has one too many or
    /// one of another shape.
    pub fn recurrent<C: Cell, T: Element>(&mut self, layer: &str) -> Result<Recurrent<C, T>> {
        let form = of_cell(&C::SPEC, layer)?;
        let cell = self.cell(layer, form)?;
        let sizes = self.sizes(&cell, form)?;
        let tensors: Tensors<T> = self.take_tensors(&cell, form, sizes)?;
        tensors.layer(form, sizes)
    }

    /// A `Bidirectional` of two such layers. Its `merge_mode` is not in the file: `"concat"` is the default.
    ///
    /// # Errors
    /// As [`recurrent`](Self::recurrent).
    pub fn bidirectional<C: Cell, T: Element>(
        &mut self,
        layer: &str,
        merge: Merge,
    ) -> Result<Bidirectional<T>> {
        let mut inner: Vec<String> = (self.require(layer)?.iter())
            .map(|name| name.split('/').next().unwrap_or(name).to_owned())
            .collect();
        inner.dedup();
        match &inner[..] {
            // In alphabetical order.
            [backward, forward]
                if backward.starts_with("backward_") && forward.starts_with("forward_") =>
            {
                let forward = self.recurrent::<C, T>(&format!("{layer}/{forward}"))?;
                let backward = self.recurrent::<C, T>(&format!("{layer}/{backward}"))?;
                Bidirectional::new(Box::new(forward), Box::new(backward), merge)
            }
            _ => Err(self.source.refuse(format!(
                "`{layer}` is no Bidirectional, which has one layer `forward_..` and one `backward_..`; it has `{}`",
                inner.join("`, `")
            ))),
        }
    }

    /// A `Dense` layer, with a bias or without. Its `activation` is not in the file.
    ///
    /// # Errors
    /// As [`recurrent`](Self::recurrent).
    pub fn dense<T: Element>(&mut self, layer: &str) -> Result<Linear<T>> {
        self.require_names(layer, "Dense", &["kernel", "bias"])?;
        let (kernel, bias) = (format!("{layer}/kernel"), format!("{layer}/bias"));
        let (inputs, outputs) = self.source.matrix_shape(&kernel)?;
        let values = self.source.take(&kernel, &[inputs, outputs], "Dense")?;
        let bias = match self.source.has(&bias) {
            true => Some(self.source.take(&bias, &[outputs], "Dense")?),
            false => None,
        };
        Linear::of_numbers(
            MatRef::from_column_major_slice(&values, outputs, inputs),
            bias,
        )
    }

    /// An `Embedding` layer.
    ///
    /// # Errors
    /// As [`recurrent`](Self::recurrent).
    pub fn embedding<T: Element>(&mut self, layer: &str) -> Result<Embedding<T>> {
        self.require_names(layer, "Embedding", &["embeddings"])?;
        let name = format!("{layer}/embeddings");
        let (count, len) = self.source.matrix_shape(&name)?;
        let values = self.source.take(&name, &[count, len], "Embedding")?;
        embedding(count, len, &values)
    }

    /// Refuses a file that holds tensors of which nothing has been made.
    ///
    /// # Errors
    /// Such tensors, by name.
    pub fn finish(self) -> Result<()> {
        self.source.finish()
    }

    /// The path of the cell within a recurrent layer: `layer/lstm_cell`, or as the model named it.
    fn cell(&self, layer: &str, form: &Form) -> Result<String> {
        let names = self.require(layer)?;
        let known = ["kernel", "recurrent_kernel", "bias"];
        let mut cell = None;
        for name in &names {
            match name.split_once('/') {
                Some((found, tensor))
                    if known.contains(&tensor) && *cell.get_or_insert(found) == found => {}
                _ => {
                    return Err(self.source.refuse(format!(
                        "`{layer}/{name}` is no tensor of {}; is `{layer}` the path of the layer?",
                        form.name
                    )));
                }
            }
        }
        Ok(format!("{layer}/{}", cell.unwrap_or_default()))
    }

    /// The sizes of a cell.
    fn sizes(&self, cell: &str, form: &Form) -> Result<Sizes> {
        let (kernel, recurrent) = (format!("{cell}/kernel"), format!("{cell}/recurrent_kernel"));
        let (inputs, columns) = self.source.matrix_shape(&kernel)?;
        let (units, recurrent_columns) = self.source.matrix_shape(&recurrent)?;
        if units.checked_mul(form.gates) != Some(columns) {
            let hint = match columns.checked_div(units) {
                Some(1) => "; a SimpleRNN would have these",
                Some(3) => "; a GRU would have these",
                Some(4) => "; an LSTM would have these",
                _ => "",
            };
            return Err(self.source.refuse(format!(
                "`{kernel}` has {columns} columns and `{recurrent}` {units} rows, but {} has {} columns for each unit{hint}",
                form.name, form.gates
            )));
        }
        // Room is made for what these say, so both have to have the numbers.
        if recurrent_columns != columns {
            return Err(self.source.refuse(format!(
                "`{kernel}` has {columns} columns and `{recurrent}` {recurrent_columns}, but {} has as many in both",
                form.name
            )));
        }
        if inputs == 0 || units == 0 {
            return Err(self
                .source
                .refuse(format!("`{cell}` has no units or no inputs")));
        }
        Ok(Sizes {
            inputs,
            units,
            outputs: units,
        })
    }

    fn take_tensors<T: Element>(
        &mut self,
        cell: &str,
        form: &Form,
        sizes: Sizes,
    ) -> Result<Tensors<T>> {
        let mut tensors = Tensors::zeros(form, sizes);
        let columns = form.gates * sizes.units;
        let mut take = |name: &str, shape: &[usize]| {
            self.source
                .take(&format!("{cell}/{name}"), shape, form.name)
        };
        // What Keras lists row by row with a column for each unit is column by column with a row for each.
        let turned = |values: &[T], rows: usize| -> Mat<T> {
            MatRef::from_column_major_slice(values, columns, rows).to_owned()
        };
        tensors.input = turned(&take("kernel", &[sizes.inputs, columns])?, sizes.inputs);
        tensors.recurrent = turned(
            &take("recurrent_kernel", &[sizes.units, columns])?,
            sizes.units,
        );
        let bias = format!("{cell}/bias");
        if !self.source.has(&bias) {
            return Ok(tensors);
        }
        match has_two_biases(form) {
            true => {
                let both: Vec<T> = self.source.take(&bias, &[2, columns], form.name)?;
                tensors.input_bias = turned(&both[..columns], 1);
                tensors.recurrent_bias = turned(&both[columns..], 1);
            }
            false => {
                let one: Vec<T> = self.source.take(&bias, &[columns], form.name)?;
                tensors.input_bias = turned(&one, 1);
            }
        }
        Ok(tensors)
    }

    /// The names of a layer's tensors, of which there has to be one.
    fn require(&self, layer: &str) -> Result<Vec<String>> {
        let names = self.source.under(&format!("{layer}/"));
        match names.is_empty() {
            false => Ok(names),
            true => {
                let all: Vec<String> = (self.source.file.names())
                    .map(|name| format!("`{name}`"))
                    .collect();
                Err(self.source.refuse(format!(
                    "it has no layer `{layer}`; its tensors are {}",
                    all.join(", ")
                )))
            }
        }
    }

    /// Refuses a layer with other tensors than these.
    fn require_names(&self, layer: &str, kind: &str, known: &[&str]) -> Result<()> {
        match (self.require(layer)?.iter()).find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(other) => Err(self.source.refuse(format!(
                "`{layer}/{other}` is no tensor of {kind}; is `{layer}` the path of the layer?"
            ))),
        }
    }
}
