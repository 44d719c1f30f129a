//! Every name of a cell and what it means.

use std::collections::BTreeMap;

use proc_macro2::Span;

use super::ascii;
use super::constants::Computed;
use super::shapes::show;
use crate::ast::{CellAst, ShapeAst, Symbol, VectorDecl};
use crate::error::{Diagnostic, Diagnostics};
use crate::expr::{AxisId, Number, ParamId, QuantityId, Shape};
use crate::model::{Name, Size};
use crate::nearest::nearest;

/// What a name stands for. Numbers count declarations in the order of the source, repeated ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Size(AxisId),
    Input(usize),
    Param(ParamId),
    Const(usize),
    Quantity(QuantityId),
    Signal(usize),
}

impl Meaning {
    /// As messages say it.
    pub fn kind(self) -> &'static str {
        match self {
            Meaning::Size(_) => "a size",
            Meaning::Input(_) => "the input",
            Meaning::Param(_) => "a parameter",
            Meaning::Const(_) => "a constant",
            Meaning::Quantity(_) => "a quantity",
            Meaning::Signal(_) => "an error signal",
        }
    }
}

/// A declared vector; no shape where it was wrong.
#[derive(Debug, Clone)]
pub struct Vector {
    pub name: Name,
    pub shape: Option<Shape>,
    pub span: Span,
}

/// All declarations of a cell.
#[derive(Debug, Default)]
pub struct Names {
    table: BTreeMap<String, (Meaning, Span)>,
    pub sizes: Vec<Size>,
    pub inputs: Vec<Vector>,
    pub params: Vec<Vector>,
    /// What each of them starts from, if that is said.
    pub starts: Vec<Option<Number>>,
    pub consts: Vec<Option<Number>>,
    pub quantities: Vec<Name>,
    pub signals: Vec<Name>,
}

impl Names {
    /// Collects the declarations and reports those that do not stand.
    pub fn declare(ast: &CellAst, errors: &mut Diagnostics) -> Names {
        let mut names = Names::default();
        for (id, size) in ast.sizes.iter().enumerate() {
            let name = names.add(&size.name, Meaning::Size(AxisId(id)), errors);
            if let Some((0, span)) = size.default {
                let message = format!(
                    "the default of `{}` is 0, but every size is at least 1",
                    size.name.text
                );
                errors.push(Diagnostic::new("size-zero", span, message));
            }
            let default = size.default.map(|(value, _)| value);
            names.sizes.push(Size {
                name,
                default,
                span: size.name.span,
            });
        }
        for (id, input) in ast.inputs.iter().enumerate() {
            let vector = names.vector(input, Meaning::Input(id), errors);
            names.inputs.push(vector);
        }
        for (id, constant) in ast.consts.iter().enumerate() {
            names.add(&constant.name, Meaning::Const(id), errors);
            let value = names
                .value(Computed::Constant(&constant.name.text), &constant.value)
                .map_err(|mistake| errors.0.extend(mistake))
                .ok();
            names.consts.push(value);
        }
        for (id, param) in ast.params.iter().enumerate() {
            let vector = names.vector(param, Meaning::Param(ParamId(id)), errors);
            names.params.push(vector);
        }
        names.starts = vec![None; ast.params.len()];
        for start in &ast.starts {
            let first = &ast.params[start.params.start].name.text;
            match names.value(Computed::Start(first), &start.value) {
                Ok(value) => names.starts[start.params.clone()].fill(Some(value)),
                Err(mistake) => errors.0.extend(mistake),
            }
        }
        for (id, equation) in ast.equations.iter().enumerate() {
            let name = names.add(&equation.name, Meaning::Quantity(QuantityId(id)), errors);
            names.quantities.push(name);
        }
        for (id, signal) in ast.signals.iter().enumerate() {
            let name = names.add(&signal.name, Meaning::Signal(id), errors);
            names.signals.push(name);
        }
        names.ascii_clashes(errors);
        names
    }

    /// What a name means.
    pub fn find(&self, name: &str) -> Option<Meaning> {
        self.table.get(name).map(|(meaning, _)| *meaning)
    }

    /// Where a name is declared.
    pub fn place(&self, name: &str) -> Option<Span> {
        self.table.get(name).map(|(_, span)| *span)
    }

    /// Whether this is the declaration that its name means, and not a repetition.
    pub fn stands(&self, name: &str, meaning: Meaning) -> bool {
        self.find(name) == Some(meaning)
    }

    /// The nearest name whose meaning is accepted, if one is near.
    pub fn nearest(&self, wrong: &str, accept: impl Fn(Meaning) -> bool) -> Option<&str> {
        let spelling = ascii::lower(wrong).unwrap_or_else(|_| wrong.to_owned());
        let accepted = self
            .table
            .iter()
            .filter(|(_, (meaning, _))| accept(*meaning));
        let mut candidates: Vec<(&str, String)> = accepted
            .map(|(name, _)| (name.as_str(), ascii::lower(name).unwrap_or_default()))
            .collect();
        // Of several that are equally near, b_c is rather β_c than U_c.
        candidates.sort_by_key(|(_, ascii)| ascii.chars().next() != spelling.chars().next());
        // W_iota for W_ι is no misspelling but the other alphabet.
        let same = candidates.iter().find(|(_, ascii)| *ascii == spelling);
        match same {
            Some((name, _)) => Some(name),
            None => nearest(wrong, candidates.into_iter().map(|(name, _)| name)),
        }
    }

    /// `; did you mean ..?` with the nearest name, or nothing.
    pub fn suggestion(&self, wrong: &str, accept: impl Fn(Meaning) -> bool) -> String {
        match self.nearest(wrong, accept) {
            Some(name) => format!("; did you mean `{name}`?"),
            None => String::new(),
        }
    }

    /// The axes behind the names between brackets; reports what is wrong with them.
    fn shape(&self, shape: &ShapeAst, errors: &mut Diagnostics) -> Option<Shape> {
        let mut axes = Some(Shape::new());
        for axis in &shape.axes {
            match self.find(&axis.text) {
                Some(Meaning::Size(id)) => {
                    if let Some(axes) = &mut axes {
                        axes.push(id);
                    }
                    continue;
                }
                Some(other) => {
                    let message = format!("`{}` is {}, not a size", axis.text, other.kind());
                    errors.push(Diagnostic::new("not-a-size", axis.span, message));
                }
                None => {
                    let advice =
                        self.suggestion(&axis.text, |meaning| matches!(meaning, Meaning::Size(_)));
                    let message = format!("no size is called `{}`{advice}", axis.text);
                    errors.push(Diagnostic::new("unknown-size", axis.span, message));
                }
            }
            axes = None;
        }
        axes
    }

    fn vector(
        &mut self,
        declared: &VectorDecl,
        meaning: Meaning,
        errors: &mut Diagnostics,
    ) -> Vector {
        let name = self.add(&declared.name, meaning, errors);
        Vector {
            name,
            shape: self.shape(&declared.shape, errors),
            span: declared.name.span,
        }
    }

    /// Enters a name and gives its spellings.
    fn add(&mut self, symbol: &Symbol, meaning: Meaning, errors: &mut Diagnostics) -> Name {
        if symbol.text == "t" || symbol.text == "_" {
            let message = match symbol.text.as_str() {
                "t" => "`t` is the time and cannot be the name of anything else",
                _ => "`_` is not a name",
            };
            errors.push(Diagnostic::new("reserved-name", symbol.span, message));
        }
        match self.table.get(&symbol.text) {
            Some(&(first, span)) => errors.0.extend(repeated(symbol, meaning, first, span)),
            None => {
                self.table
                    .insert(symbol.text.clone(), (meaning, symbol.span));
            }
        }
        let ascii = match meaning {
            Meaning::Size(_) => ascii::kept(&symbol.text),
            // Constants become numbers and are not seen from outside.
            Meaning::Const(_) => Ok(symbol.text.clone()),
            _ => ascii::lower(&symbol.text),
        };
        let ascii = ascii.unwrap_or_else(|letter| {
            let message = format!("`{letter}` in `{}` has no ASCII spelling for the public interface; use Latin and Greek letters", symbol.text);
            errors.push(Diagnostic::new("no-ascii-spelling", symbol.span, message));
            symbol.text.clone()
        });
        Name {
            symbol: symbol.text.clone(),
            ascii,
        }
    }

    /// Different names of one kind that become the same in the public interface, where each kind is looked up by itself.
    fn ascii_clashes(&self, errors: &mut Diagnostics) {
        let sizes = self.sizes.iter().map(|size| (&size.name, size.span));
        let params = self.params.iter().map(|param| (&param.name, param.span));
        let inputs = self.inputs.iter().map(|input| (&input.name, input.span));
        let quantities = self.quantities.iter();
        let quantities = quantities.filter_map(|name| Some((name, self.place(&name.symbol)?)));
        clashes(sizes, errors);
        clashes(params, errors);
        clashes(inputs.chain(quantities), errors);
    }

    /// A shape with the author's names: `[N, C]`.
    pub fn show(&self, shape: &[AxisId]) -> String {
        show(&self.sizes, shape)
    }
}

fn clashes<'a>(names: impl Iterator<Item = (&'a Name, Span)>, errors: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
    for (name, span) in names {
        let (first, place) = *seen.entry(&name.ascii).or_insert((&name.symbol, span));
        if first != name.symbol {
            let message = format!(
                "`{}` and `{first}` are both `{}` in the public interface, whose names are ASCII in lower case; rename one",
                name.symbol, name.ascii
            );
            let note = format!("`{first}` is declared here");
            errors.push(Diagnostic::new("ascii-clash", span, message).note(place, note));
        }
    }
}

/// The mistake of declaring a name again, if it is not reported as another one.
fn repeated(symbol: &Symbol, meaning: Meaning, first: Meaning, place: Span) -> Option<Diagnostic> {
    let name = &symbol.text;
    let twice = format!("`{name}` is declared twice");
    let (code, message) = match (meaning, first) {
        // Two inputs are one too many under any names.
        (Meaning::Input(_), Meaning::Input(_)) => return None,
        (Meaning::Size(_), Meaning::Size(_)) => ("duplicate-size", twice),
        (Meaning::Param(_), Meaning::Param(_)) => ("duplicate-parameter", twice),
        (Meaning::Const(_), Meaning::Const(_)) => ("duplicate-constant", twice),
        (Meaning::Signal(_), Meaning::Signal(_)) => ("duplicate-signal", twice),
        (Meaning::Quantity(_), Meaning::Quantity(_)) => (
            "duplicate-definition",
            format!("`{name}[t]` is defined twice; a step defines every quantity once"),
        ),
        _ => {
            let message = format!(
                "`{name}` cannot be {}: it is {} already",
                meaning.kind(),
                first.kind()
            );
            ("duplicate-name", message)
        }
    };
    Some(
        Diagnostic::new(code, symbol.span, message)
            .note(place, format!("`{name}` is first declared here")),
    )
}
