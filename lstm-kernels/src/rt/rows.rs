//! Where vectors lie: in the memory of sweeps and streams, or in a user's matrices.

/// Vectors in memory: one row of registers per value, one place per sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<T> {
    /// The first row of the first sample.
    pub base: *mut T,
    /// From one row to the next.
    pub row: usize,
    /// From one sample to the next; a user's samples may lie in any order.
    pub sample: isize,
}

impl<T> Rows<T> {
    /// No memory at all: for what a pass does not have.
    pub const fn none() -> Self {
        Rows {
            base: std::ptr::null_mut(),
            row: 0,
            sample: 0,
        }
    }

    #[inline(always)]
    pub fn at(&self, sample: usize, row: usize) -> *mut T {
        debug_assert!(
            !self.base.is_null(),
            "the plan uses a record that the sweep did not provide"
        );
        self.base
            .wrapping_add(row * self.row)
            .wrapping_offset(sample as isize * self.sample)
    }
}
