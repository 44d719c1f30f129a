//! The carried quantities between two calls.

use faer::{Mat, MatMut, MatRef};

use crate::error::KernelError;
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
    ///
    /// # Errors
    /// No memory for so many samples.
    pub fn zeros(lengths: impl Iterator<Item = usize>, batch: usize) -> Result<Self, KernelError> {
        let zeros = |len: usize| {
            let mut values = Mat::new();
            // Room is asked for first, because a matrix that there is no room for ends the program.
            (values.try_reserve(len, batch)).map_err(|_| KernelError::NoMemory {
                what: format!("a state of {batch} samples"),
            })?;
            values.resize_with(len, batch, |_, _| T::default());
            Ok::<_, KernelError>(values)
        };
        Ok(State {
            batch,
            values: lengths.map(zeros).collect::<Result<_, _>>()?,
        })
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

    /// A sample's values of a carried quantity.
    pub(crate) fn column(&self, index: usize, sample: usize) -> &[T] {
        self.values[index].col_as_slice(sample)
    }

    /// The same, to write.
    pub(crate) fn column_mut(&mut self, index: usize, sample: usize) -> &mut [T] {
        self.values[index].col_as_slice_mut(sample)
    }

    /// Sets everything to zero.
    pub fn set_zero(&mut self) {
        for value in &mut self.values {
            value.as_mut().fill(T::default());
        }
    }
}
