//! Expressions as MathML.

use num_traits::Signed;

use super::FormulaTerm;
use crate::adjoint::ParamTerm;
use crate::expr::{Function, NodeId, Number, Op, QuantityId, Time};
use crate::model::Cell;
use crate::print::symbols::mathml as symbol;
use crate::print::{Level, Style, decimal, factor_level, is_scalar, scientific};

/// A sign before a term.
const MINUS: &str = "<mo form=\"prefix\">−</mo>";

/// Writes expressions of one cell.
pub(super) struct MathMl<'a> {
    pub(super) cell: &'a Cell,
    pub(super) style: Style,
}

impl MathMl<'_> {
    /// The terms of a sum.
    pub(super) fn sum(&self, id: NodeId) -> Vec<FormulaTerm> {
        match *self.cell.graph.op(id) {
            Op::Add(a, b) => [self.sum(a), self.sum(b)].concat(),
            Op::Sub(a, b) => {
                let subtracted = plain(true, self.at(b, Level::Product));
                [self.sum(a), vec![subtracted]].concat()
            }
            Op::Broadcast(inner) => self.sum(inner),
            _ => vec![self.term(id)],
        }
    }

    pub(super) fn term(&self, id: NodeId) -> FormulaTerm {
        match self.cell.graph.op(id) {
            Op::Neg(inner) => plain(true, self.at(*inner, Level::Product)),
            Op::Number(value) => plain(value.is_negative(), magnitude(value)),
            _ => plain(false, self.at(id, Level::Product)),
        }
    }

    pub(super) fn gradient(&self, term: &ParamTerm) -> String {
        match *term {
            ParamTerm::Outer { error, vector, .. } => {
                let (error, vector) = (
                    self.at(error, Level::Factor),
                    self.at(vector, Level::Factor),
                );
                format!("{error}<mo>⊗</mo>{vector}")
            }
            ParamTerm::Elementwise { value, .. } => self.at(value, Level::Product),
        }
    }

    fn at(&self, id: NodeId, level: Level) -> String {
        match self.write(id) {
            (text, own) if own < level => fenced(&text),
            (text, _) => text,
        }
    }

    pub(super) fn write(&self, id: NodeId) -> (String, Level) {
        let cell = self.cell;
        match cell.graph.op(id) {
            Op::Number(value) => {
                let (sign, level) = match value.is_negative() {
                    true => (MINUS, Level::Sum),
                    false => ("", Level::Factor),
                };
                (format!("{sign}{}", magnitude(value)), level)
            }
            Op::Size(axis) => (symbol(&cell.size(*axis).name.symbol), Level::Factor),
            Op::Param(param) => (symbol(&cell.param(*param).name.symbol), Level::Factor),
            Op::Input(time) => (
                timed(&symbol(&cell.input.name.symbol), *time),
                Level::Factor,
            ),
            Op::Quantity(id, time) => (
                timed(&symbol(&cell.quantity(*id).name.symbol), *time),
                Level::Factor,
            ),
            Op::Signal(id, time) => (self.signal(*id, *time), Level::Factor),
            Op::Upstream(id, time) => {
                let partial = self.partial(*id, *time);
                (format!("<msub>{partial}<mo>↑</mo></msub>"), Level::Factor)
            }
            Op::Neg(a) => (
                format!("{MINUS}{}", self.at(*a, Level::Product)),
                Level::Sum,
            ),
            Op::Add(a, b) => {
                let (left, right) = (self.at(*a, Level::Sum), self.at(*b, Level::Sum));
                // a + -b is a - b.
                let text = match right.strip_prefix(MINUS) {
                    Some(right) => format!("{left}<mo>−</mo>{right}"),
                    None => format!("{left}<mo>+</mo>{right}"),
                };
                (text, Level::Sum)
            }
            Op::Sub(a, b) => {
                let (left, right) = (self.at(*a, Level::Sum), self.at(*b, Level::Product));
                (format!("{left}<mo>−</mo>{right}"), Level::Sum)
            }
            Op::Mul(a, b) => {
                let sign = match is_scalar(self.cell, *a) || is_scalar(self.cell, *b) {
                    true => "<mspace width=\"0.17em\"></mspace>",
                    false => "<mo>⊙</mo>",
                };
                let left = self.at(*a, factor_level(self.cell, *a, true));
                let right = self.at(*b, factor_level(self.cell, *b, false));
                (format!("{left}{sign}{right}"), Level::Product)
            }
            Op::Div(a, b) => (
                fraction(&self.write(*a).0, &self.write(*b).0),
                Level::Factor,
            ),
            Op::Apply(function, a) => (self.function(*function, "", *a), Level::Factor),
            Op::Derivative(function, a) => (self.function(*function, "′", *a), Level::Factor),
            Op::Max(a, b) => (self.call("max", &[*a, *b]), Level::Factor),
            Op::Min(a, b) => (self.call("min", &[*a, *b]), Level::Factor),
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            } => {
                let sign = match sign.sign() {
                    ">=" => "≥",
                    "<=" => "≤",
                    ">" => "&gt;",
                    _ => "&lt;",
                };
                let [left, right, then, otherwise] =
                    [left, right, then, otherwise].map(|&id| self.write(id).0);
                let row = |value: &str, condition: &str| {
                    format!(
                        "<mtr><mtd><mrow>{value}</mrow></mtd><mtd><mrow>{condition}</mrow></mtd></mtr>"
                    )
                };
                let text = format!(
                    "<mrow><mo form=\"prefix\">{{</mo><mtable>{}{}</mtable></mrow>",
                    row(&then, &format!("{left}<mo>{sign}</mo>{right}")),
                    row(&otherwise, "<mtext>otherwise</mtext>"),
                );
                (text, Level::Factor)
            }
            Op::Product {
                matrix,
                transposed,
                vector,
            } => {
                let matrix = symbol(&cell.param(*matrix).name.symbol);
                let matrix = match transposed {
                    true => format!("<msup><mrow>{matrix}</mrow><mo>⊤</mo></msup>"),
                    false => matrix,
                };
                let vector = self.at(*vector, Level::Factor);
                let text = format!("{matrix}<mspace width=\"0.17em\"></mspace>{vector}");
                (text, Level::Product)
            }
            Op::Sum(axis, a) => {
                let over = sum_over(&symbol(&cell.size(*axis).name.symbol));
                let text = format!("{over}{}", self.at(*a, Level::Product));
                (text, Level::Product)
            }
            Op::Broadcast(a) => self.write(*a),
            Op::Stop(a) if self.style == Style::Equation => {
                (self.call("stop", &[*a]), Level::Factor)
            }
            // In an error signal only the value counts.
            Op::Stop(a) => self.write(*a),
        }
    }

    fn function(&self, function: Function, prime: &str, a: NodeId) -> String {
        let argument = self.write(a).0;
        match (function, prime) {
            (Function::Abs, "") => {
                return format!(
                    "<mrow><mo form=\"prefix\">|</mo>{argument}<mo form=\"postfix\">|</mo></mrow>"
                );
            }
            (Function::Sqrt, "") => return format!("<msqrt>{argument}</msqrt>"),
            _ => (),
        }
        let name = match function {
            Function::Sigmoid => "<mi>σ</mi>".to_owned(),
            Function::LogSigmoid if prime.is_empty() => "<mi>log</mi><mi>σ</mi>".to_owned(),
            Function::LogSigmoid => fenced("<mi>log</mi><mi>σ</mi>"),
            other => format!("<mi>{}</mi>", other.name()),
        };
        let name = match prime {
            "" => name,
            prime => format!("<msup><mrow>{name}</mrow><mo>{prime}</mo></msup>"),
        };
        format!("{name}{}", fenced(&argument))
    }

    fn call(&self, name: &str, arguments: &[NodeId]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|&id| self.write(id).0).collect();
        let arguments = arguments.join("<mo separator=\"true\">,</mo>");
        format!("<mi>{name}</mi>{}", fenced(&arguments))
    }

    pub(super) fn signal(&self, of: QuantityId, time: Time) -> String {
        match self.cell.signal_of(of) {
            Some(signal) => timed(&symbol(&signal.name.symbol), time),
            None => self.partial(of, time),
        }
    }

    fn partial(&self, of: QuantityId, time: Time) -> String {
        derivative(&timed(&symbol(&self.cell.quantity(of).name.symbol), time))
    }
}

/// A term that comes from no place in particular.
pub(super) fn plain(negative: bool, value: String) -> FormulaTerm {
    FormulaTerm {
        negative,
        value,
        origin: None,
        later: false,
    }
}

/// A number without its sign.
fn magnitude(value: &Number) -> String {
    let Some(digits) = decimal(value) else {
        return fraction(
            &format!("<mn>{}</mn>", value.numer().magnitude()),
            &format!("<mn>{}</mn>", value.denom()),
        );
    };
    let Some((factor, exponent)) = scientific(&digits) else {
        return format!("<mn>{digits}</mn>");
    };
    let power = match exponent.strip_prefix('-') {
        Some(exponent) => format!("<mrow>{MINUS}<mn>{exponent}</mn></mrow>"),
        None => format!("<mn>{exponent}</mn>"),
    };
    let factor = factor.map_or_else(String::new, |factor| format!("<mn>{factor}</mn><mo>·</mo>"));
    format!("{factor}<msup><mn>10</mn>{power}</msup>")
}

pub(super) fn timed(name: &str, time: Time) -> String {
    let offset = match time {
        0 => String::new(),
        _ => {
            let sign = if time < 0 { "−" } else { "+" };
            format!("<mo>{sign}</mo><mn>{}</mn>", time.unsigned_abs())
        }
    };
    format!("{name}{}", fenced(&format!("<mi>t</mi>{offset}")))
}

pub(super) fn fenced(content: &str) -> String {
    format!("<mrow><mo form=\"prefix\">(</mo>{content}<mo form=\"postfix\">)</mo></mrow>")
}

fn fraction(numerator: &str, denominator: &str) -> String {
    format!("<mfrac><mrow>{numerator}</mrow><mrow>{denominator}</mrow></mfrac>")
}

pub(super) fn derivative(of: &str) -> String {
    fraction("<mo>∂</mo><mi>L</mi>", &format!("<mo>∂</mo>{of}"))
}

pub(super) fn sum_over(index: &str) -> String {
    format!("<munder><mo>∑</mo><mrow>{index}</mrow></munder>")
}
