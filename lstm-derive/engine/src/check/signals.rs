//! The error signals the author states.

use proc_macro2::Span;

use super::lower::{Lower, Part, Value};
use super::names::Meaning;
use crate::ast::{CellAst, Expr, ExprKind, SignalDecl, Symbol, TimeIndex};
use crate::error::Diagnostic;
use crate::expr::{NodeId, Op, QuantityId, Time};

/// The quantity and the right-hand side of every stated signal, where both are right.
pub fn lower(ast: &CellAst, lower: &mut Lower<'_>) -> Vec<Option<(QuantityId, NodeId)>> {
    for signal in &ast.signals {
        let of = lower.whose(signal);
        if let Some(id) = of
            && let Some(first) = lower.signal_of.iter().position(|&other| other == Some(id))
        {
            let first = &ast.signals[first].name;
            let message = format!("the error of `{}` is stated twice", signal.of.text);
            let diagnostic = Diagnostic::new("two-signals", signal.of.span, message);
            lower
                .errors
                .push(diagnostic.note(first.span, format!("first as `{}`", first.text)));
        }
        lower.signal_of.push(of);
    }
    let all = ast.signals.iter().enumerate();
    all.map(|(index, signal)| {
        let value = lower.expr(&signal.value);
        let of = lower.signal_of[index]?;
        Some((of, lower.stated(signal, of, value?)?))
    })
    .collect()
}

impl Lower<'_> {
    /// The quantity behind `of`.
    fn whose(&mut self, signal: &SignalDecl) -> Option<QuantityId> {
        match self.names.find(&signal.of.text) {
            Some(Meaning::Quantity(id)) => Some(id),
            Some(other) => {
                let message = format!(
                    "only a quantity has an error signal; `{}` is {}",
                    signal.of.text,
                    other.kind()
                );
                self.fail(Diagnostic::new("signal-of-other", signal.of.span, message))
            }
            None => {
                let advice = self.names.suggestion(&signal.of.text, |meaning| {
                    matches!(meaning, Meaning::Quantity(_))
                });
                let message = format!("no equation defines `{}`{advice}", signal.of.text);
                self.fail(Diagnostic::new(
                    "signal-of-unknown",
                    signal.of.span,
                    message,
                ))
            }
        }
    }

    /// The right-hand side in the shape of the quantity.
    fn stated(&mut self, signal: &SignalDecl, of: QuantityId, value: Value) -> Option<NodeId> {
        let expected = self.shapes[of.0].clone().filter(|known| known.exact)?.shape;
        let shape = self.graph.shape(value.node);
        if expected.starts_with(shape) {
            return Some(self.graph.broadcast(value.node, &expected));
        }
        let (name, quantity) = (&signal.name.text, &signal.of.text);
        let message = format!(
            "`{name}` is stated as {}, but `{quantity}` is {}, and so is its error",
            self.names.show(shape),
            self.names.show(&expected)
        );
        let place = self.names.place(quantity)?;
        let value = &signal.value;
        let diagnostic = Diagnostic::new("signal-shape", value.start, message).until(value.end);
        self.fail(diagnostic.note(place, format!("`{quantity}` is defined here")))
    }

    /// A stated signal, used by its name.
    pub fn signal(&mut self, id: usize, name: &Symbol, offset: i64, place: Span) -> Option<Value> {
        if self.part == Part::Equation {
            let message = format!(
                "`{}` is an error signal; equations cannot use errors",
                name.text
            );
            return self.fail(Diagnostic::new("signal-in-equation", name.span, message));
        }
        let time = self.signal_time(offset, &name.text, (name.span, place))?;
        let of = self.signal_of[id]?;
        let known = self.shapes[of.0].as_ref()?;
        self.leaf(Op::Signal(of, time), known)
    }

    fn signal_time(&mut self, offset: i64, name: &str, (start, end): (Span, Span)) -> Option<Time> {
        match offset {
            0 => Some(0),
            1 => Some(1),
            _ => {
                let message =
                    format!("errors come from `t` and `t+1`: write `{name}` or `{name}[t+1]`");
                self.fail(Diagnostic::new("signal-time", start, message).until(end))
            }
        }
    }

    /// `err(q)`: the error of a quantity for which no signal is stated.
    pub fn error_of(
        &mut self,
        call: &Symbol,
        argument: &Expr,
        time: Option<TimeIndex>,
    ) -> Option<Value> {
        if self.part == Part::Equation {
            return self.fail(Diagnostic::new(
                "err-in-equation",
                call.span,
                "`err(..)` may stand only in `errors { .. }`",
            ));
        }
        let (id, name) = self.quantity_argument(call, argument)?;
        if let Some(signal) = self.signal_of.iter().position(|&of| of == Some(id)) {
            let stated = &self.names.signals[signal].symbol;
            let message = format!(
                "the error of `{0}` is stated as `{stated}`; write `{stated}` instead of `err({0})`",
                name.text
            );
            let diagnostic =
                Diagnostic::new("err-of-stated", call.span, message).until(argument.end);
            let place = self.names.place(stated)?;
            return self.fail(diagnostic.note(place, format!("`{stated}` is stated here")));
        }
        let place = time.map_or(call.span, |time| time.span);
        let time = self.signal_time(
            time.map_or(0, |time| time.offset),
            &format!("err({})", name.text),
            (call.span, place),
        )?;
        let known = self.shapes[id.0].as_ref()?;
        self.leaf(Op::Signal(id, time), known)
    }

    /// `upstream(b)`: what reaches the output from above the cell.
    pub fn upstream(
        &mut self,
        call: &Symbol,
        argument: &Expr,
        time: Option<TimeIndex>,
    ) -> Option<Value> {
        if self.part == Part::Equation {
            let message = "`upstream(..)` may stand only in `errors { .. }`";
            return self.fail(Diagnostic::new("upstream-in-equation", call.span, message));
        }
        let (id, name) = self.quantity_argument(call, argument)?;
        let output = self.output?;
        if id != output {
            let output = &self.names.quantities[output.0].symbol;
            let message = format!(
                "errors from above reach only the output: `upstream({output})`; `{}` is not the output",
                name.text
            );
            return self.fail(Diagnostic::new("upstream-of-other", name.span, message));
        }
        let place = time.map_or(call.span, |time| time.span);
        let time = self.signal_time(
            time.map_or(0, |time| time.offset),
            &format!("upstream({})", name.text),
            (call.span, place),
        )?;
        let known = self.shapes[id.0].as_ref()?;
        self.leaf(Op::Upstream(id, time), known)
    }

    /// The argument of `err` and `upstream`: the bare name of a quantity.
    fn quantity_argument<'e>(
        &mut self,
        call: &Symbol,
        argument: &'e Expr,
    ) -> Option<(QuantityId, &'e Symbol)> {
        let function = &call.text;
        let (message, place) = match &argument.kind {
            ExprKind::Name(name, None) => match self.names.find(&name.text) {
                Some(Meaning::Quantity(id)) => return Some((id, name)),
                Some(other) => (
                    format!(
                        "`{function}` takes a quantity; `{}` is {}",
                        name.text,
                        other.kind()
                    ),
                    argument.end,
                ),
                None => {
                    let advice = self.names.suggestion(&name.text, |meaning| {
                        matches!(meaning, Meaning::Quantity(_))
                    });
                    (
                        format!("no equation defines `{}`{advice}", name.text),
                        argument.end,
                    )
                }
            },
            ExprKind::Name(name, Some(time)) => {
                let message = match time.offset {
                    0 => format!(
                        "write `{function}({})`: the error of this step carries no time",
                        name.text
                    ),
                    _ => format!(
                        "the time stands behind the parentheses: write `{function}({})[t+1]`",
                        name.text
                    ),
                };
                (message, argument.end)
            }
            _ => (
                format!("`{function}` takes the name of a quantity, not an expression"),
                argument.end,
            ),
        };
        self.fail(Diagnostic::new("not-a-quantity", argument.start, message).until(place))
    }
}
