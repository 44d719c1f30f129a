//! The program `lstm-bench`: every shipped cell, in both number types, for the library beside it.

use std::io::ErrorKind;
use std::process::ExitCode;

use lstm_bench::arguments::{self, Dtype};
use lstm_bench::cells::Shipped;
use lstm_bench::failure::Failure;
use lstm_bench::grid::Point;
use lstm_bench::measure::{self, Parts, Setting, Times};
use lstm_core::{Element, cells};

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match lstm_bench::run(&arguments, measure, parts, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has closed it: an end, not a mistake.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(cell: Shipped, point: Point, setting: &Setting) -> Result<Times, Failure> {
    match setting.dtype {
        Dtype::F32 => measure_in::<f32>(cell, point, setting),
        Dtype::F64 => measure_in::<f64>(cell, point, setting),
    }
}

fn parts(cell: Shipped, point: Point, setting: &Setting) -> Result<Parts, Failure> {
    match setting.dtype {
        Dtype::F32 => parts_in::<f32>(cell, point, setting),
        Dtype::F64 => parts_in::<f64>(cell, point, setting),
    }
}

macro_rules! by_name {
    ($($cell:ident $file:literal;)+) => {
        fn measure_in<T: Element>(
            cell: Shipped,
            point: Point,
            setting: &Setting,
        ) -> Result<Times, Failure> {
            match cell {
                $(Shipped::$cell => measure::times::<cells::$cell, T>(point, setting),)+
            }
        }

        fn parts_in<T: Element>(
            cell: Shipped,
            point: Point,
            setting: &Setting,
        ) -> Result<Parts, Failure> {
            match cell {
                $(Shipped::$cell => measure::parts::<cells::$cell, T>(point, setting),)+
            }
        }
    };
}

lstm_kernels::for_shipped_cells!(by_name);
