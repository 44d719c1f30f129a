//! Products, gradients, and blocks of them.

use faer::{Mat, mat};

use super::*;
use crate::check::{assert_gradient, assert_matrix_gradient};
use crate::layers::Layer;

fn layer() -> Linear<f64> {
    let mut layer = Linear::new(3, 2, Init::Uniform(1.0), &mut Rng::new(4)).unwrap();
    layer.bias.copy_from_slice(&[0.3, -0.7]);
    layer
}

/// Half the sum of squares of the outputs, whose gradient is the outputs themselves.
fn loss(layer: &Linear<f64>, x: MatRef<'_, f64>) -> f64 {
    let mut y = Mat::zeros(2, x.ncols());
    layer.apply(x, y.as_mut()).unwrap();
    y.squared_norm_l2() / 2.0
}

#[test]
fn gradients_are_central_differences() {
    let mut layer = layer();
    let x = mat![
        [0.5, -1.0, 0.1, 2.0],
        [1.5, 0.2, -0.6, 0.4],
        [-0.3, 0.8, 1.1, -1.2]
    ];
    let mut y = Mat::zeros(2, 4);
    layer.apply(x.as_ref(), y.as_mut()).unwrap();
    let mut gradient = vec![0.0; 8];
    let mut dx = Mat::zeros(3, 4);
    layer
        .backprop(x.as_ref(), y.as_ref(), &mut gradient, Some(dx.as_mut()))
        .unwrap();
    assert_gradient(&mut layer, &gradient, |layer| loss(layer, x.as_ref()));
    assert_matrix_gradient(&x, &dx, |x| loss(&layer, x));
}

#[test]
fn a_layer_without_bias_is_its_matrix() {
    let mut rng = Rng::new(4);
    let mut layer = Linear::without_bias(3, 2, Init::Uniform(1.0), &mut rng).unwrap();
    let x = mat![[0.5, -1.0], [1.5, 0.2], [-0.3, 0.8]];
    let mut y = Mat::full(2, 2, 7.0);
    layer.apply(x.as_ref(), y.as_mut()).unwrap();
    assert!((&y - layer.matrix() * &x).norm_l2() < 1e-15);
    assert_eq!(layer.params_len(), 6);
    let mut gradient = vec![0.0; 6];
    layer
        .backprop(x.as_ref(), y.as_ref(), &mut gradient, None)
        .unwrap();
    assert_gradient(&mut layer, &gradient, |layer| loss(layer, x.as_ref()));
    let layer = layer.with_bias(Init::Constant(0.5), &mut rng).unwrap();
    assert_eq!((layer.params_len(), layer.bias[1]), (8, 0.5));
}

#[test]
fn rows_apart_give_what_columns_give() {
    let layer = layer();
    let x = mat![[0.5, -1.0], [1.5, 0.2], [-0.3, 0.8]];
    let (mut y, mut flipped) = (Mat::zeros(2, 2), Mat::zeros(2, 2));
    layer.apply(x.as_ref(), y.as_mut()).unwrap();
    layer
        .apply(x.as_ref(), flipped.as_mut().transpose_mut())
        .unwrap();
    assert_eq!(y, flipped.transpose());
    let gradient = |dy| {
        let mut gradient = vec![0.0; 8];
        layer.backprop(x.as_ref(), dy, &mut gradient, None).unwrap();
        gradient
    };
    assert_eq!(
        gradient(y.as_ref())[6..],
        gradient(flipped.transpose())[6..]
    );
}

#[test]
fn blocks_are_the_whole_and_threads_change_no_bit() {
    let (inputs, outputs, columns) = (2 * FEATURES + 5, 3, 2 * COLUMNS + 40);
    let mut rng = Rng::new(9);
    let layer = Linear::<f64>::new(inputs, outputs, Init::Uniform(1.0), &mut rng).unwrap();
    let mut layer = layer.with_bias(Init::Uniform(1.0), &mut rng).unwrap();
    let x = Mat::from_fn(inputs, columns, |i, j| ((3 * i + 7 * j) as f64).sin());
    let run = |layer: &Linear<f64>| {
        let mut y = Mat::zeros(outputs, columns);
        let mut gradient = vec![1.0; layer.params_len()];
        let mut dx = Mat::zeros(inputs, columns);
        layer.apply(x.as_ref(), y.as_mut()).unwrap();
        let (dy, dx_out) = (y.as_ref(), Some(dx.as_mut()));
        layer
            .backprop(x.as_ref(), dy, &mut gradient, dx_out)
            .unwrap();
        (y, gradient, dx)
    };
    let (y, gradient, dx) = run(&layer);
    for threads in 1..=3 {
        Layer::set_threads(&mut layer, &Threads::new(threads).unwrap());
        assert!(layer.threads.is_some());
        assert_eq!(run(&layer), (y.clone(), gradient.clone(), dx.clone()));
    }
    // Sums of some hundred products of numbers about 1, in another order at most.
    let matrix = layer.matrix();
    let product = matrix * &x;
    let whole = Mat::from_fn(outputs, columns, |i, j| layer.bias[i] + product[(i, j)]);
    assert!((&y - &whole).norm_l2() < 1e-12);
    assert!((&dx - matrix.transpose() * &y).norm_l2() < 1e-12);
    let dweight = &y * x.transpose();
    let dweight = dweight.col_iter().flat_map(|column| column.iter());
    let dbias = y.row_iter().map(|row| row.iter().sum::<f64>());
    let of_whole = dweight.copied().chain(dbias);
    assert!(
        (gradient.iter().zip(of_whole))
            .all(|(gradient, whole)| (gradient - 1.0 - whole).abs() < 1e-11)
    );
}

#[test]
fn impossible_layers_are_errors() {
    let mut rng = Rng::new(0);
    let zero = Init::Constant(0.0);
    for (inputs, outputs) in [(0, 2), (2, 0), (usize::MAX, 2)] {
        assert!(Linear::<f32>::new(inputs, outputs, zero, &mut rng).is_err());
    }
    let wrong = Init::Normal(-1.0);
    assert!(Linear::<f32>::new(2, 2, wrong, &mut rng).is_err());
    assert!(layer().with_bias(wrong, &mut rng).is_err());
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let x = Mat::zeros(4, 2);
    let message = layer()
        .apply(x.as_ref(), Mat::zeros(2, 2).as_mut())
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "the input of `Linear::apply` is 4 x 2, but 3 x 2 is needed"
    );
}
