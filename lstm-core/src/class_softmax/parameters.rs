//! A class softmax as its named parameters.

use lstm_kernels::Element;

use super::ClassSoftmax;
use crate::error::Result;
use crate::params::{Name, Parameter, ParameterMut, Parameters, Visit, VisitLayouts, VisitMut};

impl<T: Element> Parameters<T> for ClassSoftmax<T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        self.class.visit(name.child("class"), visit)?;
        let weight = Parameter {
            rows: self.inputs,
            columns: self.classes.words(),
            values: &self.weight,
        };
        let bias = Parameter::vector(&self.bias);
        let name = name.child("word");
        visit(name.child("weight"), weight)?;
        visit(name.child("bias"), bias)
    }

    fn visit_layouts(&self, name: Name<'_>, visit: &mut VisitLayouts<'_>) {
        visit(name, &self.classes.fingerprint());
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        self.class.visit_mut(name.child("class"), visit)?;
        let weight = ParameterMut {
            rows: self.inputs,
            columns: self.classes.words(),
            values: &mut self.weight,
        };
        let bias = ParameterMut::vector(&mut self.bias);
        let name = name.child("word");
        visit(name.child("weight"), weight)?;
        visit(name.child("bias"), bias)
    }
}
