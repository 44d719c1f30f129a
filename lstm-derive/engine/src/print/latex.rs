//! Equations and error signals as LaTeX, in the notation of the papers: ⊙ for products of elements.

use num_traits::Signed;

use crate::adjoint::Derivation;
use crate::expr::{Function, NodeId, Number, Op, QuantityId, Time};
use crate::model::Cell;

use super::symbols::latex as symbol;
use super::{Level, Style, decimal, factor_level, is_scalar, joined, merged, scientific};

/// The equations as an `align*` environment.
pub fn equations_latex(cell: &Cell) -> String {
    let writer = Latex {
        cell,
        style: Style::Equation,
    };
    environment(cell.quantity_ids().map(|id| {
        let quantity = cell.quantity(id);
        format!(
            "{} &= {}",
            writer.timed(&symbol(&quantity.name.symbol), 0),
            writer.write(quantity.definition).0
        )
    }))
}

/// The derived error signals as an `align*` environment.
pub fn errors_latex(cell: &Cell, derivation: &Derivation) -> String {
    let (cell, derivation) = &merged(cell, derivation);
    let writer = Latex {
        cell,
        style: Style::Listing,
    };
    environment(super::last_first(cell).into_iter().map(|id| {
        let terms: Vec<NodeId> = super::terms(derivation, id)
            .map(|term| term.value)
            .collect();
        format!("{} &= {}", writer.signal(id, 0), writer.sum(&terms))
    }))
}

fn environment(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.map(|line| format!("  {line}")).collect();
    format!(
        "\\begin{{align*}}\n{}\n\\end{{align*}}\n",
        lines.join(" \\\\\n")
    )
}

struct Latex<'a> {
    cell: &'a Cell,
    style: Style,
}

impl Latex<'_> {
    fn sum(&self, terms: &[NodeId]) -> String {
        joined(terms.iter().map(|&term| match *self.cell.graph.op(term) {
            Op::Neg(inner) => (true, self.at(inner, Level::Product)),
            _ => (false, self.at(term, Level::Product)),
        }))
    }

    fn at(&self, id: NodeId, level: Level) -> String {
        let (text, own) = self.write(id);
        if own < level {
            format!("\\left({text}\\right)")
        } else {
            text
        }
    }

    fn write(&self, id: NodeId) -> (String, Level) {
        match self.cell.graph.op(id) {
            Op::Number(value) => {
                let level = if value.is_negative() {
                    Level::Sum
                } else {
                    Level::Factor
                };
                let sign = if value.is_negative() { "-" } else { "" };
                (format!("{sign}{}", magnitude(value)), level)
            }
            Op::Size(axis) => (symbol(&self.cell.size(*axis).name.symbol), Level::Factor),
            Op::Param(param) => (symbol(&self.cell.param(*param).name.symbol), Level::Factor),
            Op::Input(time) => (
                self.timed(&symbol(&self.cell.input.name.symbol), *time),
                Level::Factor,
            ),
            Op::Quantity(id, time) => (
                self.timed(&symbol(&self.cell.quantity(*id).name.symbol), *time),
                Level::Factor,
            ),
            Op::Signal(id, time) => (self.signal(*id, *time), Level::Factor),
            Op::Upstream(id, time) => {
                let output = self.timed(&symbol(&self.cell.quantity(*id).name.symbol), *time);
                (
                    format!(
                        "\\left.\\frac{{\\partial L}}{{\\partial {output}}}\\right|_{{\\uparrow}}"
                    ),
                    Level::Factor,
                )
            }
            Op::Neg(a) => (format!("-{}", self.at(*a, Level::Product)), Level::Sum),
            Op::Add(a, b) => {
                let (left, right) = (self.at(*a, Level::Sum), self.at(*b, Level::Sum));
                // a + -b is a - b.
                let text = match right.strip_prefix('-') {
                    Some(right) => format!("{left} - {right}"),
                    None => format!("{left} + {right}"),
                };
                (text, Level::Sum)
            }
            Op::Sub(a, b) => (
                format!(
                    "{} - {}",
                    self.at(*a, Level::Sum),
                    self.at(*b, Level::Product)
                ),
                Level::Sum,
            ),
            Op::Mul(a, b) => {
                let sign = if is_scalar(self.cell, *a) || is_scalar(self.cell, *b) {
                    "\\,"
                } else {
                    "\\odot"
                };
                let left = self.at(*a, factor_level(self.cell, *a, true));
                let right = self.at(*b, factor_level(self.cell, *b, false));
                (format!("{left} {sign} {right}"), Level::Product)
            }
            Op::Div(a, b) => (
                format!("\\frac{{{}}}{{{}}}", self.write(*a).0, self.write(*b).0),
                Level::Factor,
            ),
            Op::Apply(function, a) => (self.function(*function, "", *a), Level::Factor),
            Op::Derivative(function, a) => (self.function(*function, "'", *a), Level::Factor),
            Op::Max(a, b) => (self.call("\\max", &[*a, *b]), Level::Factor),
            Op::Min(a, b) => (self.call("\\min", &[*a, *b]), Level::Factor),
            Op::Select {
                sign,
                left,
                right,
                then,
                otherwise,
            } => {
                let sign = match sign.sign() {
                    ">=" => "\\geq",
                    "<=" => "\\leq",
                    other => other,
                };
                let [left, right, then, otherwise] =
                    [left, right, then, otherwise].map(|&id| self.write(id).0);
                let text = format!(
                    "\\begin{{cases}} {then} & {left} {sign} {right} \\\\ {otherwise} & \\text{{otherwise}} \\end{{cases}}"
                );
                (text, Level::Factor)
            }
            Op::Product {
                matrix,
                transposed,
                vector,
            } => {
                let transpose = if *transposed { "^\\top" } else { "" };
                let matrix = symbol(&self.cell.param(*matrix).name.symbol);
                (
                    format!("{matrix}{transpose} {}", self.at(*vector, Level::Factor)),
                    Level::Product,
                )
            }
            Op::Sum(axis, a) => {
                let axis = symbol(&self.cell.size(*axis).name.symbol);
                (
                    format!("\\sum_{{{axis}}} {}", self.at(*a, Level::Product)),
                    Level::Product,
                )
            }
            Op::Broadcast(a) => self.write(*a),
            Op::Stop(a) if self.style == Style::Equation => {
                (self.call("\\operatorname{stop}", &[*a]), Level::Factor)
            }
            // In an error signal only the value counts.
            Op::Stop(a) => self.write(*a),
        }
    }

    fn function(&self, function: Function, prime: &str, a: NodeId) -> String {
        let argument = self.write(a).0;
        match (function, prime) {
            (Function::Abs, "") => format!("\\left|{argument}\\right|"),
            (Function::Sqrt, "") => format!("\\sqrt{{{argument}}}"),
            _ => {
                let name = match function {
                    Function::Exp => "\\exp",
                    Function::Log => "\\log",
                    Function::Sigmoid => "\\sigma",
                    Function::Tanh => "\\tanh",
                    Function::Abs => "\\operatorname{abs}",
                    Function::Sqrt => "\\operatorname{sqrt}",
                    Function::Relu => "\\operatorname{relu}",
                    Function::LogSigmoid => "\\log\\sigma",
                    Function::Softplus => "\\operatorname{softplus}",
                };
                match (function, prime) {
                    (Function::LogSigmoid, "'") => {
                        format!("\\left(\\log\\sigma\\right)'\\left({argument}\\right)")
                    }
                    _ => format!("{name}{prime}\\left({argument}\\right)"),
                }
            }
        }
    }

    fn call(&self, name: &str, arguments: &[NodeId]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|&id| self.write(id).0).collect();
        format!("{name}\\left({}\\right)", arguments.join(", "))
    }

    fn signal(&self, of: QuantityId, time: Time) -> String {
        match self.cell.signal_of(of) {
            Some(signal) => self.timed(&symbol(&signal.name.symbol), time),
            None => {
                let quantity = self.timed(&symbol(&self.cell.quantity(of).name.symbol), time);
                format!("\\frac{{\\partial L}}{{\\partial {quantity}}}")
            }
        }
    }

    fn timed(&self, name: &str, time: Time) -> String {
        match time {
            0 => format!("{name}(t)"),
            _ => format!("{name}(t{time:+})"),
        }
    }
}

/// A number without its sign.
fn magnitude(value: &Number) -> String {
    let Some(digits) = decimal(value) else {
        let numerator = value.numer().magnitude();
        return format!("\\tfrac{{{numerator}}}{{{}}}", value.denom());
    };
    match scientific(&digits) {
        Some((Some(factor), exponent)) => format!("{factor} \\cdot 10^{{{exponent}}}"),
        Some((None, exponent)) => format!("10^{{{exponent}}}"),
        None => digits,
    }
}
