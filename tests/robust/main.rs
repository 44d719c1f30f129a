//! Every public entry point that takes data from outside, tried with what does not fit: wrong shapes, empty batches, zero
//! lengths, numbers that are none, sizes beyond all memory.
//!
//! The property is the same everywhere: what fits succeeds, what does not is an error, and nothing panics, overflows (these
//! tests check arithmetic) or takes memory that the machine does not have.

mod layers;
mod losses;
mod optimisers;
mod order;
mod parts;
mod recurrent;
mod text;
mod training;

use faer::Mat;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases on every run, unless `PROPTEST_RNG_SEED` asks for others and `PROPTEST_CASES` for more of them. Failures
/// are printed; nothing is written.
fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        fixed => fixed,
    };
    ProptestConfig {
        rng_seed,
        failure_persistence: None,
        ..given
    }
}

/// Numbers of every kind, most of them ordinary.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -3.0..3.0f64,
        1 => Just(0.0),
        1 => prop_oneof![
            Just(-0.0),
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX),
            Just(f64::MIN_POSITIVE),
            Just(5e-324),
            Just(f64::from(f32::MAX)),
        ],
        1 => any::<f64>(),
    ]
}

/// Small sizes, and ones whose products and sums overflow.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => 0usize..5,
        1 => prop_oneof![
            Just(usize::MAX),
            Just(usize::MAX / 2),
            Just(usize::MAX / 2 + 1),
            Just(usize::MAX / 8),
            Just(1usize << 60),
            Just((1usize << 32) + 1),
        ],
    ]
}

/// A few of something, or more than any machine has room for.
fn count() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => 0usize..5,
        1 => prop_oneof![
            Just(usize::MAX),
            Just(usize::MAX / 2),
            Just(usize::MAX / 16 + 1),
            Just(1usize << 58),
        ],
    ]
}

/// A matrix of a small shape, usually (rows, columns).
fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Mat<f64>> {
    let near = |size: usize| prop_oneof![4 => Just(size), 1 => 0usize..6];
    (near(rows), near(columns)).prop_flat_map(|(rows, columns)| {
        proptest::collection::vec(number(), rows * columns)
            .prop_map(move |values| Mat::from_fn(rows, columns, |i, j| values[j * rows + i]))
    })
}

/// Whether all numbers, and so their differences, are finite.
fn is_ordinary(matrix: &Mat<f64>) -> bool {
    (matrix.col_iter()).all(|column| column.iter().all(|value| value.abs() < 1e300))
}

/// A length, usually this one.
fn length(usual: usize) -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(usual), 1 => 0usize..20]
}
