//! Packing: weights rearranged once so that a register tile reads them as one stream.
//!
//! A panel belongs to one chunk of lane vectors. For each k it holds the chunk's vectors side by side, each with one
//! weight per unit of its group; units beyond the last are zero.

use std::any::TypeId;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::buffer::{Buffer, CACHE_LINE, NoMemory};
use super::element::Element;
use super::lanes::Lanes;
use super::layout::Layout;
use super::pass::{Chunk, PassLayout};
use super::prefetch::prefetch;
use super::segment::{PanelSource, SegmentLayout};
use super::sweep::part;
use super::width::MAX_LANES;

/// Columns of a matrix that are packed together: few enough that a processor sees each as a stream of its own.
const COLUMNS: usize = 8;

/// How far ahead of what is copied a column is asked for, in cache lines.
const AHEAD: usize = 4;

/// How many blocks ahead what a copy will write is asked for: a store waits for its line, however little it needs of it.
const BLOCKS_AHEAD: usize = 2;

/// The same for a transposed matrix, in lane vectors of the panel.
const VECTORS_AHEAD: usize = 128;

/// Packed weights of a cell.
#[derive(Debug, Clone)]
pub struct Packed<T> {
    /// What they are the weights of: cell, sizes and lanes of a register, on which all lengths depend.
    id: TypeId,
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
            id: layout.id,
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
        self.id == layout.id && self.sizes == layout.sizes && self.lanes == layout.lanes
    }

    /// What this was made for, to be told to whoever needs another layout.
    pub(crate) fn made_for(&self, needed: &Layout) -> String {
        let other = match self.id != needed.id && self.cell == needed.cell {
            true => "another cell called ",
            false => "",
        };
        format!("{other}{}", describe(self.cell, &self.sizes, self.lanes))
    }

    /// What weights of a layout are made for.
    pub(crate) fn describe(layout: &Layout) -> String {
        describe(layout.cell, &layout.sizes, layout.lanes)
    }
}

fn describe(cell: &str, sizes: &[usize], lanes: usize) -> String {
    let plural = if lanes == 1 { "" } else { "s" };
    format!("{cell} with sizes {sizes:?} in registers of {lanes} number{plural}")
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
            let (pieces, k) = (segment.pieces(), segment.piece_len());
            let is_transposed = |source: &PanelSource| source.transposed;
            if segment.sources.iter().flatten().any(is_transposed) {
                // The columns of a transposed matrix each belong to a unit, and are read from end to end: what is at the same
                // place in all planes lies side by side there.
                let in_plane = segment.k / k;
                for first in 0..in_plane {
                    let some = (first..pieces).step_by(in_plane);
                    self.blocks(simd, pass, segment, some, 0..k);
                }
                continue;
            }
            // A few columns of a matrix at a time serve all groups of units, so that whole pages are read.
            for piece in 0..pieces {
                for first_k in (0..k).step_by(COLUMNS) {
                    let some = first_k..k.min(first_k + COLUMNS);
                    self.blocks(simd, pass, segment, [piece], some);
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
        pieces: impl IntoIterator<Item = usize> + Clone,
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
        let (sources, behind) = segment.sources(piece);
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
        let target = Target {
            // SAFETY: the layout gives each block a panel for each of its chunks, which is this thread's alone.
            first: unsafe { self.packed.panels.shared().add(target) },
            stride,
            ahead: match source.transposed {
                true => VECTORS_AHEAD * stride,
                false => BLOCKS_AHEAD * segment.block_stride,
            },
        };
        let first_k = source.first_k + behind + some.start;
        if source.transposed {
            let values = &values[row * matrix.rows + first_k..];
            transpose(simd, values, matrix.rows, width, some.len(), target);
        } else {
            let values = &values[first_k * matrix.rows + row..];
            copy(simd, values, matrix.rows, width, some.len(), target);
        }
    }
}

/// Where lane vectors go, one for each k.
#[derive(Debug, Clone, Copy)]
struct Target<T> {
    first: *mut T,
    /// From one to the next.
    stride: usize,
    /// From one to the place that is asked for when it is written.
    ahead: usize,
}

impl<T> Target<T> {
    /// The place for this k, which asks for the one ahead: near the end of a panel for some that nobody needs.
    #[inline(always)]
    fn of(&self, k: usize) -> *mut T {
        let place = self.first.wrapping_add(k * self.stride);
        prefetch(place.wrapping_add(self.ahead).cast_const());
        place
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
    target: Target<T>,
) {
    let is_full = width == T::lanes::<S>();
    for k in 0..k {
        let values = values[k * column..][..width].as_ptr();
        let target = target.of(k);
        prefetch(values.wrapping_byte_add(AHEAD * CACHE_LINE));
        // SAFETY: `values` has `width` elements, and the panel a lane vector for each k. Padding stays zero, because
        // the lanes behind `width` are not written.
        unsafe {
            match is_full {
                true => Lanes::load(simd, values).store(target),
                false => Lanes::load_first(simd, values, width).store_first(target, width),
            }
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
    target: Target<T>,
) {
    let lanes = T::lanes::<S>();
    for first in (0..k).step_by(lanes) {
        let rows = lanes.min(k - first);
        let values = &values[first..][..(width - 1) * column + rows];
        // SAFETY: each of `width` columns has `rows` values, and the panel a lane vector for each of them.
        unsafe {
            match rows.min(width) == lanes {
                true => transpose_square(simd, values.as_ptr(), column, first, target),
                false => {
                    transpose_part(simd, values.as_ptr(), column, (rows, width), first, target)
                }
            }
        }
    }
}

/// As many rows and columns as a register has lanes, for the lane vectors from the `first` on.
///
/// # Safety
/// So many numbers must be there in each column, and room for a lane vector for each row.
#[inline(always)]
unsafe fn transpose_square<T: Element, S: Simd>(
    simd: S,
    values: *const T,
    column: usize,
    first: usize,
    target: Target<T>,
) {
    let lanes = T::lanes::<S>();
    let mut square = [Lanes::<T, S>::zero(simd); MAX_LANES];
    // The loops are unrolled, as the compiler knows how many lanes there are: the square stays in registers.
    for (lane, unit) in square.iter_mut().enumerate().take(lanes) {
        // SAFETY: passed on from the caller.
        *unit = unsafe { Lanes::load(simd, values.add(lane * column)) };
    }
    Lanes::transpose(&mut square);
    for (row, units) in square.iter().enumerate().take(lanes) {
        // SAFETY: passed on from the caller.
        unsafe { units.store(target.of(first + row)) };
    }
}

/// Fewer of them. Padding stays zero, because the lanes behind the columns are not written.
///
/// # Safety
/// So many rows of numbers must be there in each column, and room for a lane vector for each row.
#[inline(always)]
unsafe fn transpose_part<T: Element, S: Simd>(
    simd: S,
    values: *const T,
    column: usize,
    (rows, columns): (usize, usize),
    first: usize,
    target: Target<T>,
) {
    let mut square = [Lanes::<T, S>::zero(simd); MAX_LANES];
    for (lane, unit) in square[..columns].iter_mut().enumerate() {
        // SAFETY: passed on from the caller.
        *unit = unsafe { Lanes::load_first(simd, values.add(lane * column), rows) };
    }
    Lanes::transpose(&mut square);
    for (row, units) in square[..rows].iter().enumerate() {
        // SAFETY: passed on from the caller.
        unsafe { units.store_first(target.of(first + row), columns) };
    }
}
