//! Memory aligned to cache lines, so that no vector of a panel or of the tape crosses one.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use pulp::bytemuck::Pod;

/// From one line of the cache to the next.
const LINE: usize = 64;

/// A zero-initialised, cache-line aligned buffer.
///
/// It owns its elements through a raw pointer, so that several threads may write disjoint parts of it at a time; see
/// [`Buffer::shared`].
pub struct Buffer<T> {
    elements: NonNull<T>,
    len: usize,
}

// SAFETY: the buffer owns its elements, which are plain numbers.
unsafe impl<T: Pod + Send> Send for Buffer<T> {}
// SAFETY: a shared buffer hands out slices of numbers, and raw pointers whose users promise not to race.
unsafe impl<T: Pod + Sync> Sync for Buffer<T> {}

impl<T> Buffer<T> {
    /// Room for `len` elements, with all bits zero.
    fn allocate(len: usize) -> Self {
        let Some(layout) = Self::layout(len) else {
            return Buffer {
                elements: NonNull::dangling(),
                len: 0,
            };
        };
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(elements) = NonNull::new(memory.cast()) else {
            handle_alloc_error(layout)
        };
        Buffer { elements, len }
    }

    /// What to allocate; nothing for an empty buffer.
    fn layout(len: usize) -> Option<Layout> {
        let bytes = len
            .checked_mul(size_of::<T>())
            .and_then(|bytes| bytes.checked_next_multiple_of(LINE))
            .unwrap_or(usize::MAX);
        let layout = Layout::from_size_align(bytes, LINE.max(align_of::<T>()));
        (bytes > 0).then(|| layout.expect("a buffer fits into the address space"))
    }

    /// Where the elements are, to read.
    #[inline(always)]
    pub fn as_ptr(&self) -> *const T {
        self.elements.as_ptr()
    }

    /// Where the elements are, to write from several threads. Whoever writes must see to it that nobody else reads or
    /// writes the same element at the time.
    #[inline(always)]
    pub fn shared(&self) -> *mut T {
        self.elements.as_ptr()
    }

    /// How many elements there are.
    #[allow(clippy::len_without_is_empty, reason = "only sizes are compared")]
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }
}

impl<T: Pod> Buffer<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self::allocate(len)
    }

    /// The elements, to write.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: `len` elements were allocated and zeroed, any bits are a number, and the buffer is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.elements.as_ptr(), self.len) }
    }
}

impl<T: Clone> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let copy = Self::allocate(self.len);
        for index in 0..self.len {
            // SAFETY: both buffers have `len` elements, all of them initialised in this one.
            unsafe {
                copy.shared()
                    .add(index)
                    .write((*self.as_ptr().add(index)).clone())
            };
        }
        copy
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        let bytes = (self.len * size_of::<T>()).next_multiple_of(LINE);
        if bytes > 0 {
            // SAFETY: `zeros` allocated this memory with this size and alignment, or nothing for no elements.
            unsafe {
                let layout = Layout::from_size_align_unchecked(bytes, LINE.max(align_of::<T>()));
                dealloc(self.elements.as_ptr().cast(), layout);
            }
        }
    }
}

impl<T> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} elements)", self.len)
    }
}
