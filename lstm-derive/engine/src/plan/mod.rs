//! The plan of a cell's kernels: what is computed in which order, and what is kept where.

pub mod dag;
pub mod layout;
pub mod listing;
mod loops;
mod lower;
mod planner;
mod schedule;
mod tape;

use std::collections::BTreeMap;

use crate::adjoint::Derivation;
use crate::expr::ParamId;
use crate::model::Cell;

use dag::{Dag, ValueId};
use layout::{Carried, ColumnGradient, Destination, Gradient, Lead, Places, Record, Slot};
pub use schedule::{Block, Schedule};

/// A vector in memory that a product reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// The input matrix.
    Input,
    /// A forward column.
    Forward {
        /// Which group of units.
        lead: usize,
        /// Its place.
        slot: Slot,
        /// Whether it is the column of the step before.
        previous: bool,
    },
    /// A column of errors.
    Error {
        /// Which group of units.
        lead: usize,
        /// Its place.
        slot: Slot,
        /// Whether it is the column of the step after.
        next: bool,
    },
}

/// Products that read the same vector.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The vector.
    pub operand: Operand,
    /// Matrix, whether transposed, and the row of accumulators it adds to.
    pub products: Vec<(ParamId, bool, Slot)>,
}

/// A pass of the schedule with its products.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Which group of units.
    pub lead: usize,
    /// How many complete vectors of the step stand before it.
    pub level: usize,
    /// Accumulators, and the row of each.
    pub accumulators: BTreeMap<ValueId, Slot>,
    /// How many rows of accumulators there are.
    pub rows: Record,
    /// What the accumulators sum.
    pub segments: Vec<Segment>,
    /// The element-wise computation behind them.
    pub blocks: Vec<Block>,
    /// How many of the blocks run for each sample of a tile before the others run for any.
    pub first_loop: usize,
    /// What the others need of them, each in a row of accumulators.
    pub handed_over: BTreeMap<ValueId, Slot>,
}

/// One direction of the step.
#[derive(Debug, Clone, Default)]
pub struct Direction {
    /// Passes in order.
    pub passes: Vec<Pass>,
    /// Where each value goes.
    pub destinations: BTreeMap<ValueId, Vec<Destination>>,
    /// How many sums over all units there are.
    pub scalars: usize,
}

/// Everything the kernels of a cell need to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The dataflow.
    pub dag: Dag,
    /// The value of every quantity.
    pub quantities: Vec<ValueId>,
    /// The error of every quantity.
    pub errors: Vec<Option<ValueId>>,
    /// Groups of units.
    pub leads: Vec<Lead>,
    /// Element-wise parameters with their group and place.
    pub vectors: Vec<(ParamId, usize, Slot)>,
    /// Scalar parameters, in order.
    pub scalars: Vec<ParamId>,
    /// Carried quantities.
    pub carried: Vec<Carried>,
    /// Where forward values are kept.
    pub places: Places,
    /// Where sums over all units of the backward step, and its values used by later passes, are kept.
    pub backward_places: Places,
    /// The forward step.
    pub forward: Direction,
    /// The backward step.
    pub backward: Direction,
    /// Error columns: their group and place.
    pub error_columns: BTreeMap<ValueId, (usize, Slot)>,
    /// Deferred matrix gradients: matrix, the errors' group and place, and what the matrix was multiplied with.
    pub outer: Vec<(ParamId, usize, Slot, Operand)>,
    /// Deferred products that make the gradient of the input: matrix, and the errors' group and place.
    pub input_products: Vec<(ParamId, usize, Slot)>,
    /// Whether the backward step writes the gradient of the input element by element.
    pub input_gradient: bool,
    /// Parameter gradients that are sums of error columns.
    pub column_gradients: Vec<ColumnGradient>,
    /// The other element-wise parameter gradients.
    pub gradients: Vec<Gradient>,
}

/// Plans the kernels of a cell.
pub fn plan(cell: &mut Cell, derivation: &Derivation) -> Plan {
    let step = lower::lower(cell, derivation);
    planner::Planner::new(cell, step).run()
}
