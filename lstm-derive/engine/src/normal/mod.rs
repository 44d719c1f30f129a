//! The normal form of an expression: a polynomial with exact coefficients over atoms.
//!
//! Sums and products are multiplied out. Linear operations (sums over an axis, matrix products) are distributed over
//! sums, and factors that do not take part in them are pulled out, so that each ends up on a single monomial.
//! Derivatives are replaced by the rules of [`crate::rules`], conditions by indicators that are 0 or 1. Functions whose
//! arguments have equal normal forms are the same atom. What remains are quotients: two normal forms are compared by
//! [`Normaliser::is_zero`] of their difference, over a common denominator.

mod atom;
mod conditions;
mod depth;
mod fractions;
mod functions;
mod linear;
mod polynomial;

use std::collections::HashMap;

use crate::adjoint::Derivation;
use crate::expr::{AxisId, Comparison, Function, NodeId, Number, Op, QuantityId, Shape, Time};
use crate::model::Cell;
use crate::rules;

use atom::{Atom, Atoms, Linear};
pub use depth::{Depth, Replace, Unfold};
pub use polynomial::{AtomId, Monomial, Polynomial};

/// How many products of terms are worth spending on one normal form. The shipped cells need some hundreds; the bound
/// keeps an expression that explodes when it is multiplied out from stopping the compiler.
const BUDGET: usize = 20_000;

/// So many bits of a coefficient cost as much as a product of terms: numbers that grow by squaring would take as long.
const COEFFICIENT_BITS: u64 = 1_024;

/// Larger exponents come of repeated squaring alone, and nothing is decided about them. Products of those that are not larger
/// are far from the end of their type.
const LARGEST_EXPONENT: u32 = 1 << 20;

/// How deeply expressions may lie in each other when definitions are written out: beyond, nothing is decided, lest the stack
/// ends.
const DEEPEST: usize = 512;

/// Brings expressions of one cell to normal form, at one depth.
#[derive(Debug)]
pub struct Normaliser<'a> {
    cell: &'a mut Cell,
    derivation: &'a Derivation,
    depth: Depth,
    written_out: Vec<(QuantityId, Time)>,
    /// Definitions that are read as their quantity.
    named: HashMap<NodeId, NodeId>,
    atoms: Atoms,
    known: HashMap<NodeId, Polynomial>,
    nesting: usize,
    budget: usize,
}

impl<'a> Normaliser<'a> {
    /// A normaliser that knows no atom yet.
    pub fn new(cell: &'a mut Cell, derivation: &'a Derivation, depth: Depth) -> Self {
        Normaliser {
            cell,
            derivation,
            depth,
            written_out: Vec::new(),
            named: HashMap::new(),
            atoms: Atoms::default(),
            known: HashMap::new(),
            nesting: 0,
            budget: BUDGET,
        }
    }

    /// The same with some quantities at some times replaced by their definitions at any depth.
    pub fn writing_out(mut self, quantities: Vec<(QuantityId, Time)>) -> Self {
        self.written_out = quantities;
        self
    }

    /// The same with quantities at t and t+1 wherever an expression contains their definitions word for word, which nothing
    /// has to be multiplied out for.
    pub fn naming_definitions(mut self) -> Self {
        for quantity in self.cell.quantity_ids() {
            let definition = self.cell.quantity(quantity).definition;
            if is_alias(self.cell, definition) {
                continue;
            }
            let shape = self.cell.quantity(quantity).shape.clone();
            for time in [0, 1] {
                let definition = self.cell.graph.shift(definition, time);
                let name = Op::Quantity(quantity, time);
                let name = self.cell.graph.add_node(name, shape.clone());
                self.named.insert(definition, name);
            }
        }
        self
    }

    /// The cell, with all expressions built so far.
    pub fn cell(&mut self) -> &mut Cell {
        self.cell
    }

    /// Allows as much work again as at the start.
    pub fn refill(&mut self) {
        if self.exhausted() {
            // What was computed last is incomplete.
            self.known.clear();
        }
        self.budget = BUDGET;
    }

    fn spend(&mut self, work: usize) {
        self.budget = self.budget.saturating_sub(work);
    }

    /// Whether the work allowed was not enough; normal forms since then mean nothing.
    pub fn exhausted(&self) -> bool {
        self.budget == 0
    }

    /// Whether two expressions are equal; `false` also where that could not be shown with the work allowed.
    pub fn equal(&mut self, a: NodeId, b: NodeId) -> bool {
        let difference = self.normal(a).minus(&self.normal(b));
        self.is_zero(&difference) && !self.exhausted()
    }

    /// The normal form of an expression.
    pub fn normal(&mut self, id: NodeId) -> Polynomial {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        if let Some(&name) = self.named.get(&id) {
            return self.leaf(name);
        }
        if self.nesting == DEEPEST {
            self.budget = 0;
        }
        if self.exhausted() {
            return Polynomial::zero();
        }
        self.nesting += 1;
        let result = self.compute(id);
        self.nesting -= 1;
        self.known.insert(id, result.clone());
        result
    }

    fn compute(&mut self, id: NodeId) -> Polynomial {
        let op = self.cell.graph.op(id).clone();
        match op {
            Op::Number(value) => Polynomial::constant(value),
            Op::Size(axis) => self.linear(&Linear::Sum(axis), &Polynomial::one()),
            Op::Param(_) | Op::Input(_) | Op::Upstream(..) => self.leaf(id),
            Op::Quantity(quantity, time) => self.quantity(id, quantity, time),
            Op::Signal(quantity, time) => self.signal(id, quantity, time),
            Op::Neg(a) => self.normal(a).negated(),
            Op::Add(a, b) => self.normal(a).plus(&self.normal(b)),
            Op::Sub(a, b) => self.normal(a).minus(&self.normal(b)),
            Op::Mul(a, b) => {
                let (a, b) = (self.normal(a), self.normal(b));
                self.times(&a, &b)
            }
            Op::Div(a, b) => {
                let (a, b) = (self.normal(a), self.normal(b));
                self.quotient(&a, &b)
            }
            Op::Apply(function, a) => {
                let argument = self.normal(a);
                self.apply(function, &argument)
            }
            Op::Derivative(function, a) if self.depth.unfold == Unfold::Nothing => {
                let argument = self.normal(a);
                let slope = Atom::Slope(function, argument.clone());
                Polynomial::atom(self.atoms.of_polynomial(slope, &argument))
            }
            Op::Derivative(function, a) => {
                let slope = rules::slope(&mut self.cell.graph, function, a);
                self.normal(slope)
            }
            Op::Max(a, b) => self.select(Comparison::GreaterEqual, [a, b, a, b]),
            Op::Min(a, b) => self.select(Comparison::LessEqual, [a, b, a, b]),
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            } => self.select(sign, [left, right, then, otherwise]),
            Op::Product {
                matrix,
                transposed,
                vector,
            } => {
                let (from, to) = (
                    self.cell.graph.shape(vector).clone(),
                    self.cell.graph.shape(id).clone(),
                );
                let argument = self.normal(vector);
                let argument = self.cancelled(&argument);
                self.linear(
                    &Linear::Product {
                        matrix,
                        transposed,
                        from,
                        to,
                    },
                    &argument,
                )
            }
            Op::Sum(axis, a) => {
                let argument = self.normal(a);
                let argument = self.cancelled(&argument);
                self.linear(&Linear::Sum(axis), &argument)
            }
            Op::Broadcast(a) | Op::Stop(a) => self.normal(a),
        }
    }

    fn leaf(&mut self, id: NodeId) -> Polynomial {
        let axes = sorted(self.cell.graph.shape(id).clone());
        Polynomial::atom(self.atoms.intern(Atom::Leaf(id), |_| axes))
    }

    fn quantity(&mut self, id: NodeId, quantity: QuantityId, time: Time) -> Polynomial {
        let definition = self.cell.quantity(quantity).definition;
        let unfold = match self.depth.unfold {
            Unfold::Nothing => false,
            Unfold::Aliases => is_alias(self.cell, definition),
            Unfold::Elementwise => !has_product(self.cell, definition),
            Unfold::All => true,
        };
        let unfold = unfold || self.written_out.contains(&(quantity, time));
        if time < 0 || !unfold {
            return self.leaf(id);
        }
        let definition = self.cell.graph.shift(definition, time);
        self.normal(definition)
    }

    /// Signals are replaced within steps t and t+1. What reaches a quantity from after t+1 stays an atom: its signal.
    fn signal(&mut self, id: NodeId, quantity: QuantityId, time: Time) -> Polynomial {
        let stated = self.cell.signal_of(quantity).is_some();
        let error = &self.derivation.signals[quantity.0];
        let replaced = match self.depth.replace {
            Replace::Nothing => false,
            Replace::All => true,
            Replace::Now if stated => time == 0,
            Replace::Unstated if stated => false,
            _ => time == 0 || error.later.is_empty(),
        };
        if !(0..=1).contains(&time) || !replaced {
            return self.leaf(id);
        }
        let mut sum = Polynomial::zero();
        let later = if time == 0 { &error.later[..] } else { &[] };
        for term in error.now.iter().chain(later) {
            let value = self.cell.graph.shift(term.value, time);
            sum = sum.plus(&self.normal(value));
        }
        if time == 1 && !error.later.is_empty() {
            let shape = self.cell.quantity(quantity).shape.clone();
            let beyond = self.cell.graph.add_node(Op::Signal(quantity, 2), shape);
            sum = sum.plus(&self.leaf(beyond));
        }
        sum
    }

    /// The product, with what is known about powers and products of atoms applied.
    fn times(&mut self, a: &Polynomial, b: &Polynomial) -> Polynomial {
        let mut result = Polynomial::zero();
        for (left, left_coefficient) in a.terms() {
            for (right, right_coefficient) in b.terms() {
                if self.exhausted() {
                    return result;
                }
                let monomial = left.times(right);
                if monomial.largest_exponent() > LARGEST_EXPONENT {
                    self.budget = 0;
                    return result;
                }
                let coefficient = left_coefficient * right_coefficient;
                self.spend(1 + (bits(&coefficient) / COEFFICIENT_BITS) as usize);
                match self.reduction(&monomial) {
                    None => result.add_term(coefficient, monomial),
                    Some((rest, factor)) => {
                        let reduced = self.times(&Polynomial::term(coefficient, rest), &factor);
                        result = result.plus(&reduced);
                    }
                }
            }
        }
        result
    }

    fn power(&mut self, base: &Polynomial, exponent: u32) -> Polynomial {
        (0..exponent).fold(Polynomial::one(), |power, _| self.times(&power, base))
    }

    /// A monomial as `rest * factor` where some rule applies to it.
    fn reduction(&mut self, monomial: &Monomial) -> Option<(Monomial, Polynomial)> {
        let mut exponentials = Vec::new();
        for (id, exponent) in monomial.powers() {
            match self.atoms.get(id) {
                Atom::Apply(Function::Exp, argument) => {
                    exponentials.push((id, exponent, argument.clone()))
                }
                Atom::Apply(Function::Sqrt, argument) if !(0..=1).contains(&exponent) => {
                    let argument = argument.clone();
                    let (_, rest) = monomial.partition(|other| other == id);
                    let rest = rest.times(&Monomial::power(id, exponent.rem_euclid(2)));
                    let whole = exponent.div_euclid(2);
                    let base = if whole > 0 {
                        argument
                    } else {
                        self.inverse(&argument)
                    };
                    return Some((rest, self.power(&base, whole.unsigned_abs())));
                }
                Atom::Inverse(denominator) if exponent < 0 => {
                    let denominator = denominator.clone();
                    let (_, rest) = monomial.partition(|other| other == id);
                    return Some((rest, self.power(&denominator, exponent.unsigned_abs())));
                }
                Atom::Positive(_) | Atom::Vanishes(_) => {
                    if let Some(reduced) = self.indicator_reduction(monomial, id, exponent) {
                        return Some(reduced);
                    }
                }
                _ => {}
            }
        }
        match exponentials[..] {
            [] | [(_, 1, _)] => None,
            _ => {
                // exp(a) exp(b) = exp(a + b)
                let mut sum = Polynomial::zero();
                for (_, exponent, argument) in &exponentials {
                    sum.add_scaled(argument, &Number::from_integer((*exponent).into()));
                }
                let (_, rest) =
                    monomial.partition(|id| exponentials.iter().any(|&(other, ..)| other == id));
                Some((rest, self.apply(Function::Exp, &sum)))
            }
        }
    }
}

/// Whether a definition is a function of one quantity of the same step alone.
pub(crate) fn is_alias(cell: &Cell, definition: NodeId) -> bool {
    let mut quantities = 0;
    let simple =
        cell.graph
            .reachable(&[definition])
            .into_iter()
            .all(|id| match cell.graph.op(id) {
                Op::Quantity(_, 0) => {
                    quantities += 1;
                    true
                }
                Op::Number(_) | Op::Size(_) => true,
                Op::Product { .. } | Op::Sum(..) => false,
                op => !op.operands().is_empty(),
            });
    simple && quantities == 1
}

fn has_product(cell: &Cell, definition: NodeId) -> bool {
    cell.graph
        .reachable(&[definition])
        .into_iter()
        .any(|id| matches!(cell.graph.op(id), Op::Product { .. }))
}

/// How many bits a number takes.
fn bits(number: &Number) -> u64 {
    number.numer().bits() + number.denom().bits()
}

fn sorted(mut axes: Vec<AxisId>) -> Shape {
    axes.sort_unstable();
    axes.dedup();
    axes
}
