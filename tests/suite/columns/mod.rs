//! Wherever the columns of a sequence lie, the results are those of a time-major copy, to the bit.

use faer::{ColRef, Mat};
use lstm_kernels::{Cell, Columns, Kernel, State, Threads, Width, cells};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::bits::bits_of_columns;
use crate::gradients::toys;
use crate::passes::Real;

use place::{Place, UNTOUCHED};

mod errors;
mod place;

/// Which columns the matrices of a call use.
struct Arrangement {
    name: &'static str,
    x: Columns,
    y: Columns,
    dy: Columns,
    dx: Columns,
}

impl Arrangement {
    fn same(name: &'static str, columns: Columns) -> Self {
        Arrangement {
            name,
            x: columns,
            y: columns,
            dy: columns,
            dx: columns,
        }
    }

    fn all(steps: usize, batch: usize) -> Vec<Self> {
        let (time, samples) = (Columns::time_major, Columns::batch_major);
        let wider = batch + 3;
        vec![
            Self::same("time-major", time(batch)),
            Self::same("batch-major", samples(steps)),
            Self::same("reversed", time(batch).reversed(steps)),
            Self::same("batch-major, reversed", samples(steps).reversed(steps)),
            Self::same("some samples", time(wider).skip_samples(2)),
            Self::same("some steps", samples(steps + 4).skip_steps(3)),
            Self::same(
                "samples backwards",
                Columns::new(batch, batch as isize + 1, -1),
            ),
            Arrangement {
                name: "each differently",
                x: time(wider).reversed(steps),
                y: samples(steps),
                dy: Columns::new(3, 2 * batch as isize, 2),
                dx: samples(steps + 1).reversed(steps),
            },
        ]
    }
}

/// What a forward and a backward pass produce.
struct Results<T> {
    y: Mat<T>,
    last: State<T>,
    dx: Mat<T>,
    dfirst: State<T>,
    dparams: Vec<T>,
}

impl<T: Real> Results<T> {
    fn bits(&self) -> Vec<u8> {
        let mut bits = Vec::new();
        let mut add =
            |matrix| bits_of_columns(matrix).for_each(|column| bits.extend_from_slice(column));
        add(self.y.as_ref());
        add(self.dx.as_ref());
        for state in [&self.last, &self.dfirst] {
            (0..state.len()).for_each(|index| add(state.get(index)));
        }
        add(ColRef::from_slice(&self.dparams).as_mat());
        bits
    }
}

/// A sequence, time-major.
struct Problem<T> {
    params: Vec<T>,
    x: Mat<T>,
    dy: Mat<T>,
    first: Vec<Mat<T>>,
    dlast: Vec<Mat<T>>,
    steps: usize,
    batch: usize,
}

impl<T: Real> Problem<T> {
    fn new<C: Cell>(kernel: &Kernel<C, T>, steps: usize, batch: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(11);
        let mut number = || T::of(rng.random_range(-0.5..0.5));
        let mut matrix = |rows, columns| Mat::from_fn(rows, columns, |_, _| number());
        let mut states = || {
            (0..C::SPEC.carried.len())
                .map(|index| matrix(kernel.carried_len(index), batch))
                .collect()
        };
        let (first, dlast) = (states(), states());
        Problem {
            first,
            dlast,
            x: matrix(kernel.input_len(), steps * batch),
            dy: matrix(kernel.output_len(), steps * batch),
            params: (0..kernel.params_len()).map(|_| number()).collect(),
            steps,
            batch,
        }
    }

    fn state<C: Cell>(&self, kernel: &Kernel<C, T>, values: &[Mat<T>]) -> State<T> {
        let mut state = kernel.zero_state(self.batch).unwrap();
        for (index, values) in values.iter().enumerate() {
            state.get_mut(index).copy_from(values);
        }
        state
    }

    /// On time-major matrices.
    fn plain<C: Cell>(&self, kernel: &Kernel<C, T>) -> Results<T> {
        let packed = kernel.pack(&self.params).unwrap();
        let (x, dy) = (self.x.as_ref(), self.dy.as_ref());
        let mut tape = kernel.tape(self.steps, self.batch).unwrap();
        let mut last = self.state(kernel, &self.first);
        let mut y = Mat::zeros(dy.nrows(), dy.ncols());
        kernel
            .forward(&packed, x, &mut last, y.as_mut(), &mut tape)
            .unwrap();
        let mut dfirst = self.state(kernel, &self.dlast);
        let mut dparams = vec![T::of(0.0); self.params.len()];
        let mut dx = Mat::zeros(x.nrows(), x.ncols());
        let wanted = Some(dx.as_mut());
        kernel
            .backward(&packed, x, dy, &mut dfirst, &mut tape, &mut dparams, wanted)
            .unwrap();
        Results {
            y,
            last,
            dx,
            dfirst,
            dparams,
        }
    }

    /// On columns that lie elsewhere.
    fn arranged<C: Cell>(
        &self,
        kernel: &Kernel<C, T>,
        at: &Arrangement,
        with_dx: bool,
        case: &str,
    ) -> Results<T> {
        let (steps, batch) = (self.steps, self.batch);
        let (inputs, outputs) = (kernel.input_len(), kernel.output_len());
        let packed = kernel.pack(&self.params).unwrap();
        // Whoever reads beside the sequence reads NaN.
        let x = Place::new(inputs, at.x, steps, batch, f64::NAN).with(&self.x, batch);
        let dy = Place::new(outputs, at.dy, steps, batch, f64::NAN).with(&self.dy, batch);
        let (x, dy) = (at.x.of(x.as_ref()), at.dy.of(dy.as_ref()));

        let mut inferred = Place::new(outputs, at.y, steps, batch, UNTOUCHED);
        let mut inferred_last = self.state(kernel, &self.first);
        let mut workspace = kernel.workspace(batch).unwrap();
        let to = at.y.of(inferred.as_mut());
        kernel
            .infer_columns(&packed, steps, x, &mut inferred_last, to, &mut workspace)
            .unwrap();

        let mut y = Place::new(outputs, at.y, steps, batch, UNTOUCHED);
        let mut last = self.state(kernel, &self.first);
        let mut tape = kernel.tape(steps, batch).unwrap();
        let to = at.y.of(y.as_mut());
        kernel
            .forward_columns(&packed, steps, x, &mut last, to, &mut tape)
            .unwrap();
        let y = y.take(steps, batch, case);
        let inferred = inferred.take(steps, batch, case);
        assert!(
            bits_of_columns(inferred.as_ref()).eq(bits_of_columns(y.as_ref())),
            "{case}"
        );
        for index in 0..last.len() {
            let (inferred, recorded) = (inferred_last.get(index), last.get(index));
            assert!(
                bits_of_columns(inferred).eq(bits_of_columns(recorded)),
                "{case}"
            );
        }

        let mut dx = Place::new(inputs, at.dx, steps, batch, UNTOUCHED);
        let mut dfirst = self.state(kernel, &self.dlast);
        let mut dparams = vec![T::of(0.0); self.params.len()];
        let wanted = with_dx.then(|| at.dx.of(dx.as_mut()));
        kernel
            .backward_columns(
                &packed,
                steps,
                x,
                dy,
                &mut dfirst,
                &mut tape,
                &mut dparams,
                wanted,
            )
            .unwrap();
        Results {
            y,
            last,
            dx: dx.take(steps, batch, case),
            dfirst,
            dparams,
        }
    }

    /// All arrangements give these bits.
    fn check<C: Cell>(&self, kernel: &Kernel<C, T>, expected: &Results<T>, case: &str) {
        let expected_bits = expected.bits();
        for at in Arrangement::all(self.steps, self.batch) {
            let (steps, batch) = (self.steps, self.batch);
            let case = format!(
                "{}, {case}, {} threads, {steps} steps of {batch} samples, {}",
                C::SPEC.name,
                kernel.threads(),
                at.name
            );
            let results = self.arranged(kernel, &at, true, &case);
            assert!(results.bits() == expected_bits, "{case}");
        }
        // Without the gradient of the input, nothing of it is written.
        let at = &Arrangement::all(self.steps, self.batch)[1];
        let mut results = self.arranged(kernel, at, false, case);
        assert!(
            results
                .dx
                .col_iter()
                .all(|column| { column.iter().all(|value| value.wide() == UNTOUCHED) })
        );
        results.dx.copy_from(&expected.dx);
        assert!(results.bits() == expected_bits, "{case} without dx");
    }
}

/// Steps and samples: what runs ahead in part and in whole, full tiles, and weight gradients summed in two blocks of
/// steps and samples, of which the second begins within a step.
const SHAPES: [(usize, usize); 4] = [(9, 1), (10, 3), (4, 13), (13, 40)];

fn check_widths<C: Cell, T: Real>(sizes: &[usize]) {
    for width in Width::available() {
        let kernel = Kernel::<C, T>::with_width(sizes, width).unwrap();
        for (steps, batch) in SHAPES {
            let problem = Problem::new(&kernel, steps, batch);
            problem.check(&kernel, &problem.plain(&kernel), &width.to_string());
        }
    }
}

#[test]
fn every_cell_at_every_width() {
    macro_rules! check {
        ($($cell:ident: $sizes:expr;)*) => {$(
            check_widths::<cells::$cell, f32>(&$sizes);
            check_widths::<cells::$cell, f64>(&$sizes);
        )*};
    }
    check! {
        ElmanRnn: [3, 18];
        Lstm: [3, 18];
        Lstm1997: [3, 9, 2];
        Lstm1997Truncated: [3, 9, 2];
        Lstm2002Truncated: [3, 9, 2];
        PeepholeLstm: [3, 9, 2];
        GruResetAfter: [3, 18];
        GruResetBefore: [3, 18];
        ProjectionLstm: [3, 18, 5];
    }
    check_widths::<toys::IndependentUnits, f64>(&[3, 18]);
}

/// Sizes and steps large enough for three threads to take part: some share samples, some units (see `Shares`).
fn check_threads<C: Cell>(sizes: &[usize]) {
    let alone = Kernel::<C, f32>::new(sizes).unwrap();
    for (steps, batch) in SHAPES {
        let problem = Problem::new(&alone, steps, batch);
        let expected = problem.plain(&alone);
        for count in 1..=3 {
            let threads = Threads::new(count).unwrap();
            let kernel = alone.clone().with_threads(&threads);
            problem.check(&kernel, &expected, "large");
        }
    }
}

#[test]
fn threads_write_the_same_columns() {
    check_threads::<cells::Lstm>(&[70, 131]);
    check_threads::<cells::GruResetBefore>(&[70, 150]);
    check_threads::<cells::PeepholeLstm>(&[70, 61, 2]);
}

/// A matrix that meets several vectors in a step has a gradient to which the products with each of them are added.
#[test]
fn threads_add_to_gradients_of_matrices_that_meet_several_vectors() {
    fn check<C: Cell>(sizes: &[usize]) {
        let alone = Kernel::<C, f64>::new(sizes).unwrap();
        for (steps, batch) in SHAPES {
            let problem = Problem::new(&alone, steps, batch);
            let expected = problem.plain(&alone).bits();
            // Several times, as threads that add at once need not meet in the same place.
            for count in [2, 3, 2, 3] {
                let threads = Threads::new(count).unwrap();
                let results = problem.plain(&alone.clone().with_threads(&threads));
                let case = format!("{steps} steps of {batch} samples on {count} threads");
                assert!(results.bits() == expected, "{}, {case}", C::SPEC.name);
            }
        }
    }
    check::<toys::MicroSteps>(&[40, 131]);
    check::<toys::SharedBlocks>(&[70, 131, 2]);
}

#[test]
fn one_input_may_serve_all_steps() {
    let kernel = Kernel::<cells::GruResetAfter, f64>::new(&[4, 7]).unwrap();
    let mut problem = Problem::new(&kernel, 6, 2);
    let inputs = problem.x.subcols(0, 2).to_owned();
    problem.x = Mat::from_fn(4, 12, |row, column| inputs[(row, column % 2)]);
    let packed = kernel.pack(&problem.params).unwrap();
    let (mut y, mut state) = (Mat::zeros(7, 12), problem.state(&kernel, &problem.first));
    let mut workspace = kernel.workspace(2).unwrap();
    let x = Columns::new(0, 0, 1).of(inputs.as_ref());
    let to = Columns::time_major(2).of(y.as_mut());
    kernel
        .infer_columns(&packed, 6, x, &mut state, to, &mut workspace)
        .unwrap();
    assert_eq!(y, problem.plain(&kernel).y);
}
