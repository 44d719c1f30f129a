//! The gradients of the shipped cells, in f64 and f32.

use lstm_kernels::cells;

use super::{check, single};

#[test]
fn elman_rnn() {
    check::<cells::ElmanRnn>(
        include_str!("../../../lstm-kernels/cells/elman_rnn.rs"),
        single::<cells::ElmanRnn>,
    );
}

#[test]
fn gru_reset_after() {
    check::<cells::GruResetAfter>(
        include_str!("../../../lstm-kernels/cells/gru_reset_after.rs"),
        single::<cells::GruResetAfter>,
    );
}

#[test]
fn gru_reset_before() {
    check::<cells::GruResetBefore>(
        include_str!("../../../lstm-kernels/cells/gru_reset_before.rs"),
        single::<cells::GruResetBefore>,
    );
}

#[test]
fn lstm() {
    check::<cells::Lstm>(
        include_str!("../../../lstm-kernels/cells/lstm.rs"),
        single::<cells::Lstm>,
    );
}

#[test]
fn lstm_1997() {
    check::<cells::Lstm1997>(
        include_str!("../../../lstm-kernels/cells/lstm_1997.rs"),
        single::<cells::Lstm1997>,
    );
}

#[test]
fn lstm_1997_truncated() {
    check::<cells::Lstm1997Truncated>(
        include_str!("../../../lstm-kernels/cells/lstm_1997_truncated.rs"),
        single::<cells::Lstm1997Truncated>,
    );
}

#[test]
fn lstm_2002_truncated() {
    check::<cells::Lstm2002Truncated>(
        include_str!("../../../lstm-kernels/cells/lstm_2002_truncated.rs"),
        single::<cells::Lstm2002Truncated>,
    );
}

#[test]
fn peephole_lstm() {
    check::<cells::PeepholeLstm>(
        include_str!("../../../lstm-kernels/cells/peephole_lstm.rs"),
        single::<cells::PeepholeLstm>,
    );
}

#[test]
fn projection_lstm() {
    check::<cells::ProjectionLstm>(
        include_str!("../../../lstm-kernels/cells/projection_lstm.rs"),
        single::<cells::ProjectionLstm>,
    );
}

#[test]
fn relu_rnn() {
    check::<cells::ReluRnn>(include_str!("relu_rnn_frozen.rs"), single::<cells::ReluRnn>);
}
