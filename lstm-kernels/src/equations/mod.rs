//! The equations of a cell as data: what an interpreter, a drawing or an estimate of cost needs to know about them.
//!
//! [`CellSpec::nodes`](crate::CellSpec::nodes) is a table of operations in an order of evaluation;
//! [`CellSpec::quantities`](crate::CellSpec::quantities) names the ones that are the left-hand sides of the equations.
//! Kernels do not read any of this.
//!
//! ```
//! use lstm_kernels::equations::{Function, Node};
//! use lstm_kernels::{Cell, cells::Lstm};
//!
//! let spec = Lstm::SPEC;
//! let forget = spec.quantities.iter().find(|quantity| quantity.symbol == "f");
//! let forget = forget.map(|quantity| spec.nodes[quantity.node]);
//! assert!(matches!(forget, Some(Node::Apply(Function::Sigmoid, _))));
//! ```

mod cost;

pub use cost::{Cost, Elementwise, StepCost, Vector};

/// The left-hand side of an equation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// The symbol in the equations, such as `a_ι`.
    pub symbol: &'static str,
    /// The symbol in ASCII, such as `a_iota`.
    pub name: &'static str,
    /// Its axes, as indices into [`CellSpec::sizes`](crate::CellSpec::sizes); the first axis varies fastest in memory.
    pub axes: &'static [usize],
    /// Its right-hand side, as an index into [`CellSpec::nodes`](crate::CellSpec::nodes).
    pub node: usize,
}

impl Quantity {
    /// A row of the table.
    pub const fn new(
        symbol: &'static str,
        name: &'static str,
        axes: &'static [usize],
        node: usize,
    ) -> Self {
        Quantity {
            symbol,
            name,
            axes,
            node,
        }
    }
}

/// An operation. Operands are indices of nodes that stand before it in the table.
///
/// Where an element-wise operation has operands of different shapes, the axes of the smaller are the first of the larger, and
/// its values are repeated along the others. The first axis varies fastest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// A number.
    Number(f64),
    /// The length of an axis.
    Size(usize),
    /// An element-wise parameter.
    Param(usize),
    /// The input of the step.
    Input,
    /// A quantity of this step, defined by an earlier equation.
    Quantity(usize),
    /// A quantity of the step before.
    Previous(usize),
    /// -a
    Neg(usize),
    /// a + b
    Add(usize, usize),
    /// a - b
    Sub(usize, usize),
    /// a * b
    Mul(usize, usize),
    /// a / b
    Div(usize, usize),
    /// f(a)
    Apply(Function, usize),
    /// The larger of two; the first where they are equal.
    Max(usize, usize),
    /// The smaller of two; the first where they are equal.
    Min(usize, usize),
    /// The third where the first and the second compare so, else the fourth.
    Select(Comparison, [usize; 4]),
    /// A matrix, as an index of a parameter, times a vector.
    Product(usize, usize),
    /// The sum over the last axis.
    Sum(usize),
    /// The values repeated along further axes, up to the given ones.
    Repeat(usize, &'static [usize]),
    /// The value, through which no error flows.
    Stop(usize),
}

impl Node {
    /// The nodes that it reads.
    pub fn operands(&self) -> impl Iterator<Item = usize> + use<> {
        use Node::*;
        let (operands, count) = match *self {
            Number(_) | Size(_) | Param(_) | Input | Quantity(_) | Previous(_) => ([0; 4], 0),
            Neg(a) | Apply(_, a) | Product(_, a) | Sum(a) | Repeat(a, _) | Stop(a) => {
                ([a, 0, 0, 0], 1)
            }
            Add(a, b) | Sub(a, b) | Mul(a, b) | Div(a, b) | Max(a, b) | Min(a, b) => {
                ([a, b, 0, 0], 2)
            }
            Select(_, operands) => (operands, 4),
        };
        operands.into_iter().take(count)
    }
}

/// A function of one argument, applied element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// e^x
    Exp,
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
    /// The absolute value.
    Abs,
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// max(x, 0)
    Relu,
    /// log sigmoid(x)
    LogSigmoid,
    /// log(1 + e^x)
    Softplus,
}

/// A comparison of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
