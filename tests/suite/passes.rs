//! Runs a kernel on plain f64 vectors, so that every test compares numbers in one form.

use faer::{Mat, MatRef};
use lstm_kernels::{Cell, Element, Kernel, State};

/// An element type that numbers of the tests are converted to and from.
pub trait Real: Element {
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
    /// The same value in f64.
    fn wide(self) -> f64;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
}

/// A batch of sequences and everything their results and gradients depend on. Matrices are column-major, with column
/// `t * batch + b` for step `t` of sample `b`, or column `b` for a state; states are in the order of the cell's SPEC.
#[derive(Clone)]
pub struct Problem {
    /// Sequences side by side.
    pub batch: usize,
    /// All parameters, flat.
    pub params: Vec<f64>,
    /// The inputs.
    pub x: Vec<f64>,
    /// The carried states before the first step.
    pub first: Vec<Vec<f64>>,
    /// Gradient of the loss with respect to the outputs.
    pub dy: Vec<f64>,
    /// Gradient of the loss with respect to the carried states after the last step.
    pub dlast: Vec<Vec<f64>>,
}

/// Outputs and last carried states.
#[derive(Debug, PartialEq)]
pub struct Outputs {
    /// The outputs.
    pub y: Vec<f64>,
    /// The carried states after the last step.
    pub last: Vec<Vec<f64>>,
}

/// Gradients of the loss.
#[derive(Debug, PartialEq)]
pub struct Gradients {
    /// With respect to the flat parameters.
    pub params: Vec<f64>,
    /// With respect to the inputs.
    pub x: Vec<f64>,
    /// With respect to the carried states before the first step.
    pub first: Vec<Vec<f64>>,
}

/// Runs `infer` on pieces of `steps` steps each and carries the state from piece to piece.
pub fn infer<C: Cell, T: Real>(kernel: &Kernel<C, T>, p: &Problem, steps: usize) -> Outputs {
    let packed = kernel
        .pack(&narrow(&p.params))
        .expect("as many parameters as the kernel has");
    let x = matrix::<T>(kernel.input_len(), &p.x);
    let mut y = unwritten::<T>(kernel.output_len(), x.ncols());
    let mut state = state(kernel, p.batch, &p.first);
    let mut workspace = kernel.workspace(p.batch).unwrap();
    for start in (0..x.ncols()).step_by(steps * p.batch) {
        let columns = (steps * p.batch).min(x.ncols() - start);
        let (x, y) = (x.subcols(start, columns), y.subcols_mut(start, columns));
        kernel
            .infer(&packed, x, &mut state, y, &mut workspace)
            .expect("shapes that fit");
    }
    Outputs {
        y: values(y.as_ref()),
        last: states(kernel, &state),
    }
}

/// Runs `forward` and `backward`.
pub fn train<C: Cell, T: Real>(kernel: &Kernel<C, T>, p: &Problem) -> (Outputs, Gradients) {
    run(kernel, p, true)
}

/// Runs `forward` and `backward` without the gradient of the input, which is left empty.
pub fn train_without_dx<C: Cell, T: Real>(
    kernel: &Kernel<C, T>,
    p: &Problem,
) -> (Outputs, Gradients) {
    run(kernel, p, false)
}

fn run<C: Cell, T: Real>(
    kernel: &Kernel<C, T>,
    p: &Problem,
    with_dx: bool,
) -> (Outputs, Gradients) {
    let params = narrow::<T>(&p.params);
    let packed = kernel
        .pack(&params)
        .expect("as many parameters as the kernel has");
    let x = matrix::<T>(kernel.input_len(), &p.x);
    let mut y = unwritten::<T>(kernel.output_len(), x.ncols());
    let mut last = state(kernel, p.batch, &p.first);
    let mut tape = kernel.tape(x.ncols() / p.batch, p.batch).unwrap();
    kernel
        .forward(&packed, x.as_ref(), &mut last, y.as_mut(), &mut tape)
        .expect("shapes that fit");

    let dy = matrix::<T>(kernel.output_len(), &p.dy);
    let mut dstate = state(kernel, p.batch, &p.dlast);
    let mut dx = with_dx.then(|| unwritten::<T>(kernel.input_len(), x.ncols()));
    // Gradients of parameters are added to what is there: a kernel that overwrites is off by one.
    let mut dparams = vec![T::of(1.0); params.len()];
    kernel
        .backward(
            &packed,
            x.as_ref(),
            dy.as_ref(),
            &mut dstate,
            &mut tape,
            &mut dparams,
            dx.as_mut().map(|dx| dx.as_mut()),
        )
        .expect("shapes that fit");
    let gradients = Gradients {
        params: dparams.into_iter().map(|d| d.wide() - 1.0).collect(),
        x: dx.map_or(Vec::new(), |dx| values(dx.as_ref())),
        first: states(kernel, &dstate),
    };
    (
        Outputs {
            y: values(y.as_ref()),
            last: states(kernel, &last),
        },
        gradients,
    )
}

fn narrow<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&v| T::of(v)).collect()
}

fn matrix<T: Real>(rows: usize, values: &[f64]) -> Mat<T> {
    Mat::from_fn(rows, values.len() / rows, |i, j| {
        T::of(values[i + rows * j])
    })
}

/// A result's place, filled with what no test accepts.
fn unwritten<T: Real>(rows: usize, columns: usize) -> Mat<T> {
    Mat::from_fn(rows, columns, |_, _| T::of(f64::NAN))
}

fn values<T: Real>(m: MatRef<'_, T>) -> Vec<f64> {
    (0..m.ncols())
        .flat_map(|j| (0..m.nrows()).map(move |i| m[(i, j)].wide()))
        .collect()
}

fn state<C: Cell, T: Real>(kernel: &Kernel<C, T>, batch: usize, values: &[Vec<f64>]) -> State<T> {
    let mut state = kernel.zero_state(batch).unwrap();
    for (i, values) in values.iter().enumerate() {
        let rows = kernel.carried_len(i);
        let mut to = state.get_mut(i);
        for (k, &value) in values.iter().enumerate() {
            to[(k % rows, k / rows)] = T::of(value);
        }
    }
    state
}

fn states<C: Cell, T: Real>(kernel: &Kernel<C, T>, state: &State<T>) -> Vec<Vec<f64>> {
    assert_eq!(state.get(0).ncols(), state.batch());
    (0..C::SPEC.carried.len())
        .map(|i| {
            assert_eq!(state.get(i).nrows(), kernel.carried_len(i));
            values(state.get(i))
        })
        .collect()
}
