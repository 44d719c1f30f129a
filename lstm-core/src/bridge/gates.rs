//! A cell's parameters as blocks of the tensors in which other libraries keep all gates together.

use faer::{Mat, MatRef};
use lstm_kernels::{Cell, CellSpec, Element};

use crate::error::{Error, Result};
use crate::layers::Layer;
use crate::params::{Name, Parameters};
use crate::recurrent::Recurrent;

/// Which tensor a parameter is a block of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The matrix that multiplies the input.
    Input,
    /// The matrix that multiplies the output of the step before.
    Recurrent,
    /// The biases of both products, added.
    Bias,
    /// The bias of the product with the input alone.
    InputBias,
    /// The bias of the recurrent product alone.
    RecurrentBias,
    /// The matrix behind the cells.
    Projection,
}

/// A parameter of a cell, its tensor, and which gate it is there.
pub(super) type Part = (&'static str, Role, usize);

/// A cell with its gates in the order of a library.
#[derive(Debug)]
pub(super) struct Form {
    /// What the library calls it.
    pub name: &'static str,
    /// The cell.
    pub cell: CellSpec,
    /// How many gates share a tensor.
    pub gates: usize,
    /// Every parameter of the cell.
    pub parts: &'static [Part],
}

/// A cell in a library, and how its tensors become a layer.
pub(super) type Make<T> = (
    &'static Form,
    fn(&Tensors<T>, &Form, Sizes) -> Result<Box<dyn Layer<T>>>,
);

/// Inputs, units and outputs of a layer in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub inputs: usize,
    pub units: usize,
    pub outputs: usize,
}

/// The tensors of one layer in one direction. Rows are those of the first gate's units, then those of the next gate's.
#[derive(Debug, Clone)]
pub(super) struct Tensors<T> {
    /// `gates * units x inputs`.
    pub input: Mat<T>,
    /// `gates * units x outputs`.
    pub recurrent: Mat<T>,
    /// `gates * units x 1`: the bias of the product with the input.
    pub input_bias: Mat<T>,
    /// `gates * units x 1`: the bias of the recurrent product.
    pub recurrent_bias: Mat<T>,
    /// `outputs x units`, or empty where the outputs are the units themselves.
    pub projection: Mat<T>,
}

impl Sizes {
    /// Those of a cell of the sizes I, N and, if it has a projection, R.
    pub fn of_cell(sizes: &[usize]) -> Self {
        let size = |index: usize| sizes.get(index).copied().unwrap_or(0);
        Self {
            inputs: size(0),
            units: size(1),
            outputs: sizes.get(2).copied().unwrap_or(size(1)),
        }
    }
}

impl Form {
    /// Whether there is a matrix behind the cells.
    pub fn has_projection(&self) -> bool {
        self.parts.iter().any(|part| part.1 == Role::Projection)
    }

    /// Which tensor the parameter `name` is a block of, and which gate of it.
    fn part(&self, name: &str) -> Result<(Role, usize)> {
        match self.parts.iter().find(|part| part.0 == name) {
            Some(&(_, role, gate)) => Ok((role, gate)),
            None => Err(Error::UnknownParameter {
                cell: self.cell.name,
                name: name.to_owned(),
                known: (self.parts.iter().map(|part| part.0).collect::<Vec<_>>()).join(", "),
            }),
        }
    }
}

impl<T: Element> Tensors<T> {
    /// Zeros for a layer.
    pub fn zeros(form: &Form, sizes: Sizes) -> Self {
        let rows = form.gates * sizes.units;
        Self {
            input: Mat::zeros(rows, sizes.inputs),
            recurrent: Mat::zeros(rows, sizes.outputs),
            input_bias: Mat::zeros(rows, 1),
            recurrent_bias: Mat::zeros(rows, 1),
            projection: match form.has_projection() {
                true => Mat::zeros(sizes.outputs, sizes.units),
                false => Mat::new(),
            },
        }
    }

    /// As [`layer`](Self::layer), without the type.
    pub fn boxed<C: Cell>(&self, form: &Form, sizes: Sizes) -> Result<Box<dyn Layer<T>>> {
        Ok(Box::new(self.layer::<C>(form, sizes)?))
    }

    /// A layer of the cell `C`, which is that of the form, with these parameters.
    pub fn layer<C: Cell>(&self, form: &Form, sizes: Sizes) -> Result<Recurrent<C, T>> {
        let sizes = [sizes.inputs, sizes.units, sizes.outputs];
        let mut layer = Recurrent::zeros(&sizes[..C::SPEC.sizes.len().min(sizes.len())])?;
        layer.visit_mut(Name::ROOT, &mut |name, parameter| {
            let (role, gate) = form.part(&name.to_string())?;
            let count = parameter.rows;
            let mut target = parameter.matrix();
            target.copy_from(self.tensor(role).subrows(gate * count, count));
            if role == Role::Bias {
                for row in 0..count {
                    let other = self.recurrent_bias[(gate * count + row, 0)];
                    // A bias that is zero leaves the other one its bits, those of a negative zero too.
                    target[(row, 0)] = match (target[(row, 0)].to_f64(), other.to_f64()) {
                        (_, 0.0) => target[(row, 0)],
                        (0.0, _) => other,
                        _ => target[(row, 0)] + other,
                    };
                }
            }
            Ok(())
        })?;
        Ok(layer)
    }

    /// Puts a parameter of the cell where it belongs. Of two biases that the cell adds, the recurrent one stays zero.
    pub fn put(&mut self, form: &Form, name: &str, parameter: MatRef<'_, T>) -> Result<()> {
        let (role, gate) = form.part(name)?;
        let count = parameter.nrows();
        let tensor = match role {
            Role::Input => &mut self.input,
            Role::Recurrent => &mut self.recurrent,
            Role::Bias | Role::InputBias => &mut self.input_bias,
            Role::RecurrentBias => &mut self.recurrent_bias,
            Role::Projection => &mut self.projection,
        };
        let mut block = tensor.as_mut().subrows_mut(gate * count, count);
        block.copy_from(parameter);
        Ok(())
    }

    /// Whether every bias is zero.
    pub fn is_unbiased(&self) -> bool {
        let mut biases = (self.input_bias.col(0).iter()).chain(self.recurrent_bias.col(0).iter());
        biases.all(|value| value.to_f64() == 0.0)
    }

    fn tensor(&self, role: Role) -> MatRef<'_, T> {
        match role {
            Role::Input => self.input.as_ref(),
            Role::Recurrent => self.recurrent.as_ref(),
            Role::Bias | Role::InputBias => self.input_bias.as_ref(),
            Role::RecurrentBias => self.recurrent_bias.as_ref(),
            Role::Projection => self.projection.as_ref(),
        }
    }
}
