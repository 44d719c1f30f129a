//! The element-wise code behind the products: straight lines that read like the equations.

mod formulas;
mod places;
mod writer;

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::adjoint::Derivation;
use crate::model::Cell;
use crate::plan::dag::{Compute, ValueId};
use crate::plan::{Block, Direction, Pass, Plan};

use super::names::Names;
use places::place_index;
use writer::Writer;

/// Emits the functions of a cell.
pub struct Emitter<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// Its error signals.
    pub derivation: &'a Derivation,
    /// Its plan.
    pub plan: &'a Plan,
    /// Whether equations stand above their code.
    pub comments: bool,
}

impl Emitter<'_> {
    /// The function of one pass of the forward step.
    pub fn forward(&self, index: usize) -> TokenStream {
        let name = format_ident!("forward_{index}");
        let body = self.pass(&self.plan.forward, index, true);
        quote! {
            #[inline(always)]
            pub(super) fn #name<T: Element, S: Simd, const TAPE: bool>(tile: &ForwardTile<T, S>) { #body }
        }
    }

    /// The function of one pass of the backward step.
    pub fn backward(&self, index: usize) -> TokenStream {
        let name = format_ident!("backward_{index}");
        let body = self.pass(&self.plan.backward, index, false);
        quote! {
            #[inline(always)]
            pub(super) fn #name<T: Element, S: Simd>(tile: &BackwardTile<T, S>) { #body }
        }
    }

    /// The function that completes the gradients of the initial states of one group of units.
    pub fn initial(&self, lead: usize) -> TokenStream {
        let name = format_ident!("initial_{lead}");
        let first = self
            .plan
            .backward
            .passes
            .iter()
            .find(|pass| pass.lead == lead && pass.level == 0);
        let (mut units, mut cells) = (Vec::new(), Vec::new());
        for carried in self
            .plan
            .carried
            .iter()
            .filter(|carried| carried.lead == lead)
        {
            let per_cell = carried.carry.per_cell;
            let slot = place_index(carried.carry);
            let carry = if carried.elementwise {
                quote!(carry)
            } else {
                quote!(final_gradient)
            };
            let mut value = quote!(tile.#carry(sample, #slot));
            let row = carried
                .next_products
                .and_then(|id| first.and_then(|pass| pass.accumulators.get(&id)));
            if let Some(&row) = row {
                let row = place_index(row);
                value = quote!(tile.accumulator(sample, #row) + #value);
            }
            let statement = quote!(tile.set_carry(sample, #slot, #value););
            if per_cell {
                cells.push(statement)
            } else {
                units.push(statement)
            }
        }
        let body = if units.is_empty() && cells.is_empty() {
            quote!()
        } else {
            let cells =
                (!cells.is_empty()).then(|| quote!(for cell in 0..tile.cells() { #(#cells)* }));
            quote!(for sample in 0..tile.samples() { #(#units)* #cells })
        };
        quote! {
            #[inline(always)]
            pub(super) fn #name<T: Element, S: Simd>(tile: &BackwardTile<T, S>) { let _ = tile; #body }
        }
    }

    fn pass(&self, direction: &Direction, index: usize, is_forward: bool) -> TokenStream {
        let pass = &direction.passes[index];
        let mut writer = Writer {
            emitter: self,
            direction,
            pass,
            is_forward,
            names: Names::new(self.cell, self.plan),
            uses: self.uses(direction, pass),
            hoisted: Vec::new(),
            outer: Vec::new(),
            inner: None,
            is_second_loop: false,
            outer_scope: BTreeMap::new(),
            inner_scope: BTreeMap::new(),
        };
        let (first, second) = pass.blocks.split_at(pass.first_loop);
        first.iter().for_each(|block| writer.block(block));
        let first = writer.end_loop();
        second.iter().for_each(|block| writer.block(block));
        let second = writer.end_loop();
        let loops: Vec<_> = [first, second]
            .into_iter()
            .filter(|statements| !statements.is_empty())
            .map(|statements| quote!(for sample in 0..tile.samples() { #(#statements)* }))
            .collect();
        if loops.is_empty() {
            return quote!(let _ = tile;);
        }
        let hoisted = writer.hoisted;
        quote! {
            #(#hoisted)*
            #(#loops)*
        }
    }

    /// How often each value is used within a pass, destinations included.
    fn uses(&self, direction: &Direction, pass: &Pass) -> BTreeMap<ValueId, usize> {
        let mut uses = BTreeMap::new();
        for &id in pass.blocks.iter().flat_map(|block| &block.values) {
            if self.is_computed(direction, pass, id) {
                for operand in self.plan.dag.compute(id).operands() {
                    *uses.entry(operand).or_insert(0) += 1;
                    // Repeating a value over the cells takes nothing: it is the value itself that is used.
                    let mut inner = operand;
                    while let Compute::Broadcast(repeated) = *self.plan.dag.compute(inner) {
                        inner = repeated;
                        *uses.entry(inner).or_insert(0) += 1;
                    }
                }
            }
            *uses.entry(id).or_insert(0) += direction.destinations.get(&id).map_or(0, Vec::len);
        }
        uses
    }

    /// Whether a pass computes the value, rather than reading it from where an earlier pass left it.
    fn is_computed(&self, direction: &Direction, pass: &Pass, id: ValueId) -> bool {
        match self.plan.dag.compute(id) {
            compute if compute.is_leaf() => false,
            Compute::Accumulate(_) => pass.accumulators.contains_key(&id),
            Compute::Reduce(inner) => {
                let here = |block: &Block| block.values.contains(inner);
                !is_earlier(direction, pass, id) && pass.blocks.iter().any(here)
            }
            _ => {
                let constant = self.plan.dag.shape(id).is_empty();
                let earlier = is_earlier(direction, pass, id);
                // What has no place was cheap enough to compute it again.
                let places = if std::ptr::eq(direction, &self.plan.forward) {
                    &self.plan.places
                } else {
                    &self.plan.backward_places
                };
                let kept = places.contains_key(&id) || direction.destinations.contains_key(&id);
                constant || !earlier || !kept
            }
        }
    }
}

/// Whether a pass in front of this one has the value.
fn is_earlier(direction: &Direction, pass: &Pass, id: ValueId) -> bool {
    direction
        .passes
        .iter()
        .take_while(|other| !std::ptr::eq(*other, pass))
        .any(|other| other.blocks.iter().any(|block| block.values.contains(&id)))
}
