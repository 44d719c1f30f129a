//! Model files in the safetensors format.
//!
//! A file holds the parameters under their dotted names and, as metadata, what is needed to know whether they fit: the
//! cell's name, a hash of its equations, its sizes and the element type. A checksum over all of it tells a damaged file
//! from a sound one. The format lists shapes last axis fastest, so a matrix of rows x columns is listed as
//! `[columns, rows]`: a weight from inputs to units appears elsewhere as an inputs x units array.

mod atomic;
mod file;

use std::collections::BTreeMap;
use std::path::Path;

use lstm_kernels::{Cell, Element};
use serde_json::{Value, json};

pub use atomic::{require_writable, write_atomic};
pub use file::ModelFile;

use crate::error::{Error, Result};
use crate::params::{Name, Parameters};

/// What a file says about its model beside the parameters.
pub type Metadata = BTreeMap<String, String>;

const FORMAT: &str = "lstm-core 1";

/// The metadata that ties a file to a cell: its name, its equations, its sizes and the element type.
pub fn describe_cell<C: Cell, T: Element>(sizes: &[usize]) -> Metadata {
    let named: serde_json::Map<String, Value> = (C::SPEC.sizes.iter().zip(sizes))
        .map(|(size, &value)| (size.name.to_owned(), value.into()))
        .collect();
    Metadata::from([
        ("cell".to_owned(), C::SPEC.name.to_owned()),
        ("equations".to_owned(), C::SPEC.equations.to_owned()),
        ("equations_hash".to_owned(), hex(C::SPEC.equations_hash)),
        ("sizes".to_owned(), Value::from(named).to_string()),
        ("element".to_owned(), T::NAME.to_owned()),
    ])
}

/// Writes a model to `path`: all of it or nothing, see [`write_atomic`].
///
/// # Errors
/// A file that cannot be written; two parameters of one name.
pub fn save<T: Element>(path: &Path, model: &dyn Parameters<T>, metadata: Metadata) -> Result<()> {
    write_atomic(path, &to_bytes(model, metadata)?)
}

/// The bytes of a model file. Equal models give equal bytes.
fn to_bytes<T: Element>(model: &dyn Parameters<T>, mut metadata: Metadata) -> Result<Vec<u8>> {
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    model.visit(Name::ROOT, &mut |name, parameter| {
        let mut bytes = Vec::with_capacity(size_of_val(parameter.values));
        write_numbers(parameter.values, &mut bytes);
        let shape = listed_shape(parameter.rows, parameter.columns);
        match tensors.insert(name.to_string(), (shape, bytes)) {
            None => Ok(()),
            Some(_) => Err(Error::DuplicateName {
                name: name.to_string(),
            }),
        }
    })?;

    metadata.insert("format".to_owned(), FORMAT.to_owned());
    let mut checksum = Checksum::of_metadata(&metadata);
    for (name, (shape, bytes)) in &tensors {
        checksum.add_tensor(name, shape, bytes);
    }
    metadata.insert("checksum".to_owned(), hex(checksum.value()));

    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_owned(), json!(metadata));
    let mut end = 0;
    for (name, (shape, bytes)) in &tensors {
        let start = end;
        end += bytes.len();
        let entry =
            json!({"dtype": listed_type::<T>(), "shape": shape, "data_offsets": [start, end]});
        header.insert(name.clone(), entry);
    }
    let mut header = Value::from(header).to_string().into_bytes();
    // Spaces round the header up to a multiple of 8 bytes, so that the numbers are aligned in the file.
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    tensors.values().for_each(|(_, bytes)| file.extend(bytes));
    Ok(file)
}

/// Appends numbers as the format stores them, least significant byte first. The way through f64 is exact.
fn write_numbers<T: Element>(values: &[T], bytes: &mut Vec<u8>) {
    let values = values.iter().map(|value| value.to_f64());
    match size_of::<T>() {
        4 => bytes.extend(values.flat_map(|value| (value as f32).to_le_bytes())),
        _ => bytes.extend(values.flat_map(f64::to_le_bytes)),
    }
}

/// Reads what [`write_numbers`] wrote; there are as many `bytes` as all `values` take.
fn read_numbers<T: Element>(bytes: &[u8], values: &mut [T]) {
    match size_of::<T>() {
        4 => {
            for (value, &bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = T::from_f64(f32::from_le_bytes(bytes).into());
            }
        }
        _ => {
            for (value, &bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = T::from_f64(f64::from_le_bytes(bytes));
            }
        }
    }
}

/// The shape as the format lists it: last axis fastest, vectors with one axis.
fn listed_shape(rows: usize, columns: usize) -> Vec<usize> {
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

/// FNV-1a over names, shapes, numbers and metadata: it finds accidents, not forgeries.
struct Checksum(u64);

impl Checksum {
    fn of_metadata(metadata: &Metadata) -> Self {
        let mut checksum = Self(0xcbf2_9ce4_8422_2325);
        for (key, value) in metadata.iter().filter(|(key, _)| *key != "checksum") {
            checksum.add_text(key);
            checksum.add_text(value);
        }
        checksum
    }

    fn add_tensor(&mut self, name: &str, shape: &[usize], bytes: &[u8]) {
        self.add_text(name);
        shape
            .iter()
            .for_each(|&axis| self.add(&(axis as u64).to_le_bytes()));
        self.add(bytes);
    }

    /// Text with an end mark that no text contains, so that a shift from one text to the next is seen.
    fn add_text(&mut self, text: &str) {
        self.add(text.as_bytes());
        self.add(&[0xff]);
    }

    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn value(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
