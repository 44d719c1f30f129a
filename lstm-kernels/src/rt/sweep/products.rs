//! The matrix products of a tile.

use pulp::Simd;

use super::share::Tile;
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::VectorPlace;
use crate::rt::pass::{Chunk, MAX_ROWS, PassLayout, SegmentLayout};
use crate::rt::program::Operand;
use crate::rt::tile::{self, MAX_RUNS, Run, TileProduct};

/// Where the accumulators of a tile are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accumulators<T> {
    pub base: *mut T,
    /// From one row to the next; the samples of a row lie side by side.
    pub row: usize,
    /// From one block of groups to the next.
    pub block: usize,
}

/// Which of the products of a pass are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All, from zero.
    All,
    /// Those with the input, from zero.
    Input,
    /// The others, on top of what is there.
    Others,
}

/// Computes products of a tile into its accumulators. `place` finds the vector of a segment at the first sample
/// of the batch, or nothing where the vector is known to be zero.
#[allow(
    clippy::too_many_arguments,
    reason = "tables, memory and the cut of a tile have that many parts"
)]
#[inline(always)]
pub(crate) fn products<T: Element, S: Simd>(
    simd: S,
    layout: &Layout,
    pass: &PassLayout,
    panels: *const T,
    accumulators: Accumulators<T>,
    tile: Tile,
    which: Which,
    place: impl Fn(Operand) -> Option<VectorPlace<T>>,
) {
    let segments = match which {
        Which::All => &pass.segments[..],
        Which::Input => &pass.segments[..pass.input_segments],
        Which::Others => &pass.segments[pass.input_segments..],
    };
    let mut add_all = match which {
        Which::All => pass.has_idle_rows,
        Which::Input => pass.has_rows_without_input,
        Which::Others => true,
    };
    if which == Which::All && !pass.has_equal_segments {
        for segment in segments {
            add_all |= place(segment.operand).is_none();
        }
    }
    if add_all && which != Which::Others {
        zero(layout, pass, accumulators, tile, None);
    }
    if pass.has_equal_segments {
        // All segments add to the same rows in the same order: each chunk is one tile over all of them.
        let mut runs = [Run::NONE; MAX_RUNS];
        for index in 0..segments[0].chunks.len() {
            let mut count = 0;
            for segment in segments {
                if let Some(vector) = place(segment.operand) {
                    runs[count] = run(
                        layout,
                        segment,
                        &segment.chunks[index],
                        panels,
                        vector,
                        tile,
                    );
                    count += 1;
                }
            }
            let chunk = &segments[0].chunks[index];
            // SAFETY: as in `run`; every row of a tile has an accumulator.
            unsafe {
                multiply(
                    simd,
                    pass,
                    chunk,
                    &runs[..count],
                    accumulators,
                    tile,
                    add_all,
                )
            };
        }
        return;
    }
    for segment in segments {
        let Some(vector) = place(segment.operand) else {
            continue;
        };
        for chunk in &segment.chunks {
            if chunk.continues && !chunk.all_continue && !add_all {
                // The chunk adds to sums begun earlier, so its fresh rows start from zero.
                zero(layout, pass, accumulators, tile, Some((segment, chunk)));
            }
            let run = run(layout, segment, chunk, panels, vector, tile);
            let add = add_all || chunk.continues;
            // SAFETY: as in `run`; every row of a tile has an accumulator.
            unsafe { multiply(simd, pass, chunk, &[run], accumulators, tile, add) };
        }
    }
}

/// The products of a chunk of a segment: the layout gives every block a panel of `planes * k * rows` lane vectors, and
/// every sample has a vector of `planes` pieces of length k.
#[inline(always)]
fn run<T: Element>(
    layout: &Layout,
    segment: &SegmentLayout,
    chunk: &Chunk,
    panels: *const T,
    vector: VectorPlace<T>,
    tile: Tile,
) -> Run<T> {
    let panel = segment.start
        + tile.first_block * segment.block_stride
        + chunk.before * segment.planes * segment.k * layout.lanes;
    Run {
        planes: segment.planes,
        k: segment.k,
        panel: panels.wrapping_add(panel),
        panel_stride: segment.block_stride,
        vector: vector
            .base
            .wrapping_offset(tile.first_sample as isize * vector.sample),
        plane_stride: vector.plane,
        vector_stride: vector.sample,
    }
}

/// # Safety
/// The runs are made by `run` for this chunk, and the accumulators have a lane vector for each block, row and sample.
#[inline(always)]
unsafe fn multiply<T: Element, S: Simd>(
    simd: S,
    pass: &PassLayout,
    chunk: &Chunk,
    runs: &[Run<T>],
    accumulators: Accumulators<T>,
    tile: Tile,
    add: bool,
) {
    let mut rows = [0; MAX_ROWS];
    for (row, &(group, target)) in rows.iter_mut().zip(&chunk.targets) {
        *row = (group * pass.rows + target) * accumulators.row;
    }
    let product = TileProduct {
        runs,
        accumulators: accumulators.base,
        rows,
        accumulators_stride: accumulators.block,
        add,
    };
    // SAFETY: passed on from the caller.
    unsafe { tile::product(simd, chunk.rows, tile.samples, tile.blocks, &product) };
}

/// Zeroes the accumulators of a tile: all rows, or those that a chunk begins.
#[inline(never)]
fn zero<T: Element>(
    layout: &Layout,
    pass: &PassLayout,
    accumulators: Accumulators<T>,
    tile: Tile,
    fresh: Option<(&SegmentLayout, &Chunk)>,
) {
    let clear = |block: usize, row: usize| {
        let start = block * accumulators.block + row * accumulators.row;
        // SAFETY: the tile has a lane vector for each block, row and sample.
        unsafe {
            let start = accumulators.base.add(start);
            std::ptr::write_bytes(start, 0, tile.samples * layout.lanes);
        }
    };
    for block in 0..tile.blocks {
        match fresh {
            None => (0..pass.groups * pass.rows).for_each(|row| clear(block, row)),
            Some((segment, chunk)) => chunk.targets[..chunk.rows]
                .iter()
                .filter(|(_, row)| segment.fresh.contains(row))
                .for_each(|&(group, row)| clear(block, group * pass.rows + row)),
        }
    }
}
