//! Expressions with every name resolved and every shape known.

use num_traits::Zero;
use proc_macro2::Span;

use super::call::function;
use super::constants::division_by_zero;
use super::names::{Meaning, Names};
use super::shapes::{Known, is_vector, join};
use crate::ast::{Expr, ExprKind, Operator, Symbol, TimeIndex};
use crate::error::{Diagnostic, Diagnostics};
use crate::expr::{AxisId, Graph, NodeId, Op, ParamId, QuantityId};
use crate::model::Role;
use crate::parse::{fits, out_of_range};

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// On the right of `q[t] = ..`.
    Equation,
    /// Inside `errors { .. }`.
    Signal,
}

/// A node, and whether its shape is certain.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    /// What is computed, or something with the first axes of it.
    pub node: NodeId,
    /// Whether the shape has no further axes.
    pub exact: bool,
}

/// Builds the graph. Every method gives `None` after it has reported a mistake, or where one was reported before.
pub struct Lower<'a> {
    pub names: &'a Names,
    /// By quantity.
    pub shapes: &'a [Option<Known>],
    pub output: Option<QuantityId>,
    /// The quantity of every declared signal, by the signal's number.
    pub signal_of: Vec<Option<QuantityId>>,
    pub part: Part,
    pub graph: Graph,
    /// How each parameter is used, and where first.
    pub roles: Vec<Option<(Role, Span)>>,
    pub errors: &'a mut Diagnostics,
}

impl<'a> Lower<'a> {
    pub fn new(
        names: &'a Names,
        shapes: &'a [Option<Known>],
        output: Option<QuantityId>,
        errors: &'a mut Diagnostics,
    ) -> Self {
        let roles = vec![None; names.params.len()];
        let (signal_of, part, graph) = (Vec::new(), Part::Equation, Graph::default());
        Lower {
            names,
            shapes,
            output,
            signal_of,
            part,
            graph,
            roles,
            errors,
        }
    }

    /// Reports a mistake.
    pub fn fail<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.errors.push(diagnostic);
        None
    }

    /// A value of certain shape.
    pub fn exactly(node: NodeId) -> Option<Value> {
        Some(Value { node, exact: true })
    }

    /// A value of which nothing is known.
    pub fn doubtful(&mut self) -> Value {
        Value {
            node: self.graph.integer(0),
            exact: false,
        }
    }

    /// A leaf of the graph.
    pub fn leaf(&mut self, op: Op, known: &Known) -> Option<Value> {
        let node = self.graph.add_node(op, known.shape.clone());
        Some(Value {
            node,
            exact: known.exact,
        })
    }

    /// The node of an expression.
    pub fn expr(&mut self, expr: &Expr) -> Option<Value> {
        match &expr.kind {
            ExprKind::Number(value) => Self::exactly(self.graph.number(value.clone())),
            ExprKind::Name(name, time) => self.name(name, *time),
            ExprKind::Call(function, arguments, time) => self.call(function, arguments, *time),
            ExprKind::Transposed(_) => self.fail(
                Diagnostic::new(
                    "stray-transpose",
                    expr.start,
                    "`.T` stands only on the left of `@`, as in `U.T @ δ`",
                )
                .until(expr.end),
            ),
            ExprKind::Neg(a) => {
                let Value { node, exact } = self.expr(a)?;
                Some(Value {
                    node: self.graph.neg(node),
                    exact,
                })
            }
            ExprKind::Binary(Operator::Product, sign, matrix, vector) => {
                self.product(*sign, matrix, vector)
            }
            ExprKind::Binary(operator, sign, left, right) => {
                if self.names.constant(expr).is_some_and(|value| !fits(&value)) {
                    return self.fail(out_of_range(expr.start).until(expr.end));
                }
                self.elementwise(*operator, *sign, left, right)
            }
            ExprKind::Compare(_, sign, left, right) => {
                self.expr(left);
                self.expr(right);
                let message = "a comparison is not a value; it stands only as the first argument of `select(a > b, p, q)`";
                self.fail(Diagnostic::new("stray-comparison", *sign, message))
            }
        }
    }

    fn elementwise(
        &mut self,
        operator: Operator,
        sign: Span,
        left: &Expr,
        right: &Expr,
    ) -> Option<Value> {
        let (a, b) = (self.expr(left), self.expr(right));
        if operator == Operator::Div && self.names.constant(right).is_some_and(|b| b.is_zero()) {
            return self.fail(division_by_zero(right));
        }
        match (operator, a, b) {
            // A sum still has the axes of the terms that are right.
            (Operator::Add | Operator::Sub, Some(Value { node, .. }), None)
            | (Operator::Add | Operator::Sub, None, Some(Value { node, .. })) => {
                Some(Value { node, exact: false })
            }
            _ => self.combine(
                &format!("`{}`", operator.sign()),
                sign,
                [left, right],
                [a?, b?],
                |graph, [a, b]| match operator {
                    Operator::Add => graph.add(a, b),
                    Operator::Sub => graph.sub(a, b),
                    Operator::Mul | Operator::Product => graph.mul(a, b),
                    Operator::Div => graph.div(a, b),
                },
            ),
        }
    }

    /// An element-wise operation, if its operands fit.
    pub fn combine<const COUNT: usize>(
        &mut self,
        what: &str,
        place: Span,
        operands: [&Expr; COUNT],
        values: [Value; COUNT],
        build: impl FnOnce(&mut Graph, [NodeId; COUNT]) -> NodeId,
    ) -> Option<Value> {
        let mut shape: &[AxisId] = &[];
        for value in &values {
            let next = self.graph.shape(value.node);
            match join(shape, next) {
                Some(joined) => shape = joined,
                None => return self.fail(self.mismatch(what, place, &operands, shape, next)),
            }
        }
        let exact = values.iter().all(|value| value.exact);
        Some(Value {
            node: build(&mut self.graph, values.map(|value| value.node)),
            exact,
        })
    }

    /// A name by itself, or with a time.
    fn name(&mut self, name: &Symbol, time: Option<TimeIndex>) -> Option<Value> {
        let Some(meaning) = self.names.find(&name.text) else {
            return self.unknown(name);
        };
        let offset = time.map_or(0, |time| time.offset);
        let place = time.map_or(name.span, |time| time.span);
        match (meaning, time) {
            (Meaning::Size(_) | Meaning::Param(_) | Meaning::Const(_), Some(time)) => {
                self.fail(timeless(name, meaning, time))
            }
            (Meaning::Size(id), None) => Self::exactly(self.graph.add_node(Op::Size(id), vec![])),
            (Meaning::Const(id), None) => {
                let value = self.names.consts[id].clone()?;
                Self::exactly(self.graph.number(value))
            }
            (Meaning::Param(id), None) => self.elementwise_param(id, name),
            (Meaning::Input(id), _) => self.input(id, name, offset, place),
            (Meaning::Quantity(id), _) => self.quantity(id, name, offset, place),
            (Meaning::Signal(id), _) => self.signal(id, name, offset, place),
        }
    }

    fn elementwise_param(&mut self, id: ParamId, name: &Symbol) -> Option<Value> {
        let declared = &self.names.params[id.0];
        let (shape, place) = (declared.shape.clone()?, declared.span);
        if !is_vector(&shape) {
            let shown = self.names.show(&shape);
            let message = format!(
                "`{0}` is {shown} and can only be a matrix: write `{0} @ ..`; an element-wise parameter has one axis, or two different ones",
                name.text
            );
            let note = format!("`{}` is declared here", name.text);
            return self
                .fail(Diagnostic::new("matrix-as-vector", name.span, message).note(place, note));
        }
        self.role(id, Role::Elementwise, name.span)?;
        Self::exactly(self.graph.add_node(Op::Param(id), shape))
    }

    fn input(&mut self, id: usize, name: &Symbol, offset: i64, place: Span) -> Option<Value> {
        let time = match (self.part, offset) {
            (_, 0) => 0,
            (Part::Signal, 1) => 1,
            (Part::Equation, -1) => {
                let message = format!(
                    "the input is known only at `t`; to remember it, define a quantity `q[t] = {}[t];` and use `q[t-1]`",
                    name.text
                );
                return self.fail(Diagnostic::new("past-input", name.span, message).until(place));
            }
            (Part::Equation, ..-1) => {
                let message = format!(
                    "the input is known only at `t`; to remember it for two steps, define `q[t] = {}[t];` and `r[t] = q[t-1];`, and use `r[t-1]`",
                    name.text
                );
                return self.fail(Diagnostic::new("past-input", name.span, message).until(place));
            }
            _ => {
                let message = format!("the input is known only at `t`: write `{}[t]`", name.text);
                return self.fail(Diagnostic::new("input-time", name.span, message).until(place));
            }
        };
        let shape = self.names.inputs[id].shape.clone()?;
        Self::exactly(self.graph.add_node(Op::Input(time), shape))
    }

    fn quantity(
        &mut self,
        id: QuantityId,
        name: &Symbol,
        offset: i64,
        place: Span,
    ) -> Option<Value> {
        let time = match (self.part, offset) {
            (_, -1) => -1,
            (_, 0) => 0,
            (Part::Signal, 1) => 1,
            (Part::Equation, 1..) => {
                let message = format!(
                    "an equation cannot look ahead; `{}[t+1]` may stand only in `errors {{ .. }}`",
                    name.text
                );
                return self.fail(Diagnostic::new("future", name.span, message).until(place));
            }
            (Part::Equation, _) => {
                let message = format!(
                    "only the step before is carried; to look further back, define `q[t] = {}[t-1];` and use `q[t-1]`",
                    name.text
                );
                return self.fail(Diagnostic::new("distant-past", name.span, message).until(place));
            }
            (Part::Signal, _) => {
                let message = format!(
                    "in an error signal `{}` may stand at `t-1`, `t` and `t+1`",
                    name.text
                );
                return self.fail(Diagnostic::new("distant-time", name.span, message).until(place));
            }
        };
        let known = self.shapes[id.0].as_ref()?;
        self.leaf(Op::Quantity(id, time), known)
    }

    fn unknown(&mut self, name: &Symbol) -> Option<Value> {
        let text = &name.text;
        let diagnostic = match self.part {
            _ if function(text).is_some() => {
                let message = format!("`{text}` is a function; write `{text}(..)`");
                Diagnostic::new("unknown-name", name.span, message)
            }
            Part::Signal if text.strip_prefix('d').and_then(function).is_some() => {
                let message =
                    format!("`{text}` is the derivative of a function; write `{text}(..)`");
                Diagnostic::new("unknown-name", name.span, message)
            }
            Part::Equation => {
                let advice = self
                    .names
                    .suggestion(text, |meaning| !matches!(meaning, Meaning::Signal(_)));
                Diagnostic::new(
                    "unknown-name",
                    name.span,
                    format!("`{text}` is not defined{advice}"),
                )
            }
            Part::Signal => {
                let advice = self.names.suggestion(text, |meaning| {
                    matches!(meaning, Meaning::Signal(_) | Meaning::Quantity(_))
                });
                let message = format!(
                    "`{text}` is neither declared in the cell nor a stated error signal; state it by \
                     `{text} of QUANTITY = ..;`, or write `err(QUANTITY)` for one that is not stated{advice}"
                );
                Diagnostic::new("undeclared-signal", name.span, message)
            }
        };
        self.fail(diagnostic)
    }
}

/// The mistake of a time on something that has none.
pub fn timeless(name: &Symbol, meaning: Meaning, time: TimeIndex) -> Diagnostic {
    let message = format!(
        "`{0}` is {1} and the same at all times: write `{0}`",
        name.text,
        meaning.kind()
    );
    Diagnostic::new("timeless", name.span, message).until(time.span)
}
