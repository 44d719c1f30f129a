//! A recurrent layer: a cell with parameters of its own.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use faer::{MatMut, MatRef};
use lstm_kernels::{Cell, Element, Kernel, Packed, State, Tape, Threads, Workspace};

use crate::error::{Error, Result, require_shape};
use crate::init::{CellInit, Init, Start};
use crate::io::{self, ModelFile};
use crate::params::{
    Name, Parameter, ParameterMut, Parameters, Visit, VisitCells, VisitMut, complete_sizes,
    param_shape,
};
use crate::random::Rng;

/// The name below which trained initial states stand.
const INITIAL: &str = "initial";

/// A layer of the cell `C`: its kernels for given sizes, and its parameters.
///
/// A sequence is a matrix with one column per (step, sample): column `t * batch + b`, features down the column.
/// The layer holds no state: [`zero_state`](Self::zero_state) makes one, and whoever calls keeps it.
///
/// Weights are packed for the kernels whenever they change, so a shared reference always computes with the current
/// ones, and any number of threads may use one layer at a time.
#[derive(Clone)]
pub struct Recurrent<C: Cell, T: Element> {
    kernel: Kernel<C, T>,
    params: Vec<T>,
    packed: Packed<T>,
    /// The trained initial state, one carried quantity after the other; empty if sequences begin at zero.
    initial: Vec<T>,
    recompute: Recompute,
}

/// Whether training keeps everything of a sequence for the way back, or less, to compute the rest once more.
///
/// It matters to the verbs of [`Layer`](crate::layers::Layer). Computing a sequence once more takes about a third more
/// time; gradients stay the same to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Recompute {
    /// Everything is kept: the fastest.
    #[default]
    Never,
    /// The state is kept at every so many steps; memory grows with that number and with the number of segments.
    Every(usize),
    /// The same with segments as long as the square root of the sequence, so that memory grows with that root.
    Root,
}

impl<C: Cell, T: Element> Recurrent<C, T> {
    /// A layer with the customary start: everything uniform over ±1/sqrt(output length).
    ///
    /// `sizes` are the cell's sizes in the order of its declaration; trailing ones that have a default may be left out.
    ///
    /// # Errors
    /// Sizes that are missing, zero, too many or too large.
    pub fn new(sizes: &[usize], rng: &mut Rng) -> Result<Self> {
        let mut layer = Self::zeros(sizes)?;
        let init = Init::by_units(layer.kernel.output_len());
        layer.initialise(&CellInit::all(init), rng)?;
        Ok(layer)
    }

    /// A layer whose parameters are all zero, to be filled by name or from a file.
    ///
    /// # Errors
    /// As [`Recurrent::new`].
    pub fn zeros(sizes: &[usize]) -> Result<Self> {
        Self::with_kernel(Kernel::new(&complete_sizes(&C::SPEC, sizes)?)?)
    }

    /// A layer of zeros around kernels that were made with options of their own, such as a SIMD width.
    ///
    /// # Errors
    /// Sizes that are too large.
    pub fn with_kernel(kernel: Kernel<C, T>) -> Result<Self> {
        let mut params = Vec::new();
        if params.try_reserve_exact(kernel.params_len()).is_err() {
            return Err(Error::Sizes {
                cell: C::SPEC.name,
                sizes: format!("{:?}", kernel.sizes()),
                reason: format!("there is no memory for {} parameters", kernel.params_len()),
            });
        }
        params.resize(kernel.params_len(), T::from_f64(0.0));
        let packed = kernel.pack(&params)?;
        Ok(Self {
            kernel,
            params,
            packed,
            initial: Vec::new(),
            recompute: Recompute::Never,
        })
    }

    /// With an initial state that is trained: parameters named `initial.` and a carried quantity, zeros to begin with.
    ///
    /// Samples begin there wherever a [`Batch`](crate::layers::Batch) says that they begin anew, and where
    /// [`Layer::initial_state`](crate::layers::Layer::initial_state) is the state of a call; only the former adds to the
    /// gradient. The verbs of this type itself take the state as it is given.
    pub fn with_trained_state(mut self) -> Self {
        self.initial = vec![T::from_f64(0.0); self.state_len()];
        self
    }

    /// Chooses what training keeps for the way back.
    pub fn set_recompute(&mut self, recompute: Recompute) {
        self.recompute = recompute;
    }

    /// Fills all parameters anew.
    ///
    /// # Errors
    /// A name in `init` that no parameter has; numbers from which nothing can be drawn; a list of values whose length does
    /// not fit. Nothing is changed then.
    pub fn initialise(&mut self, init: &CellInit, rng: &mut Rng) -> Result<()> {
        let params = C::SPEC.params;
        let by_role = params.iter().map(|param| init.for_role(param.role).into());
        let mut starts: Vec<Start> = by_role.collect();
        for (name, exception) in &init.named {
            starts[Self::index(name)?] = exception.clone();
        }
        for (index, start) in starts.iter().enumerate() {
            start.check(params[index].name, self.kernel.param_range(index).len())?;
        }
        let mut starts = starts.iter();
        self.visit_mut(Name::ROOT, &mut |_, parameter| {
            if let Some(start) = starts.next() {
                start.fill(parameter, rng);
            }
            Ok(())
        })
    }

    /// Lets calls share their work among threads; results stay the same to the bit. Workspaces and tapes made from now
    /// on have room for them.
    pub fn set_threads(&mut self, threads: &Threads) {
        self.kernel = self.kernel.clone().with_threads(threads);
    }

    /// The kernels of this layer: its sizes, its SIMD width, and the calls beneath the verbs.
    pub fn kernel(&self) -> &Kernel<C, T> {
        &self.kernel
    }

    /// Features of the input.
    pub fn input_len(&self) -> usize {
        self.kernel.input_len()
    }

    /// Features of the output.
    pub fn output_len(&self) -> usize {
        self.kernel.output_len()
    }

    /// All parameters as one slice, in order of declaration, each first axis fastest.
    pub fn params(&self) -> &[T] {
        &self.params
    }

    /// The parameter `name`, ASCII (`w_iota`) or as in the equations (`W_ι`), as a matrix.
    ///
    /// # Errors
    /// A name that no parameter has.
    pub fn param(&self, name: &str) -> Result<MatRef<'_, T>> {
        let index = Self::index(name)?;
        let (rows, columns) = self.kernel.param_shape(index);
        let values = &self.params[self.kernel.param_range(index)];
        Ok(MatRef::from_column_major_slice(values, rows, columns))
    }

    /// Changes the parameter `name` through `edit`.
    ///
    /// # Errors
    /// A name that no parameter has.
    pub fn edit_param(&mut self, name: &str, edit: impl FnOnce(MatMut<'_, T>)) -> Result<()> {
        let index = Self::index(name)?;
        let (rows, columns) = self.kernel.param_shape(index);
        let values = &mut self.params[self.kernel.param_range(index)];
        edit(MatMut::from_column_major_slice_mut(values, rows, columns));
        self.repack()
    }

    /// Which of a state's matrices is the carried quantity `name`, spelled as in the equations or in ASCII: the index for
    /// [`State::get`].
    ///
    /// ```
    /// use lstm_core::{Recurrent, Rng, cells::Lstm};
    ///
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// let layer = Recurrent::<Lstm, f32>::new(&[3, 8], &mut Rng::new(1))?;
    /// let state = layer.zero_state(2);
    /// assert_eq!(state.get(Recurrent::<Lstm, f32>::carried("h")?).shape(), (8, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A name that is not carried.
    pub fn carried(name: &str) -> Result<usize> {
        let carried = C::SPEC.carried;
        (carried.iter())
            .position(|carried| carried.symbol == name || carried.name == name)
            .ok_or_else(|| Error::UnknownCarried {
                cell: C::SPEC.name,
                name: name.to_owned(),
                known: carried
                    .iter()
                    .map(|carried| carried.symbol)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// The state before the first step of `batch` sequences: zeros.
    pub fn zero_state(&self, batch: usize) -> State<T> {
        self.kernel.zero_state(batch)
    }

    /// Room for [`step`](Self::step) and [`seq`](Self::seq) with `batch` sequences, to be used again and again.
    pub fn workspace(&self, batch: usize) -> Workspace<T> {
        self.kernel.workspace(batch)
    }

    /// Room for what [`forward`](Self::forward) keeps of up to `steps` steps of `batch` sequences.
    pub fn tape(&self, steps: usize, batch: usize) -> Tape<T> {
        self.kernel.tape(steps, batch)
    }

    /// One step: `x` is `input_len x batch`, `y` is `output_len x batch`, `state` moves on. Allocates nothing.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn step(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        let one_step = (self.input_len(), state.batch());
        require_shape("the input of `Recurrent::step`", one_step, x.shape())?;
        self.seq(x, state, y, workspace)
    }

    /// A sequence without a tape: `x` is `input_len x (steps * batch)`, `y` is `output_len x (steps * batch)`, `state`
    /// is the one before the first step and becomes the one after the last. Allocates nothing.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn seq(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        Ok(self.kernel.infer(&self.packed, x, state, y, workspace)?)
    }

    /// A sequence with a tape, for training; otherwise as [`seq`](Self::seq).
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(
        &self,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        tape: &mut Tape<T>,
    ) -> Result<()> {
        Ok(self.kernel.forward(&self.packed, x, state, y, tape)?)
    }

    /// Back through the sequence that [`forward`](Self::forward) put on `tape`.
    ///
    /// `dy` is the gradient of the loss with respect to `y`. `dstate` is the one with respect to the final state
    /// (zeros if the loss does not see it) and becomes the one with respect to the initial state. The gradient of the
    /// parameters is added to `gradient`, laid out like [`params`](Self::params). `dx`, if asked for, is overwritten.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn backward(
        &self,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        dstate: &mut State<T>,
        tape: &mut Tape<T>,
        gradient: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let packed = &self.packed;
        Ok(self
            .kernel
            .backward(packed, x, dy, dstate, tape, gradient, dx)?)
    }

    /// Writes the layer to a file of its own; see [`io`].
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        io::save(path, self, io::describe_cell::<C, T>(self.kernel.sizes()))
    }

    /// Reads a layer from a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or holds another cell or element type.
    pub fn load(path: &Path) -> Result<Self> {
        let file = ModelFile::open(path)?;
        let mut layer = Self::zeros(&file.require_cell::<C, T>()?)?;
        if let Some(carried) = C::SPEC.carried.first()
            && file.shape(&format!("{INITIAL}.{}", carried.name)).is_ok()
        {
            layer = layer.with_trained_state();
        }
        file.load_into(&mut layer)?;
        Ok(layer)
    }

    /// The weights as the kernels take them.
    pub(crate) fn packed(&self) -> &Packed<T> {
        &self.packed
    }

    /// How many steps training keeps the tape of; nothing if of all.
    pub(crate) fn segment_len(&self, steps: usize) -> Option<usize> {
        match self.recompute {
            Recompute::Never => None,
            Recompute::Every(steps) => Some(steps.max(1)),
            Recompute::Root => Some(steps.isqrt().max(1)),
        }
    }

    /// Numbers of a sample's state.
    fn state_len(&self) -> usize {
        let carried = 0..C::SPEC.carried.len();
        carried.map(|index| self.kernel.carried_len(index)).sum()
    }

    /// A sample's state becomes the initial one.
    pub(crate) fn begin_anew(&self, sample: usize, state: &mut State<T>) {
        let mut initial = self.initial.iter().copied();
        for index in 0..state.len() {
            let column = state.get_mut(index).col_mut(sample);
            (column.iter_mut()).for_each(|value| *value = initial.next().unwrap_or_default());
        }
    }

    /// The gradient of a sample's state belongs to the initial one: it is added there, and goes back no further.
    pub(crate) fn end_at_initial_state(
        &self,
        sample: usize,
        dstate: &mut State<T>,
        gradient: &mut [T],
    ) {
        let mut gradient = gradient.iter_mut();
        for index in 0..dstate.len() {
            for value in dstate.get_mut(index).col_mut(sample).iter_mut() {
                if let Some(gradient) = gradient.next() {
                    *gradient += *value;
                }
                *value = T::default();
            }
        }
    }

    /// The trained initial values: name, and where they lie among all of them.
    fn initial_ranges(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let count = match self.initial.is_empty() {
            true => 0,
            false => C::SPEC.carried.len(),
        };
        let mut start = 0;
        (0..count).map(move |index| {
            let range = start..start + self.kernel.carried_len(index);
            start = range.end;
            (C::SPEC.carried[index].name, range)
        })
    }

    fn index(name: &str) -> Result<usize> {
        let params = C::SPEC.params;
        params
            .iter()
            .position(|param| param.name == name || param.symbol == name)
            .ok_or_else(|| Error::UnknownParameter {
                cell: C::SPEC.name,
                name: name.to_owned(),
                known: params
                    .iter()
                    .map(|param| param.name)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    fn repack(&mut self) -> Result<()> {
        Ok(self.kernel.repack(&self.params, &mut self.packed)?)
    }
}

impl<C: Cell, T: Element> fmt::Debug for Recurrent<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recurrent<{}>({:?})", C::SPEC.name, self.kernel.sizes())
    }
}

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
            let parameter = Parameter {
                rows: range.len(),
                columns: 1,
                values: &self.initial[range],
            };
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
            let parameter = ParameterMut {
                rows: range.len(),
                columns: 1,
                values: &mut self.initial[range],
            };
            visit(name.child(carried), parameter)
        })
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        visit(name, &C::SPEC, self.kernel.sizes());
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;
    use lstm_kernels::Width;
    use lstm_kernels::cells::PeepholeLstm;

    use super::*;

    fn layer() -> Recurrent<PeepholeLstm, f64> {
        Recurrent::new(&[3, 4], &mut Rng::new(1)).unwrap()
    }

    /// The outputs for a fixed sequence of 5 steps of 2 samples.
    fn outputs(layer: &Recurrent<PeepholeLstm, f64>) -> Mat<f64> {
        let x = Mat::from_fn(3, 10, |i, j| ((3 * i + 7 * j) as f64).sin());
        let mut y = Mat::zeros(4, 10);
        let (mut state, mut workspace) = (layer.zero_state(2), layer.workspace(2));
        layer
            .seq(x.as_ref(), &mut state, y.as_mut(), &mut workspace)
            .unwrap();
        y
    }

    #[test]
    fn a_layer_keeps_its_kernel() {
        let kernel = Kernel::with_width(&[3, 4, 1], Width::Scalar).unwrap();
        let layer = Recurrent::<PeepholeLstm, f64>::with_kernel(kernel).unwrap();
        assert_eq!(layer.kernel().width(), Width::Scalar);
        assert!(layer.params().iter().all(|&value| value == 0.0));
    }

    #[test]
    fn steps_give_what_the_sequence_gives() {
        let layer = layer();
        let x = Mat::from_fn(3, 10, |i, j| ((3 * i + 7 * j) as f64).sin());
        let expected = outputs(&layer);
        let (mut state, mut workspace) = (layer.zero_state(2), layer.workspace(2));
        let mut y = Mat::zeros(4, 2);
        for t in 0..5 {
            let x = x.as_ref().subcols(2 * t, 2);
            layer
                .step(x, &mut state, y.as_mut(), &mut workspace)
                .unwrap();
            // The input's product may be summed in another order when all steps are taken at once.
            assert!((&y - expected.as_ref().subcols(2 * t, 2)).norm_max() < 1e-14);
        }
    }

    #[test]
    fn a_change_of_parameters_is_seen_at_once() {
        let mut layer = layer();
        let before = outputs(&layer);
        layer.edit_param("β_φ", |mut bias| bias.fill(3.0)).unwrap();
        assert_eq!(layer.param("beta_phi").unwrap()[(2, 0)], 3.0);
        assert!((outputs(&layer) - before).norm_max() > 1e-3);
    }

    #[test]
    fn equal_seeds_give_equal_layers_and_names_select() {
        assert_eq!(layer().params(), layer().params());
        let mut layer = layer();
        let init = CellInit::all(Init::Xavier).with("beta_phi", Init::Constant(1.0));
        layer.initialise(&init, &mut Rng::new(2)).unwrap();
        assert_eq!(layer.param("β_φ").unwrap()[(3, 0)], 1.0);
        let unknown = CellInit::all(Init::Xavier).with("beta_forget", Init::Constant(1.0));
        let message = layer
            .initialise(&unknown, &mut Rng::new(2))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("no parameter `beta_forget`") && message.contains("beta_phi"),
            "{message}"
        );
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let layer = layer();
        let (mut state, mut workspace) = (layer.zero_state(2), layer.workspace(2));
        let mut y = Mat::zeros(4, 2);
        for (rows, columns) in [(2, 2), (3, 1), (3, 4)] {
            let x = Mat::zeros(rows, columns);
            assert!(
                layer
                    .step(x.as_ref(), &mut state, y.as_mut(), &mut workspace)
                    .is_err()
            );
        }
    }
}
