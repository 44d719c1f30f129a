//! A cell bound to sizes and to a SIMD width, and its verbs.

mod check;
mod verbs;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use check::fits_address_space;

use crate::Cell;
use crate::error::KernelError;
use crate::rt::{Element, Errors, Layout, MAX_ROWS, Memory, SimdToken, Width};
use crate::state::State;
use crate::threads::Threads;

/// A cell with sizes. Cheap to clone; holds no parameters.
///
/// In all verbs a sequence of T steps of B samples is a matrix with T·B columns, column `t * B + b`, each column
/// contiguous in memory.
#[derive(Debug, Clone)]
pub struct Kernel<C: Cell, T: Element> {
    layout: Arc<Layout>,
    token: SimdToken,
    threads: Option<Threads>,
    cell: PhantomData<(C, T)>,
}

/// Memory that inference reuses from call to call.
#[derive(Debug, Clone)]
pub struct Workspace<T> {
    memory: Memory<T>,
}

/// What the forward pass saves for the backward pass, and the scratch of the latter. Reusable.
#[derive(Debug, Clone)]
pub struct Tape<T> {
    steps: usize,
    memory: Memory<T>,
    errors: Errors<T>,
}

impl<T: Element> Tape<T> {
    /// How many steps it holds.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// How many samples it holds.
    pub fn batch(&self) -> usize {
        self.memory.batch
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
        if !fits_address_space(spec, sizes) {
            return Err(KernelError::TooLarge {
                cell: spec.name,
                sizes: sizes.to_vec(),
            });
        }
        let token = width.token()?;
        let max_rows = if matches!(width, Width::Avx512 | Width::Neon) {
            MAX_ROWS
        } else {
            MAX_ROWS / 2
        };
        let layout = Layout::new(
            spec,
            const { &C::PROGRAM },
            sizes,
            width.lanes::<T>(),
            max_rows,
        );
        Ok(Kernel {
            layout: Arc::new(layout),
            token,
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
    pub fn zero_state(&self, batch: usize) -> State<T> {
        State::zeros(
            (0..self.layout.program.carried.len()).map(|index| self.carried_len(index)),
            batch,
        )
    }

    /// Memory for inference with so many samples.
    pub fn workspace(&self, batch: usize) -> Workspace<T> {
        Workspace {
            memory: Memory::new(&self.layout, 2, batch, false, self.threads()),
        }
    }

    /// Memory for training on so many steps of so many samples.
    pub fn tape(&self, steps: usize, batch: usize) -> Tape<T> {
        Tape {
            steps,
            memory: Memory::new(&self.layout, steps + 1, batch, true, self.threads()),
            errors: Errors::new(&self.layout, steps, batch, self.threads()),
        }
    }
}
