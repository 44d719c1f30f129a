//! The backward step: errors, carries and gradients.

use std::collections::{BTreeMap, BTreeSet};

use super::super::dag::{Compute, Source, ValueId};
use super::super::layout::{ColumnGradient, Destination, Gradient, Place};
use super::super::lower::BackwardRoots;
use super::super::schedule::{self, Schedule};
use super::super::{Direction, tape};
use super::Planner;
use super::scalars::{Distribution, is_zero};
use crate::expr::{AxisId, ParamId};

/// What a backward step leaves behind.
#[derive(Default)]
struct Wanted {
    /// Where each value goes.
    destinations: BTreeMap<ValueId, Vec<Destination>>,
    /// The values for whose sake all others are computed.
    roots: Vec<ValueId>,
}

impl Wanted {
    /// A value that is computed to go there.
    fn add(&mut self, value: ValueId, destination: Destination) {
        self.also(value, destination);
        self.roots.push(value);
    }

    /// One that is computed anyway, and goes there, too.
    fn also(&mut self, value: ValueId, destination: Destination) {
        self.destinations
            .entry(value)
            .or_default()
            .push(destination);
    }
}

impl Planner<'_> {
    /// Parameter gradients as lanes to add up: a scalar's gradient is followed back to the lanes whose sum it is.
    pub(super) fn elementwise_gradients(&mut self) -> Vec<(ParamId, ValueId)> {
        let elementwise = self.step.backward.elementwise.clone();
        let mut distribution = Distribution::new(&mut self.step.dag);
        let mut result = Vec::new();
        for (param, value) in elementwise {
            let lanes = distribution.lanes(value);
            result.extend(lanes.into_iter().map(|lanes| (param, lanes)));
        }
        result.retain(|&(_, value)| !is_zero(&self.step.dag, value));
        result
    }

    /// The passes of the backward step, the gradients whose errors are summed with those of matrices, and those with lanes of
    /// their own.
    pub(super) fn backward(
        &mut self,
        elementwise: &[(ParamId, ValueId)],
    ) -> (Direction, Vec<ColumnGradient>, Vec<Gradient>) {
        let backward = self.step.backward.clone();
        let mut wanted = Wanted::default();
        self.want_carries(&backward, &mut wanted);
        self.want_errors(&backward, &mut wanted);
        let (column_gradients, gradients) = self.want_gradients(elementwise, &mut wanted);
        if let Some(value) = backward.input {
            wanted.add(value, Destination::InputGradient);
        }
        let order = self.backward_order(std::mem::take(&mut wanted.roots));
        let scalars = self.keep_scalars(&order, &mut wanted);
        self.keep_spilled(&order, &mut wanted);
        let direction = Direction {
            passes: self.passes(order),
            destinations: wanted.destinations,
            scalars,
        };
        (direction, column_gradients, gradients)
    }

    /// What the step before takes over of each carried quantity's error.
    fn want_carries(&self, backward: &BackwardRoots, wanted: &mut Wanted) {
        for carried in &self.carried {
            let mut carries = backward.carries.iter();
            let next = carries.find(|&&(id, _)| id == carried.quantity);
            if let Some(&(_, Some(value))) = next {
                wanted.add(value, Destination::Carry(carried.carry));
            }
        }
    }

    /// The errors that products and gradients of matrices read, each with a place of its own.
    fn want_errors(&mut self, backward: &BackwardRoots, wanted: &mut Wanted) {
        for id in self.error_values(backward) {
            let (lead, per_cell) = (self.lead_of_value(id), self.per_cell(id));
            let slot = self.leads[lead].errors.take(per_cell);
            self.error_slots.insert(id, (lead, slot));
            wanted.add(id, Destination::Error(slot));
        }
    }

    /// The gradients of element-wise parameters: what is kept as an error, too, is summed there.
    fn want_gradients(
        &mut self,
        elementwise: &[(ParamId, ValueId)],
        wanted: &mut Wanted,
    ) -> (Vec<ColumnGradient>, Vec<Gradient>) {
        let (mut column_gradients, mut gradients) = (Vec::new(), Vec::new());
        for &(param, value) in elementwise {
            let scalar = self.cell.param(param).shape.is_empty();
            if let (Some(&(lead, slot)), false) = (self.error_slots.get(&value), scalar) {
                column_gradients.push(ColumnGradient { param, lead, slot });
                continue;
            }
            let (lead, per_cell) = (self.lead_of_value(value), self.per_cell(value));
            let slot = self.leads[lead].gradients.take(per_cell);
            wanted.add(value, Destination::Gradient(slot));
            gradients.push(Gradient {
                param,
                lead,
                slot,
                scalar,
            });
        }
        (column_gradients, gradients)
    }

    /// The order in which the wanted values are computed.
    fn backward_order(&self, mut roots: Vec<ValueId>) -> Schedule {
        let carried = self.carried.iter();
        roots.extend(carried.clone().filter_map(|carried| carried.next_products));
        let first: Vec<_> = carried
            .map(|carried| AxisId(self.leads[carried.lead].axis))
            .collect();
        schedule::schedule(&self.step.dag, &roots, &first)
    }

    /// Places for sums over all units, and how many there are.
    fn keep_scalars(&mut self, order: &Schedule, wanted: &mut Wanted) -> usize {
        let mut scalars = 0;
        for &id in order.home.keys() {
            if matches!(self.step.dag.compute(id), Compute::Reduce(_)) {
                self.backward_places.insert(id, Place::Scalar(scalars));
                wanted.also(id, Destination::Scalar(scalars));
                scalars += 1;
            }
        }
        scalars
    }

    /// Places for what a later pass reads: that of an error, where it is one.
    fn keep_spilled(&mut self, order: &Schedule, wanted: &mut Wanted) {
        for &id in &order.spilled {
            if let Some(&(_, slot)) = self.error_slots.get(&id) {
                self.backward_places.insert(id, Place::Column(slot));
                continue;
            }
            let (lead, per_cell) = (self.lead_of_value(id), self.per_cell(id));
            let slot = self.leads[lead].spill.take(per_cell);
            self.backward_places.insert(id, Place::Lanes(slot));
            wanted.also(id, Destination::Spill(slot));
        }
    }

    /// Every error that a product or a matrix gradient reads. Those that the step before reads stand side by side, and
    /// so do those that make the gradient of the input, so that each kind is read in one go.
    pub(super) fn error_values(&self, backward: &BackwardRoots) -> Vec<ValueId> {
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
        let mut values: Vec<_> = values
            .into_iter()
            .filter(|&id| !is_zero(&self.step.dag, id))
            .collect();
        let next: BTreeSet<ValueId> = backward.next.values().copied().collect();
        let input: BTreeSet<ValueId> = backward.input_products.iter().map(|&(_, id)| id).collect();
        values.sort_by_key(|id| match (next.contains(id), input.contains(id)) {
            (true, false) => 0,
            (true, true) => 1,
            (false, true) => 2,
            (false, false) => 3,
        });
        values
    }
}
