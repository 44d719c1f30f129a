//! Losses of scores and predictions of any shape and any numbers.

use lstm_core::loss::{
    CrossEntropy, binary_cross_entropy, binary_cross_entropy_gradient, cross_entropy,
    log_softmax_columns, mean_squared, mean_squared_gradient, softmax, softmax_columns,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{is_ordinary, matrix, number};

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn cross_entropies(scores in matrix(3, 4), targets in vec(prop_oneof![8 => 0u32..3, 1 => any::<u32>()], 2..5), ignored in 0u32..5, smoothing in number()) {
        let counts = |id: u32| id < scores.nrows() as u32;
        let shape = scores.ncols() == targets.len() && scores.ncols() > 0;
        let fits = shape && targets.iter().all(|&id| counts(id));
        prop_assert_eq!(cross_entropy(scores.as_ref(), &targets).is_ok(), fits);

        let loss = CrossEntropy::new().with_ignored(ignored);
        let loss = match loss.with_smoothing(smoothing) {
            Ok(loss) => loss,
            Err(_) => {
                prop_assert!(!(0.0..1.0).contains(&smoothing));
                loss
            }
        };
        let fits = shape && targets.iter().all(|&id| id == ignored || counts(id));
        let found = loss.loss(scores.as_ref(), &targets);
        prop_assert_eq!(found.is_ok(), fits);
        let mut gradient = scores.clone();
        let with_gradient = loss.gradient(gradient.as_mut(), &targets);
        prop_assert_eq!(with_gradient.is_ok(), fits);
        if let (Ok(found), Ok(with_gradient)) = (found, with_gradient) {
            prop_assert!(found == with_gradient || found.is_nan() && with_gradient.is_nan());
            // What is finite on the way in, and small enough for its differences to be, is finite on the way out.
            if is_ordinary(&scores) {
                let mut slopes = gradient.col_iter().flat_map(|column| column.iter());
                prop_assert!(found.is_finite() && slopes.all(|slope| slope.abs() <= 1.0));
            }
        }
    }

    #[test]
    fn distances(values in matrix(2, 3), targets in matrix(2, 3)) {
        let fits = values.shape() == targets.shape() && values.nrows() * values.ncols() > 0;
        prop_assert_eq!(mean_squared(values.as_ref(), targets.as_ref()).is_ok(), fits);
        prop_assert_eq!(mean_squared_gradient(values.clone().as_mut(), targets.as_ref()).is_ok(), fits);
        let are_probabilities = targets.col_iter().all(|it| it.iter().all(|it| (0.0..=1.0).contains(it)));
        let fits = fits && are_probabilities;
        prop_assert_eq!(binary_cross_entropy(values.as_ref(), targets.as_ref()).is_ok(), fits);
        let mut gradient = values.clone();
        prop_assert_eq!(binary_cross_entropy_gradient(gradient.as_mut(), targets.as_ref()).is_ok(), fits);
    }

    #[test]
    fn probabilities(scores in matrix(3, 2), list in vec(number(), 0..4), temperature in number()) {
        let mut found = Vec::new();
        let is_warm = temperature.is_finite() && temperature > 0.0;
        prop_assert_eq!(softmax(&list, temperature, &mut found).is_ok(), is_warm);
        let mut probabilities = scores.clone();
        prop_assert!(softmax_columns(probabilities.as_mut()).is_ok());
        prop_assert!(log_softmax_columns(scores.clone().as_mut()).is_ok());
        if scores.nrows() > 0 && is_ordinary(&scores) {
            for column in probabilities.col_iter() {
                // A few roundings of 1.
                prop_assert!((column.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }
}
