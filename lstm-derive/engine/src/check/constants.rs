//! The values of constants: computed here, once, exactly.

use num_traits::Zero;

use super::names::{Meaning, Names};
use crate::ast::{ConstDecl, Expr, ExprKind, Operator};
use crate::error::Diagnostic;
use crate::expr::Number;
use crate::parse::{fits, out_of_range};

/// Why a constant has no value; nothing where the mistake is that of another constant.
type Mistake = Option<Diagnostic>;

impl Names {
    /// The value of a constant, from those above it.
    pub(super) fn constant(&self, declared: &ConstDecl) -> Result<Number, Mistake> {
        let value = self.number(declared, &declared.value)?;
        if !fits(&value) {
            let diagnostic = out_of_range(declared.value.start);
            return Err(Some(diagnostic.until(declared.value.end)));
        }
        Ok(value)
    }

    /// The value of an expression of numbers and constants.
    fn number(&self, declared: &ConstDecl, value: &Expr) -> Result<Number, Mistake> {
        match &value.kind {
            ExprKind::Number(number) => Ok(number.clone()),
            ExprKind::Name(name, None) => match self.find(&name.text) {
                Some(Meaning::Const(id)) if id < self.consts.len() => {
                    self.consts[id].clone().ok_or(None)
                }
                _ => Err(Some(not_constant(declared))),
            },
            ExprKind::Neg(a) => Ok(-self.number(declared, a)?),
            ExprKind::Binary(operator, _, a, b) => {
                let (left, right) = (self.number(declared, a)?, self.number(declared, b)?);
                match operator {
                    Operator::Add => Ok(left + right),
                    Operator::Sub => Ok(left - right),
                    Operator::Mul => Ok(left * right),
                    Operator::Div if right.is_zero() => Err(Some(division_by_zero(b))),
                    Operator::Div => Ok(left / right),
                    Operator::Product => Err(Some(not_constant(declared))),
                }
            }
            ExprKind::Call(function, ..) => {
                let message = format!(
                    "a constant is computed without functions; write `{}(..)` in the equations instead of `{}`",
                    function.text, declared.name.text
                );
                let diagnostic = Diagnostic::new("not-constant", value.start, message);
                Err(Some(diagnostic.until(value.end)))
            }
            _ => Err(Some(not_constant(declared))),
        }
    }
}

/// The mistake of a value that depends on more than numbers.
fn not_constant(declared: &ConstDecl) -> Diagnostic {
    let message = format!(
        "`{}` is not a number; a constant is computed from numbers and constants above it",
        declared.name.text
    );
    Diagnostic::new("not-constant", declared.value.start, message).until(declared.value.end)
}

/// The mistake of dividing by the number 0.
pub fn division_by_zero(divisor: &Expr) -> Diagnostic {
    let message = "division by the number 0";
    Diagnostic::new("division-by-zero", divisor.start, message).until(divisor.end)
}
