//! What the products of a pass read: vectors, piece by piece, and the weights that each piece meets.

use super::errors::LINE;
use super::layout::Layout;
use super::pass::Chunk;
use super::program::{Operand, Product};

/// Panels of more bytes are far.
const FAR_PANELS: usize = 8 << 20;

/// Where the weights of a lane vector of a panel come from: a parameter, or its transpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelSource {
    /// The parameter.
    pub param: usize,
    /// Whether its columns are the units.
    pub transposed: bool,
    /// The plane of the result, as blocks have several cells.
    pub plane: usize,
    /// Where k begins.
    pub first_k: usize,
}

/// Products that read the same vector, or vectors side by side, bound to sizes.
#[derive(Debug, Clone)]
pub struct SegmentLayout {
    /// The vector.
    pub operand: Operand,
    /// Planes of the vector in front of what this reads.
    pub skip: usize,
    /// Contiguous pieces of the vector: one per cell of a block, or one per line of units with all their errors.
    pub planes: usize,
    /// The length of each.
    pub k: usize,
    /// From one to the next, if that is not the distance of the vector's planes.
    pub plane_stride: Option<usize>,
    /// Where the panels begin.
    pub start: usize,
    /// How far the panel of one block of groups is from the next.
    pub block_stride: usize,
    /// The chunks of a block.
    pub chunks: Vec<Chunk>,
    /// The chunks of a block that has a group less.
    pub narrow_chunks: Vec<Chunk>,
    /// For each of the equal parts of a line of units, or of all planes, for each row of a group.
    pub sources: Vec<Vec<PanelSource>>,
    /// How many lines of units these parts are repeated for, each [`LINE`] further in k.
    pub lines: usize,
    /// Rows whose sum this segment begins.
    pub fresh: Vec<usize>,
}

impl SegmentLayout {
    /// How many parts it has, each with sources of its own.
    pub fn pieces(&self) -> usize {
        self.lines * self.sources.len()
    }

    /// How many k each part has.
    pub fn piece_len(&self) -> usize {
        self.planes * self.k / self.pieces()
    }

    /// Where the weights of a part come from, for each row of a group, and how far behind their first k.
    pub fn sources(&self, piece: usize) -> (&[PanelSource], usize) {
        let (line, piece) = (piece / self.sources.len(), piece % self.sources.len());
        (&self.sources[piece], line * LINE)
    }

    /// Whether the panels of so many blocks do not fit into the second level of any cache, by far.
    #[inline(always)]
    pub fn is_far<T>(&self, blocks: usize) -> bool {
        blocks * self.block_stride > FAR_PANELS / size_of::<T>()
    }
}

/// What a segment reads, on its way into a layout.
pub(super) struct Stretch {
    pub operand: Operand,
    pub skip: usize,
    pub planes: usize,
    pub k: usize,
    pub plane_stride: Option<usize>,
    /// For each of the equal parts of a line, or of all planes, what it is multiplied with.
    pub pieces: Vec<Vec<Target>>,
    /// How many lines have such parts, each [`LINE`] further in k.
    pub lines: usize,
}

/// A product on its way into a segment.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub row: usize,
    pub source: PanelSource,
}

impl Layout {
    /// What the products of a pass read, in the order in which it lies in memory.
    pub(super) fn stretches(
        &self,
        segments: &mut [(Operand, &[Product])],
        cells: usize,
    ) -> Vec<Stretch> {
        segments.sort_by_key(|(operand, _)| self.place_in_memory(*operand));
        let mut merged: Vec<(Operand, Vec<Vec<Target>>)> = Vec::new();
        for (operand, products) in segments {
            let pieces = self.pieces(*operand, products, cells);
            match merged.last_mut() {
                Some((first, known)) if self.continues(*first, known, *operand, &pieces) => {
                    known.extend(pieces);
                }
                _ => merged.push((*operand, pieces)),
            }
        }
        let merged = merged.into_iter();
        let cut = |(operand, pieces)| self.cut(operand, pieces);
        merged.flat_map(cut).collect()
    }

    /// What a segment adds to which row, piece by piece of its vector.
    fn pieces(&self, operand: Operand, products: &[Product], cells: usize) -> Vec<Vec<Target>> {
        let (planes, k) = self.extent(operand);
        let piece = |piece: usize| {
            let targets = products.iter().flat_map(|product| {
                (0..product.row.len(cells)).map(move |plane| Target {
                    row: product.row.index(cells) + plane,
                    source: PanelSource {
                        param: product.matrix,
                        transposed: product.transposed,
                        plane,
                        first_k: piece * k,
                    },
                })
            });
            targets.collect()
        };
        (0..planes).map(piece).collect()
    }

    /// Cuts a vector, or several errors side by side, into stretches of equal planes. All errors of a line of units are a plane;
    /// of a last line that is not full, each error is one, as what lies behind its units means nothing.
    fn cut(&self, operand: Operand, pieces: Vec<Vec<Target>>) -> Vec<Stretch> {
        let (_, k) = self.extent(operand);
        let planes = pieces.len();
        if !matches!(operand, Operand::Error { .. }) {
            let all = Stretch {
                operand,
                skip: 0,
                planes,
                k,
                plane_stride: None,
                pieces,
                lines: 1,
            };
            return vec![all];
        }
        let (lines, rest) = (k / LINE, k % LINE);
        let later = |mut target: Target| {
            target.source.first_k += lines * LINE;
            target
        };
        let behind = pieces.iter();
        let behind = behind.map(|piece| piece.iter().copied().map(later).collect());
        let last = Stretch {
            operand,
            skip: lines,
            planes,
            k: rest,
            plane_stride: Some(LINE),
            pieces: behind.collect(),
            lines: 1,
        };
        let full = Stretch {
            operand,
            skip: 0,
            planes: lines,
            k: planes * LINE,
            plane_stride: None,
            pieces,
            lines,
        };
        let some = |stretch: &Stretch| stretch.planes * stretch.k > 0;
        [full, last].into_iter().filter(some).collect()
    }

    /// Whether an operand lies behind another one in memory and adds to the same rows, so that one product does both.
    fn continues(
        &self,
        first: Operand,
        known: &[Vec<Target>],
        next: Operand,
        pieces: &[Vec<Target>],
    ) -> bool {
        let rows = |pieces: &[Vec<Target>]| -> Vec<usize> {
            pieces[0].iter().map(|target| target.row).collect()
        };
        let (
            Operand::Error {
                lead: a,
                slot: b,
                next: c,
            },
            Operand::Error { lead, slot, next },
        ) = (first, next)
        else {
            return false;
        };
        let cells = self.leads[lead].cells;
        (a, c) == (lead, next)
            && b.index(cells) + known.len() == slot.index(cells)
            && rows(known) == rows(pieces)
    }

    /// The order of the segments of a pass: the input, then columns, then errors as they lie in memory.
    fn place_in_memory(&self, operand: Operand) -> (usize, usize, bool, usize) {
        match operand {
            Operand::Input => (0, 0, false, 0),
            Operand::Forward {
                lead,
                slot,
                previous,
            } => (1, lead, previous, slot.index(self.leads[lead].cells)),
            Operand::Error { lead, slot, next } => {
                (2, lead, next, slot.index(self.leads[lead].cells))
            }
        }
    }
}
