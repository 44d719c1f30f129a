//! The numbers of a model, one by one.

use std::fmt;

use lstm_kernels::Element;

use crate::error::{Error, Result};
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitMut};

/// The name and the size of a parameter.
pub(super) struct Shape {
    pub name: String,
    pub rows: usize,
    pub len: usize,
}

/// A number of a parameter: the how-manieth parameter, and where in it.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub number: usize,
    pub index: usize,
    pub shape: &'a Shape,
}

impl Here<'_> {
    pub fn row_and_column(&self) -> (usize, usize) {
        let rows = self.shape.rows.max(1);
        (self.index % rows, self.index / rows)
    }
}

impl fmt::Display for Here<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (row, column) = self.row_and_column();
        write!(f, "`{}`[{row}, {column}]", self.shape.name)
    }
}

/// All parameters of a model, in their order.
pub(super) fn shapes<M: Parameters<T>, T>(model: &M) -> Result<Vec<Shape>> {
    let mut shapes = Vec::new();
    model.visit(Name::ROOT, &mut |name, parameter| {
        shapes.push(Shape {
            name: name.to_string(),
            rows: parameter.rows,
            len: parameter.values.len(),
        });
        Ok(())
    })?;
    Ok(shapes)
}

/// Reads a number of the model, and writes another in its place if there is one.
pub(super) fn replace<M: Parameters<T>, T: Element>(
    model: &mut M,
    here: Here<'_>,
    by: Option<T>,
) -> Result<T> {
    let (mut number, mut found) = (0, None);
    match by {
        // A read must not make the model derive anything anew.
        None => model.visit(Name::ROOT, &mut |_, parameter| {
            if number == here.number {
                found = parameter.values.get(here.index).copied();
            }
            number += 1;
            Ok(())
        })?,
        Some(value) => model.visit_mut(Name::ROOT, &mut |_, parameter| {
            if let (true, Some(place)) =
                (number == here.number, parameter.values.get_mut(here.index))
            {
                found = Some(std::mem::replace(place, value));
            }
            number += 1;
            Ok(())
        })?,
    }
    // A model that shows other parameters from one visit to the next breaks the contract of `Parameters`.
    found.ok_or_else(|| Error::Shape {
        what: "a parameter of the model",
        expected: format!("{here} at every visit"),
        actual: "gone".to_owned(),
    })
}

/// A matrix seen as a model of one parameter.
pub(super) struct Matrix<'a, T> {
    pub name: &'a str,
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<T>,
}

impl<T> Parameters<T> for Matrix<'_, T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        let parameter = Parameter {
            rows: self.rows,
            columns: self.columns,
            values: &self.values,
        };
        visit(name.child(self.name), parameter)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        let parameter = ParameterMut {
            rows: self.rows,
            columns: self.columns,
            values: &mut self.values,
        };
        visit(name.child(self.name), parameter)
    }
}
