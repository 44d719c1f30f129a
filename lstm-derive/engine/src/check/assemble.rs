//! The cell, put together of what was found.

use proc_macro2::Span;

use super::lower::Value;
use super::names::Names;
use super::shapes::Known;
use crate::ast::CellAst;
use crate::expr::{Graph, NodeId, QuantityId};
use crate::model::{Cell, Input, Param, Quantity, Role, Signal};

/// The expressions of a cell; nothing where one has a mistake.
pub struct Lowered {
    pub graph: Graph,
    /// What each parameter is, and where that is seen.
    pub roles: Vec<Option<(Role, Span)>>,
    /// The right-hand side of each equation.
    pub definitions: Vec<Option<Value>>,
    /// Of which quantity each error signal is, and its right-hand side.
    pub stated: Vec<Option<(QuantityId, NodeId)>>,
}

/// The cell; nothing where a part of it is missing because of a mistake.
pub fn assemble(
    ast: &CellAst,
    names: Names,
    shapes: Vec<Option<Known>>,
    output: Option<QuantityId>,
    lowered: Lowered,
    carried: Vec<bool>,
) -> Option<Cell> {
    Some(Cell {
        name: ast.name.clone(),
        visibility: ast.visibility.clone(),
        docs: ast.docs.clone(),
        input: input(&names)?,
        params: params(&names, &lowered)?,
        quantities: quantities(ast, &names, shapes, &lowered, carried)?,
        output: output?,
        signals: signals(ast, &names, &lowered)?,
        sizes: names.sizes,
        graph: lowered.graph,
    })
}

fn input(names: &Names) -> Option<Input> {
    let input = names.inputs.first()?;
    Some(Input {
        name: input.name.clone(),
        shape: input.shape.clone()?,
        span: input.span,
    })
}

fn params(names: &Names, lowered: &Lowered) -> Option<Vec<Param>> {
    let declared = names.params.iter().zip(&names.starts);
    let params = declared.zip(&lowered.roles).map(|((param, start), role)| {
        Some(Param {
            name: param.name.clone(),
            shape: param.shape.clone()?,
            role: role.map_or(Role::Elementwise, |(role, _)| role),
            start: start.clone(),
            span: param.span,
        })
    });
    params.collect()
}

fn quantities(
    ast: &CellAst,
    names: &Names,
    shapes: Vec<Option<Known>>,
    lowered: &Lowered,
    carried: Vec<bool>,
) -> Option<Vec<Quantity>> {
    let equations = ast.equations.iter().zip(&names.quantities);
    let values = shapes.into_iter().zip(&lowered.definitions).zip(carried);
    let quantities =
        equations
            .zip(values)
            .map(|((equation, name), ((shape, definition), carried))| {
                Some(Quantity {
                    name: name.clone(),
                    shape: shape?.shape,
                    definition: (*definition)?.node,
                    carried,
                    span: equation.name.span,
                    definition_span: equation.value.span(),
                })
            });
    quantities.collect()
}

fn signals(ast: &CellAst, names: &Names, lowered: &Lowered) -> Option<Vec<Signal>> {
    let stated = ast.signals.iter().zip(&names.signals).zip(&lowered.stated);
    let signals = stated.map(|((signal, name), stated)| {
        let (of, stated) = (*stated)?;
        Some(Signal {
            name: name.clone(),
            of,
            stated,
            span: signal.name.span,
            stated_span: signal.value.span(),
        })
    });
    signals.collect()
}
