//! Samples and units that change hands in the middle of a sweep: not a bit depends on it.

use std::thread;
use std::time::Duration;

use faer::Mat;

use super::reuse::{matrix, number};
use super::verbs::column_grid;
use super::{Kernel, Tape};
use crate::columns::Columns;
use crate::rt::{Backward, ColumnGrid, Forward, Queue, Share, Task};
use crate::threads::{Meeting, Threads};
use crate::{Cell, Packed, cells};

const STEPS: usize = 60;
const BATCH: usize = 48;
/// Samples of every thread but the first.
const FEW: usize = 6;

/// The first thread has most of the samples, and begins when another one has come to the end: it hands over half of them
/// before its first step. Later ones change hands as it happens.
fn uneven<'a>(thread: usize, meeting: &'a Meeting, _queue: &'a Queue) -> Share<'a> {
    let many = BATCH - FEW * (meeting.count() - 1);
    let samples = match thread.checked_sub(1) {
        None => {
            while meeting.count() > 1 && !meeting.relief.is_wanted() {
                thread::yield_now();
            }
            0..many
        }
        Some(before) => many + FEW * before..many + FEW * (before + 1),
    };
    Share {
        thread,
        samples,
        part: 0,
        parts: 1,
        together: None,
        relief: Some(&meeting.relief),
    }
}

/// Each thread has some units, and the last one leaves after the first step.
fn parting<'a>(thread: usize, meeting: &'a Meeting, queue: &'a Queue) -> Share<'a> {
    if thread == 0 {
        (meeting.barrier).pretend_waiting(Duration::from_secs(60));
    }
    Share {
        thread,
        samples: 0..BATCH,
        part: thread,
        parts: meeting.count(),
        together: Some((&meeting.barrier, queue)),
        relief: None,
    }
}

/// How many threads leave such a meeting at least: on a busy machine the last but one may, too.
fn leaving(share: &Share<'_>, meeting: &Meeting) -> usize {
    usize::from(share.together.is_some() && meeting.count() > 1)
}

/// What a thread of a meeting has to do.
type Sharing = for<'a> fn(usize, &'a Meeting, &'a Queue) -> Share<'a>;

struct Problem {
    x: Mat<f32>,
    dy: Mat<f32>,
    packed: Packed<f32>,
}

impl Problem {
    fn new<C: Cell>(kernel: &Kernel<C, f32>) -> Self {
        let params: Vec<_> = (0..kernel.params_len()).map(number).collect();
        Problem {
            x: matrix(kernel.input_len(), STEPS * BATCH),
            dy: matrix(kernel.output_len(), STEPS * BATCH),
            packed: kernel.pack(&params).unwrap(),
        }
    }

    /// The output, and all error signals, as bits.
    fn solve<C: Cell>(&self, kernel: &Kernel<C, f32>, sharing: Sharing) -> Vec<u32> {
        let mut tape = kernel.tape(STEPS, BATCH).unwrap();
        let mut y = Mat::zeros(kernel.output_len(), STEPS * BATCH);
        let mut zero = kernel.zero_state(BATCH).unwrap();
        tape.memory.load_state(&kernel.layout, &zero);
        (tape.errors).visit_carries(&kernel.layout, STEPS % 2, &mut zero, |carry, _| {
            carry.fill(0.0);
        });
        let columns = Columns::time_major(BATCH);
        let input = column_grid(&columns.of(self.x.as_ref()), STEPS, BATCH);
        let upstream = column_grid(&columns.of(self.dy.as_ref()), STEPS, BATCH);
        let output = column_grid(&columns.of(y.as_mut()), STEPS, BATCH);
        let Tape { memory, errors, .. } = &tape;
        let all = |most| most;
        kernel.share(kernel.threads(), all, &|thread, meeting| {
            let share = sharing(thread, meeting, &memory.queue);
            let leaving = leaving(&share, meeting);
            kernel.run(Task::Forward(Forward {
                layout: &kernel.layout,
                equations: kernel.equations.forward(kernel.token, true),
                packed: &self.packed,
                share,
                steps: STEPS,
                input,
                output,
                memory,
            }));
            assert!(thread > 0 || meeting.left() >= leaving);
        });
        kernel.share(kernel.threads(), all, &|thread, meeting| {
            let share = sharing(thread, meeting, &memory.queue);
            let leaving = leaving(&share, meeting);
            kernel.run(Task::Backward(Backward {
                layout: &kernel.layout,
                equations: kernel.equations.backward(kernel.token),
                packed: &self.packed,
                share,
                steps: STEPS,
                input,
                upstream,
                input_gradient: ColumnGrid::none(),
                memory,
                errors,
            }));
            assert!(thread > 0 || meeting.left() >= leaving);
        });
        let errors = tape.errors.leads.iter_mut().flat_map(|lead| {
            let (columns, gradients) = (&mut lead.columns, &mut lead.gradients);
            columns
                .as_mut_slice()
                .iter()
                .chain(&*gradients.as_mut_slice())
        });
        let outputs = y.col_iter().flat_map(|column| column.iter());
        outputs.chain(errors).map(|value| value.to_bits()).collect()
    }
}

fn check<C: Cell>(sizes: &[usize], sharing: Sharing) {
    let alone = Kernel::<C, f32>::new(sizes).unwrap();
    let problem = Problem::new(&alone);
    let expected = problem.solve(&alone, uneven);
    assert!(expected.iter().any(|&bits| bits != 0));
    for count in 2..=4 {
        for _ in 0..5 {
            // Others each time: these remember who has left.
            let kernel = alone.clone().with_threads(&Threads::new(count).unwrap());
            let equal = problem.solve(&kernel, sharing) == expected;
            assert!(equal, "{} with {count} threads", C::SPEC.name);
        }
    }
}

fn check_cells(sharing: Sharing) {
    check::<cells::Lstm>(&[9, 37], sharing);
    check::<cells::PeepholeLstm>(&[5, 21, 2], sharing);
    check::<cells::GruResetBefore>(&[9, 40], sharing);
    check::<cells::ProjectionLstm>(&[3, 18, 5], sharing);
}

#[test]
fn who_computes_a_sample_does_not_change_a_bit() {
    check_cells(uneven);
}

#[test]
fn a_thread_that_leaves_does_not_change_a_bit() {
    check_cells(parting);
}
