//! The command `lstm`: trains language models of characters and words, lets them write, derives the error signals of a
//! cell, and shows how they travel back in time.

mod args;
mod best;
mod cells;
mod corpus;
mod derive;
mod failure;
mod flow;
mod generate;
mod held;
mod interrupt;
mod kind;
mod larger;
mod lm;
mod output;
mod paper;
mod picture;
mod progress;
mod train;
mod validation;

use std::process::ExitCode;

use crate::args::Command;
use crate::failure::Failure;

fn main() -> ExitCode {
    let done = match args::parse() {
        Ok(Command::Train(options)) => train::run(&options),
        Ok(Command::Generate(options)) => generate::run(&options),
        Ok(Command::Derive(options)) => derive::run(&options),
        Ok(Command::Paper(options)) => paper::run(&options),
        Ok(Command::Flow(options)) => flow::run(&options),
        Ok(Command::Lm(verb)) => lm::run(&verb),
        Err(code) => return code,
    };
    done.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}
