//! The backward step: errors, carries and gradients.

use std::collections::{BTreeMap, BTreeSet};

use super::super::dag::{Compute, Source, ValueId};
use super::super::layout::{ColumnGradient, Destination, Gradient, Place};
use super::super::lower;
use super::super::schedule;
use super::super::{Direction, tape};
use super::Planner;
use super::scalars::{Distribution, is_zero};
use crate::expr::{AxisId, ParamId};

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

    pub(super) fn backward(
        &mut self,
        elementwise: &[(ParamId, ValueId)],
    ) -> (Direction, Vec<ColumnGradient>, Vec<Gradient>) {
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
        let (mut column_gradients, mut gradients) = (Vec::new(), Vec::new());
        for &(param, value) in elementwise {
            let scalar = self.cell.param(param).shape.is_empty();
            if let (Some(&(lead, slot)), false) = (self.error_slots.get(&value), scalar) {
                column_gradients.push(ColumnGradient { param, lead, slot });
                continue;
            }
            let (lead, per_cell) = (self.lead_of_value(value), self.per_cell(value));
            let slot = self.leads[lead].gradients.take(per_cell);
            destinations
                .entry(value)
                .or_default()
                .push(Destination::Gradient(slot));
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
            column_gradients,
            gradients,
        )
    }

    /// Every error that a product or a matrix gradient reads. Those that the step before reads stand side by side, and
    /// so do those that make the gradient of the input, so that each kind is read in one go.
    pub(super) fn error_values(&self, backward: &lower::BackwardRoots) -> Vec<ValueId> {
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
