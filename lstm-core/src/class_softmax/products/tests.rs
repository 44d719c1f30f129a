//! Products with few columns against plain loops.

use super::*;
use crate::random::Rng;

/// Vectors that fill registers of every width or do not, few columns and many, any number of words.
#[test]
fn products_are_those_of_loops_on_every_width() {
    let mut rng = Rng::new(3);
    for width in Width::available() {
        let registers = width.token().unwrap();
        for (len, words) in [(1, 1), (5, 2), (8, 7), (33, 4), (64, 5), (103, 9)] {
            for columns in (1..10).chain([FEW, FEW + 1]) {
                let products = Products { registers, len };
                let mut draw =
                    |count| -> Vec<f64> { (0..count).map(|_| rng.symmetric(1.0)).collect() };
                let (vectors, x) = (draw(words * len), draw(columns * len));
                let slopes = draw(words * columns);
                let pairs = || (0..columns).flat_map(|c| (0..words).map(move |w| (c, w)));
                // Sums of at most 103 products of numbers below one.
                let is = |found: f64, expected: f64| (found - expected).abs() < 1e-13;

                let mut scores = slopes.clone();
                products.add_scores(&vectors, &x, &mut scores);
                for (c, w) in pairs() {
                    let both = vectors[w * len..][..len].iter().zip(&x[c * len..]);
                    let expected = slopes[c * words + w] + both.map(|(v, x)| v * x).sum::<f64>();
                    assert!(is(scores[c * words + w], expected), "{width} {len} {words}");
                }

                let (mut dx, mut changed) = (vec![f64::NAN; columns * len], vectors.clone());
                products.send_back(&vectors, &slopes, 0.5, &mut dx);
                products.add_outer(&x, &slopes, 0.25, &mut changed);
                let (mut expected_dx, mut expected) = (vec![0.0; columns * len], vectors.clone());
                for (c, w) in pairs() {
                    let slope = slopes[c * words + w];
                    for at in 0..len {
                        expected_dx[c * len + at] += 0.5 * slope * vectors[w * len + at];
                        expected[w * len + at] += 0.25 * slope * x[c * len + at];
                    }
                }
                let all = dx
                    .iter()
                    .zip(&expected_dx)
                    .chain(changed.iter().zip(&expected));
                assert!(
                    all.into_iter()
                        .all(|(&found, &expected)| is(found, expected))
                );
            }
        }
    }
}

#[test]
#[should_panic = "a score for each pair"]
fn slices_that_do_not_fit_are_not_read_beyond() {
    let products = Products::new(4).unwrap();
    products.add_scores(&[0.0; 8], &[0.0; 4], &mut [0.0; 3]);
}
