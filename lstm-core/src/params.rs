//! Parameters by name: how optimisers, clipping and files see a model of any build.
//!
//! A model owns its parameters. Whoever wants to go through them implements a closure, not a container: the model
//! *visits* each parameter, in a fixed order, with its dotted name. A gradient is one flat slice in that same
//! order, so that it can be cleared, summed over threads and measured as the one long vector it is.

use std::fmt;
use std::ops::Range;

use faer::{MatMut, MatRef};
use lstm_kernels::{CellSpec, Element, ParamSpec, SizeSpec, prefer_large_pages};

use crate::error::{Error, Result, require_len};
pub use crate::parts::split_gradient;

/// The dotted name of a parameter, such as `recurrent.w_iota`, as a chain of parts: building one allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    parent: Option<&'a Name<'a>>,
    part: &'a str,
}

impl<'a> Name<'a> {
    /// The empty name, from which a model's names start.
    pub const ROOT: Name<'static> = Name {
        parent: None,
        part: "",
    };

    /// This name with one more part.
    pub fn child(&'a self, part: &'a str) -> Name<'a> {
        Name {
            parent: (!self.is_root()).then_some(self),
            part,
        }
    }

    fn is_root(&self) -> bool {
        self.parent.is_none() && self.part.is_empty()
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.part)
    }
}

/// A parameter to be read: a matrix of `rows` x `columns`, stored column by column.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a, T> {
    /// The rows; the length of a vector.
    pub rows: usize,
    /// The columns; 1 for a vector.
    pub columns: usize,
    /// The numbers, first axis fastest.
    pub values: &'a [T],
}

impl<'a, T> Parameter<'a, T> {
    /// A vector.
    pub fn vector(values: &'a [T]) -> Self {
        Self {
            rows: values.len(),
            columns: 1,
            values,
        }
    }

    /// The parameter as a matrix.
    pub fn matrix(self) -> MatRef<'a, T> {
        MatRef::from_column_major_slice(self.values, self.rows, self.columns)
    }
}

/// A parameter to be changed.
#[derive(Debug)]
pub struct ParameterMut<'a, T> {
    /// The rows; the length of a vector.
    pub rows: usize,
    /// The columns; 1 for a vector.
    pub columns: usize,
    /// The numbers, first axis fastest.
    pub values: &'a mut [T],
}

impl<'a, T> ParameterMut<'a, T> {
    /// A vector.
    pub fn vector(values: &'a mut [T]) -> Self {
        Self {
            rows: values.len(),
            columns: 1,
            values,
        }
    }

    /// The parameter as a matrix.
    pub fn matrix(self) -> MatMut<'a, T> {
        MatMut::from_column_major_slice_mut(self.values, self.rows, self.columns)
    }
}

/// What [`Parameters::visit`] calls for each parameter.
pub type Visit<'v, T> = dyn FnMut(Name<'_>, Parameter<'_, T>) -> Result<()> + 'v;

/// What [`Parameters::visit_mut`] calls for each parameter.
pub type VisitMut<'v, T> = dyn FnMut(Name<'_>, ParameterMut<'_, T>) -> Result<()> + 'v;

/// What [`Parameters::visit_cells`] calls for each cell, with its sizes in the order of its declaration.
pub type VisitCells<'v> = dyn FnMut(Name<'_>, &'static CellSpec, &[usize]) + 'v;

/// What [`Parameters::visit_layouts`] calls for each part whose numbers lie in an order of its own, with what that order is.
pub type VisitLayouts<'v> = dyn FnMut(Name<'_>, &str) + 'v;

/// A model or a part of one, seen as its named parameters.
///
/// Both visits go through the same parameters in the same order under the same names. Whatever a part derives from
/// its parameters, such as packed weights, is up to date again when `visit_mut` returns, even with an error.
pub trait Parameters<T> {
    /// Calls `visit` for every parameter, with names that start with `name`.
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()>;

    /// Calls `visit` for every parameter, which it may change.
    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()>;

    /// Calls `visit` for every cell, with the name that its layer's parameters start with.
    ///
    /// Files say what cells they were written for, so that parameters are never loaded into a cell of other equations.
    /// Whatever has parts forwards this to each of them, as it does with `visit`; what has no cells needs nothing.
    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        let _ = (name, visit);
    }

    /// Calls `visit` for every part in whose parameters the order of the numbers says more than their shapes do, such as which
    /// words make up a class, with the name that its parameters start with and a text that no other order has.
    ///
    /// Files say it, too, so that parameters are never loaded into a part of the same shapes in which they mean something
    /// else. Whatever has parts forwards this to each of them, as it does with `visit`; what has no such order needs nothing.
    fn visit_layouts(&self, name: Name<'_>, visit: &mut VisitLayouts<'_>) {
        let _ = (name, visit);
    }

    /// How many numbers all parameters have together: the length of a gradient.
    fn params_len(&self) -> usize {
        let mut len = 0;
        let counted = self.visit(Name::ROOT, &mut |_, parameter| {
            len += parameter.values.len();
            Ok(())
        });
        debug_assert!(counted.is_ok(), "counting cannot fail");
        len
    }
}

/// Visits every parameter of `model` together with its range in a gradient of `gradient_len` numbers.
pub(crate) fn visit_ranges<T>(
    model: &mut dyn Parameters<T>,
    gradient_len: usize,
    visit: &mut dyn FnMut(Range<usize>, ParameterMut<'_, T>),
) -> Result<()> {
    require_len("the gradient", model.params_len(), gradient_len)?;
    let mut start = 0;
    model.visit_mut(Name::ROOT, &mut |_, parameter| {
        let end = start + parameter.values.len();
        visit(start..end, parameter);
        start = end;
        Ok(())
    })
}

/// A gradient of zeros for a model, to be added to. Where it is large, it lies on large pages if the system has any, which
/// makes steps of a large model a few hundredths faster than with a vector made by other means.
///
/// # Errors
/// No memory for so many numbers.
///
/// ```
/// use lstm_core::params::{Parameters, zero_gradient};
/// use lstm_core::init::Init;
/// use lstm_core::{Linear, Rng};
///
/// # fn main() -> lstm_core::Result<()> {
/// let net = Linear::<f32>::new(2, 3, Init::Xavier, &mut Rng::new(1))?;
/// assert_eq!(zero_gradient(&net)?, vec![0.0; net.params_len()]);
/// # Ok(())
/// # }
/// ```
pub fn zero_gradient<T: Element, M: Parameters<T> + ?Sized>(model: &M) -> Result<Vec<T>> {
    zeros("the gradient", model.params_len(), 1)
}

/// Zeros for a matrix, or an error that says `what` would be too large for memory.
pub(crate) fn zeros<T: Element>(what: &'static str, rows: usize, columns: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    match rows.checked_mul(columns) {
        Some(len) if values.try_reserve_exact(len).is_ok() => {
            prefer_large_pages(values.spare_capacity_mut());
            values.resize(len, T::from_f64(0.0));
            Ok(values)
        }
        _ => Err(Error::Option {
            option: what,
            value: format!("{rows} x {columns}"),
            expected: "small enough for this machine's memory",
        }),
    }
}

/// The sizes of a cell, with the defaults of trailing ones that are not given. Whether a cell can be built with them is
/// for the kernels to say.
pub(crate) fn complete_sizes(spec: &CellSpec, given: &[usize]) -> Result<Vec<usize>> {
    let defaults = spec.sizes.iter().skip(given.len()).map(|size| size.default);
    let completed = given.iter().copied().map(Some).chain(defaults);
    match completed.collect::<Option<Vec<usize>>>() {
        Some(sizes) if sizes.len() == spec.sizes.len() => Ok(sizes),
        _ => {
            let names = |sizes: &[SizeSpec]| {
                let names: Vec<_> = sizes.iter().map(|size| size.name).collect();
                names.join(", ")
            };
            let all = names(spec.sizes);
            let reason = match spec.sizes.get(given.len()..) {
                Some(left) if !left.is_empty() => {
                    let needed: Vec<_> = (left.iter().copied())
                        .filter(|size| size.default.is_none())
                        .collect();
                    format!(
                        "its sizes are {all}, and none is given for {}",
                        names(&needed)
                    )
                }
                _ => format!("its sizes are {all}, and {} are given", given.len()),
            };
            Err(Error::Sizes {
                cell: spec.name,
                sizes: format!("{given:?}"),
                reason,
            })
        }
    }
}

/// How many numbers the parameters of a cell with these sizes have; `None` beyond what can be counted.
pub(crate) fn checked_params_len(spec: &CellSpec, sizes: &[usize]) -> Option<usize> {
    spec.params.iter().try_fold(0usize, |sum, param| {
        let len = param
            .axes
            .iter()
            .try_fold(1usize, |len, &axis| len.checked_mul(sizes[axis]))?;
        sum.checked_add(len)
    })
}

/// Rows and columns of a parameter as a matrix.
pub(crate) fn param_shape(param: &ParamSpec, sizes: &[usize]) -> (usize, usize) {
    let len = |axes: &[usize]| axes.iter().map(|&axis| sizes[axis]).product();
    (
        len(&param.axes[..param.row_axes]),
        len(&param.axes[param.row_axes..]),
    )
}

#[cfg(test)]
mod tests {
    use lstm_kernels::{Cell, cells::PeepholeLstm};

    use super::*;

    #[test]
    fn names_are_joined_by_dots() {
        let recurrent = Name::ROOT.child("recurrent");
        assert_eq!(recurrent.child("w_iota").to_string(), "recurrent.w_iota");
        assert_eq!(Name::ROOT.child("weight").to_string(), "weight");
    }

    #[test]
    fn sizes_are_completed_by_defaults_or_refused() {
        let spec = &PeepholeLstm::SPEC;
        assert_eq!(complete_sizes(spec, &[3, 5]).unwrap(), [3, 5, 1]);
        assert_eq!(complete_sizes(spec, &[3, 5, 2]).unwrap(), [3, 5, 2]);
        let wrong: [(&[usize], &str); 3] = [
            (&[], "its sizes are I, N, C, and none is given for I, N"),
            (&[3], "its sizes are I, N, C, and none is given for N"),
            (&[3, 5, 2, 2], "its sizes are I, N, C, and 4 are given"),
        ];
        for (sizes, words) in wrong {
            let message = complete_sizes(spec, sizes).unwrap_err().to_string();
            assert!(message.ends_with(words), "{message}");
        }
    }

    #[test]
    fn parameters_beyond_counting_are_not_counted() {
        assert!(checked_params_len(&PeepholeLstm::SPEC, &[3, 5, 1]).is_some_and(|len| len > 40));
        assert_eq!(
            checked_params_len(&PeepholeLstm::SPEC, &[3, usize::MAX / 2, 2]),
            None
        );
    }
}
