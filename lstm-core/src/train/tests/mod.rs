//! The loop against one written by hand, against itself after a restart, and what goes wrong in it.

mod refusals;

use std::ops::ControlFlow;

use faer::Mat;

use super::*;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::linear::Linear;
use crate::loss::{mean_squared, mean_squared_gradient};
use crate::optim::{
    Adam, EarlyStopping, Optimiser, OptimiserState, Plateau, Schedule, Sgd, clip_global_norm,
};
use crate::order::Order;
use crate::params::{Name, Parameters};
use crate::random::Rng;

type Model = Linear<f64>;

fn model() -> Model {
    Linear::new(2, 1, Init::Uniform(1.0), &mut Rng::new(3)).unwrap()
}

fn values(model: &Model) -> Vec<f64> {
    let mut values = Vec::new();
    model
        .visit(Name::ROOT, &mut |_, parameter| {
            values.extend_from_slice(parameter.values);
            Ok(())
        })
        .unwrap();
    values
}

/// Inputs and targets of these samples; no line goes through the targets.
fn data(samples: &[usize]) -> (Mat<f64>, Mat<f64>) {
    let wave = |i: usize, sample: usize| ((3 * i + 7 * sample) as f64).sin();
    (
        Mat::from_fn(2, samples.len(), |i, j| wave(i, samples[j])),
        Mat::from_fn(1, samples.len(), |_, j| wave(5, samples[j]).powi(2)),
    )
}

fn gradient(model: &Model, samples: &[usize], gradient: &mut [f64]) -> Result<f64> {
    let (x, target) = data(samples);
    let mut y = Mat::zeros(1, samples.len());
    model.apply(x.as_ref(), y.as_mut())?;
    let loss = mean_squared_gradient(y.as_mut(), target.as_ref())?;
    model.backprop(x.as_ref(), y.as_ref(), gradient, None)?;
    Ok(loss)
}

fn validate(model: &Model) -> Result<f64> {
    let (x, target) = data(&[40, 41, 42, 43, 44]);
    let mut y = Mat::zeros(1, 5);
    model.apply(x.as_ref(), y.as_mut())?;
    mean_squared(y.as_ref(), target.as_ref())
}

fn trainer() -> Trainer<f64, Adam<f64>> {
    Trainer::new(Adam::new(0.05).unwrap(), Order::new(17, 5).unwrap(), 4).unwrap()
}

#[test]
fn the_loop_is_the_one_written_by_hand() {
    let schedule = Schedule::cosine(0.05, 20).unwrap().with_warm_up(3);
    let mut by_hand = model();
    let mut losses = Vec::new();
    {
        let (mut adam, mut order) = (Adam::new(0.05).unwrap(), Order::new(17, 5).unwrap());
        let (mut samples, mut buffer) = (Vec::new(), vec![0.0; 3]);
        for step in 0..15 {
            order.next_batch(4, &mut samples);
            buffer.fill(0.0);
            losses.push(gradient(&by_hand, &samples, &mut buffer).unwrap());
            clip_global_norm(&by_hand, &mut buffer, 0.1).unwrap();
            adam.set_rate(schedule.rate(step)).unwrap();
            adam.step(&mut by_hand, &buffer).unwrap();
        }
    }
    let mut trainer = (trainer().with_epochs(3).unwrap())
        .with_schedule(schedule)
        .and_then(|trainer| trainer.with_clip(Clip::Norm(0.1)))
        .unwrap();
    let (mut model, mut seen) = (model(), Vec::new());
    let mut watch = on_step(|step: &StepReport| {
        seen.push(*step);
        Ok(ControlFlow::Continue(()))
    });
    let end = trainer.run(&mut model, &mut gradient, &mut watch).unwrap();
    assert_eq!(end, End::Epochs);
    assert_eq!(values(&model), values(&by_hand));
    assert_eq!(
        seen.iter().map(|step| step.loss).collect::<Vec<_>>(),
        losses
    );
    // 17 samples are batches of 4, 4, 4, 4 and 1.
    let found = |step: usize| (seen[step].step, seen[step].epoch, seen[step].samples);
    assert_eq!(
        (found(3), found(4), found(5)),
        ((3, 0, 4), (4, 0, 1), (5, 1, 4))
    );
    assert_eq!(seen[4].rate, schedule.rate(4));
    // The history has the mean over the samples of each epoch.
    let epoch = &losses[5..10];
    let mean = (4.0 * epoch[..4].iter().sum::<f64>() + epoch[4]) / 17.0;
    let found = trainer.progress().history[1];
    assert!((found.training_loss.unwrap() - mean).abs() < 1e-15);
    assert_eq!(
        (found.step, found.epoch, found.validation_loss),
        (10, 1, None)
    );
    // It is over and stays so.
    let end = trainer.run(&mut model, &mut gradient, &mut ()).unwrap();
    assert_eq!((end, trainer.progress().steps), (End::Epochs, 15));
}

/// What is kept of a moment.
#[derive(Clone)]
struct Kept {
    model: Model,
    optimiser: OptimiserState<f64>,
    progress: Progress<f64>,
}

/// Keeps every moment, whichever callback sees it.
#[derive(Default)]
struct Keeper(Vec<Kept>);

impl Callback<Model, f64> for Keeper {
    fn step(&mut self, _: &StepReport, at: &Moment<'_, Model, f64>) -> Result<ControlFlow<()>> {
        self.0.push(Kept {
            model: at.model.clone(),
            optimiser: at.optimiser.state(),
            progress: at.progress.clone(),
        });
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn a_run_goes_on_from_every_step_bit_by_bit() {
    let make = || {
        let trainer = trainer().with_steps(23).unwrap().with_best_kept();
        let trainer = trainer.with_early_stopping(EarlyStopping::new(50));
        let trainer = trainer
            .with_plateau(Plateau::dividing(2.0).unwrap())
            .unwrap();
        let trainer = trainer.with_batches_per_step(2).unwrap();
        trainer.with_evaluations(Every::Steps(2)).unwrap()
    };
    let mut task = with_validation(gradient, validate);
    let (mut whole, mut keeper) = (make(), Keeper::default());
    let mut expected = model();
    whole.run(&mut expected, &mut task, &mut keeper).unwrap();
    assert_eq!(keeper.0.len(), 23);
    assert!(whole.progress().plateau.unwrap().reductions > 0);
    for kept in keeper.0 {
        let Kept {
            mut model,
            optimiser,
            progress,
        } = kept;
        let mut resumed = make();
        resumed.optimiser_mut().load_state(&optimiser).unwrap();
        resumed.resume(progress).unwrap();
        resumed.run(&mut model, &mut task, &mut ()).unwrap();
        assert_eq!(values(&model), values(&expected));
        assert_eq!(resumed.progress(), whole.progress());
    }
}

#[test]
fn batches_together_are_one_large_batch() {
    let run = |batch, batches| {
        let trainer = Trainer::new(Sgd::new(0.1).unwrap(), Order::new(17, 5).unwrap(), batch);
        let trainer = trainer.and_then(|trainer| trainer.with_epochs(2));
        let mut trainer = trainer
            .and_then(|it| it.with_batches_per_step(batches))
            .unwrap();
        let mut model = model();
        trainer.run(&mut model, &mut gradient, &mut ()).unwrap();
        (values(&model), trainer.progress().clone())
    };
    // 17 samples are 12 and 5 as they are 4 + 4 + 4 and 4 + 1.
    let ((large, one), (small, other)) = (run(12, 1), run(4, 3));
    assert_eq!((one.steps, other.steps), (4, 4));
    // The same sums in another order: a few roundings of numbers near 1.
    for (large, small) in large.iter().zip(small) {
        assert!((large - small).abs() < 1e-14);
    }
}

#[test]
fn the_best_parameters_come_back_when_stopping() {
    // The validation losses are made up; the first parameter says after which step they were asked for.
    let losses = [5.0, 3.0, 4.0, 3.5, 1.0];
    let mut asked = Vec::new();
    let mut task = with_validation(gradient, |model: &Model| {
        asked.push(values(model));
        Ok(losses[asked.len() - 1])
    });
    let trainer = trainer().with_epochs(9).unwrap().with_best_kept();
    let mut trainer = trainer.with_early_stopping(EarlyStopping::new(1));
    let (mut model, mut is_best) = (model(), Vec::new());
    let mut watch = on_evaluation(|evaluation: &Evaluation| {
        is_best.push(evaluation.is_best);
        Ok(ControlFlow::Continue(()))
    });
    let end = trainer.run(&mut model, &mut task, &mut watch).unwrap();
    assert_eq!(end, End::Stopping);
    assert_eq!(is_best, [true, true, false, false]);
    assert_eq!(values(&model), asked[1]);
    let best = trainer.progress().best.as_ref().unwrap();
    assert_eq!((best.value, best.step), (3.0, 10));
    // The parameters fit no other model.
    let mut other = Linear::new(3, 1, Init::Xavier, &mut Rng::new(0)).unwrap();
    assert!(trainer.restore_best(&mut other).is_err());
}

#[test]
fn a_plateau_ends_and_a_limit_is_evaluated() {
    let plateau = Plateau::dividing(2.0)
        .unwrap()
        .with_max_reductions(1)
        .unwrap();
    let mut task = with_validation(gradient, |_: &Model| Ok(1.0));
    let mut halved = trainer().with_plateau(plateau).unwrap();
    // The first evaluation is the best, the second reduces the rate, the third ends.
    let end = halved.run(&mut model(), &mut task, &mut ()).unwrap();
    assert_eq!((end, halved.progress().steps), (End::Plateau, 15));
    assert_eq!(halved.optimiser().rate(), 0.025);

    let mut short = trainer().with_steps(7).unwrap();
    let end = short.run(&mut model(), &mut task, &mut ()).unwrap();
    let steps: Vec<_> = (short.progress().history.iter())
        .map(|it| it.step)
        .collect();
    assert_eq!((end, steps), (End::Steps, vec![5, 7]));
}

/// Writes down what it is told.
#[derive(Default)]
struct Names(Vec<String>);

impl Callback<Model, f64> for Names {
    fn start(&mut self, plan: &Plan) -> Result<()> {
        self.0.push(format!("start {:?} {}", plan.steps, plan.done));
        Ok(())
    }
    fn step(&mut self, step: &StepReport, at: &Moment<'_, Model, f64>) -> Result<ControlFlow<()>> {
        assert_eq!(at.progress.steps, step.step + 1);
        self.0.push(format!("step {}", step.step));
        Ok(ControlFlow::Continue(()))
    }
    fn evaluation(
        &mut self,
        _: &Evaluation,
        _: &Moment<'_, Model, f64>,
    ) -> Result<ControlFlow<()>> {
        self.0.push("evaluation".to_owned());
        Ok(ControlFlow::Continue(()))
    }
    fn epoch(&mut self, epochs: u64, _: &Moment<'_, Model, f64>) -> Result<ControlFlow<()>> {
        self.0.push(format!("epoch {epochs}"));
        Ok(ControlFlow::Continue(()))
    }
    fn end(&mut self) -> Result<()> {
        self.0.push("end".to_owned());
        Ok(())
    }
}

#[test]
fn callbacks_are_asked_in_order_and_may_stop() {
    let order = Order::sequential(4).unwrap();
    let trainer = Trainer::new(Sgd::new(0.1).unwrap(), order, 2).unwrap();
    let mut trainer = trainer.with_epochs(3).unwrap();
    let mut names = Names::default();
    let stop = on_step(|step: &StepReport| {
        Ok(match step.step {
            1 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    });
    let mut both = (stop, &mut names);
    let mut model = model();
    let end = trainer.run(&mut model, &mut gradient, &mut both).unwrap();
    assert_eq!((end, trainer.end()), (End::Callback, None));
    let end = trainer.run(&mut model, &mut gradient, &mut names).unwrap();
    assert_eq!(end, End::Epochs);
    let expected = "start Some(6) 0, step 0, step 1, evaluation, epoch 1, end, \
        start Some(6) 2, step 2, step 3, evaluation, epoch 2, step 4, step 5, evaluation, epoch 3, end";
    assert_eq!(names.0.join(", "), expected);

    let mut failing = on_step(|_: &StepReport| Err(Error::custom("no space left")));
    let trainer = Trainer::new(Sgd::new(0.1).unwrap(), Order::new(4, 1).unwrap(), 2);
    let failed = trainer
        .unwrap()
        .run(&mut model, &mut gradient, &mut failing);
    assert_eq!(failed.unwrap_err().to_string(), "no space left");
}

#[test]
fn targets_that_do_not_count_weigh_nothing() {
    let mut trainer = trainer();
    let mut task = |_: &Model, samples: &[usize], _: &mut [f64]| {
        Ok(BatchLoss::weighted(samples.len() as f64, 0.0))
    };
    let step = trainer.step(&mut model(), &mut task).unwrap();
    assert_eq!(step.loss, 0.0);
    let evaluation = trainer.evaluate(&model(), &mut task).unwrap();
    assert_eq!(
        (evaluation.training_loss, evaluation.is_best),
        (None, false)
    );
    let mut negative = |_: &Model, _: &[usize], _: &mut [f64]| Ok(BatchLoss::weighted(1.0, -1.0));
    assert!(trainer.step(&mut model(), &mut negative).is_err());
}

#[test]
fn each_way_of_clipping_bounds_the_step() {
    // The gradient is (3, -4 | 0.5); the rate of 1 shows it as the step. Norms: 5.02 in all, 5 of the weight, 0.5 of the bias.
    for (clip, expected) in [
        (Clip::Norm(25.25f64.sqrt() / 2.0), [1.5, -2.0, 0.25]),
        (Clip::NormEach(2.5), [1.5, -2.0, 0.5]),
        (Clip::Value(2.0), [2.0, -2.0, 0.5]),
    ] {
        let trainer = Trainer::new(Sgd::new(1.0).unwrap(), Order::new(1, 0).unwrap(), 1);
        let mut trainer = trainer.and_then(|trainer| trainer.with_clip(clip)).unwrap();
        let mut model = Linear::new(2, 1, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
        let mut task = |_: &Model, _: &[usize], gradient: &mut [f64]| {
            gradient.copy_from_slice(&[3.0, -4.0, 0.5]);
            Ok(1.0)
        };
        let step = trainer.step(&mut model, &mut task).unwrap();
        assert!((step.norm - 25.25f64.sqrt()).abs() < 1e-15);
        for (value, expected) in values(&model).iter().zip(expected) {
            assert!((value + expected).abs() < 1e-15, "{clip:?}");
        }
    }
}
