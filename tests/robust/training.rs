//! Training with any options, and gradients of any numbers.

use lstm_core::cells::PeepholeLstm;
use lstm_core::gradcheck::GradCheck;
use lstm_core::init::Init;
use lstm_core::lm::{CharModel, CharTrainer};
use lstm_core::optim::Sgd;
use lstm_core::text::Vocabulary;
use lstm_core::train::{BatchLoss, Clip, Every, Trainer};
use lstm_core::truncated::Truncated;
use lstm_core::{Linear, Order, Place, Rng};
use proptest::prelude::*;

use crate::{number, size};

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn trainers(batch in size(), batches in size(), epochs in 0u64..3, limit in number(), every in 0u64..3, loss in (number(), number()), gradient in number()) {
        let sgd = Sgd::<f64>::new(0.1).unwrap();
        let made = Trainer::new(sgd, Order::new(5, 1).unwrap(), batch)
            .and_then(|it| it.with_batches_per_step(batches))
            .and_then(|it| it.with_epochs(epochs))
            .and_then(|it| it.with_clip(Clip::Value(limit)))
            .and_then(|it| it.with_evaluations(Every::Epochs(every)));
        let is_limit = limit.is_finite() && limit > 0.0;
        let fits = batch > 0 && batches > 0 && epochs > 0 && every > 0 && is_limit;
        prop_assert_eq!(made.is_ok(), fits);
        let Ok(mut trainer) = made else { return Ok(()) };
        let mut model = Linear::<f64>::new(2, 1, Init::Xavier, &mut Rng::new(0)).unwrap();
        let mut task = |_: &Linear<f64>, _: &[usize], sum: &mut [f64]| {
            sum[0] = gradient;
            Ok(BatchLoss::weighted(loss.0, loss.1))
        };
        let done = trainer.run(&mut model, &mut task, &mut ());
        let is_weight = loss.1.is_finite() && loss.1 >= 0.0;
        if !loss.0.is_finite() || !is_weight || !gradient.is_finite() {
            prop_assert!(done.is_err());
        } else if [loss.0, loss.1, gradient].iter().all(|it| it.abs() < 1e100) {
            prop_assert!(done.is_ok());
        }
    }

    #[test]
    fn progress(steps in any::<u64>(), samples in any::<u64>(), epoch in any::<u64>(), position in size(), since in (number(), number())) {
        let sgd = Sgd::<f64>::new(0.1).unwrap();
        let mut trainer = Trainer::new(sgd, Order::new(5, 1).unwrap(), 2).unwrap().with_best_kept();
        let mut progress = trainer.progress().clone();
        (progress.steps, progress.samples) = (steps, samples);
        progress.place = Place { epoch, position };
        (progress.since.sum, progress.since.weight) = since;
        let is_weight = since.1.is_finite() && since.1 >= 0.0;
        let resumed = trainer.resume(progress);
        prop_assert!(resumed.is_err() || (position <= 5 && is_weight));
        let mut model = Linear::<f64>::new(2, 1, Init::Xavier, &mut Rng::new(0)).unwrap();
        let mut task = |_: &Linear<f64>, _: &[usize], _: &mut [f64]| Ok(0.5);
        for _ in 0..4 {
            trainer.step(&mut model, &mut task).unwrap();
        }
        drop(trainer.evaluate(&model, &mut task));
    }

    #[test]
    fn windows(k1 in size(), k2 in size(), steps in 0usize..20) {
        let made = Truncated::new(k1, k2);
        prop_assert_eq!(made.is_ok(), k1 > 0 && k2 >= k1);
        if let Ok(made) = made {
            let counted: usize = made.windows(steps).map(|window| window.counted.len()).sum();
            prop_assert_eq!(counted, steps);
        }
    }

    #[test]
    fn gradient_checks(weight in number(), gradient in number(), loss in number(), step in number(), sample in size()) {
        let check = GradCheck::new()
            .with_sample(sample, 1)
            .and_then(|it| it.with_step(step));
        let Ok(check) = check else { return Ok(()) };
        let mut model = Linear::<f64>::new(2, 1, Init::Constant(0.5), &mut Rng::new(0)).unwrap();
        let report = check.run(&mut model, |_, sum| {
            sum[0] = gradient;
            Ok(loss + weight)
        });
        if let Ok(report) = report {
            prop_assert!((loss + weight).is_finite());
            prop_assert!(gradient.is_finite() || report.require(1e300).is_err());
            prop_assert!(!report.to_string().is_empty());
        }
    }

    #[test]
    fn character_trainers(batch in size(), steps in size(), shards in size()) {
        let vocabulary = Vocabulary::of("abc").unwrap();
        let model = CharModel::<PeepholeLstm, f64>::new(vocabulary, &[2, 3], &mut Rng::new(0)).unwrap();
        // 2^32 columns may fit into the memory of a large machine; the tests need not take it.
        let columns = batch.checked_mul(steps);
        prop_assume!(columns.is_none_or(|columns| !(20..=1 << 45).contains(&columns)));
        let made = CharTrainer::new(&model, batch, steps, shards);
        let is_small = columns.is_some_and(|columns| (1..20).contains(&columns));
        prop_assert_eq!(made.is_ok(), is_small && (1..=batch).contains(&shards));
    }
}
