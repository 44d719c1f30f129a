//! The text that is not trained on, and how much of it is measured.

use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use lstm_core::Cell;
use lstm_core::lm::CharModel;
use lstm_core::text::Streams;

use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// A measurement takes at most this part of the time, unless even the least that is measured takes longer: one at the start and one
/// at the end leave nine tenths for training.
const PART: u32 = 20;
/// Steps, of each stream, of the measurement that tells how long others take: the least that is measured.
const TRIAL: usize = 32;
/// How often a measurement that may be given up looks for a reason.
const REFRESH: Duration = Duration::from_millis(10);

/// A text that is read in streams as many and windows as long as it allows.
#[derive(Clone)]
pub struct HeldOut {
    ids: Vec<u32>,
    batch: usize,
    steps: usize,
}

impl HeldOut {
    /// The text of these characters.
    ///
    /// # Errors
    /// A text too short even for one window of one stream.
    pub fn new(ids: Vec<u32>, batch: usize, steps: usize) -> Result<Self, Failure> {
        let steps = steps.min(ids.len().saturating_sub(1)).max(1);
        let batch = batch.min(ids.len().saturating_sub(1) / steps).max(1);
        // It is refused here, before training.
        let part = "the held-out part, a tenth of the text,";
        Streams::new(&ids, batch, steps).map_err(|error| error.of_text(part, "characters"))?;
        Ok(Self { ids, batch, steps })
    }

    /// How many characters are predicted.
    pub fn characters(&self) -> u64 {
        let stretch = (self.ids.len() - 1) / self.batch;
        (self.batch * (stretch - stretch % self.steps)) as u64
    }

    /// Bits per character.
    ///
    /// # Errors
    /// Numbers that have diverged.
    pub fn bits<C: Cell>(&self, model: &CharModel<C, f32>) -> Result<f64, Failure> {
        Ok(model.bits_per_character(&self.ids, self.batch, self.steps)?)
    }

    /// Keeps as much of the text as a model measures in its part of the time, all of it if it can, and measures the model. None
    /// if it is given up because of an interrupt, which is worthwhile only where nothing has been learned.
    ///
    /// # Errors
    /// Numbers that have diverged.
    pub fn fit<C: Cell>(
        &mut self,
        model: &CharModel<C, f32>,
        budget: Duration,
        interrupt: &Interrupt,
    ) -> Result<Option<f64>, Failure> {
        let trial = self.beginning(TRIAL);
        let start = Instant::now();
        let Some(bits) = trial.bits_unless(model, interrupt)? else {
            return Ok(None);
        };
        let cost = start.elapsed().as_secs_f64() / trial.stretch() as f64;
        let room = (budget / PART).as_secs_f64() / cost.max(1e-9);
        if room < self.stretch() as f64 {
            *self = self.beginning((room as usize).max(TRIAL));
        }
        // What has been measured already is not measured again.
        match self.ids.len() == trial.ids.len() {
            true => Ok(Some(bits)),
            false => self.bits_unless(model, interrupt),
        }
    }

    /// Steps of each stream.
    fn stretch(&self) -> usize {
        (self.ids.len() - 1) / self.batch
    }

    /// The beginning of the text, of so many steps of each stream, in windows no longer than that of a trial.
    fn beginning(&self, steps: usize) -> Self {
        let window = self.steps.min(TRIAL);
        let steps = (steps - steps % window).max(window);
        match steps < self.stretch() {
            true => Self {
                ids: self.ids[..self.batch * steps + 1].to_vec(),
                batch: self.batch,
                steps: window,
            },
            false => self.clone(),
        }
    }

    /// Measures on a thread of its own, so that an interrupt need not wait for the end.
    fn bits_unless<C: Cell>(
        &self,
        model: &CharModel<C, f32>,
        interrupt: &Interrupt,
    ) -> Result<Option<f64>, Failure> {
        let (held_out, model) = (self.clone(), model.clone());
        let measuring = thread::spawn(move || held_out.bits(&model));
        while !interrupt.came() {
            if measuring.is_finished() {
                let bits = measuring
                    .join()
                    .unwrap_or_else(|panic| resume_unwind(panic));
                return bits.map(Some);
            }
            thread::sleep(REFRESH);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::Rng;
    use lstm_core::cells::ElmanRnn;
    use lstm_core::text::Vocabulary;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn model() -> CharModel<ElmanRnn, f32> {
        CharModel::new(Vocabulary::of("abc").unwrap(), &[2, 3], &mut Rng::new(1)).unwrap()
    }

    /// Two streams of 500 characters each.
    fn held_out(steps: usize) -> HeldOut {
        let ids = (0..1001_u32).map(|place| place * place % 3).collect();
        HeldOut::new(ids, 2, steps).unwrap()
    }

    #[test]
    fn a_text_that_is_measured_in_time_is_measured_as_a_whole() {
        // Windows that fill the streams, that leave something out, and that are longer than those of a trial.
        for (steps, characters) in [(10, 1000), (7, 994), (500, 1000)] {
            let (mut held_out, model) = (held_out(steps), model());
            let whole = held_out.bits(&model).unwrap();
            let bits = held_out
                .fit(&model, HOUR, &Interrupt::pretended(false))
                .unwrap();
            assert_eq!((bits, held_out.characters()), (Some(whole), characters));
            let library = model.bits_per_character(&held_out.ids, 2, steps).unwrap();
            assert_eq!(whole, library);
        }
    }

    #[test]
    fn without_time_the_least_is_measured() {
        for (steps, least) in [(10, 30), (500, TRIAL)] {
            let (mut held_out, model) = (held_out(steps), model());
            let bits = held_out
                .fit(&model, Duration::ZERO, &Interrupt::pretended(false))
                .unwrap();
            assert_eq!(held_out.characters(), 2 * least as u64);
            // From now on it is this part, so that measurements can be compared.
            assert_eq!(bits, Some(held_out.bits(&model).unwrap()));
        }
    }

    #[test]
    fn an_interrupt_gives_a_measurement_up() {
        let mut held_out = held_out(10);
        let bits = held_out.fit(&model(), HOUR, &Interrupt::pretended(true));
        assert_eq!(bits.unwrap(), None);
    }
}
