//! What a check found.

use std::fmt;

use super::Here;
use crate::error::{Error, Result};

/// One number of a parameter: what the backward pass says its derivative is, and what the differences say.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The dotted name of the parameter.
    pub name: String,
    /// The place of the number among those of the parameter, first axis fastest.
    pub index: usize,
    /// Its row.
    pub row: usize,
    /// Its column.
    pub column: usize,
    /// The derivative by the backward pass.
    pub analytic: f64,
    /// The derivative by differences.
    pub numeric: f64,
    /// By how much the differences at several distances, such as h and 2h, disagree. Where this is not small against them the
    /// loss has a kink nearby, or bends faster than the step.
    pub spread: f64,
    /// How far the two derivatives are apart, less what rounding explains, in parts of the larger of them; infinite where
    /// one of them is not a finite number.
    pub relative_error: f64,
}

impl Entry {
    pub(super) fn new(
        here: Here<'_>,
        analytic: f64,
        numeric: f64,
        spread: f64,
        rounding: f64,
    ) -> Self {
        let beyond_rounding = (analytic - numeric).abs() - rounding;
        let relative_error = match beyond_rounding {
            _ if !analytic.is_finite() || !numeric.is_finite() => f64::INFINITY,
            beyond if beyond > 0.0 => beyond / analytic.abs().max(numeric.abs()),
            _ => 0.0,
        };
        let (row, column) = here.row_and_column();
        Self {
            name: here.shape.name.clone(),
            index: here.index,
            row,
            column,
            analytic,
            numeric,
            spread,
            relative_error,
        }
    }

    /// This one or another look at the same number, whichever comes closer to the gradient: no difference comes close to a
    /// wrong one.
    pub(super) fn or_better(self, other: Self) -> Self {
        let apart = (self.numeric - other.numeric).abs();
        let mut better = match other.relative_error < self.relative_error {
            true => other,
            false => self,
        };
        better.spread = better.spread.max(apart);
        better
    }

    /// Whether the derivatives are apart, and the differences among themselves nearly as much: a kink of the loss would do
    /// that, and a wrong term of the gradient would not.
    pub fn may_have_a_kink(&self) -> bool {
        let apart = (self.analytic - self.numeric).abs();
        self.relative_error > 0.0 && self.spread > 0.1 * apart
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            row,
            column,
            analytic,
            numeric,
            relative_error,
            ..
        } = self;
        write!(
            f,
            "`{name}`[{row}, {column}]: {analytic:.9e} by the backward pass, {numeric:.9e} by differences, relative error {relative_error:.1e}"
        )?;
        match self.may_have_a_kink() {
            true => write!(
                f,
                " (differences at other steps are {:.1e} apart: the loss may have a kink there)",
                self.spread
            ),
            false => Ok(()),
        }
    }
}

/// What a check found: the worst number of each parameter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The loss at the parameters as they are.
    pub loss: f64,
    /// How many numbers the model has.
    pub total: usize,
    /// How many of them were looked at.
    pub checked: usize,
    /// Of each parameter the number with the largest relative error, in the order of the parameters.
    pub parameters: Vec<Entry>,
}

impl Report {
    pub(super) fn new(loss: f64, total: usize) -> Self {
        Self {
            loss,
            total,
            checked: 0,
            parameters: Vec::new(),
        }
    }

    /// Takes the next number, of the same parameter as the last one or of a new one.
    pub(super) fn add(&mut self, entry: Entry) {
        self.checked += 1;
        match self.parameters.last_mut() {
            Some(last) if last.name == entry.name => {
                if entry.relative_error > last.relative_error {
                    *last = entry;
                }
            }
            _ => self.parameters.push(entry),
        }
    }

    /// The number with the largest relative error; none if the model has no parameters.
    pub fn worst(&self) -> Option<&Entry> {
        let mut worst: Option<&Entry> = None;
        for entry in &self.parameters {
            if worst.is_none_or(|worst| entry.relative_error > worst.relative_error) {
                worst = Some(entry);
            }
        }
        worst
    }

    /// The largest relative error; 0 if there is nothing to compare.
    pub fn relative_error(&self) -> f64 {
        self.worst().map_or(0.0, |worst| worst.relative_error)
    }

    /// Whether no relative error is larger than `tolerance`.
    pub fn passed(&self, tolerance: f64) -> bool {
        self.relative_error() <= tolerance
    }

    /// The same as an error that names the worst parameter.
    ///
    /// # Errors
    /// A relative error larger than `tolerance`.
    pub fn require(&self, tolerance: f64) -> Result<()> {
        match self.worst() {
            Some(worst) if !self.passed(tolerance) => Err(Error::Gradient {
                entry: Box::new(worst.clone()),
                tolerance,
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            loss,
            total,
            checked,
            parameters,
        } = self;
        write!(
            f,
            "loss {loss:.9e}; {checked} of {total} numbers compared; the worst of each parameter:"
        )?;
        parameters
            .iter()
            .try_for_each(|entry| write!(f, "\n    {entry}"))
    }
}
