//! What ends a run with an error, and leaves everything as it was.

use super::*;

/// Before the first step of the optimiser no rate can be too high.
#[test]
fn what_is_not_finite_at_first_is_looked_for_elsewhere() {
    let (mut trainer, mut model) = (trainer(), model());
    let mut remedies = Vec::new();
    for _ in 0..2 {
        let mut bad = |_: &Model, _: &[usize], _: &mut [f64]| Ok(f64::NAN);
        let error = trainer.step(&mut model, &mut bad).unwrap_err();
        let Error::NotFinite { remedy, .. } = error else {
            panic!("{error}");
        };
        remedies.push(remedy);
        trainer.step(&mut model, &mut gradient).unwrap();
    }
    assert!(remedies[0].contains("inputs") && !remedies[0].contains("rate"));
    assert!(remedies[1].contains("rate") && !remedies[1].contains("inputs"));
}

#[test]
fn what_is_not_finite_is_an_error_of_its_step_and_changes_nothing() {
    for (bad_loss, bad_gradient, place) in [
        (f64::NAN, 0.0, "the loss at step 2"),
        (f64::INFINITY, 0.0, "the loss at step 2"),
        (1.0, f64::NAN, "the gradient of `weight` at step 2"),
    ] {
        for batches in [1, 2] {
            let mut trainer = trainer().with_batches_per_step(batches).unwrap();
            let mut model = model();
            for _ in 0..2 {
                trainer.step(&mut model, &mut gradient).unwrap();
            }
            let (before, progress) = (values(&model), trainer.progress().clone());
            let mut seen = Vec::new();
            let mut bad = |_: &Model, samples: &[usize], gradient: &mut [f64]| {
                seen.push(samples.to_vec());
                gradient[0] = bad_gradient;
                Ok(bad_loss)
            };
            let message = trainer.step(&mut model, &mut bad).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("{place} is not a finite number")),
                "{message}"
            );
            assert_eq!((values(&model), trainer.progress()), (before, &progress));
            // The next attempt sees the same samples and nothing of the failed one.
            let mut again = Vec::new();
            let mut good = |model: &Model, samples: &[usize], buffer: &mut [f64]| {
                again.push(samples.to_vec());
                gradient(model, samples, buffer)
            };
            trainer.step(&mut model, &mut good).unwrap();
            assert_eq!(seen[0], again[0]);
        }
    }
    let mut task = with_validation(gradient, |_: &Model| Ok(f64::NAN));
    let failed = trainer().run(&mut model(), &mut task, &mut ());
    let message = failed.unwrap_err().to_string();
    assert!(
        message.starts_with("the validation loss at step 5 is not a finite number"),
        "{message}"
    );
}

/// The last step is evaluated once more where the first evaluation failed, and the best parameters are found by it.
#[test]
fn an_evaluation_that_failed_is_made_up_for() {
    let mut asked = 0;
    let mut task = with_validation(gradient, |_: &Model| {
        asked += 1;
        match asked {
            3 => Err(Error::NoForwardPass),
            // Each is better than the one before.
            _ => Ok(1.0 / f64::from(asked)),
        }
    });
    let trainer = trainer().with_epochs(3).unwrap();
    let (mut trainer, mut model) = (trainer.with_best_kept(), model());
    assert!(trainer.run(&mut model, &mut task, &mut ()).is_err());
    let mut seen = Vec::new();
    let mut watch = on_evaluation(|evaluation: &Evaluation| {
        seen.push((evaluation.step, evaluation.is_best));
        Ok(ControlFlow::Continue(()))
    });
    let last = values(&model);
    let end = trainer.run(&mut model, &mut task, &mut watch).unwrap();
    assert_eq!(end, End::Epochs);
    // An epoch of 17 samples has five steps of four.
    assert_eq!(seen, [(15, true)]);
    assert_eq!(values(&model), last);
    assert_eq!(trainer.progress().history.len(), 3);
}

#[test]
fn callbacks_hear_of_a_step_whose_evaluation_is_made_up_for() {
    let failing = |calls: u32| {
        let mut asked = 0;
        with_validation(gradient, move |_: &Model| {
            asked += 1;
            match asked == calls {
                true => Err(Error::NoForwardPass),
                false => Ok(1.0),
            }
        })
    };
    let make = || {
        let trainer = Trainer::new(Sgd::new(0.1).unwrap(), Order::sequential(4).unwrap(), 2);
        trainer.and_then(|it| it.with_epochs(2)).unwrap()
    };
    let (mut trainer, mut model, mut task) = (make(), model(), failing(2));
    let mut names = Names::default();
    assert!(trainer.run(&mut model, &mut task, &mut names).is_err());
    let progress = trainer.progress().clone();
    trainer.run(&mut model, &mut task, &mut names).unwrap();
    let expected = "start Some(4) 0, step 0, step 1, evaluation, epoch 1, step 2, \
        start Some(4) 4, step 3, evaluation, epoch 2, end";
    assert_eq!(names.0.join(", "), expected);

    // Progress has no report of the step.
    for mut resumed in [make(), trainer] {
        resumed.resume(progress.clone()).unwrap();
        let mut names = Names::default();
        resumed.run(&mut model, &mut task, &mut names).unwrap();
        assert_eq!(
            names.0.join(", "),
            "start Some(4) 4, evaluation, epoch 2, end"
        );
    }
}

#[test]
fn a_callback_that_fails_keeps_nothing_from_the_others() {
    /// Fails wherever it is asked.
    struct Failing;
    impl Callback<Model, f64> for Failing {
        fn step(&mut self, _: &StepReport, _: &Moment<'_, Model, f64>) -> Result<ControlFlow<()>> {
            Err(Error::custom("no space left"))
        }
        fn evaluation(
            &mut self,
            _: &Evaluation,
            _: &Moment<'_, Model, f64>,
        ) -> Result<ControlFlow<()>> {
            Err(Error::custom("no evaluation"))
        }
        fn epoch(&mut self, _: u64, _: &Moment<'_, Model, f64>) -> Result<ControlFlow<()>> {
            Err(Error::custom("no epoch"))
        }
        fn end(&mut self) -> Result<()> {
            Err(Error::custom("no end"))
        }
    }
    let mut model = model();
    let order = Order::sequential(2).unwrap();
    let trainer = Trainer::new(Sgd::new(0.1).unwrap(), order, 2).unwrap();
    let mut trainer = trainer.with_epochs(1).unwrap();
    let mut names = Names::default();
    let mut both = (Failing, &mut names);
    for reason in ["no space left", "no end"] {
        let failed = trainer.run(&mut model, &mut gradient, &mut both);
        assert_eq!(failed.unwrap_err().to_string(), reason);
    }
    // Nothing is told again.
    let expected = "start Some(1) 0, step 0, evaluation, epoch 1, start Some(1) 1, end";
    assert_eq!(names.0.join(", "), expected);
}

#[test]
fn impossible_options_and_progress_of_another_run_are_errors() {
    assert!(Trainer::<f64, _>::new(Adam::new(0.1).unwrap(), Order::new(1, 1).unwrap(), 0).is_err());
    assert!(trainer().with_epochs(0).is_err());
    assert!(trainer().with_steps(0).is_err());
    assert!(trainer().with_batches_per_step(0).is_err());
    assert!(trainer().with_evaluations(Every::Steps(0)).is_err());
    for limit in [0.0, f64::NAN] {
        assert!(trainer().with_clip(Clip::Norm(limit)).is_err());
        assert!(trainer().with_clip(Clip::Value(limit)).is_err());
    }
    let plateau = || Plateau::dividing(2.0).unwrap();
    let schedule = Schedule::constant(0.1).unwrap();
    let both = (trainer().with_plateau(plateau())).and_then(|it| it.with_schedule(schedule));
    assert!(both.is_err());

    let reduced = trainer().with_plateau(plateau()).unwrap();
    let message = trainer()
        .resume(reduced.progress().clone())
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("the plateau is part of the progress, but not of the trainer"),
        "{message}"
    );
    let stopping = || trainer().with_early_stopping(EarlyStopping::new(1));
    assert!(stopping().resume(Progress::default()).is_err());
    // The data of the trainer are 17 samples with the seed 5.
    let other_data = [
        (Order::new(17, 6).unwrap(), "17 samples with seed 6"),
        (Order::new(18, 5).unwrap(), "18 samples with seed 5"),
        (Order::sequential(17).unwrap(), "17 samples in turn"),
    ];
    for (order, words) in other_data {
        let other = Trainer::new(Adam::<f64>::new(0.05).unwrap(), order, 4).unwrap();
        let refused = trainer().resume(other.progress().clone());
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let mut not_kept = trainer().progress().clone();
    not_kept.best = Some(Best {
        value: 0.5,
        step: 1,
        parameters: Vec::new(),
    });
    assert!(trainer().resume(not_kept.clone()).is_ok());
    assert!(trainer().with_best_kept().resume(not_kept.clone()).is_err());
    let mut kept = not_kept;
    kept.best.as_mut().unwrap().parameters = vec![1.0];
    assert!(trainer().with_best_kept().resume(kept.clone()).is_ok());
    let message = trainer().resume(kept).unwrap_err().to_string();
    let words = "keeping the best parameters is part of the progress, but not of the trainer";
    assert!(message.starts_with(words), "{message}");
    let mut beyond = Progress::default();
    beyond.place.position = 18;
    assert!(trainer().resume(beyond).is_err());
    let mut weighed = Progress::default();
    weighed.since.weight = f64::NAN;
    assert!(trainer().resume(weighed).is_err());
}
