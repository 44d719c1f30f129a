//! Streams: the same numbers as the layer, no allocation, and the processor's mode as it was.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell as Counter;

use faer::{MatMut, MatRef};
use lstm_core::init::Init;
use lstm_core::stream::{AnySizes, Fixed, FixedStream, FlushDenormals, Sizes, Stream};
use lstm_core::{Cell, Element, Kernel, Linear, Recurrent, Rng, Width, cells::*};

mod user;

thread_local! {
    static ALLOCATIONS: Counter<usize> = const { Counter::new(0) };
}

/// Counts what each thread allocates.
struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Counter::get);
    work();
    ALLOCATIONS.with(Counter::get) - before
}

/// Inputs of `steps` steps, between -1 and 1.
fn inputs<T: Element>(len: usize) -> Vec<T> {
    let mut rng = Rng::new(7);
    (0..len).map(|_| T::from_f64(rng.normal().sin())).collect()
}

/// Outputs and last state of the layer, step by step.
fn by_layer<C: Cell, T: Element>(
    layer: &Recurrent<C, T>,
    x: &[T],
) -> (Vec<T>, lstm_core::State<T>) {
    let (mut state, mut workspace) = (layer.zero_state(1).unwrap(), layer.workspace(1).unwrap());
    let mut y = vec![T::default(); x.len() / layer.input_len() * layer.output_len()];
    let outputs = y.chunks_exact_mut(layer.output_len());
    for (x, y) in x.chunks_exact(layer.input_len()).zip(outputs) {
        let x = MatRef::from_column_major_slice(x, x.len(), 1);
        let rows = y.len();
        let y = MatMut::from_column_major_slice_mut(y, rows, 1);
        layer.step(x, &mut state, y, &mut workspace).unwrap();
    }
    (y, state)
}

/// A stream gives the bits of the layer, step by step and in one run, and ends in its state.
fn check<C: Cell, T: Element, Z: Sizes>(sizes: &[usize], width: Width, is_unrolled: bool) {
    let name = format!("{} {sizes:?} {width} {}", C::SPEC.name, T::NAME);
    let kernel = Kernel::<C, T>::with_width(sizes, width).unwrap();
    let mut layer = Recurrent::with_kernel(kernel).unwrap();
    let init = lstm_core::init::CellInit::all(Init::Uniform(0.5));
    layer.initialise(&init, &mut Rng::new(3)).unwrap();
    let steps = 9;
    let x = inputs::<T>(steps * layer.input_len());
    let (expected, last) = by_layer(&layer, &x);

    let mut stream = Stream::<C, T, Z>::new(&layer).unwrap();
    assert_eq!(stream.width(), width, "{name}");
    assert_eq!(stream.is_unrolled(), is_unrolled, "{name}");
    let mut y = vec![T::from_f64(f64::NAN); expected.len()];
    let outputs = y.chunks_exact_mut(stream.output_len());
    for (x, y) in x.chunks_exact(layer.input_len()).zip(outputs) {
        stream.step(x, y).unwrap();
    }
    assert_eq!(y, expected, "{name}");
    assert_eq!(stream.state(), last, "{name}");

    stream.reset();
    y.fill(T::from_f64(f64::NAN));
    let (first, rest) = y.split_at_mut(stream.output_len());
    let (x_first, x_rest) = x.split_at(layer.input_len());
    let mode = FlushDenormals::new();
    stream.step_in(&mode, x_first, first).unwrap();
    drop(mode);
    stream.run(x_rest, rest).unwrap();
    assert_eq!(y, expected, "{name}, after a reset");

    // A state in the middle of a sequence, at an odd step.
    stream.reset();
    let middle = 3 * layer.input_len();
    let (first, rest) = y.split_at_mut(3 * layer.output_len());
    stream.run(&x[..middle], first).unwrap();
    let state = stream.state();
    let mut other = Stream::<C, T, Z>::new(&layer).unwrap();
    other.set_state(&state).unwrap();
    rest.fill(T::default());
    other.run(&x[middle..], rest).unwrap();
    assert_eq!(y, expected, "{name}, from a state");
}

/// Units enough for several registers, with padding, on every width.
macro_rules! every_cell {
    ($($cell:ident [$($size:literal),+];)+) => {
        #[test]
        fn every_cell_streams_what_its_layer_computes() {
            for width in Width::available() {
                $(check::<$cell, f32, AnySizes>(&[$($size),+], width, false);)+
            }
        }
    };
}

every_cell! {
    ElmanRnn [3, 37];
    Lstm1997 [2, 19, 2];
    Lstm1997Truncated [2, 19, 3];
    Lstm [1, 37];
    PeepholeLstm [3, 21, 2];
    Lstm2002Truncated [3, 21, 1];
    GruResetAfter [2, 37];
    GruResetBefore [2, 37];
    ProjectionLstm [2, 37, 18];
}

#[test]
fn double_precision_streams() {
    for width in Width::available() {
        check::<Lstm, f64, AnySizes>(&[2, 13], width, false);
        check::<Lstm, f64, Fixed<2, 8>>(&[2, 8], width, true);
    }
}

/// What cannot be unrolled runs all the same.
#[test]
fn sizes_known_to_the_compiler_change_no_bit() {
    for width in Width::available() {
        check::<Lstm, f32, Fixed<3, 21>>(&[3, 21], width, true);
        check::<GruResetBefore, f32, Fixed<1, 24>>(&[1, 24], width, true);
        check::<PeepholeLstm, f32, Fixed<1, 16>>(&[1, 16, 1], width, true);
    }
}

fn layer_and_head() -> (Recurrent<Lstm, f32>, Linear<f32>) {
    let mut rng = Rng::new(5);
    let layer = Recurrent::new(&[1, 24], &mut rng).unwrap();
    let head = Linear::new(24, 3, Init::by_units(24), &mut rng).unwrap();
    (layer, head.with_bias(Init::Uniform(0.5), &mut rng).unwrap())
}

/// The head sums in another order than `Linear`: 24 terms below 1 are within 24 ulp of 1.
#[test]
fn a_head_is_a_linear_layer() {
    let (layer, head) = layer_and_head();
    let x = inputs::<f32>(20);
    let (h, _) = by_layer(&layer, &x);
    let mut expected = faer::Mat::zeros(3, 20);
    let h = MatRef::from_column_major_slice(&h, 24, 20);
    head.apply(h, expected.as_mut()).unwrap();
    let mut y = vec![0.0; 60];
    layer
        .fixed_stream::<1, 24>()
        .and_then(|stream| stream.with_head(&head))
        .unwrap()
        .run(&x, &mut y)
        .unwrap();
    for (index, &y) in y.iter().enumerate() {
        let expected = expected[(index % 3, index / 3)];
        assert!((y - expected).abs() < 24.0 * f32::EPSILON, "{y} {expected}");
    }
}

#[test]
fn a_small_layer_streams_on_narrow_registers() {
    let mut rng = Rng::new(1);
    let layer = Recurrent::<Lstm, f32>::new(&[1, 8], &mut rng).unwrap();
    let stream = Stream::<Lstm, f32>::new(&layer).unwrap();
    match Width::best() {
        Width::Avx512 => assert_eq!(stream.width(), Width::Avx2),
        best => assert_eq!(stream.width(), best),
    }
}

#[test]
fn steps_allocate_nothing() {
    let (layer, head) = layer_and_head();
    let mut any = layer.stream().unwrap().with_head(&head).unwrap();
    let mut fixed = layer
        .fixed_stream::<1, 24>()
        .unwrap()
        .with_head(&head)
        .unwrap();
    let (x, mut y) = ([0.5; 64], [0.0; 192]);
    // The counter counts.
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8]))), 1);
    let state = any.state();
    let count = allocations(|| {
        for _ in 0..3 {
            any.step(&x[..1], &mut y[..3]).unwrap();
            let mode = FlushDenormals::new();
            any.step_in(&mode, &x[..1], &mut y[..3]).unwrap();
            fixed.step(&x[..1], &mut y[..3]).unwrap();
        }
        any.run(&x, &mut y).unwrap();
        fixed.run(&x, &mut y).unwrap();
        any.reset();
        any.set_state(&state).unwrap();
    });
    assert_eq!(count, 0);
}

/// A sequence forward and back, without the gradient of the input.
fn training_allocates_nothing<C: Cell>(sizes: &[usize]) {
    let layer = Recurrent::<C, f32>::new(sizes, &mut Rng::new(1)).unwrap();
    let (steps, inputs, outputs) = (5, layer.input_len(), layer.output_len());
    let x = faer::Mat::full(inputs, steps, 0.5_f32);
    let (mut y, dy) = (
        faer::Mat::zeros(outputs, steps),
        faer::Mat::full(outputs, steps, 1.0),
    );
    let (mut state, mut dstate) = (layer.zero_state(1).unwrap(), layer.zero_state(1).unwrap());
    let (mut tape, mut gradient) = (
        layer.tape(steps, 1).unwrap(),
        vec![0.0; layer.params().len()],
    );
    let count = allocations(|| {
        layer
            .record(x.as_ref(), &mut state, y.as_mut(), &mut tape)
            .unwrap();
        let (x, dy) = (x.as_ref(), dy.as_ref());
        layer
            .backprop(x, dy, &mut dstate, &mut tape, &mut gradient, None)
            .unwrap();
    });
    assert_eq!(count, 0, "{}", C::SPEC.name);
    assert!(gradient.iter().any(|&value| value != 0.0));
}

#[test]
fn training_a_shipped_cell_allocates_nothing() {
    training_allocates_nothing::<Lstm>(&[2, 5]);
    training_allocates_nothing::<PeepholeLstm>(&[2, 5, 2]);
}

/// Whether the processor has the mode.
const HAS_MODE: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Half of the smallest normal number: zero in the mode, itself without.
fn halves_to_zero() -> bool {
    let smallest = std::hint::black_box(f32::MIN_POSITIVE);
    std::hint::black_box(smallest * std::hint::black_box(0.5)) == 0.0
}

#[test]
fn the_mode_is_set_and_restored() {
    assert!(!halves_to_zero());
    {
        let _outer = FlushDenormals::new();
        assert_eq!(halves_to_zero(), HAS_MODE);
        drop(FlushDenormals::new());
        assert_eq!(halves_to_zero(), HAS_MODE, "the outer one still holds");
    }
    assert!(!halves_to_zero());
    let (layer, head) = layer_and_head();
    let mut stream = layer.stream().unwrap().with_head(&head).unwrap();
    stream.step(&[0.5], &mut [0.0; 3]).unwrap();
    assert!(!halves_to_zero(), "a step leaves the mode as it was");
    stream.step(&[0.5, 0.5], &mut [0.0; 3]).unwrap_err();
    assert!(!halves_to_zero(), "and so does a step that is refused");
}

/// A recurrent network that halves its only unit at every step goes from the smallest normal number to zero at once, sample
/// by sample as in a layer; 17 of the 20 halves are subnormal, as 1e-37 / 2^4 is the first that is less than 1.18e-38.
#[test]
fn a_fading_signal_ends_at_zero() {
    let mut layer = Recurrent::<ElmanRnn, f32>::zeros(&[1, 1]).unwrap();
    layer.edit_param("U", |mut u| u.fill(0.5)).unwrap();
    let mut state = layer.zero_state(1).unwrap();
    state.get_mut(0)[(0, 0)] = 1e-37;
    let mut stream = Stream::<ElmanRnn, f32>::new(&layer).unwrap();
    stream.set_state(&state).unwrap();
    let (mut half, mut y, mut workspace) = (1e-37_f32, [0.0_f32], layer.workspace(1).unwrap());
    let (mut subnormal, x) = (0, [0.0]);
    for _ in 0..20 {
        half = std::hint::black_box(half) * 0.5;
        stream.step(&x, &mut y).unwrap();
        let mut of_layer = [0.0_f32];
        layer
            .step(
                MatRef::from_column_major_slice(&x, 1, 1),
                &mut state,
                MatMut::from_column_major_slice_mut(&mut of_layer, 1, 1),
                &mut workspace,
            )
            .unwrap();
        assert_eq!(y, of_layer);
        if half.is_subnormal() {
            subnormal += 1;
        }
        if half.is_normal() || !HAS_MODE {
            assert_eq!(y, [half]);
        } else {
            assert_eq!(y, [0.0]);
        }
    }
    assert_eq!(subnormal, 17);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (layer, head) = layer_and_head();
    let mut stream = Stream::<Lstm, f32>::new(&layer).unwrap();
    let mut y = [0.0; 24];
    let say = |error: lstm_core::Error| error.to_string();
    assert_eq!(
        say(stream.step(&[0.0; 2], &mut y).unwrap_err()),
        "the input of a stream has 2 numbers; Lstm needs 1"
    );
    assert_eq!(
        say(stream.run(&[0.0; 2], &mut y).unwrap_err()),
        "the output of a stream has 24 numbers; Lstm needs 48"
    );
    assert_eq!(
        say(FixedStream::<Lstm, f32, 3, 21>::new(&layer).unwrap_err()),
        "a stream compiled for the sizes [3, 21] cannot run Lstm with the sizes [1, 24]; change either to match, \
         where `Sizes::SIZES` may list sizes that have defaults, too"
    );
    let small = Recurrent::<Lstm, f32>::new(&[1, 16], &mut Rng::new(1)).unwrap();
    assert_eq!(
        say(small.stream().unwrap().with_head(&head).unwrap_err()),
        "the head of a stream is a layer of 24 inputs, but one of 16 is needed"
    );
    assert!(stream.set_state(&small.zero_state(1).unwrap()).is_err());
    assert!(stream.set_state(&layer.zero_state(2).unwrap()).is_err());
    // Nothing was done.
    assert_eq!(stream.state(), layer.zero_state(1).unwrap());
}
