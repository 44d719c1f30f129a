//! Which values of a pass wait for a second loop over the samples. That kernels of either kind compute what they should is
//! shown by the oracles and by the gradients of shipped cells and toys.

use std::collections::BTreeSet;

use lstm_derive_engine::emit::describe;
use lstm_derive_engine::plan::Pass;

use crate::shipped;

/// The first pass of a cell, and the names of what its first loop hands over to the second.
fn first_pass(source: &str) -> (Pass, Vec<String>) {
    let compiled = shipped::compiled(source, "cell.rs");
    let pass = compiled.plan.forward.passes[0].clone();
    let handed_over = pass.handed_over.keys();
    let names = handed_over
        .map(|&id| describe(&compiled.cell, &compiled.plan, id))
        .collect();
    (pass, names)
}

#[test]
fn what_waits_runs_when_the_rest_has_run() {
    let (pass, names) = first_pass(include_str!("toys/waiting_functions.rs"));
    // f · f waits, too, as only what waits needs it. k is read in both loops.
    assert_eq!(names, ["g", "f", "s"]);
    assert!((1..pass.blocks.len()).contains(&pass.first_loop));
    let rows: BTreeSet<_> = pass.handed_over.values().collect();
    assert_eq!(rows.len(), names.len(), "each has a row of its own");
}

/// A cell with one equation of its own.
fn cell(params: &str, equation: &str) -> String {
    format!(
        "cell! {{
            /// A unit.
            pub cell Unit {{
                size I, N;
                input x: [I];
                param W: [N, I];
                param U: [N, N];
                {params}
                a[t] = W @ x[t] + U @ h[t-1];
                h[t] = {equation};
                output h;
            }}
        }}"
    )
}

#[test]
fn what_cannot_be_handed_over_does_not_wait() {
    for (params, equation) in [
        // Nothing waits.
        ("", "tanh(a[t])"),
        // The only row of sums is needed on both sides.
        ("", "tanh(a[t] * sigmoid(a[t]))"),
        // A function of no product has no row.
        ("param p: [N];", "tanh(sigmoid(a[t])) * exp(p * h[t-1])"),
        // Two values, one row.
        ("", "tanh(sigmoid(a[t])) * exp(a[t])"),
    ] {
        let (pass, names) = first_pass(&cell(params, equation));
        assert!(names.is_empty(), "{equation}: {names:?}");
        assert_eq!(pass.first_loop, pass.blocks.len(), "{equation}");
    }
    let (pass, names) = first_pass(&cell("", "tanh(sigmoid(a[t])) - h[t-1]"));
    assert_eq!((names.len(), pass.first_loop), (1, 1));
}
