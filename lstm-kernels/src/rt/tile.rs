//! The register tile: several lane vectors of weights times several samples, summed over k in registers.
//!
//! Every accumulator is one chain of fused multiply-adds over k in order, whatever the shape of the tile, so a result
//! does not depend on how samples and units are cut into tiles.

use std::marker::PhantomData;

use pulp::Simd;

use super::buffer::CACHE_LINE;
use super::element::Element;
use super::lanes::Lanes;
use super::pass::{MAX_ROWS, max_rows};
use super::prefetch::{prefetch, prefetch_near};
use super::run::{Run, Vectors};
use super::width::is_for_old_machines;

/// The most samples a tile takes.
pub const MAX_SAMPLES: usize = 6;

/// The most tiles of samples that read a piece of a panel one after the other, while it lies in the first level of the cache.
pub const MAX_TILES: usize = 6;

/// The most tiles of samples that a strip has for all its blocks: so many sums lie in the first level beside what they are formed of.
pub const MAX_TILES_OF_BLOCKS: usize = 2 * MAX_TILES;

/// The most k that a turn of a tile's loop has.
pub const MAX_AT_ONCE: usize = 4;

/// Up to so many samples, the time of a tile goes into reading its panel.
const FEW: usize = 2;

/// Bytes of a panel that are asked for ahead where it is [far](Run::is_far).
const AHEAD: usize = 2048;

/// Cache lines of a piece of a vector that are asked for before it is read.
const BEGINNING: usize = 3;

/// The most blocks a tile takes.
pub const MAX_BLOCKS: usize = 4;

/// The most runs a tile takes.
pub const MAX_RUNS: usize = 4;

/// The products of a panel chunk with the samples of a tile.
#[derive(Debug, Clone, Copy)]
pub struct TileProduct<'a, T> {
    /// What is summed, in order.
    pub runs: &'a [Run<T>],
    /// The accumulators of the first block.
    pub accumulators: *mut T,
    /// Where each lane vector of the chunk is accumulated.
    pub rows: [usize; MAX_ROWS],
    /// From the accumulators of one block to the next.
    pub accumulators_stride: usize,
    /// Whether to add to what is there.
    pub add: bool,
}

/// How many blocks a tile of so few samples takes at once, of those that are left, so that enough chains are under way
/// to hide the latency of a multiply-add.
#[inline(always)]
pub fn blocks_at_once<S: Simd>(samples: usize, left: usize) -> usize {
    blocks_at_once_in(S::REGISTER_COUNT, samples, left)
}

/// The same for an instruction set with so many registers.
#[inline(always)]
pub const fn blocks_at_once_in(registers: usize, samples: usize, left: usize) -> usize {
    match (registers >= 32, samples, left) {
        (_, 1, MAX_BLOCKS..) => MAX_BLOCKS,
        (_, 1, 2..) | (true, 2, 2..) => 2,
        _ => 1,
    }
}

/// Runs a product for `rows` lane vectors, `samples` samples and `blocks` blocks.
///
/// # Safety
/// The panel of each run must hold `planes * k * rows` lane vectors, at `blocks` places `panel_stride` apart; `samples`
/// vectors of `planes` pieces of length k must be readable; for each row, sample and block a lane vector must be writable at
/// `accumulators + block * accumulators_stride + rows[row] + sample * lanes`.
#[inline(always)]
pub unsafe fn product<T: Element, S: Simd>(
    simd: S,
    rows: usize,
    samples: usize,
    blocks: usize,
    product: &TileProduct<'_, T>,
) {
    // SAFETY: passed on from the caller; it is the tile of this shape.
    unsafe { of_shape::<T, S>(rows, samples, blocks)(simd, product) }
}

/// The tile of a shape.
#[inline(always)]
pub fn of_shape<T: Element, S: Simd>(rows: usize, samples: usize, blocks: usize) -> TileFn<T, S> {
    Tiles::<T, S>::ALL[rows - 1][samples - 1][blocks.ilog2() as usize]
}

/// A tile of one shape, to be called as [`product`] is with that shape.
pub type TileFn<T, S> = unsafe fn(S, &TileProduct<'_, T>);

/// The tiles of all shapes, from which a product takes one by its sizes: wherever it is inlined, that is one call.
struct Tiles<T, S>(PhantomData<(T, S)>);

impl<T: Element, S: Simd> Tiles<T, S> {
    /// By rows, by samples, and by the logarithm of the blocks.
    const ALL: [[[TileFn<T, S>; 3]; MAX_SAMPLES]; MAX_ROWS] = [
        Self::of_rows::<1>(),
        Self::of_rows::<2>(),
        Self::of_rows::<3>(),
        Self::of_rows::<4>(),
    ];

    /// Only the tiles that this instruction set asks for: each is compiled for all of them.
    const fn of_rows<const P: usize>() -> [[TileFn<T, S>; 3]; MAX_SAMPLES] {
        if P > max_rows(S::REGISTER_COUNT) {
            return [[no_tile; 3]; MAX_SAMPLES];
        }
        let pairs: TileFn<T, S> = if blocks_at_once_in(S::REGISTER_COUNT, 2, 2) == 2 {
            tile::<T, S, P, 2, 2>
        } else {
            no_tile
        };
        [
            [
                tile::<T, S, P, 1, 1>,
                tile::<T, S, P, 1, 2>,
                tile::<T, S, P, 1, 4>,
            ],
            [tile::<T, S, P, 2, 1>, pairs, no_tile],
            [tile::<T, S, P, 3, 1>, no_tile, no_tile],
            [tile::<T, S, P, 4, 1>, no_tile, no_tile],
            [tile::<T, S, P, 5, 1>, no_tile, no_tile],
            [tile::<T, S, P, 6, 1>, no_tile, no_tile],
        ]
    }
}

/// In the place of tiles that nobody asks for, as [`blocks_at_once_in`] and [`max_rows`] say.
unsafe fn no_tile<T, S>(_simd: S, _product: &TileProduct<'_, T>) {
    unreachable!("no tile of so many rows or blocks on this instruction set")
}

/// A tile as a call of its own: one copy for all cells, and its registers are its own.
///
/// # Safety
/// As for [`product`], with P rows, M samples and Q blocks.
#[inline(never)]
pub(super) unsafe fn tile<T: Element, S: Simd, const P: usize, const M: usize, const Q: usize>(
    simd: S,
    product: &TileProduct<'_, T>,
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
    product: &TileProduct<'_, T>,
) {
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
    let at_once = const { at_once_of::<S>(M) };
    for run in product.runs {
        let mut asked = run.asked;
        for plane in 0..run.planes {
            if M > FEW && run.planes > 1 {
                ask_for_beginnings::<T, M>(run, plane + 1);
            }
            let (mut panel, mut vectors) = run.plane(plane, P * lanes);
            for _ in 0..run.k / at_once {
                if M <= FEW && run.is_far {
                    for q in 0..Q {
                        let block = panel.wrapping_add(q * run.panel_stride);
                        ask_ahead(block, at_once * P * lanes);
                    }
                }
                for k in 0..at_once {
                    if k < const { lines_in::<S>(M) } {
                        prefetch(asked.place.wrapping_byte_add(k * asked.line));
                    }
                    // SAFETY: the panel of each block holds planes * k * P lane vectors, and each sample's vector has k elements
                    // in each piece.
                    unsafe { add_products(simd, &mut sums, k, panel, run.panel_stride, &vectors) };
                }
                asked.advance();
                panel = panel.wrapping_add(at_once * P * lanes);
                vectors.advance(at_once);
            }
            for _ in 0..run.k % at_once {
                // SAFETY: as above.
                unsafe { add_products(simd, &mut sums, 0, panel, run.panel_stride, &vectors) };
                panel = panel.wrapping_add(P * lanes);
                vectors.advance(1);
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

/// Asks for so many numbers of a panel, some way ahead of this place: at the end of a panel for some that nobody needs.
#[inline(always)]
fn ask_ahead<T>(panel: *const T, numbers: usize) {
    for line in 0..(numbers * size_of::<T>()).div_ceil(CACHE_LINE) {
        prefetch_near(panel.wrapping_byte_add(AHEAD + line * CACHE_LINE));
    }
}

/// Asks for where a tile's vectors go on after so many pieces: with the next one, or behind the last with the first one of the samples
/// that come next. It lies so far from the piece before that no processor foresees it.
#[inline(always)]
fn ask_for_beginnings<T, const M: usize>(run: &Run<T>, pieces: usize) {
    let (piece, first) = match pieces < run.planes {
        true => (pieces, 0),
        false => (0, M as isize),
    };
    let piece = run.vector.wrapping_add(piece * run.plane_stride);
    for sample in first..first + M as isize {
        let vector = piece.wrapping_offset(sample * run.vector_stride);
        for line in 0..BEGINNING {
            prefetch_near(vector.wrapping_byte_add(line * CACHE_LINE));
        }
    }
}

/// Adds the products of one k to all sums: the so-many-th from here on.
///
/// # Safety
/// The panel of each block must hold P lane vectors there, and each sample's vector an element.
#[inline(always)]
unsafe fn add_products<T: Element, S: Simd, const P: usize, const M: usize, const Q: usize>(
    simd: S,
    sums: &mut [[[Lanes<T, S>; P]; M]; Q],
    k: usize,
    panel: *const T,
    panel_stride: usize,
    vectors: &Vectors<T>,
) {
    let lanes = T::lanes::<S>();
    let mut weights = [[Lanes::<T, S>::zero(simd); P]; Q];
    for (q, weights) in weights.iter_mut().enumerate() {
        for (p, weights) in weights.iter_mut().enumerate() {
            // SAFETY: passed on from the caller.
            *weights =
                unsafe { Lanes::load(simd, panel.add(q * panel_stride + (k * P + p) * lanes)) };
        }
    }
    for m in 0..M {
        // SAFETY: passed on from the caller.
        let x = Lanes::splat(simd, unsafe { *vectors.of_sample(m).add(k) });
        for (weights, sums) in weights.iter().zip(sums.iter_mut()) {
            for (weights, sum) in weights.iter().zip(&mut sums[m]) {
                *sum = weights.mul_add(x, *sum);
            }
        }
    }
}

/// How many k a turn of a loop over k has: several, as what the loop itself takes would slow down the multiplications, most of all
/// on a processor that two threads share, which issues the instructions of one and of the other by turns. Where registers are
/// wide, there are many multiplications for each k, and the turn is as long as asked for.
pub(super) const fn at_once_in<S: Simd>(wide: usize) -> usize {
    if is_for_old_machines::<S>() {
        1
    } else if S::REGISTER_COUNT >= 32 {
        wide
    } else {
        MAX_AT_ONCE
    }
}

/// The same for a tile of so many samples. Few wait for memory or for their own sums, and short products have no use for long
/// turns.
pub const fn at_once_of<S: Simd>(samples: usize) -> usize {
    at_once_in::<S>(if samples <= FEW { 1 } else { MAX_AT_ONCE })
}

/// How many cache lines a turn asks for, one with each k. Tiles of few samples read as fast as they can, and the processor foresees
/// what, or [`ask_ahead`] does. The tiles of a strip ask for all of the next piece together: where registers are wide, each k of it has up
/// to four lines, otherwise one.
pub const fn lines_in<S: Simd>(samples: usize) -> usize {
    match (samples <= FEW, S::REGISTER_COUNT >= 32) {
        (true, _) => 0,
        (false, true) => at_once_of::<S>(samples),
        (false, false) => 1,
    }
}
