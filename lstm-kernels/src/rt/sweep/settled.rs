//! What stays the same from step to step where a pass is a single tile, as in every small network.
//!
//! Such a step is so short that finding panels, vectors and values takes longer than the arithmetic. So they are found once for a
//! sweep, and move on with each step.

use pulp::Simd;

use super::products::Products;
use super::share::Strip;
use crate::rt::element::Element;
use crate::rt::memory::VectorPlace;
use crate::rt::moving::{Moving, distance};
use crate::rt::pass::{Chunk, MAX_ROWS};
use crate::rt::program::Operand;
use crate::rt::run::Run;
use crate::rt::tile::{self, MAX_RUNS, TileFn, TileProduct};

/// What stays the same in the first passes of a step; few cells have more.
pub(crate) type Settled<T, S, G> = [Option<SettledPass<T, S, G>>; 2];

/// The most products of a strip of which this is kept: what has more is no small network.
const MAX_PRODUCTS: usize = 4;

/// The most groups of units, likewise.
const MAX_GROUPS: usize = 8;

/// Fewer steps than these do not gain by it.
pub(crate) const WORTH_SETTLING: usize = 4;

/// A product but for the first of its sums.
struct SettledProduct<T, S> {
    tile: TileFn<T, S>,
    /// A run for each segment, of which it has those of some.
    runs: [Run<T>; MAX_RUNS],
    segments: (usize, usize),
    rows: [usize; MAX_ROWS],
    add: bool,
}

/// The only strip of a pass at the step that comes next: its products, and what the equations of each group see, as tiles of
/// type `G`.
///
/// From step to step places move by the same distance, or to and fro, where two slots take turns.
pub(crate) struct SettledPass<T, S, G: Moving> {
    pub strip: Strip,
    /// From the sums of one block to the next; where the first are differs from step to step.
    block: usize,
    products: [Option<SettledProduct<T, S>>; MAX_PRODUCTS],
    /// What the equations of each group see: the first so many of these.
    tiles: [G; MAX_GROUPS],
    groups: usize,
    /// How far the vector of each segment moves to the next step, and from that to the one after it.
    vector_distances: [[isize; MAX_RUNS]; 2],
    /// The same for each tile.
    tile_distances: [[G::Distances; MAX_GROUPS]; 2],
    /// Which of two distances comes next.
    turn: usize,
}

impl<T: Element, S: Simd, G: Moving> SettledPass<T, S, G> {
    /// What stays the same of these products, those of the only strip of a pass, where vectors and tiles of the first three
    /// steps, in the order of the sweep, are as `place` and `tile` say. Nothing where sums begin at zero without a product or
    /// beside sums that go on, and where there is much.
    #[inline(never)]
    pub fn new(
        products: &Products<'_, T>,
        place: &dyn Fn(Operand, usize) -> Option<VectorPlace<T>>,
        tile: &dyn Fn(usize, usize) -> G,
    ) -> Option<Self> {
        let segments = products.which.segments(products.pass);
        if products.which.has_idle_rows(products.pass) || segments.is_empty() {
            return None;
        }
        let groups = products.strip.groups(products.layout, products.pass);
        // What is behind the last group is never seen.
        let some = tile(groups.start, 0);
        let mut tiles = [some; MAX_GROUPS];
        let mut tile_distances = [[some.distances(&some); MAX_GROUPS]; 2];
        for (index, group) in groups.clone().enumerate() {
            let [first, second, third] = [0, 1, 2].map(|step| tile(group, step));
            *tiles.get_mut(index)? = first;
            tile_distances[0][index] = first.distances(&second);
            tile_distances[1][index] = second.distances(&third);
        }
        let mut settled = SettledPass {
            strip: products.strip,
            block: products.accumulators.block,
            products: [const { None }; MAX_PRODUCTS],
            tiles,
            groups: groups.len(),
            vector_distances: [[0; MAX_RUNS]; 2],
            tile_distances,
            turn: 0,
        };
        for (turn, distances) in settled.vector_distances.iter_mut().enumerate() {
            let known = distances.get_mut(..segments.len())?;
            for (known, segment) in known.iter_mut().zip(segments) {
                let [from, to] = [turn, turn + 1].map(|step| place(segment.operand, step));
                *known = distance(from?.base, to?.base);
            }
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
                    *run = products.run(segment, chunk, place(segment.operand, 0)?);
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

    /// Computes the products, whose sums begin at `base`.
    ///
    /// # Safety
    /// The next step is one of the sweep that this was made for, and its sums begin there.
    #[inline(always)]
    pub unsafe fn compute(&self, simd: S, base: *mut T) {
        for settled in self.products.iter().map_while(Option::as_ref) {
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
    }

    /// What the equations of each group see.
    #[inline(always)]
    pub fn tiles(&mut self) -> &mut [G] {
        &mut self.tiles[..self.groups]
    }

    /// Goes on to the step after it.
    #[inline(always)]
    pub fn advance(&mut self) {
        let turn = self.turn;
        for settled in self.products.iter_mut().map_while(Option::as_mut) {
            // All of them, so that the loop is unrolled.
            for (run, &distance) in settled.runs.iter_mut().zip(&self.vector_distances[turn]) {
                run.vector = run.vector.wrapping_byte_offset(distance);
            }
        }
        let tiles = self.tiles.iter_mut().take(self.groups);
        for (tile, distances) in tiles.zip(&self.tile_distances[turn]) {
            tile.advance(distances);
        }
        self.turn = 1 - turn;
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use pulp::Scalar;

    use crate::cells::Lstm;
    use crate::rt::layout::Layout;
    use crate::rt::memory::Memory;
    use crate::rt::panel::Packed;
    use crate::rt::sweep::{ColumnGrid, Forward, Share};
    use crate::{Cell, Element, Width};

    /// Whether what an LSTM of so many units does with so many samples is found once for so many steps, without SIMD.
    fn is_settled(units: usize, samples: usize, steps: usize) -> bool {
        let (id, spec, program) = (TypeId::of::<Lstm>(), &Lstm::SPEC, const { &Lstm::PROGRAM });
        let layout = Layout::new(id, spec, program, &[3, units], 1, 16);
        let packed = Packed::<f32>::new(&layout).unwrap();
        let memory = Memory::new(&layout, 2, samples, false, 1).unwrap();
        let token = Width::Scalar.token().unwrap();
        let forward = Forward {
            layout: &layout,
            equations: f32::equations::<Lstm>().forward(token, false),
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
