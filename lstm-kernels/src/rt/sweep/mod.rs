//! Sweeps: forward and backward through a sequence, step by step, pass by pass, tile by tile.

mod ahead;
mod backward;
mod forward;
mod gradients;
mod input_gradient;
mod outer;
mod products;
mod share;

pub(crate) use ahead::ahead_len;
pub(crate) use backward::Backward;
pub(crate) use forward::Forward;
pub(crate) use gradients::Gradients;
pub(crate) use outer::OuterScratch;
pub(crate) use share::{Shares, part};

use share::{Share, Tile};

use super::context::Rows;
use super::layout::Layout;

/// A user's matrix: its first element, and from column to column. Rows are contiguous.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserMatrix<T> {
    pub base: *mut T,
    pub column: usize,
}

// SAFETY: threads read a user's matrix together, or write columns and rows that no other thread has; see `Share`.
unsafe impl<T: Send> Send for UserMatrix<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for UserMatrix<T> {}

impl<T> UserMatrix<T> {
    /// The rows of a group of units, of the samples from a column on.
    #[inline(always)]
    fn rows(&self, layout: &Layout, lead: usize, group: usize, column: usize) -> Rows<T> {
        if self.base.is_null() {
            return Rows::none();
        }
        let place = column * self.column + group * layout.lanes;
        Rows {
            base: self.base.wrapping_add(place),
            row: layout.leads[lead].units,
            sample: self.column,
        }
    }
}
