//! Asking for memory before it is needed.

use super::buffer::CACHE_LINE;
use super::rows::Rows;

macro_rules! prefetches {
    ($($(#[$doc:meta])* $name:ident: $hint:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name<T>(place: *const T) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the instruction belongs to every x86-64 processor and never faults.
            unsafe {
                use core::arch::x86_64::{$hint, _mm_prefetch};
                _mm_prefetch::<$hint>(place.cast());
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = place;
        }
    )*};
}

prefetches! {
    /// Asks for the cache line at `place` to be brought into the second level of the cache, which changes nothing else: any
    /// address may be asked for, and on processors without such an instruction nothing happens.
    prefetch: _MM_HINT_T1;
    /// The same for the first level: for what is needed at once.
    prefetch_near: _MM_HINT_T0;
}

/// The most cache lines that are asked for together. A processor waits for some dozens, and for more it makes the tile wait.
const AT_ONCE: usize = 48;

/// Memory that will be needed soon, and is asked for bit by bit: some stretches of the same length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<T> {
    next: *const T,
    /// Cache lines that are left of the stretch at `next`.
    left: usize,
    /// Stretches behind it.
    stretches: usize,
    /// Cache lines of each.
    len: usize,
    /// Bytes from one to the next.
    distance: usize,
    /// Cache lines that are asked for together.
    at_once: usize,
}

impl<T> Lines<T> {
    /// No memory.
    pub const NONE: Self = Lines {
        next: std::ptr::null(),
        left: 0,
        stretches: 0,
        len: 0,
        distance: 0,
        at_once: 0,
    };

    /// The records of so many samples, at so many places so many records apart. Units without such numbers have none.
    pub fn new(rows: Rows<T>, samples: usize, places: usize, distance: usize) -> Self {
        let numbers = samples * rows.sample as usize;
        let sample = rows.sample * distance as isize;
        Self::of_rows(Rows { sample, ..rows }, numbers, places)
    }

    /// The first so many numbers of some rows. Where they do not begin with a line, the last lines of each: the first one belongs to
    /// its neighbour, too, which mostly came before.
    pub fn of_rows(rows: Rows<T>, numbers: usize, samples: usize) -> Self {
        if numbers == 0 || samples == 0 {
            return Self::NONE;
        }
        let bytes = numbers * size_of::<T>();
        let len = bytes.div_ceil(CACHE_LINE);
        let to_last = (bytes - 1).wrapping_sub((len - 1) * CACHE_LINE);
        Lines {
            next: rows.base.wrapping_byte_add(to_last),
            left: len,
            stretches: samples - 1,
            len,
            distance: (rows.sample as usize).wrapping_mul(size_of::<T>()),
            at_once: 0,
        }
    }

    /// Shares out what is left among so many calls of [`ask`](Self::ask), or somewhat fewer, as a division takes too long. With each
    /// tile a little then arrives, while it needs little of what comes from afar.
    #[inline(always)]
    pub fn share_out(&mut self, calls: usize) {
        let left = self.left + self.stretches * self.len;
        self.at_once = AT_ONCE.min((left >> calls.max(1).ilog2()) + 1);
    }

    /// Asks for the next few lines, if any are left.
    #[inline(always)]
    pub fn ask(&mut self) {
        for _ in 0..self.at_once {
            if self.left == 0 {
                if self.stretches == 0 {
                    return;
                }
                let behind = self.distance.wrapping_sub(self.len * CACHE_LINE);
                self.next = self.next.wrapping_byte_add(behind);
                (self.left, self.stretches) = (self.len, self.stretches - 1);
            }
            prefetch(self.next);
            self.next = self.next.wrapping_byte_add(CACHE_LINE);
            self.left -= 1;
        }
    }
}

/// What a strip needs after its products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coming<T>(pub [Lines<T>; 3]);

impl<T> Coming<T> {
    /// Nothing.
    pub const NONE: Self = Coming([Lines::NONE; 3]);

    /// Shares it out among so many calls of [`ask`](Self::ask).
    #[inline(always)]
    pub fn share_out(&mut self, calls: usize) {
        self.0.iter_mut().for_each(|lines| lines.share_out(calls));
    }

    /// Asks for a little of it.
    #[inline(always)]
    pub fn ask(&mut self) {
        self.0.iter_mut().for_each(Lines::ask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many lines are left.
    fn left(lines: &Lines<f32>) -> usize {
        lines.left + lines.stretches * lines.len
    }

    #[test]
    fn calls_ask_for_all_that_was_shared_out_among_them() {
        let memory = [0.0_f32; 16];
        for (numbers, samples) in [(1, 1), (16, 7), (96, 16), (40, 33), (5, 0), (0, 5)] {
            // Lines further on are not there, and may be asked for all the same.
            let rows = Rows {
                base: memory.as_ptr().cast_mut(),
                row: 0,
                sample: 200,
            };
            let all = Lines::of_rows(rows, numbers, samples);
            assert_eq!(left(&all), samples * (numbers * 4).div_ceil(CACHE_LINE));
            for calls in 0..40 {
                let mut lines = all;
                lines.share_out(calls);
                let mut most = 0;
                for _ in 0..calls {
                    let before = left(&lines);
                    lines.ask();
                    most = most.max(before - left(&lines));
                }
                assert_eq!(left(&lines), left(&all).saturating_sub(calls * AT_ONCE));
                // Not many more at a time than an even share.
                assert!(most <= 2 * left(&all) / calls.max(1) + 1 && most <= AT_ONCE);
            }
        }
    }
}
