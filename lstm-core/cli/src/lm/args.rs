//! What may stand behind `lstm lm`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::vocabulary::END;
use crate::args::{divisor, fraction, not_negative, positive, size, whole};
use crate::cells;

/// The verbs of `lstm lm`.
#[derive(Subcommand)]
pub enum Verb {
    /// Count the words of texts and list those that a model is to know
    Vocab(Vocab),
    /// Sort the words of a vocabulary into classes
    Classes(Classes),
    /// Train a model
    ///
    /// The text is read as so many parallel streams, and the state is carried from window to window. Ctrl-C and SIGTERM
    /// stop early, with code 130. That leaves a checkpoint if there is a folder for them, else the model that was best on the text of
    /// --valid or, before there is one, the model as it is. An older model is not replaced before the first epoch is over.
    Train(Box<Train>),
    /// Measure the perplexity of a text
    Ppl(Ppl),
    /// Let a model write sentences
    Generate(Generate),
    /// Sort n-best lists by scores to which a model's are added
    ///
    /// A line holds the name of its list, a score (a natural logarithm) and a sentence, with tabs between them; with
    /// --interpolate, the score of another language model before the sentence. No sentence holds a tab, and all lines of a list
    /// stand together. Each list is written, the best line first, as soon as it is complete: its name, the total score, the
    /// model's score, the sentence.
    Rescore(Rescore),
}

/// Options of `lstm lm vocab`.
#[derive(Args)]
pub struct Vocab {
    /// Texts in UTF-8, one sentence a line, words between blanks; `-` is the standard input
    #[arg(required = true, value_name = "TEXT")]
    pub texts: Vec<PathBuf>,
    /// Keep so many words at most, the end of sentence and the unknown word among them
    #[arg(long, value_name = "N", value_parser = whole(2..=u64::from(u32::MAX)))]
    pub limit: Option<u64>,
    /// Keep words that occur at least so often
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = whole(0..=u64::MAX))]
    pub min_count: u64,
    /// The word that stands for all words that are not kept
    #[arg(long, value_name = "WORD", default_value = "<unk>", value_parser = unknown_word)]
    pub unknown: String,
    /// Where to write the list
    #[arg(long, value_name = "FILE", default_value = "vocabulary.txt")]
    pub out: PathBuf,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

/// How to make classes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Bins of equal sums of the square roots of counts
    Frequency,
    /// From these bins, words move where a class bigram model finds the text most likely
    Exchange,
}

/// Options of `lstm lm classes`.
#[derive(Args)]
pub struct Classes {
    /// The text whose neighbours of words are counted; `-` is the standard input
    pub text: PathBuf,
    /// The list of words that `lstm lm vocab` wrote
    #[arg(long, value_name = "FILE", default_value = "vocabulary.txt")]
    pub vocab: PathBuf,
    /// How many classes [default: the square root of the number of words]
    #[arg(long, value_name = "N", value_parser = size(u64::from(u32::MAX)))]
    pub classes: Option<u64>,
    /// How they are made
    #[arg(long, value_enum, default_value_t = Method::Exchange)]
    pub method: Method,
    /// How often every word may move
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = size(1000))]
    pub rounds: u64,
    /// Where to write the classes
    #[arg(long, value_name = "FILE", default_value = "classes.txt")]
    pub out: PathBuf,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

/// How steps are taken.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Descent {
    /// Stochastic gradient descent
    Sgd,
    /// Adam
    Adam,
}

/// Options of `lstm lm train`.
#[derive(Args)]
pub struct Train {
    /// The text to train on; `-` is the standard input
    pub text: PathBuf,
    /// The list of words that `lstm lm vocab` wrote
    #[arg(long, value_name = "FILE", default_value = "vocabulary.txt")]
    pub vocab: PathBuf,
    /// A text to measure on after each epoch; the model that is best on it is kept, and the rate falls when it gets worse;
    /// without one the model of the last epoch is kept, and the rate stays
    #[arg(long, value_name = "TEXT")]
    pub valid: Option<PathBuf>,
    /// The cell
    #[arg(long, value_name = "NAME", default_value = "lstm", value_parser = cells::names(&[]))]
    pub cell: String,
    /// Recurrent layers
    #[arg(long, value_name = "L", default_value_t = 2, value_parser = size(64))]
    pub layers: u64,
    /// Units of each layer
    #[arg(long, value_name = "H", default_value_t = 200, value_parser = size(65_536))]
    pub hidden: u64,
    /// Numbers that stand for a word at the input [default: as many as units]
    #[arg(long, value_name = "E", value_parser = size(65_536))]
    pub embedding: Option<u64>,
    /// Use the vectors of words at the output, too
    #[arg(long, conflicts_with_all = ["classes", "class_file"])]
    pub tied: bool,
    /// Factorise the output over so many classes of words, by frequency
    #[arg(long, value_name = "N", conflicts_with = "class_file", value_parser = size(u64::from(u32::MAX)))]
    pub classes: Option<u64>,
    /// Factorise the output over the classes in a file that `lstm lm classes` wrote
    #[arg(long, value_name = "FILE")]
    pub class_file: Option<PathBuf>,
    /// The part of features that is dropped, before and after each layer
    #[arg(long, value_name = "P", default_value_t = 0.2, value_parser = fraction)]
    pub dropout: f64,
    /// Parallel streams of text
    #[arg(long, value_name = "B", default_value_t = 20, value_parser = size(65_536))]
    pub batch: u64,
    /// Steps through which errors travel back
    #[arg(long, value_name = "T", default_value_t = 35, value_parser = size(1_000_000))]
    pub steps: u64,
    /// How often to read the text
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = size(1_000_000))]
    pub epochs: u64,
    /// How steps are taken
    #[arg(long, value_enum, default_value_t = Descent::Sgd)]
    pub optimiser: Descent,
    /// The learning rate [default: 20 for sgd, 0.001 for adam]
    #[arg(long, value_name = "R", value_parser = positive)]
    pub rate: Option<f64>,
    /// Longer gradients are scaled down to this norm
    #[arg(long, value_name = "X", default_value_t = 0.25, value_parser = positive)]
    pub clip: f64,
    /// What the rate is divided by when the text of --valid is predicted no better than before
    #[arg(long, value_name = "X", default_value_t = 4.0, value_parser = divisor)]
    pub decay: f64,
    /// Stop at the plateau after so many divisions of the rate
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = size(1_000_000))]
    pub reductions: u64,
    /// Threads that share the work; they change no bit of the result
    #[arg(long, value_name = "N", value_parser = size(1024))]
    pub threads: Option<u64>,
    /// Where the random numbers start
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(0..=u64::MAX))]
    pub seed: u64,
    /// A folder for checkpoints; a run that finds one there goes on from it
    #[arg(long, value_name = "FOLDER")]
    pub checkpoints: Option<PathBuf>,
    /// Windows from one checkpoint to the next
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = size(u64::MAX))]
    pub checkpoint_every: u64,
    /// Where to save the model
    #[arg(long, value_name = "MODEL", default_value = "lm.safetensors")]
    pub out: PathBuf,
    /// Draw the perplexities of all epochs as an SVG picture
    #[arg(long, value_name = "FILE")]
    pub curves: Option<PathBuf>,
    /// Print each epoch as a line of JSON
    #[arg(long)]
    pub json: bool,
}

impl Train {
    /// How many numbers stand for a word: as given, or else as many as units.
    pub fn embedding_len(&self) -> u64 {
        self.embedding.unwrap_or(self.hidden)
    }

    /// The learning rate that is given, or the usual one of the optimiser.
    pub fn learning_rate(&self) -> f64 {
        self.rate.unwrap_or(match self.optimiser {
            Descent::Sgd => 20.0,
            Descent::Adam => 0.001,
        })
    }
}

/// Options of `lstm lm ppl`.
#[derive(Args)]
pub struct Ppl {
    /// A model that `lstm lm train` saved
    pub model: PathBuf,
    /// The text; `-` is the standard input
    pub text: PathBuf,
    /// Print each word with the natural logarithm of its probability, and whether it is unknown; the table goes to the error
    /// output then, while with --json the last line is what it would show
    #[arg(long)]
    pub scores: bool,
    /// Read each sentence by itself instead of carrying the state on
    #[arg(long)]
    pub reset: bool,
    /// Threads that share the work
    #[arg(long, value_name = "N", value_parser = size(1024))]
    pub threads: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `lstm lm generate`.
#[derive(Args)]
pub struct Generate {
    /// A model that `lstm lm train` saved
    pub model: PathBuf,
    /// How many sentences to write
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole(0..=u64::MAX))]
    pub sentences: u64,
    /// Break a sentence off after so many words
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = size(u64::MAX))]
    pub words: u64,
    /// How freely: below 1 the likely is preferred, at 0 only the most likely is written
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = not_negative)]
    pub temperature: f64,
    /// How each sentence begins
    #[arg(long, value_name = "WORDS", default_value = "")]
    pub prompt: String,
    /// Where the random numbers start
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(0..=u64::MAX))]
    pub seed: u64,
    /// Print each sentence as a line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `lstm lm rescore`.
#[derive(Args)]
pub struct Rescore {
    /// A model that `lstm lm train` saved
    pub model: PathBuf,
    /// The n-best lists; `-` is the standard input
    #[arg(default_value = "-")]
    pub lists: PathBuf,
    /// What the language model's score is multiplied with before it is added
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = not_negative)]
    pub scale: f64,
    /// The share of this model in the language model's score; the rest is that of the score that is given
    #[arg(long, value_name = "X", value_parser = share)]
    pub interpolate: Option<f64>,
    /// Write the best line of each list only
    #[arg(long)]
    pub best: bool,
    /// Threads that share the work
    #[arg(long, value_name = "N", value_parser = size(1024))]
    pub threads: Option<u64>,
    /// Write lines of JSON
    #[arg(long)]
    pub json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    match not_negative(text)? {
        value if value <= 1.0 => Ok(value),
        _ => Err("it must be a number from 0 to 1".to_owned()),
    }
}

fn unknown_word(text: &str) -> Result<String, String> {
    match text.split_whitespace().eq([text]) && text != END {
        true => Ok(text.to_owned()),
        false => Err(format!("it must be one word, other than `{END}`")),
    }
}
