//! A recurrent layer as its named parameters.

use lstm_kernels::{Cell, Element};

use super::{INITIAL, Recurrent};
use crate::error::Result;
use crate::params::{
    Name, Parameter, ParameterMut, Parameters, Visit, VisitCells, VisitMut, param_shape,
};

impl<C: Cell, T: Element> Parameters<T> for Recurrent<C, T> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, T>) -> Result<()> {
        for (index, param) in C::SPEC.params.iter().enumerate() {
            let (rows, columns) = param_shape(param, self.kernel.sizes());
            let parameter = Parameter {
                rows,
                columns,
                values: &self.params[self.kernel.param_range(index)],
            };
            visit(name.child(param.name), parameter)?;
        }
        let name = name.child(INITIAL);
        for (carried, range) in self.initial_ranges() {
            let parameter = Parameter::vector(&self.initial[range]);
            visit(name.child(carried), parameter)?;
        }
        Ok(())
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, T>) -> Result<()> {
        let visited = C::SPEC
            .params
            .iter()
            .enumerate()
            .try_for_each(|(index, param)| {
                let (rows, columns) = param_shape(param, self.kernel.sizes());
                let parameter = ParameterMut {
                    rows,
                    columns,
                    values: &mut self.params[self.kernel.param_range(index)],
                };
                visit(name.child(param.name), parameter)
            });
        self.repack()?;
        visited?;
        let name = name.child(INITIAL);
        let ranges: Vec<_> = self.initial_ranges().collect();
        ranges.into_iter().try_for_each(|(carried, range)| {
            let parameter = ParameterMut::vector(&mut self.initial[range]);
            visit(name.child(carried), parameter)
        })
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        visit(name, &C::SPEC, self.kernel.sizes());
    }
}
