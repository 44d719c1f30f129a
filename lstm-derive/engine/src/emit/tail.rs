//! The element-wise code behind the products: straight lines that read like the equations.

use std::collections::{BTreeMap, BTreeSet};

use num_traits::ToPrimitive;
use proc_macro2::{Delimiter, Ident, Literal, TokenStream, TokenTree};
use quote::{format_ident, quote};

use crate::adjoint::Derivation;
use crate::expr::{Comparison, NodeId};
use crate::model::Cell;
use crate::plan::dag::{Compute, ValueId};
use crate::plan::layout::{Destination, Place, Slot};
use crate::plan::{Block, Direction, Pass, Plan};

use super::names::Names;

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
            fn #name<T: Element, S: Simd, const TAPE: bool>(tile: &ForwardTile<T, S>) { #body }
        }
    }

    /// The function of one pass of the backward step.
    pub fn backward(&self, index: usize) -> TokenStream {
        let name = format_ident!("backward_{index}");
        let body = self.pass(&self.plan.backward, index, false);
        quote! {
            #[inline(always)]
            fn #name<T: Element, S: Simd>(tile: &BackwardTile<T, S>) { #body }
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
            fn #name<T: Element, S: Simd>(tile: &BackwardTile<T, S>) { let _ = tile; #body }
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
            after: Vec::new(),
            outer_scope: BTreeMap::new(),
            inner_scope: BTreeMap::new(),
        };
        for block in &pass.blocks {
            writer.block(block);
        }
        let Writer {
            hoisted,
            outer,
            after,
            ..
        } = writer;
        quote! {
            #(#hoisted)*
            for sample in 0..tile.samples() { #(#outer)* }
            #(#after)*
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
                let elsewhere = direction
                    .passes
                    .iter()
                    .take_while(|other| !std::ptr::eq(*other, pass));
                let done = elsewhere
                    .into_iter()
                    .any(|other| other.blocks.iter().any(|block| block.values.contains(&id)));
                !done && pass.blocks.iter().any(here)
            }
            _ => {
                let constant = self.plan.dag.shape(id).is_empty();
                let earlier = direction
                    .passes
                    .iter()
                    .take_while(|other| !std::ptr::eq(*other, pass))
                    .any(|other| other.blocks.iter().any(|block| block.values.contains(&id)));
                constant || !earlier
            }
        }
    }
}

/// Writes one pass, statement by statement.
struct Writer<'a> {
    emitter: &'a Emitter<'a>,
    direction: &'a Direction,
    pass: &'a Pass,
    is_forward: bool,
    names: Names<'a>,
    uses: BTreeMap<ValueId, usize>,
    /// Before the loop over the samples.
    hoisted: Vec<TokenStream>,
    /// Once per sample.
    outer: Vec<TokenStream>,
    /// Once per cell, while a loop over the cells is open.
    inner: Option<Vec<TokenStream>>,
    /// Behind the loop over the samples.
    after: Vec<TokenStream>,
    outer_scope: BTreeMap<ValueId, Ident>,
    inner_scope: BTreeMap<ValueId, Ident>,
}

impl Writer<'_> {
    fn compute(&self, id: ValueId) -> &Compute {
        self.emitter.plan.dag.compute(id)
    }

    fn per_cell(&self, id: ValueId) -> bool {
        self.emitter.plan.dag.shape(id).len() == 2
    }

    fn is_computed(&self, id: ValueId) -> bool {
        self.emitter.is_computed(self.direction, self.pass, id)
    }

    fn block(&mut self, block: &Block) {
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
                self.store(id);
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
            self.outer
                .push(quote!(for cell in 0..tile.cells() { #(#inner)* }));
            self.inner_scope.clear();
        }
    }

    /// Appends a statement at the depth of a value.
    fn push(&mut self, id: ValueId, statement: TokenStream) {
        match &mut self.inner {
            Some(inner) if self.emitter.plan.dag.shape(id).len() == 2 => inner.push(statement),
            _ => self.outer.push(statement),
        }
    }

    /// Computes a value of the block, unless it is only read where it is used, and sends it where it belongs.
    fn value(&mut self, id: ValueId) {
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
            && !self.direction.destinations.contains_key(&id);
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
    fn comment(&self, id: ValueId) -> Option<String> {
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
            let terms: Vec<_> = terms
                .into_iter()
                .map(|term| crate::print::expression(cell, term))
                .collect();
            Some(format!(
                "{name}[t] = {}",
                terms.join(" + ").replace("+ -", "- ")
            ))
        }
    }

    fn store(&mut self, id: ValueId) {
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
                Destination::Gradient(slot) if slot.per_cell => {
                    let row = place_index(slot);
                    quote!(tile.add_gradient(#row, #value);)
                }
                Destination::Gradient(slot) => {
                    // The sum over the samples of the tile stays in a register.
                    let row = place_index(slot);
                    let name = format_ident!("gradient_{}_{}", slot.units, slot.cells);
                    self.hoisted.push(quote!(let mut #name = tile.zero();));
                    self.after.push(quote!(tile.add_gradient(#row, #name);));
                    quote!(#name = #name + #value;)
                }
                Destination::Scalar(_) => continue,
            };
            self.push(id, statement);
        }
    }

    /// A value as an operand: a variable, a constant, or its formula where it is used only here.
    fn expression(&mut self, id: ValueId) -> TokenStream {
        if let Some(name) = self
            .inner_scope
            .get(&id)
            .or_else(|| self.outer_scope.get(&id))
        {
            return quote!(#name);
        }
        match self.compute(id).clone() {
            Compute::Number(number) => {
                let value = Literal::f64_unsuffixed(number.to_f64().unwrap_or(f64::NAN));
                quote!(tile.number(#value))
            }
            Compute::Size(axis) => {
                let axis = axis.0;
                quote!(tile.size(#axis))
            }
            Compute::Broadcast(inner) => self.expression(inner),
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
    fn names_outside_block(&self, id: ValueId) -> bool {
        self.names.is_named(id)
            || self.uses.get(&id).copied().unwrap_or(0) > 1
            || self.direction.destinations.contains_key(&id)
    }

    fn parenthesized(&mut self, id: ValueId) -> TokenStream {
        let formula = self.formula(id);
        quote!((#formula))
    }

    /// Reads a value from memory into a variable.
    fn read(&mut self, id: ValueId) -> TokenStream {
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

    fn reading(&self, id: ValueId) -> TokenStream {
        let plan = self.emitter.plan;
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
    fn formula(&mut self, id: ValueId) -> TokenStream {
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
            _ => self.read(id),
        }
    }

    /// a + b, fused with a product that is used only here.
    fn sum(&mut self, a: ValueId, b: ValueId) -> TokenStream {
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
    fn fused(&mut self, id: ValueId) -> Option<(TokenStream, TokenStream)> {
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

fn read_place(place: Option<&Place>) -> TokenStream {
    match place {
        Some(&Place::Lanes(slot)) => {
            let row = place_index(slot);
            quote!(tile.lanes(sample, #row))
        }
        Some(&Place::Column(slot)) => {
            let row = place_index(slot);
            quote!(tile.column(sample, #row))
        }
        Some(&Place::Scalar(index)) => quote!(tile.sum(sample, #index)),
        None => unreachable!("a saved value has a place"),
    }
}

/// An argument needs no parentheses of its own.
fn bare(tokens: TokenStream) -> TokenStream {
    let mut iter = tokens.clone().into_iter();
    match (iter.next(), iter.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Parenthesis => {
            group.stream()
        }
        _ => tokens,
    }
}

/// The index of a slot in its record, as an expression of the number of cells and the current cell.
fn place_index(slot: Slot) -> TokenStream {
    let mut terms = Vec::new();
    if slot.units > 0 {
        let units = slot.units;
        terms.push(quote!(#units));
    }
    match slot.cells {
        0 => {}
        1 => terms.push(quote!(tile.cells())),
        count => terms.push(quote!(#count * tile.cells())),
    }
    if slot.per_cell {
        terms.push(quote!(cell));
    }
    if terms.is_empty() {
        quote!(0)
    } else {
        quote!(#(#terms)+*)
    }
}

fn cell_index(per_cell: bool) -> TokenStream {
    if per_cell { quote!(cell) } else { quote!(0) }
}
