//! Writing with a character model.

use faer::Mat;
use lstm_kernels::{Cell, Element, State, Workspace};

use crate::error::{Error, Result};
use crate::lm::CharModel;
use crate::loss::softmax;
use crate::random::Rng;

/// A model in the course of writing: it has read something and can choose what comes next.
#[derive(Debug, Clone)]
pub struct Sampler<'a, C: Cell, T: Element> {
    model: &'a CharModel<C, T>,
    state: State<T>,
    workspace: Workspace<T>,
    x: Mat<T>,
    y: Mat<T>,
    scores: Mat<T>,
    probabilities: Vec<f64>,
}

impl<'a, C: Cell, T: Element> Sampler<'a, C, T> {
    /// A sampler that has read `prompt`; for an empty one a line break, as at the start of a line.
    ///
    /// # Errors
    /// A character that the model does not know.
    pub fn new(model: &'a CharModel<C, T>, prompt: &str) -> Result<Self> {
        let recurrent = &model.recurrent;
        let mut sampler = Self {
            model,
            state: model.recurrent.initial_state(1)?,
            workspace: recurrent.workspace(1)?,
            x: Mat::zeros(recurrent.input_len(), 1),
            y: Mat::zeros(recurrent.output_len(), 1),
            scores: Mat::zeros(model.vocabulary.len(), 1),
            probabilities: Vec::with_capacity(model.vocabulary.len()),
        };
        let mut ids = model.vocabulary.encode(prompt)?;
        if ids.is_empty() {
            // A text without line breaks may start with any of its characters.
            ids.push(model.vocabulary.id('\n').unwrap_or(0));
        }
        ids.into_iter().try_for_each(|id| sampler.read(id))?;
        Ok(sampler)
    }

    /// The next character: drawn from softmax(scores / temperature), or the most likely one at temperature 0.
    ///
    /// # Errors
    /// A temperature that is negative or not finite; scores that are not finite.
    pub fn next_character(&mut self, temperature: f64, rng: &mut Rng) -> Result<char> {
        let scores = self.scores.col_as_slice(0);
        if !scores.iter().all(|score| score.to_f64().is_finite()) {
            return Err(Error::not_finite("a score of the model"));
        }
        let id = match temperature == 0.0 {
            true => most_likely(scores),
            false => {
                softmax(scores, temperature, &mut self.probabilities)?;
                draw(&self.probabilities, rng.unit())
            }
        };
        self.read(id)?;
        // `draw` and `most_likely` return the place of a score, and there is one score per character.
        Ok(self
            .model
            .vocabulary
            .character(id)
            .unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn read(&mut self, id: u32) -> Result<()> {
        let model = self.model;
        model.embedding.forward(&[id], self.x.as_mut())?;
        model.recurrent.step(
            self.x.as_ref(),
            &mut self.state,
            self.y.as_mut(),
            &mut self.workspace,
        )?;
        model.head.apply(self.y.as_ref(), self.scores.as_mut())
    }
}

/// The place of the largest score, the first of equals.
fn most_likely<T: Element>(scores: &[T]) -> u32 {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = place;
        }
    }
    best as u32
}

/// The place where the running sum of probabilities passes `unit`, a number from [0, 1).
fn draw(probabilities: &[f64], unit: f64) -> u32 {
    let mut left = unit;
    for (place, probability) in probabilities.iter().enumerate() {
        left -= probability;
        if left < 0.0 {
            return place as u32;
        }
    }
    // Rounding may leave the sum just below one.
    probabilities.len().saturating_sub(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fall_where_the_running_sum_passes() {
        let probabilities = [0.25, 0.5, 0.25];
        for (unit, place) in [
            (0.0, 0),
            (0.24, 0),
            (0.25, 1),
            (0.74, 1),
            (0.75, 2),
            (0.9999, 2),
        ] {
            assert_eq!(draw(&probabilities, unit), place);
        }
        assert_eq!(most_likely(&[1.0, 3.0, 3.0, 2.0f32]), 1);
    }
}
