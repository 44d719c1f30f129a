//! The largest error of every function, in units in the last place.

use lstm_kernels::rt::{Element, Width};

use crate::functions::{Exp, Function, Log, LogSigmoid, Sigmoid, Softplus, Tanh, map};
use crate::reference::{Arithmetic, Exact, big};

/// What the library promises.
const LARGEST_ERROR: f64 = 2.0;

/// Asserts the promise on every instruction set and prints what was reached.
fn check<F: Function, T: Element>(points: &[T], exact: &[Exact<T>]) {
    for width in Width::available() {
        let token = width.token().expect("the width is available");
        let values = map::<F, T>(token, points);
        let mut worst = (0.0, T::from_f64(0.0), T::from_f64(0.0));
        for ((&x, &y), exact) in points.iter().zip(&values).zip(exact) {
            let error = exact.error(y);
            if error > worst.0 {
                worst = (error, x, y);
            }
        }
        let (error, x, y) = worst;
        let (name, number) = (F::NAME, T::NAME);
        println!("{name:10} {number} {width:6} {error:.3} ulp at {x:?}");
        assert!(
            error <= LARGEST_ERROR,
            "{name}({x:?}) = {y:?} is {error} ulp off ({number}, {width})"
        );
    }
}

/// Every 1999th of all bit patterns, NaN, infinities and subnormal numbers included.
fn check_f32<F: Function>() {
    let points: Vec<f32> = (0..=u32::MAX).step_by(1999).map(f32::from_bits).collect();
    let double = |&x: &f32| Exact::from_double(F::double(f64::from(x)));
    let exact: Vec<_> = points.iter().map(double).collect();
    check::<F, f32>(&points, &exact);
}

fn check_f64<F: Function>() {
    let mut arithmetic = Arithmetic::new();
    let points = points::<F>();
    let exact = |&x: &f64| {
        let value = F::exact(&big(x), &mut arithmetic);
        Exact::from_big(&value)
    };
    let exact: Vec<_> = points.iter().map(exact).collect();
    check::<F, f64>(&points, &exact);
}

/// Some thousand finite arguments: all magnitudes, the range of the function, the places where the
/// argument reduction changes its integer, and the neighbourhoods of 0 and 1.
fn points<F: Function>() -> Vec<f64> {
    const COUNT: usize = 1000;
    let (low, high) = F::RANGE;
    let inside = |x: &f64| x.is_finite() && (low..=high).contains(x);
    let mut random = Random(0x1997);
    let mut points = vec![0.0];
    for _ in 0..COUNT {
        points.push(f64::from_bits(random.next()));
        points.push(f64::from_bits(random.next() & !(1 << 63)));
        points.push(low.max(-1e3) + (high.min(1e3) - low.max(-1e3)) * random.unit());
        points.push(8.0 * random.unit() - 4.0);
        points.push(40.0 * random.unit() - 20.0);
        points.push(1.0 + 1e-3 * (random.unit() - 0.5));
    }
    for n in -1080..1030 {
        let boundary = (f64::from(n) + 0.5) * core::f64::consts::LN_2;
        for x in [boundary, 0.5 * boundary] {
            points.extend([x.next_down(), x, x.next_up()]);
        }
        if let Ok(exponent) = u64::try_from(n) {
            // √2·2^n, where the logarithm changes its integer; and numbers that are subnormal.
            let power = f64::from_bits(exponent << 52).max(f64::from_bits(1 << (n % 52)));
            let boundary = power * core::f64::consts::SQRT_2;
            points.extend([boundary.next_down(), boundary, power, power.next_down()]);
        }
    }
    points.retain(inside);
    points
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Infinities, NaN and signed zeros; the sign of a zero counts.
fn check_limits<F: Function, T: Element>() {
    let (points, expected): (Vec<T>, Vec<T>) = F::LIMITS
        .iter()
        .map(|&(x, y)| (T::from_f64(x), T::from_f64(y)))
        .unzip();
    for width in Width::available() {
        let token = width.token().expect("the width is available");
        let values = map::<F, T>(token, &points);
        for ((x, y), expected) in points.iter().zip(values).zip(&expected) {
            let same_sign = y.to_f64().is_sign_negative() == expected.to_f64().is_sign_negative();
            let same = if expected.to_f64().is_nan() {
                y.to_f64().is_nan()
            } else {
                y == *expected && same_sign
            };
            let (name, number) = (F::NAME, T::NAME);
            assert!(
                same,
                "{name}({x}) = {y}, not {expected} ({number}, {width})"
            );
        }
    }
}

macro_rules! accuracy {
    ($($module:ident: $Function:ident;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn within_two_ulp_in_f32() {
                check_f32::<$Function>();
            }

            #[test]
            fn within_two_ulp_in_f64() {
                check_f64::<$Function>();
            }

            #[test]
            fn limits() {
                check_limits::<$Function, f32>();
                check_limits::<$Function, f64>();
            }
        }
    )*};
}

accuracy! {
    exp: Exp;
    log: Log;
    sigmoid: Sigmoid;
    tanh: Tanh;
    softplus: Softplus;
    logsigmoid: LogSigmoid;
}
