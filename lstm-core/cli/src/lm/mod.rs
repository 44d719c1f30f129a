//! `lstm lm`: language models of whole words, from the counting of words to the rescoring of n-best lists.

mod args;
mod classes;
mod curves;
mod ending;
mod error;
mod exchange;
mod generate;
mod head;
mod list;
mod model;
mod perplexity;
mod ppl;
mod progress;
mod reader;
mod rescore;
mod run;
mod text;
mod train;
mod trainer;
mod vocab;
mod vocabulary;

pub use args::Verb;
pub use classes::is_list as is_class_list;
pub use error::LmError;
pub use model::CONFIG;
pub use vocabulary::Vocabulary;

use crate::failure::Failure;

/// Does what a verb says.
///
/// # Errors
/// Files and options that cannot be used.
pub fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Vocab(options) => vocab::run(options),
        Verb::Classes(options) => classes::run(options),
        Verb::Train(options) => train::run(options),
        Verb::Ppl(options) => ppl::run(options),
        Verb::Generate(options) => generate::run(options),
        Verb::Rescore(options) => rescore::run(options),
    }
}
