//! Packing: weights rearranged once so that a register tile reads them as one stream.
//!
//! A panel belongs to one chunk of lane vectors. For each k it holds the chunk's vectors side by side, each with one
//! weight per unit of its group; units beyond the last are zero.

use super::buffer::Buffer;
use super::element::Element;
use super::layout::{Layout, PassLayout, SegmentLayout};

/// Packed weights of a cell.
#[derive(Debug, Clone)]
pub struct Packed<T> {
    /// All panels.
    pub(crate) panels: Buffer<T>,
    /// Element-wise parameters by lead: for each group of units its vectors.
    pub(crate) vectors: Vec<Buffer<T>>,
    /// Scalar parameters.
    pub(crate) scalars: Vec<T>,
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
            scalars: vec![T::default(); layout.program.scalars.len()],
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

    /// Packs the parameters. Padding was zero from the start and is never written.
    pub(crate) fn fill(&mut self, layout: &Layout, params: &[T]) {
        for pass in layout.forward.iter().chain(&layout.backward) {
            for segment in &pass.segments {
                pack_segment(layout, pass, segment, params, self.panels.as_mut_slice());
            }
        }
        for vector in layout.program.vectors {
            let lead = layout.leads[vector.lead];
            let values =
                &params[layout.params[vector.param].start..][..layout.params[vector.param].len()];
            let packed = self.vectors[vector.lead].as_mut_slice();
            for (plane, values) in values.chunks_exact(lead.units).enumerate() {
                let index = vector.slot.index(lead.cells) + plane;
                for (unit, &value) in values.iter().enumerate() {
                    let (group, lane) = (unit / layout.lanes, unit % layout.lanes);
                    packed[(group * lead.params + index) * layout.lanes + lane] = value;
                }
            }
        }
        for (scalar, &param) in self.scalars.iter_mut().zip(layout.program.scalars) {
            *scalar = params[layout.params[param].start];
        }
    }
}

fn pack_segment<T: Element>(
    layout: &Layout,
    pass: &PassLayout,
    segment: &SegmentLayout,
    params: &[T],
    panels: &mut [T],
) {
    let lead = layout.leads[pass.lead];
    let (lanes, depth) = (layout.lanes, segment.planes * segment.k);
    for block in 0..pass.blocks {
        let start = segment.start + block * segment.block_stride;
        for chunk in &segment.chunks {
            let panel =
                &mut panels[start + chunk.before * depth * lanes..][..chunk.rows * depth * lanes];
            for member in 0..chunk.rows {
                let position = chunk.before + member;
                let group = block * pass.groups + position / segment.sources.len();
                let (param, transposed, plane) = segment.sources[position % segment.sources.len()];
                let first = group * lanes;
                let width = lead.units.saturating_sub(first).min(lanes);
                if width == 0 {
                    // The last block may have fewer groups than its tile has room for.
                    continue;
                }
                let matrix = layout.params[param];
                let values = &params[matrix.start..][..matrix.len()];
                let row = plane * lead.units + first;
                for k in 0..depth {
                    let target = &mut panel[(k * chunk.rows + member) * lanes..][..width];
                    if transposed {
                        for (lane, target) in target.iter_mut().enumerate() {
                            *target = values[k + matrix.rows * (row + lane)];
                        }
                    } else {
                        target.copy_from_slice(&values[row + matrix.rows * k..][..width]);
                    }
                }
            }
        }
    }
}
