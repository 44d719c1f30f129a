//! Packing: weights rearranged once so that a register tile reads them as one stream.
//!
//! A panel belongs to one chunk of lane vectors. For each k it holds the chunk's vectors side by side, each with one
//! weight per unit of its group; units beyond the last are zero.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::buffer::{Buffer, NoMemory};
use super::element::Element;
use super::lanes::Lanes;
use super::layout::Layout;
use super::pass::{Chunk, PassLayout};
use super::segment::{PanelSource, SegmentLayout};
use super::sweep::part;

/// Columns of a matrix that are packed together.
const COLUMNS: usize = 64;

/// The most lanes a register has.
const MAX_LANES: usize = 16;

/// Packed weights of a cell.
#[derive(Debug, Clone)]
pub struct Packed<T> {
    /// What they are the weights of: cell, sizes and lanes of a register.
    cell: &'static str,
    sizes: Vec<usize>,
    lanes: usize,
    /// All panels.
    pub(crate) panels: Buffer<T>,
    /// Element-wise parameters by lead: for each group of units its vectors.
    pub(crate) vectors: Vec<Buffer<T>>,
    /// Scalar parameters.
    pub(crate) scalars: Buffer<T>,
}

impl<T: Element> Packed<T> {
    /// Room for the packed weights of a layout.
    pub(crate) fn new(layout: &Layout) -> Result<Self, NoMemory> {
        let vectors = layout
            .leads
            .iter()
            .map(|lead| Buffer::zeros(lead.params * lead.padded))
            .collect::<Result<_, _>>()?;
        Ok(Packed {
            cell: layout.cell,
            sizes: layout.sizes.clone(),
            lanes: layout.lanes,
            panels: Buffer::zeros(layout.panels_len)?,
            vectors,
            scalars: Buffer::zeros(layout.program.scalars.len())?,
        })
    }

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        let vectors: usize = self.vectors.iter().map(Buffer::bytes).sum();
        self.panels.bytes() + vectors + self.scalars.bytes()
    }

    /// Whether this was made for such a layout.
    pub(crate) fn fits(&self, layout: &Layout) -> bool {
        self.cell == layout.cell
            && self.sizes == layout.sizes
            && self.lanes == layout.lanes
            && self.panels.len() == layout.panels_len
            && self.vectors.len() == layout.leads.len()
            && self
                .vectors
                .iter()
                .zip(&layout.leads)
                .all(|(buffer, lead)| buffer.len() == lead.params * lead.padded)
    }
}

/// A thread's share of packing the parameters. Padding was zero from the start and is never written.
pub(crate) struct Pack<'a, T: Element> {
    pub layout: &'a Layout,
    pub params: &'a [T],
    pub packed: &'a Packed<T>,
    pub thread: usize,
    pub threads: usize,
}

impl<T: Element> WithSimd for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let layout = self.layout;
        for pass in layout.forward.iter().chain(&layout.backward) {
            self.pass(simd, pass);
        }
        self.pass(simd, &layout.input_gradient);
        if self.thread == 0 {
            self.vectors();
        }
    }
}

impl<T: Element> Pack<'_, T> {
    /// Element-wise parameters: for each group of units its vectors.
    fn vectors(&self) {
        let layout = self.layout;
        for vector in layout.program.vectors {
            let lead = layout.leads[vector.lead];
            let param = layout.params[vector.param];
            let values = &self.params[param.start..][..param.len()];
            let packed = self.packed.vectors[vector.lead].shared();
            for (plane, values) in values.chunks_exact(lead.units).enumerate() {
                let index = vector.slot.index(lead.cells) + plane;
                for (unit, &value) in values.iter().enumerate() {
                    let (group, lane) = (unit / layout.lanes, unit % layout.lanes);
                    let place = (group * lead.params + index) * layout.lanes + lane;
                    // SAFETY: the record of each group has the vector's place; only this thread writes vectors.
                    unsafe { *packed.add(place) = value };
                }
            }
        }
        for (index, &param) in layout.program.scalars.iter().enumerate() {
            // SAFETY: there is room for every scalar.
            unsafe {
                *self.packed.scalars.shared().add(index) = self.params[layout.params[param].start]
            };
        }
    }

    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, pass: &PassLayout) {
        for segment in &pass.segments {
            let k = segment.piece_len();
            let pieces = 0..segment.sources.len();
            // A few columns of a matrix at a time serve all groups of units, so that whole pages are read. The columns of a
            // transposed one each belong to a unit, and are read from end to end.
            let is_transposed = |source: &PanelSource| source.transposed;
            if segment.sources.iter().flatten().any(is_transposed) {
                self.blocks(simd, pass, segment, pieces, 0..k);
                continue;
            }
            for piece in pieces {
                for first_k in (0..k).step_by(COLUMNS) {
                    let some = first_k..k.min(first_k + COLUMNS);
                    self.blocks(simd, pass, segment, piece..piece + 1, some);
                }
            }
        }
    }

    /// Some k of some pieces, for this thread's blocks.
    #[inline(always)]
    fn blocks<S: Simd>(
        &self,
        simd: S,
        pass: &PassLayout,
        segment: &SegmentLayout,
        pieces: Range<usize>,
        some: Range<usize>,
    ) {
        for block in part(0..pass.blocks, self.thread, self.threads) {
            for chunk in pass.chunks(segment, block) {
                for member in 0..chunk.rows {
                    for piece in pieces.clone() {
                        let place = (block, chunk, member);
                        self.member(simd, pass, segment, place, piece, some.clone());
                    }
                }
            }
        }
    }

    /// One lane vector for each k of a piece.
    #[inline(always)]
    fn member<S: Simd>(
        &self,
        simd: S,
        pass: &PassLayout,
        segment: &SegmentLayout,
        (block, chunk, member): (usize, &Chunk, usize),
        piece: usize,
        some: Range<usize>,
    ) {
        let (layout, lanes) = (self.layout, self.layout.lanes);
        let units = layout.leads[pass.lead].units;
        let sources = &segment.sources[piece];
        let position = chunk.before + member;
        let first = (pass.first_group(block) + position / sources.len()) * lanes;
        if first >= units {
            // The last block may have fewer groups than its tile has room for.
            return;
        }
        let width = (units - first).min(lanes);
        let depth = segment.planes * segment.k;
        let panel = segment.start + block * segment.block_stride + chunk.before * depth * lanes;
        let stride = chunk.rows * lanes;
        let source = sources[position % sources.len()];
        let matrix = layout.params[source.param];
        let values = &self.params[matrix.start..][..matrix.len()];
        let row = source.plane * units + first;
        let target = panel + (piece * segment.piece_len() + some.start) * stride + member * lanes;
        // SAFETY: the layout gives each block a panel for each of its chunks, which is this thread's alone.
        let target = unsafe { self.packed.panels.shared().add(target) };
        let first_k = source.first_k + some.start;
        if source.transposed {
            let values = &values[row * matrix.rows + first_k..];
            transpose(simd, values, matrix.rows, width, some.len(), target, stride);
        } else {
            let values = &values[first_k * matrix.rows + row..];
            copy(simd, values, matrix.rows, width, some.len(), target, stride);
        }
    }
}

/// Copies `width` rows of `k` columns, each column to a lane vector.
#[inline(always)]
fn copy<T: Element, S: Simd>(
    simd: S,
    values: &[T],
    column: usize,
    width: usize,
    k: usize,
    target: *mut T,
    stride: usize,
) {
    for k in 0..k {
        let values = &values[k * column..][..width];
        // SAFETY: `values` has `width` elements, and the panel a lane vector for each k. Padding stays zero, because
        // the lanes behind `width` are not written.
        unsafe {
            Lanes::load_first(simd, values.as_ptr(), width)
                .store_first(target.add(k * stride), width);
        }
    }
}

/// Copies `k` rows of `width` columns, each row to a lane vector.
#[inline(always)]
fn transpose<T: Element, S: Simd>(
    simd: S,
    values: &[T],
    column: usize,
    width: usize,
    k: usize,
    target: *mut T,
    stride: usize,
) {
    let lanes = T::lanes::<S>();
    for first in (0..k).step_by(lanes) {
        let rows = lanes.min(k - first);
        let mut square = [Lanes::<T, S>::zero(simd); MAX_LANES];
        for (lane, unit) in square[..width].iter_mut().enumerate() {
            let values = &values[lane * column + first..][..rows];
            // SAFETY: there are so many values.
            *unit = unsafe { Lanes::load_first(simd, values.as_ptr(), rows) };
        }
        Lanes::transpose(&mut square);
        for (row, units) in square[..rows].iter().enumerate() {
            // SAFETY: the panel has a lane vector for each k.
            unsafe { units.store_first(target.add((first + row) * stride), width) };
        }
    }
}
