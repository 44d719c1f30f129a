//! What is said about a signal that cannot be right, word for word.

use lstm_derive_engine::prove::prove;

use super::sources::compiled;

const PEEPHOLE: &str = include_str!("../../../lstm-kernels/cells/peephole_lstm.rs");
const GRU: &str = include_str!("../../../lstm-kernels/cells/gru_reset_before.rs");

/// The diagnostics for a source in which some text was replaced, without the parts of the source they quote.
fn message(source: &str, changes: &[(&str, &str)]) -> String {
    let mut source = source.to_owned();
    for (from, to) in changes {
        assert!(source.contains(from), "`{from}` is not in the source");
        source = source.replacen(from, to, 1);
    }
    let (mut cell, derivation) = compiled(&source);
    let diagnostics = prove(&mut cell, &derivation).expect_err("the change makes a signal wrong");
    diagnostics.render(&source, "cell.rs")
}

#[test]
fn a_missing_term() {
    insta::assert_snapshot!(message(PEEPHOLE, &[(" + p_ω * δ_ω;", ";")]));
}

#[test]
fn an_extra_term() {
    insta::assert_snapshot!(message(
        PEEPHOLE,
        &[(
            "δ_c of a_c = b_ι * dtanh(a_c) * ε_s;",
            "δ_c of a_c = b_ι * dtanh(a_c) * ε_s + a_c;"
        )]
    ));
}

#[test]
fn the_wrong_time() {
    insta::assert_snapshot!(message(PEEPHOLE, &[("p_ω * δ_ω;", "p_ω * δ_ω[t+1];")]));
}

#[test]
fn a_wrong_factor_below_a_sum() {
    insta::assert_snapshot!(message(
        PEEPHOLE,
        &[("sum_C(tanh(s) * ε_c)", "sum_C(s * ε_c)")]
    ));
}

#[test]
fn the_gradient_from_above_forgotten() {
    insta::assert_snapshot!(message(GRU, &[("upstream(h) + ", "")]));
}

#[test]
fn one_term_of_a_product_of_sums() {
    insta::assert_snapshot!(message(GRU, &[("(h[t-1] - n)", "(h[t-1] + n)")]));
}

#[test]
fn two_signals_at_once() {
    let changes = [
        ("dsigmoid(a_φ)", "dtanh(a_φ)"),
        ("δ_c of a_c = b_ι *", "δ_c of a_c = 2 * b_ι *"),
    ];
    insta::assert_snapshot!(message(PEEPHOLE, &changes));
}

#[test]
fn a_signal_through_quantities_nobody_stated() {
    let source = "cell! {
    cell Rectified {
        size I, N;
        input x: [I];
        param W: [N, I]; U: [N, N];
        a[t] = W @ x[t] + U @ h[t-1];
        b[t] = relu(a[t]);
        c[t] = b[t] * b[t] + a[t];
        h[t] = tanh(c[t]);
        output h;
        errors {
            δ of a = dtanh(c) * err(h);
        }
    }
}
";
    insta::assert_snapshot!(message(source, &[]));
}

#[test]
fn equal_but_for_a_tie() {
    let source = "cell! {
    cell Rectified {
        size I, N;
        input x: [I];
        param W: [N, I]; U: [N, N];
        a[t] = W @ x[t] + U @ h[t-1];
        h[t] = relu(a[t]);
        output h;
        errors {
            δ of a = select(a >= 0, err(h), 0);
        }
    }
}
";
    insta::assert_snapshot!(message(source, &[]));
}

/// A product of so many sums has millions of terms. What of them follows from the equations is not searched for then, and
/// the author still sees a point and the derived form.
#[test]
fn a_product_of_many_sums() {
    let product = |h: &str, count: usize| -> String {
        let factors: Vec<String> = (0..count).map(|k| format!("(a + {h} + b + {k})")).collect();
        factors.join(" * ")
    };
    let message = |count| {
        let (forward, stated) = (product("h[t-1]", count), product("h[t-1]", count - 1));
        let source = format!(
            "cell! {{
            cell Factors {{
                size I, N;
                input x: [I];
                param W: [N, I]; U: [N, N]; b: [N];
                a[t] = W @ x[t] + U @ h[t-1] + b;
                h[t] = {forward};
                output h;
                errors {{ d of a = 2 * {stated} * err(h); }}
            }} }}"
        );
        message(&source, &[])
    };
    assert!(message(2).starts_with("error[wrong-signal]: error signal d lacks"));
    for count in [6, 12] {
        let text = message(count);
        for part in [
            "error signal d is not ∂L/∂a\n",
            "note: at a random point",
            "note: the equations give `d of a = (a + h[t-1] + b + 1) *",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}

/// Such a signal is right if it is right, so a proof of it would say nothing; what stands at t+1 is no circle.
#[test]
fn signals_stated_by_themselves() {
    let source = |errors: &str| {
        format!(
            "cell! {{
    cell Plain {{
        size I, N;
        input x: [I];
        param W: [N, I]; U: [N, N];
        a[t] = W @ x[t] + U @ h[t-1];
        b[t] = exp(a[t]);
        h[t] = tanh(b[t]);
        output h;
        errors {{ {errors} }}
    }}
}}"
        )
    };
    let mut all = String::new();
    for errors in [
        "e of h = e;",
        "d of b = 2 * d - dtanh(b) * err(h);",
        "e of h = d / dtanh(b); d of b = dtanh(b) * e;",
        "e of h = err(b) / dtanh(b);",
        "e of h = c / b / dtanh(b); c of a = b * err(b);",
    ] {
        let text = message(&source(errors), &[]);
        assert_eq!(text.matches("error[").count(), 1, "{text}");
        all += &text;
    }
    insta::assert_snapshot!(all);
    let right =
        source("e of h = upstream(h) + U.T @ c[t+1]; d of b = dtanh(b) * e; c of a = b * d;");
    let (mut cell, derivation) = compiled(&right);
    assert!(prove(&mut cell, &derivation).is_ok());
}
