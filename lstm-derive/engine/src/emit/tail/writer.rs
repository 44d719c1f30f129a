//! One pass, statement by statement.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::expr::NodeId;
use crate::plan::dag::{Compute, ValueId};
use crate::plan::layout::{Destination, Slot};
use crate::plan::{Block, Direction, Pass};

use super::places::{bare, cell_index, place_index};
use super::{Emitter, is_earlier};
use crate::emit::names::Names;

/// Writes one pass, statement by statement.
pub(super) struct Writer<'a> {
    pub(super) emitter: &'a Emitter<'a>,
    pub(super) direction: &'a Direction,
    pub(super) pass: &'a Pass,
    pub(super) is_forward: bool,
    pub(super) names: Names<'a>,
    pub(super) uses: BTreeMap<ValueId, usize>,
    /// Before the loop over the samples.
    pub(super) hoisted: Vec<TokenStream>,
    /// Once per sample.
    pub(super) outer: Vec<TokenStream>,
    /// Whether what follows runs when everything before has run for all samples.
    pub(super) is_second_loop: bool,
    /// Once per cell, while a loop over the cells is open.
    pub(super) inner: Option<Vec<TokenStream>>,
    pub(super) outer_scope: BTreeMap<ValueId, Ident>,
    pub(super) inner_scope: BTreeMap<ValueId, Ident>,
}

impl Writer<'_> {
    pub(super) fn compute(&self, id: ValueId) -> &Compute {
        self.emitter.plan.dag.compute(id)
    }

    pub(super) fn per_cell(&self, id: ValueId) -> bool {
        self.emitter.plan.dag.shape(id).len() == 2
    }

    pub(super) fn is_computed(&self, id: ValueId) -> bool {
        self.emitter.is_computed(self.direction, self.pass, id)
    }

    /// Ends the loop over the samples: its statements. What is read before the loops is still known behind it.
    pub(super) fn end_loop(&mut self) -> Vec<TokenStream> {
        let dag = &self.emitter.plan.dag;
        self.outer_scope
            .retain(|&id, _| matches!(dag.compute(id), Compute::Param(_)));
        self.names.keep(self.outer_scope.values());
        self.is_second_loop = true;
        mem::take(&mut self.outer)
    }

    /// Whether a value comes from the first loop to the second.
    pub(super) fn is_handed_over(&self, id: ValueId) -> bool {
        self.pass.handed_over.contains_key(&id)
    }

    /// Where a value that the first loop computed is for the second, which is being written.
    pub(super) fn taken_over(&self, id: ValueId) -> Option<Slot> {
        let slot = self.pass.handed_over.get(&id).copied();
        slot.filter(|_| self.is_second_loop)
    }

    pub(super) fn block(&mut self, block: &Block) {
        if block.per_cell {
            self.inner = Some(Vec::new());
            self.inner_scope.clear();
        }
        let sums: BTreeSet<ValueId> = self
            .pass
            .blocks
            .iter()
            .flat_map(|block| block.values.iter().copied())
            .filter(|&id| match self.compute(id) {
                Compute::SumBlock(inner) => block.per_cell && block.values.contains(inner),
                _ => false,
            })
            .collect();
        for &id in &sums {
            let name = self.names.fresh(id);
            self.outer.push(quote!(let mut #name = tile.zero();));
            self.outer_scope.insert(id, name);
        }
        for &id in &block.values {
            if matches!(self.compute(id), Compute::SumBlock(_)) {
                if self.is_computed(id) {
                    self.store(id);
                }
            } else {
                self.value(id);
            }
            for &sum in &sums {
                if matches!(self.compute(sum), Compute::SumBlock(inner) if *inner == id) {
                    let (term, name) = (self.expression(id), self.outer_scope[&sum].clone());
                    self.push(id, quote!(#name = #name + #term;));
                }
            }
        }
        if let Some(inner) = self.inner.take() {
            // Values that are only read leave nothing to do.
            if !inner.is_empty() {
                self.outer
                    .push(quote!(for cell in 0..tile.cells() { #(#inner)* }));
            }
            self.inner_scope.clear();
        }
    }

    /// Appends a statement at the depth of a value.
    pub(super) fn push(&mut self, id: ValueId, statement: TokenStream) {
        match &mut self.inner {
            Some(inner) if self.emitter.plan.dag.shape(id).len() == 2 => inner.push(statement),
            _ => self.outer.push(statement),
        }
    }

    /// Computes a value of the block, unless it is only read where it is used, and sends it where it belongs.
    pub(super) fn value(&mut self, id: ValueId) {
        if !self.is_computed(id) {
            if self.compute(id).is_leaf() {
                self.store(id);
            }
            return;
        }
        if let Compute::Reduce(inner) = *self.compute(id) {
            let term = bare(self.expression(inner));
            let destinations = self
                .direction
                .destinations
                .get(&id)
                .cloned()
                .unwrap_or_default();
            for destination in destinations {
                if let Destination::Scalar(index) = destination {
                    let add = if self.is_forward {
                        quote!(add_sum)
                    } else {
                        quote!(add_error_sum)
                    };
                    self.push(inner, quote!(tile.#add(sample, #index, #term);));
                }
            }
            return;
        }
        let is_repeated = matches!(self.compute(id), Compute::Broadcast(_));
        if is_repeated {
            self.store(id);
            return;
        }
        let inlined = !self.names.is_named(id)
            && self.uses.get(&id).copied().unwrap_or(0) <= 1
            && !self.direction.destinations.contains_key(&id)
            && !self.is_handed_over(id);
        if inlined {
            return;
        }
        let expression = self.formula(id);
        let name = self.names.fresh(id);
        if let Some(comment) = self.comment(id) {
            self.push(id, quote!(comment!(#comment);));
        }
        self.push(id, quote!(let #name = #expression;));
        if self.per_cell(id) {
            self.inner_scope.insert(id, name);
        } else {
            self.outer_scope.insert(id, name);
        }
        self.store(id);
    }

    /// The equation above the code of a named value.
    pub(super) fn comment(&self, id: ValueId) -> Option<String> {
        let (cell, plan) = (self.emitter.cell, self.emitter.plan);
        if !self.emitter.comments {
            return None;
        }
        if self.is_forward {
            let index = plan.quantities.iter().position(|&value| value == id)?;
            let quantity = &cell.quantities[index];
            Some(format!(
                "{}[t] = {}",
                quantity.name.symbol,
                crate::print::expression(cell, quantity.definition)
            ))
        } else {
            let index = plan.errors.iter().position(|&value| value == Some(id))?;
            let quantity = &cell.quantities[index];
            let signal = &self.emitter.derivation.signals[index];
            let name = cell
                .signal_of(crate::expr::QuantityId(index))
                .map_or(format!("err({})", quantity.name.symbol), |signal| {
                    signal.name.symbol.clone()
                });
            let terms: Vec<NodeId> = signal
                .now
                .iter()
                .chain(&signal.later)
                .map(|term| term.value)
                .collect();
            Some(format!("{name}[t] = {}", crate::print::sum(cell, &terms)))
        }
    }

    /// Sends a value where it belongs, in the first pass that has it: what adds up must be added once.
    pub(super) fn store(&mut self, id: ValueId) {
        if is_earlier(self.direction, self.pass, id) {
            return;
        }
        let destinations = self
            .direction
            .destinations
            .get(&id)
            .cloned()
            .unwrap_or_default();
        for destination in destinations {
            let value = bare(self.expression(id));
            let statement = match destination {
                Destination::Lanes { slot, tape_only } => {
                    let row = place_index(slot);
                    let statement = quote!(tile.set_lanes(sample, #row, #value););
                    if tape_only {
                        quote!(if TAPE { #statement })
                    } else {
                        statement
                    }
                }
                Destination::Column(slot) => {
                    let row = place_index(slot);
                    quote!(tile.set_column(sample, #row, #value);)
                }
                Destination::Output => {
                    let row = cell_index(self.per_cell(id));
                    quote!(tile.set_output(sample, #row, #value);)
                }
                Destination::Error(slot) => {
                    let row = place_index(slot);
                    quote!(tile.set_error(sample, #row, #value);)
                }
                Destination::Carry(slot) => {
                    let row = place_index(slot);
                    quote!(tile.set_carry(sample, #row, #value);)
                }
                Destination::Spill(slot) => {
                    let row = place_index(slot);
                    quote!(tile.set_spilled(sample, #row, #value);)
                }
                Destination::InputGradient => {
                    let row = cell_index(self.per_cell(id));
                    quote!(tile.set_input_gradient(sample, #row, #value);)
                }
                Destination::Gradient(slot) => {
                    let row = place_index(slot);
                    quote!(tile.add_gradient(sample, #row, #value);)
                }
                Destination::Scalar(_) => continue,
            };
            self.push(id, statement);
        }
        if let Some(&slot) = self.pass.handed_over.get(&id) {
            let (row, value) = (place_index(slot), bare(self.expression(id)));
            self.push(id, quote!(tile.hand_over(sample, #row, #value);));
        }
    }
}
