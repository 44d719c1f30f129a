//! `lstm flow`: how an error signal travels back in time.

pub mod args;
mod axis;
mod curve;
mod inputs;
mod layer;
mod numbers;
mod picture;
mod rnn;
mod scenes;
mod terminal;
mod theory;
mod training;
mod travel;

use std::io::{Write, stdout};

use lstm_core::io::write_atomic;
use serde::Serialize;

use self::args::Flow;
use self::curve::Curve;
use self::scenes::Setting;
use crate::cells;
use crate::failure::Failure;
use crate::output::{Form, Output, require_replaceable};
use crate::picture::PAPER;

/// Steps that a layer reads before errors travel, so that they do not end at a state of zeros.
const WARM_UP: usize = 20;

/// Everything that is shown.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the curves are of.
    pub title: String,
    /// Steps back.
    pub steps: usize,
    /// Where the random numbers started.
    pub seed: u64,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// Computes the curves that are asked for and shows them.
///
/// # Errors
/// Options that do not fit the cell, a model or text that cannot be used, files that cannot be written.
pub fn run(options: &Flow) -> Result<(), Failure> {
    let files = [
        Output::of("--svg", options.svg.as_deref(), Form::Svg),
        Output::of("--png", options.png.as_deref(), Form::Png),
        Output::of("--csv", options.csv.as_deref(), Form::Csv),
    ];
    let inputs = [&options.model, &options.text];
    require_replaceable(files.into_iter().flatten(), inputs.into_iter().flatten())?;
    let report = report(options)?;
    if let Some(path) = &options.svg {
        write_atomic(path, picture::svg(&report, &PAPER)?.as_bytes())?;
    }
    if let Some(path) = &options.png {
        write_atomic(path, &picture::png(&report)?)?;
    }
    if let Some(path) = &options.csv {
        write_atomic(path, &numbers::csv(&report)?)?;
    }
    let mut out = stdout().lock();
    match options.json {
        true => writeln!(out, "{}", numbers::json(&report)?)?,
        false => out.write_all(terminal::table(&report).as_bytes())?,
    }
    Ok(())
}

/// A picture for a page, with what is to be said about it.
pub struct Figure {
    /// An SVG element that takes the colours of the page.
    pub svg: String,
    /// How many units the layer has.
    pub units: usize,
    /// How many curves there are.
    pub curves: usize,
    /// Whether the curve is of the net input's error, and not of carried quantities.
    pub of_net_input: bool,
    /// Whether the cell has forget gates, which then have the bias that training starts with.
    pub has_forget_gate: bool,
}

/// The curves of the cell called `name`.
///
/// # Errors
/// A name that no cell has.
pub fn figure(name: &str) -> Result<Figure, Failure> {
    let options = Flow::of(name);
    let report = report(&options)?;
    Ok(Figure {
        svg: picture::inline(&report)?,
        units: options.units as usize,
        curves: report.curves.len(),
        of_net_input: report.curves.iter().any(|curve| curve.agreement.is_some()),
        has_forget_gate: cells::has_forget_gate(name),
    })
}

fn report(options: &Flow) -> Result<Report, Failure> {
    let setting = Setting {
        inputs: options.inputs as usize,
        units: options.units as usize,
        steps: options.steps as usize,
        seed: options.seed,
    };
    let (title, curves) = match (&options.model, &options.cell) {
        (Some(model), _) => layer::of_model(model, &setting, options)?,
        (None, Some(cell)) => layer::of_cell(cell, &setting, options)?,
        (None, None) => (
            "How much of an error arrives".to_owned(),
            scenes::all(&setting)?,
        ),
    };
    Ok(Report {
        title,
        steps: setting.steps,
        seed: setting.seed,
        curves,
    })
}
