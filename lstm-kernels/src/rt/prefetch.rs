//! Asking for memory before it is needed.

/// Asks for the cache line at `place` to be brought near, which changes nothing else: any address may be asked for, and on
/// processors without such an instruction nothing happens.
#[inline(always)]
pub fn prefetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction belongs to every x86-64 processor and never faults.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
