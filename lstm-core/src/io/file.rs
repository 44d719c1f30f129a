//! Reading model files, with nothing taken on trust.

use std::path::{Path, PathBuf};

use lstm_kernels::Element;

use crate::error::{Error, Result};
use crate::io::cells::require_cells;
use crate::io::checksum::{self, Checksum};
use crate::io::layouts::require_layouts;
use crate::io::{FORMAT, TensorFile, listed_shape, listed_type};
use crate::params::{Name, Parameters};
use crate::recurrent::INITIAL;

/// A model file in memory: its header understood, its checksum right.
///
/// Memory is taken for the bytes the file has, never for sizes it merely claims.
#[derive(Debug)]
pub struct ModelFile {
    file: TensorFile,
}

impl ModelFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is no model file of this crate, was cut short or was changed.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::of(TensorFile::open(path)?)
    }

    /// As [`open`](Self::open), of bytes that have been read already; `path` is what errors call them.
    ///
    /// # Errors
    /// Bytes that are no model file of this crate, or were changed.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self> {
        Self::of(TensorFile::from_bytes(path, bytes)?)
    }

    fn of(file: TensorFile) -> Result<Self> {
        require_sealed(&file, FORMAT)?;
        Ok(Self { file })
    }

    /// The path it was read from.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The tensors of the file, one for each parameter.
    pub fn tensors(&self) -> &TensorFile {
        &self.file
    }

    /// An entry of the metadata.
    ///
    /// # Errors
    /// A file without this entry.
    pub fn metadata(&self, key: &str) -> Result<&str> {
        match self.file.metadata().get(key) {
            Some(value) => Ok(value),
            None => Err(self.mismatch(format!("its metadata has no entry `{key}`"))),
        }
    }

    /// Rows and columns of a parameter in the file.
    ///
    /// # Errors
    /// A file without this parameter, or one of more than two axes.
    pub fn shape(&self, name: &str) -> Result<(usize, usize)> {
        match *self.file.tensor(name)?.shape() {
            [rows] => Ok((rows, 1)),
            [columns, rows] => Ok((rows, columns)),
            _ => Err(self.mismatch(format!(
                "its parameter `{name}` is neither a vector nor a matrix"
            ))),
        }
    }

    /// Refuses a file in which a parameter has other rows and columns than `by`, a plural, need. So memory is taken only for
    /// what fits.
    ///
    /// # Errors
    /// As [`shape`](Self::shape), and another shape.
    pub fn require_shape(&self, name: &str, needed: (usize, usize), by: &str) -> Result<()> {
        let ((found_rows, found_columns), (rows, columns)) = (self.shape(name)?, needed);
        match (found_rows, found_columns) == needed {
            true => Ok(()),
            false => Err(self.mismatch(format!(
                "its `{name}` is {found_rows} x {found_columns}, but {by} need {rows} x {columns}"
            ))),
        }
    }

    /// Fills all parameters of `model`, whose cells must be those the file was written for.
    ///
    /// # Errors
    /// Other cells, cells of other equations or sizes; other [layouts](Parameters::visit_layouts); a parameter that is missing,
    /// left over, or of another shape or element type. Nothing is changed then.
    pub fn load_into<T: Element>(&self, model: &mut dyn Parameters<T>) -> Result<()> {
        load_parameters(&self.file, "", model)
    }

    /// The error that this file holds something else than what is needed.
    pub fn mismatch(&self, reason: String) -> Error {
        self.file.mismatch(reason)
    }
}

/// Refuses a file that is not of this `format` or was changed since it was written.
pub(crate) fn require_sealed(file: &TensorFile, format: &str) -> Result<()> {
    match file.metadata().get("format") {
        Some(found) if found == format => {}
        Some(found) => return Err(other_format(file, found, format)),
        None => {
            return Err(file.damaged(format!(
                "its metadata lacks the mark `{format}` of this library"
            )));
        }
    }
    let mut checksum = Checksum::of_metadata(file.metadata());
    for (name, dtype, shape, bytes) in file.tensors() {
        checksum.add_tensor(name, dtype, shape, bytes);
    }
    match file.metadata().get(checksum::KEY) {
        Some(found) if *found == checksum.hex() => Ok(()),
        _ => Err(file
            .damaged("its checksum is wrong, so it was changed after it was written".to_owned())),
    }
}

/// The error that a file has a format other than the one that is needed. What this library wrote is not damaged.
fn other_format(file: &TensorFile, found: &str, needed: &str) -> Error {
    let kind = |format: &str| format.rsplit_once(' ').map(|(kind, _)| kind.to_owned());
    let reason = format!("its format is `{found}`, but `{needed}` is needed");
    match kind(found).as_deref() {
        found if found == kind(needed).as_deref() => file.mismatch(format!(
            "{reason}; read it with the version of this library that wrote it"
        )),
        Some("lstm-core") => file.mismatch(format!(
            "{reason}; it is a model, so read it as one, with `ModelFile`"
        )),
        Some("lstm-core checkpoint") => file.mismatch(format!(
            "{reason}; it is a checkpoint of a training run, so read it as one, with `CheckpointFile`"
        )),
        _ => file.damaged(reason),
    }
}

/// Fills all parameters of `model` from the tensors whose names start with `prefix`; nothing is changed on an error.
pub(crate) fn load_parameters<T: Element>(
    file: &TensorFile,
    prefix: &str,
    model: &mut dyn Parameters<T>,
) -> Result<()> {
    require_cells(file, model)?;
    require_layouts(file, model)?;
    let mut names = Vec::new();
    model.visit(Name::ROOT, &mut |name, parameter| {
        let full = format!("{prefix}{name}");
        require_tensor::<T>(
            file,
            &full,
            &format!("parameter `{name}`"),
            &listed_shape(parameter.rows, parameter.columns),
        )?;
        names.push(full);
        Ok(())
    })?;
    names.sort_unstable();
    let extra = (file.names())
        .filter_map(|name| Some((name, name.strip_prefix(prefix)?)))
        .find(|(name, _)| {
            names
                .binary_search_by(|known| known.as_str().cmp(name))
                .is_err()
        });
    if let Some((_, extra)) = extra {
        let remedy = match extra.split('.').any(|part| part == INITIAL) {
            true => "; a layer with a trained initial state is made by `with_trained_state`",
            false => "",
        };
        return Err(file.mismatch(format!(
            "its parameter `{extra}` is unknown to the model{remedy}"
        )));
    }
    model.visit_mut(Name::ROOT, &mut |name, parameter| {
        file.tensor(&format!("{prefix}{name}"))?
            .copy_to(parameter.values)
    })
}

/// Refuses a tensor, called `what` in the message, that is missing or of another shape or element type.
pub(crate) fn require_tensor<T: Element>(
    file: &TensorFile,
    name: &str,
    what: &str,
    shape: &[usize],
) -> Result<()> {
    if !file.contains(name) {
        return Err(file.mismatch(format!("it has no {what}")));
    }
    let tensor = file.tensor(name)?;
    let (found, element) = (tensor.dtype().to_string(), listed_type::<T>());
    if found == element && tensor.shape() == shape {
        return Ok(());
    }
    Err(file.mismatch(format!(
        "its {what} is {found} {:?}, but {element} {shape:?} is needed",
        tensor.shape()
    )))
}
