//! The passes of a step bound to sizes: blocks of groups of units, and the panels that they multiply.

use super::layout::Layout;
use super::program::{Operand, Pass, Product, Record, Slot};
use super::segment::{SegmentLayout, Stretch};
use super::tile::{MAX_RUNS, MAX_SAMPLES, MAX_TILES_OF_BLOCKS};
use crate::cell::CellSpec;

/// Rows of a panel chunk: at most this many lane vectors share one pass over k.
pub const MAX_ROWS: usize = 4;

/// The same for an instruction set with so many registers, where sums of six samples must fit beside what they are formed of.
pub const fn max_rows(registers: usize) -> usize {
    if registers >= 32 {
        MAX_ROWS
    } else {
        MAX_ROWS / 2
    }
}

/// Multiplications of a strip that is long enough.
const LONG_STRIP: usize = 1 << 21;

/// Lane vectors that one register tile accumulates side by side.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// How many there are.
    pub rows: usize,
    /// Lane vectors of the segment in front of it.
    pub before: usize,
    /// For each, where it goes: (group within the block, accumulator row).
    pub targets: [(usize, usize); MAX_ROWS],
    /// Whether some of them continue a sum that an earlier segment began.
    pub continues: bool,
    /// Whether all of them continue; otherwise the fresh ones are zeroed first.
    pub all_continue: bool,
}

/// A pass bound to sizes.
#[derive(Debug, Clone, Default)]
pub struct PassLayout {
    /// Index of the lead.
    pub lead: usize,
    /// Accumulator rows per group.
    pub rows: usize,
    /// Groups of units that share a tile.
    pub groups: usize,
    /// Blocks of groups.
    pub blocks: usize,
    /// Numbers of the panels of a block: each is multiplied once for each sample.
    pub numbers: usize,
    /// How many of them have the tiles of a full block; the others, behind them, have a group less.
    pub wide_blocks: usize,
    /// The products: those of the input first.
    pub segments: Vec<SegmentLayout>,
    /// How many of them read the input.
    pub input_segments: usize,
    /// Whether all segments add to the same rows.
    pub has_equal_segments: bool,
    /// Whether some row has no product, so that all rows are zeroed first.
    pub has_idle_rows: bool,
    /// Whether some row has no product with the input.
    pub has_rows_without_input: bool,
}

impl PassLayout {
    /// The first group of a block.
    #[inline(always)]
    pub fn first_group(&self, block: usize) -> usize {
        block * self.groups - block.saturating_sub(self.wide_blocks)
    }

    /// How many groups a block has.
    #[inline(always)]
    pub fn groups_of(&self, block: usize) -> usize {
        self.groups - usize::from(block >= self.wide_blocks)
    }

    /// How many blocks, of those that are left, a strip of so many samples, more than a tile's, takes one after the other: more than one
    /// where they are short, as finding out what a strip multiplies takes some hundred cycles.
    #[inline(always)]
    pub fn blocks_in_a_row(&self, samples: usize, left: usize) -> usize {
        let long_enough = LONG_STRIP / (samples * self.numbers).max(1);
        let most = MAX_TILES_OF_BLOCKS * MAX_SAMPLES / samples;
        1 << left.min(long_enough).min(most).max(1).ilog2()
    }

    /// The chunks of a segment in a block.
    #[inline(always)]
    pub fn chunks<'a>(&self, segment: &'a SegmentLayout, block: usize) -> &'a [Chunk] {
        match block < self.wide_blocks {
            true => &segment.chunks,
            false => &segment.narrow_chunks,
        }
    }

    /// Whether products with the input may run ahead of the others, for many steps at a time.
    pub fn can_run_ahead(&self) -> bool {
        (1..self.segments.len()).contains(&self.input_segments)
    }
}

/// How groups are shared out to blocks, where they do not come out even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// All blocks are alike, and some lane vectors of the last one stand for no units.
    Alike,
    /// Some blocks have a group less than the others: few chains of sums make a tile wait.
    Even,
}

impl Blocks {
    /// How many groups a wide block has, and how many blocks are wide, of so many that have at most so many groups each.
    fn share_out(self, groups: usize, blocks: usize, most: usize) -> (usize, usize) {
        match self {
            Blocks::Alike => (most, blocks),
            Blocks::Even => {
                let wide = groups.div_ceil(blocks);
                (wide, groups - blocks * (wide - 1))
            }
        }
    }
}

impl Layout {
    pub(super) fn passes(
        &mut self,
        passes: &[Pass],
        max_rows: usize,
        how: Blocks,
    ) -> Vec<PassLayout> {
        let mut bind = |pass: &Pass| {
            let segments = pass.segments.iter();
            let mut segments: Vec<_> = segments
                .map(|segment| (segment.operand, segment.products))
                .collect();
            self.bind(pass.lead, pass.rows, &mut segments, max_rows, how)
        };
        passes.iter().map(&mut bind).collect()
    }

    /// The products that make the gradient of the input, as a pass over its elements.
    pub(super) fn bind_input_gradient(&mut self, spec: &CellSpec, max_rows: usize) -> PassLayout {
        let per_cell = spec.input.axes.len() == 2;
        let row = Slot {
            units: 0,
            cells: 0,
            per_cell,
        };
        let products: Vec<[Product; 1]> = self
            .program
            .input_products
            .iter()
            .map(|product| {
                [Product {
                    matrix: product.matrix,
                    transposed: true,
                    row,
                }]
            })
            .collect();
        let mut segments: Vec<(Operand, &[Product])> = self
            .program
            .input_products
            .iter()
            .zip(&products)
            .map(|(product, products)| {
                let operand = Operand::Error {
                    lead: product.lead,
                    slot: product.slot,
                    next: false,
                };
                (operand, products.as_slice())
            })
            .collect();
        let rows = Record {
            units: usize::from(!per_cell),
            cells: usize::from(per_cell),
        };
        let lead = self.program.input_lead;
        self.bind(lead, rows, &mut segments, max_rows, Blocks::Even)
    }

    fn bind(
        &mut self,
        lead: usize,
        rows: Record,
        segments: &mut [(Operand, &[Product])],
        max_rows: usize,
        how: Blocks,
    ) -> PassLayout {
        let sizes = self.leads[lead];
        let rows = rows.len(sizes.cells);
        // A tile narrower than its registers allow takes several groups of units at once.
        let most = (max_rows / rows.max(1)).clamp(1, sizes.groups);
        let blocks = sizes.groups.div_ceil(most);
        let (groups, wide_blocks) = how.share_out(sizes.groups, blocks, most);
        let mut begun = vec![false; rows];
        let segments: Vec<_> = self
            .stretches(segments, sizes.cells)
            .into_iter()
            .map(|stretch| {
                let Stretch {
                    operand,
                    skip,
                    planes,
                    k,
                    plane_stride,
                    pieces,
                    lines,
                } = stretch;
                let targets: Vec<usize> = pieces[0].iter().map(|target| target.row).collect();
                let narrow_chunks = chunks(groups - 1, &targets, &begun, max_rows);
                let chunks = chunks(groups, &targets, &begun, max_rows);
                let is_fresh = |row: &usize| !begun[*row];
                let fresh = targets.iter().copied().filter(is_fresh).collect();
                for &row in &targets {
                    begun[row] = true;
                }
                let block_stride = planes * k * groups * targets.len() * self.lanes;
                let start = self.panels_len;
                self.panels_len += block_stride * blocks;
                let sources = pieces
                    .into_iter()
                    .map(|piece| piece.into_iter().map(|target| target.source).collect())
                    .collect();
                SegmentLayout {
                    operand,
                    skip,
                    planes,
                    k,
                    plane_stride,
                    start,
                    block_stride,
                    chunks,
                    narrow_chunks,
                    sources,
                    lines,
                    fresh,
                }
            })
            .collect();
        let input_segments = segments
            .iter()
            .take_while(|segment| segment.operand == Operand::Input)
            .count();
        let with_input: Vec<_> = segments[..input_segments]
            .iter()
            .flat_map(|segment| &segment.fresh)
            .collect();
        let targets = |segment: &SegmentLayout| -> Vec<_> {
            let chunks = segment.chunks.iter();
            chunks.map(|chunk| (chunk.rows, chunk.targets)).collect()
        };
        let has_equal_segments = (1..=MAX_RUNS).contains(&segments.len())
            && segments
                .iter()
                .all(|segment| targets(segment) == targets(&segments[0]));
        PassLayout {
            has_equal_segments,
            lead,
            rows,
            groups,
            blocks,
            numbers: segments.iter().map(|segment| segment.block_stride).sum(),
            wide_blocks,
            input_segments,
            has_idle_rows: begun.contains(&false),
            has_rows_without_input: with_input.len() < rows,
            segments,
        }
    }
}

/// Cuts the lane vectors of a block into chunks of nearly equal width.
fn chunks(groups: usize, targets: &[usize], begun: &[bool], max_rows: usize) -> Vec<Chunk> {
    let all: Vec<(usize, usize)> = (0..groups)
        .flat_map(|group| targets.iter().map(move |&row| (group, row)))
        .collect();
    let count = all.len().div_ceil(max_rows);
    let mut chunks = Vec::with_capacity(count);
    let mut before = 0;
    for index in 0..count {
        let rows = (all.len() - before).div_ceil(count - index);
        let members = &all[before..before + rows];
        let mut padded = [(0, 0); MAX_ROWS];
        padded[..rows].copy_from_slice(members);
        let continuing = members.iter().filter(|&&(_, row)| begun[row]).count();
        let (continues, all_continue) = (continuing > 0, continuing == rows);
        chunks.push(Chunk {
            rows,
            before,
            targets: padded,
            continues,
            all_continue,
        });
        before += rows;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::tile::MAX_TILES;

    #[test]
    fn short_blocks_come_in_a_row_that_scratch_memory_holds() {
        let blocks_in_a_row = |numbers, samples, left| {
            let pass = PassLayout {
                numbers,
                ..PassLayout::default()
            };
            pass.blocks_in_a_row(samples, left)
        };
        for samples in MAX_SAMPLES + 1..=MAX_TILES * MAX_SAMPLES {
            for (numbers, left) in (0..24).flat_map(|log| (0..20).map(move |left| (1 << log, left)))
            {
                let blocks = blocks_in_a_row(numbers, samples, left);
                assert!(blocks.is_power_of_two() && blocks <= left.max(1));
                assert!(blocks * samples <= MAX_TILES_OF_BLOCKS * MAX_SAMPLES);
                assert!(blocks == 1 || blocks * samples * numbers <= LONG_STRIP);
            }
        }
        // 128 and 512 units of an LSTM, as many inputs.
        assert_eq!(blocks_in_a_row(256 * 64, 16, 8), 4);
        assert_eq!(blocks_in_a_row(1024 * 64, 32, 32), 1);
    }

    #[test]
    fn blocks_have_every_group_once_and_differ_by_one() {
        for (all, most) in (1..30usize).flat_map(|all| (1..=4).map(move |most| (all, most))) {
            let blocks = all.div_ceil(most);
            let (groups, wide_blocks) = Blocks::Even.share_out(all, blocks, most);
            let pass = PassLayout {
                groups,
                blocks,
                wide_blocks,
                ..PassLayout::default()
            };
            assert!(groups <= most);
            let mut next = 0;
            for block in 0..blocks {
                assert_eq!(pass.first_group(block), next);
                next += pass.groups_of(block);
            }
            assert_eq!((next, pass.first_group(blocks)), (all, all));
        }
    }
}
