//! Tensors that will be a file.

use std::path::Path;

use lstm_kernels::Element;

use crate::error::{Error, Result};
use crate::io::{Metadata, write_tensors};

/// A name, axes with the last one fastest, and the numbers.
pub(super) type NamedTensor<T> = (String, Vec<usize>, Vec<T>);

/// The tensors so far.
#[derive(Debug)]
pub(super) struct Target<T> {
    tensors: Vec<NamedTensor<T>>,
}

impl<T: Element> Target<T> {
    pub fn new() -> Self {
        Self {
            tensors: Vec::new(),
        }
    }

    /// Adds tensors, all or none.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn add(&mut self, tensors: Vec<NamedTensor<T>>) -> Result<()> {
        let is_taken = |name: &str| self.tensors.iter().any(|(other, ..)| other == name);
        match tensors.iter().find(|(name, ..)| is_taken(name)) {
            Some((name, ..)) => Err(Error::DuplicateName { name: name.clone() }),
            None => {
                self.tensors.extend(tensors);
                Ok(())
            }
        }
    }

    /// Writes the file: all of it or nothing.
    pub fn save(&self, path: &Path, metadata: &Metadata) -> Result<()> {
        let tensors: Vec<(&str, &[usize], &[T])> = (self.tensors.iter())
            .map(|(name, shape, values)| (name.as_str(), &shape[..], &values[..]))
            .collect();
        write_tensors(path, &tensors, metadata)
    }
}
