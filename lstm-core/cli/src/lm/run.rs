//! A training run, as it is kept in checkpoints.

use std::hash::Hasher;
use std::path::Path;

use fnv::FnvHasher;
use lstm_core::Error;
use lstm_core::checkpoint::{Checkpoint, Checkpoints};
use lstm_core::io::ModelFile;
use lstm_core::optim::{Adam, Optimiser, Plateau, Sgd};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::args::{Descent, Train};
use super::error::LmError;
use super::model::WordModel;
use super::trainer::Trainer;
use crate::failure::Failure;
use crate::held::complain;

/// So many checkpoints stay: if the last is damaged, the one before serves.
const KEEP: usize = 2;

/// What an epoch found. Times are not in it: they would differ from run to run.
///
/// Losses are means in nats, from which perplexities follow. None of these is beyond all numbers: a run ends where that happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: u64,
    /// The rate it was trained with.
    pub rate: f64,
    /// The loss in training, with dropout, while the model changed.
    pub train_loss: f64,
    /// The loss on the text of --valid.
    pub valid_loss: Option<f64>,
}

impl Epoch {
    /// Perplexity in training.
    pub fn train_perplexity(&self) -> f64 {
        self.train_loss.exp()
    }

    /// Perplexity of the text of --valid.
    pub fn valid_perplexity(&self) -> Option<f64> {
        self.valid_loss.map(f64::exp)
    }
}

/// The best model so far, which is saved by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The epoch it is of.
    pub epoch: usize,
    /// The file it was saved in, for people.
    pub file: String,
}

/// All that changes in the course of a run.
pub struct Run {
    /// The model.
    pub model: WordModel,
    /// States, random source and buffers.
    pub trainer: Trainer,
    /// What takes steps.
    pub optimiser: Box<dyn Optimiser<f32>>,
    /// What sets the rate.
    pub plateau: Plateau,
    /// Windows so far.
    pub windows: u64,
    /// The sum of the losses of this epoch's windows.
    pub losses: f64,
    /// The epochs so far.
    pub history: Vec<Epoch>,
    /// The best model so far, if an epoch is over.
    pub kept: Option<Kept>,
    folder: Option<Checkpoints>,
    /// What decides the course of the run; another run does not go on from its checkpoints.
    course: String,
}

impl Run {
    /// A run at its start, or where the folder's latest checkpoint left it.
    ///
    /// # Errors
    /// Options out of range; checkpoints of a run with other options, texts, words or classes.
    pub fn new(
        options: &Train,
        model: WordModel,
        trainer: Trainer,
        ids: &[u32],
        valid: Option<&[u32]>,
    ) -> Result<Self, Failure> {
        let optimiser: Box<dyn Optimiser<f32>> = match options.optimiser {
            Descent::Sgd => Box::new(Sgd::new(options.learning_rate())?),
            Descent::Adam => Box::new(Adam::new(options.learning_rate())?),
        };
        let plateau = Plateau::dividing(options.decay)?.with_max_reductions(options.reductions)?;
        let folder = (options.checkpoints.as_ref())
            .map(|folder| Checkpoints::new(folder, KEEP))
            .transpose()?;
        let course = course(options, &model, ids, valid);
        let mut run = Self {
            model,
            trainer,
            optimiser,
            plateau,
            windows: 0,
            losses: 0.0,
            history: Vec::new(),
            kept: None,
            folder,
            course,
        };
        run.resume()?;
        Ok(run)
    }

    fn resume(&mut self) -> Result<(), Failure> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let Some(latest) = folder.latest().map_err(unread)? else {
            return Ok(());
        };
        for error in latest.refused {
            complain(&format!(
                "lstm: {}; the run goes on from an earlier checkpoint",
                unread(error)
            ));
        }
        let file = latest.file;
        if file.text("course")? != self.course {
            let reason = "it is of a run with other options, texts, words or classes; choose another folder for --checkpoints";
            return Err(unfit(file.path(), reason).into());
        }
        file.load_into(&mut self.model)?
            .load_optimiser(&mut *self.optimiser)?
            .load_rng("dropout", &mut self.trainer.rng)?
            .load_states("carried", &mut self.trainer.states)?;
        self.plateau.resume(file.watch("plateau")?);
        self.windows = file.count("windows")?;
        self.losses = file.number("losses")?;
        let unlisted = |error: serde_json::Error| {
            let reason = format!(
                "its list of epochs cannot be read ({error}); choose another folder for --checkpoints"
            );
            unfit(file.path(), &reason)
        };
        self.history = serde_json::from_str(file.text("history")?).map_err(unlisted)?;
        self.kept = serde_json::from_str(file.text("kept")?).map_err(unlisted)?;
        Ok(())
    }

    /// Whether an epoch of this run was the best on the text of --valid, so that its model is kept.
    pub fn has_best(&self) -> bool {
        self.plateau.watch().best.is_finite()
    }

    /// Writes a checkpoint, if there is a folder for them.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self) -> Result<(), Failure> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let checkpoint = Checkpoint::new(&self.model)
            .with_optimiser(&*self.optimiser)
            .with_rng("dropout", &self.trainer.rng)
            .with_states("carried", &self.trainer.states)
            .with_watch("plateau", self.plateau.watch())
            .with_count("windows", self.windows)
            .with_number("losses", self.losses)
            .with_text("history", &json!(self.history).to_string())
            .with_text("kept", &json!(self.kept).to_string())
            .with_text("course", &self.course);
        folder.save(self.windows, checkpoint)?;
        Ok(())
    }
}

/// Why a checkpoint cannot be read, in the words of this command where it is a model that came among them.
fn unread(error: Error) -> Failure {
    match error {
        Error::Mismatch { path, .. } if ModelFile::open(&path).is_ok() => {
            let reason = "it is a model and no checkpoint; move it to another folder, or choose another one for --checkpoints";
            unfit(&path, reason).into()
        }
        other => other.into(),
    }
}

fn unfit(path: &Path, reason: &str) -> LmError {
    LmError::File {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Everything that changes the bits of a run. The number of epochs only says where it ends.
fn course(options: &Train, model: &WordModel, ids: &[u32], valid: Option<&[u32]>) -> String {
    let words = model.vocabulary().words().iter();
    let words = words.flat_map(|word| [word.as_str(), " "]);
    json!({
        "cell": options.cell, "layers": options.layers, "hidden": options.hidden, "embedding": options.embedding_len(),
        "tied": options.tied, "batch": options.batch, "steps": options.steps, "seed": options.seed, "clip": options.clip,
        "decay": options.decay, "reductions": options.reductions, "rate": options.learning_rate(),
        "adam": options.optimiser == Descent::Adam, "dropout": options.dropout,
        "words": ids.len(), "text": hash(numbers(ids)), "vocabulary": hash(words),
        "valid": valid.map(|ids| hash(numbers(ids))),
        "classes": model.class_of().map(|classes| hash(numbers(classes))),
    })
    .to_string()
}

fn numbers(ids: &[u32]) -> impl Iterator<Item = [u8; 4]> {
    ids.iter().map(|id| id.to_le_bytes())
}

/// FNV-1a: enough to tell one text from another that was taken by mistake.
fn hash(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> u64 {
    let mut hasher = FnvHasher::default();
    pieces.for_each(|piece| hasher.write(piece.as_ref()));
    hasher.finish()
}
