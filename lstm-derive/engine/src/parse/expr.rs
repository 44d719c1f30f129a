//! Expressions: comparison, then sum, then product, then operand.

use proc_macro2::{Delimiter, Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, Lit, Token, token};

use super::mistakes::{bare_argument, behind, method, no_if, pointed_operator, stray};
use super::{group, number};
use crate::ast::{Expr, ExprKind, Operator, Symbol, TimeIndex};
use crate::error::Diagnostic;
use crate::expr::Comparison;

/// How deeply operations may be stacked, so that no pass over an expression exhausts the stack.
const MAX_DEPTH: usize = 256;
/// How deeply parentheses may be nested, for the same reason while parsing.
const MAX_NESTING: usize = 64;

pub(super) type Parsed<T> = Result<T, Diagnostic>;

/// An expression.
pub fn expression(input: ParseStream<'_>) -> Parsed<Expr> {
    comparison(input, 0)
}

/// A name.
pub fn symbol(input: ParseStream<'_>, what: &str) -> Parsed<Symbol> {
    if !input.peek(Ident::peek_any) {
        return Err(Diagnostic::new(
            "syntax",
            input.span(),
            format!("expected {what}, found {}", found(input)),
        ));
    }
    let ident = Ident::parse_any(input)?;
    Ok(Symbol {
        text: ident.unraw().to_string(),
        span: ident.span(),
    })
}

/// The next token, as a message names it.
pub fn found(input: ParseStream<'_>) -> String {
    match input.fork().parse::<TokenTree>() {
        Ok(TokenTree::Group(group)) => match group.delimiter() {
            Delimiter::Parenthesis => "`(`".to_owned(),
            Delimiter::Bracket => "`[`".to_owned(),
            Delimiter::Brace => "`{`".to_owned(),
            Delimiter::None => "a macro fragment".to_owned(),
        },
        Ok(token) => format!("`{token}`"),
        Err(_) => "the end".to_owned(),
    }
}

/// Puts an expression together, if it is not too deep.
fn build(kind: ExprKind, start: Span, end: Span) -> Parsed<Expr> {
    let depth = 1 + kind
        .operands()
        .iter()
        .map(|operand| operand.depth)
        .max()
        .unwrap_or(0);
    if depth > MAX_DEPTH {
        return Err(too_deep(start));
    }
    Ok(Expr {
        kind,
        start,
        end,
        depth,
    })
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(
        "too-deep",
        span,
        "this expression is too deep; name a part of it in an equation of its own",
    )
}

fn binary(operator: Operator, sign: Span, left: Expr, right: Expr) -> Parsed<Expr> {
    let (start, end) = (left.start, right.end);
    build(
        ExprKind::Binary(operator, sign, Box::new(left), Box::new(right)),
        start,
        end,
    )
}

/// `sum [> sum]`
fn comparison(input: ParseStream<'_>, nesting: usize) -> Parsed<Expr> {
    let left = sum(input, nesting)?;
    let Some((sign, place)) = comparison_sign(input)? else {
        return Ok(left);
    };
    let right = sum(input, nesting)?;
    if let Some((_, second)) = comparison_sign(input)? {
        return Err(Diagnostic::new(
            "chained-comparison",
            second,
            "comparisons cannot be chained; nest two `select`",
        ));
    }
    let (start, end) = (left.start, right.end);
    build(
        ExprKind::Compare(sign, place, Box::new(left), Box::new(right)),
        start,
        end,
    )
}

fn comparison_sign(input: ParseStream<'_>) -> Parsed<Option<(Comparison, Span)>> {
    let span = input.span();
    let sign = if input.peek(Token![>=]) {
        input.parse::<Token![>=]>()?;
        Comparison::GreaterEqual
    } else if input.peek(Token![<=]) {
        input.parse::<Token![<=]>()?;
        Comparison::LessEqual
    } else if input.peek(Token![>]) {
        input.parse::<Token![>]>()?;
        Comparison::Greater
    } else if input.peek(Token![<]) {
        input.parse::<Token![<]>()?;
        Comparison::Less
    } else {
        return Ok(None);
    };
    Ok(Some((sign, span)))
}

/// `[-] product { (+ | -) product }`
fn sum(input: ParseStream<'_>, nesting: usize) -> Parsed<Expr> {
    let mut left = signed_product(input, nesting)?;
    loop {
        let span = input.span();
        let operator = if input.peek(Token![+]) {
            input.parse::<Token![+]>()?;
            Operator::Add
        } else if input.peek(Token![-]) {
            input.parse::<Token![-]>()?;
            Operator::Sub
        } else {
            return Ok(left);
        };
        let right = signed_product(input, nesting)?;
        left = binary(operator, span, left, right)?;
    }
}

/// A leading sign binds less than a product, as in mathematics: -W @ x is -(W @ x).
fn signed_product(input: ParseStream<'_>, nesting: usize) -> Parsed<Expr> {
    if nesting > MAX_NESTING {
        return Err(too_deep(input.span()));
    }
    if input.peek(Token![-]) {
        let start = input.parse::<Token![-]>()?.span;
        let inner = signed_product(input, nesting + 1)?;
        let end = inner.end;
        return build(ExprKind::Neg(Box::new(inner)), start, end);
    }
    product(input, nesting)
}

/// `operand { (* | / | @) operand }`
fn product(input: ParseStream<'_>, nesting: usize) -> Parsed<Expr> {
    let mut left = operand(input, nesting)?;
    loop {
        let span = input.span();
        let operator = if input.peek(Token![*]) {
            input.parse::<Token![*]>()?;
            Operator::Mul
        } else if input.peek(Token![/]) {
            input.parse::<Token![/]>()?;
            Operator::Div
        } else if input.peek(Token![@]) {
            input.parse::<Token![@]>()?;
            Operator::Product
        } else {
            return Ok(left);
        };
        let right = operand(input, nesting)?;
        left = binary(operator, span, left, right)?;
    }
}

/// `-operand`, or an atom with `.T` behind it
fn operand(input: ParseStream<'_>, nesting: usize) -> Parsed<Expr> {
    if nesting > MAX_NESTING {
        return Err(too_deep(input.span()));
    }
    if input.peek(Token![-]) {
        let start = input.parse::<Token![-]>()?.span;
        let inner = operand(input, nesting + 1)?;
        let end = inner.end;
        return build(ExprKind::Neg(Box::new(inner)), start, end);
    }
    let mut atom = atom(input, nesting)?;
    while input.peek(Token![.]) {
        input.parse::<Token![.]>()?;
        if let Some(mistake) = pointed_operator(&atom, input) {
            return Err(mistake);
        }
        let suffix = symbol(input, "`T`")?;
        if input.peek(token::Paren) {
            return Err(method(&atom, &suffix, input)?);
        }
        if suffix.text != "T" {
            let message = format!(
                "`.{}` has no meaning; the transpose of a matrix is written `.T`",
                suffix.text
            );
            return Err(Diagnostic::new("unknown-suffix", suffix.span, message));
        }
        let start = atom.start;
        atom = build(ExprKind::Transposed(Box::new(atom)), start, suffix.span)?;
    }
    if input.peek(token::Bracket) {
        let message = "a time index belongs directly behind a name, `err(..)` or `upstream(..)`";
        return Err(Diagnostic::new("stray-index", input.span(), message));
    }
    Ok(atom)
}

/// A number, a name, a call or an expression in parentheses
pub(super) fn atom(input: ParseStream<'_>, nesting: usize) -> Parsed<Expr> {
    if input.peek(token::Paren) {
        let (inside, parens) = group::parens(input)?;
        let inner = comparison(&inside, nesting + 1)?;
        if !inside.is_empty() {
            return Err(behind(&inside, "an operator or `)`"));
        }
        return Ok(Expr {
            start: parens.open(),
            end: parens.close(),
            ..inner
        });
    }
    if input.peek(Lit) {
        let literal = input.parse::<Lit>()?;
        let span = literal.span();
        return build(ExprKind::Number(number::number(&literal)?), span, span);
    }
    if input.peek(token::Bracket) {
        let message = "vectors cannot be joined in brackets; give each a matrix of its own and add the products: \
            `W @ x[t] + U @ h[t-1]`";
        return Err(Diagnostic::new("joined-vectors", input.span(), message));
    }
    if input.peek(Token![if]) {
        return Err(no_if(input.span()));
    }
    if !input.peek(Ident::peek_any) {
        return Err(stray(input, "a number, a name or `(`"));
    }
    let name = symbol(input, "a name")?;
    let start = name.span;
    if input.peek(token::Paren) {
        let (inside, parens) = group::parens(input)?;
        let arguments = arguments(&inside, nesting + 1)?;
        let time = time_index(input)?;
        let end = time.map_or(parens.close(), |time| time.span);
        return build(ExprKind::Call(name, arguments, time), start, end);
    }
    if let Some(mistake) = bare_argument(&name, input, nesting) {
        return Err(mistake);
    }
    let time = time_index(input)?;
    let end = time.map_or(start, |time| time.span);
    build(ExprKind::Name(name, time), start, end)
}

/// `a, b, c`
fn arguments(input: ParseStream<'_>, nesting: usize) -> Parsed<Vec<Expr>> {
    let mut arguments = Vec::new();
    while !input.is_empty() {
        arguments.push(comparison(input, nesting)?);
        if input.is_empty() {
            break;
        }
        if !input.peek(Token![,]) {
            return Err(behind(input, "an operator, `,` or `)`"));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(arguments)
}

/// `[t]`, `[t-1]`, `[t+1]`, or nothing
pub fn time_index(input: ParseStream<'_>) -> Parsed<Option<TimeIndex>> {
    if !input.peek(token::Bracket) {
        return Ok(None);
    }
    let (inside, brackets) = group::brackets(input)?;
    let span = brackets.join();
    match offset(&inside) {
        Some(offset) => Ok(Some(TimeIndex { offset, span })),
        None => Err(Diagnostic::new(
            "bad-index",
            span,
            "a time index is one of `[t]`, `[t-1]` and `[t+1]`",
        )),
    }
}

/// What follows `t`, as a number.
fn offset(input: ParseStream<'_>) -> Option<i64> {
    if input.parse::<Ident>().ok()? != "t" {
        return None;
    }
    if input.is_empty() {
        return Some(0);
    }
    let sign = if input.peek(Token![-]) {
        input.parse::<Token![-]>().ok()?;
        -1
    } else {
        input.parse::<Token![+]>().ok()?;
        1
    };
    // Other spellings of a number, and none of steps, are nothing that an author means.
    let number = input.parse::<syn::LitInt>().ok()?.to_string();
    let steps: i64 = number.parse().ok()?;
    let is_plain = steps > 0 && number == steps.to_string();
    (is_plain && input.is_empty()).then_some(steps * sign)
}
