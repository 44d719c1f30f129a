//! The macro and the checked-in files are the same cells: token for token, and bit for bit.

use std::fs;

use lstm_core::cells;
use lstm_derive_engine::emit::Root;
use lstm_kernels::{Cell, Kernel, Width};
use proc_macro2::{Group, TokenStream, TokenTree};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::passes::{self, Problem};
use crate::shipped::{self, Shipped};

/// Three shipped cells as a user of the macro would write them.
pub mod macros {
    use lstm_core::cell;
    include!("../../lstm-kernels/cells/elman_rnn.rs");
    include!("../../lstm-kernels/cells/gru_reset_before.rs");
    include!("../../lstm-kernels/cells/peephole_lstm.rs");
}

#[test]
fn the_macro_expands_to_the_tokens_of_the_file() {
    for Shipped { stem, compiled, .. } in shipped::all() {
        let path = shipped::kernels().join(format!("src/generated/{stem}.rs"));
        let file = fs::read_to_string(path).expect("a generated file can be read");
        let file: TokenStream = file.parse().expect("a generated file is Rust");
        let expansion = compiled.emit(Root::Library, false);
        // Formatted alike: a formatter moves commas and parentheses, and files have been through one.
        let (expansion, file) = (formatted(in_crate(expansion)), formatted(file));
        let lines = expansion.lines().zip(file.lines()).enumerate();
        for (number, (expanded, checked_in)) in lines {
            assert_eq!(
                expanded,
                checked_in,
                "{stem}, line {} without comments",
                number + 1
            );
        }
        assert_eq!(expansion.len(), file.len(), "{stem}");
    }
}

fn formatted(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).expect("emitted tokens are Rust"))
}

/// `::lstm_core` becomes `crate`.
fn in_crate(tokens: TokenStream) -> TokenStream {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_root = |at: usize| {
        let text: Vec<_> = tokens[at..]
            .iter()
            .take(3)
            .map(|token| token.to_string())
            .collect();
        text == [":", ":", "lstm_core"]
    };
    let mut result = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_root(at) {
            result.push(TokenTree::Ident(proc_macro2::Ident::new(
                "crate",
                tokens[at + 2].span(),
            )));
            at += 3;
            continue;
        }
        result.push(match &tokens[at] {
            TokenTree::Group(group) => {
                Group::new(group.delimiter(), in_crate(group.stream())).into()
            }
            other => other.clone(),
        });
        at += 1;
    }
    result.into_iter().collect()
}

/// Forward and backward of both, in f32.
fn compare<A: Cell, B: Cell>(sizes: &[usize]) {
    assert_eq!(A::SPEC, B::SPEC);
    let (steps, batch) = (5, 3);
    for width in Width::available() {
        let by_macro = Kernel::<A, f32>::with_width(sizes, width).expect("an available width");
        let by_file = Kernel::<B, f32>::with_width(sizes, width).expect("an available width");
        let mut rng = SmallRng::seed_from_u64(1997);
        let mut random =
            |len: usize| -> Vec<f64> { (0..len).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let mut states = || -> Vec<_> {
            (0..A::SPEC.carried.len())
                .map(|i| random(by_file.carried_len(i) * batch))
                .collect()
        };
        let (first, dlast) = (states(), states());
        let problem = Problem {
            batch,
            params: random(by_file.params_len()),
            x: random(by_file.input_len() * steps * batch),
            first,
            dy: random(by_file.output_len() * steps * batch),
            dlast,
        };
        let (outputs, gradients) = passes::train(&by_macro, &problem);
        let (expected_outputs, expected) = passes::train(&by_file, &problem);
        // Equal as f64 is equal in bits but for the sign of zero; no value here is NaN.
        assert_eq!(outputs, expected_outputs, "{} at {width:?}", A::SPEC.name);
        assert_eq!(gradients, expected, "{} at {width:?}", A::SPEC.name);
    }
}

#[test]
fn macro_and_file_compute_the_same_bits() {
    compare::<macros::ElmanRnn, cells::ElmanRnn>(&[3, 18]);
    compare::<macros::GruResetBefore, cells::GruResetBefore>(&[3, 18]);
    compare::<macros::PeepholeLstm, cells::PeepholeLstm>(&[3, 9, 2]);
}
