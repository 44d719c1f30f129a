//! Results do not depend on how work is shared out: to threads, to calls, to batches.

use faer::Mat;
use lstm_kernels::{Cell, Kernel, Threads, Width, cells};
use pulp::bytemuck;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::bits::{bits_of_column, bits_of_columns};

/// Everything that a forward and a backward pass produce, as bits.
#[derive(Debug, PartialEq)]
struct Bits {
    /// Per sample: outputs, final states, gradients of inputs and of initial states.
    samples: Vec<Vec<u8>>,
    /// Gradients of parameters.
    params: Vec<u32>,
}

/// A sequence for a kernel, the same for every way of computing it.
struct Problem {
    params: Vec<f32>,
    x: Mat<f32>,
    dy: Mat<f32>,
    steps: usize,
    batch: usize,
}

impl Problem {
    fn new<C: Cell>(kernel: &Kernel<C, f32>, steps: usize, batch: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut number = || rng.random_range(-0.3_f32..0.3);
        Problem {
            params: (0..kernel.params_len()).map(|_| number()).collect(),
            x: Mat::from_fn(kernel.input_len(), steps * batch, |_, _| number()),
            dy: Mat::from_fn(kernel.output_len(), steps * batch, |_, _| number()),
            steps,
            batch,
        }
    }

    /// The same for some of the samples only.
    fn part(&self, first: usize, batch: usize) -> Problem {
        let column = |column: usize| (column / batch) * self.batch + first + column % batch;
        let part = |matrix: &Mat<f32>| {
            let mut part = Mat::zeros(matrix.nrows(), self.steps * batch);
            for at in 0..part.ncols() {
                let to = part.col_mut(at).try_as_col_major_mut().unwrap();
                let from = matrix.col(column(at)).try_as_col_major().unwrap();
                to.as_slice_mut().copy_from_slice(from.as_slice());
            }
            part
        };
        Problem {
            params: self.params.clone(),
            x: part(&self.x),
            dy: part(&self.dy),
            steps: self.steps,
            batch,
        }
    }

    fn solve<C: Cell>(&self, kernel: &Kernel<C, f32>) -> Bits {
        let (x, dy) = (self.x.as_ref(), self.dy.as_ref());
        let packed = kernel.pack(&self.params).unwrap();
        let mut tape = kernel.tape(self.steps, self.batch).unwrap();
        let mut y = Mat::zeros(dy.nrows(), dy.ncols());
        let mut state = kernel.zero_state(self.batch).unwrap();
        kernel
            .forward(&packed, x, &mut state, y.as_mut(), &mut tape)
            .unwrap();
        let mut inferred = y.clone();
        let mut workspace = kernel.workspace(self.batch).unwrap();
        let mut inferred_state = kernel.zero_state(self.batch).unwrap();
        kernel
            .infer(
                &packed,
                x,
                &mut inferred_state,
                inferred.as_mut(),
                &mut workspace,
            )
            .unwrap();
        let same = bits_of_columns(y.as_ref()).eq(bits_of_columns(inferred.as_ref()));
        assert!(same, "with and without a tape");
        let mut dstate = kernel.zero_state(self.batch).unwrap();
        let mut dparams = vec![0.0; kernel.params_len()];
        let mut dx = Mat::zeros(x.nrows(), x.ncols());
        kernel
            .backward(
                &packed,
                x,
                dy,
                &mut dstate,
                &mut tape,
                &mut dparams,
                Some(dx.as_mut()),
            )
            .unwrap();
        let sample = |sample: usize| {
            let mut bits = Vec::new();
            for matrix in [&y, &dx] {
                for column in (sample..matrix.ncols()).step_by(self.batch) {
                    bits.extend_from_slice(bits_of_column(matrix.as_ref(), column));
                }
            }
            for state in [&state, &dstate] {
                for index in 0..state.len() {
                    bits.extend_from_slice(bits_of_column(state.get(index), sample));
                }
            }
            bits
        };
        Bits {
            samples: (0..self.batch).map(sample).collect(),
            params: bytemuck::cast_slice(&dparams).to_vec(),
        }
    }
}

/// Steps times samples whose gradients of weights are summed before they are added to what is there.
const BLOCK: usize = 1024;

/// Multiply-adds of a step for each thread, with fewer than which it takes no part.
const WORTH_A_MEETING: usize = 16 * 1024;

/// Batches that are shared out by units (1, 3; 7 and 11 to two and to three threads and more, in several tiles), by samples (120:
/// more than 16 for each of four threads, and more columns than a block of the gradients has), and by the one or the other as the
/// step is long or short (20). Sizes are no multiples of a register.
fn check<C: Cell>(sizes: &[usize]) {
    check_batches::<C>(sizes, &[1, 3, 7, 11, 20, 120]);
}

fn check_batches<C: Cell>(sizes: &[usize], batches: &[usize]) {
    let steps = 9;
    for &batch in batches {
        let alone = Kernel::<C, f32>::new(sizes).unwrap();
        let weights = alone.params_len();
        assert!(batch * weights >= 4 * WORTH_A_MEETING, "four threads");
        let problem = Problem::new(&alone, steps, batch);
        let expected = problem.solve(&alone);
        for count in 2..=4 {
            let threads = Threads::new(count).unwrap();
            let kernel = alone.clone().with_threads(&threads);
            assert_eq!(
                problem.solve(&kernel),
                expected,
                "{} with {count} threads, batch {batch}",
                C::SPEC.name
            );
        }
        // Any part of the batch gives its samples the bits that they have in the whole.
        for first in [0, batch / 3] {
            let part = problem.part(first, batch - batch / 2).solve(&alone);
            let expected = &expected.samples[first..][..batch - batch / 2];
            assert_eq!(part.samples, expected, "{}, batch {batch}", C::SPEC.name);
        }
    }
}

#[test]
fn threads_and_batches_do_not_change_a_bit() {
    check::<cells::Lstm>(&[70, 131]);
    check::<cells::PeepholeLstm>(&[70, 67, 2]);
    check::<cells::GruResetBefore>(&[70, 150]);
    check::<cells::ElmanRnn>(&[170, 301]);
    // Panels beyond 32 KiB, which tiles read in turns: on the way forward and on the way back.
    check::<cells::Lstm>(&[700, 23]);
    check::<cells::Lstm>(&[5, 290]);
}

#[test]
fn products_that_run_ahead_because_weights_are_far_do_not_change_a_bit() {
    // Beyond 4 MiB of weights, 12 to 32 samples: 8 of the 9 steps run ahead for 32, whose samples two threads share out, the
    // others their units. Parts of 12 run ahead as small batches do, 33 do not.
    check_batches::<cells::Lstm>(&[600, 301], &[12, 32, 33]);
}

/// Gradients of weights are summed over pieces of columns, and blocks of these: 1260 columns against five times 252.
#[test]
fn gradients_of_many_columns_are_sums_of_those_of_few() {
    fn check<C: Cell>(sizes: &[usize]) {
        let kernel = Kernel::<C, f32>::new(sizes).unwrap();
        let problem = Problem::new(&kernel, 18, 70);
        const { assert!(18 * 70 > BLOCK && 18 * 14 < BLOCK) };
        let gradient = |problem: &Problem| -> Vec<f64> {
            let bits = problem.solve(&kernel).params;
            (bits.into_iter().map(|bits| f64::from(f32::from_bits(bits)))).collect()
        };
        let whole = gradient(&problem);
        let mut sum = vec![0.0; whole.len()];
        for first in (0..70).step_by(14) {
            let part = gradient(&problem.part(first, 14));
            sum.iter_mut()
                .zip(part)
                .for_each(|(sum, part)| *sum += part);
        }
        let largest = whole
            .iter()
            .fold(0.0, |largest: f64, g| largest.max(g.abs()));
        assert!(largest > 1.0, "{}", C::SPEC.name);
        for (whole, sum) in whole.iter().zip(sum) {
            // 1260 roundings of 2^-24 in sums that are no longer than the largest are 8e-5 of it at most.
            let error = (whole - sum).abs();
            assert!(error <= 8e-5 * largest, "{}: {whole} {sum}", C::SPEC.name);
        }
    }
    check::<cells::Lstm>(&[13, 37]);
    check::<cells::PeepholeLstm>(&[5, 21, 2]);
    check::<cells::GruResetBefore>(&[33, 18]);
    check::<cells::ElmanRnn>(&[4, 100]);
}

#[test]
fn streaming_gives_the_bits_of_the_sequence() {
    for width in Width::available() {
        let kernel = Kernel::<cells::Lstm, f32>::with_width(&[5, 19], width).unwrap();
        let problem = Problem::new(&kernel, 40, 1);
        let packed = kernel.pack(&problem.params).unwrap();
        let mut workspace = kernel.workspace(1).unwrap();
        let mut whole = Mat::zeros(19, 40);
        kernel
            .infer(
                &packed,
                problem.x.as_ref(),
                &mut kernel.zero_state(1).unwrap(),
                whole.as_mut(),
                &mut workspace,
            )
            .unwrap();
        let (mut state, mut y) = (kernel.zero_state(1).unwrap(), Mat::zeros(19, 1));
        for step in 0..40 {
            let x = problem.x.as_ref().subcols(step, 1);
            kernel
                .infer(&packed, x, &mut state, y.as_mut(), &mut workspace)
                .unwrap();
            assert_eq!(y.col(0), whole.col(step), "step {step} at {width}");
        }
    }
}

#[test]
fn kernels_side_by_side_give_the_bits_of_one_after_the_other() {
    let alone = Kernel::<cells::Lstm, f32>::new(&[70, 131]).unwrap();
    let problems = [20, 3].map(|batch| Problem::new(&alone, 9, batch));
    let expected = [problems[0].solve(&alone), problems[1].solve(&alone)];
    for count in 1..=3 {
        let threads = Threads::new(count).unwrap();
        let kernel = alone.clone().with_threads(&threads);
        let (first, second) =
            threads.join(|| problems[0].solve(&kernel), || problems[1].solve(&kernel));
        assert_eq!([first, second], expected, "{count} threads");
    }
}
