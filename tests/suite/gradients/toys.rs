//! Cells with what no shipped cell has: every function, sums over all units, scalars, a matrix used three times, products
//! in sequence, delay lines, element-wise inputs, exponential gates, units on their own, functions of functions, chains. In f64 alone, for the sake of compile time.

use lstm_core::cell;

use super::check;

include!("../toys/borrowed_names.rs");
include!("../toys/chains.rs");
include!("../toys/delay_line.rs");
include!("../toys/functions.rs");
include!("../toys/independent_units.rs");
include!("../toys/micro_steps.rs");
include!("../toys/normalised_lstm.rs");
include!("../toys/output_gain.rs");
include!("../toys/shared_blocks.rs");
include!("../toys/stabilised_lstm.rs");
include!("../toys/waiting_functions.rs");

#[test]
fn borrowed_names() {
    check::<Sweep>(include_str!("../toys/borrowed_names.rs"), |_, _, _, _| 0.0);
}

#[test]
fn chains() {
    check::<Chains>(include_str!("../toys/chains.rs"), |_, _, _, _| 0.0);
}

#[test]
fn delay_line() {
    check::<DelayLine>(include_str!("../toys/delay_line.rs"), |_, _, _, _| 0.0);
}

#[test]
fn functions() {
    check::<Functions>(include_str!("../toys/functions.rs"), |_, _, _, _| 0.0);
}

#[test]
fn independent_units() {
    check::<IndependentUnits>(
        include_str!("../toys/independent_units.rs"),
        |_, _, _, _| 0.0,
    );
}

#[test]
fn micro_steps() {
    check::<MicroSteps>(include_str!("../toys/micro_steps.rs"), |_, _, _, _| 0.0);
}

#[test]
fn normalised_lstm() {
    check::<NormalisedLstm>(include_str!("../toys/normalised_lstm.rs"), |_, _, _, _| 0.0);
}

#[test]
fn output_gain() {
    check::<OutputGain>(include_str!("../toys/output_gain.rs"), |_, _, _, _| 0.0);
}

#[test]
fn shared_blocks() {
    check::<SharedBlocks>(include_str!("../toys/shared_blocks.rs"), |_, _, _, _| 0.0);
}

#[test]
fn stabilised_lstm() {
    check::<StabilisedLstm>(include_str!("../toys/stabilised_lstm.rs"), |_, _, _, _| 0.0);
}

#[test]
fn waiting_functions() {
    check::<WaitingFunctions>(
        include_str!("../toys/waiting_functions.rs"),
        |_, _, _, _| 0.0,
    );
}
