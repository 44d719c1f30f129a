//! Gradients formed after the sweep: one large product per weight over all steps and samples.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::rt::element::Element;
use crate::rt::layout::Layout;
use crate::rt::memory::{Errors, Memory};
use crate::rt::program::{Operand, Slot};

/// Adds all parameter gradients to `dparams` and completes the gradient of the input.
pub(crate) fn form_gradients<T: Element>(
    layout: &Layout,
    params: &[T],
    input: MatRef<'_, T>,
    memory: &Memory<T>,
    errors: &Errors<T>,
    dparams: &mut [T],
    dx: Option<MatMut<'_, T>>,
) {
    let count = input.ncols();
    for outer in layout.program.outer {
        let matrix = layout.params[outer.matrix];
        let gradient = &mut dparams[matrix.start..][..matrix.len()];
        let mut gradient =
            MatMut::from_column_major_slice_mut(gradient, matrix.rows, matrix.columns);
        let units = layout.leads[outer.lead].units;
        let (planes, k) = layout.extent(outer.operand);
        for row_plane in 0..outer.slot.len(layout.leads[outer.lead].cells) {
            let error = error_columns(layout, errors, outer.lead, outer.slot, row_plane, count);
            for plane in 0..planes {
                let vector = match outer.operand {
                    Operand::Forward {
                        lead,
                        slot,
                        previous,
                    } => forward_columns(
                        layout,
                        memory,
                        lead,
                        slot,
                        plane,
                        usize::from(!previous),
                        count,
                    ),
                    _ => input,
                };
                let target =
                    gradient
                        .as_mut()
                        .submatrix_mut(row_plane * units, plane * k, units, k);
                matmul(
                    target,
                    Accum::Add,
                    error,
                    vector.transpose(),
                    T::one_impl(),
                    Par::Seq,
                );
            }
        }
    }
    for gradient in layout.program.gradients {
        add_lanes(layout, errors, gradient, dparams);
    }
    if let Some(dx) = dx {
        input_gradient(layout, params, errors, count, dx);
    }
}

/// One column per step and sample: a plane of an error.
fn error_columns<'a, T: Element>(
    layout: &Layout,
    errors: &'a Errors<T>,
    lead: usize,
    slot: Slot,
    plane: usize,
    count: usize,
) -> MatRef<'a, T> {
    let sizes = layout.leads[lead];
    let rows = sizes.errors * sizes.padded;
    let all = MatRef::from_column_major_slice(
        &errors.leads[lead].columns.as_slice()[..rows * count],
        rows,
        count,
    );
    all.subrows(
        (slot.index(sizes.cells) + plane) * sizes.padded,
        sizes.units,
    )
}

/// One column per step and sample: a plane of a forward value, from a slot on.
fn forward_columns<'a, T: Element>(
    layout: &Layout,
    memory: &'a Memory<T>,
    lead: usize,
    slot: Slot,
    plane: usize,
    first: usize,
    count: usize,
) -> MatRef<'a, T> {
    let sizes = layout.leads[lead];
    let rows = sizes.columns * sizes.padded;
    let values =
        &memory.leads[lead].columns.as_slice()[first * memory.batch * rows..][..rows * count];
    let all = MatRef::from_column_major_slice(values, rows, count);
    all.subrows(
        (slot.index(sizes.cells) + plane) * sizes.padded,
        sizes.units,
    )
}

fn add_lanes<T: Element>(
    layout: &Layout,
    errors: &Errors<T>,
    gradient: &crate::rt::program::Gradient,
    dparams: &mut [T],
) {
    let sizes = layout.leads[gradient.lead];
    let param = layout.params[gradient.param];
    let target = &mut dparams[param.start..][..param.len()];
    let sums = errors.leads[gradient.lead].gradients.as_slice();
    for plane in 0..gradient.slot.len(sizes.cells) {
        let row = gradient.slot.index(sizes.cells) + plane;
        for unit in 0..sizes.units {
            let (group, lane) = (unit / layout.lanes, unit % layout.lanes);
            let place = if gradient.scalar {
                0
            } else {
                plane * sizes.units + unit
            };
            target[place] += sums[(group * sizes.gradients + row) * layout.lanes + lane];
        }
    }
}

/// ∂L/∂x = Σ Wᵀ error, on top of what the sweep wrote element by element.
fn input_gradient<T: Element>(
    layout: &Layout,
    params: &[T],
    errors: &Errors<T>,
    count: usize,
    mut dx: MatMut<'_, T>,
) {
    let mut accumulate = layout.program.input_gradient;
    for product in layout.program.input_products {
        let matrix = layout.params[product.matrix];
        let weights = &params[matrix.start..][..matrix.len()];
        let weights = MatRef::from_column_major_slice(weights, matrix.rows, matrix.columns);
        let units = layout.leads[product.lead].units;
        for plane in 0..product.slot.len(layout.leads[product.lead].cells) {
            let error = error_columns(layout, errors, product.lead, product.slot, plane, count);
            let weights = weights.subrows(plane * units, units);
            let accum = if accumulate {
                Accum::Add
            } else {
                Accum::Replace
            };
            matmul(
                dx.as_mut(),
                accum,
                weights.transpose(),
                error,
                T::one_impl(),
                Par::Seq,
            );
            accumulate = true;
        }
    }
    if !accumulate {
        dx.fill(T::zero_impl());
    }
}
