//! The tables of a generated cell: what is multiplied, what is kept where, which gradients are formed.
//!
//! Everything here is written by the equation compiler. Sizes are not known yet; a [`Slot`] says how many vectors
//! stand in front of it, so that its index follows once the number of cells per block is known.

/// A place in a record of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Vectors \[N\] in front of it.
    pub units: usize,
    /// Vectors \[N, C\] in front of it.
    pub cells: usize,
    /// Whether it is itself a vector \[N, C\].
    pub per_cell: bool,
}

impl Slot {
    /// The index of its first vector, with so many cells per block.
    pub const fn index(self, cells: usize) -> usize {
        self.units + self.cells * cells
    }

    /// How many vectors it stands for.
    pub const fn len(self, cells: usize) -> usize {
        if self.per_cell { cells } else { 1 }
    }
}

/// How many vectors of each kind a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Vectors \[N\].
    pub units: usize,
    /// Vectors \[N, C\].
    pub cells: usize,
}

impl Record {
    /// How many vectors there are with so many cells per block.
    pub const fn len(self, cells: usize) -> usize {
        self.units + self.cells * cells
    }
}

/// The memory of the units of one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// The axis of the units, as an index into the cell's sizes.
    pub axis: usize,
    /// The block axis.
    pub block: Option<usize>,
    /// Element-wise parameters.
    pub params: Record,
    /// Lane vectors kept from step to step in every mode.
    pub kept: Record,
    /// The same and what only the backward step reads.
    pub tape: Record,
    /// Vectors that products read.
    pub columns: Record,
    /// Errors that products read.
    pub errors: Record,
    /// What later steps contribute to the errors of carried quantities.
    pub carries: Record,
    /// Values between passes of the backward step.
    pub spill: Record,
    /// Gradients of element-wise parameters.
    pub gradients: Record,
}

/// A vector in memory that a product reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// The input matrix.
    Input,
    /// A forward column.
    Forward {
        /// Index into [`Program::leads`].
        lead: usize,
        /// Its place.
        slot: Slot,
        /// Whether it is the column of the step before.
        previous: bool,
    },
    /// A column of errors.
    Error {
        /// Index into [`Program::leads`].
        lead: usize,
        /// Its place.
        slot: Slot,
        /// Whether it is the column of the step after.
        next: bool,
    },
}

/// A matrix whose product is added to a row of accumulators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// The matrix, as an index into the cell's parameters.
    pub matrix: usize,
    /// Whether it is transposed.
    pub transposed: bool,
    /// The row, or with a block axis the first of its rows.
    pub row: Slot,
}

/// Products that read the same vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The vector.
    pub operand: Operand,
    /// The products.
    pub products: &'static [Product],
}

/// One sweep over the units of an axis within a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Index into [`Program::leads`].
    pub lead: usize,
    /// How many complete vectors of the step stand before it.
    pub level: usize,
    /// Rows of accumulators per unit.
    pub rows: Record,
    /// What they sum.
    pub segments: &'static [Segment],
}

/// An element-wise parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vector {
    /// Index into the cell's parameters.
    pub param: usize,
    /// Index into [`Program::leads`].
    pub lead: usize,
    /// Its place among the lead's parameters.
    pub slot: Slot,
}

/// Where a carried quantity is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the lane record.
    Lanes(Slot),
    /// As a column.
    Column(Slot),
}

/// A carried quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Index into [`Program::leads`].
    pub lead: usize,
    /// Where its values are kept.
    pub place: Place,
    /// Where the contribution of later steps to its error is kept.
    pub carry: Slot,
}

/// A matrix gradient, formed after the sweep as one large product: ∂L/∂W += Σ error ⊗ operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OuterGradient {
    /// The matrix, as an index into the cell's parameters.
    pub matrix: usize,
    /// Index of the errors' lead.
    pub lead: usize,
    /// The place of the errors.
    pub slot: Slot,
    /// What the matrix was multiplied with.
    pub operand: Operand,
}

/// A part of the gradient of the input, formed after the sweep as one large product: ∂L/∂x += Wᵀ error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputProduct {
    /// The matrix, as an index into the cell's parameters.
    pub matrix: usize,
    /// Index of the errors' lead.
    pub lead: usize,
    /// The place of the errors.
    pub slot: Slot,
}

/// The gradient of a vector parameter that is the sum of an error over all steps and samples: that of a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnGradient {
    /// Index into the cell's parameters.
    pub param: usize,
    /// Index of the errors' lead.
    pub lead: usize,
    /// The place of the errors.
    pub slot: Slot,
}

/// Any other element-wise parameter gradient, added up in lanes during the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gradient {
    /// Index into the cell's parameters.
    pub param: usize,
    /// Index into [`Program::leads`].
    pub lead: usize,
    /// The place of the sum.
    pub slot: Slot,
    /// Whether the parameter is a scalar, so that the lanes are summed.
    pub scalar: bool,
}

/// Everything about a cell's kernels that does not depend on sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The axes over whose units something is computed.
    pub leads: &'static [Lead],
    /// The lead of the input.
    pub input_lead: usize,
    /// The lead of the output.
    pub output_lead: usize,
    /// Element-wise parameters.
    pub vectors: &'static [Vector],
    /// Scalar parameters, as indices into the cell's parameters.
    pub scalars: &'static [usize],
    /// Carried quantities, in the order of the cell's description.
    pub carried: &'static [Carried],
    /// The forward step.
    pub forward: &'static [Pass],
    /// The backward step.
    pub backward: &'static [Pass],
    /// Sums over all units in the forward step.
    pub forward_sums: usize,
    /// Sums over all units in the backward step.
    pub backward_sums: usize,
    /// Deferred matrix gradients.
    pub outer: &'static [OuterGradient],
    /// Deferred parts of the gradient of the input.
    pub input_products: &'static [InputProduct],
    /// Whether the sweep writes the gradient of the input element by element.
    pub input_gradient: bool,
    /// Parameter gradients that are sums of errors.
    pub column_gradients: &'static [ColumnGradient],
    /// The other element-wise parameter gradients.
    pub gradients: &'static [Gradient],
}

impl Program {
    /// The program of a cell without equations.
    pub const EMPTY: Program = Program {
        leads: &[],
        input_lead: 0,
        output_lead: 0,
        vectors: &[],
        scalars: &[],
        carried: &[],
        forward: &[],
        backward: &[],
        forward_sums: 0,
        backward_sums: 0,
        outer: &[],
        input_products: &[],
        input_gradient: false,
        column_gradients: &[],
        gradients: &[],
    };
}
