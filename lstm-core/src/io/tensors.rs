//! Named tensors in safetensors files, whoever wrote them.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use lstm_kernels::Element;

use crate::error::{Error, Result, require_len};
use crate::io::Metadata;
use crate::io::header::{Header, Tensor};
use crate::io::numbers::{from_bf16, from_f16, read_numbers};

/// The element types that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE 754 binary16.
    F16,
    /// The upper half of an `f32`.
    Bf16,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
}

impl Dtype {
    /// The type that the format calls `name`, if it is one of these.
    fn of(name: &str) -> Option<Self> {
        match name {
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::Bf16),
            "F32" => Some(Self::F32),
            "F64" => Some(Self::F64),
            _ => None,
        }
    }

    /// The bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::F32 => "F32",
            Self::F64 => "F64",
        })
    }
}

/// Any safetensors file in memory, its header understood: every name is unique, every tensor lies inside the file, takes
/// the bytes its shape needs, and shares them with no other.
///
/// Memory is taken for the bytes the file has, never for sizes it merely claims. What the tensors mean is for the
/// caller to say; [`ModelFile`](crate::io::ModelFile) reads those that this crate wrote.
///
/// ```
/// use lstm_core::io::{Metadata, TensorFile, write_tensors};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// let path = std::env::temp_dir().join(format!("tensors-{}.safetensors", std::process::id()));
/// write_tensors::<f32>(&path, &[("weight", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])], &Metadata::new())?;
/// let file = TensorFile::open(&path)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["weight"]);
/// let weight = file.tensor("weight")?;
/// assert_eq!(weight.shape(), [2, 3]);
/// assert_eq!(weight.to_vec::<f64>(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok(())
/// # }
/// ```
pub struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
    header: Header,
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorFile")
            .field("path", &self.path)
            .field("names", &self.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// One tensor of a [`TensorFile`].
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    dtype: Dtype,
    shape: &'a [usize],
    bytes: &'a [u8],
}

impl TensorFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, is no safetensors file, or was cut short.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match read_file(&path) {
            Ok(bytes) => Self::from_bytes(path, bytes),
            Err(source) => Err(Error::Io {
                action: "read",
                path,
                source,
            }),
        }
    }

    /// As [`open`](Self::open), of bytes that have been read already; `path` is what errors call them.
    ///
    /// # Errors
    /// Bytes that are no safetensors file.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self> {
        let path = path.into();
        let header = match bytes.is_empty() {
            true => Err("it is empty".to_owned()),
            false => Header::parse(&bytes),
        };
        match header {
            Ok(header) => Ok(Self {
                path,
                bytes,
                header,
            }),
            Err(reason) => Err(Error::Damaged { path, reason }),
        }
    }

    /// The path it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of the file in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The free texts of the file.
    pub fn metadata(&self) -> &Metadata {
        &self.header.metadata
    }

    /// The names of all tensors, in alphabetical order, whatever their types.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.header.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.header.tensors.contains_key(name)
    }

    /// A tensor.
    ///
    /// # Errors
    /// A name that no tensor has, or an element type other than those of [`Dtype`].
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>> {
        let Some(tensor) = self.header.tensors.get(name) else {
            return Err(self.mismatch(format!("it has no tensor `{name}`")));
        };
        let Some(dtype) = Dtype::of(&tensor.dtype) else {
            return Err(self.mismatch(format!(
                "its tensor `{name}` is of type {}; F16, BF16, F32 and F64 can be read",
                tensor.dtype
            )));
        };
        Ok(TensorView {
            dtype,
            shape: &tensor.shape,
            bytes: self.bytes_of(tensor),
        })
    }

    /// The error that this file, though sound, is not what is needed.
    pub fn mismatch(&self, reason: String) -> Error {
        Error::Mismatch {
            path: self.path.clone(),
            reason,
        }
    }

    /// The error that this file is not sound.
    pub(super) fn damaged(&self, reason: String) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            reason,
        }
    }

    /// Name, type, shape and bytes of every tensor, in order of the names.
    pub(super) fn tensors(&self) -> impl Iterator<Item = (&str, &str, &[usize], &[u8])> {
        self.header.tensors.iter().map(|(name, tensor)| {
            let (dtype, shape) = (tensor.dtype.as_str(), &tensor.shape[..]);
            (name.as_str(), dtype, shape, self.bytes_of(tensor))
        })
    }

    /// The header was accepted only with ranges inside the file.
    fn bytes_of(&self, tensor: &Tensor) -> &[u8] {
        &self.bytes[tensor.bytes.clone()]
    }
}

impl<'a> TensorView<'a> {
    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The axes, the last one fastest; empty for a single number.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The numbers as the file has them, least significant byte first.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether an axis has no length.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The numbers, the last axis fastest, each as the nearest value of `T`.
    pub fn to_vec<T: Element>(&self) -> Vec<T> {
        let mut values = vec![T::from_f64(0.0); self.len()];
        self.read(&mut values);
        values
    }

    /// As [`to_vec`](Self::to_vec), into `values`.
    ///
    /// # Errors
    /// Another length than that of the tensor.
    pub fn copy_to<T: Element>(&self, values: &mut [T]) -> Result<()> {
        require_len("the slice for a tensor", self.len(), values.len())?;
        self.read(values);
        Ok(())
    }

    fn read<T: Element>(&self, values: &mut [T]) {
        match self.dtype {
            Dtype::F16 => read_numbers(self.bytes, values, from_f16),
            Dtype::Bf16 => read_numbers(self.bytes, values, from_bf16),
            Dtype::F32 => {
                read_numbers(self.bytes, values, |bytes| f32::from_le_bytes(bytes).into())
            }
            Dtype::F64 => read_numbers(self.bytes, values, f64::from_le_bytes),
        }
    }
}

/// The bytes of a regular file; a device or a pipe could go on for ever.
pub(crate) fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let len = fs::metadata(path).and_then(|found| match found.is_file() {
        true => Ok(found.len()),
        false => Err(std::io::Error::other("it is not a regular file")),
    })?;
    let mut bytes = Vec::new();
    // The right room at once: growing by doubling would take up to three times as much on the way.
    usize::try_from(len)
        .ok()
        .and_then(|len| bytes.try_reserve_exact(len).ok())
        .ok_or(std::io::ErrorKind::OutOfMemory)?;
    File::open(path)?.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}
