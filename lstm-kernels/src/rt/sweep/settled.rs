//! What stays the same from step to step where a pass is a single tile, as in every small network.
//!
//! Such a step is so short that finding panels and vectors takes longer than multiplying them. So they are found once for
//! a sweep, and a step only says where its vectors and sums lie.

use pulp::Simd;

use super::Strip;
use super::products::{Accumulators, Products};
use super::turns::Turns;
use crate::rt::element::Element;
use crate::rt::memory::VectorPlace;
use crate::rt::pass::{Chunk, MAX_ROWS};
use crate::rt::program::Operand;
use crate::rt::segment::SegmentLayout;
use crate::rt::tile::{self, MAX_RUNS, Run, TileFn, TileProduct};

/// What stays the same in the first passes of a step; few cells have more.
pub(crate) type Settled<T, S> = [Option<SettledPass<T, S>>; 2];

/// The most products of a strip of which this is kept: what has more is no small network.
const MAX_PRODUCTS: usize = 4;

/// Fewer steps than these do not gain by it.
pub(crate) const WORTH_SETTLING: usize = 4;

/// A product but for its vectors and the first of its sums.
struct SettledProduct<T, S> {
    tile: TileFn<T, S>,
    /// A run for each segment, of which it has those of some.
    runs: [Run<T>; MAX_RUNS],
    segments: (usize, usize),
    rows: [usize; MAX_ROWS],
    /// The rows that begin at zero, where others go on: the first so many of these.
    fresh: ([usize; MAX_ROWS], usize),
    add: bool,
}

/// The only strip of a pass, and its products.
pub(crate) struct SettledPass<T, S> {
    /// The one turn that this strip is.
    pub turns: Turns,
    strip: Strip,
    /// How sums are laid out; where they begin differs from step to step.
    accumulators: Accumulators<T>,
    /// For each segment its vector, and where it begins to read, from the beginning of that.
    vectors: ([(Operand, isize); MAX_RUNS], usize),
    products: [Option<SettledProduct<T, S>>; MAX_PRODUCTS],
}

impl<T: Element, S: Simd> SettledPass<T, S> {
    /// What stays the same of these products, those of the only strip of a pass; nothing where sums begin at zero without a
    /// product, and where there are many products.
    #[inline(never)]
    pub fn new(
        products: &Products<'_, T>,
        turns: Turns,
        place: &dyn Fn(Operand) -> Option<VectorPlace<T>>,
    ) -> Option<Self> {
        let segments = products.which.segments(products.pass);
        if products.which.has_idle_rows(products.pass) || segments.is_empty() {
            return None;
        }
        let mut settled = SettledPass {
            turns,
            strip: products.strip,
            accumulators: products.accumulators,
            vectors: ([(Operand::Input, 0); MAX_RUNS], segments.len()),
            products: [const { None }; MAX_PRODUCTS],
        };
        let known = settled.vectors.0.get_mut(..segments.len())?;
        for (known, segment) in known.iter_mut().zip(segments) {
            let vector = place(segment.operand)?;
            let run = products.run(segment, products.chunks(segment).first()?, vector);
            let bytes = run.vector.addr().wrapping_sub(vector.base.addr()) as isize;
            *known = (segment.operand, bytes / size_of::<T>() as isize);
        }
        // All segments in one product, or each in products of its own, as in `Products::compute`.
        let at_once = match products.has_equal_segments::<S>() {
            true => segments.len(),
            false => 1,
        };
        let mut room = settled.products.iter_mut();
        for first in (0..segments.len()).step_by(at_once) {
            let some = &segments[first..first + at_once];
            let chunks = products.chunks(&segments[first]);
            for (index, chunk) in chunks.iter().enumerate() {
                let mut runs = [Run::NONE; MAX_RUNS];
                for (run, segment) in runs[first..].iter_mut().zip(some) {
                    let chunk = &products.chunks(segment)[index];
                    *run = products.run(segment, chunk, place(segment.operand)?);
                }
                let product = Self::product(products, some, chunk, runs, first);
                *room.next()? = Some(product);
            }
        }
        Some(settled)
    }

    fn product(
        products: &Products<'_, T>,
        segments: &[SegmentLayout],
        chunk: &Chunk,
        runs: [Run<T>; MAX_RUNS],
        first: usize,
    ) -> SettledProduct<T, S> {
        let strip = products.strip;
        let rows = products.rows(chunk);
        let mut fresh = ([0; MAX_ROWS], 0);
        let is_equal = products.has_equal_segments::<S>();
        let add = products.adds() || (!is_equal && chunk.continues);
        if add && !products.adds() && !chunk.all_continue {
            for (place, (_, row)) in rows[..chunk.rows].iter().zip(chunk.targets) {
                if segments[0].fresh.contains(&row) {
                    fresh.0[fresh.1] = *place;
                    fresh.1 += 1;
                }
            }
        }
        SettledProduct {
            tile: tile::of_shape::<T, S>(chunk.rows, strip.samples, strip.blocks),
            runs,
            segments: (first, first + segments.len()),
            rows,
            fresh,
            add,
        }
    }

    /// Computes the products of a step whose sums begin at `base`. Not if a vector is known to be zero.
    ///
    /// # Safety
    /// The places are those of a step of the sweep that this was made for.
    #[inline(always)]
    pub unsafe fn compute(
        &mut self,
        simd: S,
        base: *mut T,
        place: impl Fn(Operand) -> Option<VectorPlace<T>>,
    ) -> bool {
        let mut vectors = [std::ptr::null(); MAX_RUNS];
        let (known, count) = &self.vectors;
        for (vector, &(operand, from)) in vectors.iter_mut().zip(&known[..*count]) {
            let Some(place) = place(operand) else {
                return false;
            };
            *vector = place.base.wrapping_offset(from);
        }
        for settled in &mut self.products {
            let Some(settled) = settled else { break };
            // All of them, so that the loop is unrolled.
            for (run, vector) in settled.runs.iter_mut().zip(vectors) {
                run.vector = vector;
            }
            let (first, end) = settled.segments;
            if settled.fresh.1 > 0 {
                // SAFETY: passed on from the caller: every row of the strip has sums there.
                unsafe { settled.begin_fresh_rows(base, self.strip, self.accumulators) };
            }
            let product = TileProduct {
                runs: &settled.runs[first..end],
                accumulators: base,
                rows: settled.rows,
                accumulators_stride: self.accumulators.block,
                add: settled.add,
            };
            // SAFETY: the tile is that of the strip's shape, for which the runs and the layout of the sums were made.
            unsafe { (settled.tile)(simd, &product) };
        }
        true
    }
}

impl<T: Element, S: Simd> SettledProduct<T, S> {
    /// Sets the sums of its fresh rows to zero. A call of its own, as what stays in registers matters more where there are none.
    ///
    /// # Safety
    /// The strip has a lane vector for each row, block and sample from `base` on.
    #[inline(never)]
    unsafe fn begin_fresh_rows(&self, base: *mut T, strip: Strip, sums: Accumulators<T>) {
        let (fresh, count) = &self.fresh;
        for row in &fresh[..*count] {
            for block in 0..strip.blocks {
                // SAFETY: passed on from the caller; the samples of a row lie side by side.
                unsafe {
                    let first = base.add(row + block * sums.block);
                    std::ptr::write_bytes(first, 0, strip.samples * T::lanes::<S>());
                }
            }
        }
    }
}
