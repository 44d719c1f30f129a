//! Initial values of parameters.

use lstm_kernels::{Element, ParamRole, ParamSpec};

use crate::error::{Error, Result, require_not_negative};
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
        // What is finite in f64 may be too large for f32.
        match T::from_f64(largest).to_f64().is_finite() {
            true => Ok(()),
            false => Err(Error::Option {
                option,
                value: value.to_string(),
                expected: "a finite number, also in the type of the parameters",
            }),
        }
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

/// What a parameter starts from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Start {
    /// Numbers drawn from a distribution.
    Drawn(Init),
    /// These numbers, again and again until the parameter is full: a value for each unit, or, in a parameter over units
    /// and the cells of a block, a value for each block that all its cells share.
    Given(Vec<f64>),
}

impl Start {
    /// Refuses what cannot fill the parameter `name` of so many numbers.
    pub(crate) fn check<T: Element>(&self, name: &str, len: usize) -> Result<()> {
        match self {
            Self::Drawn(init) => init.check::<T>(),
            Self::Given(values) => {
                values
                    .iter()
                    .try_for_each(|&value| Init::Constant(value).check::<T>())?;
                match len.checked_rem(values.len()) {
                    Some(0) => Ok(()),
                    _ => Err(Error::Shape {
                        what: "the list of initial values",
                        expected: format!("a length that divides the {len} of `{name}`"),
                        actual: format!("{} long", values.len()),
                    }),
                }
            }
        }
    }

    pub(crate) fn fill<T: Element>(&self, parameter: ParameterMut<'_, T>, rng: &mut Rng) {
        match self {
            Self::Drawn(init) => init.fill(parameter, rng),
            Self::Given(given) => {
                for (value, &given) in parameter.values.iter_mut().zip(given.iter().cycle()) {
                    *value = T::from_f64(given);
                }
            }
        }
    }
}

impl From<Init> for Start {
    fn from(init: Init) -> Self {
        Self::Drawn(init)
    }
}

impl From<Vec<f64>> for Start {
    fn from(values: Vec<f64>) -> Self {
        Self::Given(values)
    }
}

impl<const N: usize> From<[f64; N]> for Start {
    fn from(values: [f64; N]) -> Self {
        Self::Given(values.into())
    }
}

/// How to fill the parameters of a cell: by name; else as the cell says, `param γ: [N] = 1`; else by what a parameter does
/// in the equations.
///
/// ```
/// use lstm_core::init::{CellInit, Init};
/// use lstm_core::{Recurrent, Rng, cells::PeepholeLstm};
///
/// # fn main() -> Result<(), lstm_core::Error> {
/// // Three blocks whose input gates open one after the other, and forget gates that start open.
/// let init = CellInit::orthogonal()
///     .with("beta_iota", [-1.0, -3.0, -5.0])
///     .with("beta_phi", Init::Constant(1.0));
/// let mut layer = Recurrent::<PeepholeLstm, f32>::zeros(&[4, 3])?;
/// layer.initialise(&init, &mut Rng::new(1))?;
/// assert_eq!(layer.param("beta_iota")?[(1, 0)], -3.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CellInit {
    /// Matrices that multiply the input.
    pub input: Init,
    /// Matrices that multiply any other vector of the step.
    pub recurrent: Init,
    /// Biases, peepholes and scalars, if the cell does not say what they start from.
    pub vector: Init,
    /// Exceptions by name, ASCII or as in the equations.
    pub named: Vec<(String, Start)>,
}

impl CellInit {
    /// The same distribution for everything but what the cell says itself.
    pub fn all(init: Init) -> Self {
        Self {
            input: init,
            recurrent: init,
            vector: init,
            named: Vec::new(),
        }
    }

    /// Everything uniform over ±1/sqrt(units), as PyTorch starts its recurrent layers.
    pub fn by_units(units: usize) -> Self {
        Self::all(Init::by_units(units))
    }

    /// Xavier for the input, orthogonal for the recurrence, zero for all else, each matrix by itself.
    ///
    /// Keras starts its recurrent layers in this manner, but takes the gates together: its input matrices are spread over
    /// √(6 / (inputs + gates · units)) at most, its recurrent ones orthogonal as one, and the forget gate of its LSTM has a bias
    /// of 1.
    pub fn orthogonal() -> Self {
        Self {
            input: Init::Xavier,
            recurrent: Init::Orthogonal,
            vector: Init::Constant(0.0),
            named: Vec::new(),
        }
    }

    /// With an exception for the parameter `name`, an [`Init`] or a list of numbers; a later one overrides an earlier one.
    ///
    /// A forget gate that starts open lets errors through from the first step on: a bias of 1 is customary
    /// (Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015).
    pub fn with(mut self, name: impl Into<String>, start: impl Into<Start>) -> Self {
        self.named.push((name.into(), start.into()));
        self
    }

    /// For a parameter that is no exception.
    pub(crate) fn for_param(&self, param: &ParamSpec) -> Init {
        if let Some(start) = param.start {
            return Init::Constant(start);
        }
        match param.role {
            ParamRole::InputMatrix => self.input,
            ParamRole::RecurrentMatrix => self.recurrent,
            ParamRole::Vector | ParamRole::Scalar => self.vector,
        }
    }
}

#[cfg(test)]
mod tests {
    use lstm_kernels::cells::PeepholeLstm;

    use super::*;
    use crate::recurrent::Recurrent;

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
    fn given_values_repeat_and_must_divide_the_parameter() {
        let mut values = [0.0f32; 6];
        let parameter = ParameterMut {
            rows: 6,
            columns: 1,
            values: &mut values,
        };
        let start = Start::from([-1.0, -3.0, -5.0]);
        start.check::<f32>("beta", 6).unwrap();
        start.fill(parameter, &mut Rng::new(0));
        assert_eq!(values, [-1.0, -3.0, -5.0, -1.0, -3.0, -5.0]);
        assert_eq!(
            start.check::<f32>("beta", 4).unwrap_err().to_string(),
            "the list of initial values is 3 long, but a length that divides the 4 of `beta` is needed"
        );
        for wrong in [
            Start::from(vec![]),
            Start::from([f64::NAN]),
            Init::Constant(f64::INFINITY).into(),
            Init::Uniform(-1.0).into(),
            Init::Normal(f64::NAN).into(),
        ] {
            assert!(wrong.check::<f32>("beta", 4).is_err(), "{wrong:?}");
        }
        // Too large for f32 only.
        for large in [
            Start::from([1e39]),
            Init::Constant(-1e39).into(),
            Init::Uniform(1e39).into(),
            Init::Normal(1e38).into(),
        ] {
            assert!(large.check::<f32>("beta", 4).is_err(), "{large:?}");
            large.check::<f64>("beta", 4).unwrap();
        }
    }

    #[test]
    fn a_layer_is_filled_wholly_or_not_at_all() {
        let mut rng = Rng::new(1);
        let mut layer = Recurrent::<PeepholeLstm, f64>::new(&[2, 3, 2], &mut rng).unwrap();
        let before = layer.params().to_vec();
        for wrong in [
            CellInit::all(Init::Uniform(f64::NAN)),
            CellInit::orthogonal().with("beta_phi", [1.0, 2.0]),
        ] {
            assert!(layer.initialise(&wrong, &mut rng).is_err());
            assert_eq!(layer.params(), before);
        }
        let init = CellInit::by_units(3)
            .with("beta_phi", Init::Constant(9.0))
            .with("beta_phi", [1.0, 2.0, 3.0])
            .with("β_c", [4.0, 5.0, 6.0]);
        layer.initialise(&init, &mut rng).unwrap();
        let values = |name| {
            let column = layer.param(name).unwrap().col(0);
            column.iter().copied().collect::<Vec<_>>()
        };
        assert_eq!(values("beta_phi"), [1.0, 2.0, 3.0]);
        // Three blocks of two cells: the blocks are the first axis.
        assert_eq!(values("beta_c"), [4.0, 5.0, 6.0, 4.0, 5.0, 6.0]);
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
