//! What may stand on the command line.

use std::env;
use std::ffi::OsString;
use std::num::IntErrorKind;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cells;
use crate::flow::args::Flow;
use crate::held::complain;
use crate::lm;
use crate::paper::Paper;

/// Recurrent networks from their equations.
#[derive(Parser)]
#[command(name = "lstm", version, about, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Train a character language model, on this program's own sources unless a text is given
    ///
    /// Ctrl-C stops early, saves what was learned and exits with code 130; another one, a second or more later, quits at once and
    /// saves nothing. SIGTERM stops early, too. A run that learns nothing saves nothing, and leaves an older model as it is.
    Train(Train),
    /// Let a trained model write
    Generate(Generate),
    /// Print the derivation of a cell, or write it as a page: equations, error signals, weight gradients, proofs
    Derive(Derive),
    /// Repeat an experiment of the LSTM papers: over many seeds, beside the published figures
    ///
    /// Each seed trains a network until it solves the task or has seen as many sequences as --limit says. A network that is done
    /// is noted in the results file; Ctrl-C and SIGTERM lose those in training only, and the same command goes on from
    /// there. The table says how many networks solved the task, and the median and the mean of the sequences they needed. Equal
    /// seeds give equal results, whatever the number of threads.
    ///
    /// Endless streams, those of 2000 and 2002, begin with a state of zeros and are left at the first error; weights change at every
    /// step. A training stream counts as a sequence, and the task is solved as soon as the network passes the test after it.
    /// With the full rule the derivatives of the whole state by all weights are carried along, which takes some ten times as long.
    ///
    /// Where there is no published figure for the options, the rate and the range, the table shows a dash.
    Paper(Paper),
    /// Show how an error signal travels back in time: explodes, vanishes, or stays
    ///
    /// A unit error is put into a layer at some time, and carried back by its backward kernels. What arrives q steps
    /// earlier is shown over q, as a table with sparklines, as a picture and as numbers.
    Flow(Flow),
    /// Language models of whole words: count, classify, train, measure, write, rescore
    #[command(subcommand)]
    Lm(lm::Verb),
}

/// Options of `lstm train`.
#[derive(Args)]
pub struct Train {
    /// The text to train on, in UTF-8; `-` is the standard input [default: the sources and documents of this program]
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// The cell
    #[arg(long, value_name = "NAME", default_value = cells::DEFAULT, value_parser = cells::names(&[]))]
    pub cell: String,
    /// Units of the recurrent layer
    #[arg(long, value_name = "H", default_value_t = 256, value_parser = size(8192))]
    pub hidden: u64,
    /// Numbers that stand for a character
    #[arg(long, value_name = "E", default_value_t = 64, value_parser = size(8192))]
    pub embedding: u64,
    /// Parallel streams of text
    #[arg(long, value_name = "B", default_value_t = 32, value_parser = size(65_536))]
    pub batch: u64,
    /// Steps through which errors travel back
    #[arg(long, value_name = "T", default_value_t = 32, value_parser = size(1_000_000))]
    pub steps: u64,
    /// The part of features that is dropped, before and after the recurrent layer: for a text that is read many times
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = fraction)]
    pub dropout: f64,
    /// How long to train, in minutes
    #[arg(long, value_name = "M", value_parser = positive, conflicts_with = "seconds")]
    pub minutes: Option<f64>,
    /// How long to train, in seconds [default: 90]
    #[arg(long, value_name = "S", value_parser = positive)]
    pub seconds: Option<f64>,
    /// Where the random numbers start
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(0..=u64::MAX))]
    pub seed: u64,
    /// The learning rate of Adam at the start; it falls to a tenth along a cosine
    #[arg(long, value_name = "R", default_value_t = 0.005, value_parser = positive)]
    pub rate: f64,
    /// Longer gradients are scaled down to this norm; where training goes well it is rarely reached
    #[arg(long, value_name = "X", default_value_t = 5.0, value_parser = positive)]
    pub clip: f64,
    /// Where to save the model that predicted the held-out text best; an older model is replaced once the new one is complete
    #[arg(long, value_name = "MODEL", default_value = "lstm-model.safetensors")]
    pub out: PathBuf,
}

impl Train {
    /// The time to train.
    pub fn budget(&self) -> Duration {
        let seconds = self.minutes.map(|minutes| 60.0 * minutes).or(self.seconds);
        // A duration too long to be represented is as good as for ever.
        Duration::try_from_secs_f64(seconds.unwrap_or(90.0)).unwrap_or(Duration::MAX)
    }
}

/// Options of `lstm generate`.
#[derive(Args)]
pub struct Generate {
    /// A model that `lstm train` saved
    pub model: PathBuf,
    /// How many characters to write
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = whole(0..=u64::MAX))]
    pub length: u64,
    /// How freely: below 1 the likely is preferred, at 0 only the most likely is written
    #[arg(long, value_name = "X", default_value_t = 0.7, value_parser = not_negative)]
    pub temperature: f64,
    /// Where the random numbers start
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(0..=u64::MAX))]
    pub seed: u64,
    /// What the model reads before it writes
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prompt: String,
}

/// Options of `lstm derive`.
#[derive(Args)]
pub struct Derive {
    /// A Rust file with a `cell! { .. }`, `-` for the standard input, or the name of a cell of this program
    pub cell: PathBuf,
    /// Writes the derivation as a page of its own, to read in a browser, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Reads the command line. Help and version go to the output; a mistake is one sentence on the error output.
pub fn parse() -> Result<Command, ExitCode> {
    let mut definition = with_negative_numbers(CommandLine::command());
    let words: Vec<_> = env::args_os().collect();
    (definition.try_get_matches_from_mut(&words))
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
        .map(|line| line.command)
        .map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // A reader that closes the pipe early has seen what it wanted.
                let _ = error.print();
                ExitCode::SUCCESS
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                let _ = error.print();
                ExitCode::from(2)
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
                let help = help_for(&definition, &words[1..]);
                complain(&format!(
                    "lstm: {sentence}; `{help}` lists what is possible"
                ));
                ExitCode::from(2)
            }
        })
}

/// What begins like an option but is a number is a value: that it is out of range is for the option to say.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let named = |arg: &Arg| !arg.is_positional() && arg.get_action().takes_values();
    command
        .mut_args(|arg| match named(&arg) {
            true => arg.allow_negative_numbers(true),
            false => arg,
        })
        .mut_subcommands(with_negative_numbers)
}

/// The command that shows the help of the verb that is meant.
fn help_for(command: &clap::Command, words: &[OsString]) -> String {
    let mut verbs = vec![command.get_name(), "help"];
    let mut verb = command;
    // Whoever asked for help on something asked for help on what stands behind.
    for word in words.iter().filter(|word| *word != "help") {
        let Some(next) = verb.find_subcommand(word) else {
            break;
        };
        verbs.push(next.get_name());
        verb = next;
    }
    verbs.join(" ")
}

/// A whole number from 1 to `most`.
pub fn size(most: u64) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    whole(1..=most)
}

/// A whole number of this range.
pub fn whole(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let (least, most) = (range.start(), range.end());
        let parsed = text.parse::<u64>();
        let is_beyond = matches!(&parsed, Err(error) if *error.kind() == IntErrorKind::PosOverflow);
        match parsed {
            Ok(number) if range.contains(&number) => Ok(number),
            // A largest number of twenty digits helps only those who have gone beyond it.
            _ if *most == u64::MAX && !is_beyond => {
                Err(format!("it must be a whole number of at least {least}"))
            }
            _ => Err(format!("it must be a whole number from {least} to {most}")),
        }
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "it is not a number".to_owned())
}

/// A finite number.
pub fn finite(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if f64::is_finite(value) => Ok(value),
        _ => Err("it is not a finite number".to_owned()),
    }
}

/// A finite number greater than 0.
pub fn positive(text: &str) -> Result<f64, String> {
    greater(text, 0.0)
}

/// A finite number greater than 1, as something may be divided by to become less.
pub fn divisor(text: &str) -> Result<f64, String> {
    greater(text, 1.0)
}

fn greater(text: &str, bound: f64) -> Result<f64, String> {
    match number(text)? {
        value if value.is_finite() && value > bound => Ok(value),
        _ => Err(format!("it must be a finite number greater than {bound}")),
    }
}

/// A finite number of at least 0.
pub fn not_negative(text: &str) -> Result<f64, String> {
    match number(text)? {
        value if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("it must be a finite number of at least 0".to_owned()),
    }
}

/// A number from 0 up to and without 1.
pub fn fraction(text: &str) -> Result<f64, String> {
    match number(text)? {
        value if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("it must be at least 0 and less than 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_options_is_consistent() {
        with_negative_numbers(CommandLine::command()).debug_assert();
    }

    #[test]
    fn the_help_of_the_verb_that_is_meant_is_named() {
        let definition = CommandLine::command();
        for (words, help) in [
            ("", "lstm help"),
            ("tarin", "lstm help"),
            ("train --hidden 0", "lstm help train"),
            ("lm ppl", "lstm help lm ppl"),
            ("help lm trian", "lstm help lm"),
            ("paper adding --lag 3", "lstm help paper adding"),
            ("derive train", "lstm help derive"),
        ] {
            let words: Vec<_> = words.split_whitespace().map(OsString::from).collect();
            assert_eq!(help_for(&definition, &words), help);
        }
    }
}
