//! Tensors of a file, taken one by one, so that none is overlooked.

use std::collections::BTreeSet;

use lstm_kernels::Element;

use crate::error::{Error, Result};
use crate::io::TensorFile;

/// A file, and which of its tensors have been taken.
#[derive(Debug)]
pub(super) struct Source {
    pub file: TensorFile,
    taken: BTreeSet<String>,
}

impl Source {
    pub fn new(file: TensorFile) -> Self {
        Self {
            file,
            taken: BTreeSet::new(),
        }
    }

    /// The names that start with `prefix`, without it, in alphabetical order.
    pub fn under(&self, prefix: &str) -> Vec<String> {
        let rest = (self.file.names()).filter_map(|name| name.strip_prefix(prefix));
        rest.map(str::to_owned).collect()
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.file.names().any(|other| other == name)
    }

    /// The axes of a tensor.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(self.file.tensor(name)?.shape())
    }

    /// The two axes of a matrix.
    pub fn matrix_shape(&self, name: &str) -> Result<(usize, usize)> {
        match *self.shape(name)? {
            [rows, columns] => Ok((rows, columns)),
            ref other => Err(self.refuse(format!(
                "`{name}` has the shape {other:?}, but a matrix is needed"
            ))),
        }
    }

    /// The numbers of a tensor, which has to have this shape; `why` says what asks for it.
    pub fn take<T: Element>(&mut self, name: &str, shape: &[usize], why: &str) -> Result<Vec<T>> {
        let tensor = self.file.tensor(name)?;
        if tensor.shape() != shape {
            return Err(self.refuse(format!(
                "`{name}` has the shape {:?}, but {why} needs {shape:?}",
                tensor.shape()
            )));
        }
        let values = tensor.to_vec();
        self.taken.insert(name.to_owned());
        Ok(values)
    }

    /// Refuses a file of which something has not been taken.
    pub fn finish(self) -> Result<()> {
        let left: Vec<String> = (self.file.names())
            .filter(|name| !self.taken.contains(*name))
            .map(|name| format!("`{name}`"))
            .collect();
        match left.is_empty() {
            true => Ok(()),
            false => Err(self.refuse(format!("nothing was made of {}", left.join(", ")))),
        }
    }

    pub fn refuse(&self, reason: String) -> Error {
        self.file.mismatch(reason)
    }
}
