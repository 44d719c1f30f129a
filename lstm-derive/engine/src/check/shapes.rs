//! The shape of every quantity, from the equations alone.

use super::lower::{Lower, Value};
use super::names::Names;
use crate::ast::CellAst;
use crate::error::Diagnostics;
use crate::expr::{AxisId, Graph, Shape};
use crate::model::Size;

/// What is known of a shape; by default, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The shape, or its first axes.
    pub shape: Shape,
    /// Whether there are no further axes.
    pub exact: bool,
}

impl Known {
    /// No vector has more axes than these, so there are no further ones.
    fn is_full(&self) -> bool {
        self.shape.len() == 2
    }
}

/// A shape with the author's names: `[N, C]`.
pub fn show(sizes: &[Size], shape: &[AxisId]) -> String {
    let axes: Vec<&str> = shape
        .iter()
        .map(|axis| sizes[axis.0].name.symbol.as_str())
        .collect();
    format!("[{}]", axes.join(", "))
}

/// The larger of two shapes if the other is a prefix of it: what an element-wise operation makes of them.
pub fn join<'a>(a: &'a [AxisId], b: &'a [AxisId]) -> Option<&'a [AxisId]> {
    if a.starts_with(b) {
        Some(a)
    } else if b.starts_with(a) {
        Some(b)
    } else {
        None
    }
}

/// Whether a value may have this shape: at most two different axes.
pub fn is_vector(shape: &[AxisId]) -> bool {
    match shape {
        [] | [_] => true,
        [a, b] => a != b,
        _ => false,
    }
}

/// What the equations say of the shapes of all quantities, by id; `None` where a mistake leaves nothing to say.
///
/// A quantity may be used at `t-1` above its equation, so shapes first grow from nothing until they no longer change.
/// Then those are doubted whose equations hold a mistake, or that take their shape from a doubtful one: a mistake is
/// reported where it is made and drags no others along.
pub fn settle(ast: &CellAst, names: &Names) -> Vec<Option<Known>> {
    let mut known: Vec<Option<Known>> = vec![Some(Known::default()); ast.equations.len()];
    // Every round adds at least one axis to one quantity, unless mistakes make shapes alternate.
    for _ in 0..=3 * ast.equations.len() {
        let (mut grown, _) = round(ast, names, &known);
        for shape in grown.iter_mut().flatten() {
            shape.exact = shape.is_full();
        }
        if std::mem::replace(&mut known, grown) == known {
            break;
        }
    }
    for shape in known.iter_mut().flatten() {
        shape.exact = true;
    }
    let believed = known.clone();
    // Every round but the last doubts at least one more quantity.
    loop {
        let (found, mistakes) = round(ast, names, &known);
        let mut settled = true;
        for (shape, found) in known.iter_mut().zip(found) {
            if let Some(shape) = shape
                && shape.exact
                && !shape.is_full()
                && found.as_ref() != Some(shape)
            {
                shape.exact = false;
                settled = false;
            }
        }
        if settled {
            // Two mistakes may excuse each other around a loop through time; then neither is excused.
            return if mistakes { known } else { believed };
        }
    }
}

/// The shapes of all right-hand sides if the quantities in them have the given ones, and whether there are mistakes.
fn round(ast: &CellAst, names: &Names, known: &[Option<Known>]) -> (Vec<Option<Known>>, bool) {
    let mut mistakes = Diagnostics::default();
    let mut lower = Lower::new(names, known, None, &mut mistakes);
    let values: Vec<_> = ast
        .equations
        .iter()
        .map(|equation| lower.expr(&equation.value))
        .collect();
    (found(&lower.graph, &values), !mistakes.is_empty())
}

/// The shapes of right-hand sides.
pub fn found(graph: &Graph, values: &[Option<Value>]) -> Vec<Option<Known>> {
    let shape = |value: Value| Known {
        shape: graph.shape(value.node).clone(),
        exact: value.exact,
    };
    values.iter().map(|value| value.map(shape)).collect()
}
