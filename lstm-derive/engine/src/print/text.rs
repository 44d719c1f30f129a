//! Expressions as text in the language of `cell!`, with no more parentheses than needed.

use num_traits::Signed;

use crate::expr::{AxisId, NodeId, Number, Op, Shape, Time};
use crate::model::Cell;

use super::{Level, decimal, joined, signal_symbol};

/// What an expression is printed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// An equation: times explicit, parentheses as in the tree, so that it parses back to the same tree.
    Equation,
    /// The right-hand side of a declaration in `errors { .. }`: parses back to an equal expression.
    Declaration,
    /// A listing: like a declaration, but with explicit times.
    Listing,
}

/// Prints expressions of one cell.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    cell: &'a Cell,
    style: Style,
}

impl<'a> Text<'a> {
    pub(crate) fn new(cell: &'a Cell, style: Style) -> Self {
        Text { cell, style }
    }

    /// The expression, standing alone.
    pub(crate) fn expression(&self, id: NodeId) -> String {
        self.write(id).0
    }

    /// The expression as a factor.
    pub(crate) fn factor(&self, id: NodeId) -> String {
        self.at(id, Level::Factor)
    }

    /// The expression as a term of a sum.
    pub(crate) fn addend(&self, id: NodeId) -> String {
        self.at(id, Level::Product)
    }

    /// The expression as a term of a sum: whether it is subtracted, and what.
    pub(crate) fn signed(&self, id: NodeId) -> (bool, String) {
        match *self.cell.graph.op(id) {
            Op::Neg(inner) => (true, self.addend(inner)),
            _ => (false, self.addend(id)),
        }
    }

    /// The sum of some terms; 0 if there is none.
    pub(crate) fn sum(&self, terms: &[NodeId]) -> String {
        joined(terms.iter().map(|&term| self.signed(term)))
    }

    fn at(&self, id: NodeId, level: Level) -> String {
        let (text, own) = self.write(id);
        if own < level {
            format!("({text})")
        } else {
            text
        }
    }

    fn write(&self, id: NodeId) -> (String, Level) {
        let graph = &self.cell.graph;
        match graph.op(id) {
            Op::Number(value) => number(value),
            Op::Size(axis) => self.name(&self.cell.size(*axis).name.symbol),
            Op::Param(param) => self.name(&self.cell.param(*param).name.symbol),
            Op::Input(time) => self.name(&format!(
                "{}{}",
                self.cell.input.name.symbol,
                index(*time, true)
            )),
            Op::Quantity(quantity, time) => {
                self.timed(&self.cell.quantity(*quantity).name.symbol, *time)
            }
            Op::Signal(of, time) => self.timed(&signal_symbol(self.cell, *of), *time),
            Op::Upstream(of, time) => self.name(&format!(
                "upstream({}){}",
                self.cell.quantity(*of).name.symbol,
                index(*time, false)
            )),
            Op::Neg(a) => (format!("-{}", self.at(*a, Level::Product)), Level::Sum),
            Op::Add(a, b) => (self.binary(*a, "+", *b, Level::Sum), Level::Sum),
            Op::Sub(a, b) => (
                format!(
                    "{} - {}",
                    self.at(*a, Level::Sum),
                    self.at(*b, Level::Product)
                ),
                Level::Sum,
            ),
            Op::Mul(a, b) => (self.binary(*a, "*", *b, Level::Product), Level::Product),
            Op::Div(a, b) => match self.mean(*a, *b) {
                Some(mean) => (mean, Level::Factor),
                None => {
                    let text = format!("{} / {}", self.multiplied(*a), self.at(*b, Level::Factor));
                    (text, Level::Product)
                }
            },
            Op::Apply(function, a) => self.call(function.name(), &[*a]),
            Op::Derivative(function, a) => self.call(&format!("d{}", function.name()), &[*a]),
            Op::Max(a, b) => self.call("max", &[*a, *b]),
            Op::Min(a, b) => self.call("min", &[*a, *b]),
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            } => {
                let condition = format!(
                    "{} {} {}",
                    self.at(*left, Level::Sum),
                    sign.sign(),
                    self.at(*right, Level::Sum)
                );
                let text = format!(
                    "select({condition}, {}, {})",
                    self.expression(*then),
                    self.expression(*otherwise)
                );
                (text, Level::Factor)
            }
            Op::Product {
                matrix,
                transposed,
                vector,
            } => {
                let transpose = if *transposed { ".T" } else { "" };
                let matrix = &self.cell.param(*matrix).name.symbol;
                (
                    format!("{matrix}{transpose} @ {}", self.at(*vector, Level::Factor)),
                    Level::Product,
                )
            }
            Op::Sum(axis, a) => self.reduction(*axis, *a),
            Op::Broadcast(a) => self.write(*a),
            Op::Stop(a) if self.style == Style::Equation => self.call("stop", &[*a]),
            // In an error signal only the value counts.
            Op::Stop(a) => self.write(*a),
        }
    }

    /// `a + b` or `a * b`. Where the tree need not be kept, nested sums and products are printed flat.
    fn binary(&self, a: NodeId, sign: &str, b: NodeId, level: Level) -> String {
        let (left, right) = match level {
            Level::Sum => (self.at(a, Level::Sum), self.right_addend(b)),
            _ => (self.multiplied(a), self.right_factor(b)),
        };
        format!("{left} {sign} {right}")
    }

    fn right_addend(&self, id: NodeId) -> String {
        match self.cell.graph.op(self.seen(id)) {
            Op::Add(..) | Op::Sub(..) if self.style != Style::Equation => self.at(id, Level::Sum),
            _ => self.at(id, Level::Product),
        }
    }

    fn right_factor(&self, id: NodeId) -> String {
        match self.cell.graph.op(self.seen(id)) {
            Op::Mul(..) if self.style != Style::Equation => self.at(id, Level::Product),
            _ => self.at(id, Level::Factor),
        }
    }

    /// The left side of `*` or `/`: a matrix product there is put in parentheses, for the reader.
    fn multiplied(&self, id: NodeId) -> String {
        match self.cell.graph.op(self.seen(id)) {
            Op::Product { .. } => self.at(id, Level::Factor),
            _ => self.at(id, Level::Product),
        }
    }

    /// `sum_C(a)`, or `C * a` where a does not vary over the axis: the language repeats nothing by itself inside a sum.
    fn reduction(&self, axis: AxisId, a: NodeId) -> (String, Level) {
        let name = &self.cell.size(axis).name.symbol;
        if self.written_shape(a).contains(&axis) {
            self.call(&format!("sum_{name}"), &[a])
        } else {
            (format!("{name} * {}", self.right_factor(a)), Level::Product)
        }
    }

    fn mean(&self, a: NodeId, b: NodeId) -> Option<String> {
        let (&Op::Sum(axis, inner), &Op::Size(size)) = (
            self.cell.graph.op(self.seen(a)),
            self.cell.graph.op(self.seen(b)),
        ) else {
            return None;
        };
        let name = &self.cell.size(axis).name.symbol;
        let mean = axis == size && self.written_shape(inner).contains(&axis);
        mean.then(|| format!("mean_{name}({})", self.expression(inner)))
    }

    /// What is printed for a node: broadcasts are implicit.
    fn seen(&self, id: NodeId) -> NodeId {
        match *self.cell.graph.op(id) {
            Op::Broadcast(inner) => self.seen(inner),
            Op::Stop(inner) if self.style != Style::Equation => self.seen(inner),
            _ => id,
        }
    }

    /// The shape that the printed expression has when it is read again.
    fn written_shape(&self, id: NodeId) -> Shape {
        let id = self.seen(id);
        let node = self.cell.node(id);
        match node.op {
            Op::Product { .. } => node.shape.clone(),
            Op::Sum(axis, a) => self
                .written_shape(a)
                .into_iter()
                .filter(|&other| other != axis)
                .collect(),
            _ => {
                let operands = node.op.operands();
                let shapes = operands
                    .into_iter()
                    .map(|operand| self.written_shape(operand));
                shapes
                    .max_by_key(Vec::len)
                    .unwrap_or_else(|| node.shape.clone())
            }
        }
    }

    fn call(&self, name: &str, arguments: &[NodeId]) -> (String, Level) {
        let arguments: Vec<String> = arguments.iter().map(|&id| self.expression(id)).collect();
        (format!("{name}({})", arguments.join(", ")), Level::Factor)
    }

    fn name(&self, name: &str) -> (String, Level) {
        (name.to_owned(), Level::Factor)
    }

    fn timed(&self, name: &str, time: Time) -> (String, Level) {
        self.name(&format!(
            "{name}{}",
            index(time, self.style != Style::Declaration)
        ))
    }
}

/// A time in brackets; `t` itself only where asked for.
fn index(time: Time, now: bool) -> String {
    match time {
        0 if now => "[t]".to_owned(),
        0 => String::new(),
        _ => format!("[t{time:+}]"),
    }
}

/// A number: decimal where that is exact and short, a fraction otherwise.
pub(super) fn number(value: &Number) -> (String, Level) {
    let level = if value.is_negative() {
        Level::Sum
    } else {
        Level::Factor
    };
    match decimal(value) {
        Some(magnitude) => {
            let sign = if value.is_negative() { "-" } else { "" };
            (format!("{sign}{magnitude}"), level)
        }
        None => (
            format!("{} / {}", value.numer(), value.denom()),
            level.min(Level::Product),
        ),
    }
}
