//! The values of constants and what parameters start from: computed here, once, exactly.

use num_traits::Zero;

use super::names::{Meaning, Names};
use crate::ast::{Expr, ExprKind, Operator};
use crate::error::Diagnostic;
use crate::expr::Number;
use crate::parse::{fits, out_of_range};

/// Constants are exact, and one made of others may have the digits of all of them: more than these, in binary, of its numerator
/// or denominator are refused, because computations with them would take long. Every literal has less.
const MAX_BITS: u64 = 4096;

/// Why there is no value; nothing where the mistake is that of another constant.
type Mistake = Option<Diagnostic>;

/// What has a value that is computed here, by its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Computed<'a> {
    /// `const ε = ..;`
    Constant(&'a str),
    /// `param γ: [N] = ..;`
    Start(&'a str),
}

impl Names {
    /// A value that is computed from the constants known so far.
    pub(super) fn value(&self, what: Computed<'_>, value: &Expr) -> Result<Number, Mistake> {
        let number = self.number(what, value, value)?;
        if !fits(&number) {
            return Err(Some(out_of_range(value.start).until(value.end)));
        }
        Ok(number)
    }

    /// The value of an expression of numbers and constants, `None` where it is no such expression or has no value.
    pub(super) fn constant(&self, value: &Expr) -> Option<Number> {
        self.number(Computed::Constant(""), value, value).ok()
    }

    /// The value of a part of such an expression of numbers and constants.
    fn number(&self, what: Computed<'_>, whole: &Expr, part: &Expr) -> Result<Number, Mistake> {
        match &part.kind {
            ExprKind::Number(number) => Ok(number.clone()),
            ExprKind::Name(name, None) => match self.find(&name.text) {
                Some(Meaning::Const(id)) if id < self.consts.len() => {
                    self.consts[id].clone().ok_or(None)
                }
                _ => Err(Some(what.not_a_number(whole))),
            },
            ExprKind::Neg(a) => Ok(-self.number(what, whole, a)?),
            ExprKind::Binary(operator, _, a, b) => {
                let left = self.number(what, whole, a)?;
                let right = self.number(what, whole, b)?;
                let value = match operator {
                    Operator::Add => left + right,
                    Operator::Sub => left - right,
                    Operator::Mul => left * right,
                    Operator::Div if right.is_zero() => return Err(Some(division_by_zero(b))),
                    Operator::Div => left / right,
                    Operator::Product => return Err(Some(what.not_a_number(whole))),
                };
                if value.numer().bits().max(value.denom().bits()) > MAX_BITS {
                    return Err(Some(too_many_digits(part)));
                }
                Ok(value)
            }
            ExprKind::Call(function, ..) => Err(Some(what.has_function(&function.text, part))),
            _ => Err(Some(what.not_a_number(whole))),
        }
    }
}

impl Computed<'_> {
    /// The mistake of a value that depends on more than numbers.
    fn not_a_number(self, value: &Expr) -> Diagnostic {
        let message = match self {
            Computed::Constant(name) => format!(
                "`{name}` is not a number; a constant is computed from numbers and constants above it"
            ),
            Computed::Start(name) => format!(
                "the start of `{name}` is not a number; it is computed from numbers and constants"
            ),
        };
        self.mistake(value, message)
    }

    /// The mistake of a function in it.
    fn has_function(self, function: &str, call: &Expr) -> Diagnostic {
        let message = match self {
            Computed::Constant(name) => format!(
                "a constant is computed without functions; write `{function}(..)` in the equations instead of `{name}`"
            ),
            Computed::Start(name) => format!(
                "the start of `{name}` is computed without functions; write the number that `{function}(..)` gives"
            ),
        };
        self.mistake(call, message)
    }

    fn mistake(self, place: &Expr, message: String) -> Diagnostic {
        let code = match self {
            Computed::Constant(_) => "not-constant",
            Computed::Start(_) => "start-not-constant",
        };
        Diagnostic::new(code, place.start, message).until(place.end)
    }
}

/// The mistake of a value that takes more digits than anyone needs.
fn too_many_digits(part: &Expr) -> Diagnostic {
    let message = format!(
        "computed exactly, this has more than {MAX_BITS} binary digits; write it, or a constant in it, as a rounded number: no \
         element type tells more than 17 decimal digits apart"
    );
    Diagnostic::new("too-many-digits", part.start, message).until(part.end)
}

/// The mistake of dividing by the number 0.
pub fn division_by_zero(divisor: &Expr) -> Diagnostic {
    let message = "division by the number 0";
    Diagnostic::new("division-by-zero", divisor.start, message).until(divisor.end)
}
