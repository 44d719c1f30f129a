//! The cells the proofs are tried on: all that are shipped, and some with what those do not use.

use lstm_derive_engine::adjoint::{Derivation, derive};
use lstm_derive_engine::check::check;
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::parse::{parse, parse_file};
use lstm_derive_engine::print;
use lstm_derive_engine::prove::prove;

/// Every shipped cell: its file and its source.
pub const SHIPPED: [(&str, &str); 10] = [
    (
        "elman_rnn",
        include_str!("../../../lstm-kernels/cells/elman_rnn.rs"),
    ),
    (
        "gru_reset_after",
        include_str!("../../../lstm-kernels/cells/gru_reset_after.rs"),
    ),
    (
        "gru_reset_before",
        include_str!("../../../lstm-kernels/cells/gru_reset_before.rs"),
    ),
    ("lstm", include_str!("../../../lstm-kernels/cells/lstm.rs")),
    (
        "lstm_1997",
        include_str!("../../../lstm-kernels/cells/lstm_1997.rs"),
    ),
    (
        "lstm_1997_truncated",
        include_str!("../../../lstm-kernels/cells/lstm_1997_truncated.rs"),
    ),
    (
        "lstm_2002_truncated",
        include_str!("../../../lstm-kernels/cells/lstm_2002_truncated.rs"),
    ),
    (
        "peephole_lstm",
        include_str!("../../../lstm-kernels/cells/peephole_lstm.rs"),
    ),
    (
        "projection_lstm",
        include_str!("../../../lstm-kernels/cells/projection_lstm.rs"),
    ),
    (
        "relu_rnn",
        include_str!("../../../lstm-kernels/cells/relu_rnn.rs"),
    ),
];

/// The only cell of a source, checked and derived.
pub fn compiled(source: &str) -> (Cell, Derivation) {
    let mut cells =
        parse_file(source).unwrap_or_else(|errors| panic!("{}", errors.render(source, "cell.rs")));
    let tokens = cells.pop().expect("the source has a cell");
    let checked = parse(tokens).and_then(|ast| check(&ast));
    let mut cell = checked.unwrap_or_else(|errors| panic!("{}", errors.render(source, "cell.rs")));
    let derivation = derive(&mut cell);
    (cell, derivation)
}

/// Operators no shipped cell uses.
pub const TOYS: [(&str, &str); 4] = [
    (
        "quotients, logarithms, roots and scalars",
        "cell! { cell Toy {
            size I, N; input x: [I]; param W: [N, I]; p, q: [N]; k: [];
            a[t] = W @ x[t] + p * h[t-1];
            h[t] = k * a[t] / (1 + q * a[t]) - 0.5 * log(a[t]) + sqrt(a[t] + k) + exp(-a[t]);
            output h;
        } }",
    ),
    (
        "normalisation over units",
        "cell! { cell Toy {
            size I, N; input x: [I]; param W: [N, I]; U: [N, N]; g, c: [N];
            a[t] = W @ x[t] + U @ h[t-1];
            m[t] = mean_N(a[t]);
            d[t] = a[t] - m[t];
            v[t] = mean_N(d[t] * d[t]);
            h[t] = tanh(g * d[t] / sqrt(v[t] + 0.01) + c);
            output h;
        } }",
    ),
    (
        "conditions and an exponential gate with a stabiliser",
        "cell! { cell Toy {
            size I, N; input x: [I]; param W_i, W_f, W_z: [N, I]; U_i, U_f, U_z: [N, N];
            i[t] = W_i @ x[t] + U_i @ h[t-1];
            f[t] = W_f @ x[t] + U_f @ h[t-1];
            m[t] = max(logsigmoid(f[t]) + m[t-1], i[t]);
            e[t] = exp(i[t] - m[t]);
            g[t] = exp(logsigmoid(f[t]) + m[t-1] - m[t]);
            c[t] = g[t] * c[t-1] + e[t] * tanh(W_z @ x[t] + U_z @ h[t-1]);
            n[t] = g[t] * n[t-1] + e[t];
            h[t] = select(c[t] > 0.1, c[t] / (1 + abs(n[t])), min(c[t], relu(n[t]) + softplus(c[t])));
            output h;
        } }",
    ),
    (
        "blocks, sums over both axes, a matrix used twice and a stop",
        "cell! { cell Toy {
            size I, N, C = 2; input x: [I]; param W: [N, C, I]; R: [N, C, N, C]; p: [N, C]; k: [N];
            u[t] = W @ x[t] + R @ s[t-1];
            s[t] = k * s[t-1] + tanh(u[t]) * p + R @ (stop(s[t-1]) * u[t]);
            z[t] = sum_N(sum_C(s[t] * u[t])) / (N * C);
            h[t] = sum_C(sigmoid(s[t]) * s[t]) * z[t] + mean_C(p * u[t]);
            output h;
        } }",
    ),
];

/// A source with the declarations of a cell, other equations and other error signals.
pub fn rebuilt(cell: &Cell, equations: &str, errors: &str) -> String {
    let axes = |shape: &[lstm_derive_engine::expr::AxisId]| -> String {
        let names: Vec<&str> = shape
            .iter()
            .map(|&axis| cell.size(axis).name.symbol.as_str())
            .collect();
        format!("[{}]", names.join(", "))
    };
    let mut source = format!("cell! {{ cell {} {{\n", cell.name);
    for size in &cell.sizes {
        source += &format!("size {};\n", size.name.symbol);
    }
    source += &format!(
        "input {}: {};\n",
        cell.input.name.symbol,
        axes(&cell.input.shape)
    );
    for param in &cell.params {
        source += &format!("param {}: {};\n", param.name.symbol, axes(&param.shape));
    }
    for line in equations.lines() {
        source += &format!("{line};\n");
    }
    source += &format!(
        "output {};\nerrors {{\n{errors}}}\n}} }}\n",
        cell.quantity(cell.output).name.symbol
    );
    source
}

/// The declaration a message offers for each signal, when all of them are stated wrongly.
fn offered(cell: &Cell, equations: &str) -> Vec<String> {
    let wrong: String = cell
        .quantities
        .iter()
        .enumerate()
        .map(|(at, quantity)| format!("δ{at} of {0} = {0} + 1;\n", quantity.name.symbol))
        .collect();
    let (mut cell, derivation) = compiled(&rebuilt(cell, equations, &wrong));
    let diagnostics =
        prove(&mut cell, &derivation).expect_err("no error signal is its quantity plus 1");
    diagnostics
        .0
        .iter()
        .map(|diagnostic| {
            let (_, note) = diagnostic
                .notes
                .last()
                .expect("the derived signal is offered");
            let declaration = note
                .strip_prefix("the equations give `")
                .and_then(|rest| rest.strip_suffix('`'));
            declaration.unwrap_or_else(|| panic!("{note}")).to_owned()
        })
        .collect()
}

/// A source of a cell in which every quantity has its error signal stated as the messages offer it.
pub fn fully_stated(cell: &Cell) -> String {
    let equations = print::equations(cell);
    rebuilt(cell, &equations, &offered(cell, &equations).join("\n"))
}
