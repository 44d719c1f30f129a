//! Reading model files, with nothing taken on trust.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use lstm_kernels::{Cell, Element};
use safetensors::SafeTensors;

use crate::error::{Error, Result};
use crate::io::{Checksum, FORMAT, Metadata, hex, listed_shape, listed_type, read_numbers};
use crate::params::{Name, Parameters, checked_params_len};

/// A model file in memory: its header understood, its checksum right.
///
/// Memory is taken for the bytes the file has, never for sizes it merely claims.
pub struct ModelFile {
    path: PathBuf,
    bytes: Vec<u8>,
    metadata: Metadata,
    tensors: BTreeMap<String, Tensor>,
}

/// Where a tensor lies and what the header says of it.
struct Tensor {
    element: String,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

impl ModelFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is no model file of this crate, was cut short or was changed.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match read(&path) {
            Ok(bytes) => Self::from_bytes(path, bytes),
            Err(source) => Err(Error::Io {
                action: "read",
                path,
                source,
            }),
        }
    }

    pub(crate) fn from_bytes(path: PathBuf, bytes: Vec<u8>) -> Result<Self> {
        let damaged = |reason: String| Error::Damaged {
            path: path.clone(),
            reason,
        };
        if bytes.is_empty() {
            return Err(damaged("it is empty".to_owned()));
        }
        let (header_len, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| damaged(format!("its safetensors header is wrong ({error})")))?;
        let metadata: Metadata = header
            .metadata()
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect();
        // The numbers start after the header and the eight bytes of its length.
        let start = 8 + header_len;
        let tensors: BTreeMap<String, Tensor> = (header.tensors().into_iter())
            .map(|(name, info)| {
                let (from, to) = info.data_offsets;
                let tensor = Tensor {
                    element: format!("{:?}", info.dtype),
                    shape: info.shape.clone(),
                    bytes: start + from..start + to,
                };
                (name, tensor)
            })
            .collect();

        match metadata.get("format").map(String::as_str) {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(damaged(format!(
                    "its format is `{other}`, this program reads `{FORMAT}`"
                )));
            }
            None => {
                return Err(damaged(format!(
                    "its metadata lacks the mark `{FORMAT}` of this library"
                )));
            }
        }
        let mut checksum = Checksum::of_metadata(&metadata);
        for (name, tensor) in &tensors {
            checksum.add_tensor(name, &tensor.shape, &bytes[tensor.bytes.clone()]);
        }
        if metadata.get("checksum") != Some(&hex(checksum.value())) {
            return Err(damaged(
                "its checksum is wrong, so it was changed after it was written".to_owned(),
            ));
        }
        Ok(Self {
            path,
            bytes,
            metadata,
            tensors,
        })
    }

    /// The path it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An entry of the metadata.
    ///
    /// # Errors
    /// A file without this entry.
    pub fn metadata(&self, key: &str) -> Result<&str> {
        match self.metadata.get(key) {
            Some(value) => Ok(value),
            None => Err(self.mismatch(format!("its metadata has no entry `{key}`"))),
        }
    }

    /// Checks that the file was written for cell `C` with elements `T`, and returns the cell's sizes, which are checked
    /// to be no larger than the parameters in the file allow.
    ///
    /// # Errors
    /// Another cell, a cell of the same name but other equations, another element type, impossible sizes.
    pub fn require_cell<C: Cell, T: Element>(&self) -> Result<Vec<usize>> {
        let spec = &C::SPEC;
        let hash = hex(spec.equations_hash);
        for (key, wanted) in [
            ("cell", spec.name),
            ("element", T::NAME),
            ("equations_hash", &hash),
        ] {
            let found = self.metadata(key)?;
            if found != wanted {
                let hint = match key {
                    "equations_hash" => {
                        ": the cell has the same name, but its equations have changed"
                    }
                    _ => "",
                };
                return Err(self.mismatch(format!("its {key} is `{found}`, not `{wanted}`{hint}")));
            }
        }
        let listed = self.metadata("sizes")?;
        let unusable = || {
            self.mismatch(format!(
                "its sizes `{listed}` are not those of cell {}",
                spec.name
            ))
        };
        let named: BTreeMap<String, usize> =
            serde_json::from_str(listed).map_err(|_| unusable())?;
        let sizes: Option<Vec<usize>> = spec
            .sizes
            .iter()
            .map(|size| named.get(size.name).copied())
            .collect();
        let sizes = sizes
            .filter(|_| named.len() == spec.sizes.len())
            .ok_or_else(unusable)?;
        let present = self.bytes.len() / size_of::<T>();
        match checked_params_len(spec, &sizes) {
            Some(needed) if needed <= present => Ok(sizes),
            _ => Err(self.mismatch(format!(
                "its sizes `{listed}` need more numbers than the {present} it has room for at most"
            ))),
        }
    }

    /// Rows and columns of a parameter in the file.
    ///
    /// # Errors
    /// A file without this parameter, or one of more than two axes.
    pub fn shape(&self, name: &str) -> Result<(usize, usize)> {
        match self.tensors.get(name).map(|tensor| &tensor.shape[..]) {
            Some(&[rows]) => Ok((rows, 1)),
            Some(&[columns, rows]) => Ok((rows, columns)),
            Some(_) => Err(self.mismatch(format!(
                "its parameter `{name}` is neither a vector nor a matrix"
            ))),
            None => Err(self.mismatch(format!("it has no parameter `{name}`"))),
        }
    }

    /// Fills all parameters of `model`.
    ///
    /// # Errors
    /// A parameter that is missing, left over, or of another shape or element type. Nothing is changed then.
    pub fn load_into<T: Element>(&self, model: &mut dyn Parameters<T>) -> Result<()> {
        let mut names = Vec::new();
        model.visit(Name::ROOT, &mut |name, parameter| {
            let name = name.to_string();
            let tensor = self.tensor(&name)?;
            let (element, shape) = (
                listed_type::<T>(),
                listed_shape(parameter.rows, parameter.columns),
            );
            if tensor.element != element || tensor.shape != shape {
                return Err(self.mismatch(format!(
                    "its parameter `{name}` is {} {:?}, but the model needs {element} {shape:?}",
                    tensor.element, tensor.shape
                )));
            }
            names.push(name);
            Ok(())
        })?;
        names.sort_unstable();
        if let Some(extra) = self
            .tensors
            .keys()
            .find(|name| names.binary_search(name).is_err())
        {
            return Err(self.mismatch(format!("its parameter `{extra}` is unknown to the model")));
        }
        model.visit_mut(Name::ROOT, &mut |name, parameter| {
            let tensor = self.tensor(&name.to_string())?;
            read_numbers(&self.bytes[tensor.bytes.clone()], parameter.values);
            Ok(())
        })
    }

    /// The error that this file holds something else than what is needed.
    pub fn mismatch(&self, reason: String) -> Error {
        Error::Mismatch {
            path: self.path.clone(),
            reason,
        }
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        match self.tensors.get(name) {
            Some(tensor) => Ok(tensor),
            None => Err(self.mismatch(format!("it has no parameter `{name}`"))),
        }
    }
}

/// The bytes of a regular file; a device or a pipe could go on for ever.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let len = fs::metadata(path).and_then(|found| match found.is_file() {
        true => Ok(found.len()),
        false => Err(std::io::Error::other("it is not a regular file")),
    })?;
    let mut bytes = Vec::new();
    File::open(path)?.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}
