//! `cargo xtask show`: a cell at any stage of its compilation.

use clap::ValueEnum;
use lstm_derive_engine::emit::Root;
use lstm_derive_engine::model::Cell;
use lstm_derive_engine::{cost, plan, print};

use crate::definitions::{self, Definition, Failure};

/// A stage of the compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Equations, error signals, gradients, plan and cost.
    All,
    /// The equations as understood.
    Equations,
    /// The derived error signals.
    Errors,
    /// The gradients of the parameters.
    Gradients,
    /// Passes, products and memory.
    Plan,
    /// What the plan costs.
    Cost,
    /// The generated Rust.
    Code,
}

/// The text of a stage.
pub fn run(name: &str, stage: Stage, latex: bool) -> Result<String, Failure> {
    let definition = definitions::find(name)?;
    let text = match (stage, latex) {
        (Stage::Equations, true) => print::equations_latex(&definition.compiled.cell),
        (Stage::Errors, true) => {
            print::errors_latex(&definition.compiled.cell, &definition.compiled.derivation)
        }
        (_, true) => {
            return Err(Failure::Other(
                "--latex goes with the stages `equations` and `errors`".to_owned(),
            ));
        }
        (Stage::All, false) => [
            Stage::Equations,
            Stage::Errors,
            Stage::Gradients,
            Stage::Plan,
            Stage::Cost,
        ]
        .into_iter()
        .map(|stage| {
            Ok(format!(
                "{stage:?}\n{}\n",
                indent(&section(&definition, stage)?)
            ))
        })
        .collect::<Result<Vec<_>, Failure>>()?
        .join("\n"),
        (stage, false) => section(&definition, stage)?,
    };
    Ok(text)
}

fn section(definition: &Definition, stage: Stage) -> Result<String, Failure> {
    let compiled = &definition.compiled;
    let (cell, derivation) = (&compiled.cell, &compiled.derivation);
    Ok(match stage {
        Stage::All => String::new(),
        Stage::Equations => equations(cell),
        Stage::Errors => print::errors_with_origins(cell, derivation),
        Stage::Gradients => print::gradients(cell, derivation),
        Stage::Plan => plan::listing::listing(cell, &compiled.plan),
        Stage::Cost => cost::summary(cell, &compiled.plan),
        Stage::Code => {
            let tokens = compiled.emit(Root::Kernels, false);
            let file = syn::parse2(tokens).map_err(|error| {
                Failure::Other(format!("the emitted code is not Rust: {error}"))
            })?;
            prettyplease::unparse(&file)
        }
    })
}

/// The equations, and what parameters start from.
fn equations(cell: &Cell) -> String {
    let starts = print::starts(cell);
    let at_first = starts.lines().map(|start| format!("at first, {start}\n"));
    print::equations(cell) + &at_first.collect::<String>()
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("  {line}")
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}
