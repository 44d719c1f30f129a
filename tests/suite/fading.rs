//! Errors that fade from step to step: they end at zero, not among the subnormal numbers, where processors are slow.

use faer::Mat;
use lstm_core::cells::ElmanRnn;
use lstm_core::{FlushDenormals, Recurrent, Threads};

const UNITS: usize = 32;

/// Enough for two threads to share.
const SAMPLES: usize = 32;

/// Enough for an error that is halved at every step to become less than the smallest number of all, 2^-149.
const STEPS: usize = 200;

/// The gradient of the inputs by the outputs of the last step, where units see their own input and half of themselves one step
/// ago, and all of them are zero: 2^-k for the input k steps before the last.
fn gradient_of_last_step(threads: usize) -> Mat<f32> {
    let mut layer = Recurrent::<ElmanRnn, f32>::zeros(&[UNITS, UNITS]).unwrap();
    for (name, weight) in [("W", 1.0), ("U", 0.5)] {
        let diagonal = |mut matrix: faer::MatMut<'_, f32>| {
            (0..UNITS).for_each(|unit| matrix[(unit, unit)] = weight);
        };
        layer.edit_param(name, diagonal).unwrap();
    }
    layer.set_threads(&Threads::new(threads).unwrap());
    let columns = STEPS * SAMPLES;
    let x = Mat::zeros(UNITS, columns);
    let dy = Mat::from_fn(UNITS, columns, |_, column| {
        f32::from(column >= columns - SAMPLES)
    });
    let (mut y, mut dx) = (Mat::zeros(UNITS, columns), Mat::zeros(UNITS, columns));
    let mut state = layer.zero_state(SAMPLES).unwrap();
    let mut tape = layer.tape(STEPS, SAMPLES).unwrap();
    let mut gradient = vec![0.0; layer.params().len()];
    layer
        .record(x.as_ref(), &mut state, y.as_mut(), &mut tape)
        .unwrap();
    let mut dstate = layer.zero_state(SAMPLES).unwrap();
    let dx_of = Some(dx.as_mut());
    layer
        .backprop(
            x.as_ref(),
            dy.as_ref(),
            &mut dstate,
            &mut tape,
            &mut gradient,
            dx_of,
        )
        .unwrap();
    dx
}

#[test]
fn an_error_goes_from_the_smallest_normal_number_to_zero() {
    let has_mode = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    for threads in [1, 2] {
        let dx = gradient_of_last_step(threads);
        for column in 0..STEPS * SAMPLES {
            let before_last = (STEPS - 1 - column / SAMPLES) as i32;
            // Powers of two are exact, and those below 2^-126 are subnormal.
            let exact = 2_f64.powi(-before_last) as f32;
            let expected = match exact.is_subnormal() && has_mode {
                true => 0.0,
                false => exact,
            };
            for unit in 0..UNITS {
                assert_eq!(dx[(unit, column)], expected, "{before_last} steps before");
            }
        }
    }
}

/// Whether the caller has set the mode or not.
#[test]
fn gradients_are_the_same_in_either_mode() {
    let alone = gradient_of_last_step(1);
    let mode = FlushDenormals::new();
    let within = gradient_of_last_step(1);
    drop(mode);
    assert_eq!(alone, within);
}
