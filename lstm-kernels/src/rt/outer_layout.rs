//! The gradients of matrices bound to sizes: which errors meet which vector.

use super::layout::Layout;
use super::program::{Operand, OuterGradient};

/// A vector whose products with errors make gradients of matrices.
#[derive(Debug, Clone)]
pub struct OuterVector {
    /// The vector.
    pub operand: Operand,
    /// Whose errors.
    pub lead: usize,
    /// Groups of elements of the vectors in front of it.
    pub start: usize,
    /// Whether an earlier entry has the same vector, with errors of other units.
    pub is_repeated: bool,
    /// The gradients.
    pub targets: Vec<OuterTarget>,
}

/// The rows of the gradient of a matrix that belong to one error of each unit.
#[derive(Debug, Clone, Copy)]
pub struct OuterTarget {
    /// Which error of the record.
    pub error: usize,
    /// The matrix, as an index into the cell's parameters.
    pub matrix: usize,
    /// Which plane of its rows, as blocks have several cells.
    pub plane: usize,
}

impl Layout {
    /// Gathers the gradients by vector.
    pub(super) fn bind_outer(&mut self) {
        for outer in self.program.outer {
            let cells = self.leads[outer.lead].cells;
            let first = outer.slot.index(cells);
            let targets = (0..outer.slot.len(cells)).map(|plane| OuterTarget {
                error: first + plane,
                matrix: outer.matrix,
                plane,
            });
            let same = |known: &&mut OuterVector| known.operand == outer.operand;
            if let Some(known) = self
                .outer
                .iter_mut()
                .find(|known| known.lead == outer.lead && same(known))
            {
                known.targets.extend(targets);
                continue;
            }
            let earlier = self
                .outer
                .iter()
                .find(|known| known.operand == outer.operand)
                .map(|known| known.start);
            let (pieces, len) = self.extent(outer.operand);
            self.outer.push(OuterVector {
                operand: outer.operand,
                lead: outer.lead,
                start: earlier.unwrap_or(self.outer_vectors),
                is_repeated: earlier.is_some(),
                targets: targets.collect(),
            });
            if earlier.is_none() {
                self.outer_vectors += pieces * len.div_ceil(self.lanes);
            }
        }
        let outer = self.program.outer;
        self.shares_gradients = outer.iter().enumerate().any(|(index, one)| {
            let same = |other: &OuterGradient| other.matrix == one.matrix;
            outer[..index].iter().any(same)
        });
    }
}
