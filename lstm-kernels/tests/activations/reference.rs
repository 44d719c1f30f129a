//! Errors in units in the last place, against references of higher precision.

use astro_float_num::{BigFloat, Consts, RoundingMode, Sign, WORD_BIT_SIZE};
use lstm_kernels::rt::Element;

/// Bits of the arbitrary-precision reference; 53 are compared.
pub const PRECISION: usize = 192;
pub const ROUND: RoundingMode = RoundingMode::ToEven;

/// A true value as a number near it and the rest in units in the last place of that number.
pub struct Exact<T> {
    near: T,
    rest: f64,
}

impl Exact<f32> {
    /// A double holds 29 bits more than a single: its own error of an ulp is 2e-9 ulp here.
    pub fn from_double(value: f64) -> Self {
        let near = value as f32;
        let rest = (value - f64::from(near)) / last_place(near);
        Exact { near, rest }
    }
}

impl Exact<f64> {
    pub fn from_big(value: &BigFloat) -> Self {
        let near = to_f64(value, 0);
        if !near.is_finite() {
            return Exact { near, rest: 0.0 };
        }
        let difference = value.sub(&big(near), PRECISION, ROUND);
        let place = last_place(near).log2() as i32;
        let rest = to_f64(&difference, -place);
        Exact { near, rest }
    }
}

impl<T: Element> Exact<T> {
    /// The error of `value` in units in the last place; infinite where one of the two is infinite
    /// or not a number and the other is not.
    pub fn error(&self, value: T) -> f64 {
        let (near, value) = (self.near.to_f64(), value.to_f64());
        if near.is_nan() || near.is_infinite() || !value.is_finite() {
            let same = near == value || near.is_nan() && value.is_nan();
            return if same { 0.0 } else { f64::INFINITY };
        }
        ((value - near) / last_place(self.near) - self.rest).abs()
    }
}

/// The distance from |x| to the next larger number.
fn last_place<T: Element>(x: T) -> f64 {
    let x = x.to_f64().abs();
    let (digits, smallest) = match T::NAME {
        "f32" => (23, f64::from(f32::from_bits(1))),
        _ => (52, f64::from_bits(1)),
    };
    // Clearing the mantissa leaves the power of two below x.
    let power = f64::from_bits(x.to_bits() & (0x7ff << 52));
    (power * power_of_two(-digits)).max(smallest)
}

fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// The same number. A subnormal one is made normal on the way, which the conversion expects.
pub fn big(x: f64) -> BigFloat {
    const LIFT: i32 = 200;
    let mut big = BigFloat::from_f64(x * power_of_two(LIFT), PRECISION);
    match big.exponent() {
        Some(exponent) if x.abs() < 1.0 && x != 0.0 => {
            big.set_exponent(exponent - LIFT);
            big
        }
        _ => BigFloat::from_f64(x, PRECISION),
    }
}

/// value · 2^shift in double precision.
fn to_f64(value: &BigFloat, shift: i32) -> f64 {
    if value.is_zero() {
        return 0.0;
    }
    let Some((words, _, sign, exponent, _)) = value.as_raw_parts() else {
        return if value.is_nan() {
            f64::NAN
        } else {
            f64::INFINITY
        };
    };
    let leading = words[words.len() - 1] as f64;
    let exponent = exponent - WORD_BIT_SIZE as i32 + shift;
    // Two factors, since 2^exponent itself may not be a double.
    let half = (exponent / 2).clamp(-1022, 1023);
    let rest = (exponent - half).clamp(-1022, 1023);
    let magnitude = leading * power_of_two(half) * power_of_two(rest);
    if sign == Sign::Neg {
        -magnitude
    } else {
        magnitude
    }
}

/// Functions of arbitrary-precision numbers.
pub struct Arithmetic {
    constants: Consts,
}

impl Arithmetic {
    pub fn new() -> Self {
        let constants = Consts::new().expect("memory for the constants");
        Self { constants }
    }

    pub fn exp(&mut self, x: &BigFloat) -> BigFloat {
        x.exp(PRECISION, ROUND, &mut self.constants)
    }

    pub fn log(&mut self, x: &BigFloat) -> BigFloat {
        x.ln(PRECISION, ROUND, &mut self.constants)
    }

    pub fn tanh(&mut self, x: &BigFloat) -> BigFloat {
        x.tanh(PRECISION, ROUND, &mut self.constants)
    }

    /// log(1 + z) for z > 0. A sum with 1 keeps too little of a small z, hence a series there, whose
    /// first term left out is z⁴/4 < 2^-180·z.
    pub fn log_1p(&mut self, z: &BigFloat) -> BigFloat {
        if z.exponent().is_some_and(|exponent| exponent > -60) {
            return self.log(&big(1.0).add(z, PRECISION, ROUND));
        }
        let square = z.mul(z, PRECISION, ROUND);
        let cube = square.mul(z, PRECISION, ROUND);
        let second = square.div(&big(2.0), PRECISION, ROUND);
        let third = cube.div(&big(3.0), PRECISION, ROUND);
        z.sub(&second, PRECISION, ROUND)
            .add(&third, PRECISION, ROUND)
    }
}
