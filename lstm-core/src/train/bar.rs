//! A progress bar.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Callback, Evaluation, Moment, Plan, StepReport};
use crate::error::Result;

/// How often the message is made anew; more often nobody could read it.
const INTERVAL: Duration = Duration::from_millis(100);

/// A progress bar on the terminal: steps, samples per second, the loss, and the time left if the steps are limited.
/// Nothing is shown where the standard error is not a terminal.
///
/// ```
/// # use lstm_core::optim::Sgd;
/// # use lstm_core::train::{Bar, Trainer};
/// # use lstm_core::{Linear, Order, Rng, init::Init};
/// # fn main() -> Result<(), lstm_core::Error> {
/// # let mut model = Linear::<f32>::new(2, 1, Init::Xavier, &mut Rng::new(1))?;
/// # let mut task = |_: &Linear<f32>, _: &[usize], _: &mut [f32]| Ok(0.0);
/// let mut trainer = Trainer::new(Sgd::new(0.1)?, Order::new(10, 1)?, 2)?.with_epochs(1)?;
/// trainer.run(&mut model, &mut task, &mut Bar::new())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    start: Instant,
    shown: Option<Instant>,
    samples: u64,
    validation: Option<f64>,
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Bar {
    /// A bar that appears when a run begins.
    pub fn new() -> Self {
        Self::drawn_on(ProgressDrawTarget::stderr())
    }

    fn drawn_on(target: ProgressDrawTarget) -> Self {
        Self {
            bar: ProgressBar::with_draw_target(None, target),
            start: Instant::now(),
            shown: None,
            samples: 0,
            validation: None,
        }
    }

    fn message(&self, loss: f64) -> String {
        let seconds = self.start.elapsed().as_secs_f64().max(1e-9);
        let validation = match self.validation {
            Some(loss) => format!(", {loss:.4} in validation"),
            None => String::new(),
        };
        format!(
            "{:.0} samples/s, loss {loss:.4}{validation}",
            self.samples as f64 / seconds
        )
    }
}

/// A template that does not parse leaves the plain bar: less to look at, nothing lost.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl<M, T> Callback<M, T> for Bar {
    fn start(&mut self, plan: &Plan) -> Result<()> {
        let template = match plan.steps {
            Some(_) => "{wide_bar} {pos}/{len} steps, {per_sec}, {msg}, {eta} left",
            None => "{spinner} {pos} steps, {per_sec}, {msg}, {elapsed}",
        };
        self.bar.set_style(style(template));
        if let Some(steps) = plan.steps {
            self.bar.set_length(steps);
        }
        self.bar.set_position(plan.done);
        // Steps of an earlier run took none of this run's time.
        self.bar.reset_eta();
        (self.start, self.shown, self.samples) = (Instant::now(), None, 0);
        Ok(())
    }

    fn step(&mut self, step: &StepReport, _at: &Moment<'_, M, T>) -> Result<ControlFlow<()>> {
        self.samples = self.samples.saturating_add(step.samples as u64);
        if self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL) {
            self.shown = Some(Instant::now());
            self.bar.set_message(self.message(step.loss));
        }
        self.bar.set_position(step.step.saturating_add(1));
        Ok(ControlFlow::Continue(()))
    }

    fn evaluation(
        &mut self,
        evaluation: &Evaluation,
        _at: &Moment<'_, M, T>,
    ) -> Result<ControlFlow<()>> {
        self.validation = evaluation.validation_loss;
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self) -> Result<()> {
        self.bar.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::linear::Linear;
    use crate::optim::Sgd;
    use crate::order::Order;
    use crate::random::Rng;
    use crate::train::{Trainer, with_validation};

    #[test]
    fn the_bar_counts_steps_and_shows_losses() {
        let mut model = Linear::<f32>::new(2, 1, Init::Xavier, &mut Rng::new(1)).unwrap();
        let mut task = with_validation(
            |_: &Linear<f32>, _: &[usize], _: &mut [f32]| Ok(0.125),
            |_: &Linear<f32>| Ok(0.5),
        );
        let mut trainer = Trainer::new(Sgd::new(0.1).unwrap(), Order::new(10, 1).unwrap(), 3);
        trainer = trainer.and_then(|trainer| trainer.with_epochs(2));
        let mut bar = Bar::drawn_on(ProgressDrawTarget::hidden());
        let trainer = trainer.as_mut().unwrap();
        trainer.run(&mut model, &mut task, &mut bar).unwrap();
        // Two epochs of 3 + 3 + 3 + 1 samples.
        assert_eq!((bar.bar.length(), bar.bar.position()), (Some(8), 8));
        assert_eq!(bar.samples, 20);
        assert!(bar.bar.is_finished());
        let message = bar.message(0.125);
        assert!(
            message.ends_with("samples/s, loss 0.1250, 0.5000 in validation"),
            "{message}"
        );
    }
}
