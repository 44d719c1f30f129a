//! Initial values of the parameters of a cell.

use lstm_kernels::{Element, ParamRole, ParamSpec};

use super::Init;
use crate::error::{Error, Result};
use crate::params::ParameterMut;
use crate::random::Rng;

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
    /// A forget gate that starts open lets errors through from the first step on: Gers, Schmidhuber & Cummins 2000 begin with
    /// biases of 0.5 to 2, block by block; 1 is customary (Jozefowicz, Zaremba & Sutskever 2015).
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
}
