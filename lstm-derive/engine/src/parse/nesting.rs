//! How deeply parentheses are nested, found without recursion: what reads them afterwards recurses.

use proc_macro2::{Span, TokenStream, TokenTree};

use crate::error::Diagnostic;

/// More parentheses inside each other exhaust the stack of what reads them. Expressions have a stricter limit of their own.
const MAX_GROUPS: usize = 500;

/// The mistake of tokens that are nested too deeply.
pub(super) fn check(tokens: TokenStream) -> Result<(), Diagnostic> {
    let mut open = vec![tokens.into_iter()];
    while let Some(innermost) = open.last_mut() {
        match innermost.next() {
            Some(TokenTree::Group(group)) if open.len() == MAX_GROUPS => {
                return Err(too_deep(group.span_open()));
            }
            Some(TokenTree::Group(group)) => open.push(group.stream().into_iter()),
            Some(_) => {}
            None => {
                open.pop();
            }
        }
    }
    Ok(())
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!(
        "more than {MAX_GROUPS} parentheses are nested here; name a part of the expression in an equation of its own"
    );
    Diagnostic::new("too-deep", span, message)
}
