//! Which products a pass begins with, and which wait for the end.

use std::collections::BTreeMap;

use super::super::dag::{Compute, Product, Source, ValueId};
use super::super::layout::{Place, Record, Slot};
use super::super::lower::OuterGradient;
use super::super::schedule::Schedule;
use super::super::{Operand, Pass, Segment};
use super::Planner;
use crate::expr::ParamId;

impl Planner<'_> {
    pub(super) fn passes(&self, order: Schedule) -> Vec<Pass> {
        let mut passes: Vec<_> = order
            .passes
            .into_iter()
            .map(|pass| Pass {
                lead: self.lead_of(pass.lead),
                level: pass.level,
                accumulators: BTreeMap::new(),
                rows: Record::default(),
                segments: Vec::new(),
                first_loop: pass.blocks.len(),
                handed_over: BTreeMap::new(),
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

    pub(super) fn add_product(&self, pass: &mut Pass, product: Product, row: Slot) {
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
    pub(super) fn operand(&self, source: Source) -> Option<Operand> {
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

    pub(super) fn outer_gradients(&self) -> Vec<(ParamId, usize, Slot, Operand)> {
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

    pub(super) fn input_products(&self) -> Vec<(ParamId, usize, Slot)> {
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
