//! A cell as it is written: names unresolved, every token with its place.

use std::ops::Range;

use proc_macro2::Span;

use crate::expr::{Comparison, Number};

/// A name as it stands in the source.
#[derive(Debug, Clone)]
pub struct Symbol {
    /// The text, without `r#`.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// `cell NAME { .. }`
#[derive(Debug, Clone)]
pub struct CellAst {
    /// The doc comment, one string a line.
    pub docs: Vec<String>,
    /// `pub` or nothing.
    pub visibility: syn::Visibility,
    /// The Rust name.
    pub name: syn::Ident,
    /// `size ..;`
    pub sizes: Vec<SizeDecl>,
    /// `input ..;`
    pub inputs: Vec<VectorDecl>,
    /// `param ..;`
    pub params: Vec<VectorDecl>,
    /// What some of them start from.
    pub starts: Vec<StartDecl>,
    /// `const ..;`
    pub consts: Vec<ConstDecl>,
    /// `q[t] = ..;`
    pub equations: Vec<Equation>,
    /// `output ..;`
    pub outputs: Vec<Symbol>,
    /// The lines of `errors { .. }`.
    pub signals: Vec<SignalDecl>,
}

/// `N` or `C = 1`
#[derive(Debug, Clone)]
pub struct SizeDecl {
    /// The name of the axis.
    pub name: Symbol,
    /// The value when the user gives none, and where it stands.
    pub default: Option<(usize, Span)>,
}

/// A name with a shape: `x: [I]`
#[derive(Debug, Clone)]
pub struct VectorDecl {
    /// The name.
    pub name: Symbol,
    /// The shape, which several names may share.
    pub shape: ShapeAst,
}

/// `= 1` behind a group of parameters
#[derive(Debug, Clone)]
pub struct StartDecl {
    /// The parameters of the group, as places in [`CellAst::params`].
    pub params: Range<usize>,
    /// The value.
    pub value: Expr,
}

/// `[N, C]`
#[derive(Debug, Clone)]
pub struct ShapeAst {
    /// The names between the brackets.
    pub axes: Vec<Symbol>,
    /// The brackets.
    pub span: Span,
}

/// `ε = 1e-5`
#[derive(Debug, Clone)]
pub struct ConstDecl {
    /// The name.
    pub name: Symbol,
    /// The value.
    pub value: Expr,
}

/// `q[t] = ..`
#[derive(Debug, Clone)]
pub struct Equation {
    /// The quantity that is defined.
    pub name: Symbol,
    /// The right-hand side.
    pub value: Expr,
}

/// `ε of q = ..`
#[derive(Debug, Clone)]
pub struct SignalDecl {
    /// The name of the signal.
    pub name: Symbol,
    /// The quantity whose error it is.
    pub of: Symbol,
    /// The right-hand side.
    pub value: Expr,
}

/// `[t]`, `[t-1]`, `[t+1]`
#[derive(Debug, Clone, Copy)]
pub struct TimeIndex {
    /// -1 for `t-1`.
    pub offset: i64,
    /// The brackets.
    pub span: Span,
}

/// An operation between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `@`
    Product,
}

impl Operator {
    /// The sign in the language.
    pub fn sign(self) -> char {
        match self {
            Operator::Add => '+',
            Operator::Sub => '-',
            Operator::Mul => '*',
            Operator::Div => '/',
            Operator::Product => '@',
        }
    }
}

/// An expression and where it stands.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its first token.
    pub start: Span,
    /// Its last token.
    pub end: Span,
    /// How many levels of operations it has; bounded, so that recursion is.
    pub depth: usize,
}

/// The forms of an expression.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// `0.5`
    Number(Number),
    /// `q`, `q[t-1]`
    Name(Symbol, Option<TimeIndex>),
    /// `f(a, b)`, `err(q)[t+1]`
    Call(Symbol, Vec<Expr>, Option<TimeIndex>),
    /// `M.T`
    Transposed(Box<Expr>),
    /// `-a`
    Neg(Box<Expr>),
    /// `a + b`, with the place of the sign
    Binary(Operator, Span, Box<Expr>, Box<Expr>),
    /// `a > b`, with the place of the sign
    Compare(Comparison, Span, Box<Expr>, Box<Expr>),
}

impl ExprKind {
    /// The expressions it is made of, in the order of the source.
    pub fn operands(&self) -> Vec<&Expr> {
        match self {
            ExprKind::Number(_) | ExprKind::Name(..) => vec![],
            ExprKind::Call(_, arguments, _) => arguments.iter().collect(),
            ExprKind::Transposed(a) | ExprKind::Neg(a) => vec![a],
            ExprKind::Binary(_, _, a, b) | ExprKind::Compare(_, _, a, b) => vec![a, b],
        }
    }
}

impl Expr {
    /// The whole expression where spans can be joined, and its first token elsewhere.
    pub fn span(&self) -> Span {
        self.start.join(self.end).unwrap_or(self.start)
    }

    /// Calls `visit` with the expression and everything inside it, in the order of the source.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        for operand in self.kind.operands() {
            operand.walk(visit);
        }
    }
}
