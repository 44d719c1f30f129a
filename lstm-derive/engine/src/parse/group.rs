//! What stands inside brackets, and where the brackets stand.

use proc_macro2::extra::DelimSpan;
use syn::parse::{ParseBuffer, ParseStream};
use syn::{Result, braced, bracketed, parenthesized};

/// `( .. )`
pub fn parens(input: ParseStream<'_>) -> Result<(ParseBuffer<'_>, DelimSpan)> {
    let inside;
    let token = parenthesized!(inside in input);
    Ok((inside, token.span))
}

/// `[ .. ]`
pub fn brackets(input: ParseStream<'_>) -> Result<(ParseBuffer<'_>, DelimSpan)> {
    let inside;
    let token = bracketed!(inside in input);
    Ok((inside, token.span))
}

/// `{ .. }`
pub fn braces(input: ParseStream<'_>) -> Result<ParseBuffer<'_>> {
    let inside;
    braced!(inside in input);
    Ok(inside)
}
