//! Products `M @ v`, and what they make of a parameter.

use proc_macro2::Span;

use super::lower::{Lower, Part, Value, timeless};
use super::names::Meaning;
use super::shapes::is_vector;
use crate::ast::{Expr, ExprKind, Operator};
use crate::error::Diagnostic;
use crate::expr::{AxisId, ParamId};
use crate::model::Role;
use crate::parse::written;

impl Lower<'_> {
    /// `matrix @ vector`
    pub fn product(&mut self, sign: Span, matrix: &Expr, vector: &Expr) -> Option<Value> {
        let value = self.expr(vector);
        let (param, transposed) = self.matrix(matrix, sign, vector)?;
        let axes = self.names.params[param.0].shape.as_ref()?;
        let value = value.map(|value| self.repeated(value, param, transposed, axes));
        let operand = value.map_or(&[][..], |value| self.graph.shape(value.node));
        let rest = if transposed {
            axes.strip_prefix(operand)
        } else {
            axes.strip_suffix(operand)
        };
        let Some(Value { node, exact: true }) = value else {
            let mut splits =
                splits(axes, transposed).filter(|(_, columns)| columns.starts_with(operand));
            return match (splits.next(), splits.next()) {
                // The vector is in doubt, but often only one way to split the matrix makes vectors of both parts.
                // It stands as ones, which may divide.
                (Some((rows, _)), None) => Self::exactly(self.graph.filled(1, &rows.to_vec())),
                (None, _) if !operand.is_empty() => {
                    self.fail(self.misfit(param, transposed, operand, rest, matrix))
                }
                _ => value.map(|_| self.doubtful()),
            };
        };
        let rows = match rest {
            Some(rest) if !rest.is_empty() && is_vector(rest) && !operand.is_empty() => {
                rest.to_vec()
            }
            _ => return self.fail(self.misfit(param, transposed, operand, rest, matrix)),
        };
        let row_axes = if transposed {
            operand.len()
        } else {
            rows.len()
        };
        self.role(param, Role::Matrix { row_axes }, matrix.start)?;
        Some(Value {
            node: self.graph.product(param, transposed, node, rows),
            exact: true,
        })
    }

    /// An error that goes back through a matrix, repeated over the row axes that it lacks.
    fn repeated(
        &mut self,
        value: Value,
        param: ParamId,
        transposed: bool,
        axes: &[AxisId],
    ) -> Value {
        match self.roles[param.0] {
            Some((Role::Matrix { row_axes }, _))
                if transposed
                    && value.exact
                    && axes[..row_axes].starts_with(self.graph.shape(value.node)) =>
            {
                let rows = axes[..row_axes].to_vec();
                let node = self.graph.broadcast(value.node, &rows);
                Value { node, ..value }
            }
            _ => value,
        }
    }

    /// Why a matrix and a vector do not fit; `rest` are the axes the vector leaves.
    fn misfit(
        &self,
        param: ParamId,
        transposed: bool,
        operand: &[AxisId],
        rest: Option<&[AxisId]>,
        matrix: &Expr,
    ) -> Diagnostic {
        let declared = &self.names.params[param.0];
        let name = &declared.name.symbol;
        let shown = self
            .names
            .show(declared.shape.as_deref().unwrap_or_default());
        let (written, which) = if transposed {
            (".T", "leading")
        } else {
            ("", "trailing")
        };
        let (code, message) = match rest {
            _ if operand.is_empty() => (
                "product-with-scalar",
                format!("`{name}{written} @` needs a vector on its right, not a scalar; write `*`"),
            ),
            None => {
                let factor = self.names.show(operand);
                let message = format!(
                    "`{name}{written} @` cannot take {factor}: the {which} axes of `{name}`, {shown}, must be those of the vector"
                );
                ("product-mismatch", message)
            }
            Some([]) => {
                let inner = self.inner_product(operand, name);
                let message = format!(
                    "`{name} @` leaves no axis: the vector takes all of {shown}; an inner product is `{inner}`"
                );
                ("product-without-rows", message)
            }
            Some(rest) => {
                let result = self.names.show(rest);
                let message = format!(
                    "the result of this product would be {result}; a vector has one axis, or two different ones"
                );
                ("product-not-a-vector", message)
            }
        };
        let note = format!("`{name}` is declared as {shown}");
        Diagnostic::new(code, matrix.start, message)
            .until(matrix.end)
            .note(declared.span, note)
    }

    /// `sum_N(sum_C(w * v))`
    fn inner_product(&self, axes: &[AxisId], name: &str) -> String {
        let sums: String = axes
            .iter()
            .map(|axis| format!("sum_{}(", self.names.sizes[axis.0].name.symbol))
            .collect();
        format!("{sums}{name} * ..{}", ")".repeat(axes.len()))
    }

    /// The left side of `@`: a parameter, which may be transposed in a signal.
    fn matrix(&mut self, matrix: &Expr, sign: Span, vector: &Expr) -> Option<(ParamId, bool)> {
        let (name, time, transposed) = match &matrix.kind {
            ExprKind::Name(name, time) => (name, time, false),
            ExprKind::Transposed(inner) => match &inner.kind {
                ExprKind::Name(name, time) => (name, time, true),
                _ => {
                    return self.not_a_matrix(
                        matrix,
                        "a parameter stands on the left of `@`, not an expression",
                    );
                }
            },
            ExprKind::Binary(Operator::Product, _, _, right) if self.is_param(right) => {
                let message = "`A @ B @ v` means `(A @ B) @ v`; write `A @ (B @ v)`";
                return self.fail(Diagnostic::new("product-chain", sign, message));
            }
            ExprKind::Binary(Operator::Product, ..) => {
                let message = "a parameter stands on the left of `@`, not a vector; \
                    two vectors are multiplied element by element: `(A @ v) * w`";
                return self.not_a_matrix(matrix, message);
            }
            ExprKind::Binary(Operator::Mul | Operator::Div, ..) => {
                let message = "a parameter stands on the left of `@`, not an expression; \
                    `*`, `/` and `@` bind alike from the left, so write `a * (W @ v)`";
                return self.not_a_matrix(matrix, message);
            }
            _ => {
                return self.not_a_matrix(
                    matrix,
                    "a parameter stands on the left of `@`, not an expression",
                );
            }
        };
        match self.names.find(&name.text) {
            Some(Meaning::Param(id)) => {
                if let Some(time) = time {
                    return self.fail(timeless(name, Meaning::Param(id), *time));
                }
                if transposed && self.part == Part::Equation {
                    let message = format!(
                        "`.T` belongs into `errors {{ .. }}`; in an equation `{}` is used as it is declared",
                        name.text
                    );
                    return self.fail(
                        Diagnostic::new("transpose-in-equation", matrix.start, message)
                            .until(matrix.end),
                    );
                }
                Some((id, transposed))
            }
            Some(other) => {
                let advice = match &vector.kind {
                    ExprKind::Name(right, None) if self.is_param(vector) => {
                        let (left, right) = (written(matrix), &right.text);
                        format!(
                            ": write `{right} @ {left}`, with the axes of the result first in the shape of `{right}`"
                        )
                    }
                    _ => String::new(),
                };
                let message = format!(
                    "a parameter stands on the left of `@`; `{}` is {}{advice}",
                    name.text,
                    other.kind()
                );
                self.not_a_matrix(matrix, &message)
            }
            None => {
                let advice = self
                    .names
                    .suggestion(&name.text, |meaning| matches!(meaning, Meaning::Param(_)));
                let message = format!("no parameter is called `{}`{advice}", name.text);
                self.fail(Diagnostic::new("unknown-matrix", name.span, message))
            }
        }
    }

    fn is_param(&self, expr: &Expr) -> bool {
        let ExprKind::Name(name, None) = &expr.kind else {
            return false;
        };
        matches!(self.names.find(&name.text), Some(Meaning::Param(_)))
    }

    fn not_a_matrix<T>(&mut self, matrix: &Expr, message: &str) -> Option<T> {
        self.fail(
            Diagnostic::new("product-without-parameter", matrix.start, message).until(matrix.end),
        )
    }

    /// Notes how a parameter is used; all uses must agree.
    pub fn role(&mut self, param: ParamId, role: Role, place: Span) -> Option<()> {
        let Some((first, first_place)) = self.roles[param.0] else {
            self.roles[param.0] = Some((role, place));
            return Some(());
        };
        if first == role {
            return Some(());
        }
        let name = &self.names.params[param.0].name.symbol;
        let diagnostic = match (first, role) {
            (Role::Matrix { .. }, Role::Matrix { .. }) => {
                let message = format!(
                    "here the axes of `{name}` are divided into rows and columns in another way than before; declare two parameters"
                );
                Diagnostic::new("matrix-split", place, message)
                    .note(first_place, format!("`{name}` is first used here"))
            }
            (Role::Matrix { .. }, _) => {
                let message = format!(
                    "`{name}` is a matrix elsewhere and cannot be used element by element too; declare two parameters"
                );
                let note = format!("`{name}` is the left side of `@` here");
                Diagnostic::new("matrix-and-elementwise", place, message).note(first_place, note)
            }
            (Role::Elementwise, _) => {
                let message = format!(
                    "`{name}` is used element by element elsewhere and cannot be a matrix too; declare two parameters"
                );
                let note = format!("`{name}` is used element by element here");
                Diagnostic::new("matrix-and-elementwise", place, message).note(first_place, note)
            }
        };
        self.fail(diagnostic)
    }
}

/// The ways to divide the axes of a matrix into those of the result and those of the vector.
fn splits(axes: &[AxisId], transposed: bool) -> impl Iterator<Item = (&[AxisId], &[AxisId])> {
    (1..axes.len())
        .map(move |at| axes.split_at(at))
        .map(move |(a, b)| if transposed { (b, a) } else { (a, b) })
        .filter(|(rows, columns)| is_vector(rows) && is_vector(columns))
}
