//! A cell bound to sizes and to a SIMD width, and its verbs.

mod check;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use faer::{MatMut, MatRef};

use check::{check_matrix, fits_address_space};

use crate::Cell;
use crate::error::KernelError;
use crate::rt::{
    Backward, Element, Errors, Forward, Layout, MAX_ROWS, Memory, Packed, SimdToken, UserMatrix,
    Width, form_gradients,
};
use crate::state::State;

/// A cell with sizes. Cheap to clone; holds no parameters.
///
/// In all verbs a sequence of T steps of B samples is a matrix with T·B columns, column `t * B + b`, each column
/// contiguous in memory.
#[derive(Debug, Clone)]
pub struct Kernel<C: Cell, T: Element> {
    layout: Arc<Layout>,
    token: SimdToken,
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
            cell: PhantomData,
        })
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

    /// Packs the parameters into panels.
    pub fn pack(&self, params: &[T]) -> Result<Packed<T>, KernelError> {
        let mut packed = Packed::new(&self.layout);
        self.repack(params, &mut packed)?;
        Ok(packed)
    }

    /// Packs changed parameters, without allocating.
    pub fn repack(&self, params: &[T], packed: &mut Packed<T>) -> Result<(), KernelError> {
        self.check_len("the parameter vector", params.len())?;
        self.check_packed(packed)?;
        packed.fill(&self.layout, params);
        Ok(())
    }

    /// Memory for inference with so many samples.
    pub fn workspace(&self, batch: usize) -> Workspace<T> {
        Workspace {
            memory: Memory::new(&self.layout, 2, batch, false),
        }
    }

    /// Memory for training on so many steps of so many samples.
    pub fn tape(&self, steps: usize, batch: usize) -> Tape<T> {
        Tape {
            steps,
            memory: Memory::new(&self.layout, steps + 1, batch, true),
            errors: Errors::new(&self.layout, steps, batch),
        }
    }

    /// Runs the cell over a sequence: y from x. The state is the initial state before and the final state after.
    /// With the B columns of a single step this is the streaming step. Does not allocate.
    pub fn infer(
        &self,
        packed: &Packed<T>,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), KernelError> {
        let steps = self.check_sequence(packed, &x, state, &y)?;
        self.check_memory("the workspace", &workspace.memory, 2, state.batch(), false)?;
        self.run_forward::<false>(packed, steps, x, state, y, &mut workspace.memory);
        Ok(())
    }

    /// The same, saving on the tape what [`Kernel::backward`] needs.
    pub fn forward(
        &self,
        packed: &Packed<T>,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        tape: &mut Tape<T>,
    ) -> Result<(), KernelError> {
        let steps = self.check_sequence(packed, &x, state, &y)?;
        self.check_memory("the tape", &tape.memory, steps + 1, state.batch(), true)?;
        self.run_forward::<true>(packed, steps, x, state, y, &mut tape.memory);
        Ok(())
    }

    fn run_forward<const TAPE: bool>(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        memory: &mut Memory<T>,
    ) {
        memory.load_state(&self.layout, state);
        self.token.dispatch(Forward::<C, T, TAPE> {
            cell: PhantomData,
            layout: &self.layout,
            packed,
            steps,
            input: user_matrix(x.as_ptr(), x.col_stride()),
            output: user_matrix(y.as_ptr(), y.col_stride()),
            memory,
        });
        let last = memory.slot(steps);
        memory.store_state(&self.layout, last, state);
    }

    /// Back-propagation through time over the sequence that [`Kernel::forward`] put on the tape.
    ///
    /// `dy` is the gradient of the loss with respect to y; `dstate` that with respect to the final state before, and
    /// to the initial state after. Parameter gradients are added to `dparams`, in the order of the parameters; the
    /// gradient of x is written to `dx`.
    #[allow(
        clippy::too_many_arguments,
        reason = "the gradient of a sequence has that many parts"
    )]
    pub fn backward(
        &self,
        params: &[T],
        packed: &Packed<T>,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        dstate: &mut State<T>,
        tape: &mut Tape<T>,
        dparams: &mut [T],
        mut dx: Option<MatMut<'_, T>>,
    ) -> Result<(), KernelError> {
        let steps = self.check_sequence(packed, &x, dstate, &dy)?;
        self.check_len("the parameter vector", params.len())?;
        self.check_len("the gradient of the parameters", dparams.len())?;
        self.check_memory("the tape", &tape.memory, steps + 1, dstate.batch(), true)?;
        if let Some(dx) = &dx {
            check_matrix("dx", dx.as_ref(), self.input_len(), x.ncols())?;
        }
        if steps == 0 || dstate.batch() == 0 {
            return Ok(());
        }
        let Tape { memory, errors, .. } = tape;
        errors.visit_carries(&self.layout, steps % 2, dstate, |carry, state| {
            *carry = *state
        });
        for lead in &mut errors.leads {
            lead.gradients.as_mut_slice().fill(T::default());
        }
        // Without dx the sweep writes the input's element-wise gradient, if there is one, nowhere.
        let mut unwanted = faer::Mat::zeros(0, 0);
        let input_gradient = match &mut dx {
            Some(dx) => user_matrix(dx.as_ptr(), dx.col_stride()),
            None if self.layout.program.input_gradient => {
                unwanted = faer::Mat::zeros(self.input_len(), x.ncols());
                user_matrix(unwanted.as_mut().as_ptr(), unwanted.as_ref().col_stride())
            }
            None => user_matrix(unwanted.as_mut().as_ptr(), 0),
        };
        self.token.dispatch(Backward::<C, T> {
            cell: PhantomData,
            layout: &self.layout,
            packed,
            steps,
            input: user_matrix(x.as_ptr(), x.col_stride()),
            upstream: user_matrix(dy.as_ptr(), dy.col_stride()),
            input_gradient,
            memory,
            errors,
        });
        let turn = Backward::<C, T>::initial_turn();
        errors.visit_carries(&self.layout, turn, dstate, |carry, state| *state = *carry);
        form_gradients(&self.layout, params, x, memory, errors, dparams, dx);
        Ok(())
    }
}

fn user_matrix<T>(base: *const T, column: isize) -> UserMatrix<T> {
    UserMatrix {
        base: base.cast_mut(),
        column: column.unsigned_abs(),
    }
}
