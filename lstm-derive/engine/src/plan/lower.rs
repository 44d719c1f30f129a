//! From expressions to the dataflow of a step: definitions are inlined, sums of products become accumulators,
//! derivatives are written out.

use std::collections::HashMap;

use crate::adjoint::{Derivation, ParamTerm, Term};
use crate::expr::{NodeId, Op, ParamId, QuantityId, Shape};
use crate::model::{Cell, Role};
use crate::rules;

use super::dag::{Compute, Dag, Product, Source, ValueId};

/// A matrix gradient, left for one large product over all steps and samples: ∂L/∂W += Σ error ⊗ source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OuterGradient {
    /// The matrix.
    pub matrix: ParamId,
    /// The error of the product.
    pub error: ValueId,
    /// What the matrix was multiplied with; a forward value where it is [`Source::Now`].
    pub source: Source,
}

/// The roots of the backward step.
#[derive(Debug, Clone, Default)]
pub struct BackwardRoots {
    /// ∂L/∂q\[t\] of every quantity, by [`QuantityId`]; `None` where no error reaches it.
    pub errors: Vec<Option<ValueId>>,
    /// For each carried quantity what this step adds, element by element, to ∂L/∂q\[t-1\].
    pub carries: Vec<(QuantityId, Option<ValueId>)>,
    /// Deferred matrix gradients.
    pub outer: Vec<OuterGradient>,
    /// Element-wise parameter gradients, to be summed over steps and samples.
    pub elementwise: Vec<(ParamId, ValueId)>,
    /// Products that the error of the input consists of, deferred: (matrix, error).
    pub input_products: Vec<(ParamId, ValueId)>,
    /// What reaches the input element by element.
    pub input: Option<ValueId>,
    /// The errors of the step after that products use, by their expression.
    pub next: HashMap<NodeId, ValueId>,
    /// The accumulators of products with errors of the step after, by carried quantity.
    pub next_products: Vec<(QuantityId, ValueId)>,
}

/// Both directions of a step in one arena.
#[derive(Debug, Clone)]
pub struct Step {
    /// The arena.
    pub dag: Dag,
    /// The value of every quantity, by [`QuantityId`].
    pub quantities: Vec<ValueId>,
    /// The backward direction.
    pub backward: BackwardRoots,
}

/// Lowers a cell and its derivation.
pub fn lower(cell: &mut Cell, derivation: &Derivation) -> Step {
    let uses = product_uses(cell);
    let mut lowering = Lowering {
        cell,
        dag: Dag::default(),
        known: HashMap::new(),
        uses,
        errors: Vec::new(),
    };
    let quantities: Vec<_> = lowering
        .cell
        .quantity_ids()
        .map(|id| {
            let definition = lowering.cell.quantity(id).definition;
            lowering.value(definition)
        })
        .collect();
    let backward = lowering.backward(derivation);
    Step {
        dag: lowering.dag,
        quantities,
        backward,
    }
}

/// How many equations' terms use each product: one used twice is computed once, by itself.
fn product_uses(cell: &Cell) -> HashMap<NodeId, usize> {
    let roots: Vec<_> = cell
        .quantities
        .iter()
        .map(|quantity| quantity.definition)
        .collect();
    let mut uses = HashMap::new();
    for id in cell.graph.reachable(&roots) {
        for operand in cell.graph.op(id).operands() {
            *uses.entry(operand).or_insert(0) += 1;
        }
    }
    uses
}

struct Lowering<'a> {
    cell: &'a mut Cell,
    dag: Dag,
    known: HashMap<NodeId, ValueId>,
    uses: HashMap<NodeId, usize>,
    errors: Vec<Option<ValueId>>,
}

impl Lowering<'_> {
    fn value(&mut self, id: NodeId) -> ValueId {
        if let Some(&known) = self.known.get(&id) {
            return known;
        }
        let value = self.fresh(id);
        self.known.insert(id, value);
        value
    }

    fn fresh(&mut self, id: NodeId) -> ValueId {
        let node = self.cell.graph.node(id).clone();
        let shape = node.shape;
        let compute = match node.op {
            Op::Number(number) => Compute::Number(number),
            Op::Size(axis) => Compute::Size(axis),
            Op::Param(param) => Compute::Param(param),
            Op::Input(_) => Compute::Input,
            Op::Quantity(quantity, 0) => {
                let definition = self.cell.quantity(quantity).definition;
                return self.value(definition);
            }
            Op::Quantity(quantity, _) => Compute::Previous(quantity),
            Op::Signal(quantity, _) => match self.errors[quantity.0] {
                Some(error) => return error,
                None => return self.zero(shape),
            },
            Op::Upstream(..) => Compute::Upstream,
            Op::Stop(a) => return self.value(a),
            Op::Derivative(function, a) => {
                let slope = rules::slope(&mut self.cell.graph, function, a);
                return self.value(slope);
            }
            Op::Add(..) | Op::Sub(..) | Op::Product { .. } => return self.sum(id, shape),
            Op::Neg(a) => Compute::Neg(self.value(a)),
            Op::Mul(a, b) => Compute::Mul(self.value(a), self.value(b)),
            Op::Div(a, b) => Compute::Div(self.value(a), self.value(b)),
            Op::Apply(function, a) => Compute::Apply(function, self.value(a)),
            Op::Max(a, b) => Compute::Max(self.value(a), self.value(b)),
            Op::Min(a, b) => Compute::Min(self.value(a), self.value(b)),
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            } => Compute::Select(
                sign,
                [left, right, then, otherwise].map(|operand| self.value(operand)),
            ),
            Op::Sum(axis, a) => {
                let inner = self.value(a);
                if self.dag.shape(inner).first() == Some(&axis) {
                    Compute::Reduce(inner)
                } else {
                    Compute::SumBlock(inner)
                }
            }
            Op::Broadcast(a) => Compute::Broadcast(self.value(a)),
        };
        self.dag.add(compute, shape)
    }

    fn zero(&mut self, shape: Shape) -> ValueId {
        let number = self.dag.add(
            Compute::Number(crate::expr::Number::from_integer(0.into())),
            vec![],
        );
        if shape.is_empty() {
            number
        } else {
            self.dag.add(Compute::Broadcast(number), shape)
        }
    }

    /// A sum: its products share one accumulator, the other terms are added to it in their order.
    fn sum(&mut self, id: NodeId, shape: Shape) -> ValueId {
        let (mut products, mut rest) = (Vec::new(), Vec::new());
        self.flatten(id, false, true, &mut products, &mut rest);
        let mut total = (!products.is_empty())
            .then(|| self.dag.add(Compute::Accumulate(products), shape.clone()));
        for (negative, term) in rest {
            total = Some(match (total, negative) {
                (None, false) => term,
                (None, true) => self.dag.add(Compute::Neg(term), shape.clone()),
                (Some(sum), false) => self.dag.add(Compute::Add(sum, term), shape.clone()),
                (Some(sum), true) => self.dag.add(Compute::Sub(sum, term), shape.clone()),
            });
        }
        total.unwrap_or_else(|| self.zero(shape))
    }

    fn flatten(
        &mut self,
        id: NodeId,
        negative: bool,
        root: bool,
        products: &mut Vec<Product>,
        rest: &mut Vec<(bool, ValueId)>,
    ) {
        // A shared subexpression stays whole, so that it is computed once.
        let shared = !root && self.uses.get(&id).copied().unwrap_or(0) > 1;
        match self.cell.graph.op(id).clone() {
            Op::Add(a, b) if !shared => {
                self.flatten(a, negative, false, products, rest);
                self.flatten(b, negative, false, products, rest);
            }
            Op::Sub(a, b) if !shared => {
                self.flatten(a, negative, false, products, rest);
                self.flatten(b, !negative, false, products, rest);
            }
            Op::Product {
                matrix,
                transposed,
                vector,
            } if !negative && !shared => {
                let source = self.source(vector);
                products.push(Product {
                    matrix,
                    transposed,
                    source,
                });
            }
            _ => rest.push((negative, self.value(id))),
        }
    }

    fn source(&mut self, vector: NodeId) -> Source {
        match *self.cell.graph.op(vector) {
            Op::Stop(inner) => self.source(inner),
            Op::Input(_) => Source::Input,
            Op::Quantity(quantity, -1) => Source::Previous(quantity),
            _ => Source::Now(self.value(vector)),
        }
    }

    fn backward(&mut self, derivation: &Derivation) -> BackwardRoots {
        let count = self.cell.quantities.len();
        self.errors = vec![None; count];
        let mut roots = BackwardRoots::default();
        let mut carried_terms = vec![Vec::new(); count];
        // Uses at t stand in later equations, so errors are known from the last quantity to the first.
        for id in self.cell.quantity_ids().rev() {
            let shape = self.cell.quantity(id).shape.clone();
            let signal = &derivation.signals[id.0];
            let (mut products, mut elementwise) = (Vec::new(), Vec::new());
            for term in &signal.carried {
                self.split_carried(term.value, &mut products, &mut elementwise);
            }
            let mut total = None;
            if !products.is_empty() {
                let accumulator = self.dag.add(Compute::Accumulate(products), shape.clone());
                roots.next_products.push((id, accumulator));
                total = Some(accumulator);
            }
            if self.cell.quantity(id).carried {
                let carry = self.dag.add(Compute::Carry(id), shape.clone());
                total = Some(total.map_or(carry, |sum| {
                    self.dag.add(Compute::Add(sum, carry), shape.clone())
                }));
            }
            let now = self.total(&signal.now, &shape);
            self.errors[id.0] = match (now, total) {
                (Some(now), Some(total)) => Some(self.dag.add(Compute::Add(now, total), shape)),
                (now, total) => now.or(total),
            };
            carried_terms[id.0] = elementwise;
        }
        for id in self.cell.carried().collect::<Vec<_>>() {
            let shape = self.cell.quantity(id).shape.clone();
            let terms = std::mem::take(&mut carried_terms[id.0]);
            let value = terms
                .into_iter()
                .map(|term| self.value(term))
                .collect::<Vec<_>>()
                .into_iter()
                .reduce(|sum, value| self.dag.add(Compute::Add(sum, value), shape.clone()));
            roots.carries.push((id, value));
        }
        for quantity in &derivation.signals {
            for term in &quantity.carried {
                self.collect_next(term.value, &mut roots);
            }
        }
        self.parameters(derivation, &mut roots);
        self.input(&derivation.input, &mut roots);
        roots.errors = self.errors.clone();
        roots
    }

    /// The sum of terms, as one expression, so that products in it share an accumulator.
    fn total(&mut self, terms: &[Term], shape: &Shape) -> Option<ValueId> {
        let mut terms = terms.iter().map(|term| term.value);
        let first = terms.next()?;
        let sum = terms.fold(first, |sum, term| self.cell.graph.add(sum, term));
        let sum = self.cell.graph.broadcast(sum, shape);
        Some(self.value(sum))
    }

    /// What a step sends back to the step before: products with an error wait for that step, the rest is added up at once.
    fn split_carried(
        &mut self,
        id: NodeId,
        products: &mut Vec<Product>,
        elementwise: &mut Vec<NodeId>,
    ) {
        match *self.cell.graph.op(id) {
            Op::Product {
                matrix,
                transposed,
                vector,
            } => products.push(Product {
                matrix,
                transposed,
                source: Source::Next(vector),
            }),
            Op::Add(a, b) => {
                self.split_carried(a, products, elementwise);
                self.split_carried(b, products, elementwise);
            }
            _ => elementwise.push(id),
        }
    }

    fn collect_next(&mut self, id: NodeId, roots: &mut BackwardRoots) {
        match *self.cell.graph.op(id) {
            Op::Product { vector, .. } => {
                let value = self.value(vector);
                roots.next.insert(vector, value);
            }
            Op::Add(a, b) => {
                self.collect_next(a, roots);
                self.collect_next(b, roots);
            }
            _ => {}
        }
    }

    fn parameters(&mut self, derivation: &Derivation, roots: &mut BackwardRoots) {
        for (index, terms) in derivation.params.iter().enumerate() {
            let param = ParamId(index);
            let shape = self.cell.param(param).shape.clone();
            let mut sum: Option<ValueId> = None;
            for term in terms {
                match *term {
                    ParamTerm::Outer { error, vector, .. } => {
                        let (error, source) = (self.value(error), self.source(vector));
                        roots.outer.push(OuterGradient {
                            matrix: param,
                            error,
                            source,
                        });
                    }
                    ParamTerm::Elementwise { value, .. } => {
                        let value = self.value(value);
                        sum = Some(sum.map_or(value, |sum| {
                            self.dag.add(Compute::Add(sum, value), shape.clone())
                        }));
                    }
                }
            }
            if let (Some(sum), Role::Elementwise) = (sum, self.cell.param(param).role) {
                roots.elementwise.push((param, sum));
            }
        }
    }

    fn input(&mut self, terms: &[Term], roots: &mut BackwardRoots) {
        let shape = self.cell.input.shape.clone();
        for term in terms {
            match *self.cell.graph.op(term.value) {
                Op::Product { matrix, vector, .. } => {
                    let error = self.value(vector);
                    roots.input_products.push((matrix, error));
                }
                _ => {
                    let value = self.value(term.value);
                    roots.input = Some(roots.input.map_or(value, |sum| {
                        self.dag.add(Compute::Add(sum, value), shape.clone())
                    }));
                }
            }
        }
    }
}
