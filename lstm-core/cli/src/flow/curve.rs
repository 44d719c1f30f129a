//! Scaling factors over the steps that an error travelled.

use faer::MatRef;
use lstm_core::{Cell, Recurrent};
use serde::Serialize;

use super::rnn::{Agreement, SimpleRnn};
use super::travel::{Trajectory, travel};
use crate::failure::Failure;

/// How much of an error arrives, over the steps back.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    /// What sets it apart from the other curves.
    pub label: String,
    /// The cell.
    pub cell: &'static str,
    /// The quantity where the error starts.
    pub from: String,
    /// The quantity where it is read.
    pub to: String,
    /// The factor after 1, 2, .. steps: of one unit to one unit with its sign, otherwise a length. What overflows is null
    /// in JSON.
    pub factors: Vec<f64>,
    /// For simple recurrent networks, how well the kernels agree with the formulas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}

/// Between which quantities and units an error travels.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The carried quantity where it starts; every one by itself if none is chosen.
    pub from: Option<String>,
    /// The carried quantity where it is read; the one where it started if none is chosen.
    pub to: Option<String>,
    /// The unit where it starts; each in turn if none is chosen.
    pub unit: Option<usize>,
    /// The unit where it is read; all together if none is chosen.
    pub to_unit: Option<usize>,
}

impl Choice {
    /// What arrives, as one number. `factors` has a column for each unit where an error of 1 started. With a unit to read
    /// it is that unit's factor, otherwise the length of all that arrives; over several starts the root of the mean square.
    fn measure(&self, factors: MatRef<'_, f64>) -> f64 {
        let rows = match self.to_unit {
            Some(unit) => factors.subrows(unit, 1),
            None => factors,
        };
        match rows.shape() {
            (1, 1) => rows[(0, 0)],
            (_, starts) => rows.norm_l2() / (starts as f64).sqrt(),
        }
    }

    /// The units where errors start, out of so many.
    fn starts(&self, units: usize) -> Result<Vec<usize>, Failure> {
        match self.unit {
            None => Ok((0..units).collect()),
            Some(unit) => Ok(vec![within("--unit", unit, units)?]),
        }
    }

    /// Refuses a unit to read that is not one of so many.
    fn check_end(&self, units: usize) -> Result<(), Failure> {
        self.to_unit
            .map_or(Ok(0), |unit| within("--to-unit", unit, units))?;
        Ok(())
    }
}

fn within(option: &'static str, unit: usize, units: usize) -> Result<usize, Failure> {
    match unit < units {
        true => Ok(unit),
        false => Err(Failure::Options(format!(
            "{option} is {unit}, but must be less than {units}, the number of units; the first is 0"
        ))),
    }
}

/// The curves of a layer on a trajectory.
///
/// Simple recurrent networks have one, of the error signal ϑ of the net input, as the papers have it. Other cells, and these
/// if a quantity is chosen, have one for each carried quantity.
pub fn curves<C: Cell>(
    label: &str,
    layer: &Recurrent<C, f64>,
    trajectory: &Trajectory,
    choice: &Choice,
) -> Result<Vec<Curve>, Failure> {
    if let (Some(rnn), None) = (SimpleRnn::of(&C::SPEC), &choice.from) {
        return Ok(vec![net_input(label, rnn, layer, trajectory, choice)?]);
    }
    let carried = C::SPEC.carried;
    let starts = match &choice.from {
        Some(name) => vec![Recurrent::<C, f64>::carried(name)?],
        None => (0..carried.len()).collect(),
    };
    let mut found = Vec::new();
    for &from in &starts {
        let to = match &choice.to {
            Some(name) => Recurrent::<C, f64>::carried(name)?,
            None => from,
        };
        let zero = layer.zero_state(0)?;
        let units = choice.starts(zero.get(from).nrows())?;
        choice.check_end(zero.get(to).nrows())?;
        let mut error = layer.zero_state(units.len())?;
        for (sample, &unit) in units.iter().enumerate() {
            error.get_mut(from)[(unit, sample)] = 1.0;
        }
        let mut factors = Vec::new();
        travel(layer, trajectory, &mut error, |_, error| {
            factors.push(choice.measure(error.get(to)));
        })?;
        let (from, to) = (carried[from].symbol, carried[to].symbol);
        let way = match from == to {
            true => from.to_owned(),
            false => format!("{from} → {to}"),
        };
        let label = match (label, starts.len()) {
            ("", _) => way,
            (label, 1) => label.to_owned(),
            (label, _) => format!("{way}, {label}"),
        };
        found.push(Curve {
            label,
            cell: C::SPEC.name,
            from: from.to_owned(),
            to: to.to_owned(),
            factors,
            agreement: None,
        });
    }
    Ok(found)
}

/// The symbol of the papers for the error signal of a net input.
const NET_INPUT: &str = "ϑ";

fn net_input<C: Cell>(
    label: &str,
    rnn: SimpleRnn,
    layer: &Recurrent<C, f64>,
    trajectory: &Trajectory,
    choice: &Choice,
) -> Result<Curve, Failure> {
    let units = layer.output_len();
    choice.check_end(units)?;
    let starts = choice.starts(units)?;
    let mut factors = Vec::new();
    let agreement = rnn.travel(layer, trajectory, |_, all| {
        let from = match starts[..] {
            [one] => all.subcols(one, 1),
            _ => all,
        };
        factors.push(choice.measure(from));
    })?;
    Ok(Curve {
        label: match label {
            "" => NET_INPUT.to_owned(),
            label => label.to_owned(),
        },
        cell: C::SPEC.name,
        from: NET_INPUT.to_owned(),
        to: NET_INPUT.to_owned(),
        factors,
        agreement: Some(agreement),
    })
}
