//! Expressions: comparison, then sum, then product, then operand.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, Lit, Token, token};

use super::{group, number};
use crate::ast::{Expr, ExprKind, Operator, Symbol, TimeIndex};
use crate::error::Diagnostic;
use crate::expr::{Comparison, Function};

/// How deeply operations may be stacked, so that no pass over an expression exhausts the stack.
const MAX_DEPTH: usize = 256;
/// How deeply parentheses may be nested, for the same reason while parsing.
const MAX_NESTING: usize = 64;

type Parsed<T> = Result<T, Diagnostic>;

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

/// The mistake of a token that cannot go on an expression; `expected` says what could.
pub fn stray(input: ParseStream<'_>, expected: &str) -> Diagnostic {
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
fn behind(input: ParseStream<'_>, expected: &str) -> Diagnostic {
    missing_operator(input).unwrap_or_else(|| stray(input, expected))
}

/// The mistake of an operand that follows another, if one does.
pub fn missing_operator(input: ParseStream<'_>) -> Option<Diagnostic> {
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

/// The mistake of a function behind its argument, before its parentheses.
fn method(argument: &Expr, function: &Symbol, input: ParseStream<'_>) -> Parsed<Diagnostic> {
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
fn bare_argument(function: &Symbol, input: ParseStream<'_>, nesting: usize) -> Option<Diagnostic> {
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

/// A number, a name, a call or an expression in parentheses
fn atom(input: ParseStream<'_>, nesting: usize) -> Parsed<Expr> {
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

/// The mistake of a choice in the manner of Rust.
pub fn no_if(span: Span) -> Diagnostic {
    let message =
        "there is no `if`; write `select(a > b, p, q)`, which is p where a > b, and q elsewhere";
    Diagnostic::new("no-if", span, message)
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
    let steps: i64 = input.parse::<syn::LitInt>().ok()?.base10_parse().ok()?;
    input.is_empty().then(|| steps.checked_mul(sign))?
}
