//! Packing: weights rearranged once so that a register tile reads them as one stream.
//!
//! A panel belongs to one chunk of lane vectors. For each k it holds the chunk's vectors side by side, each with one
//! weight per unit of its group; units beyond the last are zero.

use pulp::{Simd, WithSimd};

use super::buffer::Buffer;
use super::element::Element;
use super::lanes::Lanes;
use super::layout::Layout;
use super::pass::{Chunk, PassLayout, SegmentLayout};
use super::sweep::part;

/// The most lanes a register has.
const MAX_LANES: usize = 16;

/// Packed weights of a cell.
#[derive(Debug, Clone)]
pub struct Packed<T> {
    /// All panels.
    pub(crate) panels: Buffer<T>,
    /// Element-wise parameters by lead: for each group of units its vectors.
    pub(crate) vectors: Vec<Buffer<T>>,
    /// Scalar parameters.
    pub(crate) scalars: Buffer<T>,
}

impl<T: Element> Packed<T> {
    /// Room for the packed weights of a layout.
    pub(crate) fn new(layout: &Layout) -> Self {
        let vectors = layout
            .leads
            .iter()
            .map(|lead| Buffer::zeros(lead.params * lead.padded))
            .collect();
        Packed {
            panels: Buffer::zeros(layout.panels_len),
            vectors,
            scalars: Buffer::zeros(layout.program.scalars.len()),
        }
    }

    /// Whether this was made for such a layout.
    pub(crate) fn fits(&self, layout: &Layout) -> bool {
        self.panels.len() == layout.panels_len
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
            for block in part(0..pass.blocks, self.thread, self.threads) {
                for chunk in &segment.chunks {
                    for member in 0..chunk.rows {
                        self.member(simd, pass, segment, block, chunk, member);
                    }
                }
            }
        }
    }

    /// One lane vector for each k.
    #[inline(always)]
    fn member<S: Simd>(
        &self,
        simd: S,
        pass: &PassLayout,
        segment: &SegmentLayout,
        block: usize,
        chunk: &Chunk,
        member: usize,
    ) {
        let (layout, lanes) = (self.layout, self.layout.lanes);
        let units = layout.leads[pass.lead].units;
        let targets = segment.sources[0].len();
        let position = chunk.before + member;
        let first = (block * pass.groups + position / targets) * lanes;
        if first >= units {
            // The last block may have fewer groups than its tile has room for.
            return;
        }
        let width = (units - first).min(lanes);
        let depth = segment.planes * segment.k;
        let panel = segment.start + block * segment.block_stride + chunk.before * depth * lanes;
        let stride = chunk.rows * lanes;
        for (piece, sources) in segment.sources.iter().enumerate() {
            let source = sources[position % targets];
            let matrix = layout.params[source.param];
            let values = &self.params[matrix.start..][..matrix.len()];
            let row = source.plane * units + first;
            let target = panel + piece * segment.k * stride + member * lanes;
            // SAFETY: the layout gives each block a panel for each of its chunks, which is this thread's alone.
            let target = unsafe { self.packed.panels.shared().add(target) };
            if source.transposed {
                let values = &values[row * matrix.rows + source.first_k..];
                transpose(simd, values, matrix.rows, width, segment.k, target, stride);
            } else {
                let values = &values[source.first_k * matrix.rows + row..];
                copy(simd, values, matrix.rows, width, segment.k, target, stride);
            }
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
    let whole = if width == lanes { k / lanes * lanes } else { 0 };
    for first in (0..whole).step_by(lanes) {
        // A square at a time, read and written along contiguous memory.
        let mut square = [T::default(); MAX_LANES * MAX_LANES];
        for lane in 0..lanes {
            let values = &values[lane * column + first..][..lanes];
            let row = &mut square[lane * lanes..][..lanes];
            // SAFETY: both slices are a register long.
            unsafe { Lanes::load(simd, values.as_ptr()).store(row.as_mut_ptr()) };
        }
        for k in 0..lanes {
            for lane in 0..lanes {
                // SAFETY: the panel has a lane vector for each k.
                unsafe { *target.add((first + k) * stride + lane) = square[lane * lanes + k] };
            }
        }
    }
    for k in whole..k {
        for lane in 0..width {
            // SAFETY: as above.
            unsafe { *target.add(k * stride + lane) = values[lane * column + k] };
        }
    }
}
