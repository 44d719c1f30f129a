//! The matrix products of a strip.
//!
//! The tiles of a strip take turns on [pieces](crate::rt::pieces) of a panel: each piece comes once from a farther cache, and then lies
//! near for all of them; while they work on it, they ask for the next one. Sums wait in memory meanwhile; every one
//! is still a single chain over k in order.

use pulp::Simd;

use super::cuts::sample_tiles;
use super::share::Strip;
use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::VectorPlace;
use crate::rt::pass::{Chunk, MAX_ROWS, PassLayout};
use crate::rt::prefetch::{Asked, Coming};
use crate::rt::program::Operand;
use crate::rt::run::Run;
use crate::rt::segment::SegmentLayout;
use crate::rt::tile::{self, MAX_RUNS, MAX_SAMPLES, TileProduct};
use crate::rt::width::is_for_old_machines;

/// Where the accumulators of a strip are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accumulators<T> {
    pub base: *mut T,
    /// From one row to the next; the samples of a row lie side by side.
    pub row: usize,
    /// From one block of groups to the next.
    pub block: usize,
}

impl<T> Accumulators<T> {
    /// Those of a strip alone, side by side from `base` on.
    #[inline(always)]
    pub fn of_strip(base: *mut T, layout: &Layout, pass: &PassLayout, strip: Strip) -> Self {
        let row = strip.samples * layout.lanes;
        Accumulators {
            base,
            row,
            block: pass.groups_of(strip.first_block) * pass.rows * row,
        }
    }

    /// The first of a group.
    #[inline(always)]
    pub fn of_group(&self, pass: &PassLayout, strip: Strip, group: usize) -> *mut T {
        let before = group - pass.first_group(strip.first_block);
        self.base.wrapping_add(before * pass.rows * self.row)
    }
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

impl Which {
    /// What is left to do in the so-many-th of the steps that ran ahead, or in a step that did not.
    #[inline(always)]
    pub fn left(ahead: Option<usize>) -> Self {
        match ahead {
            Some(_) => Which::Others,
            None => Which::All,
        }
    }

    #[inline(always)]
    pub fn segments(self, pass: &PassLayout) -> &[SegmentLayout] {
        match self {
            Which::All => &pass.segments,
            Which::Input => &pass.segments[..pass.input_segments],
            Which::Others => &pass.segments[pass.input_segments..],
        }
    }

    /// Whether some rows have no product, so that all are zeroed first.
    #[inline(always)]
    pub fn has_idle_rows(self, pass: &PassLayout) -> bool {
        match self {
            Which::All => pass.has_idle_rows,
            Which::Input => pass.has_rows_without_input,
            Which::Others => false,
        }
    }
}

/// Products of a strip: what is multiplied, and where the sums go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Products<'a, T> {
    pub layout: &'a Layout,
    pub pass: &'a PassLayout,
    pub panels: *const T,
    pub accumulators: Accumulators<T>,
    pub strip: Strip,
    pub which: Which,
}

impl<T: Element> Products<'_, T> {
    /// Computes them. `place` finds the vector of a segment at the first sample of the batch, or nothing where the vector is
    /// known to be zero. What is needed afterwards is asked for, a little with each tile.
    #[inline(always)]
    pub fn compute<S: Simd>(
        &self,
        simd: S,
        place: impl Fn(Operand) -> Option<VectorPlace<T>>,
        coming: &mut Coming<T>,
    ) {
        let (pass, strip, which) = (self.pass, self.strip, self.which);
        if !self.has_equal_segments::<S>() {
            self.compute_separately(simd, &place, coming);
            return;
        }
        let idle = which.has_idle_rows(pass);
        if idle {
            zero(self.layout, pass, self.accumulators, strip, None);
        }
        // All segments add to the same rows in the same order: each chunk is one product over all of them.
        let segments = which.segments(pass);
        for index in 0..self.chunks(&segments[0]).len() {
            let mut runs = [Run::NONE; MAX_RUNS];
            let mut count = 0;
            for segment in segments {
                if let Some(vector) = place(segment.operand) {
                    let chunk = &self.chunks(segment)[index];
                    runs[count] = self.run(segment, chunk, vector);
                    count += 1;
                }
            }
            let chunk = &self.chunks(&segments[0])[index];
            let add = idle || self.adds();
            // SAFETY: as in `run`; every row of a strip has an accumulator.
            unsafe { self.multiply(simd, chunk, &mut runs[..count], add, coming) };
        }
    }

    /// The same segment by segment, which may add to different rows.
    #[inline(never)]
    fn compute_separately<S: Simd>(
        &self,
        simd: S,
        place: &dyn Fn(Operand) -> Option<VectorPlace<T>>,
        coming: &mut Coming<T>,
    ) {
        let Products {
            layout,
            pass,
            accumulators,
            strip,
            which,
            ..
        } = *self;
        let segments = which.segments(pass);
        let is_zero = |segment: &SegmentLayout| place(segment.operand).is_none();
        // Where a product is left out, so is the beginning of its sums.
        let idle =
            which.has_idle_rows(pass) || (which == Which::All && segments.iter().any(is_zero));
        if idle {
            zero(layout, pass, accumulators, strip, None);
        }
        let add_all = idle || self.adds();
        for segment in segments {
            let Some(vector) = place(segment.operand) else {
                continue;
            };
            for chunk in self.chunks(segment) {
                if chunk.continues && !chunk.all_continue && !add_all {
                    // The chunk adds to sums begun earlier, so its fresh rows start from zero.
                    zero(layout, pass, accumulators, strip, Some((segment, chunk)));
                }
                let run = self.run(segment, chunk, vector);
                let add = add_all || chunk.continues;
                // SAFETY: as in `run`; every row of a strip has an accumulator.
                unsafe { self.multiply(simd, chunk, &mut [run], add, coming) };
            }
        }
    }

    /// The chunks of a segment in this strip.
    #[inline(always)]
    pub fn chunks<'s>(&self, segment: &'s SegmentLayout) -> &'s [Chunk] {
        self.pass.chunks(segment, self.strip.first_block)
    }

    /// Whether each chunk is one product over all segments.
    #[inline(always)]
    pub fn has_equal_segments<S: Simd>(&self) -> bool {
        self.pass.has_equal_segments && !is_for_old_machines::<S>()
    }

    /// Whether sums are there already.
    #[inline(always)]
    pub fn adds(&self) -> bool {
        self.which == Which::Others
    }

    /// Where the lane vectors of a chunk are summed, from the first accumulator on.
    #[inline(always)]
    pub fn rows(&self, chunk: &Chunk) -> [usize; MAX_ROWS] {
        (chunk.targets)
            .map(|(group, target)| (group * self.pass.rows + target) * self.accumulators.row)
    }

    /// The products of a chunk of a segment: the layout gives every block a panel of `planes * k * rows` lane vectors, and
    /// every sample has a vector of `planes` pieces of length k.
    #[inline(always)]
    pub fn run(&self, segment: &SegmentLayout, chunk: &Chunk, vector: VectorPlace<T>) -> Run<T> {
        let strip = self.strip;
        let numbers = segment.planes * segment.k * self.layout.lanes;
        let block = segment.start + strip.first_block * segment.block_stride;
        let panel = self.panels.wrapping_add(block + chunk.before * numbers);
        let end = panel.wrapping_add(chunk.rows * numbers);
        let is_last = || {
            self.chunks(segment)
                .last()
                .is_some_and(|last| std::ptr::eq(last, chunk))
        };
        let next = match strip.backwards && is_last() {
            true => (self.panels).wrapping_add(block.wrapping_sub(segment.block_stride)),
            false => end,
        };
        Run {
            planes: segment.planes,
            k: segment.k,
            panel,
            panel_stride: segment.block_stride,
            vector: vector
                .base
                .wrapping_add(segment.skip * vector.plane)
                .wrapping_offset(strip.first_sample as isize * vector.sample),
            plane_stride: segment.plane_stride.unwrap_or(vector.plane),
            vector_stride: vector.sample,
            next: next.addr().wrapping_sub(panel.addr()),
            turns_asked: 0,
            asked: Asked::only(next),
            is_far: segment.is_far::<T>(self.pass.blocks),
        }
    }

    /// # Safety
    /// The runs are made by `run` for this chunk, and the accumulators have a lane vector for each block, row and sample.
    #[inline(always)]
    unsafe fn multiply<S: Simd>(
        &self,
        simd: S,
        chunk: &Chunk,
        runs: &mut [Run<T>],
        add: bool,
        coming: &mut Coming<T>,
    ) {
        let strip = self.strip;
        if strip.samples <= MAX_SAMPLES {
            let product = self.product::<S>(chunk, runs, 0, 0, add);
            // SAFETY: passed on from the caller.
            unsafe { tile::product(simd, chunk.rows, strip.samples, strip.blocks, &product) };
        } else {
            // SAFETY: passed on from the caller.
            unsafe { self.take_turns(simd, chunk, runs, add, coming) };
        }
    }

    /// The product of a chunk with the samples of a tile, from the so-many-th of the strip on, in the so-many-th of its blocks.
    #[inline(always)]
    fn product<'r, S: Simd>(
        &self,
        chunk: &Chunk,
        runs: &'r [Run<T>],
        block: usize,
        first: usize,
        add: bool,
    ) -> TileProduct<'r, T> {
        let before = block * self.accumulators.block + first * T::lanes::<S>();
        TileProduct {
            runs,
            accumulators: self.accumulators.base.wrapping_add(before),
            rows: self.rows(chunk),
            accumulators_stride: self.accumulators.block,
            add,
        }
    }

    /// The tiles of a strip of several, block by block, in turns on pieces of the panel. Runs move on from tile to tile where they
    /// are: what was written number by number and is copied at once has to reach the cache first, which takes longer than all the
    /// rest.
    ///
    /// # Safety
    /// As for [`multiply`](Self::multiply).
    #[inline(never)]
    unsafe fn take_turns<S: Simd>(
        &self,
        simd: S,
        chunk: &Chunk,
        runs: &mut [Run<T>],
        add: bool,
        coming: &mut Coming<T>,
    ) {
        let (rows, blocks) = (chunk.rows, self.strip.blocks);
        let panel_numbers = rows * T::lanes::<S>();
        let bytes = panel_numbers * size_of::<T>();
        let tiles = sample_tiles(&(0..self.strip.samples));
        let pieces = self.layout.pieces;
        let all: usize = runs.iter().map(|run| run.planes * run.k * bytes).sum();
        if all <= pieces.panel {
            for block in 0..blocks {
                // No turns are needed, so each tile keeps its sums in registers to the end. Without products it sets them to zero.
                // Its call is written out here and below: one closure for both made 128 units 2 % slower.
                for (first, samples) in tiles.clone() {
                    for run in runs.iter_mut() {
                        run.ask::<S>(coming);
                    }
                    let product = self.product::<S>(chunk, runs, block, first, add);
                    // SAFETY: passed on from the caller: the runs are its runs, in this block and from one of its samples on.
                    unsafe { tile::product(simd, rows, samples, 1, &product) };
                    for run in runs.iter_mut() {
                        run.pass_on(samples);
                    }
                }
                for run in runs.iter_mut() {
                    run.next_block(self.strip.samples);
                }
            }
            return;
        }
        for block in 0..blocks {
            let mut add = add;
            for run in runs.iter_mut() {
                // Several short planes at a time, or pieces of a long one.
                let len = run.k * bytes;
                let (planes, k) = match len <= pieces.panel {
                    true => (even_length(run.planes, pieces.panel / len), run.k),
                    false => {
                        let k = even_length(run.k, (pieces.panel / bytes).max(1));
                        (1, k.next_multiple_of(tile::MAX_AT_ONCE))
                    }
                };
                for plane in (0..run.planes).step_by(planes) {
                    let planes = plane..run.planes.min(plane + planes);
                    for first_k in (0..run.k).step_by(k) {
                        let piece = first_k..run.k.min(first_k + k);
                        let mut piece = [run.part(planes.clone(), piece, panel_numbers)];
                        for (first, samples) in tiles.clone() {
                            piece[0].ask::<S>(coming);
                            let product = self.product::<S>(chunk, &piece, block, first, add);
                            // SAFETY: passed on from the caller: the run is a part of one of its runs, in this block and from one of
                            // its samples on.
                            unsafe { tile::product(simd, rows, samples, 1, &product) };
                            piece[0].pass_on(samples);
                        }
                        add = true;
                    }
                }
                run.next_block(0);
            }
        }
    }
}

/// The length of nearly equal parts, none of them longer than so much.
fn even_length(whole: usize, most: usize) -> usize {
    whole.div_ceil(whole.div_ceil(most))
}

/// Zeroes the accumulators of a strip: all rows, or those that a chunk begins.
#[inline(never)]
fn zero<T: Element>(
    layout: &Layout,
    pass: &PassLayout,
    accumulators: Accumulators<T>,
    strip: Strip,
    fresh: Option<(&SegmentLayout, &Chunk)>,
) {
    let clear = |block: usize, row: usize| {
        let start = block * accumulators.block + row * accumulators.row;
        // SAFETY: the strip has a lane vector for each block, row and sample.
        unsafe {
            let start = accumulators.base.add(start);
            std::ptr::write_bytes(start, 0, strip.samples * layout.lanes);
        }
    };
    for block in 0..strip.blocks {
        match fresh {
            None => {
                (0..pass.groups_of(strip.first_block) * pass.rows).for_each(|row| clear(block, row))
            }
            Some((segment, chunk)) => chunk.targets[..chunk.rows]
                .iter()
                .filter(|(_, row)| segment.fresh.contains(row))
                .for_each(|&(group, row)| clear(block, group * pass.rows + row)),
        }
    }
}
