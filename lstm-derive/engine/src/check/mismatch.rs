//! What is wrong with operands whose shapes do not fit.

use proc_macro2::Span;

use super::lower::Lower;
use super::names::Meaning;
use crate::ast::{Expr, ExprKind, Operator};
use crate::error::Diagnostic;
use crate::expr::AxisId;

impl Lower<'_> {
    /// Operands that no element-wise operation can take together.
    pub fn mismatch(
        &self,
        what: &str,
        place: Span,
        operands: &[&Expr],
        before: &[AxisId],
        after: &[AxisId],
    ) -> Diagnostic {
        let same_axes =
            before.len() == after.len() && before.iter().all(|axis| after.contains(axis));
        let advice = if same_axes {
            "they have the same axes in another order".to_owned()
        } else if let Some(matrix) = self.matrix_for(what, operands, before, after) {
            format!("if a matrix is to be multiplied with a vector, write `{matrix} @ ..`")
        } else {
            "element-wise operands have equal shapes, or one is a scalar, or one lacks the last axis of the other".to_owned()
        };
        let (before, after) = (self.names.show(before), self.names.show(after));
        let message = format!("{what} cannot combine {before} with {after}; {advice}");
        let mut diagnostic = Diagnostic::new("shape-mismatch", place, message);
        for (place, note) in operands
            .iter()
            .filter_map(|operand| self.origin_of_shape(operand))
        {
            // One name may be several of the operands.
            if !diagnostic.notes.iter().any(|(_, known)| *known == note) {
                diagnostic.notes.push((place, note));
            }
        }
        diagnostic
    }

    /// The parameter before a `*` that could be the matrix of a product with the vector behind it: its last axes are the
    /// vector's.
    fn matrix_for<'e>(
        &self,
        what: &str,
        operands: &[&'e Expr],
        before: &[AxisId],
        after: &[AxisId],
    ) -> Option<&'e str> {
        let ("`*`", [left, _]) = (what, operands) else {
            return None;
        };
        let ExprKind::Name(name, _) = &left.kind else {
            return None;
        };
        let is_param = matches!(self.names.find(&name.text)?, Meaning::Param(_));
        let fits = !after.is_empty() && before.len() > after.len() && before.ends_with(after);
        (is_param && fits).then_some(&*name.text)
    }

    /// Where the shape of a simple expression comes from.
    fn origin_of_shape(&self, expr: &Expr) -> Option<(Span, String)> {
        let name = match &expr.kind {
            ExprKind::Name(name, _) => name,
            ExprKind::Binary(Operator::Product, _, matrix, _) => match &matrix.kind {
                ExprKind::Name(name, _) => name,
                ExprKind::Transposed(inner) => match &inner.kind {
                    ExprKind::Name(name, _) => name,
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        };
        let place = self.names.place(&name.text)?;
        let (shape, verb) = match self.names.find(&name.text)? {
            Meaning::Input(id) => (self.names.inputs[id].shape.as_ref()?, "is declared as"),
            Meaning::Param(id) => (self.names.params[id.0].shape.as_ref()?, "is declared as"),
            Meaning::Quantity(id) => (
                &self.shapes[id.0].as_ref()?.shape,
                "has, by its equation, the shape",
            ),
            Meaning::Size(_) | Meaning::Const(_) | Meaning::Signal(_) => return None,
        };
        Some((
            place,
            format!("`{}` {verb} {}", name.text, self.names.show(shape)),
        ))
    }
}
