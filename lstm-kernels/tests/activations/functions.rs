//! The functions under test: the kernel, a double-precision reference for `f32`, an
//! arbitrary-precision reference for `f64`.

use astro_float_num::BigFloat;
use lstm_kernels::rt::{Element, Lanes, SimdToken, activations};
use pulp::{Simd, WithSimd};

use crate::reference::{Arithmetic, PRECISION, ROUND, big};

/// A function of the language with its references.
pub trait Function {
    const NAME: &'static str;
    /// The arguments where something happens; outside of it the function is constant or linear.
    const RANGE: (f64, f64);
    /// f(argument) = value, for the arguments where the formula does not count.
    const LIMITS: &'static [(f64, f64)];

    fn apply<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S>;
    fn double(x: f64) -> f64;
    fn exact(x: &BigFloat, arithmetic: &mut Arithmetic) -> BigFloat;
}

/// The function at every point, computed with the instruction set of `token`. The last register is
/// padded with zeros.
pub fn map<F: Function, T: Element>(token: SimdToken, points: &[T]) -> Vec<T> {
    struct Map<'a, F, T> {
        points: &'a [T],
        values: &'a mut [T],
        function: core::marker::PhantomData<F>,
    }
    impl<F: Function, T: Element> WithSimd for Map<'_, F, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let lanes = T::lanes::<S>();
            let chunks = self.points.chunks(lanes);
            for (points, values) in chunks.zip(self.values.chunks_mut(lanes)) {
                // SAFETY: both chunks hold that many elements.
                unsafe {
                    let x = Lanes::load_first(simd, points.as_ptr(), points.len());
                    F::apply(x).store_first(values.as_mut_ptr(), values.len());
                }
            }
        }
    }
    let mut values = vec![T::from_f64(0.0); points.len()];
    token.dispatch(Map {
        points,
        values: &mut values,
        function: core::marker::PhantomData::<F>,
    });
    values
}

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

pub struct Exp;
impl Function for Exp {
    const NAME: &'static str = "exp";
    const RANGE: (f64, f64) = (-750.0, 715.0);
    const LIMITS: &'static [(f64, f64)] = &[
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, INF),
        (1e30, INF),
        (-INF, 0.0),
        (-1e30, 0.0),
        (NAN, NAN),
    ];

    #[inline(always)]
    fn apply<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
        activations::exp(x)
    }
    fn double(x: f64) -> f64 {
        x.exp()
    }
    fn exact(x: &BigFloat, arithmetic: &mut Arithmetic) -> BigFloat {
        arithmetic.exp(x)
    }
}

pub struct Log;
impl Function for Log {
    const NAME: &'static str = "log";
    const RANGE: (f64, f64) = (5e-324, f64::MAX);
    const LIMITS: &'static [(f64, f64)] = &[
        (1.0, 0.0),
        (0.0, -INF),
        (-0.0, -INF),
        (INF, INF),
        (-1.0, NAN),
        (-1e-30, NAN),
        (-INF, NAN),
        (NAN, NAN),
    ];

    #[inline(always)]
    fn apply<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
        activations::log(x)
    }
    fn double(x: f64) -> f64 {
        x.ln()
    }
    fn exact(x: &BigFloat, arithmetic: &mut Arithmetic) -> BigFloat {
        arithmetic.log(x)
    }
}

pub struct Sigmoid;
impl Function for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const RANGE: (f64, f64) = (-750.0, 40.0);
    const LIMITS: &'static [(f64, f64)] = &[
        (0.0, 0.5),
        (-0.0, 0.5),
        (INF, 1.0),
        (1e30, 1.0),
        (-INF, 0.0),
        (-1e30, 0.0),
        (NAN, NAN),
    ];

    #[inline(always)]
    fn apply<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
        activations::sigmoid(x)
    }
    fn double(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }
    fn exact(x: &BigFloat, arithmetic: &mut Arithmetic) -> BigFloat {
        let one = big(1.0);
        let z = arithmetic.exp(&x.neg());
        one.div(&one.add(&z, PRECISION, ROUND), PRECISION, ROUND)
    }
}

pub struct Tanh;
impl Function for Tanh {
    const NAME: &'static str = "tanh";
    const RANGE: (f64, f64) = (-20.0, 20.0);
    const LIMITS: &'static [(f64, f64)] = &[
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, 1.0),
        (1e30, 1.0),
        (-INF, -1.0),
        (-1e30, -1.0),
        (NAN, NAN),
    ];

    #[inline(always)]
    fn apply<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
        activations::tanh(x)
    }
    fn double(x: f64) -> f64 {
        x.tanh()
    }
    fn exact(x: &BigFloat, arithmetic: &mut Arithmetic) -> BigFloat {
        arithmetic.tanh(x)
    }
}

pub struct Softplus;
impl Function for Softplus {
    const NAME: &'static str = "softplus";
    const RANGE: (f64, f64) = (-750.0, 40.0);
    const LIMITS: &'static [(f64, f64)] = &[
        (INF, INF),
        (1e30, 1e30),
        (-INF, 0.0),
        (-1e30, 0.0),
        (NAN, NAN),
    ];

    #[inline(always)]
    fn apply<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
        activations::softplus(x)
    }
    fn double(x: f64) -> f64 {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }
    fn exact(x: &BigFloat, arithmetic: &mut Arithmetic) -> BigFloat {
        let z = arithmetic.exp(x);
        arithmetic.log_1p(&z)
    }
}

pub struct LogSigmoid;
impl Function for LogSigmoid {
    const NAME: &'static str = "logsigmoid";
    const RANGE: (f64, f64) = (-40.0, 750.0);
    const LIMITS: &'static [(f64, f64)] = &[
        (INF, -0.0),
        (1e30, -0.0),
        (-INF, -INF),
        (-1e30, -1e30),
        (NAN, NAN),
    ];

    #[inline(always)]
    fn apply<T: Element, S: Simd>(x: Lanes<T, S>) -> Lanes<T, S> {
        activations::logsigmoid(x)
    }
    fn double(x: f64) -> f64 {
        -Softplus::double(-x)
    }
    fn exact(x: &BigFloat, arithmetic: &mut Arithmetic) -> BigFloat {
        Softplus::exact(&x.neg(), arithmetic).neg()
    }
}
