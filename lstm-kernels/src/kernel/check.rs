//! What a call must bring: matrices of the right shape, buffers made for it.

use faer::{MatMut, MatRef};

use super::{Kernel, Tape};
use crate::columns::Sequence;
use crate::error::KernelError;
use crate::rt::{Element, Memory, Packed, Program};
use crate::state::State;
use crate::{Cell, CellSpec};

impl<C: Cell, T: Element> Kernel<C, T> {
    pub(super) fn check_len(&self, what: &'static str, given: usize) -> Result<(), KernelError> {
        let expected = self.params_len();
        if given == expected {
            Ok(())
        } else {
            Err(KernelError::Length {
                cell: C::SPEC.name,
                what,
                given,
                expected,
            })
        }
    }

    pub(crate) fn check_packed(&self, packed: &Packed<T>) -> Result<(), KernelError> {
        if packed.fits(&self.layout) {
            return Ok(());
        }
        let needed = Packed::<T>::describe(&self.layout);
        Err(KernelError::Buffer {
            what: "the packed weights",
            given: packed.made_for(&self.layout),
            expected: format!("{needed}; pack the parameters with this kernel"),
        })
    }

    /// Checks the matrices of a call on time-major columns; returns the number of steps.
    pub(super) fn check_sequence(
        &self,
        packed: &Packed<T>,
        x: &MatRef<'_, T>,
        state: &State<T>,
        (y, name): (&impl AsColumns<T>, &'static str),
    ) -> Result<usize, KernelError> {
        self.check_packed(packed)?;
        let batch = state.batch();
        let columns = x.ncols();
        if (batch == 0 && columns > 0) || (batch > 0 && columns % batch != 0) {
            return Err(KernelError::RaggedColumns { columns, batch });
        }
        check_matrix("x", *x, self.input_len(), columns)?;
        check_matrix(name, y.columns(), self.output_len(), columns)?;
        self.check_state(state)?;
        Ok(columns.checked_div(batch).unwrap_or(0))
    }

    /// Checks the matrices of a call on any columns: the input, and the output or its gradient with its name and whether
    /// it is written.
    pub(super) fn check_sequences(
        &self,
        packed: &Packed<T>,
        steps: usize,
        x: &Sequence<MatRef<'_, T>>,
        state: &State<T>,
        (y, name, is_written): (&Sequence<impl AsColumns<T>>, &'static str, bool),
    ) -> Result<(), KernelError> {
        self.check_packed(packed)?;
        let shape = (steps, state.batch());
        Self::check_columns("x", x, self.input_len(), shape, false)?;
        Self::check_columns(name, y, self.output_len(), shape, is_written)?;
        self.check_state(state)
    }

    /// Checks what training takes besides.
    pub(super) fn check_training(
        &self,
        steps: usize,
        dstate: &State<T>,
        tape: &Tape<T>,
        dparams: &[T],
    ) -> Result<(), KernelError> {
        self.check_len("the gradient of the parameters", dparams.len())?;
        let slots = steps.saturating_add(1);
        self.check_memory("the tape", &tape.memory, slots, dstate.batch(), true)?;
        if tape.errors.fits(&self.layout, steps, dstate.batch()) {
            return Ok(());
        }
        Err(KernelError::Buffer {
            what: "the tape",
            given: "another cell or another width".to_owned(),
            expected: format!("{} at {}", C::SPEC.name, self.width()),
        })
    }

    /// Checks that the tape holds a forward pass of this cell.
    pub(super) fn check_recorded(&self, tape: &Tape<T>) -> Result<(), KernelError> {
        match tape.recorded == Some(self.layout.id) {
            true => Ok(()),
            false => Err(KernelError::NothingRecorded { cell: C::SPEC.name }),
        }
    }

    /// Checks a sequence that is read, or written if `distinct`.
    pub(super) fn check_columns<M: AsColumns<T>>(
        what: &'static str,
        sequence: &Sequence<M>,
        rows: usize,
        (steps, batch): (usize, usize),
        distinct: bool,
    ) -> Result<(), KernelError> {
        let matrix = sequence.matrix.columns();
        check_matrix(what, matrix, rows, matrix.ncols())?;
        let columns = sequence.columns;
        columns.check_inside(what, matrix.ncols(), steps, batch)?;
        if distinct {
            columns.check_distinct(what, steps, batch)?;
        }
        Ok(())
    }

    /// Checks that a state, or its gradient, is one of this cell with these sizes.
    pub(crate) fn check_state(&self, state: &State<T>) -> Result<(), KernelError> {
        if state.len() != self.layout.program.carried.len() {
            return Err(KernelError::Buffer {
                what: "the state",
                given: format!("{} carried quantities", state.len()),
                expected: format!("{} carried quantities", self.layout.program.carried.len()),
            });
        }
        for index in 0..state.len() {
            check_matrix(
                "a carried state",
                state.get(index),
                self.carried_len(index),
                state.batch(),
            )?;
        }
        Ok(())
    }

    pub(super) fn check_memory(
        &self,
        what: &'static str,
        memory: &Memory<T>,
        slots: usize,
        batch: usize,
        is_tape: bool,
    ) -> Result<(), KernelError> {
        if memory.fits(&self.layout, slots, batch, is_tape) {
            return Ok(());
        }
        let (given, expected) = if memory.slots == slots && memory.batch == batch {
            (
                "another cell, other sizes or another width".to_owned(),
                format!(
                    "{} with sizes {:?} at {}",
                    C::SPEC.name,
                    self.sizes(),
                    self.width()
                ),
            )
        } else if is_tape {
            let given = format!("{} steps of {} samples", memory.slots - 1, memory.batch);
            (
                given,
                format!("{} steps of {batch} samples of {}", slots - 1, C::SPEC.name),
            )
        } else {
            (
                format!("{} samples", memory.batch),
                format!("{batch} samples of {}", C::SPEC.name),
            )
        };
        Err(KernelError::Buffer {
            what,
            given,
            expected,
        })
    }
}

/// Both views of a faer matrix, to check shapes in one place.
pub(super) trait AsColumns<T> {
    fn columns(&self) -> MatRef<'_, T>;
}

impl<T> AsColumns<T> for MatRef<'_, T> {
    fn columns(&self) -> MatRef<'_, T> {
        *self
    }
}

impl<T> AsColumns<T> for MatMut<'_, T> {
    fn columns(&self) -> MatRef<'_, T> {
        self.as_ref()
    }
}

pub(super) fn check_matrix<T>(
    what: &'static str,
    matrix: MatRef<'_, T>,
    expected_rows: usize,
    expected_columns: usize,
) -> Result<(), KernelError> {
    let (rows, columns) = matrix.shape();
    if (rows, columns) != (expected_rows, expected_columns) {
        return Err(KernelError::Shape {
            what,
            rows,
            columns,
            expected_rows,
            expected_columns,
        });
    }
    if (matrix.row_stride() != 1 && rows > 1) || (matrix.col_stride() < 0 && columns > 1) {
        return Err(KernelError::Stride { what });
    }
    Ok(())
}

/// Whether all parameters of a cell together, and each vector of its step, can be counted and addressed at all.
pub(super) fn fits_address_space(spec: &CellSpec, program: &Program, sizes: &[usize]) -> bool {
    // Padding to a register and two directions of panels cost a small factor; leave room for it.
    let limit = isize::MAX as usize / 1024;
    let product = |axes: &[usize]| {
        axes.iter()
            .try_fold(1_usize, |product, &axis| product.checked_mul(sizes[axis]))
    };
    let fits = |len: Option<usize>| len.is_some_and(|len| len <= limit);
    let mut params = spec.params.iter().map(|param| product(param.axes));
    let vectors = spec.carried.iter().chain([&spec.input, &spec.output]);
    // What a step computes on other axes than these lies by lead.
    let leads = program.leads.iter().map(|lead| match lead.block {
        Some(block) => product(&[lead.axis, block]),
        None => product(&[lead.axis]),
    });
    let params = params.try_fold(0_usize, |sum, len| sum.checked_add(len?));
    fits(params)
        && vectors.map(|vector| product(vector.axes)).all(fits)
        && leads.into_iter().all(fits)
}

/// The most cells of a block: their layout grows with the square of their number.
pub(super) const MOST_CELLS: usize = 1024;

/// A second axis of a vector that is longer, if one is.
pub(super) fn wide_block(spec: &CellSpec, program: &Program, sizes: &[usize]) -> Option<usize> {
    let blocks = program.leads.iter().filter_map(|lead| lead.block);
    let input = spec.input.axes.get(1).copied();
    blocks.chain(input).find(|&axis| sizes[axis] > MOST_CELLS)
}
