//! Functions, sums and the other words that take arguments.

use num_traits::ToPrimitive;

use super::lower::{Lower, Part, Value};
use super::names::Meaning;
use crate::ast::{Expr, ExprKind, Symbol, TimeIndex};
use crate::error::Diagnostic;
use crate::evaluate::apply;
use crate::expr::{AxisId, Function, Op};

/// A function of one argument; the logistic function has two names.
pub fn function(name: &str) -> Option<Function> {
    if name == "logistic" {
        return Some(Function::Sigmoid);
    }
    Function::ALL
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(function, _)| *function)
}

impl Lower<'_> {
    /// `f(a, ..)`
    pub fn call(
        &mut self,
        call: &Symbol,
        arguments: &[Expr],
        time: Option<TimeIndex>,
    ) -> Option<Value> {
        let name = call.text.as_str();
        if let Some(time) = time
            && name != "err"
            && name != "upstream"
        {
            let message = "a time index belongs to the names inside: write `tanh(s[t+1])`, not `tanh(s)[t+1]`";
            self.errors
                .push(Diagnostic::new("index-on-call", time.span, message));
        }
        if let Some(known) = function(name) {
            return self.apply(call, known, arguments);
        }
        if let Some(known) = name.strip_prefix('d').and_then(function) {
            return self.derivative(call, known, arguments);
        }
        if let Some(axis) = name.strip_prefix("sum_") {
            let (sum, _) = self.sum(call, axis, arguments)?;
            return Some(sum);
        }
        if let Some(axis) = name.strip_prefix("mean_") {
            let (Value { node, exact }, axis) = self.sum(call, axis, arguments)?;
            let size = self.graph.add_node(Op::Size(axis), vec![]);
            let node = self.graph.div(node, size);
            return Some(Value { node, exact });
        }
        match name {
            "max" | "min" => self.extremum(call, arguments),
            "select" => {
                let [condition, then, otherwise] = self.arguments(call, arguments)?;
                self.select(call, condition, then, otherwise)
            }
            "stop" => self.stop(call, arguments),
            "err" => {
                let [argument] = self.arguments(call, arguments)?;
                self.error_of(call, argument, time)
            }
            "upstream" => {
                let [argument] = self.arguments(call, arguments)?;
                self.upstream(call, argument, time)
            }
            _ => self.unknown_function(call, arguments),
        }
    }

    /// `f(a)`
    fn apply(&mut self, call: &Symbol, known: Function, arguments: &[Expr]) -> Option<Value> {
        let [argument] = self.arguments(call, arguments)?;
        let Value { node, exact } = self.expr(argument)?;
        if exact {
            self.finite(call, known, argument)?;
        }
        let node = self.graph.apply(known, node);
        Some(Value { node, exact })
    }

    /// `df(a)`
    fn derivative(&mut self, call: &Symbol, known: Function, arguments: &[Expr]) -> Option<Value> {
        let [argument] = self.arguments(call, arguments)?;
        if self.part == Part::Equation {
            let message = format!(
                "`{}` is a derivative and may stand only in `errors {{ .. }}`",
                call.text
            );
            let mistake = Diagnostic::new("derivative-in-equation", call.span, message);
            self.errors.push(mistake);
        }
        let Value { node, exact } = self.expr(argument)?;
        let node = self.graph.derivative(known, node);
        Some(Value { node, exact })
    }

    /// `max(a, b)` and `min(a, b)`
    fn extremum(&mut self, call: &Symbol, arguments: &[Expr]) -> Option<Value> {
        let [left, right] = self.arguments(call, arguments)?;
        let (a, b) = (self.expr(left), self.expr(right));
        self.combine(
            &format!("`{}`", call.text),
            call.span,
            [left, right],
            [a?, b?],
            |graph, [a, b]| match call.text.as_str() {
                "max" => graph.max(a, b),
                _ => graph.min(a, b),
            },
        )
    }

    /// `stop(a)`
    fn stop(&mut self, call: &Symbol, arguments: &[Expr]) -> Option<Value> {
        let [argument] = self.arguments(call, arguments)?;
        if self.part == Part::Signal {
            let message =
                "`stop` belongs into the equations; in an error signal nothing is differentiated";
            let mistake = Diagnostic::new("stop-in-signal", call.span, message);
            self.errors.push(mistake);
        }
        let Value { node, exact } = self.expr(argument)?;
        let node = self.graph.stop(node);
        Some(Value { node, exact })
    }

    /// A function of a plain number has a value that every element type holds.
    fn finite(&mut self, call: &Symbol, function: Function, argument: &Expr) -> Option<()> {
        let Some(number) = self.names.constant(argument) else {
            return Some(());
        };
        let number = number.to_f64().unwrap_or_default();
        if (apply(function, number) as f32).is_finite() {
            return Some(());
        }
        let name = &call.text;
        let message = match function {
            Function::Log => format!("`{name}` takes numbers above 0, not {number}"),
            Function::Sqrt => format!("`{name}` takes numbers from 0 on, not {number}"),
            _ => format!("`{name}` of {number} is too large for f32, for which kernels exist too"),
        };
        self.fail(Diagnostic::new("not-finite", argument.start, message).until(argument.end))
    }

    /// Exactly so many arguments.
    fn arguments<'e, const COUNT: usize>(
        &mut self,
        call: &Symbol,
        arguments: &'e [Expr],
    ) -> Option<&'e [Expr; COUNT]> {
        if let Ok(arguments) = arguments.try_into() {
            return Some(arguments);
        }
        let plural = if COUNT == 1 { "" } else { "s" };
        let example = match call.text.as_str() {
            "select" => ": `select(a > b, p, q)` is p where a > b, and q elsewhere",
            _ => "",
        };
        let message = format!(
            "`{}` takes {COUNT} argument{plural}, not {}{example}",
            call.text,
            arguments.len()
        );
        self.fail(Diagnostic::new("argument-count", call.span, message))
    }

    fn select(
        &mut self,
        call: &Symbol,
        condition: &Expr,
        then: &Expr,
        otherwise: &Expr,
    ) -> Option<Value> {
        let ExprKind::Compare(sign, _, left, right) = &condition.kind else {
            let message = "the first argument of `select` is a comparison, such as `a > b`";
            return self.fail(
                Diagnostic::new("select-without-comparison", condition.start, message)
                    .until(condition.end),
            );
        };
        let operands = [left, right, then, otherwise];
        let [a, b, p, q] = operands.map(|expr| self.expr(expr));
        self.combine(
            "`select`",
            call.span,
            operands,
            [a?, b?, p?, q?],
            |graph, [a, b, p, q]| graph.select(*sign, a, b, p, q),
        )
    }

    /// The sum over a named axis, and the axis.
    fn sum(&mut self, call: &Symbol, axis: &str, arguments: &[Expr]) -> Option<(Value, AxisId)> {
        let name = &call.text;
        let found = self.names.find(axis);
        let Some(Meaning::Size(id)) = found else {
            let advice = self
                .names
                .suggestion(axis, |meaning| matches!(meaning, Meaning::Size(_)));
            let message = format!("`{name}` names no axis: no size is called `{axis}`{advice}");
            return self.fail(Diagnostic::new("unknown-axis", call.span, message));
        };
        let [argument] = self.arguments(call, arguments)?;
        let Value { node, exact } = self.expr(argument)?;
        let shape = self.graph.shape(node).clone();
        // A second axis is the last there can be; before it, the sum may take the only axis or one still unknown.
        if !exact && shape.len() < 2 {
            let sum = if shape.contains(&id) {
                self.doubtful()
            } else {
                Value { node, exact }
            };
            return Some((sum, id));
        }
        let shown = self.names.show(&shape);
        if !shape.contains(&id) {
            let message =
                format!("`{name}` needs an argument with the axis {axis}; this one is {shown}");
            return self.fail(
                Diagnostic::new("axis-missing", argument.start, message).until(argument.end),
            );
        }
        if let [first, second] = shape[..]
            && first == id
        {
            let inner = &self.names.sizes[second.0].name.symbol;
            let verb = name.trim_end_matches(axis);
            let message = format!(
                "`{name}` cannot leave the block axis of {shown}: only the last axis is summed; \
                 for all elements write `{name}({verb}{inner}(..))`"
            );
            return self.fail(Diagnostic::new("leading-axis", call.span, message));
        }
        Some((
            Value {
                node: self.graph.sum(id, node),
                exact: true,
            },
            id,
        ))
    }
}
