//! The equations as a table of operations, for interpreters: one line an operation, no code.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::expr::{NodeId, Op};
use crate::model::{Cell, Name};

use super::literal;
use super::spec::axes;

/// The rows of the two tables.
pub struct Table {
    /// The left-hand sides.
    pub quantities: Vec<TokenStream>,
    /// The operations of the right-hand sides, operands first.
    pub nodes: Vec<TokenStream>,
}

/// The table of a cell.
pub fn table(cell: &Cell) -> Table {
    let mut builder = Builder {
        cell,
        nodes: Vec::new(),
        known: HashMap::new(),
    };
    let quantities = cell.quantities.iter().map(|quantity| {
        let Name { symbol, ascii } = &quantity.name;
        let axes = axes(&quantity.shape);
        let node = builder.node(quantity.definition);
        quote!(equations::Quantity::new(#symbol, #ascii, #axes, #node))
    });
    Table {
        quantities: quantities.collect(),
        nodes: builder.nodes,
    }
}

struct Builder<'a> {
    cell: &'a Cell,
    nodes: Vec<TokenStream>,
    known: HashMap<NodeId, usize>,
}

impl Builder<'_> {
    /// The row of an expression, behind the rows of its operands.
    fn node(&mut self, id: NodeId) -> usize {
        if let Some(&known) = self.known.get(&id) {
            return known;
        }
        let operands: Vec<_> = self.operands(id).iter().map(|&id| self.node(id)).collect();
        let row = self.row(id, &operands);
        let index = self.nodes.len();
        self.nodes.push(quote!(equations::Node::#row));
        self.known.insert(id, index);
        index
    }

    /// The operands of an operation. An element-wise one repeats the smaller of its operands by itself, as long as one
    /// of them has the shape of the result.
    fn operands(&self, id: NodeId) -> Vec<NodeId> {
        let graph = &self.cell.graph;
        let operands = graph.op(id).operands();
        let is_repeated = |id: NodeId| matches!(graph.op(id), Op::Broadcast(_));
        let is_whole = |&id: &NodeId| !is_repeated(id);
        let is_elementwise = matches!(
            graph.op(id),
            Op::Add(..)
                | Op::Sub(..)
                | Op::Mul(..)
                | Op::Div(..)
                | Op::Max(..)
                | Op::Min(..)
                | Op::Select { .. }
        );
        if !is_elementwise || !operands.iter().any(is_whole) {
            return operands;
        }
        let plain = |id| match *graph.op(id) {
            Op::Broadcast(inner) => inner,
            _ => id,
        };
        operands.into_iter().map(plain).collect()
    }

    fn row(&self, id: NodeId, operands: &[usize]) -> TokenStream {
        match self.cell.graph.op(id) {
            Op::Number(number) => {
                // The parser admits only numbers that every element type holds.
                let value = literal(number);
                quote!(Number(#value))
            }
            Op::Size(axis) => one("Size", axis.0),
            Op::Param(param) => one("Param", param.0),
            Op::Input(_) => quote!(Input),
            Op::Quantity(quantity, 0) => one("Quantity", quantity.0),
            Op::Quantity(quantity, _) => one("Previous", quantity.0),
            Op::Neg(_) => many("Neg", operands),
            Op::Add(..) => many("Add", operands),
            Op::Sub(..) => many("Sub", operands),
            Op::Mul(..) => many("Mul", operands),
            Op::Div(..) => many("Div", operands),
            Op::Max(..) => many("Max", operands),
            Op::Min(..) => many("Min", operands),
            Op::Stop(_) => many("Stop", operands),
            Op::Sum(..) => many("Sum", operands),
            Op::Apply(function, _) => {
                let function = format_ident!("{function:?}");
                quote!(Apply(equations::Function::#function, #(#operands),*))
            }
            Op::Select { sign, .. } => {
                let sign = format_ident!("{sign:?}");
                quote!(Select(equations::Comparison::#sign, [#(#operands),*]))
            }
            Op::Product {
                matrix,
                transposed: false,
                ..
            } => {
                let matrix = matrix.0;
                quote!(Product(#matrix, #(#operands),*))
            }
            Op::Broadcast(_) => {
                let axes = axes(self.cell.graph.shape(id));
                quote!(Repeat(#(#operands),*, #axes))
            }
            Op::Signal(..) | Op::Upstream(..) | Op::Derivative(..) | Op::Product { .. } => {
                unreachable!(
                    "errors, derivatives and transposed matrices stand only in error signals"
                )
            }
        }
    }
}

fn one(name: &str, index: usize) -> TokenStream {
    many(name, &[index])
}

fn many(name: &str, indices: &[usize]) -> TokenStream {
    let name = format_ident!("{name}");
    quote!(#name(#(#indices),*))
}
