//! Initial values of parameters.

mod cell;

use lstm_kernels::Element;

pub use self::cell::{CellInit, Start};
use crate::error::{Result, require_all_finite_in, require_not_negative};
use crate::params::ParameterMut;
use crate::random::Rng;

/// A distribution to draw a parameter from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Every number the same; `Constant(0.0)` for zeros.
    Constant(f64),
    /// Uniform over [-a, a).
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation; with 1, PyTorch's start of an embedding.
    Normal(f64),
    /// Uniform over ±sqrt(6 / (rows + columns)): keeps the variance of activations and of errors from layer to layer.
    /// Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.
    Xavier,
    /// Orthonormal rows or columns, whichever are fewer: a recurrent product that keeps the length of its vector.
    /// Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear networks".
    Orthogonal,
}

impl Init {
    /// Uniform over ±1/sqrt(units): the customary start of a recurrent layer with so many units.
    pub fn by_units(units: usize) -> Self {
        Self::Uniform(1.0 / (units.max(1) as f64).sqrt())
    }

    /// Refuses numbers from which no distribution of finite numbers of the type `T` can be made.
    pub(crate) fn check<T: Element>(self) -> Result<()> {
        let (option, value, largest) = match self {
            Self::Constant(value) => ("the initial value", value, value),
            Self::Uniform(limit) => ("the limit of initial values", limit, limit),
            Self::Normal(deviation) => (
                "the standard deviation of initial values",
                deviation,
                deviation * Rng::LARGEST_NORMAL,
            ),
            Self::Xavier | Self::Orthogonal => return Ok(()),
        };
        if !matches!(self, Self::Constant(_)) {
            require_not_negative(option, value)?;
        }
        require_all_finite_in::<T>(option, value, largest)
    }

    /// Fills a parameter.
    pub fn fill<T: Element>(self, parameter: ParameterMut<'_, T>, rng: &mut Rng) {
        let ParameterMut {
            rows,
            columns,
            values,
        } = parameter;
        match self {
            Self::Constant(value) => values.fill(T::from_f64(value)),
            Self::Uniform(limit) => values.fill_with(|| T::from_f64(rng.symmetric(limit))),
            Self::Normal(deviation) => {
                values.fill_with(|| T::from_f64(rng.normal() * deviation));
            }
            Self::Xavier => {
                let limit = (6.0 / (rows + columns).max(1) as f64).sqrt();
                values.fill_with(|| T::from_f64(rng.symmetric(limit)));
            }
            Self::Orthogonal => {
                let basis = orthonormal(rows.max(columns), rows.min(columns), rng);
                for (column, values) in values.chunks_exact_mut(rows.max(1)).enumerate() {
                    for (row, value) in values.iter_mut().enumerate() {
                        *value = T::from_f64(match rows >= columns {
                            true => basis[column][row],
                            false => basis[row][column],
                        });
                    }
                }
            }
        }
    }
}

/// `count` orthonormal vectors of `len` numbers, `count <= len`, by Gram and Schmidt on normal vectors, so that every
/// orientation is equally likely.
fn orthonormal(len: usize, count: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f64> = (0..len).map(|_| rng.normal()).collect();
        // One pass loses orthogonality to rounding where the remainder is small; a second one restores it.
        for _ in 0..2 {
            for unit in &basis {
                let along = dot(&vector, unit);
                for (value, unit) in vector.iter_mut().zip(unit) {
                    *value -= along * unit;
                }
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        // A draw that lies in the span of the earlier ones is drawn again.
        if norm > 1e-6 {
            vector.iter_mut().for_each(|value| *value /= norm);
            basis.push(vector);
        }
    }
    basis
}

/// The scalar product, in eight independent sums that the compiler can keep in registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(init: Init, rows: usize, columns: usize) -> Vec<f64> {
        let mut values = vec![0.0; rows * columns];
        let parameter = ParameterMut {
            rows,
            columns,
            values: &mut values,
        };
        init.fill(parameter, &mut Rng::new(3));
        values
    }

    #[test]
    fn uniform_and_xavier_fill_their_interval() {
        // (limit, values): by_units(25) is 1/5; Xavier of 50 x 46 is sqrt(6/96) = 1/4.
        for (limit, values) in [
            (0.2, filled(Init::by_units(25), 50, 46)),
            (0.25, filled(Init::Xavier, 50, 46)),
        ] {
            let max = values
                .iter()
                .fold(0.0f64, |max, value| max.max(value.abs()));
            assert!(max <= limit);
            // All 2300 draws stay below 99 % of the limit with probability 1e-10.
            assert!(max > 0.99 * limit);
        }
        assert!(
            filled(Init::Constant(1.0), 3, 2)
                .iter()
                .all(|&value| value == 1.0)
        );
    }

    #[test]
    fn normal_has_its_deviation() {
        let values = filled(Init::Normal(0.1), 50, 46);
        let variance = values.iter().map(|value| value * value).sum::<f64>() / 2300.0;
        // Five standard errors of a normal's variance: 5 · 0.01 sqrt(2/2300).
        assert!((variance - 0.01).abs() < 0.0015, "{variance}");
    }

    #[test]
    fn orthogonal_keeps_lengths() {
        for (rows, columns) in [(7, 7), (9, 4), (4, 9), (17, 16)] {
            let values = filled(Init::Orthogonal, rows, columns);
            let at = |row: usize, column: usize| values[row + rows * column];
            let short = rows.min(columns);
            for a in 0..short {
                for b in 0..short {
                    let dot: f64 = match rows >= columns {
                        true => (0..rows).map(|k| at(k, a) * at(k, b)).sum(),
                        false => (0..columns).map(|k| at(a, k) * at(b, k)).sum(),
                    };
                    let expected = f64::from(u8::from(a == b));
                    // Sums of at most 17 products of numbers below one, rounded at 1e-16 each.
                    assert!((dot - expected).abs() < 1e-14, "{a} {b}: {dot}");
                }
            }
        }
    }
}
