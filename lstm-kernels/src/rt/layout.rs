//! A cell's tables bound to sizes and to a SIMD width.

use std::any::TypeId;
use std::ops::Range;

use super::outer_layout::OuterBundle;
use super::pass::{Blocks, PassLayout, max_rows};
use super::pieces::Pieces;
use super::program::{Operand, Program, Slot};
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

impl LeadLayout {
    /// Lane vectors that a sweep keeps, with a tape or without.
    pub fn record(&self, is_tape: bool) -> usize {
        if is_tape { self.tape } else { self.kept }
    }

    /// Calls `each(plane, group, rows)` for so many units at a time of every plane of a vector: which vector of its record, which
    /// group, and which rows of the vector as users see it.
    pub fn visit(
        &self,
        slot: Slot,
        at_once: usize,
        mut each: impl FnMut(usize, usize, Range<usize>),
    ) {
        for plane in 0..slot.len(self.cells) {
            for (group, first) in (0..self.units).step_by(at_once).enumerate() {
                let rows = plane * self.units + first
                    ..plane * self.units + self.units.min(first + at_once);
                each(slot.index(self.cells) + plane, group, rows);
            }
        }
    }
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

/// Everything a sweep needs to find its way.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The name of the cell.
    pub cell: &'static str,
    /// Its type, as cells of equal names are not the same.
    pub id: TypeId,
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
    /// The products that make the gradient of the input.
    pub input_gradient: PassLayout,
    /// The vectors whose products with errors make the gradients of matrices.
    pub outer: Vec<OuterBundle>,
    /// How many groups of elements these vectors have together.
    pub outer_vectors: usize,
    /// Lane vectors that a tile may accumulate side by side.
    pub max_rows: usize,
    /// How much of panels and errors tiles read in turn.
    pub pieces: Pieces,
    /// How many numbers the panels of the forward passes hold.
    pub forward_panels: usize,
    /// How many numbers all panels hold.
    pub panels_len: usize,
}

impl Layout {
    /// Binds a cell to sizes (all positive, one per declared size) and to so many registers of so many lanes.
    pub fn new(
        id: TypeId,
        spec: &CellSpec,
        program: &'static Program,
        sizes: &[usize],
        lanes: usize,
        registers: usize,
    ) -> Self {
        let max_rows = max_rows(registers);
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
            cell: spec.name,
            id,
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
            input_gradient: PassLayout::default(),
            outer: Vec::new(),
            outer_vectors: 0,
            max_rows,
            pieces: Pieces::new(registers),
            forward_panels: 0,
            panels_len: 0,
        };
        // Streams have tiles whose sizes are known when they are compiled, so all blocks are alike on the way forward.
        layout.forward = layout.passes(program.forward, max_rows, Blocks::Alike);
        layout.forward_panels = layout.panels_len;
        layout.backward = layout.passes(program.backward, max_rows, Blocks::Even);
        layout.input_gradient = layout.bind_input_gradient(spec, max_rows);
        layout.bind_outer();
        layout
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
