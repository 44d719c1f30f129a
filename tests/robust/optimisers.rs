//! Optimisers, their states, clipping, decay, accumulation, schedules and plateaus with any options.

use lstm_core::init::Init;
use lstm_core::optim::{
    Accumulator, Adam, AdamW, AveragedSgd, EarlyStopping, Optimiser, OptimiserState, Plateau,
    RmsProp, Schedule, Sgd, WeightDecay, clip_global_norm, clip_norm_each, clip_value,
};
use lstm_core::{Error, Linear, Rng};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{length, number, size};

fn model() -> Linear<f64> {
    Linear::new(2, 1, Init::Xavier, &mut Rng::new(0)).unwrap()
}

type Boxed = Box<dyn Optimiser<f64>>;

fn optimisers(rate: f64, a: f64, decay: f64) -> Vec<Result<Boxed, Error>> {
    let boxed = |it: Result<Sgd<f64>, Error>| it.map(|it| Box::new(it) as Boxed);
    vec![
        boxed(Sgd::new(rate).and_then(|it| it.with_momentum(a))),
        boxed(Sgd::new(rate).and_then(|it| it.with_nesterov(a))),
        WeightDecay::all(decay)
            .and_then(|decay| boxed(Ok(Sgd::new(rate)?.with_weight_decay(decay)))),
        RmsProp::new(rate).map(|it| Box::new(it) as Boxed),
        Adam::new(rate).map(|it| Box::new(it) as Boxed),
        AdamW::new(rate).map(|it| Box::new(it) as Boxed),
        AveragedSgd::new(rate).map(|it| Box::new(it) as Boxed),
    ]
}

/// Counters and buffers as a damaged file might hold them.
fn state() -> impl Strategy<Value = OptimiserState<f64>> {
    let kinds = vec!["sgd", "rmsprop", "adam", "adamw", "averaged_sgd", "asgd"];
    let scalar = prop_oneof![
        number(),
        Just(2f64.powi(53)),
        Just(1e300),
        Just(u64::MAX as f64)
    ];
    let names = || {
        proptest::sample::select(vec![
            "rate", "steps", "start", "mean", "square", "velocity", "mu",
        ])
    };
    (
        proptest::sample::select(kinds),
        vec((names(), scalar), 0..4),
        vec((names(), vec(number(), 0..5)), 0..3),
    )
        .prop_map(|(optimiser, scalars, buffers)| OptimiserState {
            optimiser: optimiser.to_owned(),
            scalars: scalars
                .into_iter()
                .map(|(name, it)| (name.to_owned(), it))
                .collect(),
            buffers: buffers
                .into_iter()
                .map(|(name, it)| (name.to_owned(), it))
                .collect(),
        })
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn steps(rate in number(), a in number(), decay in number(), gradient in vec(number(), 3), len in length(3), new_rate in number()) {
        let is_positive = rate.is_finite() && rate > 0.0;
        for made in optimisers(rate, a, decay) {
            prop_assert!(is_positive || made.is_err());
            let Ok(mut optimiser) = made else { continue };
            let mut model = model();
            optimiser.step(&mut model, &gradient).unwrap();
            let other = vec![0.0; len];
            prop_assert_eq!(optimiser.step(&mut model, &other).is_ok(), len == 3);
            let is_rate = new_rate.is_finite() && new_rate >= 0.0;
            prop_assert_eq!(optimiser.set_rate(new_rate).is_ok(), is_rate);
            let kept = optimiser.state();
            prop_assert!(optimiser.load_state(&kept).is_ok());
        }
    }

    #[test]
    fn states(state in state(), scalars in (number(), prop_oneof![Just(0.0), Just(2f64.powi(53)), Just(1e300), Just(u64::MAX as f64)]), lens in (0usize..5, 0usize..5)) {
        for made in optimisers(0.1, 0.5, 0.0) {
            let mut optimiser = made.unwrap();
            // A state that is damaged at random, and one of the right kind with numbers that are.
            let mut right = optimiser.state();
            for (name, value) in &mut right.scalars {
                *value = if name == "rate" { scalars.0 } else { scalars.1 };
            }
            for ((_, buffer), len) in right.buffers.iter_mut().zip([lens.0, lens.1]) {
                *buffer = vec![0.5; len];
            }
            for state in [&state, &right] {
                let before = optimiser.state();
                match optimiser.load_state(state) {
                    // Buffers of another length are an error of the step; whatever is accepted does not panic.
                    Ok(()) => drop(optimiser.step(&mut model(), &[0.5, -0.5, 0.0])),
                    Err(_) => prop_assert_eq!(&optimiser.state(), &before),
                }
            }
        }
    }

    #[test]
    fn clipping(gradient in vec(number(), 3), len in length(3), limit in number()) {
        let model = model();
        let is_limit = limit.is_finite() && limit > 0.0;
        let are_finite = gradient.iter().all(|value| value.is_finite());
        for clip in [clip_global_norm, clip_norm_each, clip_value] {
            let mut clipped = gradient.clone();
            clipped.truncate(len);
            let fits = clipped.len() == 3;
            let found = clip(&model, &mut clipped, limit);
            prop_assert!(found.is_err() || (is_limit && are_finite && fits));
            if found.is_ok() {
                // Scaling rounds a few times; numbers whose squares vanish do not count as long.
                let vanishing = f64::MIN_POSITIVE.sqrt();
                prop_assert!(clipped.iter().all(|value| value.abs() <= limit * (1.0 + 1e-12) + vanishing));
            }
        }
    }

    #[test]
    fn decays(pattern in "[*a-z.]{0,8}", decay in number()) {
        let is_decay = decay.is_finite() && decay >= 0.0;
        let made = WeightDecay::none().with(pattern, decay);
        prop_assert_eq!(made.is_ok(), is_decay);
        if let Ok(made) = made {
            // A pattern that matches nothing is an error of the step.
            drop(Sgd::new(0.1).unwrap().with_weight_decay(made).step(&mut model(), &[0.0; 3]));
        }
    }

    #[test]
    fn accumulation(len in 0usize..4, every in size(), gradient in vec(number(), 3), weights in vec(number(), 3)) {
        let made = Accumulator::<f64>::new(len, every);
        prop_assert_eq!(made.is_ok(), every > 0);
        let Ok(mut made) = made else { return Ok(()) };
        for weight in weights {
            let fits = len == 3 && weight.is_finite() && weight >= 0.0;
            prop_assert_eq!(made.add(&gradient, weight).is_ok(), fits);
        }
        made.finish();
    }

    #[test]
    fn schedules(rate in number(), factor in number(), every in any::<u64>(), warm_up in any::<u64>(), floor in number(), step in any::<u64>()) {
        let schedules = [
            Schedule::constant(rate),
            Schedule::exponential(rate, factor, every),
            Schedule::staircase(rate, factor, every),
            Schedule::cosine(rate, every),
            Schedule::cosine(rate, every).and_then(|it| it.with_floor(floor)),
        ];
        for schedule in schedules.into_iter().flatten() {
            for schedule in [schedule, schedule.with_warm_up(warm_up)] {
                for step in [0, 1, step, u64::MAX - 1, u64::MAX] {
                    let found = schedule.rate(step);
                    // Only a factor above 1 lets a rate grow, beyond all bounds in the end.
                    let is_bounded = (0.0..=rate * (1.0 + 1e-12)).contains(&found);
                    prop_assert!(is_bounded || factor > 1.0 && found > 0.0, "{} {}", step, found);
                }
            }
        }
    }

    #[test]
    fn plateaus(factor in number(), patience in any::<u64>(), threshold in number(), values in vec(number(), 0..6)) {
        let mut sgd = Sgd::<f64>::new(1.0).unwrap();
        let made = Plateau::new(factor, patience).and_then(|it| it.with_threshold(threshold));
        prop_assert!(made.is_err() || (factor > 0.0 && factor < 1.0 && threshold >= 0.0));
        if let Ok(mut plateau) = made {
            for &value in &values {
                plateau.observe(value, &mut sgd).unwrap();
            }
        }
        if let Ok(mut stopping) = EarlyStopping::new(patience).with_margin(threshold) {
            for &value in &values {
                stopping.observe(value);
            }
        }
    }
}
