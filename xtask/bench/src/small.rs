//! Networks of a few units, one sequence at a time, in training: what a call costs beside its arithmetic.

use std::io::Write;

use serde::Serialize;

use crate::arguments::Arguments;
use crate::cells::Shipped;
use crate::failure::{Failure, json};
use crate::grid::Point;
use crate::measure::{Parts, Setting};

/// Units of the networks.
const UNITS: [usize; 6] = [1, 2, 4, 6, 8, 12];

/// Steps of a sequence.
const STEPS: usize = 100;

/// Inputs.
const INPUTS: usize = 2;

/// Measures the parts of a training pass for a cell that is known only by name.
pub type MeasureParts = fn(Shipped, Point, &Setting) -> Result<Parts, Failure>;

/// A line of the table.
#[derive(Debug, Serialize)]
struct Row {
    cell: &'static str,
    units: usize,
    #[serde(flatten)]
    parts: Parts,
}

/// Measures `cells` and prints each line as soon as it is known.
pub fn run(
    cells: &[Shipped],
    arguments: &Arguments,
    measure: MeasureParts,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let setting = arguments.setting();
    if !arguments.json {
        writeln!(
            output,
            "{}, {}, batch 1, {STEPS} steps, {INPUTS} inputs: ns a step, medians; packing is once a sequence.\n\n{:<20} {:>5} {:>9} {:>9} {:>9}",
            setting.width,
            setting.dtype.name(),
            "cell",
            "units",
            "forward",
            "backward",
            "packing",
        )?;
    }
    for &cell in cells {
        for units in UNITS {
            let point = Point {
                batch: 1,
                steps: STEPS,
                inputs: INPUTS,
                hidden: units,
            };
            let parts = measure(cell, point, &setting)?;
            match arguments.json {
                true => writeln!(
                    output,
                    "{}",
                    json(&Row {
                        cell: cell.name(),
                        units,
                        parts,
                    })?
                )?,
                false => writeln!(
                    output,
                    "{cell:<20} {units:>5} {:>9.1} {:>9.1} {:>9.1}",
                    parts.forward_ns, parts.backward_ns, parts.pack_ns
                )?,
            }
            output.flush()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn every_size_has_a_line() {
        let arguments = Arguments::parse_from(["bench", "--small", "--width", "scalar"]);
        let measure: MeasureParts = |_, point, _| {
            Ok(Parts {
                forward_ns: point.hidden as f64,
                backward_ns: 2.0,
                pack_ns: 0.5,
            })
        };
        let mut output = Vec::new();
        run(&[Shipped::Lstm], &arguments, measure, &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        let last = text.lines().last().unwrap();
        assert_eq!(
            last,
            "lstm                    12      12.0       2.0       0.5"
        );
        assert_eq!(text.lines().count(), 3 + UNITS.len());
    }
}
