//! Modules into a state dict.

use std::path::Path;

use faer::MatRef;
use lstm_kernels::Element;

use super::forms;
use super::names::{Kind, Place, TensorName, join};
use crate::bridge::cells::{CellPart, Level, collect};
use crate::bridge::gates::{Form, Sizes, Tensors};
use crate::bridge::parameters;
use crate::bridge::target::{NamedTensor, Target};
use crate::columns::{column_major, row_major};
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::io::Metadata;
use crate::layers::{Layer, Merge};
use crate::linear::Linear;

const FORMAT: &str = "PyTorch";

/// A state dict for PyTorch, module by module.
///
/// Biases that PyTorch has twice and a cell once are written as the first of the two, with zeros for the second.
#[derive(Debug)]
pub struct TorchWriter<T> {
    target: Target<T>,
    has_bias: bool,
}

impl<T: Element> Default for TorchWriter<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> TorchWriter<T> {
    /// A state dict without tensors.
    pub fn new() -> Self {
        Self {
            target: Target::new(),
            has_bias: true,
        }
    }

    /// From now on recurrent modules are those with `bias=False`; their biases have to be zero.
    pub fn without_bias(mut self) -> Self {
        self.has_bias = false;
        self
    }

    /// Adds recurrent layers as the module `module`: `torch.nn.RNN`, `LSTM` or `GRU`, as the cells are.
    ///
    /// `layer` is a [`Recurrent`](crate::Recurrent) layer, a [`Bidirectional`](crate::layers::Bidirectional) one that
    /// concatenates, or a [`Stack`](crate::layers::Stack) of either kind. Dropout has no parameters and no place in a
    /// state dict; the module in PyTorch gets its own.
    ///
    /// # Errors
    /// What PyTorch has no module for, by name: another cell; layers of different cells or different counts of units; a
    /// projection to as many outputs as units, or to more; directions that are added; parameters beside those of cells. A
    /// layer of any other kind, such as one with zoneout, of which the
    /// [`layer`](crate::layers::Regularised::layer) within can be written. Names that are taken.
    pub fn recurrent(&mut self, module: &str, layer: &dyn Layer<T>) -> Result<&mut Self> {
        let cells = placed(collect(FORMAT, &shown(module), layer)?)?;
        let Some((_, first)) = cells.first() else {
            return Err(refuse(
                &shown(module),
                "it has no recurrent layer".to_owned(),
            ));
        };
        let form = module_of(first)?;
        require_narrow_projection(first, form)?;
        let is_bidirectional = cells.iter().any(|(place, _)| place.is_reverse);
        let mut sizes = Sizes::of_cell(&first.sizes);
        let mut named = Vec::new();
        for (place, cell) in &cells {
            if place.layer > 0 {
                sizes.inputs = if is_bidirectional { 2 } else { 1 } * sizes.outputs;
            }
            require_sizes(cell, form, sizes)?;
            let mut tensors = Tensors::zeros(form, sizes);
            for (name, parameter) in &cell.params {
                tensors.put(form, name, parameter.as_ref())?;
            }
            if !self.has_bias && !tensors.is_unbiased() {
                let reason = "its biases are not zero, as they are with bias=False";
                return Err(refuse(&cell.shown(), reason.to_owned()));
            }
            named.extend(self.named(module, form, *place, &tensors));
        }
        self.target.add(named)?;
        Ok(self)
    }

    /// Adds a linear layer as a `torch.nn.Linear`, with `bias=False` if it has none.
    ///
    /// # Errors
    /// Names that are taken.
    pub fn linear(&mut self, module: &str, layer: &Linear<T>) -> Result<&mut Self> {
        let tensors = parameters(layer)?.into_iter().map(|(name, matrix)| {
            let shape = match name.as_str() {
                "bias" => vec![matrix.nrows()],
                _ => vec![matrix.nrows(), matrix.ncols()],
            };
            (join(module, &name), shape, row_major(matrix.as_ref()))
        });
        self.target.add(tensors.collect())?;
        Ok(self)
    }

    /// Adds an embedding as a `torch.nn.Embedding`.
    ///
    /// # Errors
    /// Names that are taken.
    pub fn embedding(&mut self, module: &str, layer: &Embedding<T>) -> Result<&mut Self> {
        let shape = vec![layer.count(), layer.len()];
        let values = column_major(layer.matrix());
        self.target
            .add(vec![(join(module, "weight"), shape, values)])?;
        Ok(self)
    }

    /// Writes the file: all of it or nothing.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        // Programs that read weights of several libraries go by this mark.
        let metadata = Metadata::from([("format".to_owned(), "pt".to_owned())]);
        self.target.save(path, &metadata)
    }

    /// The tensors of one layer in one direction, as the module has them.
    fn named(
        &self,
        module: &str,
        form: &Form,
        place: Place,
        tensors: &Tensors<T>,
    ) -> Vec<NamedTensor<T>> {
        let name = |kind| TensorName { kind, place }.within(module);
        let matrix = |kind, matrix: MatRef<'_, T>| {
            let shape = vec![matrix.nrows(), matrix.ncols()];
            (name(kind), shape, row_major(matrix))
        };
        let bias = |kind, bias: MatRef<'_, T>| (name(kind), vec![bias.nrows()], column_major(bias));
        let mut named = vec![
            matrix(Kind::Input, tensors.input.as_ref()),
            matrix(Kind::Recurrent, tensors.recurrent.as_ref()),
        ];
        if form.has_projection() {
            named.push(matrix(Kind::Projection, tensors.projection.as_ref()));
        }
        if self.has_bias {
            named.push(bias(Kind::InputBias, tensors.input_bias.as_ref()));
            named.push(bias(Kind::RecurrentBias, tensors.recurrent_bias.as_ref()));
        }
        named
    }
}

/// The cells with their places in the module: every layer one way, or every layer both ways.
fn placed<T>(levels: Vec<Level<T>>) -> Result<Vec<(Place, CellPart<T>)>> {
    let is_bidirectional =
        (levels.iter()).any(|level| matches!(level, Level::Bidirectional { .. }));
    let mut cells = Vec::new();
    for (layer, level) in levels.into_iter().enumerate() {
        let place = |is_reverse| Place { layer, is_reverse };
        match level {
            Level::Single(cell) if is_bidirectional => {
                let reason = "either all layers of a module have two directions or none has";
                return Err(refuse(&cell.shown(), reason.to_owned()));
            }
            Level::Single(cell) => cells.push((place(false), cell)),
            Level::Bidirectional {
                merge: Merge::Sum,
                shown,
                ..
            } => {
                let reason = "it adds the outputs of its directions, which PyTorch concatenates; write each direction by itself and add there";
                return Err(refuse(&shown, reason.to_owned()));
            }
            Level::Bidirectional {
                forward, backward, ..
            } => cells.extend([(place(false), forward), (place(true), backward)]),
        }
    }
    Ok(cells)
}

/// The module that has the cells of a layer.
fn module_of<T>(cell: &CellPart<T>) -> Result<&'static Form> {
    let found = forms::ALL.into_iter().find(|form| form.cell == *cell.spec);
    found.ok_or_else(|| {
        let known = forms::ALL.map(|form| form.cell.name).join(", ");
        let reason = format!("torch.nn has no {}; it has {known}", cell.spec.name);
        refuse(&cell.shown(), reason)
    })
}

/// Refuses a projection that does not make the outputs fewer: PyTorch constructs no such module that could load it.
fn require_narrow_projection<T>(cell: &CellPart<T>, form: &Form) -> Result<()> {
    let Sizes { units, outputs, .. } = Sizes::of_cell(&cell.sizes);
    if !form.has_projection() || outputs < units {
        return Ok(());
    }
    let reason = format!(
        "it has {units} units and {outputs} outputs, but the proj_size of an {} is smaller than its hidden_size; give it fewer outputs",
        form.name
    );
    Err(refuse(&cell.shown(), reason))
}

/// Refuses a layer of another cell or of other sizes than its place in the module has.
fn require_sizes<T: Element>(cell: &CellPart<T>, form: &Form, sizes: Sizes) -> Result<()> {
    let describe = |sizes: Sizes| {
        let Sizes {
            inputs,
            units,
            outputs,
        } = sizes;
        format!("{inputs} inputs, {units} units and {outputs} outputs")
    };
    let own = Sizes::of_cell(&cell.sizes);
    let reason = if *cell.spec != form.cell {
        let (own, first) = (cell.spec.name, form.cell.name);
        format!(
            "it is of {own} and the first layer of {first}; an {} has one kind of cell",
            form.name
        )
    } else if own != sizes {
        let (own, needed) = (describe(own), describe(sizes));
        format!(
            "it has {own}, but in this {} it would have {needed}",
            form.name
        )
    } else {
        return Ok(());
    };
    Err(refuse(&cell.shown(), reason))
}

fn refuse(part: &str, reason: String) -> Error {
    Error::Unrepresentable {
        format: FORMAT,
        part: part.to_owned(),
        reason,
    }
}

fn shown(module: &str) -> String {
    format!("`{module}`")
}
