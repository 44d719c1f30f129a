//! How a run of `lstm lm train` ends, what is left of it, and how that is said.

use std::io::Write;

use serde_json::json;

use super::error::LmError;
use super::run::Kept;
use super::train::Training;
use crate::failure::Failure;
use crate::output::is_same_place;
use crate::progress::grouped;

impl Training<'_> {
    /// Says of numbers that diverged in which epoch they did, and which model was saved before.
    pub fn diverged(&self, failure: Failure) -> Failure {
        if !matches!(failure, Failure::Core(lstm_core::Error::NotFinite { .. })) {
            return failure;
        }
        let epoch = self.run.history.len() + 1;
        let saved = match &self.run.kept {
            Some(Kept { epoch, file }) => format!("{file} holds the model of epoch {epoch}"),
            None if self.replaces => format!(
                "no model was saved, and {} is what it was before",
                self.options.out.display()
            ),
            None => "no model was saved".to_owned(),
        };
        let left = format!("That was in epoch {epoch}; {saved}");
        Failure::CutShort {
            source: Box::new(failure),
            left,
        }
    }

    /// Ctrl-C or a signal: leaves a checkpoint or, where there is no folder for one, the best model, which is there already, or
    /// else the model as it is. Before that has read the text once, it does not take the place of an older one.
    pub fn stop(&self, of_epoch: u64) -> Result<(), Failure> {
        let (run, path) = (&self.run, &self.options.out);
        let (out, epochs) = (path.display(), run.history.len());
        let done = run.windows % of_epoch;
        let left = if let Some(folder) = &self.options.checkpoints {
            run.save()?;
            let folder = folder.display();
            format!("the same command goes on from the checkpoint in {folder}")
        } else if run.has_best() {
            format!("{out} holds the model that was best on the text of --valid")
        } else if done == 0 {
            format!("{out} holds the model of epoch {epochs}")
        } else if epochs == 0 && self.replaces {
            format!(
                "no epoch was over, so nothing is saved and {out} is what it was before; with --checkpoints a run that is stopped can go on"
            )
        } else {
            run.model.save(path)?;
            format!(
                "{out} holds the unfinished model of this run, after {} of {} windows of epoch {}",
                grouped(done),
                grouped(of_epoch),
                epochs + 1
            )
        };
        Err(Failure::Interrupted(left))
    }

    /// Says where the model is and of which epoch, which a run that was resumed may have saved before.
    pub fn conclude(mut self, of_epoch: u64) -> Result<(), Failure> {
        let best = self.run.kept.as_ref().map(|kept| kept.epoch as u64);
        // Where the best epoch was the last one, its model is at hand.
        if !self.has_saved && best.is_some_and(|epoch| epoch * of_epoch == self.run.windows) {
            self.keep()?;
        }
        let path = &self.options.out;
        let out = path.display().to_string();
        let before = (self.run.kept.take()).filter(|_| !self.has_saved);
        let is_there =
            |file: &str| path.exists() && (file == out || is_same_place(path, file.as_ref()));
        match before {
            Some(Kept { epoch, file }) if !is_there(&file) => {
                let reason = format!(
                    "nothing was saved in it, as no epoch was better than epoch {epoch}, whose model this run saved in {file} before"
                );
                return Err(LmError::File {
                    path: path.clone(),
                    reason,
                }
                .into());
            }
            _ if self.options.json => {
                writeln!(self.out, "{}", json!({"out": out, "epoch": best}))?;
            }
            Some(Kept { epoch, .. }) => writeln!(
                self.out,
                "No epoch was better than epoch {epoch}, whose model this run saved in {out} before."
            )?,
            None => {
                // A run that is resumed with fewer epochs than it has been through does not go back to an earlier model.
                let beyond = best.filter(|&epoch| epoch > self.options.epochs);
                let beyond = beyond.map_or("", |_| " This run had gone beyond --epochs before.");
                let epoch = best.map_or(String::new(), |epoch| {
                    format!(", the model of epoch {epoch}")
                });
                writeln!(self.out, "Saved {out}{epoch}.{beyond}")?;
            }
        }
        self.out.finish()
    }
}
