//! From the syntax tree to a cell in which everything fits, or to everything that does not.

mod ascii;
mod assemble;
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

use assemble::{Lowered, assemble};
use lower::{Lower, Part};
use names::Names;
use shapes::Known;

use crate::ast::CellAst;
use crate::error::{Diagnostic, Diagnostics};
use crate::expr::QuantityId;
use crate::model::Cell;

/// Resolves names, shapes and times. Collects all mistakes of the cell.
pub fn check(ast: &CellAst) -> Result<Cell, Diagnostics> {
    require_equations(ast)?;
    let mut errors = Diagnostics::default();
    let names = Names::declare(ast, &mut errors);
    let shapes = shapes::settle(ast, &names);
    let output = usage::output(ast, &names, &shapes, &mut errors);
    let before = errors.0.len();
    order::check(ast, &names, &mut errors);
    let lowered = lower(ast, &names, &shapes, output, &mut errors);
    usage::starts(ast, &names, &lowered.roles, &mut errors);
    // What an expression with a mistake was to use is not known, so nothing counts as unused, and the cell as one with memory.
    let sound = errors.0.len() == before;

    let found = shapes::found(&lowered.graph, &lowered.definitions);
    usage::shapes(ast, &names, &shapes, &found, &mut errors);
    let carried = usage::carried(ast, &names, &shapes, &mut errors);
    if sound {
        usage::memory(ast, &carried, &mut errors);
        usage::unused(ast, &names, output, &carried, &mut errors);
    }

    let Some(cell) = assemble(ast, names, shapes, output, lowered, carried) else {
        return Err(errors.sorted());
    };
    // A matrix whose product is wrong would count as a vector with its axes.
    if errors.is_empty() {
        blocks::check(&cell, &mut errors);
        depth::check(&cell, &mut errors);
    }
    errors.into_result(cell)
}

/// A cell without equations has no other mistake worth telling.
fn require_equations(ast: &CellAst) -> Result<(), Diagnostics> {
    if !ast.equations.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the cell `{}` has no equations; write at least one, such as `h[t] = ..;`",
        ast.name
    );
    Err(Diagnostic::new("empty-cell", ast.name.span(), message).into())
}

/// All expressions as one graph: those of the equations first, as error signals refer to them.
fn lower(
    ast: &CellAst,
    names: &Names,
    shapes: &[Option<Known>],
    output: Option<QuantityId>,
    errors: &mut Diagnostics,
) -> Lowered {
    let mut lower = Lower::new(names, shapes, output, errors);
    let equations = ast.equations.iter();
    let definitions = equations
        .map(|equation| lower.expr(&equation.value))
        .collect();
    lower.part = Part::Signal;
    let stated = signals::lower(ast, &mut lower);
    let Lower { graph, roles, .. } = lower;
    Lowered {
        graph,
        roles,
        definitions,
        stated,
    }
}
