//! A language model of words: vectors of words, recurrent layers, an output.

use std::collections::BTreeMap;
use std::path::Path;

use lstm_core::init::Init;
use lstm_core::io::{self, ModelFile};
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
        require_sizes(&file, &config, vocabulary.len())?;
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

/// Compares a model of these sizes with its file, before memory is taken for it.
fn require_sizes(file: &ModelFile, config: &Config, words: usize) -> Result<(), Failure> {
    file.require_shape("embedding.weight", (config.embedding, words), SIZES)?;
    let mut features = config.embedding;
    // Layers beyond those in the file end this, however many there are to be.
    for layer in 1..=config.layers {
        let require = RequireLayer {
            file,
            name: format!("layers.layer{layer}"),
            inputs: features,
            units: config.hidden,
            outputs: &mut features,
        };
        cells::with(&config.cell, require)?;
    }
    let of_words = match &config.class_of {
        Some(_) => "head.word.weight",
        None if config.tied => return Ok(()),
        None => "head.weight",
    };
    Ok(file.require_shape(of_words, (features, words), SIZES)?)
}

/// What says how large parameters are, in messages.
const SIZES: &str = "its options and words";

/// Compares a recurrent layer with a file.
struct RequireLayer<'a> {
    file: &'a ModelFile,
    name: String,
    inputs: usize,
    units: usize,
    /// Becomes the number of its outputs.
    outputs: &'a mut usize,
}

impl Task for RequireLayer<'_> {
    fn run<C: Cell>(self, _forget_bias: Option<&'static str>) -> Result<(), Failure> {
        let Self { file, name, .. } = &self;
        let sizes = cells::sizes(&C::SPEC, self.inputs, self.units);
        // Those in the file are no larger than it has room for, so that no product of them is too large to be counted.
        let found = file.require_cell_at::<C, f32>(name)?;
        if found != sizes {
            let reason = format!(
                "the sizes of its cell `{name}` are {found:?}, but its options need {sizes:?}"
            );
            return Err(file.mismatch(reason).into());
        }
        let len = |axes: &[usize]| axes.iter().map(|&axis| sizes[axis]).product();
        for param in C::SPEC.params {
            let (rows, columns) = param.axes.split_at(param.row_axes);
            let name = format!("{name}.{}", param.name);
            file.require_shape(&name, (len(rows), len(columns)), SIZES)?;
        }
        *self.outputs = len(C::SPEC.output.axes);
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::super::vocabulary::END;
    use super::*;

    fn config(cell: &str, class_of: Option<Vec<u32>>) -> Config {
        Config {
            cell: cell.to_owned(),
            embedding: 3,
            hidden: 4,
            layers: 2,
            dropout: 0.0,
            tied: false,
            class_of,
        }
    }

    #[test]
    fn numbers_of_words_in_other_classes_are_refused() {
        let path = env::temp_dir().join(format!("lstm-classes-{}", process::id()));
        let words = [END, "<unk>", "a", "b"].map(str::to_owned).to_vec();
        let model = |class_of: [u32; 4]| {
            let vocabulary = Vocabulary::new(words.clone()).unwrap();
            let config = config("lstm", Some(class_of.to_vec()));
            WordModel::new(config, vocabulary, &mut Rng::new(1)).unwrap()
        };
        model([0, 0, 1, 1]).save(&path).unwrap();
        let file = ModelFile::open(&path).unwrap();
        // As many classes of as many words, so that all shapes are the same.
        let loaded = file.load_into(&mut model([0, 1, 0, 1]));
        let message = loaded.unwrap_err().to_string();
        let words = "its part `head` was saved with 2 classes of 4 words, ";
        assert!(message.contains(words), "{message}");
        file.load_into(&mut model([0, 0, 1, 1])).unwrap();
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn sizes_are_compared_with_the_file_before_memory_is_taken() {
        let path = env::temp_dir().join(format!("lstm-sizes-{}", process::id()));
        let words = [END, "<unk>", "a"].map(str::to_owned).to_vec();
        let model = |config| {
            let vocabulary = Vocabulary::new(words.clone()).unwrap();
            WordModel::new(config, vocabulary, &mut Rng::new(1)).unwrap()
        };
        for cell in cells::NAMES {
            for class_of in [None, Some(vec![0, 0, 1])] {
                model(config(cell, class_of)).save(&path).unwrap();
                assert!(WordModel::load(&path).is_ok(), "{cell}");
            }
        }
        // Sizes that no memory suffices for, in the metadata only.
        let refused = |lie: fn(&mut Config)| {
            let mut model = model(config("lstm", None));
            lie(&mut model.config);
            model.save(&path).unwrap();
            WordModel::load(&path).err().unwrap().to_string()
        };
        for (error, reason) in [
            (
                refused(|config| config.embedding = 1 << 40),
                "its `embedding.weight` is 3 x 3, but its options and words need 1099511627776 x 3",
            ),
            (
                refused(|config| config.hidden = 1 << 40),
                "the sizes of its cell `layers.layer1` are [3, 4], but its options need [3, 1099511627776]",
            ),
            (
                refused(|config| config.layers = usize::MAX),
                "`layers.layer3`",
            ),
            (
                refused(|config| config.class_of = Some(vec![0, 0, 1])),
                "it has no tensor `head.word.weight`",
            ),
        ] {
            assert!(error.contains(reason), "{error}");
        }
        fs::remove_file(path).unwrap();
    }
}
