//! Expressions as a hash-consed graph: equal expressions have equal ids, so sharing is visible everywhere.

mod graph;

use num_rational::BigRational;

pub use graph::{Graph, Node};

/// A number of the equations, exact.
pub type Number = BigRational;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub usize);
    )+};
}

id! {
    /// A node of a [`Graph`].
    NodeId,
    /// A size (named axis) of a cell, in order of declaration.
    AxisId,
    /// A parameter of a cell, in order of declaration.
    ParamId,
    /// A quantity: the left-hand side of an equation, in order of definition.
    QuantityId,
}

/// The axes of a value; empty for a scalar. The first axis varies fastest in memory.
pub type Shape = Vec<AxisId>;

/// A time relative to the step: -1, 0 or 1 for `t-1`, `t`, `t+1`.
pub type Time = i8;

/// A differentiable function of one argument, applied element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// e^x
    Exp,
    /// natural logarithm
    Log,
    /// square root
    Sqrt,
    /// absolute value
    Abs,
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// hyperbolic tangent
    Tanh,
    /// max(x, 0)
    Relu,
    /// log sigmoid(x)
    LogSigmoid,
    /// log(1 + e^x)
    Softplus,
}

impl Function {
    /// Every function with its name in the language.
    pub const ALL: [(Function, &'static str); 9] = [
        (Function::Exp, "exp"),
        (Function::Log, "log"),
        (Function::Sqrt, "sqrt"),
        (Function::Abs, "abs"),
        (Function::Sigmoid, "sigmoid"),
        (Function::Tanh, "tanh"),
        (Function::Relu, "relu"),
        (Function::LogSigmoid, "logsigmoid"),
        (Function::Softplus, "softplus"),
    ];

    /// The name in the language.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// A comparison inside `select`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

impl Comparison {
    /// The sign in the language.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Greater => ">",
            Comparison::GreaterEqual => ">=",
            Comparison::Less => "<",
            Comparison::LessEqual => "<=",
        }
    }
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// An exact number.
    Number(Number),
    /// The length of an axis, as a number.
    Size(AxisId),
    /// A parameter used element by element.
    Param(ParamId),
    /// The input at a time.
    Input(Time),
    /// A quantity at a time.
    Quantity(QuantityId, Time),
    /// The error signal ∂L/∂q of a quantity at a time.
    Signal(QuantityId, Time),
    /// The gradient that reaches the output from above, at a time.
    Upstream(QuantityId, Time),
    /// -a
    Neg(NodeId),
    /// a + b
    Add(NodeId, NodeId),
    /// a - b
    Sub(NodeId, NodeId),
    /// a * b
    Mul(NodeId, NodeId),
    /// a / b
    Div(NodeId, NodeId),
    /// f(a)
    Apply(Function, NodeId),
    /// f'(a)
    Derivative(Function, NodeId),
    /// The larger of two; the first where they are equal.
    Max(NodeId, NodeId),
    /// The smaller of two; the first where they are equal.
    Min(NodeId, NodeId),
    /// `select(left sign right, then, otherwise)`
    Select {
        /// The comparison.
        sign: Comparison,
        /// Its left side.
        left: NodeId,
        /// Its right side.
        right: NodeId,
        /// The value where it holds.
        then: NodeId,
        /// The value elsewhere.
        otherwise: NodeId,
    },
    /// `matrix @ vector`, or `matrix.T @ vector`.
    Product {
        /// The matrix.
        matrix: ParamId,
        /// Whether it is transposed.
        transposed: bool,
        /// The vector.
        vector: NodeId,
    },
    /// The sum over one axis of the argument.
    Sum(AxisId, NodeId),
    /// A smaller shape repeated to the shape of the node.
    Broadcast(NodeId),
    /// The argument, through which no error flows.
    Stop(NodeId),
}

impl Op {
    /// The operands, in order.
    pub fn operands(&self) -> Vec<NodeId> {
        match *self {
            Op::Number(_)
            | Op::Size(_)
            | Op::Param(_)
            | Op::Input(_)
            | Op::Quantity(..)
            | Op::Signal(..)
            | Op::Upstream(..) => vec![],
            Op::Neg(a)
            | Op::Apply(_, a)
            | Op::Derivative(_, a)
            | Op::Sum(_, a)
            | Op::Broadcast(a)
            | Op::Stop(a)
            | Op::Product { vector: a, .. } => vec![a],
            Op::Add(a, b)
            | Op::Sub(a, b)
            | Op::Mul(a, b)
            | Op::Div(a, b)
            | Op::Max(a, b)
            | Op::Min(a, b) => vec![a, b],
            Op::Select {
                left,
                right,
                then,
                otherwise,
                ..
            } => vec![left, right, then, otherwise],
        }
    }
}
