//! The arena of expressions and its constructors.

use std::collections::HashMap;

use num_traits::{One, Zero};

use super::{AxisId, Comparison, Function, NodeId, Number, Op, ParamId, Shape, Time};

/// An operation and the shape of its result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The axes of the result.
    pub shape: Shape,
}

/// An arena of nodes. Operands always come before the nodes that use them.
///
/// The constructors below simplify only what is trivially so (0 + a, 1 * a, --a), to keep derived terms legible;
/// shapes are the caller's promise, checked in debug builds.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, NodeId>,
}

impl Graph {
    /// The node behind an id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The operation of a node.
    pub fn op(&self, id: NodeId) -> &Op {
        &self.nodes[id.0].op
    }

    /// The shape of a node.
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.nodes[id.0].shape
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the graph has no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The id of an operation with a result of the given shape, new or known.
    pub fn add_node(&mut self, op: Op, shape: Shape) -> NodeId {
        let node = Node { op, shape };
        if let Some(&id) = self.known.get(&node) {
            return id;
        }
        let id = NodeId(self.nodes.len());
        self.nodes.push(node.clone());
        self.known.insert(node, id);
        id
    }

    /// A number, as a scalar.
    pub fn number(&mut self, value: Number) -> NodeId {
        self.add_node(Op::Number(value), vec![])
    }

    /// An integer, as a scalar.
    pub fn integer(&mut self, value: i64) -> NodeId {
        self.number(Number::from_integer(value.into()))
    }

    /// The number behind a node, seen through broadcasts.
    pub fn as_number(&self, id: NodeId) -> Option<&Number> {
        match self.op(id) {
            Op::Number(value) => Some(value),
            Op::Broadcast(inner) => self.as_number(*inner),
            _ => None,
        }
    }

    fn is_zero(&self, id: NodeId) -> bool {
        self.as_number(id).is_some_and(Zero::is_zero)
    }

    fn is_one(&self, id: NodeId) -> bool {
        self.as_number(id).is_some_and(One::is_one)
    }

    /// A number repeated to a shape.
    pub fn filled(&mut self, value: i64, shape: &Shape) -> NodeId {
        let number = self.integer(value);
        self.broadcast(number, shape)
    }

    /// `a` repeated to `shape`; `a` itself where it has that shape already.
    pub fn broadcast(&mut self, a: NodeId, shape: &Shape) -> NodeId {
        if self.shape(a) == shape {
            return a;
        }
        if let Op::Broadcast(inner) = *self.op(a) {
            return self.broadcast(inner, shape);
        }
        debug_assert!(
            shape.starts_with(self.shape(a)),
            "only a prefix of the axes can be broadcast"
        );
        self.add_node(Op::Broadcast(a), shape.clone())
    }

    /// Both operands in the larger of their shapes.
    fn align(&mut self, a: NodeId, b: NodeId) -> (NodeId, NodeId, Shape) {
        let larger = if self.shape(a).len() >= self.shape(b).len() {
            a
        } else {
            b
        };
        let shape = self.shape(larger).clone();
        (self.broadcast(a, &shape), self.broadcast(b, &shape), shape)
    }

    /// -a
    pub fn neg(&mut self, a: NodeId) -> NodeId {
        match self.op(a).clone() {
            Op::Neg(inner) => inner,
            Op::Number(value) => self.number(-value),
            Op::Broadcast(inner) if self.as_number(inner).is_some() => {
                let shape = self.shape(a).clone();
                let negated = self.neg(inner);
                self.broadcast(negated, &shape)
            }
            _ => {
                let shape = self.shape(a).clone();
                self.add_node(Op::Neg(a), shape)
            }
        }
    }

    /// a + b, in the larger of their shapes.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b, shape) = self.align(a, b);
        if self.is_zero(a) {
            return b;
        }
        if self.is_zero(b) {
            return a;
        }
        if let Op::Neg(inner) = *self.op(b) {
            return self.add_node(Op::Sub(a, inner), shape);
        }
        self.add_node(Op::Add(a, b), shape)
    }

    /// a - b, in the larger of their shapes.
    pub fn sub(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b, shape) = self.align(a, b);
        if self.is_zero(b) {
            return a;
        }
        if self.is_zero(a) {
            return self.neg(b);
        }
        self.add_node(Op::Sub(a, b), shape)
    }

    /// a * b, in the larger of their shapes.
    pub fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b, shape) = self.align(a, b);
        if self.is_zero(a) || self.is_one(b) {
            return a;
        }
        if self.is_zero(b) || self.is_one(a) {
            return b;
        }
        if let Op::Neg(inner) = *self.op(a) {
            let product = self.mul(inner, b);
            return self.neg(product);
        }
        if let Op::Neg(inner) = *self.op(b) {
            let product = self.mul(a, inner);
            return self.neg(product);
        }
        self.add_node(Op::Mul(a, b), shape)
    }

    /// a / b, in the larger of their shapes.
    pub fn div(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b, shape) = self.align(a, b);
        if self.is_zero(a) || self.is_one(b) {
            return a;
        }
        self.add_node(Op::Div(a, b), shape)
    }

    /// f(a)
    pub fn apply(&mut self, function: Function, a: NodeId) -> NodeId {
        let shape = self.shape(a).clone();
        self.add_node(Op::Apply(function, a), shape)
    }

    /// f'(a)
    pub fn derivative(&mut self, function: Function, a: NodeId) -> NodeId {
        let shape = self.shape(a).clone();
        self.add_node(Op::Derivative(function, a), shape)
    }

    /// The larger of two, in the larger of their shapes.
    pub fn max(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b, shape) = self.align(a, b);
        self.add_node(Op::Max(a, b), shape)
    }

    /// The smaller of two, in the larger of their shapes.
    pub fn min(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b, shape) = self.align(a, b);
        self.add_node(Op::Min(a, b), shape)
    }

    /// `select(left sign right, then, otherwise)`, in the largest of the four shapes.
    pub fn select(
        &mut self,
        sign: Comparison,
        left: NodeId,
        right: NodeId,
        then: NodeId,
        otherwise: NodeId,
    ) -> NodeId {
        let all = [left, right, then, otherwise];
        let largest = all
            .into_iter()
            .max_by_key(|&id| self.shape(id).len())
            .unwrap_or(left);
        let shape = self.shape(largest).clone();
        if then == otherwise {
            return self.broadcast(then, &shape);
        }
        let [left, right, then, otherwise] = all.map(|id| self.broadcast(id, &shape));
        self.add_node(
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            },
            shape,
        )
    }

    /// `matrix @ vector` or `matrix.T @ vector`, with a result of the given shape.
    pub fn product(
        &mut self,
        matrix: ParamId,
        transposed: bool,
        vector: NodeId,
        shape: Shape,
    ) -> NodeId {
        if self.is_zero(vector) {
            return self.filled(0, &shape);
        }
        self.add_node(
            Op::Product {
                matrix,
                transposed,
                vector,
            },
            shape,
        )
    }

    /// The sum over one axis.
    pub fn sum(&mut self, axis: AxisId, a: NodeId) -> NodeId {
        let shape: Shape = self
            .shape(a)
            .iter()
            .copied()
            .filter(|&other| other != axis)
            .collect();
        if self.is_zero(a) {
            return self.filled(0, &shape);
        }
        self.add_node(Op::Sum(axis, a), shape)
    }

    /// The value of `a`, through which no error flows.
    pub fn stop(&mut self, a: NodeId) -> NodeId {
        let shape = self.shape(a).clone();
        self.add_node(Op::Stop(a), shape)
    }

    /// Rebuilds an operation on other operands, given in the order of [`Op::operands`].
    pub fn rebuild(&mut self, id: NodeId, operands: &[NodeId]) -> NodeId {
        let Node { op, shape } = self.node(id).clone();
        match (op, operands) {
            (Op::Neg(_), &[a]) => self.neg(a),
            (Op::Add(..), &[a, b]) => self.add(a, b),
            (Op::Sub(..), &[a, b]) => self.sub(a, b),
            (Op::Mul(..), &[a, b]) => self.mul(a, b),
            (Op::Div(..), &[a, b]) => self.div(a, b),
            (Op::Apply(function, _), &[a]) => self.apply(function, a),
            (Op::Derivative(function, _), &[a]) => self.derivative(function, a),
            (Op::Max(..), &[a, b]) => self.max(a, b),
            (Op::Min(..), &[a, b]) => self.min(a, b),
            (Op::Select { sign, .. }, &[left, right, then, otherwise]) => {
                self.select(sign, left, right, then, otherwise)
            }
            (
                Op::Product {
                    matrix, transposed, ..
                },
                &[vector],
            ) => self.product(matrix, transposed, vector, shape),
            (Op::Sum(axis, _), &[a]) => self.sum(axis, a),
            (Op::Broadcast(_), &[a]) => self.broadcast(a, &shape),
            (Op::Stop(_), &[a]) => self.stop(a),
            _ => id,
        }
    }

    /// Rewrites an expression bottom up: `leaf` may replace any node; what it leaves alone is rebuilt on rewritten operands.
    pub fn rewrite(
        &mut self,
        root: NodeId,
        replace: &mut dyn FnMut(&mut Graph, NodeId) -> Option<NodeId>,
    ) -> NodeId {
        let mut done = HashMap::new();
        self.rewrite_with(root, replace, &mut done)
    }

    fn rewrite_with(
        &mut self,
        id: NodeId,
        replace: &mut dyn FnMut(&mut Graph, NodeId) -> Option<NodeId>,
        done: &mut HashMap<NodeId, NodeId>,
    ) -> NodeId {
        if let Some(&known) = done.get(&id) {
            return known;
        }
        let result = match replace(self, id) {
            Some(other) => other,
            None => {
                let operands: Vec<_> = self.op(id).operands();
                let operands: Vec<_> = operands
                    .into_iter()
                    .map(|operand| self.rewrite_with(operand, replace, done))
                    .collect();
                self.rebuild(id, &operands)
            }
        };
        done.insert(id, result);
        result
    }

    /// The same expression `by` steps later: every quantity, input and signal moves in time.
    pub fn shift(&mut self, root: NodeId, by: Time) -> NodeId {
        self.rewrite(root, &mut |graph, id| {
            let Node { op, shape } = graph.node(id).clone();
            let moved = match op {
                Op::Input(time) => Op::Input(time + by),
                Op::Quantity(quantity, time) => Op::Quantity(quantity, time + by),
                Op::Signal(quantity, time) => Op::Signal(quantity, time + by),
                Op::Upstream(quantity, time) => Op::Upstream(quantity, time + by),
                _ => return None,
            };
            Some(graph.add_node(moved, shape))
        })
    }

    /// Every node an expression is made of, operands first, each once.
    pub fn reachable(&self, roots: &[NodeId]) -> Vec<NodeId> {
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = roots.to_vec();
        while let Some(id) = stack.pop() {
            if !std::mem::replace(&mut seen[id.0], true) {
                stack.extend(self.op(id).operands());
            }
        }
        (0..self.nodes.len())
            .map(NodeId)
            .filter(|id| seen[id.0])
            .collect()
    }
}
