//! A recurrent layer: a cell with parameters of its own.

mod initial;
mod parameters;
mod verbs;

use std::fmt;
use std::path::Path;

use faer::{MatMut, MatRef};
use lstm_kernels::{Cell, Element, Kernel, Packed, Threads, VectorSpec};

use crate::error::{Error, Result};
use crate::init::{CellInit, Init, Start};
use crate::io::{self, ModelFile};
use crate::params::{Name, Parameters, complete_sizes, zeros};
use crate::random::Rng;

/// The name below which trained initial states stand.
pub(crate) const INITIAL: &str = "initial";

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
/// It matters to the verbs of [`Layer`](crate::layers::Layer). Computing a sequence once more takes up to about a third more time,
/// and less than keeping everything where the tape outgrows the caches. Outputs and the gradient of the input stay the same to
/// the bit; those of the parameters are sums over steps that are formed segment by segment, and the same but for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Recompute {
    /// Everything is kept: the fastest while the tape fits into the caches.
    #[default]
    Never,
    /// The state is kept at every so many steps; memory grows with that number and with the number of segments.
    Every(usize),
    /// The same with segments as long as the square root of the sequence, so that memory grows with that root.
    Root,
}

impl<C: Cell, T: Element> Recurrent<C, T> {
    /// A layer with the customary start: everything uniform over ±1/sqrt(output length), but for parameters of which the
    /// cell says what they start from. Where outputs are a projection of the units, PyTorch takes the units instead: for that,
    /// [`initialise`](Self::initialise) with [`CellInit::by_units`].
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
        let len = kernel.params_len();
        let params = zeros("the parameters", len, 1).map_err(|_| Error::Sizes {
            cell: C::SPEC.name,
            sizes: format!("{:?}", kernel.sizes()),
            reason: format!("there is no memory for {len} parameters"),
        })?;
        let packed = kernel.pack(&params)?;
        Ok(Self {
            kernel,
            params,
            packed,
            initial: Vec::new(),
            recompute: Recompute::Never,
        })
    }

    /// With an initial state that is trained: parameters named `initial.` and a carried quantity, zeros to begin with. A layer
    /// that has one keeps it.
    ///
    /// Samples begin there wherever a [`Batch`](crate::layers::Batch) says that they begin anew, and where
    /// [`Layer::initial_states`](crate::layers::Layer::initial_states) is the state of a call; only the former adds to the
    /// gradient. The verbs of this type itself take the state as it is given.
    pub fn with_trained_state(mut self) -> Self {
        if self.initial.is_empty() {
            self.initial = vec![T::from_f64(0.0); self.state_len()];
        }
        self
    }

    /// Chooses what training keeps for the way back.
    pub fn set_recompute(&mut self, recompute: Recompute) {
        self.recompute = recompute;
    }

    /// Fills all parameters of the cell anew. A trained initial state stays as it is.
    ///
    /// # Errors
    /// A name in `init` that no parameter has; numbers from which nothing can be drawn; a list of values whose length does
    /// not fit. Nothing is changed then.
    pub fn initialise(&mut self, init: &CellInit, rng: &mut Rng) -> Result<()> {
        let params = C::SPEC.params;
        let usual = params.iter().map(|param| init.for_param(param).into());
        let mut starts: Vec<Start> = usual.collect();
        for (name, exception) in &init.named {
            starts[Self::index(name)?] = exception.clone();
        }
        for (index, start) in starts.iter().enumerate() {
            start.check::<T>(params[index].name, self.kernel.param_range(index).len())?;
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

    /// All parameters of the cell as one slice, in order of declaration, each first axis fastest. A trained initial state is
    /// not among them.
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
        let sizes = file.require_cell::<C, T>()?;
        let mut layer = Self::zeros(&sizes)?.with_state_of(&file, Name::ROOT);
        file.load_into(&mut layer)?;
        Ok(layer)
    }

    /// With a trained initial state if `file` holds one of the layer `name`, which is to be loaded.
    pub(crate) fn with_state_of(self, file: &ModelFile, name: Name<'_>) -> Self {
        let initial = name.child(INITIAL);
        let is_held = |carried: &VectorSpec| {
            let parameter = initial.child(carried.name).to_string();
            file.tensors().contains(&parameter)
        };
        match C::SPEC.carried.iter().any(is_held) {
            true => self.with_trained_state(),
            false => self,
        }
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

#[cfg(test)]
mod tests;
