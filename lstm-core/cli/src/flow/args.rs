//! Options of `lstm flow`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use lstm_core::Cell;

use super::curve::Choice;
use super::rnn::LogisticRnn;
use crate::args::{finite, size, whole};
use crate::cells;

/// The cell that only this verb knows.
pub const LOGISTIC: &str = "logistic-rnn";

/// Unless others are given.
const STEPS: u64 = 60;
const UNITS: u64 = 16;
const INPUTS: u64 = 4;

/// Options of `lstm flow`.
#[derive(Args)]
#[command(group(ArgGroup::new("layer").args(["cell", "model"])))]
pub struct Flow {
    /// The cell; logistic-rnn, of the analysis of vanishing errors, is known to this verb alone [default: the scenes of the papers, side by side]
    #[arg(long, value_name = "NAME", value_parser = cells::names(&[LOGISTIC]))]
    pub cell: Option<String>,
    /// A model that `lstm train` saved: its layer at the start of training and as it is now
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["units", "inputs", "strength", "train"])]
    pub model: Option<PathBuf>,
    /// The text that the model reads, in UTF-8; `-` is the standard input [default: the sources and documents of this program]
    #[arg(long, value_name = "FILE", requires = "model")]
    pub text: Option<PathBuf>,
    /// Steps that errors travel back
    #[arg(long, value_name = "Q", default_value_t = STEPS, value_parser = size(100_000))]
    pub steps: u64,
    /// Units of the layer
    #[arg(long, value_name = "N", default_value_t = UNITS, value_parser = size(2048))]
    pub units: u64,
    /// Features of the input, which is noise
    #[arg(long, value_name = "I", default_value_t = INPUTS, value_parser = size(2048))]
    pub inputs: u64,
    /// Biases of the forget gate, with commas between; each makes a layer [default: 1]
    #[arg(
        long,
        value_name = "B,..",
        value_delimiter = ',',
        value_parser = finite,
        allow_hyphen_values = true,
        conflicts_with = "model",
        requires = "cell"
    )]
    pub forget_bias: Vec<f64>,
    /// What the recurrent matrices are multiplied by once they are drawn
    #[arg(
        long,
        value_name = "R",
        default_value_t = 1.0,
        value_parser = finite,
        requires = "cell"
    )]
    pub strength: f64,
    /// Trains the layer for so many updates to recall the first step, and shows it before and after
    #[arg(long, value_name = "UPDATES", value_parser = whole(0..=u64::MAX), requires = "cell")]
    pub train: Option<u64>,
    /// The carried quantity where the error starts, such as c [default: each by itself; the net input of a simple RNN]
    #[arg(long, value_name = "QUANTITY", requires = "layer")]
    pub from: Option<String>,
    /// The carried quantity where it is read [default: where it starts]
    #[arg(long, value_name = "QUANTITY", requires = "from")]
    pub to: Option<String>,
    /// The unit where the error starts, from 0 [default: each in turn, and the root of the mean square]
    #[arg(long, value_name = "UNIT", value_parser = whole(0..=u64::MAX), requires = "layer")]
    pub unit: Option<u64>,
    /// The unit where it is read, from 0 [default: all, as the length of what arrives]
    #[arg(long, value_name = "UNIT", value_parser = whole(0..=u64::MAX), requires = "layer")]
    pub to_unit: Option<u64>,
    /// Where the random numbers start
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(0..=u64::MAX))]
    pub seed: u64,
    /// Where to save the picture as SVG
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Where to save the picture as PNG
    #[arg(long, value_name = "FILE")]
    pub png: Option<PathBuf>,
    /// Where to save the numbers as CSV: a row a step, a column a curve
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Prints everything as JSON instead of the table
    #[arg(long)]
    pub json: bool,
}

impl Flow {
    /// The options of `lstm flow --cell NAME`, all others as by default.
    pub fn of(name: &str) -> Self {
        Self {
            cell: Some(name.to_owned()),
            model: None,
            text: None,
            steps: STEPS,
            units: UNITS,
            inputs: INPUTS,
            forget_bias: Vec::new(),
            strength: 1.0,
            train: None,
            from: None,
            to: None,
            unit: None,
            to_unit: None,
            seed: 1,
            svg: None,
            png: None,
            csv: None,
            json: false,
        }
    }

    /// Between which quantities and units errors travel.
    pub fn choice(&self) -> Choice {
        Choice {
            from: self.from.clone(),
            to: self.to.clone(),
            unit: self.unit.map(|unit| unit as usize),
            to_unit: self.to_unit.map(|unit| unit as usize),
        }
    }

    /// Whether `name` is the cell that only this verb knows.
    pub fn is_logistic(name: &str) -> bool {
        name == LOGISTIC || name == LogisticRnn::SPEC.name
    }
}
