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

/// Memory that a tile asks for while it multiplies: some cache lines with each turn of its loop.
#[derive(Debug, Clone, Copy)]
pub struct Asked<T> {
    /// The first line.
    pub place: *const T,
    /// From one line of a turn to the next, in bytes.
    pub line: usize,
    /// From a turn to the next, in bytes.
    pub turn: usize,
    /// After so many turns all is asked for.
    pub turns: usize,
}

impl<T> Asked<T> {
    /// Nothing but what lies there, time and again.
    pub const fn only(place: *const T) -> Self {
        Asked {
            place,
            line: 0,
            turn: 0,
            turns: 0,
        }
    }

    /// Goes on to the next turn.
    #[inline(always)]
    pub fn advance(&mut self) {
        let left = self.turns > 0;
        self.place = (self.place).wrapping_byte_add(if left { self.turn } else { 0 });
        self.turns -= usize::from(left);
    }
}

/// Memory that will be needed soon, and is handed out bit by bit: some stretches of the same length.
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
}

impl<T> Lines<T> {
    /// No memory.
    pub const NONE: Self = Lines {
        next: std::ptr::null(),
        left: 0,
        stretches: 0,
        len: 0,
        distance: 0,
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
        // Rows without gaps are one.
        let (numbers, samples) = match rows.sample == numbers as isize {
            true => (numbers * samples, 1),
            false => (numbers, samples),
        };
        let bytes = numbers * size_of::<T>();
        let len = bytes.div_ceil(CACHE_LINE);
        let to_last = (bytes - 1).wrapping_sub((len - 1) * CACHE_LINE);
        Lines {
            next: rows.base.wrapping_byte_add(to_last),
            left: len,
            stretches: samples - 1,
            len,
            distance: (rows.sample as usize).wrapping_mul(size_of::<T>()),
        }
    }

    /// Hands out as much as a tile asks for that has so many turns, with so many lines in each; nothing if nothing is left. A tile
    /// goes through one stretch, or through several that are no longer than a turn.
    #[inline(always)]
    pub fn hand_out(&mut self, turns: usize, lines: usize) -> Option<Asked<T>> {
        if turns == 0 || (self.left == 0 && self.stretches == 0) {
            return None;
        }
        if self.left == 0 {
            let behind = self.distance.wrapping_sub(self.len * CACHE_LINE);
            self.next = self.next.wrapping_byte_add(behind);
            (self.left, self.stretches) = (self.len, self.stretches - 1);
        }
        let asked = Asked {
            place: self.next,
            line: CACHE_LINE,
            turn: lines * CACHE_LINE,
            turns,
        };
        if self.len > lines {
            let count = self.left.min(turns * lines);
            self.next = self.next.wrapping_byte_add(count * CACHE_LINE);
            self.left -= count;
            let turns = count.div_ceil(lines);
            return Some(Asked { turns, ..asked });
        }
        // The first stretch is begun, and the last one is to be ended.
        let turns = turns.min(self.stretches + 1);
        self.stretches -= turns - 1;
        let behind = (turns - 1).wrapping_mul(self.distance);
        self.next = (self.next).wrapping_byte_add(behind.wrapping_add(self.len * CACHE_LINE));
        self.left = 0;
        Some(Asked {
            line: if self.len == 1 { 0 } else { CACHE_LINE },
            turn: self.distance,
            turns,
            ..asked
        })
    }
}

/// What a strip needs after its products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coming<T>(pub [Lines<T>; 4]);

impl<T> Coming<T> {
    /// Nothing.
    pub const NONE: Self = Coming([Lines::NONE; 4]);

    /// Hands out as much of it as a tile asks for that has so many turns, with so many lines in each; nothing if nothing is left.
    #[inline(always)]
    pub fn hand_out(&mut self, turns: usize, lines: usize) -> Option<Asked<T>> {
        (self.0.iter_mut()).find_map(|stretches| stretches.hand_out(turns, lines))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The lines that a tile asks for.
    fn lines<T>(mut asked: Asked<T>, turns: usize, at_once: usize) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        for _ in 0..turns {
            let place = asked.place;
            lines.extend((0..at_once).map(|k| place.wrapping_byte_add(k * asked.line).addr()));
            asked.advance();
        }
        lines.into_iter().map(|place| place / CACHE_LINE).collect()
    }

    #[test]
    fn tiles_ask_for_all_lines_and_few_others() {
        let memory = [0.0_f32; 16];
        for (numbers, samples) in [(1, 1), (16, 7), (96, 16), (40, 33), (64, 9), (5, 0), (0, 5)] {
            // Lines further on are not there, and may be asked for all the same.
            let rows = Rows {
                base: memory.as_ptr().cast_mut(),
                row: 0,
                sample: 200,
            };
            let all = Lines::of_rows(rows, numbers, samples);
            let mut expected = BTreeSet::new();
            for sample in 0..samples {
                let column = rows.base.wrapping_add(200 * sample);
                // As documented, of a stretch that does not begin with a line the last ones.
                let last = column.wrapping_add(numbers.max(1) - 1).addr();
                let len = (4 * numbers).div_ceil(CACHE_LINE);
                expected.extend((0..len).map(|line| last / CACHE_LINE - line));
            }
            for (turns, at_once) in [(1, 1), (3, 1), (40, 1), (1, 4), (8, 4), (100, 4)] {
                let (mut left, mut asked, mut tiles) = (all, BTreeSet::new(), 0);
                while let Some(some) = left.hand_out(turns, at_once) {
                    asked.extend(lines(some, turns, at_once));
                    tiles += 1;
                    assert!(tiles <= expected.len(), "it has an end");
                }
                assert!(asked.is_superset(&expected), "{numbers} {samples} {turns}");
                // Beside a stretch, the rest of a turn, and where all has been asked for one turn more.
                let most = expected.len().next_multiple_of(at_once) + (samples + tiles) * at_once;
                assert!(asked.len() <= most, "{numbers} {samples} {turns} {at_once}");
            }
            let mut left = all;
            assert!(left.hand_out(0, 4).is_none());
        }
    }

    #[test]
    fn rows_without_gaps_are_asked_for_as_one() {
        let memory = [0.0_f32; 16];
        let rows = Rows {
            base: memory.as_ptr().cast_mut(),
            row: 0,
            sample: 128,
        };
        let mut all = Lines::of_rows(rows, 128, 5);
        let asked = all.hand_out(10, 4).map(|asked| lines(asked, 10, 4));
        assert_eq!(asked.map(|lines| lines.len()), Some(40));
        assert!(all.hand_out(10, 4).is_none());
    }
}
