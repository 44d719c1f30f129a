//! Every stage of every shipped cell, and the whole expansion of small cells, as files to read and review.
//!
//! `cargo insta review` updates them.

use std::fmt::Write;

use lstm_derive_engine::emit::Root;
use lstm_derive_engine::plan::listing::listing;
use lstm_derive_engine::{cost, print};

use crate::shipped::{self, Shipped};

#[test]
fn stages_of_the_shipped_cells() {
    for Shipped { stem, compiled, .. } in shipped::all() {
        let (cell, derivation) = (&compiled.cell, &compiled.derivation);
        let stages = [
            ("Equations", print::equations(cell)),
            (
                "Error signals",
                print::errors_with_origins(cell, derivation),
            ),
            ("Gradients", print::gradients(cell, derivation)),
            ("Plan", listing(cell, &compiled.plan)),
            ("Cost", cost::summary(cell, &compiled.plan)),
            ("Equations in LaTeX", print::equations_latex(cell)),
            (
                "Error signals in LaTeX",
                print::errors_latex(cell, derivation),
            ),
        ];
        let mut text = String::new();
        for (title, stage) in stages {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{title}\n{}\n{}",
                "-".repeat(title.len()),
                stage.trim_end()
            );
            text.push('\n');
        }
        insta::assert_snapshot!(format!("stages_of_{stem}"), text);
    }
}

/// What the macro makes of a cell, as a formatter shows it.
fn expansion(source: &str) -> String {
    let tokens = shipped::compiled(source, "cell.rs").emit(Root::Library, false);
    prettyplease::unparse(&syn::parse2(tokens).expect("what is emitted is Rust"))
}

#[test]
fn expansion_with_a_sum_over_all_units_and_a_scalar() {
    insta::assert_snapshot!(expansion(
        "cell! {
            /// A layer-normalised unit.
            pub cell Normalised {
                size   I, N;
                input  x: [I];
                param  W: [N, I];    U: [N, N];    γ: [];
                const  small = 1e-5;

                a[t] = W @ x[t] + U @ h[t-1];
                d[t] = a[t] - mean_N(a[t]);
                h[t] = tanh(γ * d[t] / sqrt(mean_N(d[t] * d[t]) + small));
                output h;
            }
        }"
    ));
}

#[test]
fn expansion_with_two_products_in_sequence() {
    insta::assert_snapshot!(expansion(
        "cell! {
            /// Two products in sequence, with functions that take sides.
            pub cell Sides {
                size   I, N;
                input  x: [I];
                param  W: [N, I];    U: [N, N];    β: [N];

                a[t] = max(W @ x[t], exp(β) * h[t-1]);
                h[t] = select(a[t] > 0, U @ a[t], h[t-1]);
                output h;
            }
        }"
    ));
}

#[test]
fn expansion_with_blocks_and_a_stop() {
    insta::assert_snapshot!(expansion(
        "cell! {
            /// Leaky memory blocks with a truncated peephole.
            pub cell Blocks {
                size   I, N, C = 1;
                input  x: [I];
                param  V: [N, C, I];    p: [N, C];

                g[t] = sigmoid(sum_C(p * stop(s[t-1])));
                s[t] = g[t] * s[t-1] + V @ x[t];
                output s;
            }
        }"
    ));
}
