//! Names with a shape, as inputs and parameters are declared.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{LitInt, Token, token};

use super::expr::{Parsed, found, symbol};
use super::group;
use crate::ast::{ShapeAst, VectorDecl};
use crate::error::Diagnostic;

/// Names that share a shape: `a, b: [N]`
pub(super) struct Vectors {
    pub declared: Vec<VectorDecl>,
    /// The last name, as messages show it.
    pub last: String,
    /// Where the shape stands.
    pub shape: Span,
}

impl Vectors {
    pub fn parse(body: ParseStream<'_>, what: &str) -> Parsed<Self> {
        let mut last = symbol(body, &format!("the name of {what}"))?;
        let mut names = vec![last.clone()];
        while body.peek(Token![,]) {
            body.parse::<Token![,]>()?;
            last = symbol(body, &format!("the name of {what}"))?;
            names.push(last.clone());
        }
        if !body.peek(Token![:]) {
            let message = format!(
                "`{}` needs a shape: write `{}: [N];` with the names of its sizes",
                last.text, last.text
            );
            return Err(Diagnostic::new("missing-shape", last.span, message));
        }
        body.parse::<Token![:]>()?;
        let shape = shape(body)?;
        let vector = |name| VectorDecl {
            name,
            shape: shape.clone(),
        };
        Ok(Vectors {
            declared: names.into_iter().map(vector).collect(),
            last: format!("`{}`", last.text),
            shape: shape.span,
        })
    }
}

/// `[N, C]`
fn shape(body: ParseStream<'_>) -> Parsed<ShapeAst> {
    if !body.peek(token::Bracket) {
        return Err(Diagnostic::new(
            "syntax",
            body.span(),
            format!("expected a shape such as `[N]`, found {}", found(body)),
        ));
    }
    let (inside, brackets) = group::brackets(body)?;
    let mut axes = Vec::new();
    while !inside.is_empty() {
        if inside.peek(LitInt) {
            let number: LitInt = inside.parse()?;
            let message = format!(
                "shapes are made of named sizes: declare `size K = {number};` and write `K` here"
            );
            return Err(Diagnostic::new("shape-number", number.span(), message));
        }
        axes.push(symbol(&inside, "the name of a size")?);
        if inside.is_empty() {
            break;
        }
        if !inside.peek(Token![,]) {
            return Err(Diagnostic::new(
                "syntax",
                inside.span(),
                format!("expected `,` or `]`, found {}", found(&inside)),
            ));
        }
        inside.parse::<Token![,]>()?;
    }
    Ok(ShapeAst {
        axes,
        span: brackets.join(),
    })
}
