//! A checked cell: every name resolved, every shape known.

use proc_macro2::Span;

use crate::expr::{AxisId, Graph, Node, NodeId, Number, ParamId, QuantityId, Shape};

/// A name as the author wrote it and as the public interface spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As in the equations: `W_ι`.
    pub symbol: String,
    /// In ASCII: `w_iota` for parameters and vectors, `N` for sizes.
    pub ascii: String,
}

/// A named axis.
#[derive(Debug, Clone)]
pub struct Size {
    /// Its name.
    pub name: Name,
    /// The value taken when the user gives none.
    pub default: Option<usize>,
    /// Where it is declared.
    pub span: Span,
}

/// The input of a step.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name.
    pub name: Name,
    /// Its axes: one or two.
    pub shape: Shape,
    /// Where it is declared.
    pub span: Span,
}

/// What a parameter is in the equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The left side of `@`; so many leading axes are its rows.
    Matrix {
        /// How many leading axes are the rows.
        row_axes: usize,
    },
    /// Used element by element.
    Elementwise,
}

/// A trainable parameter.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// Its axes.
    pub shape: Shape,
    /// What it is in the equations.
    pub role: Role,
    /// What all its numbers start from, if the author says so.
    pub start: Option<Number>,
    /// Where it is declared.
    pub span: Span,
}

/// The left-hand side of an equation.
#[derive(Debug, Clone)]
pub struct Quantity {
    /// Its name.
    pub name: Name,
    /// Its axes: none, one or two.
    pub shape: Shape,
    /// The right-hand side.
    pub definition: NodeId,
    /// Whether some equation uses it at `t-1`.
    pub carried: bool,
    /// Where its name stands on the left.
    pub span: Span,
    /// Where the right-hand side stands.
    pub definition_span: Span,
}

/// An error signal stated by the author.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Its name.
    pub name: Name,
    /// The quantity whose error it is.
    pub of: QuantityId,
    /// The stated right-hand side; other signals in it are [`crate::expr::Op::Signal`] of *their* quantities.
    pub stated: NodeId,
    /// Where its name stands.
    pub span: Span,
    /// Where the right-hand side stands.
    pub stated_span: Span,
}

/// A cell in which everything fits.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The Rust name.
    pub name: syn::Ident,
    /// The Rust visibility.
    pub visibility: syn::Visibility,
    /// The doc comment, one string a line.
    pub docs: Vec<String>,
    /// Axes, by [`AxisId`].
    pub sizes: Vec<Size>,
    /// The input.
    pub input: Input,
    /// Parameters, by [`ParamId`].
    pub params: Vec<Param>,
    /// Quantities in order of definition, by [`QuantityId`]; that order is an order of evaluation within a step.
    pub quantities: Vec<Quantity>,
    /// The output.
    pub output: QuantityId,
    /// The stated error signals, in the author's order.
    pub signals: Vec<Signal>,
    /// All expressions.
    pub graph: Graph,
}

impl Cell {
    /// The axis behind an id.
    pub fn size(&self, id: AxisId) -> &Size {
        &self.sizes[id.0]
    }

    /// The shapes of all vectors of a step, those that equations compute on their way among them, each with the place that needs it.
    pub fn vectors(&self) -> impl Iterator<Item = (&Shape, Span)> {
        let params = (self.params.iter()).filter(|param| param.role == Role::Elementwise);
        let computed = self.quantities.iter().flat_map(|quantity| {
            let nodes = self.graph.reachable(&[quantity.definition]).into_iter();
            let inner = nodes.map(|id| (self.graph.shape(id), quantity.definition_span));
            inner.chain([(&quantity.shape, quantity.span)])
        });
        [(&self.input.shape, self.input.span)]
            .into_iter()
            .chain(params.map(|param| (&param.shape, param.span)))
            .chain(computed)
    }

    /// A shape as it is written: `[N, C]`.
    pub fn shape_text(&self, shape: &Shape) -> String {
        let axes = shape.iter().map(|&axis| &*self.size(axis).name.symbol);
        format!("[{}]", axes.collect::<Vec<_>>().join(", "))
    }

    /// The parameter behind an id.
    pub fn param(&self, id: ParamId) -> &Param {
        &self.params[id.0]
    }

    /// The quantity behind an id.
    pub fn quantity(&self, id: QuantityId) -> &Quantity {
        &self.quantities[id.0]
    }

    /// All quantities with their ids.
    pub fn quantity_ids(&self) -> impl DoubleEndedIterator<Item = QuantityId> + use<> {
        (0..self.quantities.len()).map(QuantityId)
    }

    /// The quantities carried from step to step, in order of definition.
    pub fn carried(&self) -> impl Iterator<Item = QuantityId> + '_ {
        self.quantity_ids().filter(|&id| self.quantity(id).carried)
    }

    /// The error signal the author stated for a quantity.
    pub fn signal_of(&self, of: QuantityId) -> Option<&Signal> {
        self.signals.iter().find(|signal| signal.of == of)
    }

    /// The node behind an id.
    pub fn node(&self, id: NodeId) -> &Node {
        self.graph.node(id)
    }
}
