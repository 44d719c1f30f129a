//! What a cell must have, and what in it has no use.

use std::collections::BTreeSet;

use proc_macro2::Span;

use super::names::{Meaning, Names};
use super::shapes::{Known, is_vector};
use crate::ast::{CellAst, Expr, ExprKind};
use crate::error::{Diagnostic, Diagnostics};
use crate::expr::QuantityId;
use crate::model::Role;

/// The output, if there is one and it is a vector.
pub fn output(
    ast: &CellAst,
    names: &Names,
    shapes: &[Option<Known>],
    errors: &mut Diagnostics,
) -> Option<QuantityId> {
    let Some(first) = ast.outputs.first() else {
        let message = format!(
            "the cell `{}` has no output; name one of its quantities: `output h;`",
            ast.name
        );
        errors.push(Diagnostic::new("missing-output", ast.name.span(), message));
        return None;
    };
    for other in &ast.outputs[1..] {
        let diagnostic = Diagnostic::new(
            "several-outputs",
            other.span,
            "a cell has exactly one output; remove all others",
        );
        errors.push(diagnostic.note(
            first.span,
            format!("`{}` is the output already", first.text),
        ));
    }
    let (code, message) = match names.find(&first.text) {
        Some(Meaning::Quantity(id)) => match &shapes[id.0] {
            Some(known) if known.exact && known.shape.is_empty() => (
                "scalar-output",
                format!("the output is a vector; `{}` is a scalar", first.text),
            ),
            _ => return Some(id),
        },
        Some(Meaning::Input(_)) => {
            let message = format!(
                "the input cannot be the output; define a quantity, such as `h[t] = {}[t];`",
                first.text
            );
            ("output-of-input", message)
        }
        Some(other) => (
            "output-not-quantity",
            format!(
                "the output is a quantity; `{}` is {}",
                first.text,
                other.kind()
            ),
        ),
        None => {
            let advice = names.suggestion(&first.text, |meaning| {
                matches!(meaning, Meaning::Quantity(_))
            });
            (
                "output-undefined",
                format!("no equation defines `{}`{advice}", first.text),
            )
        }
    };
    errors.push(Diagnostic::new(code, first.span, message));
    None
}

/// Shapes no declaration may have, and quantities without one.
pub fn shapes(
    ast: &CellAst,
    names: &Names,
    shapes: &[Option<Known>],
    found: &[Option<Known>],
    errors: &mut Diagnostics,
) {
    match names.inputs.as_slice() {
        [] => {
            let message = format!(
                "the cell `{}` has no input; declare one: `input x: [I];`",
                ast.name
            );
            errors.push(Diagnostic::new("missing-input", ast.name.span(), message));
        }
        [first, rest @ ..] => {
            for other in rest {
                let message =
                    "a cell has exactly one input; concatenate vectors before they reach the cell";
                let diagnostic = Diagnostic::new("several-inputs", other.span, message);
                errors.push(diagnostic.note(
                    first.span,
                    format!("`{}` is the input already", first.name.symbol),
                ));
            }
        }
    }
    for input in &names.inputs {
        let Some(shape) = &input.shape else { continue };
        let (name, shown) = (&input.name.symbol, names.show(shape));
        if shape.is_empty() {
            let message = format!(
                "the input is a vector: give `{name}` one or two axes, such as `{name}: [I]`"
            );
            errors.push(Diagnostic::new("scalar-input", input.span, message));
        } else if shape.len() > 2 {
            let message = format!("`{name}` is {shown}; a vector has one axis or two");
            errors.push(Diagnostic::new("three-axes", input.span, message));
        } else if !is_vector(shape) {
            let message =
                format!("`{name}` is {shown}; the two axes of a vector are different sizes");
            errors.push(Diagnostic::new("axis-twice", input.span, message));
        }
    }
    // Shapes are wanting, or contradict each other, only where other mistakes are; no cell with such may pass.
    if !errors.is_empty() {
        return;
    }
    for ((equation, known), found) in ast.equations.iter().zip(shapes).zip(found) {
        if known != found || !known.as_ref().is_some_and(|known| known.exact) {
            let message = format!(
                "the shape of `{}` cannot be told from the equations",
                equation.name.text
            );
            errors.push(Diagnostic::new(
                "unknown-shape",
                equation.name.span,
                message,
            ));
        }
    }
}

/// Whether each quantity is carried, by id.
pub fn carried(
    ast: &CellAst,
    names: &Names,
    shapes: &[Option<Known>],
    errors: &mut Diagnostics,
) -> Vec<bool> {
    let mut first_use: Vec<Option<Span>> = vec![None; ast.equations.len()];
    for equation in &ast.equations {
        equation.value.walk(&mut |expr| {
            if let ExprKind::Name(name, Some(time)) = &expr.kind
                && time.offset < 0
                && let Some(Meaning::Quantity(id)) = names.find(&name.text)
            {
                first_use[id.0].get_or_insert(name.span);
            }
        });
    }
    for ((equation, known), place) in ast.equations.iter().zip(shapes).zip(&first_use) {
        if let (Some(place), Some(known)) = (place, known)
            && known.exact
            && known.shape.is_empty()
        {
            let name = &equation.name.text;
            let message = format!(
                "`{name}` is a scalar and cannot be carried from step to step; a parameter or the input would give it axes"
            );
            let diagnostic = Diagnostic::new("scalar-state", *place, message);
            errors.push(diagnostic.note(equation.name.span, format!("`{name}` is defined here")));
        }
    }
    first_use.iter().map(Option::is_some).collect()
}

/// A cell carries something.
pub fn memory(ast: &CellAst, carried: &[bool], errors: &mut Diagnostics) {
    if !carried.contains(&true) {
        let message = format!(
            "`{}` is a cell without memory: no equation uses a quantity at `t-1`, such as `h[t-1]`",
            ast.name
        );
        errors.push(Diagnostic::new("no-memory", ast.name.span(), message));
    }
}

/// Matrices with a start: rows of equal numbers would give equal sums and equal gradients, and so stay equal.
pub fn starts(
    ast: &CellAst,
    names: &Names,
    roles: &[Option<(Role, Span)>],
    errors: &mut Diagnostics,
) {
    for start in &ast.starts {
        for id in start.params.clone() {
            let Some((Role::Matrix { .. }, product)) = roles[id] else {
                continue;
            };
            let name = &names.params[id].name.symbol;
            let message = format!(
                "`{name}` is a matrix, and all its rows would stay alike; a matrix starts from random numbers, as the layer's `CellInit` says"
            );
            let note = format!("`{name}` is the left side of `@` here");
            let place = Diagnostic::new("matrix-start", start.value.start, message);
            errors.push(place.until(start.value.end).note(product, note));
        }
    }
}

/// Declarations that nothing uses, in a cell whose equations are right.
pub fn unused(
    ast: &CellAst,
    names: &Names,
    output: Option<QuantityId>,
    carried: &[bool],
    errors: &mut Diagnostics,
) {
    let used = used_in(ast.equations.iter().map(|equation| &equation.value));
    let in_errors = used_in(ast.signals.iter().map(|signal| &signal.value));
    let only = |name: &str| {
        if in_errors.contains(name) {
            "only an error signal uses it"
        } else {
            "no equation uses it"
        }
    };
    let mut report = |code, name: &str, meaning: Meaning, span: Span, message: String| {
        if names.stands(name, meaning) && !used.contains(name) {
            errors.push(Diagnostic::new(code, span, message));
        }
    };
    // Of several inputs all but one have to go anyway.
    if let [input] = names.inputs.as_slice() {
        let name = &input.name.symbol;
        report(
            "unused-input",
            name,
            Meaning::Input(0),
            input.span,
            format!("the input `{name}` has no effect: {}", only(name)),
        );
    }
    let constants = ast.consts.iter().map(|constant| &constant.value);
    let in_constants = used_in(constants.chain(ast.starts.iter().map(|start| &start.value)));
    for (id, constant) in ast.consts.iter().enumerate() {
        let name = &constant.name.text;
        if !in_constants.contains(name.as_str()) && !in_errors.contains(name.as_str()) {
            let message = format!("the constant `{name}` is never used; remove it");
            report(
                "unused-constant",
                name,
                Meaning::Const(id),
                constant.name.span,
                message,
            );
        }
    }
    for (id, param) in names.params.iter().enumerate() {
        let (name, id) = (&param.name.symbol, crate::expr::ParamId(id));
        let message = format!("the parameter `{name}` cannot be trained: {}", only(name));
        report(
            "unused-parameter",
            name,
            Meaning::Param(id),
            param.span,
            message,
        );
    }
    let declared = ast.inputs.iter().chain(&ast.params);
    let in_shapes: BTreeSet<&str> = declared
        .flat_map(|vector| &vector.shape.axes)
        .map(|axis| axis.text.as_str())
        .collect();
    for (id, size) in ast.sizes.iter().enumerate() {
        let (name, id) = (&size.name.text, crate::expr::AxisId(id));
        if !in_shapes.contains(name.as_str()) {
            let message = format!("the size `{name}` is the axis of nothing; remove it");
            report(
                "unused-size",
                name,
                Meaning::Size(id),
                size.name.span,
                message,
            );
        }
    }
    if let Some(output) = output {
        unused_quantities(ast, names, output, carried, errors);
    }
}

/// Quantities that the output needs at no step. A sum that only goes on with itself is such: the term that was to read it is missing.
fn unused_quantities(
    ast: &CellAst,
    names: &Names,
    output: QuantityId,
    carried: &[bool],
    errors: &mut Diagnostics,
) {
    let mut live = vec![false; ast.equations.len()];
    live[output.0] = true;
    let mut next = vec![output.0];
    while let Some(id) = next.pop() {
        for name in used_in([&ast.equations[id].value]) {
            if let Some(Meaning::Quantity(used)) = names.find(name)
                && !std::mem::replace(&mut live[used.0], true)
            {
                next.push(used.0);
            }
        }
    }
    for (id, equation) in ast.equations.iter().enumerate() {
        let name = &equation.name.text;
        if !live[id] && names.stands(name, Meaning::Quantity(QuantityId(id))) {
            let reach = match carried[id] {
                true => "it goes on from step to step, but reaches the output of none",
                false => "it reaches neither the output nor the next step",
            };
            let message = format!("`{name}` is computed for nothing: {reach}");
            errors.push(Diagnostic::new(
                "unused-quantity",
                equation.name.span,
                message,
            ));
        }
    }
}

/// All names in expressions; `sum_C` uses C.
fn used_in<'a>(values: impl IntoIterator<Item = &'a Expr>) -> BTreeSet<&'a str> {
    let mut used = BTreeSet::new();
    for value in values {
        value.walk(&mut |expr| match &expr.kind {
            ExprKind::Name(name, _) => {
                used.insert(name.text.as_str());
            }
            ExprKind::Call(function, _, _) => {
                let axis = function
                    .text
                    .strip_prefix("sum_")
                    .or_else(|| function.text.strip_prefix("mean_"));
                used.extend(axis);
                used.insert(function.text.as_str());
            }
            _ => {}
        });
    }
    used
}
