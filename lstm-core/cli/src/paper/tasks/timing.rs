//! What the three tasks of 2002 have in common: one block of one cell between an input and an output, and how it learns.

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::args::finite;
use crate::paper::design::Design;
use crate::paper::online::Descent;
use crate::paper::output::Squash;
use crate::paper::stream_task::Lengths;
use crate::paper::topology::{Bias, Topology};

/// Options of all three tasks.
#[derive(Debug, Clone, Copy, Args, Serialize)]
pub struct Gates {
    /// Whether gates see the state of the cell
    #[arg(long, value_enum, default_value_t = Peepholes::With)]
    pub peepholes: Peepholes,
    /// Where the bias of the forget gate starts: the paper's -2 nearly closes it, with 2 the state lasts for some steps from the start
    #[arg(long, value_name = "B", default_value_t = FORGET_BIAS, value_parser = finite)]
    pub forget_bias: f64,
}

/// What the paper says.
pub const FORGET_BIAS: f64 = -2.0;

impl Gates {
    /// Whether they are the paper's, or those with the other sign of the forget gate's bias. The paper's sign nearly closes a gate
    /// that the tasks need open, so it may be meant for another convention: its figures are shown beside both.
    pub fn are_published(&self) -> bool {
        self.forget_bias.abs() == FORGET_BIAS.abs()
    }
}

/// Whether gates see the state of their cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peepholes {
    /// Gates see the state
    With,
    /// Gates see cell outputs only, as in 2000
    Without,
}

/// Streams are long enough after so many spikes or periods: those to learn from, and those of the test. The paper says so of
/// spikes; periods are taken to count as much.
pub const LENGTHS: Lengths = Lengths {
    training: 100,
    test: 1000,
    tests: 1,
};

/// The network of 17 weights, or 14 without peepholes.
pub fn design(gates: Gates, squash: Squash) -> Design {
    Design {
        topology: Topology {
            inputs: 1,
            blocks: 1,
            cells: 1,
            outputs: 1,
            bias: Bias::All,
            output_bias: true,
            range: 0.1,
            start: vec![
                ("beta_in", vec![0.0]),
                ("beta_phi", vec![gates.forget_bias]),
                ("beta_out", vec![2.0]),
            ],
        },
        shortcuts: false,
        squash,
        fixed: match gates.peepholes {
            Peepholes::With => Vec::new(),
            Peepholes::Without => vec![("p_in", 0.0), ("p_phi", 0.0), ("p_out", 0.0)],
        },
    }
}

/// The rate of all three tasks, which stays what it is.
pub fn descent(momentum: f64) -> (Descent, f64) {
    let rate = 1e-5;
    (Descent { rate, momentum }, 1.0)
}
