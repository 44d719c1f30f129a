//! Words that are no names in Rust.

/// Whether a word is a keyword of Rust, so that generated code cannot name anything by it.
pub fn is_keyword(word: &str) -> bool {
    // `gen` is a keyword of the edition 2024 that syn does not know.
    syn::parse_str::<syn::Ident>(word).is_err() || word == "gen"
}
