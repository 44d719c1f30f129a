//! What the compiler understood and derived, to read: equations, error signals and gradients as text, LaTeX and MathML.

mod latex;
mod mathml;
mod merged;
mod symbols;
mod text;

use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use crate::adjoint::{Derivation, Origin, ParamTerm, Term};
use crate::expr::{NodeId, Number, Op, ParamId, QuantityId};
use crate::model::Cell;

pub use latex::{equations_latex, errors_latex};
pub use mathml::{
    Formula, FormulaTerm, equation_formulas, equations_mathml, error_formulas, errors_mathml,
    gradient_formulas, gradients_mathml, meaning_mathml, quantity_mathml, symbol_mathml,
};
use merged::merged;
pub(crate) use text::{Style, Text};

/// The equations as understood, one a line, in the language of `cell!`: `a[t] = W @ x[t] + U @ h[t-1] + β`.
pub fn equations(cell: &Cell) -> String {
    let text = Text::new(cell, Style::Equation);
    let lines = cell.quantities.iter().map(|quantity| {
        let right = text.expression(quantity.definition);
        (format!("{}[t]", quantity.name.symbol), right)
    });
    aligned(lines.collect())
}

/// What parameters start from where the cell says so, one a line: `γ = 1`.
pub fn starts(cell: &Cell) -> String {
    let said = cell.params.iter().filter_map(|param| {
        let start = param.start.as_ref()?;
        Some((param.name.symbol.clone(), number(start)))
    });
    aligned(said.collect())
}

/// A number: decimal where that is exact and short, a fraction otherwise.
pub fn number(value: &Number) -> String {
    text::number(value).0
}

/// The derived error signals, one a line, with explicit times; signals nobody named are `err(q)`.
pub fn errors(cell: &Cell, derivation: &Derivation) -> String {
    let (cell, derivation) = &merged(cell, derivation);
    let text = Text::new(cell, Style::Listing);
    let lines = last_first(cell).into_iter().map(|id| {
        let terms: Vec<NodeId> = terms(derivation, id).map(|term| term.value).collect();
        (signal_name(cell, id), text.sum(&terms))
    });
    aligned(lines.collect())
}

/// The derived error signals, one term a line, each with the equation it comes from in a column of comments.
pub fn errors_with_origins(cell: &Cell, derivation: &Derivation) -> String {
    let (cell, derivation) = &merged(cell, derivation);
    let text = Text::new(cell, Style::Listing);
    let mut lines: Vec<(String, String)> = Vec::new();
    for id in last_first(cell) {
        let name = signal_name(cell, id);
        let indent = name.chars().count();
        let error = &derivation.signals[id.0];
        let count = lines.len();
        let later = error.later.iter().map(|term| (term, " at t+1"));
        for (term, when) in error.now.iter().map(|term| (term, "")).chain(later) {
            let start = lines.len() == count;
            let (sign, value) = text.signed(term.value);
            let line = match (start, sign) {
                (true, false) => format!("{name} = {value}"),
                (true, true) => format!("{name} = -{value}"),
                (false, false) => format!("{:indent$} + {value}", ""),
                (false, true) => format!("{:indent$} - {value}", ""),
            };
            lines.push((line, format!("// {}{when}", origin(cell, term.origin))));
        }
        if lines.len() == count {
            lines.push((format!("{name} = 0"), "// nothing depends on it".into()));
        }
    }
    let width = lines
        .iter()
        .map(|(line, _)| line.chars().count())
        .max()
        .unwrap_or(0);
    lines
        .into_iter()
        .map(|(line, comment)| {
            let gap = width - line.chars().count() + 2;
            format!("{line}{:gap$}{comment}\n", "")
        })
        .collect()
}

/// The gradients of the parameters and of the input, one a line.
pub fn gradients(cell: &Cell, derivation: &Derivation) -> String {
    let (cell, derivation) = &merged(cell, derivation);
    let text = Text::new(cell, Style::Listing);
    let mut lines = Vec::new();
    for param in (0..cell.params.len()).map(ParamId) {
        let terms: Vec<String> = derivation.params[param.0]
            .iter()
            .map(|term| gradient_term(&text, term))
            .collect();
        let sum = match &terms[..] {
            [] => "0".to_owned(),
            [term] => format!("Σ_t {term}"),
            _ => format!("Σ_t ({})", terms.join(" + ")),
        };
        lines.push((format!("∂L/∂{}", cell.param(param).name.symbol), sum));
    }
    let input: Vec<NodeId> = derivation.input.iter().map(|term| term.value).collect();
    lines.push((
        format!("∂L/∂{}[t]", cell.input.name.symbol),
        text.sum(&input),
    ));
    aligned(lines)
}

fn gradient_term(text: &Text<'_>, term: &ParamTerm) -> String {
    match *term {
        ParamTerm::Outer { error, vector, .. } => {
            format!("{} ⊗ {}", text.factor(error), text.factor(vector))
        }
        ParamTerm::Elementwise { value, .. } => text.addend(value),
    }
}

/// One expression in the language, as it would stand in `errors { .. }`.
pub fn expression(cell: &Cell, node: NodeId) -> String {
    Text::new(cell, Style::Declaration).expression(node)
}

/// A sum of expressions, as it would stand in `errors { .. }`.
pub(crate) fn sum(cell: &Cell, terms: &[NodeId]) -> String {
    Text::new(cell, Style::Declaration).sum(terms)
}

/// The declaration of an error signal with this sum as its right-hand side, ready to paste into `errors { .. }`.
pub(crate) fn declaration(cell: &Cell, of: QuantityId, terms: &[NodeId]) -> String {
    let quantity = &cell.quantity(of).name.symbol;
    let name = cell.signal_of(of).map_or_else(
        || format!("ε_{quantity}"),
        |signal| signal.name.symbol.clone(),
    );
    format!("{name} of {quantity} = {};", sum(cell, terms))
}

/// Where a term comes from, in words.
pub(crate) fn origin(cell: &Cell, origin: Origin) -> String {
    match origin {
        Origin::Upstream => "from above".to_owned(),
        Origin::Equation(id) => format!("equation of {}", cell.quantity(id).name.symbol),
    }
}

/// All terms of an error signal.
fn terms(derivation: &Derivation, id: QuantityId) -> impl Iterator<Item = &Term> {
    let error = &derivation.signals[id.0];
    error.now.iter().chain(&error.later)
}

/// The quantities in the order in which backward computes their signals.
fn last_first(cell: &Cell) -> Vec<QuantityId> {
    let mut ids: Vec<_> = cell.quantity_ids().collect();
    ids.reverse();
    ids
}

fn signal_name(cell: &Cell, of: QuantityId) -> String {
    format!("{}[t]", signal_symbol(cell, of))
}

/// The name the author gave to an error signal, or `err(q)`.
pub(crate) fn signal_symbol(cell: &Cell, of: QuantityId) -> String {
    match cell.signal_of(of) {
        Some(signal) => signal.name.symbol.clone(),
        None => format!("err({})", cell.quantity(of).name.symbol),
    }
}

/// `left = right` lines with the equal signs in one column.
fn aligned(lines: Vec<(String, String)>) -> String {
    let width = lines
        .iter()
        .map(|(left, _)| left.chars().count())
        .max()
        .unwrap_or(0);
    lines
        .into_iter()
        .map(|(left, right)| {
            let gap = width - left.chars().count();
            format!("{left}{:gap$} = {right}\n", "")
        })
        .collect()
}

/// How tightly an expression holds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Sum,
    Product,
    Factor,
}

/// How tightly a factor of a product of elements must hold together to stand without parentheses. Matrix products get
/// them, and what ends in a sum unless it comes last.
fn factor_level(cell: &Cell, factor: NodeId, followed: bool) -> Level {
    match *cell.graph.op(factor) {
        Op::Broadcast(inner) | Op::Stop(inner) => factor_level(cell, inner, followed),
        Op::Product { .. } => Level::Factor,
        Op::Sum(..) if followed => Level::Factor,
        Op::Mul(_, last) if followed && ends_in_sum(cell, last) => Level::Factor,
        _ => Level::Product,
    }
}

/// Whether the last factor of a product is a sum over an axis.
fn ends_in_sum(cell: &Cell, factor: NodeId) -> bool {
    match *cell.graph.op(factor) {
        Op::Broadcast(inner) | Op::Stop(inner) | Op::Mul(_, inner) => ends_in_sum(cell, inner),
        Op::Sum(..) => true,
        _ => false,
    }
}

/// The magnitude of a number as a decimal, where that is exact: with a power of ten if it has more than 18 digits behind the
/// point, as `1e-19`.
fn decimal(value: &Number) -> Option<String> {
    let ten = BigInt::from(10);
    // The denominator of a decimal divides a power of ten; each of its factors takes one digit at most.
    let most = u32::try_from(value.denom().bits()).ok()?;
    if !(ten.pow(most) % value.denom()).is_zero() {
        return None;
    }
    let of = |digits: u32| value.abs() * Number::from_integer(ten.pow(digits));
    let digits = (0..=most).find(|&digits| of(digits).is_integer())?;
    let scaled = of(digits).to_integer().to_string();
    let digits = digits as usize;
    if digits > 18 {
        let exponent = scaled.len() as i64 - 1 - digits as i64;
        let (whole, part) = scaled.split_at(1);
        let point = if part.is_empty() { "" } else { "." };
        return Some(format!("{whole}{point}{part}e{exponent}"));
    }
    let padded = format!("{scaled:0>width$}", width = digits + 1);
    Some(match padded.split_at(padded.len() - digits) {
        (whole, "") => whole.to_owned(),
        (whole, part) => format!("{whole}.{part}"),
    })
}

/// The parts of a decimal with a power of ten: what stands before it, if that is not 1, and the exponent.
fn scientific(decimal: &str) -> Option<(Option<&str>, &str)> {
    let (factor, exponent) = decimal.split_once('e')?;
    Some(((factor != "1").then_some(factor), exponent))
}

fn is_scalar(cell: &Cell, id: NodeId) -> bool {
    match *cell.graph.op(id) {
        Op::Broadcast(inner) | Op::Stop(inner) => is_scalar(cell, inner),
        _ => cell.graph.shape(id).is_empty(),
    }
}

/// A sum of terms, each with whether it is subtracted; 0 if there is none.
fn joined(terms: impl Iterator<Item = (bool, String)>) -> String {
    let mut text = String::new();
    for (negative, value) in terms {
        text.push_str(match (text.is_empty(), negative) {
            (true, false) => "",
            (true, true) => "-",
            (false, false) => " + ",
            (false, true) => " - ",
        });
        text.push_str(&value);
    }
    if text.is_empty() {
        "0".to_owned()
    } else {
        text
    }
}
