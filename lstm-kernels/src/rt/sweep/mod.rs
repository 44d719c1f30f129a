//! Sweeps: forward and backward through a sequence, step by step, pass by pass, tile by tile.

mod backward;
mod forward;
mod gradients;

pub(crate) use backward::Backward;
pub(crate) use forward::Forward;
pub(crate) use gradients::form_gradients;

use pulp::Simd;

use super::context::Rows;
use super::element::Element;
use super::layout::{Layout, PassLayout};
use super::memory::VectorPlace;
use super::tile::{self, MAX_SAMPLES, TileProduct};

/// A user's matrix: its first element, and from column to column. Rows are contiguous.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserMatrix<T> {
    pub base: *mut T,
    pub column: usize,
}

impl<T> UserMatrix<T> {
    /// The rows of a group of units, of the samples from a column on.
    #[inline(always)]
    fn rows(&self, layout: &Layout, lead: usize, group: usize, column: usize) -> Rows<T> {
        if self.base.is_null() {
            return Rows::none();
        }
        let place = column * self.column + group * layout.lanes;
        Rows {
            base: self.base.wrapping_add(place),
            row: layout.leads[lead].units,
            sample: self.column,
        }
    }
}

/// Samples of a tile, as even as possible: 16 are 6, 5 and 5.
#[inline(always)]
fn sample_tiles(batch: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = batch.div_ceil(MAX_SAMPLES).max(1);
    let (base, longer) = (batch / count, batch % count);
    (0..count).map(move |index| {
        (
            index * base + index.min(longer),
            base + usize::from(index < longer),
        )
    })
}

/// Blocks of a tile that starts at a block: several at once where a tile has few samples.
#[inline(always)]
fn blocks_from<S: Simd>(first: usize, blocks: usize, samples: usize) -> usize {
    let at_once = tile::blocks_at_once::<S>(samples);
    if blocks - first >= at_once {
        at_once
    } else {
        1
    }
}

/// One tile of a pass: which blocks, which samples.
#[derive(Debug, Clone, Copy)]
struct Tile {
    first_block: usize,
    blocks: usize,
    first_sample: usize,
    samples: usize,
}

/// Computes all products of a tile into its accumulators. `place` finds the vector of a segment at the first sample
/// of the batch, or nothing where the vector is known to be zero.
#[inline(always)]
fn products<T: Element, S: Simd>(
    simd: S,
    layout: &Layout,
    pass: &PassLayout,
    panels: &[T],
    accumulators: &mut [T],
    tile: Tile,
    mut place: impl FnMut(super::program::Operand) -> Option<VectorPlace<T>>,
) {
    let row_stride = MAX_SAMPLES * layout.lanes;
    let block_stride = pass.groups * pass.rows * row_stride;
    let mut add_all = pass.has_idle_rows;
    for segment in &pass.segments {
        add_all |= place(segment.operand).is_none();
    }
    let used = &mut accumulators[..tile.blocks * block_stride];
    if add_all {
        used.fill(T::default());
    }
    for segment in &pass.segments {
        let Some(vector) = place(segment.operand) else {
            continue;
        };
        for chunk in &segment.chunks {
            let mut rows = [0; super::layout::MAX_ROWS];
            for (row, &(group, target)) in rows.iter_mut().zip(&chunk.targets) {
                *row = (group * pass.rows + target) * row_stride;
            }
            if chunk.continues && !chunk.all_continue && !add_all {
                // The chunk adds to sums begun earlier, so its fresh rows start from zero.
                zero_fresh_rows(
                    pass,
                    segment,
                    chunk,
                    used,
                    block_stride,
                    row_stride,
                    tile.blocks,
                );
            }
            let panel = segment.start
                + tile.first_block * segment.block_stride
                + chunk.before * segment.planes * segment.k * layout.lanes;
            for plane in 0..segment.planes {
                let product = TileProduct {
                    k: segment.k,
                    panel: panels[panel + plane * segment.k * chunk.rows * layout.lanes..].as_ptr(),
                    panel_stride: segment.block_stride,
                    vector: vector
                        .base
                        .wrapping_add(plane * vector.plane + tile.first_sample * vector.sample),
                    vector_stride: vector.sample,
                    accumulators: used.as_mut_ptr(),
                    rows,
                    accumulators_stride: block_stride,
                    add: add_all || chunk.continues || plane > 0,
                };
                // SAFETY: the layout gives every block a panel of planes * k * rows lane vectors and every row of a
                // tile an accumulator; `place` gives one vector of `planes` pieces of length k for each sample.
                unsafe { tile::product(simd, chunk.rows, tile.samples, tile.blocks, &product) };
            }
        }
    }
}

#[inline(never)]
fn zero_fresh_rows<T: Element>(
    pass: &PassLayout,
    segment: &super::layout::SegmentLayout,
    chunk: &super::layout::Chunk,
    accumulators: &mut [T],
    block_stride: usize,
    row_stride: usize,
    blocks: usize,
) {
    for &(group, row) in &chunk.targets[..chunk.rows] {
        if segment.fresh.contains(&row) {
            for block in 0..blocks {
                let start = block * block_stride + (group * pass.rows + row) * row_stride;
                accumulators[start..start + row_stride].fill(T::default());
            }
        }
    }
}
