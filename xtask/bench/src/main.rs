//! `cargo xtask bench`: how fast the kernels are, against the machine's limits and against other libraries.

mod arguments;
mod cells;
mod failure;
mod grid;
mod measure;
mod peak;
mod roofline;
mod statistics;
mod table;
mod work;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use crate::arguments::{Arguments, Mode};
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has closed it: an end, not a mistake.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    match arguments.mode() {
        Mode::Point(point, cell) => {
            let times = measure::times(cell, point, &arguments.setting())?;
            let report = measure::Report::new(cell, point, &arguments.setting(), times);
            match arguments.json {
                true => writeln!(output, "{}", failure::json(&report)?)?,
                false => writeln!(output, "{report}")?,
            }
            Ok(())
        }
        Mode::Table(cells) => table::run(&cells, arguments, &mut output),
    }
}
