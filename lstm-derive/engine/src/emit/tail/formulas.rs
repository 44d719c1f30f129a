//! Values as Rust expressions: variables, readings from memory, formulas.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::emit::literal;
use crate::expr::Comparison;
use crate::plan::dag::{Compute, ValueId};
use crate::plan::layout::Place;

use super::places::{bare, cell_index, place_index, read_place};
use super::writer::Writer;

impl Writer<'_> {
    /// A value as an operand: a variable, a constant, or its formula where it is used only here.
    pub(super) fn expression(&mut self, id: ValueId) -> TokenStream {
        if let Some(name) = self
            .inner_scope
            .get(&id)
            .or_else(|| self.outer_scope.get(&id))
        {
            return quote!(#name);
        }
        match self.compute(id).clone() {
            Compute::Number(number) => {
                let value = literal(&number);
                quote!(tile.number(#value))
            }
            Compute::Size(axis) => {
                let axis = axis.0;
                quote!(tile.size(#axis))
            }
            Compute::Broadcast(inner) => self.expression(inner),
            _ if self.taken_over(id).is_some() => self.read(id),
            compute => {
                let computed = self.is_computed(id)
                    && !matches!(compute, Compute::Accumulate(_) | Compute::Reduce(_));
                let kept_elsewhere = self.per_cell(id) && self.names_outside_block(id);
                if computed && !kept_elsewhere {
                    self.parenthesized(id)
                } else {
                    self.read(id)
                }
            }
        }
    }

    /// Whether a cell's value was computed in an earlier loop over the cells and has to be read again.
    pub(super) fn names_outside_block(&self, id: ValueId) -> bool {
        self.names.is_named(id)
            || self.uses.get(&id).copied().unwrap_or(0) > 1
            || self.direction.destinations.contains_key(&id)
            || self.is_handed_over(id)
    }

    pub(super) fn parenthesized(&mut self, id: ValueId) -> TokenStream {
        let formula = self.formula(id);
        quote!((#formula))
    }

    /// Reads a value from memory into a variable.
    pub(super) fn read(&mut self, id: ValueId) -> TokenStream {
        let source = self.reading(id);
        let name = self.names.fresh(id);
        let per_cell = self.per_cell(id) && self.inner.is_some();
        let statement = quote!(let #name = #source;);
        match self.compute(id) {
            Compute::Param(_) if !per_cell => self.hoisted.push(statement),
            _ => self.push(id, statement),
        }
        let scope = if per_cell {
            &mut self.inner_scope
        } else {
            &mut self.outer_scope
        };
        scope.insert(id, name.clone());
        quote!(#name)
    }

    pub(super) fn reading(&self, id: ValueId) -> TokenStream {
        let plan = self.emitter.plan;
        if let Some(slot) = self.taken_over(id) {
            let row = place_index(slot);
            return quote!(tile.handed_over(sample, #row));
        }
        match *self.compute(id) {
            Compute::Param(param) => {
                match plan.vectors.iter().find(|&&(known, _, _)| known == param) {
                    Some(&(_, _, slot)) => {
                        let row = place_index(slot);
                        quote!(tile.param(#row))
                    }
                    None => {
                        let index = plan
                            .scalars
                            .iter()
                            .position(|&known| known == param)
                            .unwrap_or_default();
                        quote!(tile.scalar(#index))
                    }
                }
            }
            Compute::Input => {
                let row = cell_index(self.per_cell(id));
                quote!(tile.input(sample, #row))
            }
            Compute::Upstream => {
                let row = cell_index(self.per_cell(id));
                quote!(tile.upstream(sample, #row))
            }
            Compute::Previous(quantity) => {
                match plan
                    .carried
                    .iter()
                    .find(|carried| carried.quantity == quantity)
                    .map(|carried| carried.place)
                {
                    Some(Place::Column(slot)) => {
                        let row = place_index(slot);
                        quote!(tile.previous_column(sample, #row))
                    }
                    Some(Place::Lanes(slot)) => {
                        let row = place_index(slot);
                        quote!(tile.previous_lanes(sample, #row))
                    }
                    _ => unreachable!("a quantity used at t-1 is carried"),
                }
            }
            Compute::Carry(quantity) => {
                let carried = plan
                    .carried
                    .iter()
                    .find(|carried| carried.quantity == quantity);
                let carried = carried.expect("only carried quantities have a carry");
                let row = place_index(carried.carry);
                if carried.elementwise {
                    quote!(tile.carry(sample, #row))
                } else {
                    quote!(tile.final_gradient(sample, #row))
                }
            }
            Compute::Accumulate(_) if self.pass.accumulators.contains_key(&id) => {
                let row = place_index(self.pass.accumulators[&id]);
                quote!(tile.accumulator(sample, #row))
            }
            Compute::Saved(inner) => read_place(plan.places.get(&inner)),
            _ if self.is_forward => read_place(plan.places.get(&id)),
            _ => match plan.backward_places.get(&id) {
                Some(&Place::Lanes(slot)) => {
                    let row = place_index(slot);
                    quote!(tile.spilled(sample, #row))
                }
                Some(&Place::Column(slot)) => {
                    let row = place_index(slot);
                    quote!(tile.error(sample, #row))
                }
                Some(&Place::Scalar(index)) => quote!(tile.error_sum(sample, #index)),
                None => unreachable!("a value used by a later pass has a place"),
            },
        }
    }

    /// The formula of a computed value.
    pub(super) fn formula(&mut self, id: ValueId) -> TokenStream {
        match self.compute(id).clone() {
            Compute::Neg(a) => {
                let a = self.expression(a);
                quote!(-#a)
            }
            Compute::Add(a, b) => self.sum(a, b),
            Compute::Sub(a, b) => match self.fused(b) {
                Some((x, y)) => {
                    let (y, a) = (bare(y), bare(self.expression(a)));
                    quote!(#x.neg_mul_add(#y, #a))
                }
                None => {
                    let (a, b) = (self.expression(a), self.expression(b));
                    quote!(#a - #b)
                }
            },
            Compute::Mul(a, b) => {
                let (a, b) = (self.expression(a), self.expression(b));
                quote!(#a * #b)
            }
            Compute::Div(a, b) => {
                let (a, b) = (self.expression(a), self.expression(b));
                quote!(#a / #b)
            }
            Compute::Apply(function, a) => {
                let (a, name) = (
                    bare(self.expression(a)),
                    format_ident!("{}", function.name()),
                );
                quote!(activations::#name(#a))
            }
            Compute::Max(a, b) => {
                let (a, b) = (self.expression(a), bare(self.expression(b)));
                quote!(#a.max(#b))
            }
            Compute::Min(a, b) => {
                let (a, b) = (self.expression(a), bare(self.expression(b)));
                quote!(#a.min(#b))
            }
            Compute::Select(sign, operands) => {
                let [left, right, then, otherwise] =
                    operands.map(|operand| self.expression(operand));
                let compare = match sign {
                    Comparison::Greater => quote!(gt),
                    Comparison::GreaterEqual => quote!(ge),
                    Comparison::Less => quote!(lt),
                    Comparison::LessEqual => quote!(le),
                };
                let [right, then, otherwise] = [right, then, otherwise].map(bare);
                quote!(#left.#compare(#right).select(#then, #otherwise))
            }
            Compute::Broadcast(inner) => self.expression(inner),
            _ => self.reading(id),
        }
    }

    /// a + b, fused with a product that is used only here.
    pub(super) fn sum(&mut self, a: ValueId, b: ValueId) -> TokenStream {
        if let Some((x, y)) = self.fused(b) {
            let (y, a) = (bare(y), bare(self.expression(a)));
            return quote!(#x.mul_add(#y, #a));
        }
        if let Some((x, y)) = self.fused(a) {
            let (y, b) = (bare(y), bare(self.expression(b)));
            return quote!(#x.mul_add(#y, #b));
        }
        let (a, b) = (self.expression(a), self.expression(b));
        quote!(#a + #b)
    }

    /// The factors of a product that has no variable of its own.
    pub(super) fn fused(&mut self, id: ValueId) -> Option<(TokenStream, TokenStream)> {
        let Compute::Mul(x, y) = *self.compute(id) else {
            return None;
        };
        let bound = self.inner_scope.contains_key(&id) || self.outer_scope.contains_key(&id);
        if bound || !self.is_computed(id) || self.names_outside_block(id) {
            return None;
        }
        Some((self.expression(x), self.expression(y)))
    }
}
