//! The grid, for every cell: times, operations per second, and how near they come to what the machine can do.

use std::io::Write;

use serde::Serialize;

use crate::arguments::{Arguments, Dtype};
use crate::cells::Shipped;
use crate::failure::{Failure, json};
use crate::grid::Point;
use crate::measure::{Measure, Report, Setting, Times};
use crate::roofline::Machine;
use crate::work::Load;

/// A kind of pass at a point, against the limits of the machine.
#[derive(Debug, Serialize)]
struct Pass {
    ms: f64,
    gflops: f64,
    /// Of the peak.
    peak_share: f64,
    /// What sets the least time.
    bound: &'static str,
    /// The least time over the measured one.
    bound_share: f64,
}

/// A line of the table.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    report: Report,
    infer: Pass,
    train: Pass,
}

/// Measures the machine, then `cells` over the grid, and prints each line as soon as it is known.
pub fn run(
    cells: &[Shipped],
    arguments: &Arguments,
    measure: Measure,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let setting = arguments.setting();
    let machine = match setting.dtype {
        Dtype::F32 => Machine::measure::<f32>(setting.width, setting.threads)?,
        Dtype::F64 => Machine::measure::<f64>(setting.width, setting.threads)?,
    };
    match arguments.json {
        true => writeln!(output, "{}", json(&machine)?)?,
        false => write!(output, "{}", heading(&machine))?,
    }
    for &cell in cells {
        for point in arguments.points() {
            let times = measure(cell, point, &setting)?;
            let row = row(cell, point, &setting, times, &machine);
            match arguments.json {
                true => writeln!(output, "{}", json(&row)?)?,
                false => writeln!(output, "{}", line(cell, point, &row))?,
            }
            output.flush()?;
        }
    }
    Ok(())
}

fn row(cell: Shipped, point: Point, setting: &Setting, times: Times, machine: &Machine) -> Row {
    let load = Load::new(cell.spec(), &point);
    let bytes = load.recurrent_weights * setting.dtype.bytes();
    let pass = |ms: f64, flops: usize, reads: usize| {
        let bound = machine.bound(flops as f64, bytes, reads);
        let gflops = flops as f64 / ms / 1e6;
        Pass {
            ms,
            gflops,
            peak_share: gflops / machine.peak_gflops,
            bound: bound.name,
            bound_share: bound.ms / ms,
        }
    };
    Row {
        infer: pass(times.infer_ms, load.infer_flops, point.steps),
        train: pass(times.train_ms, 3 * load.infer_flops, 2 * point.steps),
        report: Report::new(cell, point, setting, times),
    }
}

fn heading(machine: &Machine) -> String {
    let Machine {
        width,
        dtype,
        threads,
        peak_gflops,
        levels,
    } = machine;
    let plural = if *threads == 1 { "" } else { "s" };
    let mut text =
        format!("{width}, {dtype}, {threads} thread{plural}: peak {peak_gflops:.1} GFLOP/s; reads");
    for level in levels {
        text += &format!(" {} {:.0} GB/s", level.name, level.read_gbs);
    }
    let pass = |name| format!("{name:>10} {:>8} {:>5}  {:<16}", "GFLOP/s", "peak", "bound");
    let columns = format!(
        "{:<20} {:>16} {} {}",
        "cell",
        "B,T,D,H",
        pass("infer ms"),
        pass("train ms")
    );
    format!("{text}\n\n{}\n", columns.trim_end())
}

fn line(cell: Shipped, point: Point, row: &Row) -> String {
    let pass = |pass: &Pass| {
        let bound = format!("{:.0}% of {}", 100.0 * pass.bound_share, pass.bound);
        format!(
            "{:>10.4} {:>8.1} {:>4.0}%  {bound:<16}",
            pass.ms,
            pass.gflops,
            100.0 * pass.peak_share
        )
    };
    let text = format!(
        "{cell:<20} {point:>16} {} {}",
        pass(&row.infer),
        pass(&row.train)
    );
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lstm_core::Width;

    use super::*;
    use crate::roofline::Level;

    /// A point whose numbers can be followed by hand.
    #[test]
    fn a_line_states_shares_of_the_limits() {
        let level = Level {
            name: "L2",
            capacity: None,
            read_gbs: 1.0,
        };
        let machine = Machine {
            width: "scalar",
            dtype: "f32",
            threads: 1,
            peak_gflops: 1.0,
            levels: vec![level],
        };
        let setting = Setting {
            dtype: Dtype::F32,
            width: Width::Scalar,
            threads: 1,
            time: Duration::ZERO,
        };
        let point = "1,100,10,10".parse().unwrap();
        // RNN: 2 · 100 · 10 · (10 + 10) = 40,000 operations, 0.04 ms at 1 GFLOP/s; 100 · 100 weights · 4 bytes, 0.04 ms
        // at 1 GB/s. Training has three times the operations and reads twice.
        let times = Times {
            infer_ms: 0.08,
            train_ms: 0.24,
        };
        let row = row(Shipped::ElmanRnn, point, &setting, times, &machine);
        assert_eq!(
            line(Shipped::ElmanRnn, point, &row),
            "elman_rnn                 1,100,10,10     0.0800      0.5   50%  50% of arithmetic     0.2400      0.5   50%  50% of arithmetic"
        );
        let record: serde_json::Value = serde_json::to_value(&row).unwrap();
        assert_eq!(record["cell"], "elman_rnn");
        assert_eq!(record["infer"]["bound"], "arithmetic");
        assert_eq!(record["train"]["ms"], 0.24);
    }
}
