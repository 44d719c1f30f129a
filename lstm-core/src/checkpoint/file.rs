//! Going on from a checkpoint.

use std::path::{Path, PathBuf};

use faer::MatRef;
use lstm_kernels::{Element, State};

use super::entries::{self, Saved, SavedOptimiser, SavedOrder, SavedRng, SavedWatch};
use super::progress::SavedProgress;
use super::{
    BEST, COUNT, FORMAT, MODEL, NUMBER, OPTIMISER, RNG, STATE, TEXT, VALUES, WATCH, quantities,
    state_tensor,
};
use crate::error::{Error, Result};
use crate::io::{TensorFile, listed_shape, load_parameters, require_sealed, require_tensor};
use crate::optim::{Optimiser, Watch};
use crate::order::{Order, describe};
use crate::params::Parameters;
use crate::random::Rng;
use crate::train::Progress;

/// A checkpoint that was read: its header understood, its checksum right.
///
/// Each call puts one thing back, whole or, on an error, not at all.
#[derive(Debug)]
pub struct CheckpointFile {
    file: TensorFile,
}

impl CheckpointFile {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// A file that cannot be read, is no checkpoint of this version, was cut short or was changed.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::of(TensorFile::open(path)?)
    }

    /// As [`open`](Self::open), of bytes that have been read already; `path` is what errors call them.
    ///
    /// # Errors
    /// Bytes that are no checkpoint, or were changed.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self> {
        Self::of(TensorFile::from_bytes(path, bytes)?)
    }

    fn of(file: TensorFile) -> Result<Self> {
        require_sealed(&file, FORMAT)?;
        Ok(Self { file })
    }

    /// The path it was read from.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Fills the parameters of a model.
    ///
    /// # Errors
    /// As [`ModelFile::load_into`](crate::io::ModelFile::load_into).
    pub fn load_into<T: Element>(&self, model: &mut dyn Parameters<T>) -> Result<&Self> {
        load_parameters(&self.file, MODEL, model)?;
        Ok(self)
    }

    /// Makes an optimiser go on; its options other than the rate must be those of the run.
    ///
    /// # Errors
    /// A checkpoint without an optimiser, or with another kind, another element type, or memory for a model of another
    /// size.
    pub fn load_optimiser<T: Element>(&self, optimiser: &mut dyn Optimiser<T>) -> Result<&Self> {
        let saved: SavedOptimiser = self.entry("optimiser", "optimiser")?;
        let mut buffers = Vec::new();
        for name in &saved.buffers {
            let what = format!("memory `{name}` of the optimiser");
            buffers.push(self.per_parameter(&format!("{OPTIMISER}{name}"), &what)?);
        }
        let state = saved
            .into_state(buffers)
            .map_err(|reason| self.unusable("optimiser", reason))?;
        optimiser
            .load_state(&state)
            .map_err(|error| self.unusable("optimiser", error.to_string()))?;
        Ok(self)
    }

    /// Makes an order go on from its place.
    ///
    /// # Errors
    /// A checkpoint without an order, or with one of another seed or other samples.
    pub fn load_order(&self, order: &mut Order) -> Result<&Self> {
        let saved: SavedOrder = self.entry("order", "order of samples")?;
        if (saved.seed, saved.samples) != (order.seed(), order.count()) {
            return Err(self.file.mismatch(format!(
                "its order is that of {}, not of {}",
                describe(saved.samples, saved.seed),
                describe(order.count(), order.seed())
            )));
        }
        order.resume(saved.place())?;
        Ok(self)
    }

    /// How far a [`Trainer`](crate::train::Trainer) had come, for its `resume`.
    ///
    /// # Errors
    /// A checkpoint without progress, or of another element type.
    pub fn progress<T: Element>(&self) -> Result<Progress<T>> {
        let saved: SavedProgress = self.entry("progress", "progress of a trainer")?;
        let best = self.per_parameter(BEST, "parameters of the best evaluation")?;
        saved
            .into_progress(best)
            .map_err(|reason| self.unusable("progress", reason))
    }

    /// Makes a random source go on.
    ///
    /// # Errors
    /// A checkpoint without a source of this name.
    pub fn load_rng(&self, name: &str, rng: &mut Rng) -> Result<&Self> {
        let key = format!("{RNG}{name}");
        let saved: SavedRng = self.entry(&key, &format!("random source `{name}`"))?;
        *rng = saved
            .into_rng()
            .map_err(|reason| self.unusable(&key, reason))?;
        Ok(self)
    }

    /// Fills a carried state.
    ///
    /// # Errors
    /// A checkpoint without a state of this name, or with one of another shape or element type.
    pub fn load_state<T: Element>(&self, name: &str, state: &mut State<T>) -> Result<&Self> {
        self.load_states(name, std::slice::from_mut(state))
    }

    /// Fills the states that a [`Layer`](crate::layers::Layer) of several layers carries on.
    ///
    /// # Errors
    /// As [`load_state`](Self::load_state).
    pub fn load_states<T: Element>(&self, name: &str, states: &mut [State<T>]) -> Result<&Self> {
        let held = self.text_of(&format!("{STATE}{name}"), &format!("state `{name}`"))?;
        let needed = quantities(states);
        if held != needed.len().to_string() {
            return Err(self.file.mismatch(format!(
                "its state `{name}` has {held} quantities, but {} are needed",
                needed.len()
            )));
        }
        for (index, matrix) in needed.into_iter().enumerate() {
            require_tensor::<T>(
                &self.file,
                &state_tensor(name, index),
                &format!("quantity {index} of state `{name}`"),
                &listed_shape(matrix.nrows(), matrix.ncols()),
            )?;
        }
        let mut tensors = 0..;
        for state in states {
            for (index, tensor) in (0..state.len()).zip(&mut tensors) {
                let values: Vec<T> = self.file.tensor(&state_tensor(name, tensor))?.to_vec();
                let mut matrix = state.get_mut(index);
                let (rows, columns) = matrix.shape();
                matrix.copy_from(MatRef::from_column_major_slice(&values, rows, columns));
            }
        }
        Ok(self)
    }

    /// What a plateau or an early stopping remembered, for their `resume`.
    ///
    /// # Errors
    /// A checkpoint without a watch of this name.
    pub fn watch(&self, name: &str) -> Result<Watch> {
        let key = format!("{WATCH}{name}");
        let saved: SavedWatch = self.entry(&key, &format!("watch `{name}`"))?;
        saved
            .into_watch()
            .map_err(|reason| self.unusable(&key, reason))
    }

    /// Numbers of the caller's own.
    ///
    /// # Errors
    /// A checkpoint without numbers of this name, or of another element type.
    pub fn values<T: Element>(&self, name: &str) -> Result<Vec<T>> {
        let full = format!("{VALUES}{name}");
        let len = match self.file.contains(&full) {
            true => self.file.tensor(&full)?.len(),
            false => 0,
        };
        require_tensor::<T>(&self.file, &full, &format!("values `{name}`"), &[len])?;
        Ok(self.file.tensor(&full)?.to_vec())
    }

    /// A whole number.
    ///
    /// # Errors
    /// A checkpoint without a count of this name.
    pub fn count(&self, name: &str) -> Result<u64> {
        let key = format!("{COUNT}{name}");
        let text = self.text_of(&key, &format!("count `{name}`"))?;
        text.parse()
            .map_err(|_| self.unusable(&key, format!("`{text}` is not a whole number")))
    }

    /// A number.
    ///
    /// # Errors
    /// A checkpoint without a number of this name.
    pub fn number(&self, name: &str) -> Result<f64> {
        let key = format!("{NUMBER}{name}");
        let text = self.text_of(&key, &format!("number `{name}`"))?;
        entries::number_from_text(text).map_err(|reason| self.unusable(&key, reason))
    }

    /// A text.
    ///
    /// # Errors
    /// A checkpoint without a text of this name.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.text_of(&format!("{TEXT}{name}"), &format!("text `{name}`"))
    }

    /// Numbers for each parameter of the model, or none at all, as before the first step.
    fn per_parameter<T: Element>(&self, name: &str, what: &str) -> Result<Vec<T>> {
        let is_empty = self.file.contains(name) && self.file.tensor(name)?.is_empty();
        let len = if is_empty { 0 } else { self.params_len()? };
        require_tensor::<T>(&self.file, name, what, &[len])?;
        Ok(self.file.tensor(name)?.to_vec())
    }

    /// How many numbers the parameters have together.
    fn params_len(&self) -> Result<usize> {
        let names = self.file.names().filter(|name| name.starts_with(MODEL));
        names.map(|name| Ok(self.file.tensor(name)?.len())).sum()
    }

    fn entry<S: Saved>(&self, key: &str, what: &str) -> Result<S> {
        S::from_text(self.text_of(key, what)?).map_err(|reason| self.unusable(key, reason))
    }

    /// An entry of the metadata; the error says what there is of its kind.
    fn text_of(&self, key: &str, what: &str) -> Result<&str> {
        if let Some(text) = self.file.metadata().get(key) {
            return Ok(text);
        }
        let kind = key.split_inclusive('/').next().unwrap_or(key);
        let known: Vec<_> = (self.file.metadata().keys())
            .filter_map(|known| known.strip_prefix(kind))
            .map(|known| format!("`{known}`"))
            .collect();
        let known = match known.is_empty() {
            true => String::new(),
            false => format!("; it has {}", known.join(", ")),
        };
        Err(self.file.mismatch(format!("it has no {what}{known}")))
    }

    /// The error that this checkpoint is of another run than the one that is to go on.
    pub(crate) fn mismatch(&self, reason: String) -> Error {
        self.file.mismatch(reason)
    }

    fn unusable(&self, key: &str, reason: String) -> Error {
        self.file
            .mismatch(format!("its entry `{key}` cannot be used ({reason})"))
    }
}
