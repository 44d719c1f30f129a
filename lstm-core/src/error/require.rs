//! What most calls ask of their arguments.

use lstm_kernels::Element;

use super::{Error, Result};

/// Refuses `value` unless it is a finite number greater than zero.
pub(crate) fn require_positive(option: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::Option {
        option,
        value: value.to_string(),
        expected: "a finite number greater than 0",
    })
}

/// Refuses `value` unless it is a finite number that is not negative.
pub(crate) fn require_not_negative(option: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::Option {
        option,
        value: value.to_string(),
        expected: "a finite number that is at least 0",
    })
}

/// Refuses `value` unless it is finite as a number of the type `T`, too: what is finite in f64 may be too large for f32.
pub(crate) fn require_finite_in<T: Element>(option: &'static str, value: f64) -> Result<()> {
    require_all_finite_in::<T>(option, value, value)
}

/// The same where numbers up to `largest` are made of `value`.
pub(crate) fn require_all_finite_in<T: Element>(
    option: &'static str,
    value: f64,
    largest: f64,
) -> Result<()> {
    match T::from_f64(largest).to_f64().is_finite() {
        true => Ok(()),
        false => Err(Error::Option {
            option,
            value: format!("{value:e}"),
            expected: "a finite number, also in the type of the parameters",
        }),
    }
}

/// Refuses `value` unless it lies in [0, 1).
pub(crate) fn require_fraction(option: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Option {
        option,
        value: value.to_string(),
        expected: "at least 0 and less than 1",
    })
}

/// Refuses a size of zero.
pub(crate) fn require_size(option: &'static str, size: usize) -> Result<()> {
    match size {
        0 => Err(Error::Option {
            option,
            value: "0".to_owned(),
            expected: "at least 1",
        }),
        _ => Ok(()),
    }
}

/// Refuses a shape other than `expected`.
pub(crate) fn require_shape(
    what: &'static str,
    expected: (usize, usize),
    actual: (usize, usize),
) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("{} x {}", expected.0, expected.1),
        actual: format!("{} x {}", actual.0, actual.1),
    })
}

/// Refuses a length other than `expected`.
pub(crate) fn require_len(what: &'static str, expected: usize, actual: usize) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("a length of {expected}"),
        actual: format!("{actual} long"),
    })
}
