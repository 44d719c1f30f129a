//! The carried quantities between two calls.

use faer::{Mat, MatMut, MatRef};

use crate::rt::Element;

/// One matrix per carried quantity of a cell, in the order of [`CellSpec::carried`](crate::CellSpec::carried): as many
/// rows as the quantity has elements, one column per sample. Also holds gradients with respect to these.
#[derive(Debug, Clone, PartialEq)]
pub struct State<T> {
    batch: usize,
    values: Vec<Mat<T>>,
}

impl<T: Element> State<T> {
    /// Zeros for quantities of these lengths; [`Kernel::zero_state`](crate::Kernel::zero_state) knows those of a cell.
    pub fn zeros(lengths: impl Iterator<Item = usize>, batch: usize) -> Self {
        State {
            batch,
            values: lengths.map(|len| Mat::zeros(len, batch)).collect(),
        }
    }

    /// How many samples there are.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// How many carried quantities there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the cell carries nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A carried quantity.
    ///
    /// # Panics
    /// If there is no such quantity.
    pub fn get(&self, index: usize) -> MatRef<'_, T> {
        self.values[index].as_ref()
    }

    /// A carried quantity, to write.
    ///
    /// # Panics
    /// If there is no such quantity.
    pub fn get_mut(&mut self, index: usize) -> MatMut<'_, T> {
        self.values[index].as_mut()
    }

    /// Sets everything to zero.
    pub fn set_zero(&mut self) {
        for value in &mut self.values {
            value.as_mut().fill(T::default());
        }
    }
}
