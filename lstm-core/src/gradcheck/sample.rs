//! Which numbers of a parameter are looked at.

use std::collections::BTreeSet;

use crate::random::Rng;

/// All places below `len`, or a sample of so many of them, in ascending order.
pub(super) fn indices(len: usize, sample: Option<(usize, u64)>, stream: u64) -> Vec<usize> {
    let Some((count, seed)) = sample.filter(|&(count, _)| count < len) else {
        return (0..len).collect();
    };
    // Floyd's algorithm: every set of `count` places is equally likely, and only they take memory.
    let mut rng = Rng::stream(seed, stream);
    let mut chosen = BTreeSet::new();
    for last in len - count..len {
        let place = rng.below(last as u64 + 1) as usize;
        if !chosen.insert(place) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_distinct_seeded_and_fair() {
        assert_eq!(indices(4, None, 0), [0, 1, 2, 3]);
        assert_eq!(indices(4, Some((9, 1)), 0), [0, 1, 2, 3]);
        assert_eq!(indices(50, Some((5, 1)), 2), indices(50, Some((5, 1)), 2));
        assert_ne!(indices(50, Some((5, 1)), 2), indices(50, Some((5, 2)), 2));
        let mut counts = [0i32; 6];
        for seed in 0..3000 {
            let sample = indices(6, Some((2, seed)), 0);
            assert_eq!(sample.len(), 2);
            sample.into_iter().for_each(|place| counts[place] += 1);
        }
        // Five standard deviations of a binomial count: 5 sqrt(3000 * 1/3 * 2/3) = 129.
        assert!(
            counts.iter().all(|count| (count - 1000).abs() < 129),
            "{counts:?}"
        );
    }
}
