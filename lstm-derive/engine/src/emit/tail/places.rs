//! Where values are kept, as Rust expressions.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

use crate::plan::layout::{Place, Slot};

pub(super) fn read_place(place: Option<&Place>) -> TokenStream {
    match place {
        Some(&Place::Lanes(slot)) => {
            let row = place_index(slot);
            quote!(tile.lanes(sample, #row))
        }
        Some(&Place::Column(slot)) => {
            let row = place_index(slot);
            quote!(tile.column(sample, #row))
        }
        Some(&Place::Scalar(index)) => quote!(tile.sum(sample, #index)),
        None => unreachable!("a saved value has a place"),
    }
}

/// An argument needs no parentheses of its own.
pub(super) fn bare(tokens: TokenStream) -> TokenStream {
    let mut iter = tokens.clone().into_iter();
    match (iter.next(), iter.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Parenthesis => {
            group.stream()
        }
        _ => tokens,
    }
}

/// The index of a slot in its record, as an expression of the number of cells and the current cell.
pub(super) fn place_index(slot: Slot) -> TokenStream {
    let mut terms = Vec::new();
    if slot.units > 0 {
        let units = slot.units;
        terms.push(quote!(#units));
    }
    match slot.cells {
        0 => {}
        1 => terms.push(quote!(tile.cells())),
        count => terms.push(quote!(#count * tile.cells())),
    }
    if slot.per_cell {
        terms.push(quote!(cell));
    }
    if terms.is_empty() {
        quote!(0)
    } else {
        quote!(#(#terms)+*)
    }
}

pub(super) fn cell_index(per_cell: bool) -> TokenStream {
    if per_cell { quote!(cell) } else { quote!(0) }
}
