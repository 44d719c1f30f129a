//! Equations, error signals and gradients as MathML Core, in the notation of the LaTeX beside it.

mod writer;

use std::fmt::Write;

use crate::adjoint::{Derivation, Origin};
use crate::expr::{ParamId, QuantityId};
use crate::model::Cell;

use self::writer::{MathMl, derivative, fenced, sum_over, timed};
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
