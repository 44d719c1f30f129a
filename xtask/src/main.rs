//! Development verbs of the workspace: `cargo xtask gen`, `cargo xtask show`, `cargo xtask cells`, `cargo xtask fuzz`,
//! `cargo xtask bench`.

mod bench;
mod cells;
mod definitions;
mod fuzz;
mod generate;
mod names;
mod show;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::definitions::Failure;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Development verbs of the workspace")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write lstm-kernels/src/generated from lstm-kernels/cells.
    Gen {
        /// Write nothing; fail where a file is not what it would be.
        #[arg(long)]
        check: bool,
    },
    /// Print a stage of the compilation of a cell.
    Show {
        /// A shipped cell, by type or file, or as for `lstm train --cell` (`PeepholeLstm`, `peephole_lstm`, `peephole`), or the
        /// path of a file with a cell.
        cell: String,
        /// The stage.
        #[arg(value_enum, default_value_t = show::Stage::All)]
        stage: show::Stage,
        /// Print equations and error signals as LaTeX.
        #[arg(long)]
        latex: bool,
    },
    /// List the shipped cells.
    Cells {
        /// As a JSON array, one object per cell.
        #[arg(long)]
        json: bool,
    },
    /// Read damaged and hostile files; a failure says by which seed and number it can be repeated.
    Fuzz {
        /// How long.
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
        /// A whole number from which every file is made; by default one from the clock.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Measure the kernels; `cargo xtask bench --help` has the options.
    #[command(disable_help_flag = true)]
    Bench {
        /// What the measuring program takes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Gen { check } => generate::run(check),
        Verb::Show { cell, stage, latex } => show::run(&cell, stage, latex),
        Verb::Cells { json } => cells::run(json),
        Verb::Fuzz { minutes, seed } => return finish(fuzz::run(minutes, seed)),
        Verb::Bench { arguments } => return finish(bench::run(&arguments)),
    };
    let printed = outcome.and_then(|text| print(&text));
    finish(printed.map(|()| ExitCode::SUCCESS))
}

/// The exit code; a failure is said on the error output.
fn finish(outcome: Result<ExitCode, Failure>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what a verb found. A reader that has read enough, such as `head`, is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{}", text.trim_end()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Other(format!(
            "the output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}
