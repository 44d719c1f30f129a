//! The verbs of a recurrent layer, its parameters by name, its initialisation.

use faer::Mat;
use lstm_kernels::Width;
use lstm_kernels::cells::PeepholeLstm;

use super::*;

fn layer() -> Recurrent<PeepholeLstm, f64> {
    Recurrent::new(&[3, 4], &mut Rng::new(1)).unwrap()
}

/// The outputs for a fixed sequence of 5 steps of 2 samples.
fn outputs(layer: &Recurrent<PeepholeLstm, f64>) -> Mat<f64> {
    let x = Mat::from_fn(3, 10, |i, j| ((3 * i + 7 * j) as f64).sin());
    let mut y = Mat::zeros(4, 10);
    let (mut state, mut workspace) = (layer.zero_state(2).unwrap(), layer.workspace(2).unwrap());
    layer
        .seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace)
        .unwrap();
    y
}

#[test]
fn a_layer_keeps_its_kernel() {
    let kernel = Kernel::with_width(&[3, 4, 1], Width::Scalar).unwrap();
    let layer = Recurrent::<PeepholeLstm, f64>::with_kernel(kernel).unwrap();
    assert_eq!(layer.kernel().width(), Width::Scalar);
    assert!(layer.params().iter().all(|&value| value == 0.0));
}

#[test]
fn steps_give_what_the_sequence_gives() {
    let layer = layer();
    let x = Mat::from_fn(3, 10, |i, j| ((3 * i + 7 * j) as f64).sin());
    let expected = outputs(&layer);
    let (mut state, mut workspace) = (layer.zero_state(2).unwrap(), layer.workspace(2).unwrap());
    let mut y = Mat::zeros(4, 2);
    for t in 0..5 {
        let x = x.as_ref().subcols(2 * t, 2);
        layer
            .step(x, &mut state, y.as_mut(), &mut workspace)
            .unwrap();
        // Every sum runs in one order, however many steps go into a call.
        assert_eq!(y, expected.as_ref().subcols(2 * t, 2));
    }
}

#[test]
fn a_change_of_parameters_is_seen_at_once() {
    let mut layer = layer();
    let before = outputs(&layer);
    layer.edit_param("β_φ", |mut bias| bias.fill(3.0)).unwrap();
    assert_eq!(layer.param("beta_phi").unwrap()[(2, 0)], 3.0);
    assert!((outputs(&layer) - before).norm_max() > 1e-3);
}

#[test]
fn equal_seeds_give_equal_layers_and_names_select() {
    assert_eq!(layer().params(), layer().params());
    let mut layer = layer();
    let init = CellInit::all(Init::Xavier).with("beta_phi", Init::Constant(1.0));
    layer.initialise(&init, &mut Rng::new(2)).unwrap();
    assert_eq!(layer.param("β_φ").unwrap()[(3, 0)], 1.0);
    let unknown = CellInit::all(Init::Xavier).with("beta_forget", Init::Constant(1.0));
    let message = layer
        .initialise(&unknown, &mut Rng::new(2))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no parameter `beta_forget`") && message.contains("beta_phi"),
        "{message}"
    );
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let layer = layer();
    let (mut state, mut workspace) = (layer.zero_state(2).unwrap(), layer.workspace(2).unwrap());
    let mut y = Mat::zeros(4, 2);
    for (rows, columns) in [(2, 2), (3, 1), (3, 4)] {
        let x = Mat::zeros(rows, columns);
        assert!(
            layer
                .step(x.as_ref(), &mut state, y.as_mut(), &mut workspace)
                .is_err()
        );
    }
}

#[test]
fn a_trained_state_is_kept_when_it_is_asked_for_again_and_by_what_fills_the_cell_anew() {
    let mut layer = layer().with_trained_state();
    let initial = |layer: &Recurrent<PeepholeLstm, f64>| {
        let mut values = Vec::new();
        (layer.visit(Name::ROOT, &mut |name, parameter| {
            if name.to_string().starts_with(INITIAL) {
                values.extend_from_slice(parameter.values);
            }
            Ok(())
        }))
        .unwrap();
        values
    };
    (layer.visit_mut(Name::ROOT, &mut |name, parameter| {
        if name.to_string().starts_with(INITIAL) {
            parameter.values.fill(0.7);
        }
        Ok(())
    }))
    .unwrap();
    let all = CellInit::all(Init::Constant(0.1));
    layer.initialise(&all, &mut Rng::new(1)).unwrap();
    assert_eq!(initial(&layer.with_trained_state()), [0.7; 8]);
}
