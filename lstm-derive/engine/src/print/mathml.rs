//! Equations, error signals and gradients as MathML Core, in the notation of the LaTeX beside it.

use std::fmt::Write;

use num_traits::{One, Signed};

use crate::adjoint::{Derivation, Origin, ParamTerm};
use crate::expr::{Function, NodeId, Op, ParamId, QuantityId, Time};
use crate::model::Cell;

use super::Level;
use super::symbols::mathml as symbol;

/// An equation whose right-hand side is a sum, with its parts as MathML to be put into `<math>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    /// The left-hand side.
    pub left: String,
    /// The terms of the right-hand side; none for 0.
    pub terms: Vec<FormulaTerm>,
}

/// A term of a [`Formula`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormulaTerm {
    /// Whether it is subtracted.
    pub negative: bool,
    /// What is added or subtracted.
    pub value: String,
    /// Where it comes from, in an error signal.
    pub origin: Option<Origin>,
    /// Whether it comes from the step after.
    pub later: bool,
}

impl Formula {
    /// The whole equation as a `<math>` element that stands on a line of its own.
    pub fn mathml(&self) -> String {
        block(&format!("{}<mo>=</mo>{}", self.left, self.right()))
    }

    /// The right-hand side.
    fn right(&self) -> String {
        let mut text = String::new();
        for (index, term) in self.terms.iter().enumerate() {
            text.push_str(match (index, term.negative) {
                (0, false) => "",
                (_, false) => "<mo>+</mo>",
                (_, true) => "<mo>−</mo>",
            });
            text.push_str(&term.value);
        }
        match text.is_empty() {
            true => "<mn>0</mn>".to_owned(),
            false => text,
        }
    }
}

impl FormulaTerm {
    /// The term alone as a `<math>` element, with its sign unless it is the first of its sum.
    pub fn mathml(&self, first: bool) -> String {
        let sign = match (first, self.negative) {
            (true, false) => "",
            (false, false) => "<mo form=\"infix\">+</mo>",
            (_, true) => "<mo form=\"infix\">−</mo>",
        };
        block(&format!("{sign}{}", self.value))
    }
}

/// A `<math>` element on a line of its own.
fn block(content: &str) -> String {
    format!("<math display=\"block\"><mrow>{content}</mrow></math>")
}

/// A symbol of the equations, such as `W_ι`, as a `<math>` element within a line.
pub fn symbol_mathml(name: &str) -> String {
    format!("<math>{}</math>", symbol(name))
}

/// The left-hand side of an error signal, ∂L/∂q(t), as a `<math>` element within a line.
pub fn partial_mathml(cell: &Cell, of: QuantityId) -> String {
    format!("<math>{}</math>", MathMl { cell }.partial(of, 0))
}

/// The equations, by quantity.
pub fn equation_formulas(cell: &Cell) -> Vec<Formula> {
    let writer = MathMl { cell };
    let formula = |id| {
        let quantity = cell.quantity(id);
        Formula {
            left: timed(&symbol(&quantity.name.symbol), 0),
            terms: vec![FormulaTerm {
                negative: false,
                value: writer.write(quantity.definition).0,
                origin: None,
                later: false,
            }],
        }
    };
    cell.quantity_ids().map(formula).collect()
}

/// The derived error signals in the order in which backward computes them, term by term.
pub fn error_formulas(cell: &Cell, derivation: &Derivation) -> Vec<(QuantityId, Formula)> {
    let writer = MathMl { cell };
    let formula = |id: QuantityId| {
        let error = &derivation.signals[id.0];
        let now = error.now.iter().map(|term| (term, false));
        let later = error.later.iter().map(|term| (term, true));
        let terms = now.chain(later).map(|(term, later)| FormulaTerm {
            origin: Some(term.origin),
            later,
            ..writer.term(term.value)
        });
        let formula = Formula {
            left: writer.signal(id, 0),
            terms: terms.collect(),
        };
        (id, formula)
    };
    super::last_first(cell).into_iter().map(formula).collect()
}

/// The gradients of the parameters, in order of declaration, and that of the input.
pub fn gradient_formulas(cell: &Cell, derivation: &Derivation) -> Vec<Formula> {
    let writer = MathMl { cell };
    let mut formulas = Vec::new();
    for param in (0..cell.params.len()).map(ParamId) {
        let uses: Vec<String> = (derivation.params[param.0].iter())
            .map(|term| writer.gradient(term))
            .collect();
        let sum = match &uses[..] {
            [] => "<mn>0</mn>".to_owned(),
            [one] => format!("{}{one}", sum_over("<mi>t</mi>")),
            many => format!(
                "{}{}",
                sum_over("<mi>t</mi>"),
                fenced(&many.join("<mo>+</mo>"))
            ),
        };
        formulas.push(Formula {
            left: derivative(&symbol(&cell.param(param).name.symbol)),
            terms: vec![FormulaTerm {
                negative: false,
                value: sum,
                origin: None,
                later: false,
            }],
        });
    }
    formulas.push(Formula {
        left: derivative(&timed(&symbol(&cell.input.name.symbol), 0)),
        terms: (derivation.input.iter())
            .map(|term| writer.term(term.value))
            .collect(),
    });
    formulas
}

/// The equations, one `<math>` element a line.
pub fn equations_mathml(cell: &Cell) -> String {
    lines(equation_formulas(cell).iter())
}

/// The derived error signals, one `<math>` element a line.
pub fn errors_mathml(cell: &Cell, derivation: &Derivation) -> String {
    let formulas = error_formulas(cell, derivation);
    lines(formulas.iter().map(|(_, formula)| formula))
}

/// The gradients, one `<math>` element a line.
pub fn gradients_mathml(cell: &Cell, derivation: &Derivation) -> String {
    lines(gradient_formulas(cell, derivation).iter())
}

fn lines<'a>(formulas: impl Iterator<Item = &'a Formula>) -> String {
    formulas.fold(String::new(), |mut text, formula| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", formula.mathml());
        text
    })
}

struct MathMl<'a> {
    cell: &'a Cell,
}

impl MathMl<'_> {
    fn term(&self, id: NodeId) -> FormulaTerm {
        let (negative, value) = match *self.cell.graph.op(id) {
            Op::Neg(inner) => (true, self.at(inner, Level::Product)),
            _ => (false, self.at(id, Level::Product)),
        };
        FormulaTerm {
            negative,
            value,
            origin: None,
            later: false,
        }
    }

    fn gradient(&self, term: &ParamTerm) -> String {
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

    fn write(&self, id: NodeId) -> (String, Level) {
        let cell = self.cell;
        match cell.graph.op(id) {
            Op::Number(value) => {
                let (sign, level) = match value.is_negative() {
                    true => ("<mo form=\"prefix\">−</mo>", Level::Sum),
                    false => ("", Level::Factor),
                };
                let numerator = format!("<mn>{}</mn>", value.numer().magnitude());
                let number = match value.denom().is_one() {
                    true => numerator,
                    false => fraction(&numerator, &format!("<mn>{}</mn>", value.denom())),
                };
                (format!("{sign}{number}"), level)
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
                format!("<mo form=\"prefix\">−</mo>{}", self.at(*a, Level::Product)),
                Level::Sum,
            ),
            Op::Add(a, b) => {
                let (left, right) = (self.at(*a, Level::Sum), self.at(*b, Level::Sum));
                (format!("{left}<mo>+</mo>{right}"), Level::Sum)
            }
            Op::Sub(a, b) => {
                let (left, right) = (self.at(*a, Level::Sum), self.at(*b, Level::Product));
                (format!("{left}<mo>−</mo>{right}"), Level::Sum)
            }
            Op::Mul(a, b) => {
                let sign = match self.is_scalar(*a) || self.is_scalar(*b) {
                    true => "<mspace width=\"0.17em\"></mspace>",
                    false => "<mo>⊙</mo>",
                };
                let (left, right) = (self.multiplied(*a, true), self.multiplied(*b, false));
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
            Op::Stop(a) => (self.call("stop", &[*a]), Level::Factor),
        }
    }

    /// A factor of a product of elements. Matrix products are put in parentheses, and sums unless they come last.
    fn multiplied(&self, id: NodeId, followed: bool) -> String {
        match self.cell.graph.op(id) {
            Op::Broadcast(inner) => self.multiplied(*inner, followed),
            Op::Product { .. } => self.at(id, Level::Factor),
            Op::Sum(..) if followed => self.at(id, Level::Factor),
            _ => self.at(id, Level::Product),
        }
    }

    fn is_scalar(&self, id: NodeId) -> bool {
        match *self.cell.graph.op(id) {
            Op::Broadcast(inner) => self.is_scalar(inner),
            _ => self.cell.graph.shape(id).is_empty(),
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

    fn signal(&self, of: QuantityId, time: Time) -> String {
        match self.cell.signal_of(of) {
            Some(signal) => timed(&symbol(&signal.name.symbol), time),
            None => self.partial(of, time),
        }
    }

    fn partial(&self, of: QuantityId, time: Time) -> String {
        derivative(&timed(&symbol(&self.cell.quantity(of).name.symbol), time))
    }
}

fn timed(name: &str, time: Time) -> String {
    let offset = match time {
        0 => String::new(),
        _ => {
            let sign = if time < 0 { "−" } else { "+" };
            format!("<mo>{sign}</mo><mn>{}</mn>", time.unsigned_abs())
        }
    };
    format!("{name}{}", fenced(&format!("<mi>t</mi>{offset}")))
}

fn fenced(content: &str) -> String {
    format!("<mrow><mo form=\"prefix\">(</mo>{content}<mo form=\"postfix\">)</mo></mrow>")
}

fn fraction(numerator: &str, denominator: &str) -> String {
    format!("<mfrac><mrow>{numerator}</mrow><mrow>{denominator}</mrow></mfrac>")
}

fn derivative(of: &str) -> String {
    fraction("<mo>∂</mo><mi>L</mi>", &format!("<mo>∂</mo>{of}"))
}

fn sum_over(index: &str) -> String {
    format!("<munder><mo>∑</mo><mrow>{index}</mrow></munder>")
}
