//! A cell bound to sizes and to a SIMD width, and its verbs.

mod check;
#[cfg(test)]
mod pieces;
#[cfg(test)]
mod relief;
#[cfg(test)]
mod reuse;
mod verbs;

use std::any::TypeId;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use check::{MOST_CELLS, fits_address_space, wide_block};

use crate::Cell;
use crate::error::KernelError;
use crate::rt::{Element, Equations, Errors, LINE, Layout, Memory, NoMemory, SimdToken, Width};
use crate::state::State;
use crate::threads::Threads;
#[cfg(test)]
pub(crate) use reuse::number;

/// A cell with sizes. Cheap to clone; holds no parameters.
///
/// A sequence of T steps of B samples is a matrix with T·B columns, column `t * B + b`, each column contiguous in memory.
/// Verbs whose name ends in `columns` take other arrangements, see [`Columns`](crate::Columns).
#[derive(Debug, Clone)]
pub struct Kernel<C: Cell, T: Element> {
    layout: Arc<Layout>,
    token: SimdToken,
    equations: Equations<T>,
    threads: Option<Threads>,
    cell: PhantomData<C>,
}

/// Memory that inference reuses from call to call, also for other batches: see [`Kernel::reshape_workspace`].
#[derive(Debug, Clone)]
pub struct Workspace<T> {
    memory: Memory<T>,
}

/// What the forward pass saves for the backward pass, and the scratch of the latter. Reusable, also for other shapes: see
/// [`Kernel::reshape_tape`].
#[derive(Debug, Clone)]
pub struct Tape<T> {
    steps: usize,
    /// The cell whose forward pass it holds, if it holds one.
    recorded: Option<TypeId>,
    memory: Memory<T>,
    errors: Errors<T>,
}

impl<T: Element> Workspace<T> {
    /// How many samples it is for.
    pub fn batch(&self) -> usize {
        self.memory.batch
    }

    /// The memory that it has, in bytes.
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }
}

impl<T: Element> Tape<T> {
    /// The errors of so many units lie side by side, on every SIMD width; the last units are filled up to as many. An even
    /// number of steps has room for the errors of one more.
    pub const ERRORS_TOGETHER: usize = LINE;

    /// How many steps it holds.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// How many samples it holds.
    pub fn batch(&self) -> usize {
        self.memory.batch
    }

    /// The memory that it has, in bytes: what a larger shape needed before is kept.
    pub fn bytes(&self) -> usize {
        self.memory.bytes() + self.errors.bytes()
    }
}

impl<C: Cell, T: Element> Kernel<C, T> {
    /// Binds the cell to sizes, one per [`CellSpec::sizes`](crate::CellSpec::sizes), for the widest registers of this machine.
    pub fn new(sizes: &[usize]) -> Result<Self, KernelError> {
        Self::with_width(sizes, Width::best())
    }

    /// The same for registers of a given width.
    pub fn with_width(sizes: &[usize], width: Width) -> Result<Self, KernelError> {
        let spec = &C::SPEC;
        if sizes.len() != spec.sizes.len() {
            let names: Vec<_> = spec.sizes.iter().map(|size| size.name).collect();
            return Err(KernelError::SizeCount {
                cell: spec.name,
                expected: names.join(", "),
                given: sizes.len(),
            });
        }
        if let Some(index) = sizes.iter().position(|&size| size == 0) {
            return Err(KernelError::ZeroSize {
                cell: spec.name,
                size: spec.sizes[index].name,
            });
        }
        if !fits_address_space(spec, &C::PROGRAM, sizes) {
            return Err(KernelError::TooLarge {
                cell: spec.name,
                sizes: sizes.to_vec(),
            });
        }
        if let Some(axis) = wide_block(spec, &C::PROGRAM, sizes) {
            return Err(KernelError::WideBlock {
                cell: spec.name,
                size: spec.sizes[axis].name,
                given: sizes[axis],
                most: MOST_CELLS,
            });
        }
        let token = width.token()?;
        let layout = Layout::new(
            TypeId::of::<C>(),
            spec,
            const { &C::PROGRAM },
            sizes,
            width.lanes::<T>(),
            width.registers(),
        );
        Ok(Kernel {
            layout: Arc::new(layout),
            token,
            equations: T::equations::<C>(),
            threads: None,
            cell: PhantomData,
        })
    }

    /// The same kernel, whose calls share their work among threads. Workspaces and tapes made by it have room for all of
    /// them. The results are the same to the bit for any number of threads.
    pub fn with_threads(mut self, threads: &Threads) -> Self {
        self.threads = (threads.count() > 1).then(|| threads.clone());
        self
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn token(&self) -> SimdToken {
        self.token
    }

    pub(crate) fn equations(&self) -> &Equations<T> {
        &self.equations
    }

    /// How many threads share the work of a call.
    pub fn threads(&self) -> usize {
        self.threads.as_ref().map_or(1, Threads::count)
    }

    /// The sizes.
    pub fn sizes(&self) -> &[usize] {
        &self.layout.sizes
    }

    /// The SIMD width.
    pub fn width(&self) -> Width {
        self.token.width()
    }

    /// Rows of x.
    pub fn input_len(&self) -> usize {
        self.layout.input_len
    }

    /// Rows of y.
    pub fn output_len(&self) -> usize {
        self.layout.output_len
    }

    /// Rows of a carried quantity, by its index in [`CellSpec::carried`](crate::CellSpec::carried).
    ///
    /// # Panics
    /// If there is no such quantity.
    pub fn carried_len(&self, index: usize) -> usize {
        let carried = self.layout.program.carried[index];
        self.layout.vector_len(carried.lead, carried.carry)
    }

    /// How many numbers all parameters have together.
    pub fn params_len(&self) -> usize {
        self.layout.params_len
    }

    /// Where a parameter lies in the flat vector, by its index in [`CellSpec::params`](crate::CellSpec::params).
    ///
    /// # Panics
    /// If there is no such parameter.
    pub fn param_range(&self, index: usize) -> Range<usize> {
        let param = self.layout.params[index];
        param.start..param.start + param.len()
    }

    /// Rows and columns of a parameter; one column for a vector.
    ///
    /// # Panics
    /// If there is no such parameter.
    pub fn param_shape(&self, index: usize) -> (usize, usize) {
        let param = self.layout.params[index];
        (param.rows, param.columns)
    }

    /// A state of zeros.
    ///
    /// # Errors
    /// No memory for so many samples.
    pub fn zero_state(&self, batch: usize) -> Result<State<T>, KernelError> {
        let lengths = (0..self.layout.program.carried.len()).map(|index| self.carried_len(index));
        State::zeros(lengths, batch)
    }

    /// Memory for inference with so many samples.
    ///
    /// # Errors
    /// No memory for so many samples.
    pub fn workspace(&self, batch: usize) -> Result<Workspace<T>, KernelError> {
        let memory = Memory::new(&self.layout, 2, batch, false, self.threads())
            .map_err(|NoMemory| self.no_workspace(batch))?;
        Ok(Workspace { memory })
    }

    /// Makes a workspace one for so many samples, whatever it was made for. Allocates only if it has too little memory.
    ///
    /// # Errors
    /// No memory for so many samples; the workspace then serves no call before it was given another shape.
    pub fn reshape_workspace(
        &self,
        workspace: &mut Workspace<T>,
        batch: usize,
    ) -> Result<(), KernelError> {
        let memory = &mut workspace.memory;
        memory
            .reshape(&self.layout, 2, batch, false, self.threads())
            .map_err(|NoMemory| self.no_workspace(batch))
    }

    /// Memory for training on so many steps of so many samples.
    ///
    /// # Errors
    /// No memory for so many steps and samples.
    pub fn tape(&self, steps: usize, batch: usize) -> Result<Tape<T>, KernelError> {
        let (layout, slots, threads) = (&self.layout, steps.saturating_add(1), self.threads());
        let make = || {
            Ok(Tape {
                steps,
                recorded: None,
                memory: Memory::new(layout, slots, batch, true, threads)?,
                errors: Errors::new(layout, steps, batch, threads)?,
            })
        };
        make().map_err(|NoMemory| self.no_tape(steps, batch))
    }

    /// Makes a tape one for so many steps of so many samples, whatever it was made for, and forgets what is on it.
    /// Allocates only if it has too little memory.
    ///
    /// ```
    /// # use lstm_kernels::{Kernel, cells::Lstm};
    /// # fn main() -> Result<(), lstm_kernels::KernelError> {
    /// let kernel = Kernel::<Lstm, f32>::new(&[3, 5])?;
    /// let mut tape = kernel.tape(20, 8)?;
    /// let bytes = tape.bytes();
    /// kernel.reshape_tape(&mut tape, 4, 2)?;
    /// assert_eq!((tape.steps(), tape.batch(), tape.bytes()), (4, 2, bytes));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// No memory for so many steps and samples; the tape then serves no call before it was given another shape.
    pub fn reshape_tape(
        &self,
        tape: &mut Tape<T>,
        steps: usize,
        batch: usize,
    ) -> Result<(), KernelError> {
        let (layout, slots, threads) = (&self.layout, steps.saturating_add(1), self.threads());
        (tape.steps, tape.recorded) = (steps, None);
        (tape.memory.reshape(layout, slots, batch, true, threads))
            .and_then(|()| tape.errors.reshape(layout, steps, batch, threads))
            .map_err(|NoMemory| self.no_tape(steps, batch))
    }

    fn no_workspace(&self, batch: usize) -> KernelError {
        self.no_memory(format!("a workspace for {batch} samples"))
    }

    fn no_tape(&self, steps: usize, batch: usize) -> KernelError {
        self.no_memory(format!("a tape of {steps} steps of {batch} samples"))
    }

    pub(crate) fn no_memory(&self, what: String) -> KernelError {
        KernelError::NoMemory {
            what: format!("{what} of {}", C::SPEC.name),
        }
    }
}
