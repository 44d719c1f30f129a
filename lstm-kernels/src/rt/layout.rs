//! A cell's tables bound to sizes and to a SIMD width.

use super::program::{Operand, Pass, Program, Slot};
use crate::cell::{CellSpec, ParamRole};

/// The sizes of the memory of one lead.
#[derive(Debug, Clone, Copy)]
pub struct LeadLayout {
    /// How many units there are.
    pub units: usize,
    /// How many cells a unit has.
    pub cells: usize,
    /// Groups of units, each as wide as a register.
    pub groups: usize,
    /// Units with padding: `groups * lanes`.
    pub padded: usize,
    /// Vectors per unit in each record; see [`super::program::Lead`].
    pub params: usize,
    /// Lane vectors kept in every mode.
    pub kept: usize,
    /// Lane vectors kept for the backward step.
    pub tape: usize,
    /// Columns.
    pub columns: usize,
    /// Error columns.
    pub errors: usize,
    /// Carries.
    pub carries: usize,
    /// Values between passes.
    pub spill: usize,
    /// Gradients of element-wise parameters.
    pub gradients: usize,
}

/// A parameter's place in the flat vector, and its matrix shape.
#[derive(Debug, Clone, Copy)]
pub struct ParamLayout {
    /// The first element.
    pub start: usize,
    /// Rows: the product of the row axes.
    pub rows: usize,
    /// Columns: the product of the other axes.
    pub columns: usize,
}

impl ParamLayout {
    /// How many numbers the parameter has.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }
}

/// Rows of a panel chunk: at most this many lane vectors share one pass over k.
pub const MAX_ROWS: usize = 4;

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

/// Products that read the same vector, bound to sizes.
#[derive(Debug, Clone)]
pub struct SegmentLayout {
    /// The vector.
    pub operand: Operand,
    /// Contiguous pieces of the vector: one per cell of a block.
    pub planes: usize,
    /// The length of each.
    pub k: usize,
    /// Where the panels begin.
    pub start: usize,
    /// How far the panel of one block of groups is from the next.
    pub block_stride: usize,
    /// The chunks of a block.
    pub chunks: Vec<Chunk>,
    /// For each row of a group: (parameter, transposed, plane of the result).
    pub sources: Vec<(usize, bool, usize)>,
    /// Rows whose sum this segment begins.
    pub fresh: Vec<usize>,
}

/// A pass bound to sizes.
#[derive(Debug, Clone)]
pub struct PassLayout {
    /// Index of the lead.
    pub lead: usize,
    /// Accumulator rows per group.
    pub rows: usize,
    /// Groups of units that share a tile.
    pub groups: usize,
    /// Blocks of groups.
    pub blocks: usize,
    /// The products.
    pub segments: Vec<SegmentLayout>,
    /// Whether some row has no product, so that all rows are zeroed first.
    pub has_idle_rows: bool,
}

/// Everything a sweep needs to find its way.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The tables.
    pub program: &'static Program,
    /// The sizes, in order of declaration.
    pub sizes: Vec<usize>,
    /// Lanes of a register.
    pub lanes: usize,
    /// Memory by lead.
    pub leads: Vec<LeadLayout>,
    /// Parameters.
    pub params: Vec<ParamLayout>,
    /// How many numbers the flat parameter vector has.
    pub params_len: usize,
    /// Rows of the input.
    pub input_len: usize,
    /// Rows of the output.
    pub output_len: usize,
    /// Forward passes.
    pub forward: Vec<PassLayout>,
    /// Backward passes.
    pub backward: Vec<PassLayout>,
    /// How many numbers all panels hold.
    pub panels_len: usize,
}

impl Layout {
    /// Binds a cell to sizes (all positive, one per declared size) and to registers of so many lanes, of which a
    /// tile may accumulate `max_rows` side by side.
    pub fn new(
        spec: &CellSpec,
        program: &'static Program,
        sizes: &[usize],
        lanes: usize,
        max_rows: usize,
    ) -> Self {
        let product = |axes: &[usize]| axes.iter().map(|&axis| sizes[axis]).product::<usize>();
        let leads: Vec<_> = program
            .leads
            .iter()
            .map(|lead| {
                let units = sizes[lead.axis];
                let cells = lead.block.map_or(1, |block| sizes[block]);
                let groups = units.div_ceil(lanes);
                LeadLayout {
                    units,
                    cells,
                    groups,
                    padded: groups * lanes,
                    params: lead.params.len(cells),
                    kept: lead.kept.len(cells),
                    tape: lead.tape.len(cells),
                    columns: lead.columns.len(cells),
                    errors: lead.errors.len(cells),
                    carries: lead.carries.len(cells),
                    spill: lead.spill.len(cells),
                    gradients: lead.gradients.len(cells),
                }
            })
            .collect();
        let mut params_len = 0;
        let params = spec
            .params
            .iter()
            .map(|param| {
                let (rows, columns) = (
                    product(&param.axes[..param.row_axes]),
                    product(&param.axes[param.row_axes..]),
                );
                let (rows, columns) = if param.role == ParamRole::Scalar {
                    (1, 1)
                } else {
                    (rows, columns)
                };
                let layout = ParamLayout {
                    start: params_len,
                    rows,
                    columns,
                };
                params_len += layout.len();
                layout
            })
            .collect();
        let mut layout = Layout {
            program,
            sizes: sizes.to_vec(),
            lanes,
            leads,
            params,
            params_len,
            input_len: product(spec.input.axes),
            output_len: product(spec.output.axes),
            forward: Vec::new(),
            backward: Vec::new(),
            panels_len: 0,
        };
        layout.forward = program
            .forward
            .iter()
            .map(|pass| layout.pass(pass, max_rows))
            .collect();
        layout.backward = program
            .backward
            .iter()
            .map(|pass| layout.pass(pass, max_rows))
            .collect();
        layout
    }

    fn pass(&mut self, pass: &Pass, max_rows: usize) -> PassLayout {
        let lead = self.leads[pass.lead];
        let rows = pass.rows.len(lead.cells);
        // A tile narrower than its registers allow takes several groups of units at once.
        let groups = (max_rows / rows.max(1)).clamp(1, lead.groups);
        let blocks = lead.groups.div_ceil(groups);
        let mut begun = vec![false; rows];
        let segments = pass
            .segments
            .iter()
            .map(|segment| {
                let targets: Vec<(usize, (usize, bool, usize))> = segment
                    .products
                    .iter()
                    .flat_map(|product| {
                        let first = product.row.index(lead.cells);
                        (0..product.row.len(lead.cells)).map(move |plane| {
                            (first + plane, (product.matrix, product.transposed, plane))
                        })
                    })
                    .collect();
                let (planes, k) = self.extent(segment.operand);
                let vectors = groups * targets.len();
                let chunks = chunks(groups, &targets, &begun, max_rows);
                let fresh = targets
                    .iter()
                    .map(|&(row, _)| row)
                    .filter(|&row| !begun[row])
                    .collect();
                for &(row, _) in &targets {
                    begun[row] = true;
                }
                let block_stride = planes * k * vectors * self.lanes;
                let start = self.panels_len;
                self.panels_len += block_stride * blocks;
                let sources = targets.into_iter().map(|(_, source)| source).collect();
                SegmentLayout {
                    operand: segment.operand,
                    planes,
                    k,
                    start,
                    block_stride,
                    chunks,
                    sources,
                    fresh,
                }
            })
            .collect();
        let has_idle_rows = begun.contains(&false);
        PassLayout {
            lead: pass.lead,
            rows,
            groups,
            blocks,
            segments,
            has_idle_rows,
        }
    }

    /// How a vector lies in memory: so many contiguous pieces of such a length.
    pub fn extent(&self, operand: Operand) -> (usize, usize) {
        match operand {
            Operand::Input => (1, self.input_len),
            Operand::Forward { lead, slot, .. } | Operand::Error { lead, slot, .. } => {
                (slot.len(self.leads[lead].cells), self.leads[lead].units)
            }
        }
    }

    /// Rows of a vector of a lead, as users see it: units times cells.
    pub fn vector_len(&self, lead: usize, slot: Slot) -> usize {
        self.leads[lead].units * slot.len(self.leads[lead].cells)
    }
}

/// Cuts the lane vectors of a block into chunks of nearly equal width.
fn chunks(
    groups: usize,
    targets: &[(usize, (usize, bool, usize))],
    begun: &[bool],
    max_rows: usize,
) -> Vec<Chunk> {
    let all: Vec<(usize, usize)> = (0..groups)
        .flat_map(|group| targets.iter().map(move |&(row, _)| (group, row)))
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
