//! Where every value that outlives its block is kept.

use std::collections::BTreeMap;

use crate::expr::{AxisId, ParamId, QuantityId};

use super::dag::ValueId;

/// A place in a record of lane vectors: behind `units` vectors of one lane per unit and `cells` vectors of one lane
/// per unit and cell. With C cells per block its index is `units + C * cells`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Vectors \[N\] in front of it.
    pub units: usize,
    /// Vectors \[N, C\] in front of it.
    pub cells: usize,
    /// Whether it is itself a vector \[N, C\].
    pub per_cell: bool,
}

/// How many vectors of each kind a record holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Vectors \[N\].
    pub units: usize,
    /// Vectors \[N, C\].
    pub cells: usize,
}

impl Record {
    /// The next place for a vector.
    pub fn take(&mut self, per_cell: bool) -> Slot {
        let slot = Slot {
            units: self.units,
            cells: self.cells,
            per_cell,
        };
        if per_cell {
            self.cells += 1;
        } else {
            self.units += 1;
        }
        slot
    }

    /// How many vectors a unit has with `block` cells per block.
    pub fn len(&self, block: usize) -> usize {
        self.units + self.cells * block
    }

    /// Whether the record holds nothing.
    pub fn is_empty(&self) -> bool {
        self.units + self.cells == 0
    }
}

/// The memory of one group of units.
#[derive(Debug, Clone, Default)]
pub struct Lead {
    /// The axis of the units.
    pub axis: usize,
    /// The block axis, where some value has one.
    pub block: Option<AxisId>,
    /// Element-wise parameters.
    pub params: Record,
    /// Lane vectors kept from step to step in every mode: carried quantities and values used by a later pass.
    pub kept: Record,
    /// The same and, behind them, what only the backward step reads.
    pub tape: Record,
    /// Vectors laid out as columns, because a product reads them.
    pub columns: Record,
    /// Errors laid out as columns.
    pub errors: Record,
    /// What later steps contribute to the errors of carried quantities.
    pub carries: Record,
    /// Values of the backward step used by a later pass.
    pub spill: Record,
    /// Gradients of element-wise parameters.
    pub gradients: Record,
}

/// Where a forward value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the lane record of its units.
    Lanes(Slot),
    /// As a column of its units.
    Column(Slot),
    /// A scalar of the sample.
    Scalar(usize),
}

/// Where a value goes when it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The lane record.
    Lanes {
        /// The place.
        slot: Slot,
        /// Whether inference skips it.
        tape_only: bool,
    },
    /// A column.
    Column(Slot),
    /// The output of the cell.
    Output,
    /// A sum over all units.
    Scalar(usize),
    /// A column of errors.
    Error(Slot),
    /// The contribution to the error of a carried quantity of the step before.
    Carry(Slot),
    /// Between passes of the backward step.
    Spill(Slot),
    /// The gradient of an element-wise parameter.
    Gradient(Slot),
    /// The gradient of the input.
    InputGradient,
}

/// A carried quantity.
#[derive(Debug, Clone, Copy)]
pub struct Carried {
    /// The quantity.
    pub quantity: QuantityId,
    /// Which group of units, as an index into [`super::Plan::leads`].
    pub lead: usize,
    /// Where its values are kept.
    pub place: Place,
    /// Where later steps' contributions to its error are kept.
    pub carry: Slot,
    /// The accumulator of the products with errors of the step after.
    pub next_products: Option<ValueId>,
    /// Whether steps contribute element by element.
    pub elementwise: bool,
}

/// The gradient of a vector parameter that is itself an error column: a bias, whose errors are added up after the sweep.
#[derive(Debug, Clone, Copy)]
pub struct ColumnGradient {
    /// The parameter.
    pub param: ParamId,
    /// Which group of units.
    pub lead: usize,
    /// The place of the errors.
    pub slot: Slot,
}

/// Any other element-wise parameter gradient: lanes added up over steps, sample by sample.
#[derive(Debug, Clone, Copy)]
pub struct Gradient {
    /// The parameter.
    pub param: ParamId,
    /// Which group of units.
    pub lead: usize,
    /// The place of the sum.
    pub slot: Slot,
    /// Whether the parameter is a scalar, so that the lanes are summed at the end.
    pub scalar: bool,
}

/// Places by value.
pub type Places = BTreeMap<ValueId, Place>;
