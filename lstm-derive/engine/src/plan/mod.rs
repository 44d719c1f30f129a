//! The plan of a cell's kernels: what is computed in which order, and what is kept where.

pub mod dag;
pub mod layout;
pub mod listing;
mod lower;
mod schedule;
mod tape;

use std::collections::{BTreeMap, BTreeSet};

use crate::adjoint::Derivation;
use crate::error::{Diagnostic, Diagnostics};
use crate::expr::{AxisId, ParamId, QuantityId};
use crate::model::{Cell, Role};

use dag::{Compute, Dag, Product, Source, ValueId};
use layout::{Carried, Destination, Gradient, Lead, Place, Places, Record, Slot};
use lower::{OuterGradient, Step};
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
    /// Element-wise parameter gradients.
    pub gradients: Vec<Gradient>,
}

/// Plans the kernels of a cell.
pub fn plan(cell: &mut Cell, derivation: &Derivation) -> Result<Plan, Diagnostics> {
    let step = lower::lower(cell, derivation);
    Planner::new(cell, step)?.run()
}

struct Planner<'a> {
    cell: &'a Cell,
    step: Step,
    leads: Vec<Lead>,
    /// Error columns by value.
    error_slots: BTreeMap<ValueId, (usize, Slot)>,
    carried: Vec<Carried>,
    places: Places,
    backward_places: Places,
    vectors: Vec<(ParamId, usize, Slot)>,
    scalars: Vec<ParamId>,
}

impl<'a> Planner<'a> {
    fn new(cell: &'a Cell, step: Step) -> Result<Self, Diagnostics> {
        let leads = leads(cell)?;
        Ok(Planner {
            cell,
            step,
            leads,
            error_slots: BTreeMap::new(),
            carried: Vec::new(),
            places: Places::new(),
            backward_places: Places::new(),
            vectors: Vec::new(),
            scalars: Vec::new(),
        })
    }

    fn run(mut self) -> Result<Plan, Diagnostics> {
        self.parameters();
        let columns = self.forward_columns();
        self.place_carried(&columns);
        let (forward_roots, saved) = self.choose_tape(&columns);
        let forward = self.forward(&forward_roots, &saved);
        let elementwise = self.elementwise_gradients();
        let (backward, gradients) = self.backward(&elementwise);
        let outer = self.outer_gradients();
        let input_products = self.input_products();
        Ok(Plan {
            input_gradient: self.step.backward.input.is_some(),
            errors: self.step.backward.errors.clone(),
            quantities: self.step.quantities.clone(),
            dag: self.step.dag,
            leads: self.leads,
            vectors: self.vectors,
            scalars: self.scalars,
            carried: self.carried,
            places: self.places,
            backward_places: self.backward_places,
            forward,
            backward,
            error_columns: self.error_slots,
            outer,
            input_products,
            gradients,
        })
    }

    fn lead_of(&self, axis: AxisId) -> usize {
        self.leads
            .iter()
            .position(|lead| lead.axis == axis.0)
            .unwrap_or_default()
    }

    fn lead_of_value(&self, id: ValueId) -> usize {
        self.step
            .dag
            .shape(id)
            .first()
            .map_or(0, |&axis| self.lead_of(axis))
    }

    fn per_cell(&self, id: ValueId) -> bool {
        self.step.dag.shape(id).len() == 2
    }

    fn parameters(&mut self) {
        for (index, param) in self.cell.params.iter().enumerate() {
            if param.role != Role::Elementwise {
                continue;
            }
            let id = ParamId(index);
            match param.shape.first() {
                None => self.scalars.push(id),
                Some(&axis) => {
                    let lead = self.lead_of(axis);
                    let slot = self.leads[lead].params.take(param.shape.len() == 2);
                    self.vectors.push((id, lead, slot));
                }
            }
        }
    }

    /// Everything a forward product, or a deferred matrix gradient, reads.
    fn forward_columns(&self) -> (BTreeSet<QuantityId>, BTreeSet<ValueId>) {
        let (mut carried, mut now) = (BTreeSet::new(), BTreeSet::new());
        let mut note = |source: Source| match source {
            Source::Previous(quantity) => {
                carried.insert(quantity);
            }
            Source::Now(value) => {
                now.insert(value);
            }
            Source::Input | Source::Next(_) => {}
        };
        for id in self.step.dag.reachable(&self.step.quantities) {
            if let Compute::Accumulate(products) = self.step.dag.compute(id) {
                products.iter().for_each(|product| note(product.source));
            }
        }
        self.step
            .backward
            .outer
            .iter()
            .for_each(|gradient| note(gradient.source));
        (carried, now)
    }

    fn place_carried(
        &mut self,
        (carried_columns, now_columns): &(BTreeSet<QuantityId>, BTreeSet<ValueId>),
    ) {
        for quantity in self.cell.carried() {
            let value = self.step.quantities[quantity.0];
            let shape = &self.cell.quantity(quantity).shape;
            let per_cell = shape.len() == 2;
            let lead = shape.first().map_or(0, |&axis| self.lead_of(axis));
            let place = if carried_columns.contains(&quantity) {
                Place::Column(self.leads[lead].columns.take(per_cell))
            } else {
                Place::Lanes(self.leads[lead].kept.take(per_cell))
            };
            self.places.entry(value).or_insert(place);
            let carry = self.leads[lead].carries.take(per_cell);
            let backward = &self.step.backward;
            let next_products = backward
                .next_products
                .iter()
                .find(|&&(id, _)| id == quantity)
                .map(|&(_, value)| value);
            let elementwise = backward
                .carries
                .iter()
                .any(|&(id, value)| id == quantity && value.is_some());
            self.carried.push(Carried {
                quantity,
                lead,
                place,
                carry,
                next_products,
                elementwise,
            });
        }
        for &value in now_columns {
            let in_column = matches!(self.places.get(&value), Some(Place::Column(_)));
            if !in_column {
                let (lead, per_cell) = (self.lead_of_value(value), self.per_cell(value));
                let slot = self.leads[lead].columns.take(per_cell);
                self.places.insert(value, Place::Column(slot));
            }
        }
    }

    fn choose_tape(
        &mut self,
        columns: &(BTreeSet<QuantityId>, BTreeSet<ValueId>),
    ) -> (Vec<ValueId>, BTreeSet<ValueId>) {
        let mut roots: Vec<_> = self
            .carried
            .iter()
            .map(|carried| self.step.quantities[carried.quantity.0])
            .collect();
        roots.push(self.step.quantities[self.cell.output.0]);
        roots.extend(columns.1.iter().copied());
        let kept: BTreeSet<_> = self.places.keys().copied().collect();
        let saved = tape::choose(&mut self.step, &roots, &kept);
        roots.extend(saved.iter().copied());
        (roots, saved)
    }

    fn forward(&mut self, roots: &[ValueId], saved: &BTreeSet<ValueId>) -> Direction {
        let order = schedule::schedule(&self.step.dag, roots, &[]);
        let mut scalars = 0;
        for &id in order.home.keys() {
            if matches!(self.step.dag.compute(id), Compute::Reduce(_)) {
                self.places.insert(id, Place::Scalar(scalars));
                scalars += 1;
            }
        }
        // What a later pass reads is kept in every mode and comes first in the record.
        for &id in &order.spilled {
            self.place_lanes(id, true);
        }
        for lead in &mut self.leads {
            lead.tape = lead.kept;
        }
        let mut tape_only = BTreeSet::new();
        for &id in saved {
            if self.place_lanes(id, false) {
                tape_only.insert(id);
            }
        }
        let mut destinations: BTreeMap<ValueId, Vec<Destination>> = BTreeMap::new();
        for (&id, &place) in &self.places {
            destinations.entry(id).or_default().push(match place {
                Place::Lanes(slot) => Destination::Lanes {
                    slot,
                    tape_only: tape_only.contains(&id),
                },
                Place::Column(slot) => Destination::Column(slot),
                Place::Scalar(index) => Destination::Scalar(index),
            });
        }
        for carried in &self.carried {
            let value = self.step.quantities[carried.quantity.0];
            let destination = match carried.place {
                Place::Lanes(slot) => Destination::Lanes {
                    slot,
                    tape_only: false,
                },
                Place::Column(slot) => Destination::Column(slot),
                Place::Scalar(index) => Destination::Scalar(index),
            };
            let known = destinations.entry(value).or_default();
            if !known.contains(&destination) {
                known.push(destination);
            }
        }
        let output = self.step.quantities[self.cell.output.0];
        destinations
            .entry(output)
            .or_default()
            .push(Destination::Output);
        Direction {
            passes: self.passes(order),
            destinations,
            scalars,
        }
    }

    /// Gives a value a place among the lanes unless it has one; says whether it got one now.
    fn place_lanes(&mut self, id: ValueId, kept: bool) -> bool {
        if self.places.contains_key(&id) {
            return false;
        }
        let (lead, per_cell) = (self.lead_of_value(id), self.per_cell(id));
        let lead = &mut self.leads[lead];
        let slot = if kept {
            lead.kept.take(per_cell)
        } else {
            lead.tape.take(per_cell)
        };
        self.places.insert(id, Place::Lanes(slot));
        true
    }

    /// Parameter gradients as lanes to add up: a scalar's gradient is followed back to the lanes whose sum it is.
    fn elementwise_gradients(&mut self) -> Vec<(ParamId, ValueId)> {
        let mut result = Vec::new();
        for (param, value) in self.step.backward.elementwise.clone() {
            if self.step.dag.shape(value).is_empty() {
                let mut lanes = Vec::new();
                distribute(&mut self.step.dag, value, &mut lanes);
                result.extend(lanes.into_iter().map(|value| (param, value)));
            } else {
                result.push((param, value));
            }
        }
        result.retain(|&(_, value)| !is_zero(&self.step.dag, value));
        result
    }

    fn backward(&mut self, elementwise: &[(ParamId, ValueId)]) -> (Direction, Vec<Gradient>) {
        let backward = self.step.backward.clone();
        let mut destinations: BTreeMap<ValueId, Vec<Destination>> = BTreeMap::new();
        let mut roots = Vec::new();
        for carried in &self.carried {
            let next = backward
                .carries
                .iter()
                .find(|&&(id, _)| id == carried.quantity);
            if let Some(&(_, Some(value))) = next {
                destinations
                    .entry(value)
                    .or_default()
                    .push(Destination::Carry(carried.carry));
                roots.push(value);
            }
        }
        for id in self.error_values(&backward) {
            let (lead, per_cell) = (self.lead_of_value(id), self.per_cell(id));
            let slot = self.leads[lead].errors.take(per_cell);
            self.error_slots.insert(id, (lead, slot));
            destinations
                .entry(id)
                .or_default()
                .push(Destination::Error(slot));
            roots.push(id);
        }
        let mut gradients = Vec::new();
        for &(param, value) in elementwise {
            let (lead, per_cell) = (self.lead_of_value(value), self.per_cell(value));
            let slot = self.leads[lead].gradients.take(per_cell);
            destinations
                .entry(value)
                .or_default()
                .push(Destination::Gradient(slot));
            let scalar = self.cell.param(param).shape.is_empty();
            gradients.push(Gradient {
                param,
                lead,
                slot,
                scalar,
            });
            roots.push(value);
        }
        if let Some(value) = backward.input {
            destinations
                .entry(value)
                .or_default()
                .push(Destination::InputGradient);
            roots.push(value);
        }
        roots.extend(
            self.carried
                .iter()
                .filter_map(|carried| carried.next_products),
        );
        let first: Vec<_> = self
            .carried
            .iter()
            .map(|carried| AxisId(self.leads[carried.lead].axis))
            .collect();
        let order = schedule::schedule(&self.step.dag, &roots, &first);
        let mut scalars = 0;
        for &id in order.home.keys() {
            if matches!(self.step.dag.compute(id), Compute::Reduce(_)) {
                self.backward_places.insert(id, Place::Scalar(scalars));
                destinations
                    .entry(id)
                    .or_default()
                    .push(Destination::Scalar(scalars));
                scalars += 1;
            }
        }
        for &id in &order.spilled {
            if let Some(&(_, slot)) = self.error_slots.get(&id) {
                self.backward_places.insert(id, Place::Column(slot));
                continue;
            }
            let (lead, per_cell) = (self.lead_of_value(id), self.per_cell(id));
            let slot = self.leads[lead].spill.take(per_cell);
            self.backward_places.insert(id, Place::Lanes(slot));
            destinations
                .entry(id)
                .or_default()
                .push(Destination::Spill(slot));
        }
        (
            Direction {
                passes: self.passes(order),
                destinations,
                scalars,
            },
            gradients,
        )
    }

    /// Every error that a product or a matrix gradient reads.
    fn error_values(&self, backward: &lower::BackwardRoots) -> Vec<ValueId> {
        let mut values: BTreeSet<ValueId> = backward.next.values().copied().collect();
        values.extend(backward.outer.iter().map(|gradient| gradient.error));
        values.extend(backward.input_products.iter().map(|&(_, error)| error));
        let roots: Vec<_> = tape::backward_roots(&self.step);
        for id in self.step.dag.reachable(&roots) {
            if let Compute::Accumulate(products) = self.step.dag.compute(id) {
                values.extend(products.iter().filter_map(|product| match product.source {
                    Source::Now(value) => Some(value),
                    _ => None,
                }));
            }
        }
        values
            .into_iter()
            .filter(|&id| !is_zero(&self.step.dag, id))
            .collect()
    }

    fn passes(&self, order: Schedule) -> Vec<Pass> {
        let mut passes: Vec<_> = order
            .passes
            .into_iter()
            .map(|pass| Pass {
                lead: self.lead_of(pass.lead),
                level: pass.level,
                accumulators: BTreeMap::new(),
                rows: Record::default(),
                segments: Vec::new(),
                blocks: pass.blocks,
            })
            .collect();
        for (&id, &home) in &order.home {
            let Compute::Accumulate(products) = self.step.dag.compute(id) else {
                continue;
            };
            let pass = &mut passes[home];
            let row = pass.rows.take(self.per_cell(id));
            pass.accumulators.insert(id, row);
            for &product in products {
                self.add_product(pass, product, row);
            }
        }
        passes
    }

    fn add_product(&self, pass: &mut Pass, product: Product, row: Slot) {
        let Some(operand) = self.operand(product.source) else {
            return;
        };
        let entry = (product.matrix, product.transposed, row);
        // A row occurs once in a segment: a second product of the same vector needs accumulators of its own.
        let fits = |segment: &&mut Segment| {
            segment.operand == operand && segment.products.iter().all(|&(_, _, known)| known != row)
        };
        match pass.segments.iter_mut().find(fits) {
            Some(segment) => segment.products.push(entry),
            None => pass.segments.push(Segment {
                operand,
                products: vec![entry],
            }),
        }
    }

    /// Where a product finds its vector; nowhere if that is known to be zero.
    fn operand(&self, source: Source) -> Option<Operand> {
        Some(match source {
            Source::Input => Operand::Input,
            Source::Previous(quantity) => {
                let carried = self
                    .carried
                    .iter()
                    .find(|carried| carried.quantity == quantity)?;
                let Place::Column(slot) = carried.place else {
                    return None;
                };
                Operand::Forward {
                    lead: carried.lead,
                    slot,
                    previous: true,
                }
            }
            Source::Now(value) => match (self.error_slots.get(&value), self.places.get(&value)) {
                (Some(&(lead, slot)), _) => Operand::Error {
                    lead,
                    slot,
                    next: false,
                },
                (None, Some(&Place::Column(slot))) => Operand::Forward {
                    lead: self.lead_of_value(value),
                    slot,
                    previous: false,
                },
                _ => return None,
            },
            Source::Next(expression) => {
                let &(lead, slot) = self
                    .error_slots
                    .get(self.step.backward.next.get(&expression)?)?;
                Operand::Error {
                    lead,
                    slot,
                    next: true,
                }
            }
        })
    }

    fn outer_gradients(&self) -> Vec<(ParamId, usize, Slot, Operand)> {
        let with_places = |gradient: &OuterGradient| {
            let &(lead, slot) = self.error_slots.get(&gradient.error)?;
            let operand = match gradient.source {
                Source::Now(value) => {
                    let Some(&Place::Column(slot)) = self.places.get(&value) else {
                        return None;
                    };
                    Operand::Forward {
                        lead: self.lead_of_value(value),
                        slot,
                        previous: false,
                    }
                }
                other => self.operand(other)?,
            };
            Some((gradient.matrix, lead, slot, operand))
        };
        self.step
            .backward
            .outer
            .iter()
            .filter_map(with_places)
            .collect()
    }

    fn input_products(&self) -> Vec<(ParamId, usize, Slot)> {
        let with_places = |&(matrix, error): &(ParamId, ValueId)| {
            let &(lead, slot) = self.error_slots.get(&error)?;
            Some((matrix, lead, slot))
        };
        self.step
            .backward
            .input_products
            .iter()
            .filter_map(with_places)
            .collect()
    }
}

/// The axes over whose units something is computed, each with its block axis.
fn leads(cell: &Cell) -> Result<Vec<Lead>, Diagnostics> {
    let mut leads: Vec<Lead> = Vec::new();
    let mut diagnostics = Diagnostics::default();
    let quantities = cell
        .quantities
        .iter()
        .map(|quantity| (&quantity.shape, quantity.span));
    let elementwise = cell
        .params
        .iter()
        .filter(|param| param.role == Role::Elementwise);
    let vectors = elementwise.map(|param| (&param.shape, param.span));
    let all: Vec<_> = quantities
        .chain(vectors)
        .chain([(&cell.input.shape, cell.input.span)])
        .collect();
    let nodes = cell.graph.reachable(
        &cell
            .quantities
            .iter()
            .map(|quantity| quantity.definition)
            .collect::<Vec<_>>(),
    );
    let inner = nodes
        .iter()
        .map(|&id| (cell.graph.shape(id), proc_macro2::Span::call_site()));
    for (shape, span) in all.into_iter().chain(inner) {
        let Some(&axis) = shape.first() else { continue };
        let index = leads
            .iter()
            .position(|lead| lead.axis == axis.0)
            .unwrap_or_else(|| {
                leads.push(Lead {
                    axis: axis.0,
                    ..Lead::default()
                });
                leads.len() - 1
            });
        let Some(&block) = shape.get(1) else { continue };
        match leads[index].block {
            Some(known) if known != block => diagnostics.0.push(Diagnostic::new(
                "two-block-axes",
                span,
                format!(
                    "units of axis {} come in blocks of {} here and in blocks of {} elsewhere; use one block axis for them",
                    cell.size(axis).name.symbol,
                    cell.size(block).name.symbol,
                    cell.size(known).name.symbol
                ),
            )),
            _ => leads[index].block = Some(block),
        }
    }
    leads.sort_by_key(|lead| lead.axis);
    if diagnostics.0.is_empty() {
        Ok(leads)
    } else {
        Err(diagnostics)
    }
}

/// Whether a value is zero everywhere.
fn is_zero(dag: &Dag, id: ValueId) -> bool {
    match dag.compute(id) {
        Compute::Number(number) => num_traits::Zero::is_zero(number),
        Compute::Broadcast(inner) => is_zero(dag, *inner),
        _ => false,
    }
}

/// Writes a scalar that is linear in sums over units as lanes whose sum over units it is.
fn distribute(dag: &mut Dag, id: ValueId, lanes: &mut Vec<ValueId>) {
    match dag.compute(id).clone() {
        Compute::Reduce(inner) => lanes.push(inner),
        Compute::Add(a, b) => {
            distribute(dag, a, lanes);
            distribute(dag, b, lanes);
        }
        Compute::Sub(a, b) => {
            distribute(dag, a, lanes);
            distribute_through(dag, b, lanes, |_, inner| Compute::Neg(inner));
        }
        Compute::Neg(a) => distribute_through(dag, a, lanes, |_, inner| Compute::Neg(inner)),
        Compute::Mul(a, b) => {
            let (factor, sum) = if contains_reduce(dag, b) {
                (a, b)
            } else {
                (b, a)
            };
            distribute_through(dag, sum, lanes, |factor_lanes, inner| {
                Compute::Mul(factor_lanes(factor), inner)
            });
        }
        Compute::Div(a, b) => {
            distribute_through(dag, a, lanes, |factor_lanes, inner| {
                Compute::Div(inner, factor_lanes(b))
            });
        }
        Compute::Select(sign, [left, right, then, otherwise]) => {
            for (branch, kept_first) in [(then, true), (otherwise, false)] {
                distribute_through(dag, branch, lanes, |factor_lanes, inner| {
                    let zero = factor_lanes(ValueId(usize::MAX));
                    let (first, second) = if kept_first {
                        (inner, zero)
                    } else {
                        (zero, inner)
                    };
                    Compute::Select(
                        sign,
                        [factor_lanes(left), factor_lanes(right), first, second],
                    )
                });
            }
        }
        _ => {}
    }
}

/// Applies `outer` to each lane vector of a distributed sum. `outer` can ask for a scalar repeated over the lanes
/// (`usize::MAX` asks for zeros).
fn distribute_through(
    dag: &mut Dag,
    sum: ValueId,
    lanes: &mut Vec<ValueId>,
    outer: impl Fn(&mut dyn FnMut(ValueId) -> ValueId, ValueId) -> Compute,
) {
    let mut inner = Vec::new();
    distribute(dag, sum, &mut inner);
    for value in inner {
        let shape = dag.shape(value).clone();
        let mut repeat = |scalar: ValueId| {
            let scalar = if scalar == ValueId(usize::MAX) {
                dag.add(Compute::Number(num_traits::Zero::zero()), vec![])
            } else {
                scalar
            };
            dag.add(Compute::Broadcast(scalar), shape.clone())
        };
        let compute = outer(&mut repeat, value);
        lanes.push(dag.add(compute, shape));
    }
}

fn contains_reduce(dag: &Dag, id: ValueId) -> bool {
    matches!(dag.compute(id), Compute::Reduce(_))
        || dag
            .compute(id)
            .operands()
            .into_iter()
            .any(|operand| contains_reduce(dag, operand))
}
