//! How ranges are cut: into parts for threads, strips and tiles.

use std::ops::Range;

use crate::rt::tile::{MAX_SAMPLES, MAX_TILES};

/// One of several nearly equal parts of a range.
#[inline(always)]
pub(crate) fn part(range: Range<usize>, index: usize, count: usize) -> Range<usize> {
    // One thread has all, and needs no division.
    if count == 1 {
        return range;
    }
    let len = range.len();
    range.start + len * index / count..range.start + len * (index + 1) / count
}

/// Samples of a register tile, as even as possible: 16 are 6, 5 and 5.
#[inline(always)]
pub(crate) fn sample_tiles(
    samples: &Range<usize>,
) -> impl Iterator<Item = (usize, usize)> + Clone + use<> {
    even::<1>(samples, samples.len().div_ceil(MAX_SAMPLES))
}

/// The same for elements of a vector, of which each tile takes whole pairs: 16 are 6, 6 and 4. Of an odd number the last one is alone.
#[inline(always)]
pub(crate) fn element_tiles(
    elements: &Range<usize>,
) -> impl Iterator<Item = (usize, usize)> + Clone + use<> {
    even::<2>(elements, elements.len().div_ceil(MAX_SAMPLES))
}

/// Samples of a strip, which are those of [`MAX_TILES`] tiles at most, all of them full but for the last strip: 64 are 36 and 28.
#[inline(always)]
pub(crate) fn sample_strips(
    samples: &Range<usize>,
) -> impl Iterator<Item = (usize, usize)> + use<> {
    even::<MAX_SAMPLES>(samples, strips(samples.len()))
}

/// How many samples the longest strip has, of so many.
#[inline(always)]
pub(crate) fn longest_strip(samples: usize) -> usize {
    match strips(samples) {
        1 => samples,
        strips => samples.div_ceil(MAX_SAMPLES).div_ceil(strips) * MAX_SAMPLES,
    }
}

/// How many strips so many samples are.
#[inline(always)]
pub(crate) fn strips(samples: usize) -> usize {
    // In every small network; the rest takes two multiplications.
    if samples <= MAX_SAMPLES {
        return 1;
    }
    samples.div_ceil(MAX_SAMPLES).div_ceil(MAX_TILES)
}

/// So many parts of a range, one at least, of nearly as many whole units of so much each: where each begins, and how long it is.
/// The last unit of the range may be shorter.
#[inline(always)]
fn even<const UNIT: usize>(
    range: &Range<usize>,
    count: usize,
) -> impl Iterator<Item = (usize, usize)> + Clone + use<UNIT> {
    let Range { start, end } = *range;
    let units = range.len().div_ceil(UNIT);
    // One part, as in every small network, needs no division.
    let (count, base, longer) = match count {
        0 | 1 => (1, units, 0),
        _ => (count, units / count, units % count),
    };
    (0..count).map(move |index| {
        let first = start + (index * base + index.min(longer)) * UNIT;
        let len = (base + usize::from(index < longer)) * UNIT;
        (first, len.min(end - first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_range_without_overlap() {
        for len in 0..20 {
            for count in 1..5 {
                let parts: Vec<usize> = (0..count)
                    .flat_map(|index| part(3..3 + len, index, count))
                    .collect();
                assert_eq!(parts, (3..3 + len).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn tiles_of_samples_are_even_and_complete() {
        let tiles: Vec<_> = sample_tiles(&(4..20)).collect();
        assert_eq!(tiles, [(4, 6), (10, 5), (15, 5)]);
        assert_eq!(sample_tiles(&(0..0)).collect::<Vec<_>>(), [(0, 0)]);
    }

    #[test]
    fn tiles_of_elements_are_complete_pairs() {
        let tiles: Vec<_> = element_tiles(&(4..20)).collect();
        assert_eq!(tiles, [(4, 6), (10, 6), (16, 4)]);
        for len in 1..100 {
            let mut end = 4;
            for (first, elements) in element_tiles(&(4..4 + len)) {
                assert_eq!(first, end);
                assert!(first % 2 == 0 && (1..=MAX_SAMPLES).contains(&elements));
                end += elements;
            }
            assert_eq!(end, 4 + len);
        }
    }

    #[test]
    fn strips_have_no_more_tiles_than_they_may() {
        let strips: Vec<_> = sample_strips(&(4..54)).collect();
        assert_eq!(strips, [(4, 30), (34, 20)]);
        for len in 0..300 {
            let mut end = 7;
            let longest = sample_strips(&(7..7 + len))
                .map(|(_, samples)| samples)
                .max();
            assert_eq!(longest, Some(longest_strip(len)));
            for (first, samples) in sample_strips(&(7..7 + len)) {
                assert_eq!(first, end);
                // What several blocks have in a row is no single tile, whichever strip it is.
                assert!(samples > MAX_SAMPLES || len <= MAX_SAMPLES);
                assert!(sample_tiles(&(0..samples)).count() <= MAX_TILES);
                assert!(samples % MAX_SAMPLES == 0 || first + samples == 7 + len);
                end += samples;
            }
            assert_eq!(end, 7 + len);
        }
    }
}
