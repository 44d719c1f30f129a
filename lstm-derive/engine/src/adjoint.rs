//! Reverse mode, symbolically: the error signal of every quantity, term by term, within a step and over time.

use crate::expr::{Comparison, Graph, NodeId, Op, ParamId, QuantityId, Shape, Time};
use crate::model::Cell;

/// Where a term of an error signal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// From above the cell: the gradient of the loss with respect to the output.
    Upstream,
    /// From the equation that defines this quantity.
    Equation(QuantityId),
}

/// One term of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Its value.
    pub value: NodeId,
    /// Where it comes from.
    pub origin: Origin,
}

/// The error signal of a quantity: ∂L/∂q\[t\] is the sum of all terms of `now` and of `later`.
///
/// Terms refer to the error signals of other quantities as [`Op::Signal`].
#[derive(Debug, Clone, Default)]
pub struct ErrorSignal {
    /// Terms from uses of q\[t\] in step t, and from above.
    pub now: Vec<Term>,
    /// Terms from uses of q\[t-1\], seen from q\[t\]: everything in them stands one step later than in `carried`.
    pub later: Vec<Term>,
    /// The same terms as they arise in the step that uses q\[t-1\]: its contribution to ∂L/∂q\[t-1\].
    pub carried: Vec<Term>,
}

/// One use of a parameter: its gradient is the sum over steps and samples of all its uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamTerm {
    /// ∂L/∂W += error ⊗ vector, for `W @ vector`.
    Outer {
        /// The error of the product.
        error: NodeId,
        /// The vector it was multiplied with.
        vector: NodeId,
        /// The equation.
        origin: Origin,
    },
    /// ∂L/∂p += value, in the parameter's shape.
    Elementwise {
        /// The gradient of this use.
        value: NodeId,
        /// The equation.
        origin: Origin,
    },
}

/// All error signals of a cell.
#[derive(Debug, Clone)]
pub struct Derivation {
    /// By [`QuantityId`].
    pub signals: Vec<ErrorSignal>,
    /// By [`ParamId`].
    pub params: Vec<Vec<ParamTerm>>,
    /// Contributions to ∂L/∂x\[t\].
    pub input: Vec<Term>,
}

/// Derives the error signals of a cell. New expressions go into the cell's own graph.
pub fn derive(cell: &mut Cell) -> Derivation {
    let mut derivation = Derivation {
        signals: vec![ErrorSignal::default(); cell.quantities.len()],
        params: vec![Vec::new(); cell.params.len()],
        input: Vec::new(),
    };
    let output = cell.output;
    let shape = cell.quantity(output).shape.clone();
    let upstream = cell.graph.add_node(Op::Upstream(output, 0), shape);
    derivation.signals[output.0].now.push(Term {
        value: upstream,
        origin: Origin::Upstream,
    });

    for id in cell.quantity_ids() {
        let quantity = &cell.quantities[id.0];
        let (definition, shape) = (quantity.definition, quantity.shape.clone());
        let error = cell.graph.add_node(Op::Signal(id, 0), shape);
        let mut sweep = Sweep {
            graph: &mut cell.graph,
            derivation: &mut derivation,
            origin: Origin::Equation(id),
        };
        sweep.push(definition, error);
    }
    for signal in &mut derivation.signals {
        signal.later = signal
            .carried
            .iter()
            .map(|term| Term {
                value: cell.graph.shift(term.value, 1),
                origin: term.origin,
            })
            .collect();
    }
    derivation
}

/// Reverse mode through the right-hand side of one equation.
struct Sweep<'a> {
    graph: &'a mut Graph,
    derivation: &'a mut Derivation,
    origin: Origin,
}

impl Sweep<'_> {
    /// Sends the error of a node on to its operands, down to quantities, parameters and the input.
    fn push(&mut self, id: NodeId, error: NodeId) {
        let (op, shape) = (self.graph.op(id).clone(), self.graph.shape(id).clone());
        match op {
            Op::Number(_)
            | Op::Size(_)
            | Op::Signal(..)
            | Op::Upstream(..)
            | Op::Derivative(..)
            | Op::Stop(_) => {}
            Op::Param(param) => self.elementwise(param, error),
            Op::Input(_) => self.derivation.input.push(Term {
                value: error,
                origin: self.origin,
            }),
            Op::Quantity(quantity, time) => self.quantity(quantity, time, error),
            Op::Neg(a) => {
                let error = self.graph.neg(error);
                self.push(a, error);
            }
            Op::Add(a, b) => {
                self.push(a, error);
                self.push(b, error);
            }
            Op::Sub(a, b) => {
                self.push(a, error);
                let negated = self.graph.neg(error);
                self.push(b, negated);
            }
            Op::Mul(a, b) => {
                let to_a = self.graph.mul(b, error);
                self.push(a, to_a);
                let to_b = self.graph.mul(a, error);
                self.push(b, to_b);
            }
            Op::Div(a, b) => {
                let to_a = self.graph.div(error, b);
                self.push(a, to_a);
                // ∂(a/b)/∂b = -(a/b)/b, which reuses the quotient.
                let scaled = self.graph.mul(id, error);
                let scaled = self.graph.div(scaled, b);
                let to_b = self.graph.neg(scaled);
                self.push(b, to_b);
            }
            Op::Apply(function, a) => {
                let slope = self.graph.derivative(function, a);
                let to_a = self.graph.mul(slope, error);
                self.push(a, to_a);
            }
            Op::Max(a, b) => self.choose(Comparison::GreaterEqual, a, b, (a, b), error, &shape),
            Op::Min(a, b) => self.choose(Comparison::LessEqual, a, b, (a, b), error, &shape),
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            } => {
                self.choose(sign, left, right, (then, otherwise), error, &shape);
            }
            Op::Product {
                matrix,
                transposed,
                vector,
            } => {
                debug_assert!(!transposed, "equations use matrices as they are declared");
                self.derivation.params[matrix.0].push(ParamTerm::Outer {
                    error,
                    vector,
                    origin: self.origin,
                });
                let shape = self.graph.shape(vector).clone();
                let to_vector = self.graph.product(matrix, !transposed, error, shape);
                self.push(vector, to_vector);
            }
            Op::Sum(_, a) => {
                let shape = self.graph.shape(a).clone();
                let error = self.graph.broadcast(error, &shape);
                self.push(a, error);
            }
            Op::Broadcast(a) => {
                let kept = self.graph.shape(a).len();
                let mut error = error;
                for &axis in shape[kept..].iter().rev() {
                    error = self.graph.sum(axis, error);
                }
                self.push(a, error);
            }
        }
    }

    fn elementwise(&mut self, param: ParamId, value: NodeId) {
        self.derivation.params[param.0].push(ParamTerm::Elementwise {
            value,
            origin: self.origin,
        });
    }

    fn quantity(&mut self, quantity: QuantityId, time: Time, value: NodeId) {
        let signal = &mut self.derivation.signals[quantity.0];
        let terms = if time == 0 {
            &mut signal.now
        } else {
            &mut signal.carried
        };
        terms.push(Term {
            value,
            origin: self.origin,
        });
    }

    /// The error goes to the branch that was taken.
    fn choose(
        &mut self,
        sign: Comparison,
        left: NodeId,
        right: NodeId,
        (then, otherwise): (NodeId, NodeId),
        error: NodeId,
        shape: &Shape,
    ) {
        let zero = self.graph.filled(0, shape);
        let to_then = self.graph.select(sign, left, right, error, zero);
        self.push(then, to_then);
        let to_otherwise = self.graph.select(sign, left, right, zero, error);
        self.push(otherwise, to_otherwise);
    }
}
