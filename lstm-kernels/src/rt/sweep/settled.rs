//! What stays the same from step to step where a pass is a single tile, as in every small network.
//!
//! Such a step is so short that finding panels and vectors takes longer than multiplying them. So they are found once for
//! a sweep, and a step only says where its vectors and sums lie.

use pulp::Simd;

use super::products::Products;
use super::turns::Turns;
use crate::rt::element::Element;
use crate::rt::memory::VectorPlace;
use crate::rt::pass::{Chunk, MAX_ROWS};
use crate::rt::program::Operand;
use crate::rt::run::Run;
use crate::rt::tile::{self, MAX_RUNS, TileFn, TileProduct};

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
    add: bool,
}

/// The only strip of a pass, and its products.
pub(crate) struct SettledPass<T, S> {
    /// The one turn that this strip is.
    pub turns: Turns,
    /// From the sums of one block to the next; where the first are differs from step to step.
    block: usize,
    /// For each segment its vector, and where it begins to read, from the beginning of that.
    vectors: ([(Operand, isize); MAX_RUNS], usize),
    products: [Option<SettledProduct<T, S>>; MAX_PRODUCTS],
}

impl<T: Element, S: Simd> SettledPass<T, S> {
    /// What stays the same of these products, those of the only strip of a pass. Nothing where sums begin at zero without a
    /// product or beside sums that go on, and where there are many products.
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
            block: products.accumulators.block,
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
                *room.next()? = Some(Self::product(products, some.len(), chunk, runs, first)?);
            }
        }
        Some(settled)
    }

    /// The product of a chunk with so many segments from the first of them on.
    fn product(
        products: &Products<'_, T>,
        segments: usize,
        chunk: &Chunk,
        runs: [Run<T>; MAX_RUNS],
        first: usize,
    ) -> Option<SettledProduct<T, S>> {
        let strip = products.strip;
        let is_later = chunk.continues && !products.has_equal_segments::<S>();
        let has_fresh_rows = is_later && !products.adds() && !chunk.all_continue;
        (!has_fresh_rows).then(|| SettledProduct {
            tile: tile::of_shape::<T, S>(chunk.rows, strip.samples, strip.blocks),
            runs,
            segments: (first, first + segments),
            rows: products.rows(chunk),
            add: products.adds() || is_later,
        })
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
            let product = TileProduct {
                runs: &settled.runs[first..end],
                accumulators: base,
                rows: settled.rows,
                accumulators_stride: self.block,
                add: settled.add,
            };
            // SAFETY: the tile is that of the strip's shape, for which the runs and the layout of the sums were made.
            unsafe { (settled.tile)(simd, &product) };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use pulp::Scalar;

    use crate::Cell;
    use crate::cells::Lstm;
    use crate::rt::layout::Layout;
    use crate::rt::memory::Memory;
    use crate::rt::panel::Packed;
    use crate::rt::sweep::{ColumnGrid, Forward, Share};

    /// Whether what an LSTM of so many units does with so many samples is found once for so many steps, without SIMD.
    fn is_settled(units: usize, samples: usize, steps: usize) -> bool {
        let (id, spec, program) = (TypeId::of::<Lstm>(), &Lstm::SPEC, const { &Lstm::PROGRAM });
        let layout = Layout::new(id, spec, program, &[3, units], 1, 2);
        let packed = Packed::<f32>::new(&layout).unwrap();
        let memory = Memory::new(&layout, 2, samples, false, 1).unwrap();
        let forward = Forward {
            layout: &layout,
            packed: &packed,
            share: Share {
                thread: 0,
                samples: 0..samples,
                part: 0,
                parts: 1,
                together: None,
                relief: None,
            },
            steps,
            input: ColumnGrid::none(),
            output: ColumnGrid::none(),
            memory: &memory,
        };
        forward.settle::<Scalar>(0, true).is_some()
    }

    #[test]
    fn only_what_is_one_tile_is_found_once_for_many_steps() {
        assert!(is_settled(4, 1, 9) && is_settled(1, 6, 4));
        // Several turns; several tiles; few steps.
        assert!(!is_settled(40, 1, 9) && !is_settled(1, 7, 9) && !is_settled(4, 1, 3));
    }
}
