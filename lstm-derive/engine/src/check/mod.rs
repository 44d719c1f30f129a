//! From the syntax tree to a cell in which everything fits, or to everything that does not.

mod ascii;
mod blocks;
mod call;
mod constants;
mod depth;
mod lower;
mod mismatch;
mod names;
mod order;
mod product;
mod shapes;
mod signals;
mod unknown;
mod usage;

use lower::{Lower, Part, Value};
use names::Names;

use crate::ast::CellAst;
use crate::error::{Diagnostic, Diagnostics};
use crate::model::{Cell, Input, Param, Quantity, Role, Signal};

/// Resolves names, shapes and times. Collects all mistakes of the cell.
pub fn check(ast: &CellAst) -> Result<Cell, Diagnostics> {
    let mut errors = Diagnostics::default();
    if ast.equations.is_empty() {
        let message = format!(
            "the cell `{}` has no equations; write at least one, such as `h[t] = ..;`",
            ast.name
        );
        return Err(Diagnostic::new("empty-cell", ast.name.span(), message).into());
    }
    let names = Names::declare(ast, &mut errors);
    let shapes = shapes::settle(ast, &names);
    let output = usage::output(ast, &names, &shapes, &mut errors);
    let before = errors.0.len();
    order::check(ast, &names, &mut errors);
    let mut lower = Lower::new(&names, &shapes, output, &mut errors);
    let definitions: Vec<Option<Value>> = ast
        .equations
        .iter()
        .map(|equation| lower.expr(&equation.value))
        .collect();
    lower.part = Part::Signal;
    let stated = signals::lower(ast, &mut lower);
    let Lower { graph, roles, .. } = lower;
    usage::starts(ast, &names, &roles, &mut errors);
    // What an expression with a mistake was to use is not known, so nothing counts as unused, and the cell as one with memory.
    let sound = errors.0.len() == before;

    let found = shapes::found(&graph, &definitions);
    usage::shapes(ast, &names, &shapes, &found, &mut errors);
    let carried = usage::carried(ast, &names, &shapes, &mut errors);
    if sound {
        usage::memory(ast, &carried, &mut errors);
        usage::unused(ast, &names, output, &carried, &mut errors);
    }

    let quantities = ast
        .equations
        .iter()
        .zip(&names.quantities)
        .zip(shapes)
        .zip(definitions)
        .zip(carried)
        .map(|((((equation, name), shape), definition), carried)| {
            Some(Quantity {
                name: name.clone(),
                shape: shape?.shape,
                definition: definition?.node,
                carried,
                span: equation.name.span,
                definition_span: equation.value.span(),
            })
        });
    let declared = names.params.iter().zip(&names.starts);
    let params = declared.zip(roles).map(|((param, start), role)| {
        let role = role.map_or(Role::Elementwise, |(role, _)| role);
        Some(Param {
            name: param.name.clone(),
            shape: param.shape.clone()?,
            role,
            start: start.clone(),
            span: param.span,
        })
    });
    let signals =
        ast.signals
            .iter()
            .zip(&names.signals)
            .zip(stated)
            .map(|((signal, name), stated)| {
                let (of, stated) = stated?;
                let (span, stated_span) = (signal.name.span, signal.value.span());
                Some(Signal {
                    name: name.clone(),
                    of,
                    stated,
                    span,
                    stated_span,
                })
            });
    let input = names.inputs.first().and_then(|input| {
        Some(Input {
            name: input.name.clone(),
            shape: input.shape.clone()?,
            span: input.span,
        })
    });
    let parts = (
        input,
        output,
        params.collect(),
        quantities.collect(),
        signals.collect(),
    );
    let (Some(input), Some(output), Some(params), Some(quantities), Some(signals)) = parts else {
        return Err(errors.sorted());
    };
    let (name, visibility, docs) = (ast.name.clone(), ast.visibility.clone(), ast.docs.clone());
    let sizes = names.sizes;
    let cell = Cell {
        name,
        visibility,
        docs,
        sizes,
        input,
        params,
        quantities,
        output,
        signals,
        graph,
    };
    // A matrix whose product is wrong would count as a vector with its axes.
    if errors.is_empty() {
        blocks::check(&cell, &mut errors);
        depth::check(&cell, &mut errors);
    }
    errors.into_result(cell)
}
