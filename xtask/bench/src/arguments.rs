//! What may stand on the command line.

use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};
use lstm_core::Width;

use crate::cells::Shipped;
use crate::grid::{GRID, Point};
use crate::measure::Setting;

/// How fast the kernels are: at one point, over a grid with the machine's limits, or against other libraries.
///
/// infer: all outputs from a state of zeros, with packed weights. train: packing the weights, all outputs, then the
/// gradient of their sum with respect to every parameter and to the input. Times are medians.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask bench", verbatim_doc_comment)]
pub struct Arguments {
    /// Sizes of the work: batch, steps, inputs, hidden units; without it, a grid of 13 points
    #[arg(long, value_name = "B,T,D,H")]
    pub point: Option<Point>,
    /// The cell, by type, file or as for `lstm train`: PeepholeLstm, peephole_lstm, peephole; may be repeated
    /// [default: lstm with --point or --peers, else all shipped cells]
    #[arg(long = "cell", value_name = "NAME")]
    pub cells: Vec<Shipped>,
    /// Threads of the kernels
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads)]
    pub threads: usize,
    /// How long to measure each kind of pass at each point
    #[arg(long, value_name = "S", default_value = "0.3", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Duration,
    /// The instruction set: scalar, sse, avx2, avx512 or neon [default: the widest]
    #[arg(long, value_name = "NAME")]
    pub width: Option<Width>,
    /// The number type
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    pub dtype: Dtype,
    /// Compare with other libraries: PyTorch, ONNX Runtime, JAX, candle, burn; the first time installs them
    #[arg(long)]
    pub peers: bool,
    /// One sample at a time: nanoseconds of a streaming step of an LSTM with 8 to 64 units
    #[arg(long, conflicts_with_all = ["point", "peers", "small", "cells", "width", "dtype"])]
    pub stream: bool,
    /// Networks of 1 to 12 units in training: nanoseconds a step, forward and backward
    #[arg(long, conflicts_with_all = ["point", "peers"])]
    pub small: bool,
    /// Training on sequences of up to 100,000 steps: time and memory, everything kept or segments computed once more
    #[arg(long, conflicts_with_all = ["point", "peers", "small", "stream", "cells", "width", "dtype"])]
    pub long: bool,
    /// Leave out candle and burn, which take minutes to compile
    #[arg(long, requires = "peers")]
    pub no_rust_peers: bool,
    /// Rounds of a comparison at each point
    #[arg(long, value_name = "R", default_value_t = 3, value_parser = rounds, requires = "peers")]
    pub rounds: usize,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// A number type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Dtype {
    /// Its name in Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
        }
    }

    /// Bytes of a number.
    pub const fn bytes(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::F64 => 8,
        }
    }
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Mode {
    /// Measure one point for cells.
    Point(Point, Vec<Shipped>),
    /// Measure the grid for cells.
    Table(Vec<Shipped>),
    /// Compare cells with other libraries.
    Peers(Vec<Shipped>),
    /// Measure streaming.
    Stream,
    /// Measure small networks of cells.
    Small(Vec<Shipped>),
    /// Measure long sequences.
    Long,
}

impl Arguments {
    /// What to do.
    pub fn mode(&self) -> Mode {
        let cells_or = |default: &[Shipped]| match self.cells.as_slice() {
            [] => default.to_vec(),
            cells => cells.to_vec(),
        };
        if self.peers {
            return Mode::Peers(cells_or(&[Shipped::Lstm]));
        }
        if self.stream {
            return Mode::Stream;
        }
        if self.long {
            return Mode::Long;
        }
        if self.small {
            return Mode::Small(cells_or(&Shipped::ALL));
        }
        match self.point {
            Some(point) => Mode::Point(point, cells_or(&[Shipped::Lstm])),
            None => Mode::Table(cells_or(&Shipped::ALL)),
        }
    }

    /// On what, and for how long, to measure.
    pub fn setting(&self) -> Setting {
        Setting {
            dtype: self.dtype,
            width: self.width.unwrap_or_else(Width::best),
            threads: self.threads,
            time: self.seconds,
        }
    }

    /// The points to measure.
    pub fn points(&self) -> Vec<Point> {
        self.point
            .map_or_else(|| GRID.to_vec(), |point| vec![point])
    }
}

/// Reads the command line. Help goes to the output; a mistake is one sentence on the error output.
pub fn parse() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => {
            // A reader that closes the pipe early has seen what it wanted.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        _ => {
            let text = error.to_string();
            // What comes before the first empty line is the sentence; the rest repeats the usage.
            let sentence: Vec<_> = text
                .lines()
                .take_while(|line| !line.is_empty())
                .map(str::trim)
                .collect();
            let sentence = sentence.join(" ");
            let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
            eprintln!("bench: {sentence}; `cargo xtask bench --help` lists what is possible");
            ExitCode::from(2)
        }
    })
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=1024).contains(&count) => Ok(count),
        _ => Err("it must be a whole number from 1 to 1024".to_owned()),
    }
}

fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=1000).contains(&count) => Ok(count),
        _ => Err("it must be a whole number from 1 to 1000".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "it must be a finite number of at least 0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_of_the_options_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// The call that other programs make.
    #[test]
    fn one_point() {
        let line = "bench --point 1,100,16,16 --cell gru --threads 2 --seconds 0.5 --json";
        let arguments = parse(line).unwrap();
        let point = "1,100,16,16".parse().unwrap();
        assert_eq!(
            arguments.mode(),
            Mode::Point(point, vec![Shipped::GruResetAfter])
        );
        assert_eq!((arguments.threads, arguments.json), (2, true));
        assert_eq!(arguments.setting().time, Duration::from_millis(500));
        assert_eq!(arguments.setting().width, Width::best());
    }

    #[test]
    fn without_a_point_a_table() {
        assert_eq!(
            parse("bench").unwrap().mode(),
            Mode::Table(Shipped::ALL.to_vec())
        );
        let some = parse("bench --cell rnn --cell Lstm --width scalar --dtype f64").unwrap();
        assert_eq!(
            some.mode(),
            Mode::Table(vec![Shipped::ElmanRnn, Shipped::Lstm])
        );
        assert_eq!(some.setting().width, Width::Scalar);
        assert_eq!(some.setting().dtype, Dtype::F64);
    }

    #[test]
    fn peers_at_all_points_or_at_one() {
        let all = parse("bench --peers --no-rust-peers --rounds 5").unwrap();
        assert_eq!(all.mode(), Mode::Peers(vec![Shipped::Lstm]));
        assert_eq!((all.points().len(), all.rounds), (13, 5));
        let one = parse("bench --peers --cell gru --point 1,2,3,4").unwrap();
        assert_eq!(one.mode(), Mode::Peers(vec![Shipped::GruResetAfter]));
        assert_eq!(one.points(), ["1,2,3,4".parse().unwrap()]);
    }

    #[test]
    fn small_and_streaming_networks_and_long_sequences() {
        assert_eq!(
            parse("bench --long --threads 2").unwrap().mode(),
            Mode::Long
        );
        assert_eq!(parse("bench --stream").unwrap().mode(), Mode::Stream);
        assert_eq!(
            parse("bench --small").unwrap().mode(),
            Mode::Small(Shipped::ALL.to_vec())
        );
        let some = parse("bench --small --cell gru --width scalar").unwrap();
        assert_eq!(some.mode(), Mode::Small(vec![Shipped::GruResetAfter]));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for line in [
            "bench --point 1,2,3",
            "bench --cell transformer",
            "bench --threads 0",
            "bench --seconds -1",
            "bench --seconds nan",
            "bench --width mmx",
            "bench --dtype f16",
            "bench --no-rust-peers",
            "bench --stream --cell gru",
            "bench --stream --small",
            "bench --small --point 1,2,3,4",
            "bench --long --stream",
            "bench --peers --rounds 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
