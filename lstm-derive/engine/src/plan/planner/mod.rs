//! Gives every value a place and every product a pass.

mod backward;
mod forward;
mod products;
mod scalars;

use std::collections::BTreeMap;

use super::Plan;
use super::dag::ValueId;
use super::layout::{Carried, Lead, Places, Slot};
use super::lower::Step;
use crate::expr::{AxisId, ParamId};
use crate::model::{Cell, Role};

/// The work in progress.
pub(in crate::plan) struct Planner<'a> {
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
    pub(in crate::plan) fn new(cell: &'a Cell, step: Step) -> Self {
        Planner {
            cell,
            step,
            leads: leads(cell),
            error_slots: BTreeMap::new(),
            carried: Vec::new(),
            places: Places::new(),
            backward_places: Places::new(),
            vectors: Vec::new(),
            scalars: Vec::new(),
        }
    }

    pub(in crate::plan) fn run(mut self) -> Plan {
        self.parameters();
        let columns = self.forward_columns();
        self.place_carried(&columns);
        let (forward_roots, saved) = self.choose_tape(&columns);
        let forward = self.forward(&forward_roots, &saved);
        let elementwise = self.elementwise_gradients();
        let (backward, column_gradients, gradients) = self.backward(&elementwise);
        let outer = self.outer_gradients();
        let input_products = self.input_products();
        Plan {
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
            column_gradients,
            gradients,
        }
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
}

/// The axes over whose units something is computed, each with its block axis; there is one at most.
fn leads(cell: &Cell) -> Vec<Lead> {
    let mut leads: BTreeMap<AxisId, Lead> = BTreeMap::new();
    for (shape, _) in cell.vectors() {
        let Some(&axis) = shape.first() else { continue };
        let lead = leads.entry(axis).or_insert_with(|| Lead {
            axis: axis.0,
            ..Lead::default()
        });
        lead.block = lead.block.or(shape.get(1).copied());
    }
    leads.into_values().collect()
}
