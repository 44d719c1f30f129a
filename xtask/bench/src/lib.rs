//! `cargo xtask bench`: how fast the kernels are, against the machine's limits and against other libraries.
//!
//! - [`measure`] times the [`work`] of a cell at a point of the [`grid`].
//! - [`table`] holds the times against the machine's limits: its [`peak`] of arithmetic and what its caches deliver, in
//!   the model of [`roofline`].
//! - [`stream`] times one sample at a time, [`small`] the training of networks of a few units, [`long`] that on
//!   long sequences.
//! - [`peers`] holds them against other libraries.
//!
//! The program beside this library adds only the list of all cells in all number types: minutes of compilation that
//! the tests do without.

pub mod arguments;
pub mod cells;
pub mod failure;
pub mod grid;
pub mod long;
pub mod measure;
#[path = "../../src/names.rs"]
mod names;
pub mod peak;
pub mod peers;
pub mod roofline;
pub mod small;
pub mod statistics;
pub mod stream;
pub mod table;
pub mod work;

use std::io::Write;

use crate::arguments::{Arguments, Mode};
use crate::failure::Failure;
use crate::measure::{Measure, Report};
use crate::small::MeasureParts;

/// Does what the command line asks for.
///
/// # Errors
/// A measurement that cannot be made, or an output that cannot be written.
pub fn run(
    arguments: &Arguments,
    measure: Measure,
    measure_parts: MeasureParts,
    output: &mut impl Write,
) -> Result<(), Failure> {
    match arguments.mode() {
        Mode::Point(point, cells) => {
            let setting = arguments.setting();
            for cell in cells {
                let report = Report::new(cell, point, &setting, measure(cell, point, &setting)?);
                match arguments.json {
                    true => writeln!(output, "{}", failure::json(&report)?)?,
                    false => writeln!(output, "{report}")?,
                }
            }
            Ok(())
        }
        Mode::Table(cells) => table::run(&cells, arguments, measure, output),
        Mode::Stream => stream::run(arguments, output),
        Mode::Long => long::run(arguments, output),
        Mode::Small(cells) => small::run(&cells, arguments, measure_parts, output),
        Mode::Peers(cells) => {
            // A cell that the others lack is refused before hours of comparing those before it.
            (cells.iter()).try_for_each(|&cell| peers::PeerCell::of(cell).map(drop))?;
            (cells.into_iter()).try_for_each(|cell| peers::run(cell, arguments, output))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::measure::{Parts, Times};

    /// What is printed for these options, with a line of JSON for each cell, which other programs read.
    fn records(options: &[&str]) -> Vec<serde_json::Value> {
        let line = [&["bench", "--json"], options].concat();
        let mut output = Vec::new();
        let measure: Measure = |_, _, _| {
            Ok(Times {
                infer_ms: 0.25,
                train_ms: 1.0,
            })
        };
        let parts: MeasureParts = |_, _, _| {
            Ok(Parts {
                forward_ns: 1.0,
                backward_ns: 1.0,
                pack_ns: 1.0,
            })
        };
        run(&Arguments::parse_from(line), measure, parts, &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        let records = text.lines().map(serde_json::from_str);
        records.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_point_is_a_line_for_each_cell() {
        let point = ["--point", "1,2,3,4"];
        let [record] = &records(&point)[..] else {
            panic!("one line is expected")
        };
        assert_eq!(
            (&record["hidden"], &record["infer_ms"]),
            (&4.into(), &0.25.into())
        );
        let two = records(&[&point[..], &["--cell", "gru", "--cell", "elman"]].concat());
        let cells: Vec<_> = two.iter().map(|record| &record["cell"]).collect();
        assert_eq!(cells, ["gru_reset_after", "elman_rnn"]);
    }
}
