//! A language model on characters: embedding, recurrent layer, linear head.

mod sampler;
mod shard;
mod trainer;

use std::path::Path;

use faer::Mat;
use lstm_kernels::{Cell, Element};

pub use sampler::Sampler;
pub use trainer::{CharTrainer, Step};

use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::io::{self, ModelFile};
use crate::linear::Linear;
use crate::loss::cross_entropy;
use crate::params::Name;
use crate::random::Rng;
use crate::recurrent::Recurrent;
use crate::text::{Streams, Vocabulary, Window};

/// Reads a text character by character and gives a score to every character that may come next.
#[derive(Debug, Clone)]
pub struct CharModel<C: Cell, T: Element> {
    vocabulary: Vocabulary,
    embedding: Embedding<T>,
    recurrent: Recurrent<C, T>,
    head: Linear<T>,
}

impl<C: Cell, T: Element> CharModel<C, T> {
    /// A model to be trained. The embedding is as long as the input of a cell with these `sizes`.
    ///
    /// The embedding starts uniform with variance 1; the recurrent layer as in
    /// [`Recurrent::new`]; the head uniform over ±1/sqrt(units).
    ///
    /// # Errors
    /// Sizes from which the cell cannot be built.
    pub fn new(vocabulary: Vocabulary, sizes: &[usize], rng: &mut Rng) -> Result<Self> {
        let recurrent = Recurrent::new(sizes, rng)?;
        let head_init = Init::by_units(recurrent.output_len());
        // Uniform over ±√3 has variance 1.
        Self::of_parts(
            vocabulary,
            recurrent,
            Init::Uniform(3.0_f64.sqrt()),
            head_init,
            rng,
        )
    }

    fn of_parts(
        vocabulary: Vocabulary,
        recurrent: Recurrent<C, T>,
        embedding_init: Init,
        head_init: Init,
        rng: &mut Rng,
    ) -> Result<Self> {
        let embedding =
            Embedding::new(vocabulary.len(), recurrent.input_len(), embedding_init, rng)?;
        let head = Linear::new(recurrent.output_len(), vocabulary.len(), head_init, rng)?;
        Ok(Self {
            vocabulary,
            embedding,
            recurrent,
            head,
        })
    }

    /// The characters the model knows.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The recurrent layer.
    pub fn recurrent(&self) -> &Recurrent<C, T> {
        &self.recurrent
    }

    /// The numbers that stand for characters.
    pub fn embedding(&self) -> &Embedding<T> {
        &self.embedding
    }

    /// The recurrent layer, to be initialised in another way.
    pub fn recurrent_mut(&mut self) -> &mut Recurrent<C, T> {
        &mut self.recurrent
    }

    /// Mean bits per character with which the model predicts `ids`, read as `batch` parallel streams, each from the initial
    /// state. What does not fill a window of `steps` at the end of the streams is left out.
    ///
    /// # Errors
    /// A text too short for one window; ids beyond the vocabulary; windows that are too large for this machine's memory.
    pub fn bits_per_character(&self, ids: &[u32], batch: usize, steps: usize) -> Result<f64> {
        let mut streams = Streams::new(ids, batch, steps)?;
        let (inputs, units) = (self.embedding.len(), self.recurrent.output_len());
        let characters = self.vocabulary.len();
        require_room::<T>(inputs + units + characters, batch, steps)?;
        let columns = batch * steps;
        let mut x = Mat::zeros(inputs, columns);
        let mut y = Mat::zeros(units, columns);
        let mut scores = Mat::zeros(characters, columns);
        let mut state = self.recurrent.initial_state(batch)?;
        let mut workspace = self.recurrent.workspace(batch)?;
        let mut window = Window::default();
        let mut total = 0.0;
        for _ in 0..streams.windows() {
            streams.next_window(&mut window);
            self.embedding.forward(&window.inputs, x.as_mut())?;
            self.recurrent
                .seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace)?;
            self.head.apply(y.as_ref(), scores.as_mut())?;
            total += cross_entropy(scores.as_ref(), &window.targets)?;
        }
        Ok(total / streams.windows() as f64 / std::f64::consts::LN_2)
    }

    /// Writes the model with its vocabulary: all that [`load`](Self::load) needs.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut metadata = io::describe_cell::<C, T>(self.recurrent.kernel().sizes());
        metadata.insert("vocabulary".to_owned(), self.vocabulary.to_json());
        io::save(path, self, metadata)
    }

    /// The model in a file.
    ///
    /// # Errors
    /// A file that holds another cell, another element type or another kind of model.
    pub fn load(file: &ModelFile) -> Result<Self> {
        let sizes = file.require_cell::<C, T>()?;
        let vocabulary = Vocabulary::from_json(file.metadata("vocabulary")?).ok_or_else(|| {
            file.mismatch("its vocabulary is not a list of characters in order".to_owned())
        })?;
        let recurrent = Recurrent::<C, T>::zeros(&sizes)?;
        let recurrent = recurrent.with_state_of(file, Name::ROOT.child("recurrent"));
        // The two parts whose sizes the cell does not bound are compared with the file before memory is taken for them.
        for (name, rows, columns) in [
            ("embedding.weight", recurrent.input_len(), vocabulary.len()),
            ("head.weight", vocabulary.len(), recurrent.output_len()),
        ] {
            file.require_shape(name, (rows, columns), "cell and vocabulary")?;
        }
        let zero = Init::Constant(0.0);
        let mut model = Self::of_parts(vocabulary, recurrent, zero, zero, &mut Rng::new(0))?;
        file.load_into(&mut model)?;
        Ok(model)
    }
}

/// Refuses windows of which so many numbers for each column would not fit into memory, before any of it is taken.
fn require_room<T>(column_len: usize, batch: usize, steps: usize) -> Result<()> {
    // Training keeps a step more than the window has.
    let needed = (steps.checked_add(1))
        .and_then(|steps| steps.checked_mul(batch))
        .and_then(|columns| columns.checked_mul(column_len));
    let mut room = Vec::<T>::new();
    match needed {
        Some(needed) if room.try_reserve_exact(needed).is_ok() => Ok(()),
        _ => Err(Error::Option {
            option: "the window",
            value: format!("{steps} steps of {batch} streams"),
            expected: "small enough for this machine's memory",
        }),
    }
}

crate::parameters! {
    impl<C: Cell, T: Element> Parameters<T> for CharModel<C, T> { embedding, recurrent, head }
}

#[cfg(test)]
mod tests;
