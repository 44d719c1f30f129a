//! Modules out of a state dict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use faer::{Mat, MatRef};
use lstm_kernels::Element;

use super::forms;
use super::names::{Kind, Place, TensorName, join};
use crate::bridge::embedding;
use crate::bridge::gates::{Form, Make, Sizes, Tensors};
use crate::bridge::source::Source;
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::io::TensorFile;
use crate::layers::{Bidirectional, Layer, Merge, Stack};
use crate::linear::Linear;

/// A state dict of PyTorch in a safetensors file, out of which modules are taken by name.
///
/// The name of a module is what its tensors start with in the state dict, such as `encoder` or `blocks.0.rnn`; it is
/// empty if the file is the state dict of that one module.
#[derive(Debug)]
pub struct TorchFile {
    source: Source,
}

impl TorchFile {
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

    /// The layers of a `torch.nn.RNN` with `nonlinearity="tanh"`, the default.
    ///
    /// # Errors
    /// A module that is missing, is of another kind, lacks a tensor, has one too many or one of another shape.
    pub fn rnn_tanh<T: Element>(&mut self, module: &str) -> Result<Stack<T>> {
        self.recurrent(module, forms::rnn_tanh(), None)
    }

    /// The layers of a `torch.nn.RNN` with `nonlinearity="relu"`, which the file does not say.
    ///
    /// # Errors
    /// As [`rnn_tanh`](Self::rnn_tanh).
    pub fn rnn_relu<T: Element>(&mut self, module: &str) -> Result<Stack<T>> {
        self.recurrent(module, forms::rnn_relu(), None)
    }

    /// The layers of a `torch.nn.LSTM`, with `proj_size` or without.
    ///
    /// # Errors
    /// As [`rnn_tanh`](Self::rnn_tanh).
    pub fn lstm<T: Element>(&mut self, module: &str) -> Result<Stack<T>> {
        self.recurrent(module, forms::lstm(), Some(forms::projection_lstm()))
    }

    /// The layers of a `torch.nn.GRU`.
    ///
    /// # Errors
    /// As [`rnn_tanh`](Self::rnn_tanh).
    pub fn gru<T: Element>(&mut self, module: &str) -> Result<Stack<T>> {
        self.recurrent(module, forms::gru(), None)
    }

    /// A `torch.nn.Linear`, with a bias or without.
    ///
    /// # Errors
    /// As [`rnn_tanh`](Self::rnn_tanh).
    pub fn linear<T: Element>(&mut self, module: &str) -> Result<Linear<T>> {
        self.require_names(module, "nn.Linear", &["weight", "bias"])?;
        let (weight, bias) = (join(module, "weight"), join(module, "bias"));
        let (outputs, inputs) = self.source.matrix_shape(&weight)?;
        let values = self.source.take(&weight, &[outputs, inputs], "nn.Linear")?;
        let bias = match self.source.has(&bias) {
            true => Some(self.source.take(&bias, &[outputs], "nn.Linear")?),
            false => None,
        };
        Linear::of_numbers(MatRef::from_row_major_slice(&values, outputs, inputs), bias)
    }

    /// A `torch.nn.Embedding`. Its `padding_idx` is not in the file: see [`Embedding::with_padding`].
    ///
    /// # Errors
    /// As [`rnn_tanh`](Self::rnn_tanh).
    pub fn embedding<T: Element>(&mut self, module: &str) -> Result<Embedding<T>> {
        self.require_names(module, "nn.Embedding", &["weight"])?;
        let name = join(module, "weight");
        let (count, len) = self.source.matrix_shape(&name)?;
        let values = self.source.take(&name, &[count, len], "nn.Embedding")?;
        embedding(count, len, &values)
    }

    /// Refuses a file that holds tensors of which nothing has been made.
    ///
    /// # Errors
    /// Such tensors, by name.
    pub fn finish(self) -> Result<()> {
        self.source.finish()
    }

    /// A module that is `plain`, or `projected` if it has a matrix behind the cells.
    fn recurrent<T: Element>(
        &mut self,
        module: &str,
        plain: Make<T>,
        projected: Option<Make<T>>,
    ) -> Result<Stack<T>> {
        let kind = plain.0.name;
        let places = self.places(module, kind)?;
        let has = |wanted: Kind| places.values().any(|kinds| kinds.contains(&wanted));
        let (form, make) = match (has(Kind::Projection), projected) {
            (false, _) => plain,
            (true, Some(projected)) => projected,
            (true, None) => {
                return Err(self.source.refuse(format!(
                    "`{module}` has a projection (weight_hr), but {kind} has none"
                )));
            }
        };
        let bias = [Kind::InputBias, Kind::RecurrentBias].into_iter().any(has);
        let is_bidirectional = places.keys().any(|place| place.is_reverse);
        let directions = if is_bidirectional { 2 } else { 1 };

        let mut sizes = self.sizes(module, form)?;
        let mut layers = Vec::new();
        for layer in 0..places.len().div_ceil(directions) {
            let mut take = |is_reverse| {
                let place = Place { layer, is_reverse };
                let tensors = self.take_tensors(module, form, place, sizes, bias)?;
                make(&tensors, form, sizes)
            };
            layers.push(take(false)?);
            if is_bidirectional {
                layers.push(take(true)?);
            }
            sizes.inputs = directions * sizes.outputs;
        }
        stack(layers, is_bidirectional)
    }

    /// What tensors a recurrent module has, by layer and direction.
    fn places(&self, module: &str, kind: &str) -> Result<BTreeMap<Place, Vec<Kind>>> {
        let names = self.source.under(&join(module, ""));
        if names.is_empty() {
            return Err(self.missing(module));
        }
        let mut places: BTreeMap<Place, Vec<Kind>> = BTreeMap::new();
        for name in names {
            let Some(TensorName { kind, place }) = TensorName::parse(&name) else {
                return Err(self.source.refuse(format!(
                    "`{}` is no tensor of {kind}; is `{module}` the name of the module?",
                    join(module, &name)
                )));
            };
            places.entry(place).or_default().push(kind);
        }
        Ok(places)
    }

    /// The sizes of the first layer.
    fn sizes(&self, module: &str, form: &Form) -> Result<Sizes> {
        let name = |kind| TensorName::first(kind).within(module);
        let input = name(Kind::Input);
        let recurrent = name(Kind::Recurrent);
        let (rows, inputs) = self.source.matrix_shape(&input)?;
        let (recurrent_rows, outputs) = self.source.matrix_shape(&recurrent)?;
        let kind = form.name;
        let units = rows / form.gates;
        let is_square = form.has_projection() || units == outputs;
        if units.checked_mul(form.gates) != Some(rows) || !is_square {
            let hint = match rows.checked_div(outputs).filter(|_| !form.has_projection()) {
                Some(1) => "; an nn.RNN would have these",
                Some(3) => "; an nn.GRU would have these",
                Some(4) => "; an nn.LSTM would have these",
                _ => "",
            };
            return Err(self.source.refuse(format!(
                "`{input}` has {rows} rows and `{recurrent}` {outputs} columns, but {kind} has {} rows for each unit{hint}",
                form.gates
            )));
        }
        // Room is made for what these say, so both have to have the numbers.
        if recurrent_rows != rows {
            return Err(self.source.refuse(format!(
                "`{input}` has {rows} rows and `{recurrent}` {recurrent_rows}, but {kind} has as many in both"
            )));
        }
        if [units, inputs, outputs].contains(&0) {
            return Err(self
                .source
                .refuse(format!("`{module}` has no units or no inputs")));
        }
        Ok(Sizes {
            inputs,
            units,
            outputs,
        })
    }

    /// The tensors of one layer in one direction.
    fn take_tensors<T: Element>(
        &mut self,
        module: &str,
        form: &Form,
        place: Place,
        sizes: Sizes,
        bias: bool,
    ) -> Result<Tensors<T>> {
        let kind = form.name;
        let rows = form.gates * sizes.units;
        let mut tensors = Tensors::zeros(form, sizes);
        let mut take = |kind_of, target: &mut Mat<T>, shape: &[usize]| {
            let name = TensorName {
                kind: kind_of,
                place,
            };
            let values: Vec<T> = self.source.take(&name.within(module), shape, kind)?;
            let (rows, columns) = target.shape();
            *target = MatRef::from_row_major_slice(&values, rows, columns).to_owned();
            Ok::<_, Error>(())
        };
        take(Kind::Input, &mut tensors.input, &[rows, sizes.inputs])?;
        take(
            Kind::Recurrent,
            &mut tensors.recurrent,
            &[rows, sizes.outputs],
        )?;
        if bias {
            take(Kind::InputBias, &mut tensors.input_bias, &[rows])?;
            take(Kind::RecurrentBias, &mut tensors.recurrent_bias, &[rows])?;
        }
        if form.has_projection() {
            let shape = [sizes.outputs, sizes.units];
            take(Kind::Projection, &mut tensors.projection, &shape)?;
        }
        Ok(tensors)
    }

    /// Refuses a module with other tensors than these.
    fn require_names(&self, module: &str, kind: &str, known: &[&str]) -> Result<()> {
        let names = self.source.under(&join(module, ""));
        if names.is_empty() {
            return Err(self.missing(module));
        }
        match names.iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(other) => Err(self.source.refuse(format!(
                "`{}` is no tensor of {kind}; is `{module}` the name of the module?",
                join(module, other)
            ))),
        }
    }

    /// The error that there is no such module.
    fn missing(&self, module: &str) -> Error {
        let modules: BTreeSet<&str> = (self.source.file.names())
            .filter_map(|name| Some(name.rsplit_once('.')?.0))
            .collect();
        let known: Vec<String> = (modules.iter().map(|module| format!("`{module}`"))).collect();
        let known = match known.is_empty() {
            true => "none of its tensors is in a module".to_owned(),
            false => format!("it has {}", known.join(", ")),
        };
        (self.source).refuse(format!("it has no module `{module}`; {known}"))
    }
}

/// Layers one above the other, of one direction each or of two.
fn stack<T: Element>(layers: Vec<Box<dyn Layer<T>>>, is_bidirectional: bool) -> Result<Stack<T>> {
    let mut stack = Stack::new();
    let mut layers = layers.into_iter();
    while let Some(mut layer) = layers.next() {
        if is_bidirectional && let Some(backward) = layers.next() {
            layer = Box::new(Bidirectional::new(layer, backward, Merge::Concat)?);
        }
        stack.push(&format!("l{}", stack.len()), layer)?;
    }
    Ok(stack)
}
