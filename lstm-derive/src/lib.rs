//! The macro `cell!`: a recurrent cell, written as its equations.

use proc_macro::TokenStream;

/// Compiles a cell.
#[proc_macro]
pub fn cell(input: TokenStream) -> TokenStream {
    lstm_derive_engine::expand(input.into()).into()
}
