//! Every named quantity of every cell: what a layer shows is what its kernels carry, and the equations, interpreted one by
//! one, give what the kernels give. Also that the tables of cost describe the memory that kernels have.

use faer::{Mat, MatRef};
use lstm_core::equations::Vector;
use lstm_core::{Cell, Element, Kernel, Quantities, Recurrent, State, Width, cells};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::gradients::toys;
use crate::parity::macros;
use crate::passes::Real;

const STEPS: usize = 7;
const BATCH: usize = 3;

/// Largest difference between what the kernels compute and what the equations give in f64, relative to the larger of the
/// value and 1. Kernels in f64 differ by their order of summation and by 2 ulp of each function: some ten roundings of
/// 1e-16 a step, which a recurrence of weights below 1 carries on for seven steps. In f32 a rounding is 6e-8.
const TOLERANCE: f64 = 1e-13;
const TOLERANCE_F32: f64 = 2e-5;

/// A layer with random weights, a sequence for it, and a state to begin with.
fn problem<C: Cell, T: Real>(width: Width) -> (Recurrent<C, T>, Mat<T>, State<T>) {
    let sizes: Vec<_> = C::SPEC
        .sizes
        .iter()
        .map(|size| match size.name {
            "C" => 2,
            "I" => 4,
            "R" => 3,
            _ => 9,
        })
        .collect();
    let kernel = Kernel::<C, T>::with_width(&sizes, width).expect("an available width");
    let mut layer = Recurrent::with_kernel(kernel).expect("a small layer");
    let mut rng = SmallRng::seed_from_u64(2002);
    let mut draw = || T::of(rng.random_range(-0.7..0.7));
    for param in C::SPEC.params {
        let fill = |mut values: faer::MatMut<'_, T>| {
            for j in 0..values.ncols() {
                for i in 0..values.nrows() {
                    // Far enough from every kink; see the cell.
                    values[(i, j)] = if param.name == "far" {
                        T::of(2.5)
                    } else {
                        draw()
                    };
                }
            }
        };
        layer
            .edit_param(param.name, fill)
            .expect("a parameter of the cell");
    }
    let x = Mat::from_fn(layer.input_len(), STEPS * BATCH, |_, _| draw());
    let mut state = layer.zero_state(BATCH).unwrap();
    for index in 0..state.len() {
        let mut values = state.get_mut(index);
        for j in 0..values.ncols() {
            for i in 0..values.nrows() {
                // Positive, so that a normaliser is one.
                values[(i, j)] = T::of(draw().wide().abs() + 0.1);
            }
        }
    }
    (layer, x, state)
}

fn distance<T: Element>(a: MatRef<'_, T>, b: MatRef<'_, T>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let mut largest = 0.0_f64;
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            let (a, b) = (a[(i, j)].to_f64(), b[(i, j)].to_f64());
            assert!(
                a.is_finite() && b.is_finite(),
                "{a} and {b} at row {i}, column {j}"
            );
            largest = largest.max((a - b).abs() / a.abs().max(1.0));
        }
    }
    largest
}

/// Observes a layer at every width, and interprets its equations.
fn check<C: Cell, T: Real>(tolerance: f64) {
    let spec = C::SPEC;
    let mut largest = 0.0_f64;
    for width in Width::available() {
        let (layer, x, first) = problem::<C, T>(width);
        let mut last = first.clone();
        let mut y = Mat::<T>::zeros(layer.output_len(), STEPS * BATCH);
        let mut workspace = layer.workspace(BATCH).unwrap();
        for start in (0..STEPS * BATCH).step_by(BATCH) {
            let (x, y) = (x.subcols(start, BATCH), y.subcols_mut(start, BATCH));
            layer
                .step(x, &mut last, y, &mut workspace)
                .expect("shapes that fit");
        }

        let (mut whole, mut after) = (y.clone(), first.clone());
        layer
            .seq(x.as_ref(), &mut after, whole.as_mut(), &mut workspace)
            .expect("shapes that fit");
        assert_eq!(
            (whole, &after),
            (y.clone(), &last),
            "{} at {width:?}: steps give what the sequence gives",
            spec.name
        );

        let mut state = first.clone();
        let observed = layer
            .observe(x.as_ref(), &mut state, Quantities::All)
            .expect("shapes that fit");
        assert_eq!(observed.iter().count(), spec.quantities.len());
        let output = observed
            .get(spec.output.symbol)
            .expect("the output is a quantity");
        assert_eq!(
            output,
            y.as_ref(),
            "{} at {width:?}: the output is that of the kernels",
            spec.name
        );
        assert_eq!(state, last, "{} at {width:?}: so is the state", spec.name);
        for (index, carried) in spec.carried.iter().enumerate() {
            let values = observed
                .step(carried.name, STEPS - 1)
                .expect("a carried quantity");
            assert_eq!(
                values,
                last.get(index),
                "{} at {width:?}: {}",
                spec.name,
                carried.symbol
            );
        }

        let mut interpreted_state = first.clone();
        let interpreted = layer
            .interpret(x.as_ref(), &mut interpreted_state, Quantities::All)
            .expect("shapes that fit");
        for (quantity, values) in observed.iter() {
            let expected = interpreted
                .get(quantity.symbol)
                .expect("all were asked for");
            let difference = distance(expected, values);
            let fits = difference <= tolerance;
            assert!(
                fits,
                "{} at {width:?}: {} is {difference:e} off",
                spec.name, quantity.symbol
            );
            largest = largest.max(difference);
        }
        for index in 0..last.len() {
            let difference = distance(interpreted_state.get(index), last.get(index));
            let fits = difference <= tolerance;
            assert!(
                fits,
                "{} at {width:?}: the last state is {difference:e} off",
                spec.name
            );
        }

        // A choice of quantities, each by itself, gives the same bits as all together.
        for quantity in spec.quantities {
            let mut state = first.clone();
            let alone = layer
                .observe(x.as_ref(), &mut state, &[quantity.name])
                .expect("a quantity of the cell");
            assert_eq!(
                alone.get(quantity.symbol).ok(),
                observed.get(quantity.symbol).ok()
            );
        }
    }
    println!(
        "{:20} {} {largest:.0e} from the equations",
        spec.name,
        T::NAME
    );
}

fn check_both<C: Cell>() {
    check::<C, f64>(TOLERANCE);
    check::<C, f32>(TOLERANCE_F32);
}

#[test]
fn quantities_of_the_shipped_cells() {
    check_both::<cells::ElmanRnn>();
    check_both::<cells::GruResetAfter>();
    check_both::<cells::GruResetBefore>();
    check_both::<cells::Lstm>();
    check_both::<cells::Lstm1997>();
    check_both::<cells::Lstm1997Truncated>();
    check_both::<cells::Lstm2002Truncated>();
    check_both::<cells::PeepholeLstm>();
    check_both::<cells::ProjectionLstm>();
}

/// Cells of the macro: one in both types, and those that have every operation there is.
#[test]
fn quantities_of_a_users_cells() {
    check_both::<macros::PeepholeLstm>();
    check::<toys::DelayLine, f64>(TOLERANCE);
    check::<toys::Functions, f64>(TOLERANCE);
    check::<toys::IndependentUnits, f64>(TOLERANCE);
    check::<toys::MicroSteps, f64>(TOLERANCE);
    check::<toys::NormalisedLstm, f64>(TOLERANCE);
    check::<toys::SharedBlocks, f64>(TOLERANCE);
    check::<toys::StabilisedLstm, f64>(TOLERANCE);
    check::<toys::WaitingFunctions, f64>(TOLERANCE);
}

/// The vectors that a cell's cost names are, axis by axis, those that its kernels have memory for.
fn check_memory<C: Cell>() {
    let (spec, program) = (C::SPEC, C::PROGRAM);
    let count = |vectors: &[Vector], axes: &[usize]| {
        let same = vectors.iter().filter(|vector| vector.axes == axes);
        same.count()
    };
    let (mut tape, mut errors) = (0, 0);
    for lead in program.leads {
        let kept = (
            lead.tape.units + lead.columns.units,
            lead.tape.cells + lead.columns.cells,
        );
        let axes = [lead.axis, lead.block.unwrap_or(usize::MAX)];
        let named = |vectors| (count(vectors, &axes[..1]), count(vectors, &axes));
        assert_eq!(
            named(spec.cost.tape),
            kept,
            "{}, axis {}",
            spec.name,
            lead.axis
        );
        let kept_errors = (lead.errors.units, lead.errors.cells);
        assert_eq!(
            named(spec.cost.errors),
            kept_errors,
            "{}, axis {}",
            spec.name,
            lead.axis
        );
        tape += kept.0 + kept.1;
        errors += kept_errors.0 + kept_errors.1;
    }
    assert_eq!(
        count(spec.cost.tape, &[]),
        program.forward_sums,
        "{}",
        spec.name
    );
    assert_eq!(
        spec.cost.tape.len(),
        tape + program.forward_sums,
        "{}",
        spec.name
    );
    assert_eq!(spec.cost.errors.len(), errors, "{}", spec.name);
}

#[test]
fn costs_name_what_kernels_keep() {
    check_memory::<cells::ElmanRnn>();
    check_memory::<cells::GruResetAfter>();
    check_memory::<cells::GruResetBefore>();
    check_memory::<cells::Lstm>();
    check_memory::<cells::Lstm1997>();
    check_memory::<cells::Lstm1997Truncated>();
    check_memory::<cells::Lstm2002Truncated>();
    check_memory::<cells::PeepholeLstm>();
    check_memory::<cells::ProjectionLstm>();
    check_memory::<toys::DelayLine>();
    check_memory::<toys::Functions>();
    check_memory::<toys::IndependentUnits>();
    check_memory::<toys::MicroSteps>();
    check_memory::<toys::NormalisedLstm>();
    check_memory::<toys::SharedBlocks>();
    check_memory::<toys::StabilisedLstm>();
    check_memory::<toys::WaitingFunctions>();
}
