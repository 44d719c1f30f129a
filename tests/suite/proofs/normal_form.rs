//! What the normal form knows, pair by pair.

use lstm_derive_engine::normal::{Depth, Normaliser};
use lstm_derive_engine::prove::prove;

use super::sources::compiled;

/// Whether two expressions over the symbols of a small cell are shown to be equal at some depth.
///
/// a, d, e: \[N\] (b = sigmoid(a)); u, v: \[N, C\] (w = tanh(u)); k a scalar; p: \[N, C\] and q: \[N\] parameters.
fn equal(left: &str, right: &str) -> bool {
    let source = format!(
        "cell! {{
            cell Sample {{
                size I, N, C = 2;
                input x: [I];
                param W_a, W_d, W_e: [N, I]; M: [N, N]; W_u, W_v: [N, C, I]; R: [N, C, N, C]; p: [N, C]; q: [N]; k: [];
                a[t] = W_a @ x[t] + M @ o[t-1];
                b[t] = sigmoid(a[t]);
                d[t] = W_d @ x[t];
                e[t] = W_e @ x[t] + q;
                u[t] = W_u @ x[t] + R @ v[t-1];
                w[t] = tanh(u[t]);
                v[t] = W_v @ x[t] + p * w[t];
                o[t] = k * b[t] * d[t] + e[t] + sum_C(v[t]);
                output o;
                errors {{
                    left of u = {left};
                    right of v = {right};
                }}
            }}
        }}"
    );
    let (mut cell, derivation) = compiled(&source);
    let (left, right) = (cell.signals[0].stated, cell.signals[1].stated);
    let depths = [Depth::SHALLOW, Depth::NOW]
        .into_iter()
        .chain(Depth::DEEPER);
    depths
        .into_iter()
        .any(|depth| Normaliser::new(&mut cell, &derivation, depth).equal(left, right))
}

/// Left and right are equal.
const EQUAL: &[(&str, &str)] = &[
    // polynomials
    ("a * (d + e)", "e * a + d * a"),
    ("(a + d) * (a - d)", "a * a - d * d"),
    ("a - (d - e)", "a + e - d"),
    ("-(-a)", "a"),
    ("0.5 * a + a / 2", "a"),
    // derivatives and the quantities that alias functions
    ("dsigmoid(a)", "sigmoid(a) * (1 - sigmoid(a))"),
    ("dsigmoid(a)", "b - b * b"),
    ("dtanh(u)", "(1 - w) * (1 + w)"),
    ("dexp(a)", "exp(a)"),
    ("dlog(a)", "1 / a"),
    ("dsqrt(a)", "sqrt(a) / (2 * a)"),
    ("dlogsigmoid(a)", "sigmoid(-a)"),
    ("dsoftplus(a)", "b"),
    ("drelu(a)", "select(a > 0, 1, 0)"),
    ("dabs(a) * a", "abs(a)"),
    // functions
    ("sigmoid(-a)", "1 - sigmoid(a)"),
    ("sigmoid(d - a)", "1 - sigmoid(a - d)"),
    ("tanh(-a)", "-tanh(a)"),
    ("exp(a) * exp(d)", "exp(a + d)"),
    ("exp(a) / exp(d)", "exp(a - d)"),
    ("exp(a) * exp(-a)", "1"),
    ("exp(2 * a)", "exp(a) * exp(a)"),
    ("exp(log(a))", "a"),
    ("log(exp(a))", "a"),
    ("exp(logsigmoid(a))", "sigmoid(a)"),
    ("exp(logsigmoid(a) - d)", "b / exp(d)"),
    ("exp(logsigmoid(-a) + d)", "(1 - b) * exp(d)"),
    ("log(exp(logsigmoid(d)))", "logsigmoid(d)"),
    ("exp(2 * softplus(d) - d)", "1 / (sigmoid(d) * sigmoid(-d))"),
    ("exp(softplus(a))", "1 / (1 - b)"),
    ("log(sigmoid(a))", "logsigmoid(a)"),
    ("softplus(a)", "-logsigmoid(-a)"),
    ("softplus(a) - softplus(-a)", "a"),
    ("logsigmoid(a)", "a - softplus(a)"),
    ("sqrt(a) * sqrt(a)", "a"),
    ("a / sqrt(a)", "sqrt(a)"),
    ("1 / (sqrt(a) * sqrt(a) * sqrt(a))", "sqrt(a) / (a * a)"),
    ("sqrt(4 * a)", "2 * sqrt(a)"),
    ("sqrt(a * a)", "abs(a)"),
    ("tanh(a)", "2 * sigmoid(2 * a) - 1"),
    ("sigmoid(a)", "1 / (1 + exp(-a))"),
    ("softplus(a)", "log(1 + exp(a))"),
    ("tanh(a)", "(exp(a) - exp(-a)) / (exp(a) + exp(-a))"),
    // conditions
    ("relu(a)", "max(a, 0)"),
    ("relu(a) - relu(-a)", "a"),
    ("relu(a) + relu(-a)", "abs(a)"),
    ("max(a, d) + min(a, d)", "a + d"),
    ("max(a, d) - min(a, d)", "abs(a - d)"),
    ("max(a, d)", "max(d, a)"),
    ("max(a, d)", "select(a > d, a, d)"),
    ("select(a > d, e, d)", "select(d < a, e, d)"),
    ("select(a > d, e, d)", "select(a <= d, d, e)"),
    ("select(2 * a > 2 * d, e, d)", "select(a > d, e, d)"),
    ("select(a > d, e, 0) + select(a > d, 0, e)", "e"),
    (
        "select(a > d, a, d) * select(a > d, e, 1)",
        "select(a > d, a * e, d)",
    ),
    (
        "tanh(select(a > d, e, d))",
        "select(a > d, tanh(e), tanh(d))",
    ),
    ("1 / select(a > 0, a, 1)", "select(a > 0, 1 / a, 1)"),
    ("relu(a) * relu(a)", "relu(a) * a"),
    ("dabs(a)", "select(a > 0, 1, 0) - select(a < 0, 1, 0)"),
    ("min(max(a, -1), 1)", "max(min(a, 1), -1)"),
    (
        "min(max(a, -1), 1)",
        "select(abs(a) < 1, a, select(a > 0, 1, -1))",
    ),
    (
        "select(a > 2, 1, 0) * select(a > 1, 1, 0)",
        "select(a > 2, 1, 0)",
    ),
    (
        "select(a > 1, select(a < -1, d, e), select(a > 2, d, e))",
        "e",
    ),
    (
        "select(a < 1, select(a >= 1, d, e), select(a < -1, d, e))",
        "e",
    ),
    // quotients
    ("a / (1 + d) + a * d / (1 + d)", "a"),
    ("1 / (d * e)", "(1 / d) * (1 / e)"),
    (
        "(a / (1 + d + sum_N(d * d))) / (1 + d + sum_N(d * d))",
        "a / ((1 + d + sum_N(d * d)) * (1 + d + sum_N(d * d)))",
    ),
    ("1 / (1 / d + 1 / e)", "d * e / (d + e)"),
    ("1 / (1 + d) - 1 / (1 + e)", "(e - d) / ((1 + d) * (1 + e))"),
    ("(d * d - e * e) / (d - e)", "d + e"),
    ("a / (a / d)", "d"),
    ("a / (1 + abs(d)) * (1 + abs(d))", "a"),
    ("tanh(a / (1 + d) + a * d / (1 + d))", "tanh(a)"),
    ("sigmoid(-a / (1 + d) - a * d / (1 + d))", "1 - sigmoid(a)"),
    ("1 / (1 + 1 / (1 + d))", "(1 + d) / (2 + d)"),
    // sums over an axis
    ("sum_C(u + v)", "sum_C(u) + sum_C(v)"),
    ("sum_C(a * u)", "a * sum_C(u)"),
    ("sum_C(2 * u - u)", "sum_C(u)"),
    ("sum_C(a * u / (1 + d))", "a / (1 + d) * sum_C(u)"),
    ("sum_C(exp(a + u))", "exp(a) * sum_C(exp(u))"),
    ("mean_C(u)", "sum_C(u) / C"),
    ("sum_C(u * 0 + a)", "C * a"),
    ("sum_C(u / (1 + v) + u * v / (1 + v))", "sum_C(u)"),
    (
        "sum_C(1 / (1 + u)) + sum_C(1 / (1 + v))",
        "sum_C((2 + u + v) / ((1 + u) * (1 + v)))",
    ),
    ("sum_C(u / (1 + u)) + sum_C(1 / (1 + u))", "C"),
    (
        "sum_C(u * sum_C(v / (1 + u) + v * u / (1 + u)))",
        "sum_C(u) * sum_C(v)",
    ),
    ("sum_N(sum_C(u * k)) / k", "sum_N(sum_C(u))"),
    ("sum_N(a * sum_C(u))", "sum_N(sum_C(a * u))"),
    ("sum_N(a - mean_N(a))", "0"),
    // matrix products
    ("M @ (d + 2 * e)", "M @ d + 2 * (M @ e)"),
    ("M @ (k * d)", "k * (M @ d)"),
    ("M.T @ (d * e) - M.T @ (e * d)", "0"),
    ("M @ (sum_N(e) * d)", "sum_N(e) * (M @ d)"),
    ("M @ (d / (1 + e) + d * e / (1 + e))", "M @ d"),
    ("R @ (a * u + a * v)", "R @ (a * (u + v))"),
    ("R.T @ (u * (1 - w * w))", "R.T @ (dtanh(u) * u)"),
    (
        "1 / (M @ (d / (1 + e)))",
        "1 / (M @ (d * (1 - e) / (1 - e * e)))",
    ),
    // definitions may be written out
    ("d[t+1]", "W_d @ x[t+1]"),
    ("o", "k * b * d + e + sum_C(v)"),
    (
        "o[t+1]",
        "k * sigmoid(W_a @ x[t+1] + M @ o) * d[t+1] + e[t+1] + sum_C(v[t+1])",
    ),
    (
        "tanh(v)",
        "tanh(W_v @ x[t] + p * tanh(W_u @ x[t] + R @ v[t-1]))",
    ),
];

/// Left and right are different.
const DIFFERENT: &[(&str, &str)] = &[
    ("a * d", "a * e"),
    ("a", "a[t+1]"),
    ("o", "o[t-1]"),
    ("2 * a", "a"),
    ("dsigmoid(a)", "dtanh(a)"),
    ("dsigmoid(a)", "b * b"),
    ("sigmoid(a)", "tanh(a)"),
    ("sigmoid(-a)", "-sigmoid(a)"),
    ("exp(a) + exp(d)", "exp(a + d)"),
    ("sqrt(a * a)", "a"),
    ("softplus(a)", "relu(a)"),
    ("logsigmoid(a)", "logsigmoid(-a)"),
    ("max(a, d)", "min(a, d)"),
    ("select(a > d, e, d)", "select(a < d, e, d)"),
    // These two differ where a = 0 alone.
    ("select(a > 0, 1, 0)", "select(a >= 0, 1, 0)"),
    ("dabs(a)", "select(a > 0, 1, -1)"),
    (
        "select(a > 2, 1, 0) * select(a > 1, 1, 0)",
        "select(a > 1, 1, 0)",
    ),
    (
        "select(a > 1, 1, 0) * select(a < 2, 1, 0)",
        "select(a > 1, 1, 0)",
    ),
    (
        "select(a > 1, 1, 0) * select(d > 0, 1, 0)",
        "select(a > 1, 1, 0)",
    ),
    ("min(max(a, -1), 1)", "min(max(a, -1), 2)"),
    ("a / (1 + d)", "a / (1 + e)"),
    ("1 / (a + d)", "1 / a + 1 / d"),
    ("(a - a) / (d - d)", "0"),
    ("select(a > 0, 1, 0) * d / select(a > 0, 1, 0)", "d"),
    ("sum_C(u * v)", "sum_C(u) * sum_C(v)"),
    ("sum_C(u)", "mean_C(u)"),
    ("sum_C(u) / C", "sum_C(u) / N"),
    ("sum_C(p * a)", "p * a"),
    ("sum_N(a * d)", "sum_N(a) * sum_N(d)"),
    ("M @ d", "M.T @ d"),
    ("M @ (a * d)", "a * (M @ d)"),
    ("R @ u", "R @ v"),
    ("R @ (a * u)", "a * (R @ u)"),
    ("M @ (d * d)", "(M @ d) * (M @ d)"),
    ("err(o)", "err(o)[t+1]"),
    ("upstream(o)", "err(o)"),
];

#[test]
fn equal_expressions_have_one_normal_form() {
    let missed: Vec<_> = EQUAL
        .iter()
        .filter(|(left, right)| !equal(left, right))
        .collect();
    assert!(missed.is_empty(), "not shown to be equal: {missed:#?}");
}

#[test]
fn different_expressions_have_different_normal_forms() {
    let wrong: Vec<_> = DIFFERENT
        .iter()
        .filter(|(left, right)| equal(left, right))
        .collect();
    assert!(
        wrong.is_empty(),
        "shown to be equal, but different: {wrong:#?}"
    );
}

/// Slopes of which the second is the negative of the first: their sum is zero, and some 1e-17 in numbers.
#[test]
fn terms_that_cancel_each_other_are_zero() {
    let (mut cell, derivation) = compiled(
        "cell! {
            cell Cancelling {
                size I, N;
                input x: [I];
                param W: [N, I];
                param U: [N, N];
                a[t] = W @ x[t];
                h[t] = tanh(a[t]) - 2 * sigmoid(2 * a[t]) + U @ h[t-1];
                output h;
                errors { δ of a = 0; }
            }
        }",
    );
    let proof = prove(&mut cell, &derivation).unwrap();
    assert_eq!(proof.signals.len(), 1);
}
