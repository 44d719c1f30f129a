//! The forward step: what is a column, what is carried, what is on the tape.

use std::collections::{BTreeMap, BTreeSet};

use super::super::dag::{Compute, Source, ValueId};
use super::super::layout::{Carried, Destination, Place};
use super::super::{Direction, loops, schedule, tape};
use super::Planner;
use crate::expr::QuantityId;

impl Planner<'_> {
    /// Everything a forward product, or a deferred matrix gradient, reads.
    pub(super) fn forward_columns(&self) -> (BTreeSet<QuantityId>, BTreeSet<ValueId>) {
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

    pub(super) fn place_carried(
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

    pub(super) fn choose_tape(
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

    pub(super) fn forward(&mut self, roots: &[ValueId], saved: &BTreeSet<ValueId>) -> Direction {
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
        let mut passes = self.passes(order);
        if let Some(first) = passes.first_mut() {
            loops::split(&self.step.dag, first);
        }
        Direction {
            passes,
            destinations,
            scalars,
        }
    }

    /// Gives a value a place among the lanes unless it has one; says whether it got one now.
    pub(super) fn place_lanes(&mut self, id: ValueId, kept: bool) -> bool {
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
}
