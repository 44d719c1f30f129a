//! A file of cells as a report to read: equations, error signals with what is proved, gradients.

use crate::adjoint::derive;
use crate::check::check;
use crate::model::Cell;
use crate::parse::{parse, parse_file};
use crate::print;
use crate::prove::prove;

/// Compiles every cell of a file as far as the proof and reports on each. The error is the text of all diagnostics.
pub fn report(source: &str, file: &str) -> Result<String, String> {
    let cells = parse_file(source).map_err(|diagnostics| diagnostics.render(source, file))?;
    let (mut reports, mut errors) = (Vec::new(), String::new());
    for tokens in cells {
        match parse(tokens)
            .and_then(|ast| check(&ast))
            .and_then(report_on)
        {
            Ok(report) => reports.push(report),
            Err(diagnostics) => errors.push_str(&diagnostics.render(source, file)),
        }
    }
    if errors.is_empty() {
        Ok(reports.join("\n"))
    } else {
        Err(errors)
    }
}

fn report_on(mut cell: Cell) -> Result<String, crate::error::Diagnostics> {
    let derivation = derive(&mut cell);
    let proof = prove(&mut cell, &derivation)?;

    let mut text = format!("{}\n", cell.name);
    let title = cell
        .docs
        .iter()
        .map(|line| line.trim())
        .take_while(|line| !line.is_empty());
    for line in title {
        text += &format!("{line}\n");
    }
    text += &section("Equations", &print::equations(&cell));
    let starts = print::starts(&cell);
    if !starts.is_empty() {
        text += &section("At first", &starts);
    }
    let errors = print::errors(&cell, &derivation);
    let proved: Vec<String> = proof
        .signals
        .iter()
        .map(|proved| format!("{}[t]", print::signal_symbol(&cell, proved.of)))
        .collect();
    let marked = errors.lines().map(|line| {
        let name = line.split(' ').next().unwrap_or_default();
        let mark = if proved.iter().any(|signal| signal == name) {
            "✓"
        } else {
            " "
        };
        format!("{mark} {line}\n")
    });
    let marked: String = marked.collect();
    let title = match proved.is_empty() {
        true => "Error signals",
        false => "Error signals (✓ stated in the source, and proved)",
    };
    text += &section(title, &marked);
    text += &section("Gradients", &print::gradients(&cell, &derivation));
    Ok(text)
}

fn section(title: &str, lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!("\n{title}\n{lines}")
}
