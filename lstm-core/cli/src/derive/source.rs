//! Where a cell is written.

use std::borrow::Cow;
use std::path::Path;

use lstm_derive_engine::model::Cell;
use lstm_derive_engine::print;

use crate::cells;
use crate::corpus::{cell_source, is_stdin, read_text};
use crate::failure::Failure;

/// A text with a cell.
pub struct Source {
    /// Where it is, for people.
    pub name: String,
    /// What stands there.
    pub text: Cow<'static, str>,
}

/// The source behind what stands on the command line: a cell of this program, or else a file.
pub fn find(cell: &Path) -> Result<Source, Failure> {
    if let Some((file, spec_name)) = cell.to_str().and_then(cells::file_of) {
        return match cell_source(file) {
            Some((name, text)) => Ok(Source {
                name: name.to_owned(),
                text: Cow::Borrowed(text),
            }),
            None => Err(Failure::Options(format!(
                "this program was built without the source of {spec_name}; give its file"
            ))),
        };
    }
    if is_stdin(cell) {
        return Ok(Source {
            // As compilers call it before lines and columns.
            name: "<stdin>".to_owned(),
            text: Cow::Owned(read_text(cell)?),
        });
    }
    match cell.exists() {
        true => Ok(Source {
            name: cell.display().to_string(),
            text: Cow::Owned(read_text(cell)?),
        }),
        false => Err(Failure::Options(format!(
            "cannot read {}: it is neither a file nor a cell of this program, which knows {}",
            cell.display(),
            cells::NAMES.join(", ")
        ))),
    }
}

/// The name, for `--cell`, of the cell of this program that has these equations.
pub fn shipped(cell: &Cell) -> Option<&'static str> {
    cells::with_equations(&print::equations(cell))
}
