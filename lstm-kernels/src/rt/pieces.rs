//! How much of what tiles share they read in turn: as much as the nearest level of the cache holds that is fast enough.

use std::sync::LazyLock;

const KIB: usize = 1024;

/// The lengths, in bytes, of pieces that tiles read one after the other. Not a bit of the results depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces {
    /// Of a panel.
    pub panel: usize,
    /// Of the errors of a group of units.
    pub errors: usize,
}

impl Pieces {
    /// Those for an instruction set with so many registers, on this machine.
    pub fn new(registers: usize) -> Self {
        Self::for_first_level(registers, *FIRST_LEVEL)
    }

    /// The same where the first level of the cache for data has so many bytes, if that is known.
    ///
    /// In 48 KiB a piece stays from one tile to the next, with most of its vectors and sums, some 18 KiB at most. In 32 KiB it does
    /// not, or is so short that tiles have much to begin and to end. They then do better with few pieces, which they read from the
    /// second level: for each number of a panel they multiply six samples.
    fn for_first_level(registers: usize, bytes: Option<usize>) -> Self {
        let is_small = bytes.is_some_and(|bytes| bytes < 48 * KIB);
        let [panel, errors] = match (registers, is_small) {
            (32.., true) => [256, 96],
            (32.., false) => [32, 24],
            (_, true) => [64, 48],
            (_, false) => [16, 24],
        };
        Pieces {
            panel: panel * KIB,
            errors: errors * KIB,
        }
    }
}

/// Bytes of the first level of the cache for data, where the processor tells.
static FIRST_LEVEL: LazyLock<Option<usize>> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        use raw_cpuid::{CacheType, CpuId};
        let mut caches = CpuId::new().get_cache_parameters()?;
        let first =
            caches.find(|cache| cache.level() == 1 && cache.cache_type() == CacheType::Data)?;
        let line = first.coherency_line_size() * first.physical_line_partitions();
        Some(first.sets() * first.associativity() * line)
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_long_where_the_first_level_is_small() {
        for registers in [16, 32] {
            let of = |first_level| Pieces::for_first_level(registers, first_level).panel;
            let [small, large, unknown] = [Some(32 * KIB), Some(48 * KIB), None].map(of);
            // What does not stay in the first level is not meant to; what does leaves room for the rest.
            assert!(small > 32 * KIB && large <= 32 * KIB && unknown == large);
        }
    }

    /// Every processor since the first ones with SIMD has 8 KiB or more, and none has a first level of a mebibyte.
    #[test]
    fn the_first_level_has_a_plausible_size() {
        if let Some(bytes) = *FIRST_LEVEL {
            assert!((8 * KIB..KIB * KIB).contains(&bytes), "{bytes}");
        }
    }
}
