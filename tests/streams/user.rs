//! Cells that a user defines.

use super::*;

lstm_core::cell! {
    /// Two leaky integrators a unit, one gated by the other: no cell of the library.
    cell Pair {
        size   I, N;
        input  x: [I];
        param  W_a, W_b: [N, I];
        param  U_a: [N, N];
        param  d: [N];
        u[t] = sigmoid(d) * u[t-1] + (W_a @ x[t] + U_a @ v[t-1]);
        g[t] = sigmoid(W_b @ x[t] + u[t]);
        v[t] = g[t] * tanh(u[t]);
        output v;
    }
}

lstm_core::cell! {
    /// The input drives the units directly, so that its gradient is formed element by element.
    cell Driven {
        size   N;
        input  x: [N];
        param  U: [N, N];
        h[t] = tanh(U @ h[t-1] + x[t]);
        output h;
    }
}

lstm_core::cell! {
    /// A quotient of parameters: beyond the last unit, where all are zero, it is not a number.
    cell Divided {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  a, d: [N];
        h[t] = (tanh(W @ x[t]) + h[t-1]) * a / d;
        output h;
    }
}

lstm_core::cell! {
    /// Its net input is centred by a sum over all units, which rounds as the units come.
    cell Centred {
        size   I, N;
        input  x: [I];
        param  W: [N, I];
        param  U: [N, N];
        a[t] = W @ x[t] + U @ h[t-1];
        h[t] = tanh(a[t] - mean_N(a[t]));
        output h;
    }
}

/// As many units as have panels beyond the cache, whose blocks come in another order at every other step where no sum does.
#[test]
fn sums_over_units_are_formed_in_the_order_of_the_layer() {
    for width in Width::available() {
        check::<Centred, f32, AnySizes>(&[3, 200], width, false);
    }
}

/// Registers are written with their padding, which must not reach the sum of a head.
#[test]
fn padding_that_is_no_number_stays_out_of_a_head() {
    for width in Width::available() {
        let kernel = Kernel::<Divided, f32>::with_width(&[1, 21], width).unwrap();
        let mut layer = Recurrent::with_kernel(kernel).unwrap();
        for (name, value) in [("W", 0.5), ("a", 3.0), ("d", 2.0)] {
            layer.edit_param(name, |mut p| p.fill(value)).unwrap();
        }
        let head = Linear::new(21, 1, Init::Constant(1.0), &mut Rng::new(1)).unwrap();
        let (any, fixed) = (
            layer.stream().unwrap(),
            layer.fixed_stream::<1, 21>().unwrap(),
        );
        let (mut y, mut of_fixed) = ([0.0], [0.0]);
        any.with_head(&head).unwrap().step(&[1.0], &mut y).unwrap();
        fixed
            .with_head(&head)
            .unwrap()
            .step(&[1.0], &mut of_fixed)
            .unwrap();
        // Sums below 16 are rounded by at most 2^-21, half of 8 epsilon.
        assert!(
            (y[0] - 31.5 * 0.5_f32.tanh()).abs() < 21.0 * 8.0 * f32::EPSILON,
            "{y:?}"
        );
        assert_eq!(y, of_fixed, "{width}");
    }
}

#[test]
fn training_a_cell_of_ones_own_allocates_nothing() {
    training_allocates_nothing::<Driven>(&[5]);
    check::<Driven, f32, AnySizes>(&[37], Width::best(), false);
}

#[test]
fn a_cell_of_ones_own_streams() {
    for width in Width::available() {
        check::<Pair, f32, AnySizes>(&[2, 21], width, false);
        check::<Pair, f32, Fixed<2, 16>>(&[2, 16], width, true);
    }
}
