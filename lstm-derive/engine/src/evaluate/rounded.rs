//! Numbers that know how large the numbers were that they were computed from.

use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::expr::{Comparison, Function};

/// A value, and the magnitude of what its computation passed through: what rounding changed is relative to the latter, which
/// is much larger than the value where terms cancelled each other.
#[derive(Debug, Clone, Copy)]
pub struct Rounded {
    /// The value.
    pub value: f64,
    /// An error of 1 ulp in every number on the way changes the value by about so many ulps of 1.
    pub magnitude: f64,
}

impl From<f64> for Rounded {
    fn from(value: f64) -> Self {
        let magnitude = value.abs();
        Rounded { value, magnitude }
    }
}

impl Neg for Rounded {
    type Output = Rounded;

    fn neg(self) -> Rounded {
        let value = -self.value;
        Rounded { value, ..self }
    }
}

impl Add for Rounded {
    type Output = Rounded;

    fn add(self, other: Rounded) -> Rounded {
        Rounded {
            value: self.value + other.value,
            magnitude: self.magnitude + other.magnitude,
        }
    }
}

impl Sub for Rounded {
    type Output = Rounded;

    fn sub(self, other: Rounded) -> Rounded {
        self + -other
    }
}

impl Mul for Rounded {
    type Output = Rounded;

    fn mul(self, other: Rounded) -> Rounded {
        Rounded {
            value: self.value * other.value,
            magnitude: self.magnitude * other.value.abs() + self.value.abs() * other.magnitude,
        }
    }
}

impl Div for Rounded {
    type Output = Rounded;

    fn div(self, other: Rounded) -> Rounded {
        let value = self.value / other.value;
        Rounded {
            value,
            magnitude: (self.magnitude + value.abs() * other.magnitude) / other.value.abs(),
        }
    }
}

impl Sum for Rounded {
    fn sum<I: Iterator<Item = Rounded>>(all: I) -> Rounded {
        all.fold(Rounded::from(0.0), Add::add)
    }
}

impl Rounded {
    /// f(a)
    pub(super) fn apply(self, function: Function) -> Rounded {
        let value = apply(function, self.value);
        Rounded {
            value,
            magnitude: value.abs() + slope(function, self.value).abs() * self.magnitude,
        }
    }

    /// f'(a)
    pub(super) fn slope(self, function: Function) -> Rounded {
        // How much it changes is taken from two points near by; only the order of magnitude matters.
        let near = 1e-5 * self.value.abs().max(1.0);
        let (below, above) = (
            slope(function, self.value - near),
            slope(function, self.value + near),
        );
        let value = slope(function, self.value);
        Rounded {
            value,
            magnitude: value.abs() + (above - below).abs() / (2.0 * near) * self.magnitude,
        }
    }
}

/// Whether a comparison holds.
pub(super) fn compare(sign: Comparison, a: f64, b: f64) -> bool {
    match sign {
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A function of a number.
pub(crate) fn apply(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => x.exp(),
        Function::Log => x.ln(),
        Function::Sqrt => x.sqrt(),
        Function::Abs => x.abs(),
        Function::Sigmoid => sigmoid(x),
        Function::Tanh => x.tanh(),
        Function::Relu => x.max(0.0),
        Function::LogSigmoid => x.min(0.0) - (-x.abs()).exp().ln_1p(),
        Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
    }
}

/// The derivative of a function at a number.
fn slope(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => x.exp(),
        Function::Log => 1.0 / x,
        Function::Sqrt => 0.5 / x.sqrt(),
        Function::Abs if x == 0.0 => 0.0,
        Function::Abs => x.signum(),
        Function::Sigmoid => sigmoid(x) * sigmoid(-x),
        // 1 - tanh² would cancel where tanh is near 1.
        Function::Tanh => 4.0 * sigmoid(2.0 * x) * sigmoid(-2.0 * x),
        Function::Relu => f64::from(x > 0.0),
        Function::LogSigmoid => sigmoid(-x),
        Function::Softplus => sigmoid(x),
    }
}
