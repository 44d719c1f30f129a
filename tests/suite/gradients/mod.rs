//! The gradients of the kernels are those of central differences through time: for every cell, every parameter, every
//! initial state and the input, at every SIMD width.
//!
//! The loss is `sum(dy * y) + sum(dlast * last state)` with random weights. In f64 the gradients are held against
//! differences of the kernel's own forward pass, or, where a cell stops gradients, of the function whose gradient that
//! is: the equations interpreted with the stopped values frozen. In f32 they are held against those in f64.

mod differences;
mod library;
pub mod toys;

use lstm_kernels::{Cell, Kernel, Width};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::passes::{self, Gradients, Problem};
use crate::shipped;
use differences::{Place, measure};

/// Units, or blocks: one, fewer than a vector of any width but the scalar, and at and behind vectors of 8 and 16 lanes.
const UNITS: [usize; 5] = [1, 3, 8, 9, 17];
/// Steps: without recurrence beyond the given state, with one, with many.
const STEPS: [usize; 3] = [1, 2, 17];

/// Largest difference allowed between a derivative along a direction and its measured value, relative to the norm of
/// the gradient it is part of (or 1). The five-point difference with step h = 5e-4 errs by h⁴/30 = 2e-15 times a fifth
/// derivative, which quotients and logarithms make large, and by the rounding of losses of about 10, 1e-15 / h = 2e-12;
/// measured, the largest error of a shipped cell is 1e-11, that of `Functions` 1e-10.
const TOLERANCE: f64 = 2e-9;
/// Largest difference between gradients in f32 and in f64, relative to the largest component of the same parameter (or
/// 0.1): some hundred roundings of 6e-8, as in the comparison with the oracles.
const TOLERANCE_F32: f64 = 1e-4;

/// Sizes, steps and samples of a problem.
struct Case {
    sizes: Vec<usize>,
    steps: usize,
    batch: usize,
}

impl Case {
    /// A case in which the axes have sizes by their names in the equations.
    fn new<C: Cell>(steps: usize, batch: usize, size: impl Fn(&str) -> usize) -> Self {
        let sizes = C::SPEC.sizes.iter().map(|axis| size(axis.name)).collect();
        Case {
            sizes,
            steps,
            batch,
        }
    }

    /// Every number of units with every number of steps; every pair of cells per block with units, and with steps.
    fn all<C: Cell>() -> Vec<Case> {
        let mut cases = Vec::new();
        for (u, &units) in UNITS.iter().enumerate() {
            for (s, &steps) in STEPS.iter().enumerate() {
                cases.push(Case::new::<C>(steps, 1 + (u + s) % 3, |axis| match axis {
                    "N" => units,
                    "C" => 1 + (u + 2 * s) % 3,
                    _ => [2, 1, 5][(2 * u + s) % 3],
                }));
            }
        }
        cases
    }

    /// The case so small that every coordinate can be moved by itself.
    fn smallest<C: Cell>() -> Case {
        Case::new::<C>(2, 2, |_| 2)
    }
}

/// The largest errors found.
#[derive(Default)]
struct Largest {
    difference: f64,
    single: f64,
}

/// Holds the f64 gradients of a cell against central differences; `single` checks those in f32.
fn check<C: Cell>(source: &str, single: impl Fn(&Case, Width, &Problem, &Gradients) -> f64) {
    let cell = shipped::compiled(source, C::SPEC.name).cell;
    let mut largest = Largest::default();
    let all = Case::all::<C>().into_iter().map(|case| (case, false));
    for (case, every_coordinate) in all.chain([(Case::smallest::<C>(), true)]) {
        let problem = problem::<C>(&case);
        let gradients: Vec<_> = Width::available()
            .into_iter()
            .map(|width| {
                let kernel = Kernel::<C, f64>::with_width(&case.sizes, width).expect("an available width");
                let (outputs, gradients) = passes::train(&kernel, &problem);
                let interpreted = differences::interpret(&cell, &case.sizes, &problem, None);
                let error = differences::distance(&outputs, &interpreted);
                assert!(
                    error <= 1e-12,
                    "{} at {width:?}, sizes {:?}, {} steps, batch {}: forward is {error:e} off the equations",
                    C::SPEC.name, case.sizes, case.steps, case.batch
                );
                let (_, mut without_dx) = passes::train_without_dx(&kernel, &problem);
                without_dx.x.clone_from(&gradients.x);
                assert!(gradients == without_dx, "{} at {width:?}: leaving out dx changes gradients", C::SPEC.name);
                (width, gradients)
            })
            .collect();
        for place in places::<C>(&case) {
            for (number, direction) in directions(place.len(&problem), every_coordinate)
                .iter()
                .enumerate()
            {
                let measured = measure::<C>(&cell, &case.sizes, &problem, &place, direction);
                for (width, gradients) in &gradients {
                    let gradient = place.of(gradients);
                    let norm = gradient.iter().map(|d| d * d).sum::<f64>().sqrt().max(1.0);
                    let stated: f64 = gradient.iter().zip(direction).map(|(d, v)| d * v).sum();
                    let error = (stated - measured).abs() / norm;
                    // Written so that a NaN fails.
                    let fits = error <= TOLERANCE;
                    assert!(
                        fits,
                        "{} at {width:?}, sizes {:?}, {} steps, batch {}: along direction {number} of {} the kernel's \
                         gradient is {stated}, central differences give {measured}",
                        C::SPEC.name,
                        case.sizes,
                        case.steps,
                        case.batch,
                        place.name::<C>(),
                    );
                    largest.difference = largest.difference.max(error);
                }
            }
        }
        for (width, gradients) in &gradients {
            largest.single = largest
                .single
                .max(single(&case, *width, &problem, gradients));
        }
    }
    println!(
        "{:20} f64 {:.0e} from central differences, f32 {:.0e} from f64",
        C::SPEC.name,
        largest.difference,
        largest.single
    );
}

/// How far the f32 gradients are from those in f64.
fn single<C: Cell>(case: &Case, width: Width, problem: &Problem, exact: &Gradients) -> f64 {
    let kernel = Kernel::<C, f32>::with_width(&case.sizes, width).expect("an available width");
    let (_, gradients) = passes::train(&kernel, problem);
    let mut largest: f64 = 0.0;
    for place in places::<C>(case) {
        let (got, expected) = (place.of(&gradients), place.of(exact));
        let scale = expected.iter().fold(0.1_f64, |scale, d| scale.max(d.abs()));
        for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
            let error = (got - expected).abs() / scale;
            let fits = error <= TOLERANCE_F32;
            assert!(
                fits,
                "{} at {width:?}, sizes {:?}, {} steps: the gradient of {}[{k}] is {got} in f32 and {expected} in f64",
                C::SPEC.name,
                case.sizes,
                case.steps,
                place.name::<C>()
            );
            largest = largest.max(error);
        }
    }
    largest
}

/// A random problem: weights that keep net inputs about 1, everything else in [-1, 1], as multiples of 1/1024 so that
/// f32 holds them exactly.
fn problem<C: Cell>(case: &Case) -> Problem {
    let kernel = Kernel::<C, f64>::new(&case.sizes).expect("sizes above zero");
    let mut rng = SmallRng::seed_from_u64(1997);
    let mut random = |len: usize| -> Vec<f64> {
        (0..len)
            .map(|_| f64::from(rng.random_range(-1024..=1024)) / 1024.0)
            .collect()
    };
    let mut params = Vec::new();
    for (i, spec) in C::SPEC.params.iter().enumerate() {
        let (rows, columns) = kernel.param_shape(i);
        // The power of two next below 1 / sqrt(columns).
        let scale = (-(columns as f64).log2() / 2.0).floor().exp2();
        let values = random(rows * columns).into_iter();
        params.extend(values.map(|value| {
            if spec.name == "far" {
                value + 2.0_f64.copysign(value)
            } else {
                value * scale
            }
        }));
    }
    let count = case.steps * case.batch;
    let mut carried = |positive: bool| -> Vec<Vec<f64>> {
        let specs = C::SPEC.carried.iter().enumerate();
        specs
            .map(|(i, spec)| {
                let mut values = random(kernel.carried_len(i) * case.batch);
                if positive && spec.name == "n" {
                    // A normaliser is a sum of weights: above zero.
                    values
                        .iter_mut()
                        .for_each(|value| *value = value.abs() + 0.5);
                }
                values
            })
            .collect()
    };
    let (first, dlast) = (carried(true), carried(false));
    Problem {
        batch: case.batch,
        params,
        x: random(kernel.input_len() * count),
        first,
        dy: random(kernel.output_len() * count),
        dlast,
    }
}

/// Everything a loss is differentiated by.
fn places<C: Cell>(case: &Case) -> Vec<Place> {
    let kernel = Kernel::<C, f64>::new(&case.sizes).expect("sizes above zero");
    let params = (0..C::SPEC.params.len()).map(|index| Place::Param {
        index,
        range: kernel.param_range(index),
    });
    let first = (0..C::SPEC.carried.len()).map(|index| Place::First { index });
    params.chain(first).chain([Place::Input]).collect()
}

/// Unit vectors: two random ones, or those along the coordinates.
fn directions(len: usize, every_coordinate: bool) -> Vec<Vec<f64>> {
    if every_coordinate {
        return (0..len)
            .map(|k| (0..len).map(|i| f64::from(u8::from(i == k))).collect())
            .collect();
    }
    let mut rng = SmallRng::seed_from_u64(len as u64);
    (0..2)
        .map(|_| {
            let direction: Vec<f64> = (0..len).map(|_| rng.random_range(-1.0..1.0)).collect();
            let norm = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
            direction.into_iter().map(|v| v / norm).collect()
        })
        .collect()
}
