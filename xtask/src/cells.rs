//! `cargo xtask cells`: what is shipped.

use std::collections::BTreeMap;
use std::fmt::Write;

use lstm_derive_engine::cost;
use serde::Serialize;

use crate::definitions::{self, Definition, Failure};

/// A shipped cell, in numbers.
#[derive(Debug, Serialize)]
struct Row {
    /// The type.
    name: String,
    /// The first paragraph of its documentation: what it is and where it comes from.
    source: String,
    /// The file that defines it.
    file: String,
    /// What is carried from step to step.
    carried: Vec<String>,
    /// Stages of the forward step.
    stages: usize,
    /// Values on the tape for each element of a shape, sample and step: `{"[N]": 4}`.
    tape: BTreeMap<String, usize>,
    /// Error signals that the definition states.
    errors_declared: usize,
    /// Those that the compiler proved.
    errors_proved: usize,
}

/// The list of cells.
pub fn run(json: bool) -> Result<String, Failure> {
    let rows: Vec<_> = definitions::all()?.iter().map(row).collect();
    if json {
        return serde_json::to_string_pretty(&rows)
            .map_err(|error| Failure::Other(error.to_string()));
    }
    let mut text = String::new();
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:20} {}", row.name, row.source);
        let tape = row
            .tape
            .iter()
            .map(|(shape, count)| format!("{count} {shape}"));
        let tape: Vec<_> = tape.collect();
        let _ = writeln!(
            text,
            "{:20} {}; carries {}; {} stage{}; tape {}; {} of {} error signals proved",
            "",
            row.file,
            row.carried.join(", "),
            row.stages,
            if row.stages == 1 { "" } else { "s" },
            tape.join(" + "),
            row.errors_proved,
            row.errors_declared
        );
    }
    Ok(text)
}

fn row(definition: &Definition) -> Row {
    let compiled = &definition.compiled;
    let cell = &compiled.cell;
    let cost = cost::cost(cell, &compiled.plan);
    let paragraph: Vec<_> = cell
        .docs
        .iter()
        .map(|line| line.trim())
        .take_while(|line| !line.is_empty())
        .collect();
    Row {
        name: cell.name.to_string(),
        source: paragraph.join(" "),
        file: definition.source.clone(),
        carried: cell
            .carried()
            .map(|id| cell.quantity(id).name.symbol.clone())
            .collect(),
        stages: cost.forward.stages,
        tape: (cost.tape_by_shape().into_iter())
            .map(|(shape, count)| (cell.shape_text(&shape), count))
            .collect(),
        errors_declared: cell.signals.len(),
        errors_proved: compiled.proof.signals.len(),
    }
}
