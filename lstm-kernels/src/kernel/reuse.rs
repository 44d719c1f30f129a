//! Tapes and workspaces in use for one shape after another: nothing left from an earlier use reaches a result.

use faer::{Mat, MatRef};

use super::{Kernel, Tape, Workspace};
use crate::{Cell, Packed, State, Width, cells};

/// Numbers between -0.5 and 0.5 that look unrelated: the fractions of multiples of the golden ratio.
pub(crate) fn number(index: usize) -> f32 {
    (index as f64 * 0.618_033_988_749_895).fract() as f32 - 0.5
}

pub(super) fn matrix(rows: usize, columns: usize) -> Mat<f32> {
    Mat::from_fn(rows, columns, |row, column| number(1 + row + rows * column))
}

fn state<C: Cell>(kernel: &Kernel<C, f32>, batch: usize) -> State<f32> {
    let mut state = kernel.zero_state(batch).unwrap();
    for index in 0..state.len() {
        let values = matrix(kernel.carried_len(index), batch);
        state.get_mut(index).copy_from(&values);
    }
    state
}

fn bits<'a>(matrices: impl IntoIterator<Item = MatRef<'a, f32>>) -> Vec<u32> {
    let mut bits = Vec::new();
    for matrix in matrices {
        for column in matrix.col_iter() {
            bits.extend(column.iter().map(|value| value.to_bits()));
        }
    }
    bits
}

/// Forward and backward on a tape.
pub(super) fn train<C: Cell>(
    kernel: &Kernel<C, f32>,
    packed: &Packed<f32>,
    tape: &mut Tape<f32>,
) -> Vec<u32> {
    let (steps, batch) = (tape.steps(), tape.batch());
    let x = matrix(kernel.input_len(), steps * batch);
    let dy = matrix(kernel.output_len(), steps * batch);
    let (mut last, mut dfirst) = (state(kernel, batch), state(kernel, batch));
    let (mut y, mut dx) = (dy.clone(), x.clone());
    let mut dparams = vec![0.0; kernel.params_len()];
    kernel
        .forward(packed, x.as_ref(), &mut last, y.as_mut(), tape)
        .unwrap();
    let wanted = Some(dx.as_mut());
    let (x, dy) = (x.as_ref(), dy.as_ref());
    kernel
        .backward(packed, x, dy, &mut dfirst, tape, &mut dparams, wanted)
        .unwrap();
    let states = (0..last.len()).flat_map(|index| [last.get(index), dfirst.get(index)]);
    let dparams = MatRef::from_column_major_slice(&dparams, dparams.len(), 1);
    bits([y.as_ref(), dx.as_ref(), dparams].into_iter().chain(states))
}

/// Inference on a workspace.
pub(super) fn infer<C: Cell>(
    kernel: &Kernel<C, f32>,
    packed: &Packed<f32>,
    workspace: &mut Workspace<f32>,
) -> Vec<u32> {
    let (steps, batch) = (7, workspace.batch());
    let x = matrix(kernel.input_len(), steps * batch);
    let mut y = matrix(kernel.output_len(), steps * batch);
    let mut last = state(kernel, batch);
    kernel
        .infer(packed, x.as_ref(), &mut last, y.as_mut(), workspace)
        .unwrap();
    bits(
        [y.as_ref()]
            .into_iter()
            .chain((0..last.len()).map(|index| last.get(index))),
    )
}

fn check<C: Cell>(sizes: &[usize]) {
    for width in Width::available() {
        let kernel = Kernel::<C, f32>::with_width(sizes, width).unwrap();
        let params: Vec<_> = (0..kernel.params_len()).map(number).collect();
        let packed = kernel.pack(&params).unwrap();
        // Begun for another cell with other sizes.
        let other = Kernel::<cells::Lstm, f32>::new(&[5, 11]).unwrap();
        let mut tape = other.tape(6, 4).unwrap();
        let mut workspace = other.workspace(4).unwrap();
        for (steps, batch) in [(12, 14), (3, 2), (4, 3), (1, 1), (9, 5), (0, 3), (5, 13)] {
            let case = format!("{} at {width}, {steps} steps of {batch}", C::SPEC.name);
            let (had, mut fresh) = (tape.bytes(), kernel.tape(steps, batch).unwrap());
            tape.memory.soil(f32::NAN);
            tape.errors.soil(f32::NAN);
            kernel.reshape_tape(&mut tape, steps, batch).unwrap();
            assert!(tape.bytes() >= had.max(fresh.bytes()), "{case}");
            let expected = train(&kernel, &packed, &mut fresh);
            assert!(train(&kernel, &packed, &mut tape) == expected, "{case}");
            assert!(
                train(&kernel, &packed, &mut tape) == expected,
                "{case}, once more"
            );

            workspace.memory.soil(f32::NAN);
            kernel.reshape_workspace(&mut workspace, batch).unwrap();
            let expected = infer(&kernel, &packed, &mut kernel.workspace(batch).unwrap());
            assert!(
                infer(&kernel, &packed, &mut workspace) == expected,
                "{case}"
            );
        }
    }
}

#[test]
fn what_an_earlier_use_left_behind_has_no_influence() {
    // One of each build: a single pass, memory blocks, two passes, two axes.
    check::<cells::ElmanRnn>(&[3, 18]);
    check::<cells::Lstm1997>(&[3, 9, 2]);
    check::<cells::GruResetBefore>(&[3, 18]);
    check::<cells::ProjectionLstm>(&[3, 18, 5]);
}

#[test]
fn smaller_shapes_do_not_allocate() {
    let kernel = Kernel::<cells::Lstm, f32>::new(&[3, 18]).unwrap();
    let (mut tape, mut workspace) = (kernel.tape(12, 8).unwrap(), kernel.workspace(8).unwrap());
    let bytes = (tape.bytes(), workspace.bytes());
    // A state and two more vectors per step, sample and unit are the least that an LSTM keeps.
    assert!(bytes.0 > 12 * 8 * 18 * 4 * size_of::<f32>() && bytes.1 < bytes.0);
    for (steps, batch) in [(12, 7), (1, 8), (3, 1), (12, 8)] {
        kernel.reshape_tape(&mut tape, steps, batch).unwrap();
        kernel.reshape_workspace(&mut workspace, batch).unwrap();
        assert_eq!((tape.steps(), tape.batch()), (steps, batch));
        assert_eq!(
            (tape.bytes(), workspace.bytes()),
            bytes,
            "{steps} of {batch}"
        );
    }
    let packed = kernel.pack(&vec![0.0; kernel.params_len()]).unwrap();
    assert!(packed.bytes() >= 2 * kernel.params_len() * size_of::<f32>());
}

/// 16 units are as many with padding at every width up to 16 lanes, so that lengths alone often agree.
#[test]
fn a_tape_of_another_width_is_an_error() {
    let kernel = |width| Kernel::<cells::ElmanRnn, f32>::with_width(&[3, 16], width).unwrap();
    let (x, y) = (matrix(3, 8), matrix(16, 8));
    for width in Width::available() {
        let kernel_here = kernel(width);
        let packed = (kernel_here.pack(&vec![0.0; kernel_here.params_len()])).unwrap();
        for other in Width::available() {
            let (mut state, mut y) = (kernel_here.zero_state(2).unwrap(), y.clone());
            let mut tape = kernel(other).tape(4, 2).unwrap();
            let result =
                kernel_here.forward(&packed, x.as_ref(), &mut state, y.as_mut(), &mut tape);
            assert_eq!(
                result.is_ok(),
                other == width,
                "{other} at {width}: {result:?}"
            );
        }
    }
}

#[test]
fn a_tape_of_other_sizes_or_another_cell_is_an_error() {
    // Sizes that need as much memory, as three and five units do where registers are wider.
    let few = Kernel::<cells::Lstm, f32>::new(&[3, 3]).unwrap();
    let more = Kernel::<cells::Lstm, f32>::new(&[3, 5]).unwrap();
    let packed = few.pack(&vec![0.0; few.params_len()]).unwrap();
    let (x, mut y) = (matrix(3, 8), matrix(3, 8));
    let mut state = few.zero_state(2).unwrap();
    let mut tape = more.tape(4, 2).unwrap();
    let wrong = few.forward(&packed, x.as_ref(), &mut state, y.as_mut(), &mut tape);
    let words =
        "the tape, made for another cell, other sizes or another width, cannot serve this call";
    assert!(wrong.unwrap_err().to_string().starts_with(words));
    // The same values forward, but fewer errors backward; where all lengths agree, the forward pass is of another cell.
    let sizes = [3, 8, 2];
    let full = Kernel::<cells::Lstm1997, f32>::new(&sizes).unwrap();
    let packed = full.pack(&vec![0.0; full.params_len()]).unwrap();
    let (x, dy) = (matrix(3, 8), matrix(full.output_len(), 8));
    let mut own = full.tape(4, 2).unwrap();
    let (mut state, mut y) = (full.zero_state(2).unwrap(), dy.clone());
    full.forward(&packed, x.as_ref(), &mut state, y.as_mut(), &mut own)
        .unwrap();
    let truncated = Kernel::<cells::Lstm1997Truncated, f32>::new(&sizes).unwrap();
    let backward = |tape: &mut Tape<f32>| {
        let (mut dstate, mut dparams) = (full.zero_state(2).unwrap(), vec![0.0; full.params_len()]);
        full.backward(
            &packed,
            x.as_ref(),
            dy.as_ref(),
            &mut dstate,
            tape,
            &mut dparams,
            None,
        )
    };
    assert!(backward(&mut own).is_ok());
    assert!(backward(&mut truncated.tape(4, 2).unwrap()).is_err());
    // A new shape forgets the pass, and a tape that was copied still has it.
    assert!(backward(&mut own.clone()).is_ok());
    full.reshape_tape(&mut own, 4, 2).unwrap();
    let message = backward(&mut own).unwrap_err().to_string();
    let words =
        "the tape holds no forward pass of Lstm1997; call `forward` with it before `backward`";
    assert_eq!(message, words);
}
