//! Checkpoints: a training run in a file, to go on from it as if nothing had happened.
//!
//! A [`Checkpoint`] gathers what a run has become: parameters, optimiser, random sources, the place in the data, carried
//! states, counters. It is written whole or not at all, and synced to the disk; so a run may be killed at any moment. A
//! [`CheckpointFile`] puts everything back, to the bit. [`Checkpoints`] is a folder that keeps the last few.
//!
//! Everything is put back into things that were made as at the start of the run. The file is refused where they do not
//! fit: another cell, another size, another kind of optimiser, another data set. What a run's options are, such as the
//! decay of Adam's moments or a [`Schedule`](crate::optim::Schedule), is not in the file: a schedule is a function of the
//! step, and the step is a [`count`](CheckpointFile::count). Gradients being summed are not in it either: the time for a
//! checkpoint is after a step of the optimiser.
//!
//! ```
//! use lstm_core::checkpoint::{Checkpoint, Checkpoints};
//! use lstm_core::optim::{Adam, Optimiser};
//! use lstm_core::params::Parameters;
//! use lstm_core::{Order, Recurrent, Rng, cells::Lstm};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! # let folder = std::env::temp_dir().join(format!("checkpoints-{}", std::process::id()));
//! // As at every start, of a new run or of one that was killed.
//! let mut rng = Rng::new(1);
//! let mut model = Recurrent::<Lstm, f32>::new(&[3, 8], &mut rng)?;
//! let mut adam = Adam::new(0.01)?;
//! let mut order = Order::new(100, 1)?;
//! let mut state = model.zero_state(4)?;
//! let mut step = 0;
//!
//! let checkpoints = Checkpoints::new(&folder, 2)?;
//! if let Some(latest) = checkpoints.latest()? {
//!     latest.file.load_into(&mut model)?.load_optimiser(&mut adam)?.load_order(&mut order)?;
//!     latest.file.load_rng("noise", &mut rng)?.load_state("carried", &mut state)?;
//!     step = latest.file.count("step")?;
//! }
//! let mut batch = Vec::new();
//! while step < 10 {
//!     order.next_batch(4, &mut batch);
//!     // Here a real run computes a gradient.
//!     let gradient: Vec<f32> = (0..model.params_len()).map(|_| rng.normal() as f32).collect();
//!     adam.step(&mut model, &gradient)?;
//!     step += 1;
//!     let checkpoint = Checkpoint::new(&model)
//!         .with_optimiser(&adam)
//!         .with_order(&order)
//!         .with_rng("noise", &rng)
//!         .with_state("carried", &state)
//!         .with_count("step", step);
//!     checkpoints.save(step, checkpoint)?;
//! }
//! assert_eq!(checkpoints.numbers()?, [9, 10]);
//! # std::fs::remove_dir_all(folder).unwrap();
//! # Ok(())
//! # }
//! ```

mod entries;
mod file;
mod folder;
mod progress;

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use faer::MatRef;
use lstm_kernels::{Element, State};

pub use file::CheckpointFile;
pub use folder::{Checkpoints, Latest};

use crate::columns::column_major;
use crate::error::{Error, Result};
use crate::io::{Contents, Metadata, add_parameters, describe, listed_shape};
use crate::optim::{Optimiser, Watch};
use crate::order::Order;
use crate::params::Parameters;
use crate::random::Rng;
use crate::train::Progress;

use entries::{Saved, SavedOptimiser, SavedOrder, SavedRng, SavedWatch};
use progress::SavedProgress;

/// What the format of this version is called in a file.
const FORMAT: &str = "lstm-core checkpoint 1";

/// A training run, copied at a moment, to be written to a file.
///
/// What may occur several times has a name of the caller's choice. Two of one kind and one name are an error when the
/// checkpoint is saved.
#[must_use = "a checkpoint is nothing until it is saved"]
pub struct Checkpoint<T> {
    contents: Contents,
    metadata: Metadata,
    /// The first thing that went wrong, to be said by `save`: so that the calls before can be chained.
    failure: Option<Error>,
    element: PhantomData<T>,
}

impl<T> fmt::Debug for Checkpoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("metadata", &self.metadata)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl<T: Element> Checkpoint<T> {
    /// A checkpoint with the parameters of a model, and with what cells it is made of.
    pub fn new(model: &dyn Parameters<T>) -> Self {
        let mut contents = Contents::new::<T>();
        let mut metadata = Metadata::new();
        let failure = add_parameters(&mut contents, MODEL, model).err();
        describe(model, &mut metadata);
        Self {
            contents,
            metadata,
            failure,
            element: PhantomData,
        }
    }

    /// With the state of the optimiser.
    pub fn with_optimiser(mut self, optimiser: &dyn Optimiser<T>) -> Self {
        let state = optimiser.state();
        for (name, values) in &state.buffers {
            self.add(format!("{OPTIMISER}{name}"), vec![values.len()], values);
        }
        self.note("optimiser".to_owned(), SavedOptimiser::of(&state).to_text())
    }

    /// With the place in the data.
    pub fn with_order(self, order: &Order) -> Self {
        self.note("order".to_owned(), SavedOrder::of(order).to_text())
    }

    /// With how far a [`Trainer`](crate::train::Trainer) has come, its place in the data included.
    pub fn with_progress(mut self, progress: &Progress<T>) -> Self {
        let best = progress.best.as_ref().map(|best| &best.parameters[..]);
        let best = best.unwrap_or_default();
        self.add(BEST.to_owned(), vec![best.len()], best);
        self.note("progress".to_owned(), SavedProgress::of(progress).to_text())
    }

    /// With a random source.
    pub fn with_rng(self, name: &str, rng: &Rng) -> Self {
        self.note(format!("{RNG}{name}"), SavedRng::of(rng).to_text())
    }

    /// With what a [`Plateau`](crate::optim::Plateau) or an [`EarlyStopping`](crate::optim::EarlyStopping) remembers.
    pub fn with_watch(self, name: &str, watch: Watch) -> Self {
        self.note(format!("{WATCH}{name}"), SavedWatch::of(watch).to_text())
    }

    /// With the state that a layer carries on.
    pub fn with_state(self, name: &str, state: &State<T>) -> Self {
        self.with_states(name, std::slice::from_ref(state))
    }

    /// With the states that a [`Layer`](crate::layers::Layer) of several layers carries on.
    pub fn with_states(mut self, name: &str, states: &[State<T>]) -> Self {
        // A mark of its own, so that a state that carries nothing is there, too.
        let quantities = quantities(states);
        self = self.note(format!("{STATE}{name}"), quantities.len().to_string());
        for (index, matrix) in quantities.into_iter().enumerate() {
            let shape = listed_shape(matrix.nrows(), matrix.ncols());
            self.add(state_tensor(name, index), shape, &column_major(matrix));
        }
        self
    }

    /// With numbers of the caller's own, such as the losses so far.
    pub fn with_values(mut self, name: &str, values: &[T]) -> Self {
        self.add(format!("{VALUES}{name}"), vec![values.len()], values);
        self
    }

    /// With a whole number, such as the step or the epoch.
    pub fn with_count(self, name: &str, count: u64) -> Self {
        self.note(format!("{COUNT}{name}"), count.to_string())
    }

    /// With a number, such as the best loss so far. It may be infinite or not a number.
    pub fn with_number(self, name: &str, number: f64) -> Self {
        self.note(format!("{NUMBER}{name}"), entries::number_to_text(number))
    }

    /// With a text, such as what the run was started with.
    pub fn with_text(self, name: &str, text: &str) -> Self {
        self.note(format!("{TEXT}{name}"), text.to_owned())
    }

    /// Writes the checkpoint to `path`: all of it or nothing, see [`write_atomic`](crate::io::write_atomic). Equal
    /// checkpoints give equal bytes.
    ///
    /// # Errors
    /// A file that cannot be written; two entries of one kind and one name. What was at `path` stays.
    pub fn save(mut self, path: &Path) -> Result<()> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.contents.seal(FORMAT, &mut self.metadata);
        self.contents.write(path, &self.metadata)
    }

    fn add(&mut self, name: String, shape: Vec<usize>, values: &[T]) {
        let added = self.contents.add(name, shape, values);
        self.failure = self.failure.take().or(added.err());
    }

    fn note(mut self, key: String, value: String) -> Self {
        if self.metadata.insert(key.clone(), value).is_some() {
            let duplicate = Error::DuplicateName { name: key };
            self.failure = self.failure.take().or(Some(duplicate));
        }
        self
    }
}

// What the names of tensors and of entries in the metadata start with. No two kinds share one, so no name of the
// caller's can be taken for another thing.
const MODEL: &str = "model/";
/// The parameters of the best evaluation.
const BEST: &str = "progress/best";
const OPTIMISER: &str = "optimiser/";
const RNG: &str = "rng/";
const WATCH: &str = "watch/";
const STATE: &str = "state/";
const VALUES: &str = "values/";
const COUNT: &str = "count/";
const NUMBER: &str = "number/";
const TEXT: &str = "text/";

/// All carried quantities in turn.
fn quantities<T: Element>(states: &[State<T>]) -> Vec<MatRef<'_, T>> {
    (states.iter())
        .flat_map(|state| (0..state.len()).map(|index| state.get(index)))
        .collect()
}

/// The name of a carried quantity.
fn state_tensor(name: &str, index: usize) -> String {
    format!("{STATE}{name}/{index}")
}

#[cfg(test)]
mod tests;
