//! What is made of many measurements.

/// The median; of an even number the upper of the two in the middle. `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The geometric mean of positive numbers: ratios of 2 and 1/2 cancel. `None` of nothing.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    (!values.is_empty()).then(|| (logarithms / values.len() as f64).exp())
}

/// The smallest. `None` of nothing.
pub fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_there_is_none() {
        assert_eq!(median(vec![]), None);
        assert_eq!(geometric_mean(&[]), None);
        assert_eq!(least(&[]), None);
    }

    #[test]
    fn medians_stand_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 100.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(3.0));
    }

    #[test]
    fn ratios_and_their_inverses_cancel() {
        let mean = geometric_mean(&[2.0, 0.5, 8.0]).unwrap();
        // 8^(1/3) = 2; logarithm and exponential are each off by an ulp or so.
        assert!((mean - 2.0).abs() < 1e-14);
        assert_eq!(least(&[2.0, 0.5, 8.0]), Some(0.5));
    }
}
