//! Cells in a file of Rust.

use proc_macro2::{Span, TokenStream, TokenTree};

use super::{nesting, tokens};
use crate::error::{Diagnostic, Diagnostics};

/// The contents of every `cell! { .. }` in a source text, whatever brackets it has, in order; their places are places in the text.
pub fn parse_file(source: &str) -> Result<Vec<TokenStream>, Diagnostics> {
    let tokens = tokens::of(source)?;
    // Reading tokens does not recurse, unlike all that comes afterwards.
    nesting::check(tokens.clone())?;
    syn::parse2::<syn::File>(tokens.clone()).map_err(not_rust)?;
    let mut cells = Vec::new();
    find(tokens, &mut cells);
    if cells.is_empty() {
        let message = "there is no `cell! { .. }` in this file";
        return Err(Diagnostic::new("no-cell", Span::call_site(), message).into());
    }
    Ok(cells)
}

fn not_rust(error: syn::Error) -> Diagnostic {
    let message = format!("this is not a Rust source file: {error}");
    Diagnostic::new("not-rust", error.span(), message)
}

/// Macro calls may stand inside modules and functions, so all groups are searched.
fn find(tokens: TokenStream, cells: &mut Vec<TokenStream>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        let called = index >= 2
            && matches!(&tokens[index - 1], TokenTree::Punct(sign) if sign.as_char() == '!')
            && matches!(&tokens[index - 2], TokenTree::Ident(name) if name == "cell");
        if called {
            cells.push(group.stream());
        } else {
            find(group.stream(), cells);
        }
    }
}
