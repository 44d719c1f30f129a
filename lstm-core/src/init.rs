//! Initial values of parameters.

use lstm_kernels::{Element, ParamRole};

use crate::params::ParameterMut;
use crate::random::Rng;

/// A distribution to draw a parameter from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every number the same; `Constant(0.0)` for zeros.
    Constant(f64),
    /// Uniform over [-a, a).
    Uniform(f64),
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
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
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

/// How to fill the parameters of a cell: by what a parameter does in the equations, and by name.
#[derive(Debug, Clone)]
pub struct CellInit {
    /// Matrices that multiply the input.
    pub input: Init,
    /// Matrices that multiply any other vector of the step.
    pub recurrent: Init,
    /// Biases, peepholes and scalars.
    pub vector: Init,
    /// Exceptions by name, ASCII or as in the equations, such as `("beta_phi", Init::Constant(1.0))`.
    pub named: Vec<(String, Init)>,
}

impl CellInit {
    /// The same distribution for everything.
    pub fn all(init: Init) -> Self {
        Self {
            input: init,
            recurrent: init,
            vector: init,
            named: Vec::new(),
        }
    }

    /// With an exception for the parameter `name`; a later one overrides an earlier one.
    ///
    /// A forget gate that starts open lets errors through from the first step on: a bias of 1 is customary
    /// (Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015).
    pub fn with(mut self, name: impl Into<String>, init: Init) -> Self {
        self.named.push((name.into(), init));
        self
    }

    pub(crate) fn for_role(&self, role: ParamRole) -> Init {
        match role {
            ParamRole::InputMatrix => self.input,
            ParamRole::RecurrentMatrix => self.recurrent,
            ParamRole::Vector | ParamRole::Scalar => self.vector,
        }
    }
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
    fn orthogonal_keeps_lengths() {
        for (rows, columns) in [(7, 7), (9, 4), (4, 9)] {
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
                    // Sums of at most nine products of numbers below one, rounded at 1e-16 each.
                    assert!((dot - expected).abs() < 1e-14, "{a} {b}: {dot}");
                }
            }
        }
    }
}
