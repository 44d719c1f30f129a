//! Model files in the safetensors format.
//!
//! A file holds the parameters under their dotted names and, as metadata, what is needed to know whether they fit: for
//! each cell of the model its name, a hash of its equations and its sizes. A checksum over all of it tells a damaged file
//! from a sound one. The format lists shapes last axis fastest, so a matrix of rows x columns is listed as
//! `[columns, rows]`: a weight from inputs to units appears elsewhere as an inputs x units array.
//!
//! | what | by |
//! |---|---|
//! | a model | [`save`], [`ModelFile`] |
//! | any named tensors, from other programs and for them | [`write_tensors`], [`TensorFile`] |
//! | a training run, to go on with it | [`checkpoint`](crate::checkpoint) |
//! | any bytes, all or nothing | [`write_atomic`], [`require_writable`] |
//!
//! # A model of several layers
//! Whatever implements [`Parameters`] can be saved. It is refused by [`ModelFile::load_into`] if one of its cells is not
//! the one the file was written for.
//!
//! ```
//! use lstm_core::cells::{GruResetAfter, Lstm};
//! use lstm_core::io::{self, Metadata, ModelFile};
//! use lstm_core::params::{Name, Parameters, Visit, VisitCells, VisitMut};
//! use lstm_core::{Cell, Recurrent, Result, Rng};
//!
//! struct Two<C: Cell>(Recurrent<Lstm, f32>, Recurrent<C, f32>);
//!
//! impl<C: Cell> Parameters<f32> for Two<C> {
//!     fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, f32>) -> Result<()> {
//!         self.0.visit(name.child("lower"), visit)?;
//!         self.1.visit(name.child("upper"), visit)
//!     }
//!     fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, f32>) -> Result<()> {
//!         self.0.visit_mut(name.child("lower"), visit)?;
//!         self.1.visit_mut(name.child("upper"), visit)
//!     }
//!     fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
//!         self.0.visit_cells(name.child("lower"), visit);
//!         self.1.visit_cells(name.child("upper"), visit);
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let mut rng = Rng::new(1);
//! let path = std::env::temp_dir().join(format!("two-{}.safetensors", std::process::id()));
//! let below = Recurrent::new(&[3, 4], &mut rng)?;
//! let mut model = Two(below, Recurrent::<Lstm, _>::new(&[4, 4], &mut rng)?);
//! io::save(&path, &model, Metadata::new())?;
//! ModelFile::open(&path)?.load_into(&mut model)?;
//!
//! let below = Recurrent::new(&[3, 4], &mut rng)?;
//! let mut other = Two(below, Recurrent::<GruResetAfter, _>::new(&[4, 4], &mut rng)?);
//! let refusal = ModelFile::open(&path)?.load_into(&mut other).unwrap_err().to_string();
//! assert!(refusal.contains("its cell `upper` is `Lstm`, not `GruResetAfter`"));
//! # std::fs::remove_file(path).unwrap();
//! # Ok(())
//! # }
//! ```

mod atomic;
mod cells;
mod checksum;
mod file;
mod folder;
mod header;
mod layouts;
mod links;
mod numbers;
mod tensors;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;

use lstm_kernels::Element;

pub use atomic::{require_writable, write_atomic};
pub use cells::describe_cell;
pub use file::ModelFile;
pub use links::behind_links;
pub use tensors::{Dtype, TensorFile, TensorView};
pub use writer::write_tensors;

pub(crate) use atomic::remove_leftovers;
pub(crate) use file::{load_parameters, require_sealed, require_tensor};
pub(crate) use folder::make_folder;
#[cfg(feature = "onnx")]
pub(crate) use numbers::{from_bf16, from_f16, write_numbers};
#[cfg(feature = "onnx")]
pub(crate) use tensors::read_file;
pub(crate) use writer::Contents;

use crate::error::{Error, Result};
use crate::params::{Name, Parameters};

/// What a file says about its model beside the parameters.
pub type Metadata = BTreeMap<String, String>;

const FORMAT: &str = "lstm-core 2";

/// What metadata says of every model.
const RESERVED: [&str; 4] = [cells::KEY, layouts::KEY, writer::FORMAT_KEY, checksum::KEY];

/// Writes a model to `path`: all of it or nothing, see [`write_atomic`]. What cells it is made of is added to the
/// metadata, under the key `cells`, as are a `format`, a `checksum` and, under `layouts`, in what order numbers lie where
/// shapes do not say it, as the words of [`ClassSoftmax`](crate::ClassSoftmax).
///
/// # Errors
/// A file that cannot be written; two parameters of one name; metadata under one of these keys.
pub fn save<T: Element>(path: &Path, model: &dyn Parameters<T>, metadata: Metadata) -> Result<()> {
    let (contents, metadata) = contents(model, metadata)?;
    contents.write(path, &metadata)
}

fn contents<T: Element>(
    model: &dyn Parameters<T>,
    mut metadata: Metadata,
) -> Result<(Contents, Metadata)> {
    if let Some(&name) = RESERVED.iter().find(|&&key| metadata.contains_key(key)) {
        return Err(Error::DuplicateName {
            name: name.to_owned(),
        });
    }
    let mut contents = Contents::new::<T>();
    add_parameters(&mut contents, "", model)?;
    describe(model, &mut metadata);
    contents.seal(FORMAT, &mut metadata);
    Ok((contents, metadata))
}

/// Adds to `metadata` what a model must have in common with `model`, beside names and shapes, to be given its parameters.
pub(crate) fn describe<T>(model: &dyn Parameters<T>, metadata: &mut Metadata) {
    cells::describe_cells(model, metadata);
    layouts::describe_layouts(model, metadata);
}

/// Adds all parameters of `model` under their names after `prefix`.
pub(crate) fn add_parameters<T: Element>(
    contents: &mut Contents,
    prefix: &str,
    model: &dyn Parameters<T>,
) -> Result<()> {
    model.visit(Name::ROOT, &mut |name, parameter| {
        let shape = listed_shape(parameter.rows, parameter.columns);
        contents.add(format!("{prefix}{name}"), shape, parameter.values)
    })
}

/// The shape as the format lists it: last axis fastest, vectors with one axis.
pub(crate) fn listed_shape(rows: usize, columns: usize) -> Vec<usize> {
    match columns {
        1 => vec![rows],
        _ => vec![columns, rows],
    }
}

/// The element type as the format names it.
fn listed_type<T: Element>() -> String {
    T::NAME.to_ascii_uppercase()
}

fn hex(value: u64) -> String {
    format!("{value:016x}")
}

#[cfg(test)]
pub(crate) mod tests;
