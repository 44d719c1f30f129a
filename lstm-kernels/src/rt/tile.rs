//! The register tile: several lane vectors of weights times several samples, summed over k in registers.
//!
//! Every accumulator is one chain of fused multiply-adds over k in order, whatever the shape of the tile, so a result
//! does not depend on how samples and units are cut into tiles.

use pulp::Simd;

use super::element::Element;
use super::lanes::Lanes;
use super::layout::MAX_ROWS;

/// The most samples a tile takes.
pub const MAX_SAMPLES: usize = 6;

/// One product of a panel chunk with the samples of a tile.
#[derive(Debug, Clone, Copy)]
pub struct TileProduct<T> {
    /// Length of the sum.
    pub k: usize,
    /// The panel: for each k the chunk's lane vectors.
    pub panel: *const T,
    /// From the panel of one block of groups to the next.
    pub panel_stride: usize,
    /// The vector of the first sample.
    pub vector: *const T,
    /// From one sample's vector to the next.
    pub vector_stride: usize,
    /// The accumulators of the first block.
    pub accumulators: *mut T,
    /// Where each lane vector of the chunk is accumulated.
    pub rows: [usize; MAX_ROWS],
    /// From the accumulators of one block to the next.
    pub accumulators_stride: usize,
    /// Whether to add to what is there.
    pub add: bool,
}

/// How many blocks a tile of so few samples takes at once, so that enough chains are under way to hide the latency
/// of a multiply-add.
pub const fn blocks_at_once<S: Simd>(samples: usize) -> usize {
    match (S::REGISTER_COUNT >= 32, samples) {
        (_, 1) => 4,
        (true, 2) => 2,
        _ => 1,
    }
}

/// Runs a product for `rows` lane vectors, `samples` samples and `blocks` blocks.
///
/// # Safety
/// The panel must hold `k * rows` lane vectors, at `blocks` places `panel_stride` apart; `samples` vectors of length
/// k must be readable `vector_stride` apart; for each row, sample and block a lane vector must be writable at
/// `accumulators + block * accumulators_stride + rows[row] + sample * lanes`.
#[inline(always)]
pub unsafe fn product<T: Element, S: Simd>(
    simd: S,
    rows: usize,
    samples: usize,
    blocks: usize,
    product: &TileProduct<T>,
) {
    macro_rules! shapes {
        ($(($rows:literal, $samples:literal, $blocks:literal)),* $(,)?) => {
            match (rows, samples, blocks) {
                // SAFETY: passed on from the caller.
                $(($rows, $samples, $blocks) => unsafe { tile::<T, S, $rows, $samples, $blocks>(simd, product) },)*
                _ => unreachable!("tiles have 1 to 4 rows, 1 to 6 samples and 1, 2 or 4 blocks"),
            }
        };
    }
    shapes!(
        (1, 1, 1),
        (1, 2, 1),
        (1, 3, 1),
        (1, 4, 1),
        (1, 5, 1),
        (1, 6, 1),
        (1, 1, 4),
        (1, 2, 2),
        (2, 1, 1),
        (2, 2, 1),
        (2, 3, 1),
        (2, 4, 1),
        (2, 5, 1),
        (2, 6, 1),
        (2, 1, 4),
        (2, 2, 2),
        (3, 1, 1),
        (3, 2, 1),
        (3, 3, 1),
        (3, 4, 1),
        (3, 5, 1),
        (3, 6, 1),
        (3, 1, 4),
        (3, 2, 2),
        (4, 1, 1),
        (4, 2, 1),
        (4, 3, 1),
        (4, 4, 1),
        (4, 5, 1),
        (4, 6, 1),
        (4, 1, 4),
        (4, 2, 2),
    );
}

/// A tile as a call of its own: one copy for all cells, and its registers are its own.
#[inline(never)]
unsafe fn tile<T: Element, S: Simd, const P: usize, const M: usize, const Q: usize>(
    simd: S,
    product: &TileProduct<T>,
) {
    simd.vectorize(
        #[inline(always)]
        // SAFETY: passed on from the caller.
        || unsafe { accumulate::<T, S, P, M, Q>(simd, product) },
    );
}

#[allow(
    clippy::needless_range_loop,
    reason = "indices of the same range name places in several arrays; the compiler unrolls all three loops"
)]
#[inline(always)]
unsafe fn accumulate<T: Element, S: Simd, const P: usize, const M: usize, const Q: usize>(
    simd: S,
    product: &TileProduct<T>,
) {
    let TileProduct {
        k,
        panel,
        panel_stride,
        vector,
        vector_stride,
        ..
    } = *product;
    let lanes = T::lanes::<S>();
    let place = |q: usize, p: usize, m: usize| {
        q * product.accumulators_stride + product.rows[p] + m * lanes
    };
    let mut sums = [[[Lanes::<T, S>::zero(simd); P]; M]; Q];
    if product.add {
        for q in 0..Q {
            for m in 0..M {
                for p in 0..P {
                    // SAFETY: the caller gives an accumulator for every block, row and sample.
                    sums[q][m][p] =
                        unsafe { Lanes::load(simd, product.accumulators.add(place(q, p, m))) };
                }
            }
        }
    }
    for k in 0..k {
        let mut weights = [[Lanes::<T, S>::zero(simd); P]; Q];
        for q in 0..Q {
            for p in 0..P {
                // SAFETY: the panel of each block holds k * P lane vectors.
                weights[q][p] =
                    unsafe { Lanes::load(simd, panel.add(q * panel_stride + (k * P + p) * lanes)) };
            }
        }
        for m in 0..M {
            // SAFETY: each sample's vector has k elements.
            let x = Lanes::splat(simd, unsafe { *vector.add(m * vector_stride + k) });
            for q in 0..Q {
                for p in 0..P {
                    sums[q][m][p] = weights[q][p].mul_add(x, sums[q][m][p]);
                }
            }
        }
    }
    for q in 0..Q {
        for m in 0..M {
            for p in 0..P {
                // SAFETY: as above.
                unsafe { sums[q][m][p].store(product.accumulators.add(place(q, p, m))) };
            }
        }
    }
}
