//! Cells whose signals have very many terms when they are multiplied out: as derived they are proved all the same, and what is
//! said of a wrong one stays readable.

use std::fmt::Write;
use std::time::{Duration, Instant};

use lstm_derive_engine::error::Diagnostic;
use lstm_derive_engine::prove::prove;

use super::sources::compiled;

/// A recurrent highway cell: in every micro-step each unit is new or stays, as a gate says. The error of its state has some
/// 5^5 terms in those of the step after.
fn highway(errors: &str) -> String {
    let (mut params, mut equations) = (String::new(), String::new());
    let mut before = "h[t-1]".to_owned();
    for step in 0..5 {
        let (x_c, x_g) = match step {
            0 => (" + W_c @ x[t]", " + W_g @ x[t]"),
            _ => ("", ""),
        };
        let _ = write!(params, " K{step}, T{step}: [N, N];");
        let _ = writeln!(
            equations,
            "c{step}[t] = tanh(K{step} @ {before}{x_c}); g{step}[t] = sigmoid(T{step} @ {before}{x_g});
            s{step}[t] = c{step}[t] * g{step}[t] + {before} * (1 - g{step}[t]);",
        );
        before = format!("s{step}[t]");
    }
    format!(
        "cell! {{ cell Highway {{
            size I, N; input x: [I]; param W_c, W_g: [N, I]; {params}
            {equations}
            h[t] = {before};
            output h;
            errors {{ {errors} }}
        }} }}"
    )
}

/// Thirteen functions one after the other.
fn chain(errors: &str) -> String {
    let equations: String = (1..=13)
        .map(|at| format!("q{at}[t] = tanh(q{}[t]);\n", at - 1))
        .collect();
    format!(
        "cell! {{ cell Chain {{
            size N; input x: [N];
            q0[t] = x[t] + h[t-1];
            {equations}
            h[t] = q13[t];
            output h;
            errors {{ {errors} }}
        }} }}"
    )
}

fn mistakes(source: &str) -> Vec<Diagnostic> {
    let (mut cell, derivation) = compiled(source);
    prove(&mut cell, &derivation).map_or_else(|errors| errors.0, |_| Vec::new())
}

/// The declaration that a message offers.
fn offered(mistake: &Diagnostic) -> &str {
    let (_, note) = mistake.notes.last().expect("the derived signal is offered");
    let declaration = note.strip_prefix("the equations give `");
    let declaration = declaration.and_then(|rest| rest.strip_suffix('`'));
    declaration.unwrap_or_else(|| panic!("{note}"))
}

#[test]
fn signals_are_proved_as_they_are_offered() {
    for (source, wrong) in [
        (highway as fn(&str) -> String, "ε of h = 2 * h;"),
        (highway, "ε of h = 2 * h; δ of s0 = s0; δ_3 of g3 = c3;"),
        (chain, "ε of h = 2 * h;"),
        (chain, "ε of h = 2 * h; δ of q5 = q6;"),
    ] {
        let mistakes_of = mistakes(&source(wrong));
        assert_eq!(mistakes_of.len(), wrong.matches(" of ").count(), "{wrong}");
        let right: Vec<&str> = mistakes_of.iter().map(offered).collect();
        let left = mistakes(&source(&right.join("\n")));
        assert!(left.is_empty(), "{right:#?}: {left:#?}");
    }
}

/// Errors by their names, as the derivation has them.
#[test]
fn signals_are_proved_in_errors_by_name() {
    for right in [
        chain("ε of h = upstream(h) + err(q0)[t+1];"),
        chain("δ of q5 = dtanh(q5) * err(q6);"),
        chain("δ of q5 = (1 - q6 * q6) * err(q6);"),
        highway(
            "δ of s0 = K1.T @ (dtanh(K1 @ s0) * err(c1)) + T1.T @ (dsigmoid(T1 @ s0) * err(g1))
            + (1 - g1) * err(s1);",
        ),
    ] {
        assert!(mistakes(&right).is_empty(), "{right}");
    }
}

/// Signals in which nothing but a name is wrong are read within a few lines.
#[test]
fn what_is_said_of_a_wrong_signal_is_short() {
    for source in [
        highway("ε of h = upstream(h);"),
        highway("ε of h = h; δ of s0 = s0 + c1 + g1 + h + c1 * g1 + c1 * h;"),
        chain("ε of h = upstream(h);"),
    ] {
        for mistake in mistakes(&source) {
            assert_eq!(mistake.code, "wrong-signal");
            // The longest lists four terms of a line each.
            assert!(mistake.message.len() < 800, "{}", mistake.message);
            assert!(offered(&mistake).len() < 800, "{}", offered(&mistake));
        }
    }
    let several = mistakes(&highway("δ of s0 = s0 + c1 + g1 + h + c1 * g1 + c1 * h;"));
    let message = &several[0].message;
    assert!(message.contains(" and 2 more"), "{message}");
}

/// A cell whose state is multiplied by three maxima of long polynomials, with the error signal of the state.
fn maxima(signal: &str) -> String {
    format!(
        "cell! {{ cell Maxima {{
            size I, N; input x: [I];
            param W, V: [N, I];
            param a, b, c, d, e, f, g, k: [N];
            s[t] = W @ x[t];    r[t] = V @ x[t];
            u[t] = a + b + c + d + e + f + g + k;
            p[t] = u[t] * u[t] * u[t];
            m[t] = max(p[t], s[t]) * max(p[t] - a, r[t]) * max(p[t] - s[t], a);
            h[t] = m[t] * h[t-1] + s[t];
            output h;
            errors {{ ε of h = {signal}; }}
        }} }}"
    )
}

/// A definition written out word for word is the quantity's name, and nothing has to be multiplied out.
#[test]
fn definitions_are_known_word_for_word() {
    for right in [
        "upstream(h) + max(p[t+1], s[t+1]) * max(p[t+1] - a, r[t+1]) * max(p[t+1] - s[t+1], a) * ε[t+1]",
        "ε[t+1] * (max(p[t+1], s[t+1]) * max(p[t+1] - a, r[t+1]) * max(p[t+1] - s[t+1], a)) + upstream(h)",
    ] {
        let mistakes = mistakes(&maxima(right));
        assert!(mistakes.is_empty(), "{mistakes:?}");
    }
}

/// With the maxima in another order, whether two thresholds are those of one value is seen at the first term that differs. There
/// are too many cases for a proof, and that must be said soon.
#[test]
fn conditions_on_long_polynomials_are_compared_at_once() {
    let start = Instant::now();
    let said = mistakes(&maxima(
        "upstream(h) + max(p[t+1] - s[t+1], a) * max(p[t+1], s[t+1]) * max(p[t+1] - a, r[t+1]) * ε[t+1]",
    ));
    let codes: Vec<&str> = said.iter().map(|mistake| mistake.code).collect();
    assert_eq!(codes, ["unproved-signal"]);
    // It takes half a second, and took twenty when the polynomials were subtracted.
    assert!(start.elapsed() < Duration::from_secs(10));
}
