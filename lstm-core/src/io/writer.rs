//! Writing named tensors.

use std::collections::BTreeMap;
use std::path::Path;

use lstm_kernels::Element;
use serde_json::{Value, json};

use crate::error::{Error, Result, require_len};
use crate::io::atomic::write_parts;
use crate::io::checksum::{self, Checksum};
use crate::io::numbers::write_numbers;
use crate::io::{Metadata, listed_type};

/// Writes named tensors to a safetensors file: all of it or nothing, see [`write_atomic`](crate::io::write_atomic).
///
/// Each is its name, its axes, the last one fastest, and its numbers. The file says of them what it is told and no more:
/// it has no checksum, and other programs read it as their own.
///
/// # Errors
/// A file that cannot be written; two tensors of one name; numbers that are not as many as the axes say.
pub fn write_tensors<T: Element>(
    path: &Path,
    tensors: &[(&str, &[usize], &[T])],
    metadata: &Metadata,
) -> Result<()> {
    let mut contents = Contents::new::<T>();
    for &(name, shape, values) in tensors {
        contents.add(name.to_owned(), shape.to_vec(), values)?;
    }
    contents.write(path, metadata)
}

/// The key of the format in the metadata.
pub(super) const FORMAT_KEY: &str = "format";

/// Tensors that will be a file, in order of their names.
pub(crate) struct Contents {
    dtype: String,
    tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

impl Contents {
    pub fn new<T: Element>() -> Self {
        Self {
            dtype: listed_type::<T>(),
            tensors: BTreeMap::new(),
        }
    }

    /// Adds numbers of the type that [`new`](Self::new) was told.
    pub fn add<T: Element>(&mut self, name: String, shape: Vec<usize>, values: &[T]) -> Result<()> {
        let len = (shape.iter()).try_fold(1usize, |len, &axis| len.checked_mul(axis));
        require_len(
            "the numbers of a tensor",
            len.unwrap_or(usize::MAX),
            values.len(),
        )?;
        // The name of the metadata in the header can be no tensor's.
        if name == METADATA || self.tensors.contains_key(&name) {
            return Err(Error::DuplicateName { name });
        }
        let mut bytes = Vec::with_capacity(size_of_val(values));
        write_numbers(values, &mut bytes);
        self.tensors.insert(name, (shape, bytes));
        Ok(())
    }

    /// Adds format and checksum to metadata.
    pub fn seal(&self, format: &str, metadata: &mut Metadata) {
        metadata.insert(FORMAT_KEY.to_owned(), format.to_owned());
        let mut checksum = Checksum::of_metadata(metadata);
        for (name, (shape, bytes)) in &self.tensors {
            checksum.add_tensor(name, &self.dtype, shape, bytes);
        }
        metadata.insert(checksum::KEY.to_owned(), checksum.hex());
    }

    /// Writes the file, all of it or nothing.
    pub fn write(&self, path: &Path, metadata: &Metadata) -> Result<()> {
        let head = self.head(metadata);
        let parts: Vec<&[u8]> = self.parts(&head).collect();
        write_parts(path, &parts)
    }

    /// The bytes of the file. Equal contents give equal bytes.
    #[cfg(test)]
    pub fn to_bytes(&self, metadata: &Metadata) -> Vec<u8> {
        let head = self.head(metadata);
        self.parts(&head).collect::<Vec<_>>().concat()
    }

    fn parts<'a>(&'a self, head: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(head).chain(self.tensors.values().map(|(_, bytes)| &bytes[..]))
    }

    /// What comes before the numbers: the header and its length.
    fn head(&self, metadata: &Metadata) -> Vec<u8> {
        let mut header = serde_json::Map::new();
        if !metadata.is_empty() {
            header.insert(METADATA.to_owned(), json!(metadata));
        }
        let mut end = 0;
        for (name, (shape, bytes)) in &self.tensors {
            let start = end;
            end += bytes.len();
            let entry = json!({"dtype": self.dtype, "shape": shape, "data_offsets": [start, end]});
            header.insert(name.clone(), entry);
        }
        let mut header = Value::from(header).to_string().into_bytes();
        // Spaces round the header up to a multiple of 8 bytes, so that the numbers are aligned in the file.
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut head = (header.len() as u64).to_le_bytes().to_vec();
        head.extend(header);
        head
    }
}

/// What the format calls the metadata among the tensors.
const METADATA: &str = "__metadata__";
