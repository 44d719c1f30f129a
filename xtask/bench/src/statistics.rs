//! What is made of many measurements.

/// The median; of an even number the upper of the two in the middle. `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The value that a share of all values does not exceed, the next higher one in case of doubt. `None` of nothing.
pub fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64) as usize;
    values
        .get(rank.min(values.len().saturating_sub(1)))
        .copied()
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
    fn quantiles_leave_their_share_below() {
        let values: Vec<f64> = (0..1000).rev().map(f64::from).collect();
        assert_eq!(quantile(values.clone(), 0.999), Some(999.0));
        assert_eq!(quantile(values.clone(), 0.5), Some(500.0));
        assert_eq!(quantile(values, 1.0), Some(999.0));
        assert_eq!(quantile(vec![], 0.5), None);
    }

    #[test]
    fn ratios_and_their_inverses_cancel() {
        let mean = geometric_mean(&[2.0, 0.5, 8.0]).unwrap();
        // 8^(1/3) = 2; logarithm and exponential are each off by an ulp or so.
        assert!((mean - 2.0).abs() < 1e-14);
        assert_eq!(least(&[2.0, 0.5, 8.0]), Some(0.5));
    }
}
