//! What a tape must know of the pass that it recorded, to go back through that one and no other.

use std::any::TypeId;

use lstm_kernels::{Cell, Element, Kernel};

use super::batch::{Batch, Schedule};

/// A forward pass in training: of which batch and how it was cut, through which cell of which sizes.
pub(super) struct Recorded {
    batch: Batch,
    pub schedule: Schedule,
    cell: TypeId,
    sizes: Vec<usize>,
}

impl Recorded {
    /// The pass of such a batch, cut like this, through such a kernel.
    pub fn new<C: Cell, T: Element>(
        kernel: &Kernel<C, T>,
        batch: &Batch,
        schedule: Schedule,
    ) -> Self {
        Self {
            batch: batch.clone(),
            schedule,
            cell: TypeId::of::<C>(),
            sizes: kernel.sizes().to_vec(),
        }
    }

    /// Whether it is a pass of such a batch through such a kernel.
    pub fn is_of<C: Cell, T: Element>(&self, kernel: &Kernel<C, T>, batch: &Batch) -> bool {
        let is_of_cell = self.cell == TypeId::of::<C>() && self.sizes == kernel.sizes();
        is_of_cell && self.batch == *batch
    }
}
