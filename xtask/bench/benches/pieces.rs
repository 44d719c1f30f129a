//! The pieces of a pass, each by the verb that is nearly nothing but that piece: `cargo bench -p lstm-bench`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use faer::Mat;
use lstm_core::{Cell, Kernel, KernelError, Width};
use lstm_kernels::cells::{ElmanRnn, Lstm};
use lstm_kernels::rt::{Lanes, Simd, activations};
use pulp::WithSimd;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    packing(&mut criterion);
    tile(&mut criterion);
    tail(&mut criterion);
    functions(&mut criterion);
    criterion.final_summary();
}

/// Parameters to panels, as after every step of an optimiser.
fn packing(criterion: &mut Criterion) {
    let kernel = kernel::<Lstm>(&[256, 256]);
    let params = vec![0.1; kernel.params_len()];
    let Ok(mut packed) = kernel.pack(&params) else {
        return;
    };
    let mut group = criterion.benchmark_group("pack");
    group.throughput(Throughput::Bytes(size_of_val(params.as_slice()) as u64));
    group.bench_function("lstm 256", |bencher| {
        bencher.iter(|| kernel.repack(black_box(&params), &mut packed));
    });
    group.finish();
}

/// The register tile: one step of many samples is nearly all products.
fn tile(criterion: &mut Criterion) {
    infer::<Lstm>(criterion, "tile", 256, 256, 96);
}

/// The element-wise equations: with few units and one input, the products are short and the rest of a step shows.
fn tail(criterion: &mut Criterion) {
    infer::<Lstm>(criterion, "tail", 1, 16, 96);
    infer::<ElmanRnn>(criterion, "tail", 1, 16, 96);
}

/// A step of a cell; the throughput is in multiplications and additions.
fn infer<C: Cell>(
    criterion: &mut Criterion,
    piece: &str,
    inputs: usize,
    units: usize,
    batch: usize,
) {
    let kernel = kernel::<C>(&[inputs, units]);
    let x = Mat::from_fn(inputs, batch, |i, j| ((3 * i + 7 * j) as f32).sin());
    let mut y = Mat::zeros(units, batch);
    let buffers = || {
        let packed = kernel.pack(&vec![0.1; kernel.params_len()])?;
        Ok::<_, KernelError>((packed, kernel.zero_state(batch)?, kernel.workspace(batch)?))
    };
    let (packed, mut state, mut workspace) = match buffers() {
        Ok(buffers) => buffers,
        Err(error) => panic!("{piece}: {error}"),
    };
    let mut group = criterion.benchmark_group(piece);
    // Every parameter is multiplied and added once a sample, biases only added: near enough.
    group.throughput(Throughput::Elements((kernel.params_len() * batch) as u64));
    group.bench_function(
        format!("{} {inputs} {units} {batch}", C::SPEC.name),
        |bencher| {
            bencher.iter(|| {
                kernel.infer(
                    &packed,
                    black_box(x.as_ref()),
                    &mut state,
                    y.as_mut(),
                    &mut workspace,
                )
            });
        },
    );
    group.finish();
}

/// The activations on a vector that stays in the nearest cache.
fn functions(criterion: &mut Criterion) {
    let arguments: Vec<f32> = (0..4096).map(|i| (i as f32 - 2048.0) / 256.0).collect();
    let mut group = criterion.benchmark_group("activation");
    group.throughput(Throughput::Elements(arguments.len() as u64));
    for function in [Function::Exp, Function::Sigmoid, Function::Tanh] {
        group.bench_function(format!("{function:?}"), |bencher| {
            bencher.iter(|| {
                let arguments = black_box(arguments.as_slice());
                Width::best().token().map(|token| {
                    token.dispatch(Sum {
                        function,
                        arguments,
                    })
                })
            });
        });
    }
    group.finish();
}

#[derive(Debug, Clone, Copy)]
enum Function {
    Exp,
    Sigmoid,
    Tanh,
}

/// The sum of a function's values, so that no time goes into storing them.
struct Sum<'a> {
    function: Function,
    arguments: &'a [f32],
}

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        match self.function {
            Function::Exp => sum(simd, self.arguments, activations::exp),
            Function::Sigmoid => sum(simd, self.arguments, activations::sigmoid),
            Function::Tanh => sum(simd, self.arguments, activations::tanh),
        }
    }
}

#[inline(always)]
fn sum<S: Simd>(
    simd: S,
    arguments: &[f32],
    function: impl Fn(Lanes<f32, S>) -> Lanes<f32, S>,
) -> f32 {
    let (registers, _) = S::as_simd_f32s(arguments);
    let mut sums = [Lanes::zero(simd); 4];
    for registers in registers.chunks_exact(4) {
        for (sum, &register) in sums.iter_mut().zip(registers) {
            *sum += function(Lanes::new(simd, register));
        }
    }
    let [a, b, c, d] = sums;
    (a + b + c + d).sum()
}

fn kernel<C: Cell>(sizes: &[usize]) -> Kernel<C, f32> {
    Kernel::new(sizes).unwrap_or_else(|error| panic!("{}: {error}", C::SPEC.name))
}
