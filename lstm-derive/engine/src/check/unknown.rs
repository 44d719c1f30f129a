//! Functions that there are not, and what to write instead.

use super::lower::{Lower, Part, Value};
use super::names::Meaning;
use crate::ast::{Expr, Symbol};
use crate::error::Diagnostic;
use crate::expr::Function;
use crate::nearest::nearest;

/// The words beside the functions of one argument.
const OTHERS: [&str; 3] = ["max", "min", "select"];

/// Those that stand in equations only, and in error signals only.
const OF_EQUATIONS: [&str; 1] = ["stop"];
const OF_SIGNALS: [&str; 2] = ["err", "upstream"];

/// Functions of other libraries that the language can say, of a quantity a.
const RECIPES: [(&str, &str); 21] = [
    ("silu", "a * sigmoid(a)"),
    ("swish", "a * sigmoid(a)"),
    ("gelu", "a * sigmoid(1.702 * a)"),
    ("mish", "a * tanh(softplus(a))"),
    ("elu", "select(a > 0, a, exp(a) - 1)"),
    ("leaky_relu", "max(a, 0.01 * a)"),
    ("relu6", "min(max(a, 0), 6)"),
    ("softsign", "a / (1 + abs(a))"),
    ("hardtanh", "min(max(a, -1), 1)"),
    ("hard_tanh", "min(max(a, -1), 1)"),
    ("clamp", "min(max(a, -1), 1)"),
    ("clip", "min(max(a, -1), 1)"),
    ("hardsigmoid", "min(max(a / 6 + 0.5, 0), 1)"),
    ("hard_sigmoid", "min(max(a / 6 + 0.5, 0), 1)"),
    ("sign", "select(a > 0, 1, select(a < 0, -1, 0))"),
    ("step", "select(a > 0, 1, 0)"),
    ("square", "a * a"),
    ("pow", "exp(b * log(a))"),
    ("expm1", "exp(a) - 1"),
    ("log1p", "log(1 + a)"),
    ("softmax", "exp(a) / sum_AXIS(exp(a))"),
];

/// Functions of other libraries that the language cannot say, though some of its own look like them.
const ABSENT: [&str; 7] = ["sin", "cos", "sinh", "cosh", "floor", "ceil", "round"];

impl Lower<'_> {
    /// The mistake of a call of something that is no function.
    pub fn unknown_function(&mut self, call: &Symbol, arguments: &[Expr]) -> Option<Value> {
        for argument in arguments {
            self.expr(argument);
        }
        let name = call.text.as_str();
        if name == "sum" || name == "mean" {
            let axes: Vec<String> = self
                .names
                .sizes
                .iter()
                .map(|size| format!("`{name}_{}`", size.name.symbol))
                .collect();
            let message = format!("`{name}` is taken over a named axis: {}", axes.join(", "));
            return self.fail(Diagnostic::new("sum-without-axis", call.span, message));
        }
        let advice = self.instead(name);
        self.fail(Diagnostic::new(
            "unknown-function",
            call.span,
            format!("no function is called `{name}`{advice}"),
        ))
    }

    /// What may have been meant by the name of a function.
    fn instead(&self, name: &str) -> String {
        if let Some((_, recipe)) = RECIPES.iter().find(|(known, _)| *known == name) {
            return format!("; write `{recipe}`");
        }
        if self.part == Part::Signal && ["dmax", "dmin", "dselect"].contains(&name) {
            return format!(
                "; the error of `{}` goes to the operand that was taken: `select(a > b, ε, 0)`",
                &name[1..]
            );
        }
        let functions = Function::ALL.iter().map(|(_, known)| *known);
        let own: &[&str] = match self.part {
            Part::Signal => &OF_SIGNALS,
            Part::Equation => &OF_EQUATIONS,
        };
        let others = ["logistic"].into_iter().chain(OTHERS);
        let known: Vec<&str> = functions
            .clone()
            .chain(others)
            .chain(own.iter().copied())
            .collect();
        // Derivatives stand only in error signals.
        let derivatives: Vec<String> = match self.part {
            Part::Signal => functions.map(|known| format!("d{known}")).collect(),
            Part::Equation => Vec::new(),
        };
        let derivatives = derivatives.iter().map(String::as_str);
        let alike = match ABSENT.contains(&name) {
            true => None,
            false => nearest(name, known.iter().copied().chain(derivatives)),
        };
        match alike {
            Some(known) => format!("; did you mean `{known}`?"),
            None if self.names.find(name).is_some() => {
                let sign = if self.is_matrix(name) { '@' } else { '*' };
                format!("; to multiply, write `{name} {sign} (..)`")
            }
            None => format!("; there are {}, sum_AXIS and mean_AXIS", known.join(", ")),
        }
    }

    /// Whether a name is a parameter of two axes.
    fn is_matrix(&self, name: &str) -> bool {
        let Some(Meaning::Param(id)) = self.names.find(name) else {
            return false;
        };
        let shape = &self.names.params[id.0].shape;
        shape.as_ref().is_some_and(|shape| shape.len() > 1)
    }
}
