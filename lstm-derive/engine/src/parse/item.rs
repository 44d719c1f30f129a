//! What stands between the braces of a cell.

use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitInt, Token, token};

use super::expr::{Parsed, expression, found, symbol, time_index};
use super::mistakes::{missing_operator, no_if, stray};
use super::vectors::Vectors;
use super::{docs, group};
use crate::ast::{CellAst, ConstDecl, Equation, Expr, SignalDecl, SizeDecl, StartDecl, Symbol};
use crate::error::{Diagnostic, Diagnostics};
use crate::nearest::nearest;

/// The words that begin an item.
const ITEMS: [&str; 6] = ["size", "input", "param", "const", "output", "errors"];

/// All items of a body. After a mistake parsing goes on behind the next `;`.
pub fn items(body: ParseStream<'_>, cell: &mut CellAst, errors: &mut Diagnostics) {
    let mut parser = Items {
        cell,
        errors,
        in_params: false,
        errors_block: None,
    };
    while !body.is_empty() {
        if let Err(error) = parser.item(body) {
            parser.errors.push(error);
            skip_statement(body);
        }
    }
}

struct Items<'a> {
    cell: &'a mut CellAst,
    errors: &'a mut Diagnostics,
    /// Whether the last item was a group of parameters, so that another may follow without `param`.
    in_params: bool,
    /// Where the errors began.
    errors_block: Option<Symbol>,
}

impl Items<'_> {
    fn item(&mut self, body: ParseStream<'_>) -> Parsed<()> {
        docs(body, self.errors)?;
        if !body.peek(Ident::peek_any) {
            let message = format!(
                "expected an equation such as `h[t] = ..;` or a declaration, found {}",
                found(body)
            );
            return Err(Diagnostic::new("syntax", body.span(), message));
        }
        let in_params = std::mem::take(&mut self.in_params);
        let word = symbol(&body.fork(), "a name")?;
        if let Some(block) = &self.errors_block {
            let message = match word.text.as_str() {
                "errors" => "a cell has one `errors { .. }`; move these signals into the first",
                _ => "`errors { .. }` is the last item of a cell; move this above it",
            };
            self.errors.push(
                Diagnostic::new("after-errors", word.span, message)
                    .note(block.span, "`errors` is here"),
            );
        }
        if body.peek2(token::Bracket) || body.peek2(Token![=]) {
            return self.equation(body);
        }
        if in_params && (body.peek2(Token![:]) || body.peek2(Token![,])) {
            self.in_params = true;
            return self.params(body);
        }
        symbol(body, "a name")?;
        match word.text.as_str() {
            "size" => self.sizes(body),
            "input" => self.input(body),
            "param" => {
                self.in_params = true;
                self.params(body)
            }
            "const" => self.constant(body),
            "output" => {
                let name = symbol(body, "the name of the output")?;
                if body.peek(token::Bracket) {
                    let message =
                        format!("write `output {};`: the output carries no time", name.text);
                    return Err(Diagnostic::new("output-time", body.span(), message));
                }
                self.semicolon(body, &name.span, &format!("`output {}`", name.text))?;
                self.cell.outputs.push(name);
                Ok(())
            }
            "errors" => self.errors(body, word),
            "let" => Err(no_let(&word)),
            "if" => Err(no_if(word.span)),
            _ => Err(unknown_item(&word)),
        }
    }

    /// `N, C = 1;`
    fn sizes(&mut self, body: ParseStream<'_>) -> Parsed<()> {
        loop {
            let name = symbol(body, "the name of a size")?;
            let mut last = name.span;
            let mut default = None;
            if body.peek(Token![=]) {
                body.parse::<Token![=]>()?;
                last = body.span();
                let refuse = |what| {
                    let message = format!("the default of the size `{}` {what}", name.text);
                    Diagnostic::new("size-default", last, message)
                };
                let literal: LitInt =
                    (body.parse()).map_err(|_| refuse("must be a whole number"))?;
                let value = (literal.base10_parse()).map_err(|_| refuse("is too large"))?;
                default = Some((value, last));
            }
            self.cell.sizes.push(SizeDecl { name, default });
            if !body.peek(Token![,]) {
                return self.semicolon(body, &last, "the sizes");
            }
            body.parse::<Token![,]>()?;
        }
    }

    /// `x: [I];`
    fn input(&mut self, body: ParseStream<'_>) -> Parsed<()> {
        let vectors = Vectors::parse(body, "the input")?;
        if body.peek(Token![=]) {
            let message = "the input is given at every step; only a parameter has a start";
            return Err(Diagnostic::new("input-start", body.span(), message));
        }
        self.end_of_shape(body, &vectors)?;
        self.cell.inputs.extend(vectors.declared);
        Ok(())
    }

    /// `a, b: [N];` or `γ: [N] = 1;`
    fn params(&mut self, body: ParseStream<'_>) -> Parsed<()> {
        let vectors = Vectors::parse(body, "a parameter")?;
        let first = self.cell.params.len();
        if body.peek(Token![=]) {
            let value = self.right_hand_side(body, &format!("the start of {}", vectors.last))?;
            let params = first..first + vectors.declared.len();
            self.cell.starts.push(StartDecl { params, value });
        } else {
            self.end_of_shape(body, &vectors)?;
        }
        self.cell.params.extend(vectors.declared);
        Ok(())
    }

    /// `;` behind a shape.
    fn end_of_shape(&mut self, body: ParseStream<'_>, vectors: &Vectors) -> Parsed<()> {
        let what = format!("the shape of {}", vectors.last);
        self.semicolon(body, &vectors.shape, &what)
    }

    /// `ε = 1e-5;`
    fn constant(&mut self, body: ParseStream<'_>) -> Parsed<()> {
        let name = symbol(body, "the name of the constant")?;
        let value = self.right_hand_side(body, &format!("the constant `{}`", name.text))?;
        self.cell.consts.push(ConstDecl { name, value });
        Ok(())
    }

    /// `q[t] = ..;`
    fn equation(&mut self, body: ParseStream<'_>) -> Parsed<()> {
        let name = symbol(body, "a name")?;
        match time_index(body)? {
            Some(time) if time.offset == 0 => {}
            Some(time) => {
                let message = format!(
                    "an equation defines a quantity at `t`: write `{}[t] = ..`",
                    name.text
                );
                self.errors
                    .push(Diagnostic::new("left-side-time", time.span, message));
            }
            None => {
                let message = format!("an equation names the time: write `{}[t] = ..`", name.text);
                self.errors
                    .push(Diagnostic::new("equation-without-time", name.span, message));
            }
        }
        let value = self.right_hand_side(body, &format!("the equation of `{}`", name.text))?;
        self.cell.equations.push(Equation { name, value });
        Ok(())
    }

    /// `{ ε of q = ..; .. }`
    fn errors(&mut self, body: ParseStream<'_>, keyword: Symbol) -> Parsed<()> {
        if !body.peek(token::Brace) {
            return Err(Diagnostic::new(
                "syntax",
                body.span(),
                format!("expected `{{` after `errors`, found {}", found(body)),
            ));
        }
        let inside = group::braces(body)?;
        while !inside.is_empty() {
            if let Err(error) = self.signal(&inside) {
                self.errors.push(error);
                skip_statement(&inside);
            }
        }
        self.errors_block = Some(keyword);
        Ok(())
    }

    /// `ε of q = ..;`
    fn signal(&mut self, body: ParseStream<'_>) -> Parsed<()> {
        docs(body, self.errors)?;
        let name = symbol(body, "the name of an error signal")?;
        if body.peek(token::Bracket) {
            let message = format!(
                "write `{} of QUANTITY = ..;`: a stated signal carries no time on the left",
                name.text
            );
            return Err(Diagnostic::new("signal-left-side", body.span(), message));
        }
        if !matches!(symbol(&body.fork(), ""), Ok(word) if word.text == "of") {
            if name.text == "let" {
                return Err(no_let(&name));
            }
            let message = format!(
                "say whose error this is: write `{} of QUANTITY = ..;`",
                name.text
            );
            return Err(Diagnostic::new("missing-of", name.span, message));
        }
        symbol(body, "`of`")?;
        let of = symbol(body, "the name of a quantity")?;
        if body.peek(token::Bracket) {
            let message = format!(
                "write `{} of {} = ..;`: a stated signal carries no time on the left",
                name.text, of.text
            );
            return Err(Diagnostic::new("signal-left-side", body.span(), message));
        }
        let value = self.right_hand_side(body, &format!("the error signal `{}`", name.text))?;
        self.cell.signals.push(SignalDecl { name, of, value });
        Ok(())
    }

    /// `= expression;`
    fn right_hand_side(&mut self, body: ParseStream<'_>, what: &str) -> Parsed<Expr> {
        if !body.peek(Token![=]) || body.peek(Token![==]) {
            let found = match body.peek(Token![==]) {
                true => "`==`".to_owned(),
                false => found(body),
            };
            let message = format!("expected `=` in {what}, found {found}");
            return Err(Diagnostic::new("syntax", body.span(), message));
        }
        body.parse::<Token![=]>()?;
        let value = expression(body)?;
        if let Some(error) = missing_operator(body).filter(|_| !at_statement(body)) {
            return Err(error);
        }
        self.semicolon(body, &value.end, what)?;
        Ok(value)
    }

    /// `;`. Where it is merely forgotten, that is reported and parsing goes on.
    fn semicolon(
        &mut self,
        body: ParseStream<'_>,
        last: &proc_macro2::Span,
        what: &str,
    ) -> Parsed<()> {
        if body.peek(Token![;]) {
            body.parse::<Token![;]>()?;
            return Ok(());
        }
        if !body.is_empty() && !at_statement(body) {
            return Err(stray(body, &format!("`;` after {what}")));
        }
        self.errors.push(Diagnostic::new(
            "missing-semicolon",
            *last,
            format!("missing `;` after {what}"),
        ));
        Ok(())
    }
}

/// Whether the next tokens look like the beginning of an item or of a stated signal.
fn at_statement(body: ParseStream<'_>) -> bool {
    let ahead = body.fork();
    let Ok(word) = symbol(&ahead, "") else {
        return false;
    };
    if ITEMS.contains(&word.text.as_str()) && !ahead.peek(Token![;]) {
        return true;
    }
    if matches!(time_index(&ahead), Ok(Some(_))) {
        return ahead.peek(Token![=]);
    }
    ahead.peek(Token![=])
        || ahead.peek(Token![:])
        || matches!(symbol(&ahead, ""), Ok(word) if word.text == "of")
}

/// Goes behind the next `;`.
fn skip_statement(body: ParseStream<'_>) {
    while !body.is_empty() {
        let end = body.peek(Token![;]);
        // A token can always be taken where the stream is not empty.
        if body.parse::<proc_macro2::TokenTree>().is_err() || end {
            return;
        }
    }
}

/// The mistake of a definition in the manner of Rust.
fn no_let(word: &Symbol) -> Diagnostic {
    let message = "a definition begins with the name that it defines; remove `let`";
    Diagnostic::new("no-let", word.span, message)
}

fn unknown_item(word: &Symbol) -> Diagnostic {
    let advice = match nearest(&word.text, ITEMS) {
        Some(item) => format!("did you mean `{item}`?"),
        None => format!(
            "an equation is written `{}[t] = ..;`, and the declarations are {}",
            word.text,
            ITEMS.map(|item| format!("`{item}`")).join(", ")
        ),
    };
    Diagnostic::new(
        "unknown-item",
        word.span,
        format!("`{}` begins no item of a cell; {advice}", word.text),
    )
}
