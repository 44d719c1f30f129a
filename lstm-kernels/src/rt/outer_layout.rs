//! The gradients of matrices bound to sizes: which errors meet which vector.

use super::layout::Layout;
use super::program::Operand;

/// Vectors whose products with errors add to the same gradients, as a matrix may meet several in a step; most often it is one.
/// For a group of units, one thread adds all of them, in order.
#[derive(Debug, Clone)]
pub struct OuterBundle {
    /// Whose errors.
    pub lead: usize,
    /// The vectors.
    pub vectors: Vec<OuterVector>,
}

/// A vector whose products with errors make gradients of matrices.
#[derive(Debug, Clone)]
pub struct OuterVector {
    /// The vector.
    pub operand: Operand,
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

impl OuterVector {
    /// Whether both add to the gradient of some matrix.
    fn shares_gradient(&self, other: &OuterVector) -> bool {
        let same = |one: &OuterTarget| self.targets.iter().any(|two| one.matrix == two.matrix);
        other.targets.iter().any(same)
    }
}

impl Layout {
    /// Gathers the gradients by vector, and the vectors by the gradients that they share.
    pub(super) fn bind_outer(&mut self) {
        let mut vectors: Vec<(usize, OuterVector)> = Vec::new();
        for outer in self.program.outer {
            let cells = self.leads[outer.lead].cells;
            let first = outer.slot.index(cells);
            let targets = (0..outer.slot.len(cells)).map(|plane| OuterTarget {
                error: first + plane,
                matrix: outer.matrix,
                plane,
            });
            let same = |known: &OuterVector| known.operand == outer.operand;
            let mut known = vectors.iter_mut();
            if let Some((_, known)) = known.find(|(lead, known)| *lead == outer.lead && same(known))
            {
                known.targets.extend(targets);
                continue;
            }
            let earlier = vectors.iter().find(|(_, known)| same(known));
            let earlier = earlier.map(|(_, known)| known.start);
            let (pieces, len) = self.extent(outer.operand);
            let vector = OuterVector {
                operand: outer.operand,
                start: earlier.unwrap_or(self.outer_vectors),
                is_repeated: earlier.is_some(),
                targets: targets.collect(),
            };
            vectors.push((outer.lead, vector));
            if earlier.is_none() {
                self.outer_vectors += pieces * len.div_ceil(self.lanes);
            }
        }
        self.outer = bundles(vectors);
    }
}

/// Vectors, each with its lead, gathered by the gradients that they share. A matrix has rows of one lead only.
fn bundles(vectors: Vec<(usize, OuterVector)>) -> Vec<OuterBundle> {
    let mut bundles: Vec<OuterBundle> = Vec::new();
    for (lead, vector) in vectors {
        let shares =
            |bundle: &OuterBundle| bundle.vectors.iter().any(|v| v.shares_gradient(&vector));
        let (shared, mut others): (Vec<_>, Vec<_>) = bundles.into_iter().partition(shares);
        let mut vectors: Vec<_> = shared
            .into_iter()
            .flat_map(|bundle| bundle.vectors)
            .collect();
        vectors.push(vector);
        others.push(OuterBundle { lead, vectors });
        bundles = others;
    }
    bundles
}
