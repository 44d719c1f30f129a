//! `lstm derive`: the derivation of a cell, without compiling it.

use std::io::{Write, stdout};

use crate::args::Derive;
use crate::corpus::read_text;
use crate::failure::Failure;

/// Prints what the equation compiler makes of a file.
///
/// # Errors
/// A file that cannot be read, and what is wrong with its equations.
pub fn run(options: &Derive) -> Result<(), Failure> {
    let source = read_text(&options.file)?;
    let report = derivation(&source, &options.file.display().to_string())?;
    Ok(stdout().write_all(report.as_bytes())?)
}

/// Equations, derived error signals, weight gradients and proofs of the cell in `source`, as text.
///
/// # Errors
/// What is wrong with the equations, with lines and columns in `file`.
pub fn derivation(source: &str, file: &str) -> Result<String, Failure> {
    lstm_derive_engine::report(source, file).map_err(Failure::Equations)
}
