//! Equations, error signals and gradients as MathML Core, in the notation of the LaTeX beside it.

mod writer;

use std::fmt::Write;

use crate::adjoint::{Derivation, Origin};
use crate::expr::{ParamId, QuantityId, Time};
use crate::model::Cell;

use self::writer::{MathMl, derivative, fenced, plain, sum_over, timed};
use super::symbols::mathml as symbol;
use super::{Style, merged};

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
        block(&self.parts().concat())
    }

    /// The equation as `<math>` elements between which a line may end, since there is no such place within one: the left-hand
    /// side with the first term, then every other term with its sign.
    pub fn pieces(&self) -> Vec<String> {
        self.parts().iter().map(|part| piece(part)).collect()
    }

    fn parts(&self) -> Vec<String> {
        let mut terms = self.terms.iter();
        let first = match terms.next() {
            Some(term) => term.signed(true),
            None => "<mn>0</mn>".to_owned(),
        };
        let mut parts = vec![format!("{}<mo>=</mo>{first}", self.left)];
        parts.extend(terms.map(|term| term.signed(false)));
        parts
    }
}

impl FormulaTerm {
    /// The term alone as a `<math>` element, with its sign; a first one has none if it is added.
    pub fn piece(&self, first: bool) -> String {
        piece(&self.signed(first))
    }

    fn signed(&self, first: bool) -> String {
        let sign = match (first, self.negative) {
            (true, false) => "",
            (true, true) => "<mo form=\"prefix\">−</mo>",
            (false, false) => "<mo form=\"infix\">+</mo>",
            (false, true) => "<mo form=\"infix\">−</mo>",
        };
        format!("{sign}{}", self.value)
    }
}

/// A `<math>` element on a line of its own.
fn block(content: &str) -> String {
    format!("<math display=\"block\"><mrow>{content}</mrow></math>")
}

/// A `<math>` element within a line, as large as on a line of its own.
fn piece(content: &str) -> String {
    format!("<math displaystyle=\"true\"><mrow>{content}</mrow></math>")
}

/// A symbol of the equations, such as `W_ι`, as a `<math>` element within a line.
pub fn symbol_mathml(name: &str) -> String {
    format!("<math>{}</math>", symbol(name))
}

/// A quantity at a time, such as h(t+1), as a `<math>` element within a line.
pub fn quantity_mathml(cell: &Cell, id: QuantityId, time: Time) -> String {
    let name = symbol(&cell.quantity(id).name.symbol);
    format!("<math>{}</math>", timed(&name, time))
}

/// What the name of an error signal stands for, ε(t) = ∂L/∂q(t), as a `<math>` element within a line; none if it has no name.
pub fn meaning_mathml(cell: &Cell, of: QuantityId) -> Option<String> {
    let name = symbol(&cell.signal_of(of)?.name.symbol);
    let partial = derivative(&timed(&symbol(&cell.quantity(of).name.symbol), 0));
    Some(format!(
        "<math>{}<mo>=</mo>{partial}</math>",
        timed(&name, 0)
    ))
}

/// The equations, by quantity.
pub fn equation_formulas(cell: &Cell) -> Vec<Formula> {
    let writer = MathMl {
        cell,
        style: Style::Equation,
    };
    let formula = |id| {
        let quantity = cell.quantity(id);
        Formula {
            left: timed(&symbol(&quantity.name.symbol), 0),
            terms: writer.sum(quantity.definition),
        }
    };
    cell.quantity_ids().map(formula).collect()
}

/// The derived error signals in the order in which backward computes them, term by term.
pub fn error_formulas(cell: &Cell, derivation: &Derivation) -> Vec<(QuantityId, Formula)> {
    let (cell, derivation) = &merged(cell, derivation);
    let writer = MathMl {
        cell,
        style: Style::Listing,
    };
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
    let (cell, derivation) = &merged(cell, derivation);
    let writer = MathMl {
        cell,
        style: Style::Listing,
    };
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
            terms: vec![plain(false, sum)],
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
