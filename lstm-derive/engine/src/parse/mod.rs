//! From tokens to the syntax tree; the grammar is in the documentation of the macro.

mod expr;
mod group;
mod item;
mod mistakes;
mod nesting;
mod number;
mod source;
mod tokens;
mod vectors;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, Token, Visibility, token};

use crate::ast::CellAst;
use crate::error::{Diagnostic, Diagnostics};

pub(crate) use mistakes::written;
pub use number::{fits, out_of_range};
pub use source::parse_file;

/// Parses the tokens between the braces of `cell! { .. }`.
pub fn parse(tokens: TokenStream) -> Result<CellAst, Diagnostics> {
    nesting::check(tokens.clone())?;
    let mut errors = Diagnostics::default();
    let parser = |input: ParseStream<'_>| {
        // A mistake in the head leaves nothing to go on with; mistakes in the body are collected.
        let cell = cell(input, &mut errors)
            .map_err(|error| errors.push(error))
            .ok();
        input.parse::<TokenStream>()?;
        Ok(cell)
    };
    let cell = match parser.parse2(tokens) {
        Ok(cell) => cell,
        // What a reported mistake left unread is no second mistake.
        Err(error) if errors.is_empty() => return Err(Diagnostic::from(error).into()),
        Err(_) => None,
    };
    match cell {
        Some(cell) => errors.into_result(cell),
        None => Err(errors.sorted()),
    }
}

/// `[docs] [pub] cell NAME { .. }`
fn cell(input: ParseStream<'_>, errors: &mut Diagnostics) -> Result<CellAst, Diagnostic> {
    let docs = docs(input, errors)?;
    let visibility: Visibility = input.parse()?;
    let keyword = expr::symbol(input, "`cell NAME { .. }`")?;
    if keyword.text != "cell" {
        let message = format!("expected `cell NAME {{ .. }}`, found `{}`", keyword.text);
        return Err(Diagnostic::new("not-a-cell", keyword.span, message));
    }
    let name: Ident = input.parse().map_err(|error| {
        Diagnostic::new(
            "cell-name",
            error.span(),
            "expected the name of the cell, a Rust type name such as `MyLstm`",
        )
    })?;
    if input.peek(Token![<]) {
        let message = format!(
            "`{name}` cannot have generics: sizes are given at run time, the element type by the kernel"
        );
        return Err(Diagnostic::new("generics", input.span(), message));
    }
    if !input.peek(token::Brace) {
        let message = format!(
            "expected `{{` and the equations of `{name}`, found {}",
            expr::found(input)
        );
        return Err(Diagnostic::new("syntax", input.span(), message));
    }
    let body = group::braces(input)?;
    let mut cell = CellAst {
        docs,
        visibility,
        name,
        sizes: Vec::new(),
        inputs: Vec::new(),
        params: Vec::new(),
        starts: Vec::new(),
        consts: Vec::new(),
        equations: Vec::new(),
        outputs: Vec::new(),
        signals: Vec::new(),
    };
    item::items(&body, &mut cell, errors);
    if !input.is_empty() {
        let message = format!(
            "nothing may follow `cell {} {{ .. }}`; every cell has a macro call of its own",
            cell.name
        );
        errors.push(Diagnostic::new("after-cell", input.span(), message));
    }
    Ok(cell)
}

/// Doc comments; any other attribute, and a comment of another language, is a mistake.
fn docs(input: ParseStream<'_>, errors: &mut Diagnostics) -> Result<Vec<String>, Diagnostic> {
    let mut docs = Vec::new();
    while input.peek(Token![#]) {
        if !input.peek2(token::Bracket) {
            errors.push(foreign_comment(input)?);
            continue;
        }
        for attribute in input.call(Attribute::parse_outer)? {
            doc(&attribute, input.span(), &mut docs, errors);
        }
    }
    Ok(docs)
}

/// A doc comment, or the mistake of another attribute.
fn doc(attribute: &Attribute, next: Span, docs: &mut Vec<String>, errors: &mut Diagnostics) {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => {
            if let Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) = &pair.value
            {
                docs.push(text.value());
            }
        }
        meta => {
            let path = meta.path();
            let name: Vec<String> = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            let message = format!(
                "the attribute `{}` is not understood; only doc comments are",
                name.join("::")
            );
            let span = path
                .segments
                .first()
                .map_or(next, |segment| segment.ident.span());
            errors.push(Diagnostic::new("unknown-attribute", span, message));
        }
    }
}

/// Takes a line that begins with `#`, and gives the mistake of it.
fn foreign_comment(input: ParseStream<'_>) -> Result<Diagnostic, Diagnostic> {
    let sign = input.span();
    while !input.is_empty() && input.span().start().line == sign.start().line {
        input.parse::<TokenTree>()?;
    }
    let message = "a comment is written `// ..`";
    Ok(Diagnostic::new("foreign-comment", sign, message))
}
