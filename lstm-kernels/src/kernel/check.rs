//! What a call must bring: matrices of the right shape, buffers made for it.

use faer::{MatMut, MatRef};

use super::Kernel;
use crate::Cell;
use crate::error::KernelError;
use crate::rt::{Element, Memory, Packed};
use crate::state::State;

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

    pub(super) fn check_packed(&self, packed: &Packed<T>) -> Result<(), KernelError> {
        if packed.fits(&self.layout) {
            return Ok(());
        }
        let expected = format!("{} with sizes {:?}", C::SPEC.name, self.sizes());
        Err(KernelError::Buffer {
            what: "the packed weights",
            given: "another cell or other sizes".to_owned(),
            expected,
        })
    }

    /// Checks the matrices of a call; returns the number of steps.
    pub(super) fn check_sequence(
        &self,
        packed: &Packed<T>,
        x: &MatRef<'_, T>,
        state: &State<T>,
        y: &impl AsColumns<T>,
    ) -> Result<usize, KernelError> {
        self.check_packed(packed)?;
        let batch = state.batch();
        let columns = x.ncols();
        if (batch == 0 && columns > 0) || (batch > 0 && columns % batch != 0) {
            return Err(KernelError::RaggedColumns { columns, batch });
        }
        check_matrix("x", *x, self.input_len(), columns)?;
        check_matrix(
            "y, or its gradient,",
            y.columns(),
            self.output_len(),
            columns,
        )?;
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
                batch,
            )?;
        }
        Ok(columns.checked_div(batch).unwrap_or(0))
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
        let (given, expected) = if is_tape {
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

/// Whether the parameters of a cell can be counted and addressed at all.
pub(super) fn fits_address_space(spec: &crate::CellSpec, sizes: &[usize]) -> bool {
    // Padding to a register and two directions of panels cost a small factor; leave room for it.
    let limit = isize::MAX as usize / 1024;
    let product = |axes: &[usize]| {
        axes.iter()
            .try_fold(1_usize, |product, &axis| product.checked_mul(sizes[axis]))
    };
    spec.params
        .iter()
        .map(|param| product(param.axes))
        .try_fold(0_usize, |sum, len| sum.checked_add(len?))
        .is_some_and(|sum| sum <= limit)
}
