//! What a layer reads while an error travels.

use faer::Mat;
use lstm_core::Rng;

/// Uniform noise in [-1, 1), one column a step.
pub fn noise(inputs: usize, steps: usize, rng: &mut Rng) -> Mat<f64> {
    // Column by column, so that a longer sequence begins like a shorter one.
    let mut x = Mat::zeros(inputs, steps);
    for column in x.col_iter_mut() {
        for value in column.iter_mut() {
            *value = rng.symmetric(1.0);
        }
    }
    x
}
