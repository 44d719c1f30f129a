//! The recurrent modules of PyTorch, and which cells they are.

use lstm_kernels::cells::{ElmanRnn, GruResetAfter, Lstm, ProjectionLstm, ReluRnn};
use lstm_kernels::{Cell, Element};

use crate::bridge::gates::{Form, Make, Part, Role::*, Tensors};

/// `torch.nn.RNN` has one block of rows, so that any function of it fits.
const ONE_GATE: &[Part] = &[("w", Input, 0), ("u", Recurrent, 0), ("beta", Bias, 0)];

const RNN_TANH: Form = Form {
    name: "nn.RNN",
    cell: ElmanRnn::SPEC,
    gates: 1,
    parts: ONE_GATE,
};

const RNN_RELU: Form = Form {
    name: "nn.RNN",
    cell: ReluRnn::SPEC,
    gates: 1,
    parts: ONE_GATE,
};

const LSTM: Form = Form {
    name: "nn.LSTM",
    cell: Lstm::SPEC,
    gates: 4,
    // All but the projection.
    parts: PROJECTION.parts.split_at(12).0,
};

const PROJECTION: Form = Form {
    name: "nn.LSTM",
    cell: ProjectionLstm::SPEC,
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
        ("p", Projection, 0),
    ],
};

const GRU: Form = Form {
    name: "nn.GRU",
    cell: GruResetAfter::SPEC,
    gates: 3,
    parts: &[
        ("w_r", Input, 0),
        ("w_z", Input, 1),
        ("w_n", Input, 2),
        ("u_r", Recurrent, 0),
        ("u_z", Recurrent, 1),
        ("u_n", Recurrent, 2),
        ("beta_r", Bias, 0),
        ("beta_z", Bias, 1),
        // The reset gate multiplies one of the candidate's biases, so they stay apart.
        ("beta_n", InputBias, 2),
        ("beta_u", RecurrentBias, 2),
    ],
};

/// An `nn.RNN` with `nonlinearity="tanh"`.
pub(super) fn rnn_tanh<T: Element>() -> Make<T> {
    (&RNN_TANH, Tensors::boxed::<ElmanRnn>)
}

/// An `nn.RNN` with `nonlinearity="relu"`.
pub(super) fn rnn_relu<T: Element>() -> Make<T> {
    (&RNN_RELU, Tensors::boxed::<ReluRnn>)
}

/// An `nn.LSTM` without `proj_size`.
pub(super) fn lstm<T: Element>() -> Make<T> {
    (&LSTM, Tensors::boxed::<Lstm>)
}

/// An `nn.LSTM` with `proj_size`.
pub(super) fn projection_lstm<T: Element>() -> Make<T> {
    (&PROJECTION, Tensors::boxed::<ProjectionLstm>)
}

/// An `nn.GRU`.
pub(super) fn gru<T: Element>() -> Make<T> {
    (&GRU, Tensors::boxed::<GruResetAfter>)
}

/// All of them.
pub(super) const ALL: [&Form; 5] = [&RNN_TANH, &RNN_RELU, &LSTM, &PROJECTION, &GRU];
