//! The recurrent layers of Keras, and which cells they are.

use lstm_kernels::cells::{ElmanRnn, GruResetAfter, GruResetBefore, Lstm, ReluRnn};
use lstm_kernels::{Cell, CellSpec};

use crate::bridge::gates::{Form, Part, Role::*};
use crate::error::{Error, Result};

/// One block of columns, so that any function of it fits.
const ONE_GATE: &[Part] = &[("w", Input, 0), ("u", Recurrent, 0), ("beta", Bias, 0)];

const LSTM: Form = Form {
    name: "LSTM",
    cell: Lstm::SPEC,
    gates: 4,
    parts: &[
        ("w_i", Input, 0),
        ("w_f", Input, 1),
        ("w_g", Input, 2),
        ("w_o", Input, 3),
        ("u_i", Recurrent, 0),
        ("u_f", Recurrent, 1),
        ("u_g", Recurrent, 2),
        ("u_o", Recurrent, 3),
        ("beta_i", Bias, 0),
        ("beta_f", Bias, 1),
        ("beta_g", Bias, 2),
        ("beta_o", Bias, 3),
    ],
};

const GRU_RESET_AFTER: Form = Form {
    name: "GRU with reset_after=True",
    cell: GruResetAfter::SPEC,
    gates: 3,
    parts: &[
        ("w_z", Input, 0),
        ("w_r", Input, 1),
        ("w_n", Input, 2),
        ("u_z", Recurrent, 0),
        ("u_r", Recurrent, 1),
        ("u_n", Recurrent, 2),
        ("beta_z", Bias, 0),
        ("beta_r", Bias, 1),
        // The reset gate multiplies one of the candidate's biases, so they stay apart.
        ("beta_n", InputBias, 2),
        ("beta_u", RecurrentBias, 2),
    ],
};

const GRU_RESET_BEFORE: Form = Form {
    name: "GRU with reset_after=False",
    cell: GruResetBefore::SPEC,
    gates: 3,
    parts: &[
        ("w_z", Input, 0),
        ("w_r", Input, 1),
        ("w_n", Input, 2),
        ("u_z", Recurrent, 0),
        ("u_r", Recurrent, 1),
        ("u_n", Recurrent, 2),
        ("beta_z", Bias, 0),
        ("beta_r", Bias, 1),
        ("beta_n", Bias, 2),
    ],
};

const SIMPLE_RNN: Form = Form {
    name: "SimpleRNN",
    cell: ElmanRnn::SPEC,
    gates: 1,
    parts: ONE_GATE,
};

const SIMPLE_RNN_RELU: Form = Form {
    name: "SimpleRNN with activation=\"relu\"",
    cell: ReluRnn::SPEC,
    gates: 1,
    parts: ONE_GATE,
};

/// All of them.
const ALL: [&Form; 5] = [
    &LSTM,
    &GRU_RESET_AFTER,
    &GRU_RESET_BEFORE,
    &SIMPLE_RNN,
    &SIMPLE_RNN_RELU,
];

/// The layer of a cell, or the error that Keras has none for `part`.
pub(super) fn of_cell(spec: &CellSpec, part: &str) -> Result<&'static Form> {
    let found = ALL.into_iter().find(|form| form.cell == *spec);
    found.ok_or_else(|| {
        let known = ALL.map(|form| form.cell.name);
        Error::Unrepresentable {
            format: "Keras",
            part: format!("`{part}`"),
            reason: format!(
                "Keras has no layer of {}; it has those of {}",
                spec.name,
                known.join(", ")
            ),
        }
    })
}

/// Whether the layer keeps two biases apart, as the two rows of one tensor.
pub(super) fn has_two_biases(form: &Form) -> bool {
    form.parts.iter().any(|part| part.1 == RecurrentBias)
}
