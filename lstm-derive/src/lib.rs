#![doc = include_str!("language.md")]

use proc_macro::TokenStream;

/// Compiles a recurrent cell, written as its equations, to a type that implements `Cell`.
///
/// The grammar, the operators with their derivatives, the rules of shapes and examples are on the front page of the crate
/// `lstm-derive`.
///
/// What it makes calls the library `::lstm_core`. Where your Cargo.toml gives that another name, write
/// `extern crate other_name as lstm_core;` at the root of your crate.
///
/// ```ignore
/// lstm_core::cell! {
///     /// A leaky integrator of its input.
///     pub cell Leaky {
///         size   I, N;
///         input  x: [I];
///         param  W: [N, I];
///         param  leak: [N];
///         h[t] = sigmoid(leak) * h[t-1] + W @ x[t];
///         output h;
///     }
/// }
/// ```
#[proc_macro]
pub fn cell(tokens: TokenStream) -> TokenStream {
    // Everything happens in the engine, an ordinary library: a crate of macros can export nothing else.
    lstm_derive_engine::expand(tokens.into()).into()
}
