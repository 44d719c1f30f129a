//! What a kernel does: packing, inference, and the two passes of training.

use faer::{MatMut, MatRef};

use super::check::{AsColumns, check_matrix};
use super::{Kernel, Tape, Workspace};
use crate::Cell;
use crate::columns::{Columns, Sequence};
use crate::denormals::FlushDenormals;
use crate::error::KernelError;
use crate::rt::{
    Backward, ColumnGrid, Element, Forward, Gradients, INITIAL_TURN, Job, Memory, NoMemory, Pack,
    Packed, SharedNumbers, Shares, Task,
};
use crate::state::State;
use crate::threads::{Meeting, Taken};

impl<C: Cell, T: Element> Kernel<C, T> {
    /// Packs the parameters into panels.
    ///
    /// # Errors
    /// Not as many numbers as [`Kernel::params_len`], and no memory for the panels.
    pub fn pack(&self, params: &[T]) -> Result<Packed<T>, KernelError> {
        let mut packed = Packed::new(&self.layout)
            .map_err(|NoMemory| self.no_memory("the packed weights".to_owned()))?;
        self.repack(params, &mut packed)?;
        Ok(packed)
    }

    /// Packs changed parameters, without allocating.
    ///
    /// # Errors
    /// Not as many numbers as [`Kernel::params_len`], and panels of another cell, other sizes or another width.
    pub fn repack(&self, params: &[T], packed: &mut Packed<T>) -> Result<(), KernelError> {
        self.check_len("the parameter vector", params.len())?;
        self.check_packed(packed)?;
        // A thread packs a few hundred thousand weights in the time it takes to wake it.
        let enough = |most: usize| most.min(1 + params.len() / (256 * 1024));
        let packed = &*packed;
        self.share(self.threads(), enough, &|thread, meeting| {
            self.run(Task::Pack(Pack {
                layout: &self.layout,
                params,
                packed,
                thread,
                threads: meeting.count(),
            }));
        });
        Ok(())
    }

    /// Runs the cell over a sequence: y from x. The state is the initial state before and the final state after.
    /// With the B columns of a single step this is the streaming step. Does not allocate.
    ///
    /// # Errors
    /// Matrices of other shapes than the cell's, or whose columns are not contiguous; columns that are no whole number of steps of
    /// the state's samples; panels, a state or a workspace of another kernel or for another batch. Nothing is written then.
    pub fn infer(
        &self,
        packed: &Packed<T>,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), KernelError> {
        let steps = self.check_sequence(packed, &x, state, (&y, "y"))?;
        let columns = Columns::time_major(state.batch());
        let (x, y) = (columns.of(x), columns.of(y));
        self.run_infer(packed, steps, x, state, y, workspace)
    }

    /// The same for steps and samples that lie anywhere among the columns of x and y. There are as many samples as the
    /// state has. Columns of y that do not take part are left as they are.
    ///
    /// # Errors
    /// Those of [`Kernel::infer`], a step or sample outside its matrix, and two of y in one column.
    pub fn infer_columns(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: Sequence<MatRef<'_, T>>,
        state: &mut State<T>,
        y: Sequence<MatMut<'_, T>>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), KernelError> {
        self.check_sequences(packed, steps, &x, state, (&y, "y", true))?;
        self.run_infer(packed, steps, x, state, y, workspace)
    }

    fn run_infer(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: Sequence<MatRef<'_, T>>,
        state: &mut State<T>,
        y: Sequence<MatMut<'_, T>>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), KernelError> {
        self.check_memory("the workspace", &workspace.memory, 2, state.batch(), false)?;
        self.run_forward(false, packed, steps, x, state, y, &mut workspace.memory);
        Ok(())
    }

    /// [`Kernel::infer`], saving on the tape what [`Kernel::backward`] needs.
    ///
    /// # Errors
    /// Those of [`Kernel::infer`], with a tape for as many steps and samples in place of the workspace.
    pub fn forward(
        &self,
        packed: &Packed<T>,
        x: MatRef<'_, T>,
        state: &mut State<T>,
        y: MatMut<'_, T>,
        tape: &mut Tape<T>,
    ) -> Result<(), KernelError> {
        let steps = self.check_sequence(packed, &x, state, (&y, "y"))?;
        let columns = Columns::time_major(state.batch());
        let (x, y) = (columns.of(x), columns.of(y));
        self.run_train(packed, steps, x, state, y, tape)
    }

    /// [`Kernel::infer_columns`], saving on the tape what [`Kernel::backward_columns`] needs.
    ///
    /// # Errors
    /// Those of [`Kernel::infer_columns`], with a tape for as many steps and samples in place of the workspace.
    pub fn forward_columns(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: Sequence<MatRef<'_, T>>,
        state: &mut State<T>,
        y: Sequence<MatMut<'_, T>>,
        tape: &mut Tape<T>,
    ) -> Result<(), KernelError> {
        self.check_sequences(packed, steps, &x, state, (&y, "y", true))?;
        self.run_train(packed, steps, x, state, y, tape)
    }

    fn run_train(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: Sequence<MatRef<'_, T>>,
        state: &mut State<T>,
        y: Sequence<MatMut<'_, T>>,
        tape: &mut Tape<T>,
    ) -> Result<(), KernelError> {
        let slots = steps.saturating_add(1);
        self.check_memory("the tape", &tape.memory, slots, state.batch(), true)?;
        self.run_forward(true, packed, steps, x, state, y, &mut tape.memory);
        tape.recorded = Some(self.layout.id);
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "a forward pass has that many parts"
    )]
    fn run_forward(
        &self,
        has_tape: bool,
        packed: &Packed<T>,
        steps: usize,
        x: Sequence<MatRef<'_, T>>,
        state: &mut State<T>,
        y: Sequence<MatMut<'_, T>>,
        memory: &mut Memory<T>,
    ) {
        let batch = state.batch();
        if steps == 0 || batch == 0 {
            return;
        }
        let _mode = FlushDenormals::new();
        memory.load_state(&self.layout, state);
        memory.queue.clear();
        let shared = &*memory;
        let input = column_grid(&x, steps, batch);
        let output = column_grid(&y, steps, batch);
        let shares = |threads| Shares::new(&self.layout, steps, batch, threads);
        self.share(
            shared.accumulators.threads,
            |most| shares(most).count,
            &|thread, meeting| {
                self.run(Task::Forward(Forward {
                    layout: &self.layout,
                    equations: self.equations.forward(self.token, has_tape),
                    packed,
                    share: shares(meeting.count()).of(thread, meeting, &shared.queue),
                    steps,
                    input,
                    output,
                    memory: shared,
                }));
            },
        );
        let last = memory.slot(steps);
        memory.store_state(&self.layout, last, state);
    }

    /// Back-propagation through time over the sequence that [`Kernel::forward`] put on the tape.
    ///
    /// `dy` is the gradient of the loss with respect to y; `dstate` that with respect to the final state before, and
    /// to the initial state after. Parameter gradients are added to `dparams`, in the order of the parameters; the
    /// gradient of x is written to `dx`.
    ///
    /// # Errors
    /// Those of [`Kernel::forward`], `dparams` of another length than the parameters, and a tape that holds no forward pass of this
    /// cell. Nothing is written then.
    #[allow(
        clippy::too_many_arguments,
        reason = "the gradient of a sequence has that many parts"
    )]
    pub fn backward(
        &self,
        packed: &Packed<T>,
        x: MatRef<'_, T>,
        dy: MatRef<'_, T>,
        dstate: &mut State<T>,
        tape: &mut Tape<T>,
        dparams: &mut [T],
        dx: Option<MatMut<'_, T>>,
    ) -> Result<(), KernelError> {
        let steps = self.check_sequence(packed, &x, dstate, (&dy, "dy"))?;
        self.check_training(steps, dstate, tape, dparams)?;
        if let Some(dx) = &dx {
            check_matrix("dx", dx.as_ref(), self.input_len(), x.ncols())?;
        }
        self.check_recorded(tape)?;
        let columns = Columns::time_major(dstate.batch());
        let (x, dy, dx) = (columns.of(x), columns.of(dy), dx.map(|dx| columns.of(dx)));
        self.run_backward(packed, steps, x, dy, dstate, tape, dparams, dx);
        Ok(())
    }

    /// The same for steps and samples that lie anywhere among the columns of x, dy and dx, of what
    /// [`Kernel::forward_columns`] put on the tape. Columns of dx that do not take part are left as they are.
    ///
    /// # Errors
    /// Those of [`Kernel::backward`], a step or sample outside its matrix, and two of dx in one column.
    #[allow(
        clippy::too_many_arguments,
        reason = "the gradient of a sequence has that many parts"
    )]
    pub fn backward_columns(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: Sequence<MatRef<'_, T>>,
        dy: Sequence<MatRef<'_, T>>,
        dstate: &mut State<T>,
        tape: &mut Tape<T>,
        dparams: &mut [T],
        dx: Option<Sequence<MatMut<'_, T>>>,
    ) -> Result<(), KernelError> {
        self.check_sequences(packed, steps, &x, dstate, (&dy, "dy", false))?;
        self.check_training(steps, dstate, tape, dparams)?;
        if let Some(dx) = &dx {
            let shape = (steps, dstate.batch());
            Self::check_columns("dx", dx, self.input_len(), shape, true)?;
        }
        self.check_recorded(tape)?;
        self.run_backward(packed, steps, x, dy, dstate, tape, dparams, dx);
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the gradient of a sequence has that many parts"
    )]
    fn run_backward(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: Sequence<MatRef<'_, T>>,
        dy: Sequence<MatRef<'_, T>>,
        dstate: &mut State<T>,
        tape: &mut Tape<T>,
        dparams: &mut [T],
        dx: Option<Sequence<MatMut<'_, T>>>,
    ) {
        let batch = dstate.batch();
        if steps == 0 || batch == 0 {
            return;
        }
        let _mode = FlushDenormals::new();
        let Tape { memory, errors, .. } = tape;
        errors.visit_carries(&self.layout, steps % 2, dstate, |carry, state| {
            carry.copy_from_slice(state);
        });
        for lead in &mut errors.leads {
            lead.gradients.as_mut_slice().fill(T::default());
        }
        // Without a place for it the gradient of the input is not written.
        let input_gradient = match &dx {
            Some(dx) => column_grid(dx, steps, batch),
            None => ColumnGrid::none(),
        };
        errors.outer.clear();
        memory.queue.clear();
        let input = column_grid(&x, steps, batch);
        let upstream = column_grid(&dy, steps, batch);
        let dparams = SharedNumbers::of(dparams);
        let most = memory.accumulators.threads;
        let (memory, shared) = (&*memory, &*errors);
        let shares = |threads| Shares::new(&self.layout, steps, batch, threads);
        self.share(most, |most| shares(most).count, &|thread, meeting| {
            self.run(Task::Backward(Backward {
                layout: &self.layout,
                equations: self.equations.backward(self.token),
                packed,
                share: shares(meeting.count()).of(thread, meeting, &memory.queue),
                steps,
                input,
                upstream,
                input_gradient,
                memory,
                errors: shared,
            }));
        });
        self.share(most, |most| shares(most).count, &|thread, meeting| {
            self.run(Task::Gradients(Gradients {
                layout: &self.layout,
                packed,
                thread,
                threads: meeting.count(),
                barrier: &meeting.barrier,
                steps,
                input,
                memory,
                errors: shared,
                dparams,
                input_gradient,
            }));
        });
        let turn = INITIAL_TURN;
        errors.visit_carries(&self.layout, turn, dstate, |carry, state| {
            state.copy_from_slice(carry);
        });
    }

    /// Does what one thread has to do.
    #[inline]
    pub(crate) fn run(&self, task: Task<'_, T>) {
        T::run_job(self.token, Job(task));
    }

    /// Runs `work` on at most so many threads, as many as `shares` says, each with its index and where all can meet.
    pub(super) fn share(
        &self,
        most: usize,
        shares: impl Fn(usize) -> usize,
        work: &(dyn Fn(usize, &Meeting) + Sync),
    ) {
        let mut taken = match &self.threads {
            Some(threads) if shares(most.min(self.threads())) > 1 => threads.try_take(),
            _ => None,
        };
        let present = taken.as_mut().map_or(1, Taken::present);
        let meeting = Meeting::new(shares(most.min(present)));
        match &mut taken {
            Some(taken) if meeting.count() > 1 => {
                taken.run(meeting.count(), &|thread| work(thread, &meeting));
                taken.missed(meeting.left());
            }
            _ => work(0, &meeting),
        }
    }
}

pub(super) fn column_grid<T>(
    sequence: &Sequence<impl AsColumns<T>>,
    steps: usize,
    batch: usize,
) -> ColumnGrid<T> {
    let matrix = sequence.matrix.columns();
    let (base, stride) = (matrix.as_ptr(), matrix.col_stride());
    ColumnGrid::new(base, stride, sequence.columns, steps, batch)
}
