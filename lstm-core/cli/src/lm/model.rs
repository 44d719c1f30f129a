//! A language model of words: vectors of words, recurrent layers, an output.

use std::collections::BTreeMap;
use std::path::Path;

use lstm_core::init::Init;
use lstm_core::io;
use lstm_core::layers::{Dropout, Layer, Stack};
use lstm_core::{Cell, ClassSoftmax, Classes, Embedding, Recurrent, Rng, Threads, TiedSoftmax};
use serde::{Deserialize, Serialize};

use super::error::LmError;
use super::head::Head;
use super::vocabulary::Vocabulary;
use crate::cells::{self, Task};
use crate::failure::Failure;
use crate::kind::Kind;

/// The vectors of words begin uniform over ± this.
const VECTORS: Init = Init::Uniform(0.1);

/// What a model is built from.
#[derive(Clone, Serialize, Deserialize)]
pub struct Config {
    /// The cell's name.
    pub cell: String,
    /// Numbers of a word's vector.
    pub embedding: usize,
    /// Units of a layer.
    pub hidden: usize,
    /// Recurrent layers.
    pub layers: usize,
    /// The part of features that training drops.
    pub dropout: f64,
    /// Whether input and output share the vectors of words.
    pub tied: bool,
    /// The class of each word, if the output is factorised.
    pub class_of: Option<Vec<u32>>,
}

/// A model with the words that it knows.
pub struct WordModel {
    config: Config,
    vocabulary: Vocabulary,
    /// The vectors of words.
    pub embedding: Embedding<f32>,
    /// The recurrent layers with dropout around them.
    pub layers: Stack<f32>,
    /// The output.
    pub head: Head,
    threads: Option<Threads>,
}

lstm_core::parameters! {
    impl Parameters<f32> for WordModel { embedding, layers, head }
}

/// The entry of a model file's metadata by which models of words are known.
pub const CONFIG: &str = "word model";
/// The entry with the words.
const WORDS: &str = "words";

impl WordModel {
    /// A model to be trained.
    ///
    /// # Errors
    /// Sizes that do not fit together, or that memory does not suffice for.
    pub fn new(config: Config, vocabulary: Vocabulary, rng: &mut Rng) -> Result<Self, Failure> {
        let words = vocabulary.len();
        let embedding = Embedding::new(words, config.embedding, VECTORS, rng)?;
        let mut layers = Stack::new();
        layers.push(
            "dropout0",
            Box::new(Dropout::new(config.embedding, config.dropout)?),
        )?;
        let mut features = config.embedding;
        for layer in 1..=config.layers {
            let add = AddLayer {
                layers: &mut layers,
                name: format!("layer{layer}"),
                inputs: features,
                units: config.hidden,
                rng,
            };
            cells::with(&config.cell, add)?;
            features = layers.output_len();
            let dropout = Dropout::new(features, config.dropout)?;
            layers.push(&format!("dropout{layer}"), Box::new(dropout))?;
        }
        let head = match &config.class_of {
            Some(class_of) if class_of.len() != words => {
                let reason = format!(
                    "there are classes of {} words, but {words} words",
                    class_of.len()
                );
                return Err(LmError::Options(reason).into());
            }
            Some(class_of) => {
                let classes = Classes::new(class_of.clone())?;
                Head::Classes(ClassSoftmax::new(features, classes, VECTORS, rng)?)
            }
            None if config.tied && features != config.embedding => {
                let reason = format!(
                    "tied vectors need as many numbers as the highest layer has outputs: --embedding {features}, not {}",
                    config.embedding
                );
                return Err(LmError::Options(reason).into());
            }
            None if config.tied => Head::Tied(TiedSoftmax::new(&embedding)),
            None => {
                let output = Embedding::new(words, features, VECTORS, rng)?;
                let softmax = TiedSoftmax::new(&output);
                Head::Full(output, softmax)
            }
        };
        Ok(Self {
            config,
            vocabulary,
            embedding,
            layers,
            head,
            threads: None,
        })
    }

    /// The words it knows.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The class of each word, if the output is factorised.
    pub fn class_of(&self) -> Option<&[u32]> {
        self.config.class_of.as_deref()
    }

    /// Lets layers and output share their work among threads; without a number, as many as there are processors.
    ///
    /// # Errors
    /// More threads than the system gives.
    pub fn set_threads(&mut self, count: Option<u64>) -> Result<(), Failure> {
        let threads = match count {
            Some(count) => Threads::new(usize::try_from(count).unwrap_or(usize::MAX)),
            None => Threads::all(),
        };
        let threads = threads.map_err(lstm_core::Error::from)?;
        self.embedding.set_threads(&threads);
        self.layers.set_threads(&threads);
        self.head.set_threads(&threads);
        self.threads = Some(threads);
        Ok(())
    }

    /// The threads that layers and output share.
    pub fn threads(&self) -> Option<&Threads> {
        self.threads.as_ref()
    }

    /// Writes the model with its words.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        let mut metadata = BTreeMap::new();
        for (key, value) in [
            (CONFIG, serde_json::to_string(&self.config)),
            (WORDS, serde_json::to_string(self.vocabulary.words())),
        ] {
            let value = value.map_err(|error| unfit(path, &error.to_string()))?;
            metadata.insert(key.to_owned(), value);
        }
        Ok(io::save(path, self, metadata)?)
    }

    /// The model in a file.
    ///
    /// # Errors
    /// A file that cannot be read or holds another kind of model.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let file = Kind::Words.open(path)?;
        let config: Config = serde_json::from_str(file.metadata(CONFIG)?)
            .map_err(|error| unfit(path, &error.to_string()))?;
        let words = serde_json::from_str(file.metadata(WORDS)?)
            .map_err(|error| unfit(path, &error.to_string()))?;
        let vocabulary = Vocabulary::new(words).map_err(|reason| unfit(path, &reason))?;
        // The largest part is compared with the file before memory is taken for it.
        let (rows, columns) = file.shape("embedding.weight")?;
        if (rows, columns) != (config.embedding, vocabulary.len()) || config.layers > 64 {
            return Err(unfit(path, "its sizes do not fit its words").into());
        }
        let mut model = Self::new(config, vocabulary, &mut Rng::new(0))?;
        file.load_into(&mut model)?;
        Ok(model)
    }
}

fn unfit(path: &Path, reason: &str) -> LmError {
    LmError::File {
        path: path.to_owned(),
        reason: format!("no model of words can be made of it: {reason}"),
    }
}

/// Puts a recurrent layer on a stack.
struct AddLayer<'a> {
    layers: &'a mut Stack<f32>,
    name: String,
    inputs: usize,
    units: usize,
    rng: &'a mut Rng,
}

impl Task for AddLayer<'_> {
    fn run<C: Cell>(self, _forget_bias: Option<&'static str>) -> Result<(), Failure> {
        let sizes = cells::sizes(&C::SPEC, self.inputs, self.units);
        let layer = Recurrent::<C, f32>::new(&sizes, self.rng)?;
        Ok(self.layers.push(&self.name, Box::new(layer))?)
    }
}
