//! The larger of two distances.

/// The larger of two numbers that are at least 0. What is no number is the largest, while for `f64::max` it would be none at
/// all, and a distance from it would pass for 0.
pub fn larger(a: f64, b: f64) -> f64 {
    match a.total_cmp(&b).is_lt() {
        true => b,
        false => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_the_largest() {
        assert_eq!(larger(1.0, 2.0), 2.0);
        assert_eq!(larger(f64::INFINITY, 0.0), f64::INFINITY);
        for other in [0.0, 1.0, f64::INFINITY] {
            assert!(larger(f64::NAN, other).is_nan() && larger(other, f64::NAN).is_nan());
        }
    }
}
