//! The dataflow of one step, forward and backward, in the terms the kernels know.

use std::collections::HashMap;

use crate::expr::{AxisId, Comparison, Function, NodeId, Number, ParamId, QuantityId, Shape};

/// A node of a [`Dag`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// The vector a matrix is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The input of the step.
    Input,
    /// A carried quantity, from the step before.
    Previous(QuantityId),
    /// A value of this step.
    Now(ValueId),
    /// The error of the step after: the value that the expression has there.
    Next(NodeId),
}

/// One product of a sum of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product {
    /// The matrix.
    pub matrix: ParamId,
    /// Whether it is transposed.
    pub transposed: bool,
    /// What it is multiplied with.
    pub source: Source,
}

/// What a value is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Compute {
    /// An exact number.
    Number(Number),
    /// The length of an axis.
    Size(AxisId),
    /// A parameter, element by element.
    Param(ParamId),
    /// The input, element by element.
    Input,
    /// A carried quantity of the step before, element by element.
    Previous(QuantityId),
    /// The gradient of the loss with respect to the output.
    Upstream,
    /// What later steps contribute, element by element, to the error of a carried quantity.
    Carry(QuantityId),
    /// A forward value, read in the backward step from what the forward step saved.
    Saved(ValueId),
    /// A sum of matrix products, computed in a register tile.
    Accumulate(Vec<Product>),
    /// -a
    Neg(ValueId),
    /// a + b
    Add(ValueId, ValueId),
    /// a - b
    Sub(ValueId, ValueId),
    /// a * b
    Mul(ValueId, ValueId),
    /// a / b
    Div(ValueId, ValueId),
    /// f(a)
    Apply(Function, ValueId),
    /// The larger of two.
    Max(ValueId, ValueId),
    /// The smaller of two.
    Min(ValueId, ValueId),
    /// `then` where `left sign right`, else `otherwise`; operands in that order.
    Select(Comparison, [ValueId; 4]),
    /// The sum over the block axis: from \[N, C\] to \[N\].
    SumBlock(ValueId),
    /// The sum over all units: from \[N\] to a scalar.
    Reduce(ValueId),
    /// A smaller shape repeated.
    Broadcast(ValueId),
}

impl Compute {
    /// The values of the same step it is computed from, element by element.
    pub fn operands(&self) -> Vec<ValueId> {
        match *self {
            Compute::Neg(a)
            | Compute::Apply(_, a)
            | Compute::SumBlock(a)
            | Compute::Reduce(a)
            | Compute::Broadcast(a) => vec![a],
            Compute::Add(a, b)
            | Compute::Sub(a, b)
            | Compute::Mul(a, b)
            | Compute::Div(a, b)
            | Compute::Max(a, b)
            | Compute::Min(a, b) => vec![a, b],
            Compute::Select(_, operands) => operands.to_vec(),
            _ => vec![],
        }
    }

    /// The same computation on other operands, in the order of [`Compute::operands`].
    pub fn with_operands(&self, operands: &[ValueId]) -> Compute {
        match (self, operands) {
            (Compute::Neg(_), &[a]) => Compute::Neg(a),
            (Compute::Apply(function, _), &[a]) => Compute::Apply(*function, a),
            (Compute::SumBlock(_), &[a]) => Compute::SumBlock(a),
            (Compute::Reduce(_), &[a]) => Compute::Reduce(a),
            (Compute::Broadcast(_), &[a]) => Compute::Broadcast(a),
            (Compute::Add(..), &[a, b]) => Compute::Add(a, b),
            (Compute::Sub(..), &[a, b]) => Compute::Sub(a, b),
            (Compute::Mul(..), &[a, b]) => Compute::Mul(a, b),
            (Compute::Div(..), &[a, b]) => Compute::Div(a, b),
            (Compute::Max(..), &[a, b]) => Compute::Max(a, b),
            (Compute::Min(..), &[a, b]) => Compute::Min(a, b),
            (Compute::Select(sign, _), &[a, b, c, d]) => Compute::Select(*sign, [a, b, c, d]),
            _ => self.clone(),
        }
    }

    /// Whether the value is read from memory, so that reading it again costs no arithmetic.
    pub fn is_leaf(&self) -> bool {
        matches!(
            self,
            Compute::Number(_)
                | Compute::Size(_)
                | Compute::Param(_)
                | Compute::Input
                | Compute::Previous(_)
                | Compute::Upstream
                | Compute::Carry(_)
                | Compute::Saved(_)
        )
    }

    /// Whether the value is read from memory wherever it is used: a leaf, or a sum of products that a tile has left there.
    pub fn is_read(&self) -> bool {
        self.is_leaf() || matches!(self, Compute::Accumulate(_))
    }

    /// Whether computing it takes long: a function or a quotient.
    pub fn is_costly(&self) -> bool {
        matches!(self, Compute::Apply(..) | Compute::Div(..))
    }

    /// Whether computing it again is cheaper than a round trip to memory, given its operands.
    pub fn is_cheap(&self) -> bool {
        matches!(
            self,
            Compute::Neg(_)
                | Compute::Add(..)
                | Compute::Sub(..)
                | Compute::Mul(..)
                | Compute::Max(..)
                | Compute::Min(..)
                | Compute::Select(..)
                | Compute::Broadcast(_)
                | Compute::SumBlock(_)
        )
    }
}

/// A computation and the shape of its result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Value {
    /// How it is computed.
    pub compute: Compute,
    /// Its axes: none, the units, or the units and the block axis.
    pub shape: Shape,
}

/// A hash-consed arena of values; operands come before their users.
#[derive(Debug, Clone, Default)]
pub struct Dag {
    values: Vec<Value>,
    known: HashMap<Value, ValueId>,
}

impl Dag {
    /// The value behind an id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// The computation behind an id.
    pub fn compute(&self, id: ValueId) -> &Compute {
        &self.values[id.0].compute
    }

    /// The shape behind an id.
    pub fn shape(&self, id: ValueId) -> &Shape {
        &self.values[id.0].shape
    }

    /// The id of a computation, new or known.
    pub fn add(&mut self, compute: Compute, shape: Shape) -> ValueId {
        let value = Value { compute, shape };
        if let Some(&id) = self.known.get(&value) {
            return id;
        }
        let id = ValueId(self.values.len());
        self.values.push(value.clone());
        self.known.insert(value, id);
        id
    }

    /// Everything the roots are computed from, operands first. Sources of products at the same step count as operands.
    pub fn reachable(&self, roots: &[ValueId]) -> Vec<ValueId> {
        let mut seen = vec![false; self.values.len()];
        let mut stack = roots.to_vec();
        while let Some(id) = stack.pop() {
            if !std::mem::replace(&mut seen[id.0], true) {
                stack.extend(self.dependencies(id));
            }
        }
        (0..self.values.len())
            .map(ValueId)
            .filter(|id| seen[id.0])
            .collect()
    }

    /// What a value repeats, if it repeats one, and else itself: repeating takes neither time nor memory.
    pub fn unrepeated(&self, id: ValueId) -> ValueId {
        match *self.compute(id) {
            Compute::Broadcast(inner) => self.unrepeated(inner),
            _ => id,
        }
    }

    /// Operands, and the sources of products that belong to the same step.
    pub fn dependencies(&self, id: ValueId) -> Vec<ValueId> {
        match self.compute(id) {
            Compute::Accumulate(products) => products
                .iter()
                .filter_map(|product| match product.source {
                    Source::Now(value) => Some(value),
                    _ => None,
                })
                .collect(),
            other => other.operands(),
        }
    }
}
