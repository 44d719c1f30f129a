//! `lstm derive`: the derivation of a cell, without compiling it, as text or as a page.

mod kernels;
mod page;
mod sections;
mod signals;
mod source;
mod unfolding;

use std::io::{Write, stdout};

use lstm_core::io::write_atomic;
use lstm_derive_engine::{Compiled, compile, parse};

use self::source::Source;
use crate::args::Derive;
use crate::failure::Failure;
use crate::flow;
use crate::output::{Form, Output, require_replaceable};

/// Prints what the equation compiler makes of a cell, or writes it as a page.
///
/// # Errors
/// A file that cannot be read or written, and what is wrong with its equations.
pub fn run(options: &Derive) -> Result<(), Failure> {
    let source = source::find(&options.cell)?;
    let Some(path) = &options.html else {
        let report = derivation(&source.text, &source.name)?;
        return Ok(stdout().write_all(report.as_bytes())?);
    };
    let out = Output::new("--html", path, Form::Html);
    require_replaceable([out], [&options.cell])?;
    let page = page(&source)?;
    write_atomic(path, page.as_bytes())?;
    Ok(writeln!(stdout().lock(), "Wrote {}.", path.display())?)
}

/// Equations, derived error signals, weight gradients and proofs of the cell in `source`, as text.
///
/// # Errors
/// What is wrong with the equations, with lines and columns in `file`.
pub fn derivation(source: &str, file: &str) -> Result<String, Failure> {
    lstm_derive_engine::report(source, file).map_err(Failure::Equations)
}

/// The page of the one cell in a source.
fn page(source: &Source) -> Result<String, Failure> {
    let compiled = only_cell(source)?;
    let shipped = source::shipped(&compiled.cell);
    let figure = shipped.map(flow::figure).transpose()?;
    Ok(page::page(&compiled, &source.name, figure.as_ref()).into_string())
}

fn only_cell(source: &Source) -> Result<Compiled, Failure> {
    let mistakes = |found: lstm_derive_engine::error::Diagnostics| {
        Failure::Equations(found.render(&source.text, &source.name))
    };
    let mut cells = parse::parse_file(&source.text).map_err(mistakes)?;
    match (cells.pop(), cells.len()) {
        (Some(cell), 0) => compile(cell).map_err(mistakes),
        (_, more) => Err(Failure::Options(format!(
            "{} holds {} cells, and a page is of one; put each into a file of its own",
            source.name,
            more + 1
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cell of this program, or one of which the text is given.
    pub(super) fn compiled(cell: &str) -> Compiled {
        let source = match source::find(cell.as_ref()) {
            Ok(source) => source,
            Err(_) => Source {
                name: "own.rs".to_owned(),
                text: cell.to_owned().into(),
            },
        };
        only_cell(&source).unwrap()
    }

    /// A cell with these equations, a matrix W for the input and U for the units.
    pub(super) fn with_equations(equations: &str) -> Compiled {
        compiled(&format!(
            "cell! {{ cell Own {{ size I, N; input x: [I]; param W: [N, I]; U: [N, N]; {equations} output h; }} }}"
        ))
    }

    /// A page without its tags.
    pub(super) fn words(page: &maud::Markup) -> String {
        let parts = page
            .0
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect()
    }
}
