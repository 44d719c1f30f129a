//! `lstm paper`: the experiments of the LSTM papers, over many seeds, beside the published figures.
//!
//! | file | what it holds |
//! |---|---|
//! | `tasks/` | the experiments, one a file: sequences, topology, criterion, published figure |
//! | `task.rs` | what makes an experiment, and the training of one network on it |
//! | `sequence.rs` | a sequence with its targets |
//! | `topology.rs` | which weights a network has and where they start |
//! | `network.rs`, `traces.rs` | a network that learns after each sequence, or after each step |
//! | `stream_task.rs` | the same as `task.rs` for experiments on endless streams |
//! | `design.rs`, `online.rs`, `output.rs` | their networks, which learn at every step |
//! | `cells.rs` | the cells that the library does not ship |
//! | `criterion.rs` | when a task is solved |
//! | `experiment.rs`, `runner.rs` | seeds over threads, progress |
//! | `results.rs`, `report.rs` | finished networks in a file; the table |

mod args;
mod cells;
mod criterion;
mod design;
mod experiment;
mod network;
mod online;
mod output;
mod reber;
mod report;
mod results;
mod runner;
mod sequence;
mod stream_task;
mod task;
mod tasks;
mod topology;
mod traces;

use std::io::{Write, stdout};

pub use args::Paper;
use args::{Choice, Common};
use experiment::Experiment;

use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// Trains the networks that are not in the results file yet, and prints the table.
///
/// # Errors
/// A results file that cannot be read or written; Ctrl-C or a signal.
pub fn run(options: &Paper) -> Result<(), Failure> {
    let (experiment, common) = chosen(&options.task)?;
    let interrupt = Interrupt::listen()?;
    let trials = runner::run(&experiment, common, &|| interrupt.came())?;
    let report = report::Report::new(&experiment, trials);
    let text = match common.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => report.markdown(),
    };
    Ok(stdout().write_all(text.as_bytes())?)
}

fn chosen(choice: &Choice) -> Result<(Experiment<'_>, &Common), Failure> {
    Ok(match choice {
        Choice::EmbeddedReber(with) => (Experiment::of_sequences(with)?, &with.common),
        Choice::LongLag(with) => (Experiment::of_sequences(with)?, &with.common),
        Choice::TwoSequence(with) => (Experiment::of_sequences(with)?, &with.common),
        Choice::Multiplication(with) => (Experiment::of_sequences(with)?, &with.common),
        Choice::Adding(with) => (Experiment::of_sequences(with)?, &with.common),
        Choice::TemporalOrder(with) => (Experiment::of_sequences(with)?, &with.common),
        Choice::ContinualReber(with) => (Experiment::of_streams(with)?, &with.common),
        Choice::SpikeDelays(with) => (Experiment::of_streams(with)?, &with.common),
        Choice::TimedSpikes(with) => (Experiment::of_streams(with)?, &with.common),
        Choice::PeriodicFunction(with) => (Experiment::of_streams(with)?, &with.common),
    })
}
