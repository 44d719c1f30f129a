//! From the plan to Rust: the cell's type, its description, its tables and its element-wise code.

mod equations;
mod names;
mod spec;
mod tables;
mod tail;
mod work;

use num_traits::ToPrimitive;
use proc_macro2::{Group, Literal, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};

use crate::adjoint::Derivation;
use crate::expr::Number;
use crate::model::Cell;
use crate::plan::Plan;

pub(crate) use names::NAMELESS;

/// Where the emitted code finds the run-time library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `::lstm_core`, for a cell defined with the macro in any crate.
    Library,
    /// `crate`, for the files inside lstm-kernels.
    Kernels,
}

impl Root {
    /// The path as tokens.
    pub fn path(self) -> TokenStream {
        match self {
            Root::Library => quote!(::lstm_core),
            Root::Kernels => quote!(crate),
        }
    }
}

/// Emits a cell. With `comments` every equation stands above its code, as a `comment!` that the file writer turns
/// into a line comment; macros cannot produce comments.
pub fn emit(
    cell: &Cell,
    derivation: &Derivation,
    plan: &Plan,
    root: Root,
    comments: bool,
) -> TokenStream {
    let path = root.path();
    let (name, visibility, docs) = (&cell.name, &cell.visibility, &cell.docs);
    let spec = spec::spec(cell, plan, &path);
    let program = tables::program(cell, plan);
    let emitter = tail::Emitter {
        cell,
        derivation,
        plan,
        comments,
    };
    let forward: Vec<_> = (0..plan.forward.passes.len())
        .map(|pass| emitter.forward(pass))
        .collect();
    let backward: Vec<_> = (0..plan.backward.passes.len())
        .map(|pass| emitter.backward(pass))
        .collect();
    let initial: Vec<_> = (0..plan.leads.len())
        .map(|lead| emitter.initial(lead))
        .collect();
    let forward_names: Vec<_> = (0..forward.len())
        .map(|pass| format_ident!("forward_{pass}"))
        .collect();
    let backward_names: Vec<_> = (0..backward.len())
        .map(|pass| format_ident!("backward_{pass}"))
        .collect();
    let initial_names: Vec<_> = (0..initial.len())
        .map(|lead| format_ident!("initial_{lead}"))
        .collect();
    let (forward_numbers, backward_numbers, initial_numbers) =
        (0..forward.len(), 0..backward.len(), 0..initial.len());
    let document = if docs.is_empty() {
        quote!(#[doc = "A recurrent cell."])
    } else {
        quote!(#(#[doc = #docs])*)
    };
    unsuffixed(quote! {
        #document
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #visibility struct #name;

        #[allow(non_snake_case, clippy::all, clippy::undocumented_unsafe_blocks)]
        const _: () = {
            // A module of its own: no name of the surrounding code is seen in it, which symbols of the equations could clash with.
            mod kernels {
                // The crate may have no prelude.
                #[allow(unused_imports)]
                use ::core::option::Option::{None, Some};
                use #path::equations;
                use #path::rt::{self, activations, BackwardTile, Element, ForwardTile, Simd};

                pub(super) const SPEC: #path::CellSpec = #spec;
                pub(super) const PROGRAM: rt::Program = #program;

                #(#forward)*
                #(#backward)*
                #(#initial)*
            }

            // SAFETY: rows, sums and axes come from the plan that the tables describe.
            unsafe impl #path::Cell for #name {
                const SPEC: #path::CellSpec = kernels::SPEC;
                const PROGRAM: #path::rt::Program = kernels::PROGRAM;

                // What is inlined in another crate is compiled there once more.
                #[inline(never)]
                fn equations_f32() -> #path::rt::Equations<f32> {
                    #path::rt::Equations::of::<Self>()
                }

                #[inline(never)]
                fn equations_f64() -> #path::rt::Equations<f64> {
                    #path::rt::Equations::of::<Self>()
                }

                #[inline(always)]
                fn forward<T: #path::rt::Element, S: #path::rt::Simd, const TAPE: bool>(
                    pass: usize,
                    tile: &#path::rt::ForwardTile<T, S>,
                ) {
                    match pass {
                        #(#forward_numbers => kernels::#forward_names::<T, S, TAPE>(tile),)*
                        _ => {}
                    }
                }

                #[inline(always)]
                fn backward<T: #path::rt::Element, S: #path::rt::Simd>(
                    pass: usize,
                    tile: &#path::rt::BackwardTile<T, S>,
                ) {
                    match pass {
                        #(#backward_numbers => kernels::#backward_names(tile),)*
                        _ => {}
                    }
                }

                #[inline(always)]
                fn initial_gradient<T: #path::rt::Element, S: #path::rt::Simd>(
                    lead: usize,
                    tile: &#path::rt::BackwardTile<T, S>,
                ) {
                    match lead {
                        #(#initial_numbers => kernels::#initial_names(tile),)*
                        _ => {}
                    }
                }
            }
        };
    })
}

/// A number of the equations. All of them were checked to fit, so there is always one.
fn literal(number: &Number) -> Literal {
    Literal::f64_unsuffixed(number.to_f64().unwrap_or_default())
}

/// `Some(..)` or `None`.
fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}

/// Numbers as people write them: `3`, not `3usize`.
fn unsuffixed(tokens: TokenStream) -> TokenStream {
    let plain = |token| match token {
        TokenTree::Literal(literal) => {
            match literal.to_string().strip_suffix("usize").map(str::parse) {
                Some(Ok(value)) => TokenTree::Literal(Literal::usize_unsuffixed(value)),
                _ => TokenTree::Literal(literal),
            }
        }
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), unsuffixed(group.stream()));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    };
    tokens.into_iter().map(plain).collect()
}

/// What a value is called in generated code and in listings.
pub fn describe(cell: &Cell, plan: &Plan, value: crate::plan::dag::ValueId) -> String {
    names::Names::new(cell, plan).describe(value)
}

/// A cell without equations under the name of one with mistakes.
pub fn placeholder(name: &proc_macro2::Ident) -> TokenStream {
    let path = Root::Library.path();
    quote! {
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct #name;

        #[allow(clippy::undocumented_unsafe_blocks)]
        const _: () = {
            unsafe impl #path::Cell for #name {
                const SPEC: #path::CellSpec = #path::CellSpec::EMPTY;
                const PROGRAM: #path::rt::Program = #path::rt::Program::EMPTY;
                fn equations_f32() -> #path::rt::Equations<f32> {
                    #path::rt::Equations::of::<Self>()
                }
                fn equations_f64() -> #path::rt::Equations<f64> {
                    #path::rt::Equations::of::<Self>()
                }
                fn forward<T: #path::rt::Element, S: #path::rt::Simd, const TAPE: bool>(
                    _: usize,
                    _: &#path::rt::ForwardTile<T, S>,
                ) {}
                fn backward<T: #path::rt::Element, S: #path::rt::Simd>(
                    _: usize,
                    _: &#path::rt::BackwardTile<T, S>,
                ) {}
                fn initial_gradient<T: #path::rt::Element, S: #path::rt::Simd>(
                    _: usize,
                    _: &#path::rt::BackwardTile<T, S>,
                ) {}
            }
        };
    }
}
