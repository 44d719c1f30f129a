//! Right gradients pass, wrong ones are named, and the model is left as it was.

use faer::{Mat, mat};
use lstm_kernels::Cell;
use lstm_kernels::cells::{PeepholeLstm, ReluRnn};

use super::*;
use crate::init::Init;
use crate::linear::Linear;
use crate::params::Name;
use crate::random::Rng;
use crate::recurrent::Recurrent;

fn linear() -> Linear<f64> {
    Linear::new(3, 2, Init::Uniform(1.0), &mut Rng::new(4)).unwrap()
}

/// Half the squared norm of the outputs, with its gradient.
fn loss<T: Element>(model: &Linear<T>, gradient: &mut [T]) -> Result<f64> {
    let x = Mat::from_fn(3, 4, |i, j| T::from_f64(((3 * i + 7 * j) as f64).sin()));
    let mut y = Mat::zeros(2, 4);
    model.apply(x.as_ref(), y.as_mut())?;
    model.backprop(x.as_ref(), y.as_ref(), gradient, None)?;
    Ok(y.squared_norm_l2().to_f64() / 2.0)
}

fn bits(model: &dyn Parameters<f64>) -> Vec<u64> {
    let mut bits = Vec::new();
    model
        .visit(Name::ROOT, &mut |_, parameter| {
            bits.extend(parameter.values.iter().map(|value| value.to_bits()));
            Ok(())
        })
        .unwrap();
    bits
}

#[test]
fn a_wrong_term_is_named_and_the_model_is_as_before() {
    let mut model = linear();
    let before = bits(&model);
    let report = gradcheck(&mut model, loss).unwrap();
    assert!(report.passed(1e-9), "{report}");
    assert_eq!((report.total, report.checked), (8, 8));

    // One term in a thousand is missing at one place: the column-major weight's [1, 2], at 1 + 2 · 2.
    let report = gradcheck(&mut model, |model, gradient| {
        let loss = loss(model, gradient)?;
        gradient[5] *= 0.999;
        Ok(loss)
    });
    let report = report.unwrap();
    let worst = report.worst().unwrap();
    assert_eq!((worst.name.as_str(), worst.index), ("weight", 5));
    assert_eq!((worst.row, worst.column), (1, 2));
    assert!((worst.relative_error - 1e-3).abs() < 1e-5, "{worst}");
    let message = report.require(1e-6).unwrap_err().to_string();
    assert!(
        message.starts_with("the gradient is wrong at `weight`[1, 2]: "),
        "{message}"
    );
    assert!(report.require(1e-2).is_ok());
    assert!(report.to_string().contains("8 of 8 numbers compared"));
    assert_eq!(bits(&model), before);
}

#[test]
fn an_error_on_the_way_leaves_the_model_as_it_was() {
    let mut model = linear();
    let before = bits(&model);
    let mut calls = 0;
    let failed = gradcheck(&mut model, |model, gradient| {
        calls += 1;
        match calls {
            4 => Ok(f64::NAN),
            _ => loss(model, gradient),
        }
    });
    let message = failed.unwrap_err().to_string();
    assert!(
        message.starts_with("the loss near `weight`[0, 0] is not a finite number"),
        "{message}"
    );
    assert_eq!(bits(&model), before);
}

#[test]
fn a_gradient_that_is_not_a_number_does_not_pass() {
    let report = gradcheck(&mut linear(), |model, gradient| {
        let loss = loss(model, gradient)?;
        gradient[7] = f64::NAN;
        Ok(loss)
    });
    let report = report.unwrap();
    assert!(!report.passed(f64::MAX));
    assert_eq!(report.worst().unwrap().name, "bias");
}

/// Half the sum of squares of a recurrent layer's outputs for sequences of `batch` samples, with its gradient.
fn squares<C: Cell, T: Element>(
    layer: &Recurrent<C, T>,
    x: MatRef<'_, T>,
    batch: usize,
    gradient: &mut [T],
) -> Result<f64> {
    let (mut state, mut dstate) = (layer.zero_state(batch)?, layer.zero_state(batch)?);
    let mut y = Mat::zeros(layer.output_len(), x.ncols());
    let mut tape = layer.tape(x.ncols() / batch, batch)?;
    layer.record(x, &mut state, y.as_mut(), &mut tape)?;
    layer.backprop(x, y.as_ref(), &mut dstate, &mut tape, gradient, None)?;
    let squares = y
        .col_iter()
        .flat_map(|y| y.iter().map(|y| y.to_f64().powi(2)).collect::<Vec<_>>());
    Ok(squares.sum::<f64>() / 2.0)
}

/// The same over 6 steps of 2 samples, in either number type.
fn through_time<T: Element>(layer: &Recurrent<PeepholeLstm, T>, gradient: &mut [T]) -> Result<f64> {
    let x = Mat::from_fn(3, 12, |i, j| T::from_f64(((3 * i + 7 * j) as f64).sin()));
    squares(layer, x.as_ref(), 2, gradient)
}

#[test]
fn the_tolerances_of_the_documentation_hold() {
    let mut layer = Recurrent::<PeepholeLstm, f64>::new(&[3, 5], &mut Rng::new(2)).unwrap();
    let double = gradcheck(&mut layer, through_time).unwrap();
    let mut layer = Recurrent::<PeepholeLstm, f32>::new(&[3, 5], &mut Rng::new(2)).unwrap();
    let single = gradcheck(&mut layer, through_time).unwrap();
    println!("f64:\n{double}\nf32:\n{single}");
    assert!(double.passed(1e-8), "{double}");
    assert!(single.passed(1e-3), "{single}");
    assert_eq!(double.parameters.len(), layer_parameters());

    let wrong = gradcheck(&mut layer, |layer, gradient| {
        let loss = through_time(layer, gradient)?;
        gradient.iter_mut().for_each(|value| *value *= 0.95);
        Ok(loss)
    });
    assert!(!wrong.unwrap().passed(1e-2));
}

fn layer_parameters() -> usize {
    use lstm_kernels::Cell;
    PeepholeLstm::SPEC.params.len()
}

#[test]
fn samples_and_steps_are_as_asked_for() {
    let check = GradCheck::new().with_sample(2, 7).unwrap();
    let report = check.run(&mut linear(), loss).unwrap();
    // Two of the six weights and both biases.
    assert_eq!((report.total, report.checked), (8, 4));
    assert!(GradCheck::new().with_sample(0, 7).is_err());
    for wrong in [0.0, -1.0, f64::NAN] {
        assert!(GradCheck::new().with_step(wrong).is_err());
        assert!(GradCheck::new().with_rounding(wrong).is_err());
    }
}

#[test]
fn kinks_and_large_values_show() {
    // The kink of |x| lies within 2h of 1e-3, but not within h: 1 - 2e-3/4h is not 1. Of 1e-7 it lies within any step.
    let check = GradCheck::new();
    let kink = |x: f64| {
        let (x, dx) = (mat![[x]], mat![[x.signum()]]);
        let loss = |x: MatRef<'_, f64>| Ok(x[(0, 0)].abs());
        check
            .compare_matrix("x", x.as_ref(), dx.as_ref(), loss)
            .unwrap()
    };
    assert!(kink(1e-3).passed(1e-9));
    let report = kink(1e-7);
    assert!(report.worst().unwrap().may_have_a_kink());
    let message = report.require(1e-6).unwrap_err().to_string();
    assert!(message.contains("may have a kink there"), "{message}");
    assert!(kink(0.5).worst().unwrap().spread < 1e-12);
    // At 1e6 the step grows with the value, or the rounding of x² = 1e12 would leave no digit.
    let (x, dx) = (mat![[1e6f64]], mat![[2e6f64]]);
    let report = check.compare_matrix("x", x.as_ref(), dx.as_ref(), |x| {
        let x: f64 = x[(0, 0)];
        Ok(x.powi(2))
    });
    assert!(report.unwrap().passed(1e-9));
    assert!(
        check
            .compare_matrix("x", x.as_ref(), mat![[1.0, 2.0]].as_ref(), |_| Ok(0.0))
            .is_err()
    );
}

/// Of rectified units some are always near their kink: of these twenty networks seventeen would fail at one step.
#[test]
fn gradients_of_rectified_units_pass_and_wrong_ones_do_not() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut layer = Recurrent::<ReluRnn, f64>::new(&[3, 8], &mut rng).unwrap();
        let x = Mat::from_fn(3, 40, |_, _| rng.normal());
        let check = |layer: &mut Recurrent<ReluRnn, f64>, factor: f64| {
            gradcheck(layer, |layer, gradient| {
                let loss = squares(layer, x.as_ref(), 4, gradient)?;
                gradient.iter_mut().for_each(|slope| *slope *= factor);
                Ok(loss)
            })
            .unwrap()
        };
        check(&mut layer, 1.0).require(1e-6).unwrap();
        assert!(check(&mut layer, 1.0001).require(1e-6).is_err());
    }
}
