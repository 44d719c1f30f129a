//! The pipeline, stage by stage.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::adjoint::{self, Derivation};
use crate::check::check;
use crate::emit::{self, Root};
use crate::error::Diagnostics;
use crate::model::Cell;
use crate::parse::parse;
use crate::plan::{self, Plan};
use crate::prove::{self, Proof};

/// A cell at the end of the pipeline, with what every stage found.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The checked cell.
    pub cell: Cell,
    /// Its error signals, derived.
    pub derivation: Derivation,
    /// The proof of those the author stated.
    pub proof: Proof,
    /// The plan of its kernels.
    pub plan: Plan,
}

/// Compiles the body of a `cell! { .. }`.
pub fn compile(tokens: TokenStream) -> Result<Compiled, Diagnostics> {
    let ast = parse(tokens)?;
    let mut cell = check(&ast)?;
    let derivation = adjoint::derive(&mut cell);
    let proof = prove::prove(&mut cell, &derivation)?;
    let plan = plan::plan(&mut cell, &derivation);
    Ok(Compiled {
        cell,
        derivation,
        proof,
        plan,
    })
}

impl Compiled {
    /// The kernels as Rust.
    pub fn emit(&self, root: Root, comments: bool) -> TokenStream {
        emit::emit(&self.cell, &self.derivation, &self.plan, root, comments)
    }
}

/// What the macro expands to: the cell, or all its mistakes and an empty cell of its name, so that code that uses the
/// cell does not add messages of its own.
pub fn expand(tokens: TokenStream) -> TokenStream {
    let name = name_of(tokens.clone());
    match compile(tokens) {
        Ok(compiled) => compiled.emit(Root::Library, false),
        Err(diagnostics) => {
            let errors = diagnostics.to_compile_error();
            let placeholder = name.map(|name| emit::placeholder(&name));
            quote!(#errors #placeholder)
        }
    }
}

/// The name behind the word `cell`, however wrong the rest may be.
fn name_of(tokens: TokenStream) -> Option<proc_macro2::Ident> {
    let mut tokens = tokens.into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word == "cell"))?;
    match tokens.next()? {
        TokenTree::Ident(name) => Some(name),
        _ => None,
    }
}
