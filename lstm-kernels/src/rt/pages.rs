//! Large pages for large memory.
//!
//! A processor finds what lies on few pages faster, most of all on a virtual machine, where every page is looked up twice.

use std::mem::MaybeUninit;

/// From one large page to the next.
pub(super) const LARGE_PAGE: usize = 2 << 20;

/// Bytes from which on memory is worth large pages. Smaller ones gain nothing: the processor remembers where all of their
/// pages are.
pub(super) const LARGE: usize = 4 * LARGE_PAGE;

/// Asks the system to use large pages for memory that nobody has written to yet, if it is large enough to gain by them. The
/// system may not have any, and nothing else depends on it.
pub fn prefer_large_pages<T>(memory: &[MaybeUninit<T>]) {
    let bytes = size_of_val(memory);
    // Small pages stay before the first large one and after the last.
    let before = memory.as_ptr().cast::<u8>().align_offset(LARGE_PAGE);
    if bytes < LARGE || before >= bytes {
        return;
    }
    let whole = (bytes - before) / LARGE_PAGE * LARGE_PAGE;
    #[cfg(target_os = "linux")]
    // SAFETY: the range lies in borrowed memory, whose contents do not change. An error means that pages stay as they are.
    unsafe {
        let start = memory.as_ptr().cast::<u8>().add(before);
        libc::madvise(start.cast_mut().cast(), whole, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = whole;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_and_place_keeps_its_numbers() {
        for len in [0, 1, LARGE / 4 - 1, LARGE / 4, LARGE / 4 + 12_345] {
            let mut numbers: Vec<f32> = Vec::with_capacity(len);
            for part in [len / 3, len] {
                prefer_large_pages(numbers.spare_capacity_mut());
                numbers.resize(part, 1.0);
            }
            assert!(numbers.iter().all(|&number| number == 1.0));
        }
    }
}
