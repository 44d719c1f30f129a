//! Within a step, every quantity is computed from quantities above it.

use std::collections::VecDeque;

use proc_macro2::Span;

use super::names::{Meaning, Names};
use crate::ast::{CellAst, Expr, ExprKind};
use crate::error::{Diagnostic, Diagnostics};

/// Reports cycles inside a step and uses above the definition.
pub fn check(ast: &CellAst, names: &Names, errors: &mut Diagnostics) {
    let uses: Vec<Vec<(usize, Span)>> = ast
        .equations
        .iter()
        .map(|equation| uses_now(&equation.value, names))
        .collect();
    let reaches: Vec<Vec<bool>> = (0..uses.len())
        .map(|start| reachable(start, &uses))
        .collect();
    let mut in_known_cycle = vec![false; uses.len()];
    for user in 0..uses.len() {
        if reaches[user][user] && !in_known_cycle[user] {
            for other in 0..uses.len() {
                in_known_cycle[other] |= reaches[user][other] && reaches[other][user];
            }
            errors.push(cycle(ast, user, &uses));
        }
        for &(used, span) in &uses[user] {
            if used > user && !reaches[used][user] {
                let (used, user) = (&ast.equations[used].name, &ast.equations[user].name);
                let message = format!(
                    "`{0}[t]` is used before its definition; move the equation of `{0}` above that of `{1}`, or use `{0}[t-1]`",
                    used.text, user.text
                );
                let note = format!("`{}[t]` is defined here", used.text);
                errors.push(
                    Diagnostic::new("use-before-definition", span, message).note(used.span, note),
                );
            }
        }
    }
}

/// The quantities an expression uses at `t`, with the places.
fn uses_now(value: &Expr, names: &Names) -> Vec<(usize, Span)> {
    match &value.kind {
        ExprKind::Name(name, time) if time.is_none_or(|time| time.offset == 0) => {
            match names.find(&name.text) {
                Some(Meaning::Quantity(id)) => vec![(id.0, name.span)],
                _ => Vec::new(),
            }
        }
        // These take a name, not its value.
        ExprKind::Call(function, ..) if function.text == "err" || function.text == "upstream" => {
            Vec::new()
        }
        kind => kind
            .operands()
            .into_iter()
            .flat_map(|operand| uses_now(operand, names))
            .collect(),
    }
}

/// What is needed, directly or not, to compute a quantity; itself only if it stands in a cycle.
fn reachable(start: usize, uses: &[Vec<(usize, Span)>]) -> Vec<bool> {
    let mut seen = vec![false; uses.len()];
    let mut next = vec![start];
    while let Some(user) = next.pop() {
        for &(used, _) in &uses[user] {
            if !std::mem::replace(&mut seen[used], true) {
                next.push(used);
            }
        }
    }
    seen
}

/// The shortest cycle through a quantity, told step by step.
fn cycle(ast: &CellAst, start: usize, uses: &[Vec<(usize, Span)>]) -> Diagnostic {
    // Breadth first from the start; `from` remembers by which use a quantity was first reached.
    let mut from: Vec<Option<(usize, Span)>> = vec![None; uses.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(user) = queue.pop_front() {
        for &(used, span) in &uses[user] {
            if from[used].is_none() {
                from[used] = Some((user, span));
                queue.push_back(used);
            }
        }
    }
    let mut steps = Vec::new();
    let mut last = start;
    while let Some((user, span)) = from[last] {
        steps.push((user, last, span));
        last = user;
        if user == start {
            break;
        }
    }
    steps.reverse();
    let name = |id: usize| format!("`{}[t]`", ast.equations[id].name.text);
    let path: Vec<String> = steps.iter().map(|&(_, used, _)| name(used)).collect();
    let advice = if path.len() == 1 {
        "take it at `t-1`"
    } else {
        "take one of them at `t-1`"
    };
    let message = format!(
        "a cycle inside one step: {} needs {}; {advice}",
        name(start),
        path.join(", which needs ")
    );
    let place = steps
        .first()
        .map_or(ast.equations[start].name.span, |&(_, _, span)| span);
    let diagnostic = Diagnostic::new("cycle", place, message);
    steps
        .iter()
        .skip(1)
        .fold(diagnostic, |diagnostic, &(user, used, span)| {
            diagnostic.note(span, format!("{} needs {} here", name(user), name(used)))
        })
}
