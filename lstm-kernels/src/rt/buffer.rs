//! Memory aligned to cache lines, so that no vector of a panel or of the tape crosses one.

use pulp::bytemuck::{self, Pod, Zeroable};

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

// SAFETY: `Line` is a plain array of bytes with larger alignment and no padding: 64 bytes, aligned to 64.
unsafe impl Zeroable for Line {}
// SAFETY: as above; every bit pattern is valid.
unsafe impl Pod for Line {}

/// A zero-initialised, cache-line aligned buffer.
#[derive(Clone)]
pub struct Buffer<T> {
    lines: Vec<Line>,
    len: usize,
    element: std::marker::PhantomData<T>,
}

impl<T: Pod> Buffer<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let lines = vec![Line([0; 64]); (len * size_of::<T>()).div_ceil(64)];
        Buffer {
            lines,
            len,
            element: std::marker::PhantomData,
        }
    }

    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    /// The elements, to write.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }

    /// Where the elements are.
    pub fn as_ptr(&self) -> *const T {
        self.lines.as_ptr().cast()
    }

    /// Where the elements are, to write.
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.lines.as_mut_ptr().cast()
    }

    /// How many elements there are.
    #[allow(clippy::len_without_is_empty, reason = "only sizes are compared")]
    pub fn len(&self) -> usize {
        self.len
    }
}

impl<T> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} elements)", self.len)
    }
}
