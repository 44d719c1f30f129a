//! Every optimiser against PyTorch's values, and against itself after a restart.

use super::*;
use crate::init::Init;
use crate::linear::Linear;
use crate::params::{Name, visit_ranges};
use crate::random::Rng;

/// Whether the processor can take subnormal numbers for zero.
const HAS_MODE: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// A model of three numbers: two of `weight` and one of `bias`.
fn model() -> Linear<f64> {
    let mut model = Linear::new(2, 1, Init::Constant(0.0), &mut Rng::new(0)).unwrap();
    visit_ranges(&mut model, 3, &mut |range, parameter| {
        parameter.values.copy_from_slice(&[0.5, -1.0, 2.0][range]);
    })
    .unwrap();
    model
}

fn values(model: &Linear<f64>) -> Vec<f64> {
    let mut values = Vec::new();
    model
        .visit(Name::ROOT, &mut |_, parameter| {
            values.extend_from_slice(parameter.values);
            Ok(())
        })
        .unwrap();
    values
}

fn gradient(step: u32) -> [f64; 3] {
    let step = f64::from(step);
    [(step + 1.0).sin(), (2.0 * step).cos(), 0.1 * (step - 2.0)]
}

fn steps(model: &mut Linear<f64>, optimiser: &mut dyn Optimiser<f64>, steps: std::ops::Range<u32>) {
    for step in steps {
        optimiser.step(model, &gradient(step)).unwrap();
    }
}

fn decay() -> WeightDecay {
    WeightDecay::all(0.1).unwrap()
}

/// Optimisers with options of every kind, each made by a function so that it can be made anew.
type Make = fn() -> Result<Box<dyn Optimiser<f64>>>;

/// Six steps by each optimiser, and where PyTorch 2 ends up with the same options.
///
/// ```python
/// import math, torch
/// torch.set_default_dtype(torch.float64)
/// def run(make):
///     p = torch.tensor([0.5, -1.0, 2.0], requires_grad=True); o = make([p])
///     for t in range(6):
///         p.grad = torch.tensor([math.sin(t + 1), math.cos(2 * t), 0.1 * (t - 2)]); o.step()
///     print([float(f"{v:.15g}") for v in p.tolist()])
/// O = torch.optim
/// run(lambda p: O.SGD(p, lr=.1, weight_decay=.1))                     # and so on, one line for each entry
/// ```
const CASES: [(Make, [f64; 3]); 9] = [
    (
        // O.SGD(p, lr=.1, weight_decay=.1)
        || Ok(Box::new(Sgd::new(0.1)?.with_weight_decay(decay()))),
        [0.486726678612737, -0.928975913686739, 1.8519850599],
    ),
    (
        // O.SGD(p, lr=.1, momentum=.9, weight_decay=.1)
        || {
            let sgd = Sgd::new(0.1)?.with_momentum(0.9)?;
            Ok(Box::new(sgd.with_weight_decay(decay())))
        },
        [0.0504014537239932, -1.0309150622441, 1.6879993359],
    ),
    (
        // O.SGD(p, lr=.1, momentum=.9, nesterov=True, weight_decay=.1)
        || {
            let sgd = Sgd::new(0.1)?.with_nesterov(0.9)?;
            Ok(Box::new(sgd.with_weight_decay(decay())))
        },
        [0.110236676815047, -0.949287315474834, 1.5765506563415],
    ),
    (
        // O.RMSprop(p, lr=.1, weight_decay=.1)
        || Ok(Box::new(RmsProp::new(0.1)?.with_weight_decay(decay()))),
        [0.0901421422800303, -0.699281796370517, -1.65526285805646],
    ),
    (
        // O.RMSprop(p, lr=.1, alpha=.9, momentum=.5, centered=True, eps=1e-3)
        || {
            let rmsprop = RmsProp::new(0.1)?.with_smoothing(0.9)?.with_momentum(0.5)?;
            Ok(Box::new(rmsprop.centred().with_epsilon(1e-3)?))
        },
        [-0.0816777287253743, -1.22461327056817, 2.12790523400136],
    ),
    (
        // O.Adam(p, lr=.1, weight_decay=.1)
        || Ok(Box::new(Adam::new(0.1)?.with_weight_decay(decay()))),
        [0.200716555008055, -1.08847623305059, 1.57140894904952],
    ),
    (
        // O.AdamW(p, lr=.1, weight_decay=.1)
        || Ok(Box::new(AdamW::new(0.1)?.with_weight_decay(decay()))),
        [0.195837328619228, -1.09342054280897, 2.10713086829346],
    ),
    (
        // O.AdamW(p, lr=.1)
        || Ok(Box::new(AdamW::new(0.1)?)),
        [0.211483918632644, -1.15190826940966, 2.22223327662004],
    ),
    (
        // O.ASGD(p, lr=.1, lambd=.3, t0=2, weight_decay=.1)
        || Ok(Box::new(averaged_sgd()?)),
        [0.414360485917757, -0.779682797352113, 1.55721974656312],
    ),
];

fn averaged_sgd() -> Result<AveragedSgd<f64>> {
    let sgd = AveragedSgd::new(0.1)?.with_decline(0.3, 0.75)?;
    Ok(sgd.with_start(2)?.with_weight_decay(decay()))
}

/// PyTorch's values have 15 digits; six steps of a few operations each add a few roundings of 1e-16.
fn assert_close(values: &[f64], expected: &[f64], case: usize) {
    for (value, expected) in values.iter().zip(expected) {
        assert!(
            (value - expected).abs() < 1e-14,
            "case {case}: {value} {expected}"
        );
    }
}

#[test]
fn six_steps_end_where_pytorch_ends() {
    for (case, (make, expected)) in CASES.iter().enumerate() {
        let mut model = model();
        steps(&mut model, &mut *make().unwrap(), 0..6);
        assert_close(&values(&model), expected, case);
    }
}

#[test]
fn the_mean_is_that_of_pytorch() {
    let mut model = model();
    let mut sgd = averaged_sgd().unwrap();
    steps(&mut model, &mut sgd, 0..6);
    let mean = sgd.at_mean(&mut model, values).unwrap();
    // o.state[p]["ax"] after the last entry above.
    let expected = [0.381935333567882, -0.867262948813135, 1.64194458205555];
    assert_close(&mean, &expected, 8);
}

#[test]
fn a_saved_state_goes_on_bit_for_bit() {
    for (case, (make, _)) in CASES.iter().enumerate() {
        let mut whole = model();
        let mut optimiser = make().unwrap();
        optimiser.set_rate(0.05).unwrap();
        steps(&mut whole, &mut *optimiser, 0..6);

        let mut halves = model();
        let mut before = make().unwrap();
        before.set_rate(0.05).unwrap();
        steps(&mut halves, &mut *before, 0..3);
        let mut after = make().unwrap();
        after.load_state(&before.state()).unwrap();
        assert_eq!(after.state(), before.state());
        steps(&mut halves, &mut *after, 3..6);
        assert_eq!(values(&whole), values(&halves), "case {case}");
        assert_eq!(after.state(), optimiser.state(), "case {case}");
    }
}

/// 1e-300 times 0.9^200, the slowest decay here, is subnormal, and 0.9 times the smallest subnormal number is that number.
#[test]
fn memory_that_fades_ends_at_zero() {
    let is_subnormal = |values: &[f64]| values.iter().any(|value| value.is_subnormal());
    for (case, (make, _)) in CASES.iter().enumerate() {
        let (mut model, mut optimiser) = (model(), make().unwrap());
        optimiser.step(&mut model, &[1e-300; 3]).unwrap();
        for step in 0..500 {
            optimiser.step(&mut model, &[0.0; 3]).unwrap();
            let buffers = optimiser.state().buffers;
            let flushed = buffers.iter().all(|(_, values)| !is_subnormal(values));
            assert!(
                flushed || !HAS_MODE,
                "case {case}, step {step}: {buffers:?}"
            );
        }
    }
}

#[test]
fn a_state_of_another_kind_or_length_is_an_error() {
    let state = |make: Make| make().unwrap().state();
    for (make, _) in CASES {
        let own = state(make);
        for (other, _) in CASES {
            let other = state(other);
            let loaded = make().unwrap().load_state(&other);
            assert_eq!(loaded.is_ok(), own.optimiser == other.optimiser);
        }
        let mut short = own.clone();
        short.buffers[0].1 = vec![0.0; 2];
        let mut optimiser = make().unwrap();
        optimiser.load_state(&short).unwrap();
        let stepped = optimiser.step(&mut model(), &gradient(0));
        // Without momentum there is no memory whose length could be wrong.
        let uses_memory = state_after_a_step(make).buffers[0].1.len() == 3;
        assert_eq!(stepped.is_err(), uses_memory);
    }
}

fn state_after_a_step(make: Make) -> OptimiserState<f64> {
    let mut optimiser = make().unwrap();
    optimiser.step(&mut model(), &gradient(0)).unwrap();
    optimiser.state()
}

#[test]
fn a_rate_of_zero_keeps_the_parameters_and_a_wrong_one_is_an_error() {
    for (make, _) in CASES {
        let mut optimiser = make().unwrap();
        for rate in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(optimiser.set_rate(rate).is_err());
        }
        optimiser.set_rate(0.0).unwrap();
        let mut model = model();
        steps(&mut model, &mut *optimiser, 0..2);
        assert_eq!(values(&model), [0.5, -1.0, 2.0]);
    }
}

/// A gradient with zeros between what is touched.
#[test]
fn a_step_at_what_is_touched_is_the_whole_step_and_so_is_spending() {
    let makers: [Make; 4] = [
        || Ok(Box::new(Sgd::new(0.1)?)),
        || Ok(Box::new(Sgd::new(0.1)?.with_momentum(0.5)?)),
        || Ok(Box::new(Sgd::new(0.1)?.with_weight_decay(decay()))),
        || Ok(Box::new(Adam::new(0.1)?)),
    ];
    let plain = makers.map(|make| make().unwrap().plain_rate());
    assert_eq!(plain, [Some(0.1), None, None, None]);
    for make in makers {
        let (mut whole, mut part, mut spent) = (model(), model(), model());
        let (mut by_step, mut by_step_at) = (make().unwrap(), make().unwrap());
        let mut by_spend_at = make().unwrap();
        let mut touched = Touched::new();
        for (step, index) in [1, 2, 0].into_iter().enumerate() {
            let mut gradient = [0.0; 3];
            gradient[index] = 0.3 + step as f64;
            touched.set(3, std::iter::once(index..index + 1)).unwrap();
            by_step.step(&mut whole, &gradient).unwrap();
            by_step_at.step_at(&mut part, &gradient, &touched).unwrap();
            assert_eq!(values(&whole), values(&part));
            // Half of twice the gradient, and nothing is left of it.
            let mut twice = gradient.map(|slope| 2.0 * slope);
            by_spend_at
                .spend_at(&mut spent, &mut twice, &touched, 0.5)
                .unwrap();
            assert_eq!(values(&whole), values(&spent));
            assert_eq!(twice, [0.0; 3]);
        }
        touched.set(2, []).unwrap();
        assert!(
            by_spend_at
                .spend_at(&mut spent, &mut [0.0; 3], &touched, 1.0)
                .is_err()
        );
        assert!(by_step_at.step_at(&mut part, &[0.0; 3], &touched).is_err());
    }
}

#[test]
fn clipping_what_is_touched_clips_the_gradient() {
    let mut touched = Touched::new();
    touched.set(3, [0..1, 2..3]).unwrap();
    // 3, 4 and 5 are Pythagoras' numbers.
    let mut gradient = [3.0, 0.0, 4.0];
    let norm = clip_global_norm_at(&model(), &mut gradient, &touched, 2.5).unwrap();
    assert_eq!((norm, gradient), (5.0, [1.5, 0.0, 2.0]));
    let mut gradient = [f64::NAN, 0.0, 0.0];
    let error = clip_global_norm_at(&model(), &mut gradient, &touched, 1.0).unwrap_err();
    assert!(error.to_string().contains("`weight`"), "{error}");
    touched.set(2, []).unwrap();
    assert!(clip_global_norm_at(&model(), &mut gradient, &touched, 1.0).is_err());
}
