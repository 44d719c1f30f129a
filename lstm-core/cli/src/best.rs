//! The best model of a run of `lstm train`, and what is said of it at the end.

use std::env;
use std::io::Write;
use std::path::Path;

use lstm_core::Cell;
use lstm_core::lm::CharModel;

use crate::args::Train;
use crate::failure::Failure;
use crate::generate::write_sample;
use crate::output::holds_something;

/// Characters and temperature of the sample at the end.
const SAMPLE: (u64, f64) = (400, 0.7);

/// The model that predicted the held-out text best: a small text is learned by heart after a while.
pub struct Best<C: Cell> {
    /// None as long as the untrained model is the best: there is nothing learned to be saved then.
    model: Option<CharModel<C, f32>>,
    /// Bits per character; infinite before the first measurement.
    bits: f64,
}

impl<C: Cell> Best<C> {
    /// Before the first measurement.
    pub fn of_none() -> Self {
        Self {
            model: None,
            bits: f64::INFINITY,
        }
    }

    /// Keeps a model that has been trained on so many characters if it is better than all before.
    pub fn see(&mut self, bits: f64, characters: u64, model: &CharModel<C, f32>) {
        if bits < self.bits {
            let model = (characters > 0).then(|| model.clone());
            *self = Self { model, bits };
        }
    }

    /// Saves the model, however training ended, and returns it. An error is returned once that is done. Where nothing had been
    /// learned, nothing is saved, and an older model stays in its place.
    ///
    /// # Errors
    /// The one with which training ended; a file that cannot be written.
    pub fn save(
        self,
        ended: Result<(), Failure>,
        path: &Path,
    ) -> Result<Option<Saved<C>>, Failure> {
        let Self { model, bits } = self;
        let Some(model) = model else {
            return ended.map(|()| None);
        };
        model.save(path)?;
        match ended {
            Ok(()) => Ok(Some(Saved { model, bits })),
            Err(source) => Err(Failure::CutShort {
                source: Box::new(source),
                left: format!(
                    "The model that was best before, with {bits:.3} bits per character held out, is saved in {}",
                    path.display()
                ),
            }),
        }
    }
}

/// Why there is no model of a run: nothing of what it learned was better than nothing.
pub fn nothing_saved(options: &Train, characters: u64, is_interrupted: bool) -> Failure {
    let path = &options.out;
    let left = match holds_something(path) {
        true => format!(
            "nothing is saved and {} is what it was before",
            path.display()
        ),
        false => "nothing is saved".to_owned(),
    };
    let reason = match characters {
        0 => "nothing had been learned yet",
        _ => "no model that was measured was better than the untrained one",
    };
    match is_interrupted {
        true => Failure::Interrupted(format!("{reason}, so {left}")),
        false => Failure::NothingLearned {
            reason,
            left,
            remedy: match characters {
                0 => "give it more --seconds or a smaller --hidden",
                _ => "a smaller --rate or more --seconds may help",
            },
        },
    }
}

/// A model that is saved.
pub struct Saved<C: Cell> {
    model: CharModel<C, f32>,
    bits: f64,
}

impl<C: Cell> Saved<C> {
    /// Shows what the model writes, where it is, and what to do with it.
    ///
    /// # Errors
    /// Scores that are not finite.
    pub fn conclude(&self, out: &mut impl Write, options: &Train) -> Result<(), Failure> {
        let (length, temperature) = SAMPLE;
        writeln!(out, "\nIt writes (temperature {temperature}):\n")?;
        write_sample(out, &self.model, "", length, temperature, options.seed)?;
        let program = env::args().next().unwrap_or_else(|| "lstm".to_owned());
        let (file, bits) = (options.out.display().to_string(), self.bits);
        writeln!(
            out,
            "\n\nSaved {file}, the best of this run: {bits:.3} bits per character held out. Next:"
        )?;
        let (program, model) = (for_shell(program), for_shell(file));
        writeln!(
            out,
            "    {program} generate {model} --length 1000 --temperature 0.5"
        )?;
        writeln!(out, "    {program} train --text FILE --minutes 10")?;
        writeln!(
            out,
            "    {program} derive FILE        # the error signals of a cell of your own"
        )?;
        Ok(())
    }
}

/// A word of a command that is to be copied into a shell.
fn for_shell(word: String) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || "_-./+,:=@%".contains(sign);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process};

    use lstm_core::Rng;
    use lstm_core::cells::ElmanRnn;
    use lstm_core::text::Vocabulary;

    use super::*;

    #[test]
    fn words_for_a_shell_are_quoted_where_it_would_split_them() {
        for (word, shown) in [
            ("models/größe-1.safetensors", "models/größe-1.safetensors"),
            ("my model", "'my model'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(for_shell(word.to_owned()), shown);
        }
    }

    #[test]
    fn the_best_model_is_saved_however_training_ends() {
        let path = env::temp_dir().join(format!("lstm-best-{}", process::id()));
        let mut rng = Rng::new(1);
        let mut model = || {
            let vocabulary = Vocabulary::of("abc").unwrap();
            CharModel::<ElmanRnn, f32>::new(vocabulary, &[2, 3], &mut rng).unwrap()
        };
        let ends = || {
            let diverged = lstm_core::Error::not_finite("the loss").into();
            [diverged, Failure::Options("--rate is too high".to_owned())]
        };
        for (at_once, later) in ends().into_iter().zip(ends()) {
            let reason = later.to_string();
            let mut best = Best::of_none();
            best.see(3.0, 0, &model());
            assert!(best.save(Err(at_once), &path).is_err() && !path.exists());

            let (good, worse) = (model(), model());
            let mut best = Best::of_none();
            best.see(2.0, 100, &good);
            best.see(2.5, 200, &worse);
            best.see(f64::NAN, 300, &worse);
            let error = best.save(Err(later), &path).err().unwrap().to_string();
            let file = path.display();
            let saved = format!("with 2.000 bits per character held out, is saved in {file}");
            assert!(
                error.starts_with(&reason) && error.ends_with(&saved),
                "{error}"
            );
            let kept = fs::read(&path).unwrap();
            good.save(&path).unwrap();
            assert!(kept == fs::read(&path).unwrap());
            fs::remove_file(&path).unwrap();
        }
    }
}
