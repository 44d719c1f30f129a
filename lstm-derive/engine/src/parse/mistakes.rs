//! What is wrong with tokens that no expression can have there.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, Lit, Token, token};

use super::expr::{Parsed, atom, found};
use super::group;
use crate::ast::{Expr, ExprKind, Symbol};
use crate::error::Diagnostic;
use crate::expr::Function;

/// The mistake of a token that cannot go on an expression; `expected` says what could.
pub(super) fn stray(input: ParseStream<'_>, expected: &str) -> Diagnostic {
    let span = input.span();
    let message = if input.peek(Token![^]) && is_transposition(input) {
        "the transpose of a matrix is written with a point: `U.T @ δ`"
    } else if input.peek(Token![^]) || input.peek(Token![*]) {
        "there is no power operator; write a product such as `a * a`, or `exp(b * log(a))`"
    } else if input.peek(Token![==]) || input.peek(Token![!=]) {
        "the comparisons are `>`, `>=`, `<` and `<=`; equality of two computed numbers is not one of them"
    } else if input.peek(Token![&&]) {
        "conditions cannot be joined; for `a > b && c > d` write `select(a > b, select(c > d, p, q), q)`"
    } else if input.peek(Token![||]) {
        "conditions cannot be joined; for `a > b || c > d` write `select(a > b, p, select(c > d, p, q))`"
    } else if input.peek(Token![!]) && input.peek2(token::Paren) {
        "functions are called without `!`: write `tanh(a)`"
    } else if input.peek(Token![&])
        || input.peek(Token![|])
        || input.peek(Token![!])
        || input.peek(Token![%])
    {
        "this operator does not exist; the operators are `+`, `-`, `*`, `/` and `@`"
    } else {
        return Diagnostic::new(
            "syntax",
            span,
            format!("expected {expected}, found {}", found(input)),
        );
    };
    Diagnostic::new("unknown-operator", span, message)
}

/// Whether `^T` comes next.
fn is_transposition(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.parse::<Token![^]>().is_ok() && ahead.parse::<Ident>().is_ok_and(|name| name == "T")
}

/// The mistake of whatever follows an expression inside parentheses; `expected` says what could.
pub(super) fn behind(input: ParseStream<'_>, expected: &str) -> Diagnostic {
    missing_operator(input).unwrap_or_else(|| stray(input, expected))
}

/// The mistake of an operand that follows another, if one does.
pub(super) fn missing_operator(input: ParseStream<'_>) -> Option<Diagnostic> {
    if !input.peek(Ident::peek_any) && !input.peek(Lit) && !input.peek(token::Paren) {
        return None;
    }
    let message = format!(
        "there is no operator before {}; write `@` for the product of a matrix and a vector, as in `W @ x`, and `*` for an \
         element-wise one",
        found(input)
    );
    Some(Diagnostic::new("missing-operator", input.span(), message))
}

/// The mistake of a function behind its argument, before its parentheses.
pub(super) fn method(
    argument: &Expr,
    function: &Symbol,
    input: ParseStream<'_>,
) -> Parsed<Diagnostic> {
    let (inside, parens) = group::parens(input)?;
    let text = parens.join().source_text();
    let others = text
        .as_deref()
        .and_then(|text| text.strip_prefix('(')?.strip_suffix(')'));
    let others = match inside.is_empty() {
        true => String::new(),
        false => format!(", {}", others.unwrap_or("..")),
    };
    inside.parse::<TokenStream>()?;
    let (name, argument) = (&function.text, written(argument));
    let message = match name.as_str() {
        "pow" | "powi" | "powf" => {
            format!(
                "there is no power; write a product such as `{argument} * {argument}`, or `exp(b * log({argument}))`"
            )
        }
        "t" | "transpose" => format!("the transpose of a matrix is written `{argument}.T`"),
        "dot" | "matmul" => {
            format!("the product of a matrix and a vector is written `{argument} @ v`")
        }
        _ => format!("a function stands before its argument: write `{name}({argument}{others})`"),
    };
    Ok(Diagnostic::new("method", function.span, message))
}

/// The mistake of an operator behind a point, as other languages write what works element by element.
pub(super) fn pointed_operator(left: &Expr, input: ParseStream<'_>) -> Option<Diagnostic> {
    let is_operator = input.peek(Token![*])
        || input.peek(Token![/])
        || input.peek(Token![+])
        || input.peek(Token![-]);
    let (sign, left) = (found(input), written(left));
    let message = format!(
        "{sign} works element by element without a point: write `{left} {} b`",
        sign.trim_matches('`')
    );
    is_operator.then(|| Diagnostic::new("unknown-operator", input.span(), message))
}

/// A name as it is written, with its time; two points for what is longer.
pub(crate) fn written(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name, None) => name.text.clone(),
        ExprKind::Name(name, Some(time)) => match time.offset {
            0 => format!("{}[t]", name.text),
            offset => format!("{}[t{offset:+}]", name.text),
        },
        _ => "..".to_owned(),
    }
}

/// The mistake of a function without parentheses before its argument, if that comes next.
pub(super) fn bare_argument(
    function: &Symbol,
    input: ParseStream<'_>,
    nesting: usize,
) -> Option<Diagnostic> {
    let name = &function.text;
    let is_function = |name: &str| Function::ALL.iter().any(|&(_, known)| known == name);
    let follows = input.peek(Ident::peek_any) || input.peek(Lit);
    if !follows || !(is_function(name) || name.strip_prefix('d').is_some_and(is_function)) {
        return None;
    }
    let argument = atom(&input.fork(), nesting + 1).map_or("..".to_owned(), |atom| written(&atom));
    let message =
        format!("the argument of a function stands in parentheses: write `{name}({argument})`");
    Some(Diagnostic::new(
        "missing-parentheses",
        function.span,
        message,
    ))
}

/// The mistake of a choice in the manner of Rust.
pub(super) fn no_if(span: Span) -> Diagnostic {
    let message =
        "there is no `if`; write `select(a > b, p, q)`, which is p where a > b, and q elsewhere";
    Diagnostic::new("no-if", span, message)
}
