//! Memory aligned to cache lines, so that no vector of a panel or of the tape crosses one.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

use pulp::bytemuck::Pod;

use super::pages::{LARGE, LARGE_PAGE, prefer_large_pages};

/// From one line of the cache to the next.
pub(super) const CACHE_LINE: usize = 64;

/// There is no memory for so many numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMemory;

/// A zero-initialised, cache-line aligned buffer.
///
/// It owns its elements through a raw pointer, so that several threads may write disjoint parts of it at a time; see
/// [`Buffer::shared`].
pub struct Buffer<T> {
    elements: NonNull<T>,
    len: usize,
    /// How many elements there is room for.
    capacity: usize,
}

// SAFETY: the buffer owns its elements, which are plain numbers.
unsafe impl<T: Pod + Send> Send for Buffer<T> {}
// SAFETY: a shared buffer hands out slices of numbers, and raw pointers whose users promise not to race.
unsafe impl<T: Pod + Sync> Sync for Buffer<T> {}

impl<T> Buffer<T> {
    /// No elements.
    pub const EMPTY: Self = Buffer {
        elements: NonNull::dangling(),
        len: 0,
        capacity: 0,
    };

    /// Room for `len` elements, with all bits zero.
    fn allocate(len: usize) -> Result<Self, NoMemory> {
        let layout = Self::layout(len)?;
        if layout.size() == 0 {
            return Ok(Self::EMPTY);
        }
        // SAFETY: the layout is not empty.
        let memory = NonNull::new(unsafe { alloc(layout) }).ok_or(NoMemory)?;
        // SAFETY: so many bytes were allocated, and may be left unwritten here.
        prefer_large_pages(unsafe {
            slice::from_raw_parts(memory.as_ptr().cast::<MaybeUninit<u8>>(), layout.size())
        });
        // SAFETY: so many bytes were allocated.
        unsafe { memory.write_bytes(0, layout.size()) };
        Ok(Buffer {
            elements: memory.cast(),
            len,
            capacity: len,
        })
    }

    /// What to allocate.
    fn layout(len: usize) -> Result<Layout, NoMemory> {
        let bytes = len
            .checked_mul(size_of::<T>())
            .and_then(|bytes| bytes.checked_next_multiple_of(CACHE_LINE))
            .ok_or(NoMemory)?;
        let align = match bytes {
            LARGE.. => LARGE_PAGE,
            _ => CACHE_LINE.max(align_of::<T>()),
        };
        Layout::from_size_align(bytes, align).map_err(|_| NoMemory)
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

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        self.capacity * size_of::<T>()
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
    pub fn zeros(len: usize) -> Result<Self, NoMemory> {
        Self::allocate(len)
    }

    /// Changes the length. What the elements are afterwards is left open: those of before, in any order, or zeros.
    /// Allocates only if there is no room; is empty if there is no memory.
    pub fn resize(&mut self, len: usize) -> Result<(), NoMemory> {
        if len > self.capacity {
            *self = Self::EMPTY;
            *self = Self::allocate(len)?;
        }
        self.len = len;
        Ok(())
    }

    /// Sets everything that there is room for: what an earlier use may have left behind.
    #[cfg(test)]
    pub fn soil(&mut self, value: T) {
        let len = std::mem::replace(&mut self.len, self.capacity);
        self.as_mut_slice().fill(value);
        self.len = len;
    }

    /// The elements, to write.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: at least `len` elements were allocated and zeroed, any bits are a number, and the buffer is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.elements.as_ptr(), self.len) }
    }
}

impl<T: Clone> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let Ok(copy) = Self::allocate(self.len) else {
            // A copy is asked for where there is no way to refuse it, as that of a `Vec`.
            handle_alloc_error(Layout::array::<T>(self.len).unwrap_or(Layout::new::<T>()))
        };
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
        if let Ok(layout) = Self::layout(self.capacity)
            && layout.size() > 0
        {
            // SAFETY: `allocate` allocated this memory with this layout.
            unsafe { dealloc(self.elements.as_ptr().cast(), layout) };
        }
    }
}

impl<T> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} elements)", self.len)
    }
}

/// The product of counts that a buffer has room for; the largest number, for which there is no room, if it is larger.
pub fn room<const N: usize>(counts: [usize; N]) -> usize {
    // A factor of zero decides, wherever it stands.
    if counts.contains(&0) {
        return 0;
    }
    counts
        .iter()
        .fold(1, |room, &count| room.saturating_mul(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_allocates_only_to_grow() {
        let mut buffer = Buffer::<f32>::zeros(100).unwrap();
        let place = buffer.as_ptr();
        buffer.as_mut_slice().fill(1.0);
        for len in [10, 0, 100, 37] {
            buffer.resize(len).unwrap();
            assert_eq!((buffer.len(), buffer.bytes()), (len, 400));
            assert_eq!(buffer.as_mut_slice().len(), len);
            assert_eq!(buffer.as_ptr(), place);
        }
        assert_eq!(buffer.clone().bytes(), 37 * 4);
        buffer.resize(101).unwrap();
        assert_eq!((buffer.len(), buffer.bytes()), (101, 404));
        assert!(buffer.as_mut_slice().iter().all(|&element| element == 0.0));
        assert_eq!(Buffer::<f32>::EMPTY.bytes(), 0);
    }

    #[test]
    fn a_large_buffer_begins_with_a_page_and_is_a_buffer_like_others() {
        let mut buffer = Buffer::<f32>::zeros(LARGE / size_of::<f32>() + 1).unwrap();
        assert_eq!(buffer.as_ptr().align_offset(LARGE_PAGE), 0);
        assert!(buffer.as_mut_slice().iter().all(|&element| element == 0.0));
        buffer.as_mut_slice().fill(1.0);
        let mut copy = buffer.clone();
        // Frees the first memory with the alignment that it had.
        buffer.resize(2 * buffer.len()).unwrap();
        assert!(buffer.as_mut_slice().iter().all(|&element| element == 0.0));
        assert!(copy.as_mut_slice().iter().all(|&element| element == 1.0));
    }

    #[test]
    fn too_many_numbers_are_an_error_and_leave_an_empty_buffer() {
        let mut buffer = Buffer::<f64>::zeros(10).unwrap();
        // No machine has the second; the first and the last are no sizes at all.
        for len in [usize::MAX, isize::MAX as usize / 16, usize::MAX / 8 - 1] {
            assert_eq!(buffer.resize(len), Err(NoMemory));
            assert_eq!((buffer.len(), buffer.bytes()), (0, 0));
            assert!(Buffer::<f64>::zeros(len).is_err());
        }
        assert_eq!(buffer.resize(3), Ok(()));
        assert_eq!(buffer.as_mut_slice(), [0.0; 3]);
    }

    #[test]
    fn products_of_counts_stop_at_the_largest_number() {
        assert_eq!(room([2, 3, 4]), 24);
        assert_eq!(room([usize::MAX, 2, 0]), 0);
        assert_eq!(room([usize::MAX, 2]), usize::MAX);
    }
}
