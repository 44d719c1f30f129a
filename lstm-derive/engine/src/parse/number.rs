//! Literals as exact numbers: 0.1 is 1/10.

use num_bigint::BigInt;
use num_traits::{Pow, ToPrimitive, Zero};
use proc_macro2::Span;
use syn::Lit;

use crate::error::Diagnostic;
use crate::expr::Number;

/// Literals longer than this are refused, because exact computations with them would take long.
const MAX_DIGITS: usize = 1000;

/// The types of numbers in Rust, which a literal may end in there.
const TYPES: [&str; 14] = [
    "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

/// The exact value of a literal.
pub fn number(literal: &Lit) -> Result<Number, Diagnostic> {
    let span = literal.span();
    let (digits, suffix) = match literal {
        Lit::Int(literal) => (literal.base10_digits(), literal.suffix()),
        Lit::Float(literal) => (literal.base10_digits(), literal.suffix()),
        _ => {
            return Err(Diagnostic::new(
                "not-a-number",
                span,
                "expected a number, a name or `(`; strings, characters and booleans have no meaning here",
            ));
        }
    };
    if !suffix.is_empty() && !TYPES.contains(&suffix) {
        let message = format!(
            "there is no operator between {digits} and `{suffix}`; write `{digits} * {suffix}`"
        );
        return Err(Diagnostic::new("missing-operator", span, message));
    }
    if !suffix.is_empty() {
        return Err(Diagnostic::new(
            "number-suffix",
            span,
            format!(
                "remove the suffix `{suffix}`: numbers are exact and take the element type of the kernel"
            ),
        ));
    }
    if digits.len() > MAX_DIGITS {
        let message = format!(
            "this number has more than {MAX_DIGITS} digits; no element type tells more than 17 apart"
        );
        return Err(Diagnostic::new("too-many-digits", span, message));
    }
    match value(digits) {
        Some(value) if fits(&value) => Ok(value),
        _ => Err(out_of_range(span)),
    }
}

/// Whether a value is zero or, rounded, a normal number of every element type.
pub fn fits(value: &Number) -> bool {
    let rounded = value.to_f64().map(|value| value as f32);
    value.is_zero() || rounded.is_some_and(f32::is_normal)
}

/// The mistake of a number that `f32` cannot hold.
pub fn out_of_range(span: Span) -> Diagnostic {
    Diagnostic::new(
        "number-out-of-range",
        span,
        "this number is out of range: kernels exist for f32 too, which holds magnitudes from 1.2e-38 to 3.4e38",
    )
}

/// The value of decimal digits, `None` where their exponent is absurd.
fn value(digits: &str) -> Option<Number> {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: BigInt = format!("{whole}{fraction}").parse().ok()?;
    if all.is_zero() {
        return Some(Number::zero());
    }
    let exponent = exponent
        .parse::<i64>()
        .ok()?
        .checked_sub(fraction.len().try_into().ok()?)?;
    let size = u32::try_from(exponent.unsigned_abs())
        .ok()
        .filter(|&size| size as usize <= 2 * MAX_DIGITS)?;
    let power = Number::from_integer(BigInt::from(10).pow(size));
    let all = Number::from_integer(all);
    Some(if exponent < 0 {
        all / power
    } else {
        all * power
    })
}
