//! What happens inside a layer: every named quantity of its cell, for every step.

mod interpreter;
mod observed;
#[cfg(test)]
mod tests;

use faer::{Mat, MatRef};
use lstm_kernels::{Cell, Element, KernelError, State};

pub use observed::{Observed, Quantities};

use crate::columns::column_major;
use crate::error::{Error, Result, require_shape};
use crate::recurrent::Recurrent;
use interpreter::{Interpreter, Values};

impl<C: Cell, T: Element> Recurrent<C, T> {
    /// Runs the layer over a sequence and returns named quantities of its cell (gates, net inputs, states) for every
    /// step: those that `quantities` names, by symbol (`a_ι`) or in ASCII (`a_iota`), or
    /// [all of them](Quantities::All).
    ///
    /// `x` is `input_len x (steps * batch)`; `state` is the one before the first step and becomes the one after the last, as in
    /// [`seq`](Self::seq). Carried quantities and the output are those of [`step`](Self::step), to the bit. The others, which
    /// kernels do not keep, are computed in f64 from the equations, from the states that the kernels carried, and rounded once.
    ///
    /// It is made for looking, not for speed: a step takes several times as long as one of [`seq`](Self::seq).
    ///
    /// The gates of an LSTM over a sequence:
    ///
    /// ```
    /// use faer::Mat;
    /// use lstm_core::{Recurrent, Rng, cells::Lstm};
    ///
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// let (inputs, units, steps, batch) = (3, 8, 20, 4);
    /// let mut layer = Recurrent::<Lstm, f32>::new(&[inputs, units], &mut Rng::new(1))?;
    /// layer.edit_param("β_f", |mut bias| bias.fill(4.0))?;
    ///
    /// let x = Mat::from_fn(inputs, steps * batch, |i, j| ((7 * i + 3 * j) as f32).sin());
    /// let mut state = layer.zero_state(batch)?;
    /// let observed = layer.observe(x.as_ref(), &mut state, &["i", "f", "o", "c"])?;
    ///
    /// // One column per step and sample, as everywhere.
    /// let forget = observed.get("f")?;
    /// assert_eq!(forget.shape(), (units, steps * batch));
    /// let (unit, step, sample) = (5, 19, 2);
    /// assert!(forget[(unit, step * batch + sample)] > 0.9, "a bias of 4 keeps forget gates open");
    ///
    /// // The same for one step: a column per sample.
    /// let last = observed.step("c", steps - 1)?;
    /// assert_eq!(last, state.get(0), "the last cell state is the one that is carried on");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Shapes that do not fit; a name that no quantity has. The state is unchanged then.
    pub fn observe<'a>(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        quantities: impl Into<Quantities<'a>>,
    ) -> Result<Observed<T>> {
        let (steps, batch) = self.check_observed("the input of `Recurrent::observe`", x, state)?;
        let mut observed =
            Observed::new::<C>(self.kernel().sizes(), quantities.into(), steps, batch)?;
        let (carried, output) = (carried::<C>(), output::<C>());
        let mut given = carried.clone();
        given.push(output);
        let interpreter = self.interpreter(observed.quantities(), &given);

        let mut y = Mat::zeros(self.output_len(), batch);
        let mut workspace = self.workspace(batch)?;
        let (mut before, mut now) = (self.carried_values(state), no_values::<C>());
        for step in 0..steps {
            let x = x.subcols(step * batch, batch);
            self.step(x, state, y.as_mut(), &mut workspace)?;
            let after = self.carried_values(state);
            now.clone_from(&after);
            now[output] = Some(wide(y.as_ref()));
            interpreter.step(&wide(x), batch, &before, &mut now);
            observed.record(step, &now);
            before = after;
        }
        Ok(observed)
    }

    /// The same from the equations alone, in f64 throughout and without the kernels: an independent check of them.
    ///
    /// Carried states go from step to step in f64; results, and the final state, are rounded to `T` once.
    ///
    /// # Errors
    /// As [`observe`](Self::observe).
    pub fn interpret<'a>(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        quantities: impl Into<Quantities<'a>>,
    ) -> Result<Observed<T>> {
        let (steps, batch) =
            self.check_observed("the input of `Recurrent::interpret`", x, state)?;
        let mut observed =
            Observed::new::<C>(self.kernel().sizes(), quantities.into(), steps, batch)?;
        let carried = carried::<C>();
        let wanted: Vec<_> = observed
            .quantities()
            .iter()
            .chain(&carried)
            .copied()
            .collect();
        let interpreter = self.interpreter(&wanted, &[]);
        let mut before = self.carried_values(state);
        for step in 0..steps {
            let mut now = no_values::<C>();
            let x = wide(x.subcols(step * batch, batch));
            interpreter.step(&x, batch, &before, &mut now);
            observed.record(step, &now);
            before = now;
        }
        for (index, &quantity) in carried.iter().enumerate() {
            let mut to = state.get_mut(index);
            let rows = to.nrows();
            for (place, &value) in before[quantity].iter().flatten().enumerate() {
                to[(place % rows, place / rows)] = T::from_f64(value);
            }
        }
        Ok(observed)
    }

    fn interpreter(&self, wanted: &[usize], given: &[usize]) -> Interpreter {
        let param = |index| {
            let values = &self.params()[self.kernel().param_range(index)];
            values.iter().map(|value| value.to_f64()).collect()
        };
        Interpreter::new(C::SPEC, self.kernel().sizes(), wanted, given, param)
    }

    /// Steps and samples of a sequence that fits.
    fn check_observed(
        &self,
        what: &'static str,
        x: MatRef<'_, T>,
        state: &State<T>,
    ) -> Result<(usize, usize)> {
        let (batch, columns) = (state.batch(), x.ncols());
        require_shape(what, (self.input_len(), columns), x.shape())?;
        if (batch == 0 && columns > 0) || (batch > 0 && columns % batch != 0) {
            return Err(KernelError::RaggedColumns { columns, batch }.into());
        }
        let expected = self.zero_state(0)?;
        if state.len() != expected.len() {
            return Err(Error::Shape {
                what: "the state of an observed layer",
                expected: format!("{} carried quantities", expected.len()),
                actual: format!("{} carried quantities", state.len()),
            });
        }
        for index in 0..state.len() {
            let rows = expected.get(index).nrows();
            let what = "a carried state of an observed layer";
            require_shape(what, (rows, batch), state.get(index).shape())?;
        }
        Ok((columns.checked_div(batch).unwrap_or(0), batch))
    }

    /// What the state holds, by quantity.
    fn carried_values(&self, state: &State<T>) -> Values {
        let mut values = no_values::<C>();
        for (index, quantity) in carried::<C>().into_iter().enumerate() {
            values[quantity] = Some(wide(state.get(index)));
        }
        values
    }
}

/// The quantities that are carried, in the order of a state.
fn carried<C: Cell>() -> Vec<usize> {
    let carried = C::SPEC.carried.iter();
    carried.map(|vector| quantity::<C>(vector.symbol)).collect()
}

/// The quantity that is the output.
fn output<C: Cell>() -> usize {
    quantity::<C>(C::SPEC.output.symbol)
}

fn quantity<C: Cell>(symbol: &str) -> usize {
    let mut quantities = C::SPEC.quantities.iter();
    let index = quantities.position(|quantity| quantity.symbol == symbol);
    index.expect("states and the output are quantities of the cell")
}

fn no_values<C: Cell>() -> Values {
    vec![None; C::SPEC.quantities.len()]
}

/// The values of a matrix in f64, column after column.
fn wide<T: Element>(matrix: MatRef<'_, T>) -> Vec<f64> {
    let values = column_major(matrix);
    values.into_iter().map(Element::to_f64).collect()
}
