//! What does not fit is an error that says what was given and what was expected, never a panic.

use faer::{Mat, MatMut, MatRef};
use lstm_kernels::cells::{ElmanRnn, Lstm, PeepholeLstm};
use lstm_kernels::{Kernel, KernelError, Packed, State, Tape, Width};

/// Inputs, units, steps, samples of every call below that is not about these.
const SIZES: [usize; 2] = [2, 3];
const STEPS: usize = 4;
const BATCH: usize = 2;

/// A kernel and everything its calls take, all of it fitting.
struct Fitting {
    kernel: Kernel<ElmanRnn, f32>,
    packed: Packed<f32>,
    x: Mat<f32>,
    y: Mat<f32>,
    state: State<f32>,
    tape: Tape<f32>,
    dparams: Vec<f32>,
}

impl Fitting {
    fn new() -> Self {
        let kernel = Kernel::<ElmanRnn, f32>::new(&SIZES).expect("sizes above zero");
        let params = vec![0.5; kernel.params_len()];
        Fitting {
            packed: kernel
                .pack(&params)
                .expect("as many parameters as the kernel has"),
            x: Mat::zeros(SIZES[0], STEPS * BATCH),
            y: Mat::zeros(SIZES[1], STEPS * BATCH),
            state: kernel.zero_state(BATCH).unwrap(),
            tape: kernel.tape(STEPS, BATCH).unwrap(),
            dparams: vec![0.0; params.len()],
            kernel,
        }
    }

    fn infer(&mut self, x: MatRef<'_, f32>, y: MatMut<'_, f32>) -> Result<(), KernelError> {
        let mut workspace = self.kernel.workspace(BATCH).unwrap();
        self.kernel
            .infer(&self.packed, x, &mut self.state, y, &mut workspace)
    }

    fn forward(&mut self) -> Result<(), KernelError> {
        let Fitting {
            kernel,
            packed,
            x,
            y,
            state,
            tape,
            ..
        } = self;
        kernel.forward(packed, x.as_ref(), state, y.as_mut(), tape)
    }

    fn backward(&mut self, dx: Option<MatMut<'_, f32>>) -> Result<(), KernelError> {
        let Fitting {
            kernel,
            packed,
            x,
            y,
            state,
            tape,
            dparams,
        } = self;
        kernel.backward(packed, x.as_ref(), y.as_ref(), state, tape, dparams, dx)
    }
}

/// The call fails with these words.
#[track_caller]
fn says<T>(result: Result<T, KernelError>, words: &str) {
    match result {
        Ok(_) => panic!("accepted, without `{words}`"),
        Err(error) => assert_eq!(error.to_string(), words),
    }
}

fn kernel(sizes: &[usize]) -> Result<Kernel<ElmanRnn, f32>, KernelError> {
    Kernel::new(sizes)
}

#[test]
fn what_fits_is_accepted() {
    let mut fitting = Fitting::new();
    says(
        fitting.backward(None),
        "the tape holds no forward pass of ElmanRnn; call `forward` with it before `backward`",
    );
    assert_eq!(fitting.forward(), Ok(()));
    let mut dx = Mat::zeros(SIZES[0], STEPS * BATCH);
    assert_eq!(fitting.backward(Some(dx.as_mut())), Ok(()));
    // No steps are a sequence, too.
    assert_eq!(
        fitting.infer(
            Mat::zeros(SIZES[0], 0).as_ref(),
            Mat::zeros(SIZES[1], 0).as_mut()
        ),
        Ok(())
    );
}

#[test]
fn sizes() {
    says(
        kernel(&[2]),
        "ElmanRnn has the sizes I, N; 1 values were given",
    );
    says(
        kernel(&[2, 3, 1]),
        "ElmanRnn has the sizes I, N; 3 values were given",
    );
    says(
        kernel(&[2, 0]),
        "size N of ElmanRnn is 0; every size must be at least 1",
    );
    says(
        kernel(&[1 << 40, 1 << 40]),
        "ElmanRnn with sizes [1099511627776, 1099511627776] does not fit into the address space; choose smaller sizes",
    );
    says(
        Kernel::<PeepholeLstm, f32>::new(&[1, 1, 65_536]),
        "size C of PeepholeLstm is 65536; a second axis, such as the cells of a block, has at most 1024: take more units along the first axis instead",
    );
}

#[test]
fn widths() {
    let available = Width::available();
    for width in [
        Width::Scalar,
        Width::Sse,
        Width::Avx2,
        Width::Avx512,
        Width::Neon,
    ] {
        let kernel = Kernel::<ElmanRnn, f32>::with_width(&SIZES, width);
        match kernel {
            Ok(kernel) => assert_eq!(kernel.width(), width),
            Err(error) => assert!(matches!(error, KernelError::Width(_)), "{error}"),
        }
        assert_eq!(
            Kernel::<ElmanRnn, f32>::with_width(&SIZES, width).is_ok(),
            available.contains(&width)
        );
    }
}

#[test]
fn parameters() {
    let mut fitting = Fitting::new();
    let short = [0.0; 17];
    says(
        fitting.kernel.pack(&short),
        "the parameter vector has 17 numbers; ElmanRnn needs 18",
    );
    let Fitting { kernel, packed, .. } = &mut fitting;
    says(
        kernel.repack(&short, packed),
        "the parameter vector has 17 numbers; ElmanRnn needs 18",
    );
    let mut fitting = Fitting::new();
    fitting.dparams.push(0.0);
    says(
        fitting.backward(None),
        "the gradient of the parameters has 19 numbers; ElmanRnn needs 18",
    );
}

#[test]
fn packed_weights_of_another_layout() {
    let mut fitting = Fitting::new();
    let lanes = fitting.kernel.width().lanes::<f32>();
    let words = |made_for: &str| {
        format!(
            "the packed weights, made for {made_for}, cannot serve this call, which needs ElmanRnn with sizes [2, 3] in \
             registers of {lanes} numbers; pack the parameters with this kernel"
        )
    };
    let at =
        |cell_and_sizes: &str| words(&format!("{cell_and_sizes} in registers of {lanes} numbers"));
    let wider = kernel(&[2, 4]).expect("sizes above zero");
    fitting.packed = wider
        .pack(&vec![0.0; wider.params_len()])
        .expect("as many parameters as the kernel has");
    says(fitting.forward(), &at("ElmanRnn with sizes [2, 4]"));
    let lstm = Kernel::<Lstm, f32>::new(&SIZES).expect("sizes above zero");
    fitting.packed = lstm
        .pack(&vec![0.0; lstm.params_len()])
        .expect("as many parameters as the kernel has");
    says(fitting.forward(), &at("Lstm with sizes [2, 3]"));
    says(fitting.backward(None), &at("Lstm with sizes [2, 3]"));
    if fitting.kernel.width() != Width::Scalar {
        let narrow = Kernel::<ElmanRnn, f32>::with_width(&SIZES, Width::Scalar).unwrap();
        fitting.packed = narrow.pack(&vec![0.5; narrow.params_len()]).unwrap();
        let made_for = "ElmanRnn with sizes [2, 3] in registers of 1 number";
        says(fitting.forward(), &words(made_for));
    }
}

/// Cells of one name and of equal matrices, one of which has a number more.
mod namesakes {
    pub mod plain {
        lstm_core::cell! {
            pub cell Namesake {
                size I, N;
                input x: [I];
                param W: [N, I];
                param U: [N, N];
                h[t] = tanh(W @ x[t] + U @ h[t-1]);
                output h;
            }
        }
    }

    pub mod scaled {
        lstm_core::cell! {
            pub cell Namesake {
                size I, N;
                input x: [I];
                param W: [N, I];
                param U: [N, N];
                param s: [];
                h[t] = s * tanh(W @ x[t] + U @ h[t-1]);
                output h;
            }
        }
    }
}

#[test]
fn packed_weights_of_a_namesake() {
    let plain = Kernel::<namesakes::plain::Namesake, f32>::new(&SIZES).unwrap();
    let scaled = Kernel::<namesakes::scaled::Namesake, f32>::new(&SIZES).unwrap();
    let mut packed = plain.pack(&vec![0.5; plain.params_len()]).unwrap();
    let message = scaled
        .repack(&vec![0.5; scaled.params_len()], &mut packed)
        .unwrap_err()
        .to_string();
    let words = "the packed weights, made for another cell called Namesake with sizes [2, 3] in registers of ";
    assert!(message.starts_with(words), "{message}");
}

/// Vectors of the step that no parameter is as large as.
mod unbounded {
    lstm_core::cell! {
        pub cell Unbounded {
            size M, N, C;
            input x: [N, C];
            param a: [M];
            h[t] = a * h[t-1] + sum_N(sum_C(x[t]));
            output h;
        }
    }
}

#[test]
fn inputs_that_cannot_be_addressed() {
    // 2^64 numbers of input, counted in 64 bits, are none.
    let sizes = [2, 1 << 60, 16];
    says(
        Kernel::<unbounded::Unbounded, f32>::new(&sizes),
        "Unbounded with sizes [2, 1152921504606846976, 16] does not fit into the address space; choose smaller sizes",
    );
}

#[test]
fn matrices() {
    let mut fitting = Fitting::new();
    let (x, y) = (fitting.x.clone(), fitting.y.clone());
    let columns = STEPS * BATCH;
    says(
        fitting.infer(Mat::zeros(3, columns).as_ref(), y.clone().as_mut()),
        "x is 3 x 8; it must be 2 x 8",
    );
    says(
        fitting.infer(Mat::zeros(2, 7).as_ref(), y.clone().as_mut()),
        "x has 7 columns, which is not a multiple of the batch of 2 samples",
    );
    says(
        fitting.infer(x.as_ref(), Mat::zeros(3, 6).as_mut()),
        "y is 3 x 6; it must be 3 x 8",
    );
    says(
        fitting.infer(x.as_ref(), Mat::zeros(2, 8).as_mut()),
        "y is 2 x 8; it must be 3 x 8",
    );
    let mut dx = Mat::zeros(3, columns);
    says(
        fitting.backward(Some(dx.as_mut())),
        "dx is 3 x 8; it must be 2 x 8",
    );
    // Rows contiguous instead of columns.
    let row_major = Mat::<f32>::zeros(columns, SIZES[0]);
    says(
        fitting.infer(row_major.transpose(), y.clone().as_mut()),
        "the columns of x are not contiguous in memory; copy it into a column-major matrix",
    );
    let mut row_major = Mat::<f32>::zeros(columns, SIZES[0]);
    says(
        fitting.backward(Some(row_major.as_mut().transpose_mut())),
        "the columns of dx are not contiguous in memory; copy it into a column-major matrix",
    );
    says(
        fitting.infer(x.as_ref().reverse_cols(), y.clone().as_mut()),
        "the columns of x are not contiguous in memory; copy it into a column-major matrix",
    );
}

#[test]
fn states() {
    let mut fitting = Fitting::new();
    fitting.state = fitting.kernel.zero_state(0).unwrap();
    says(
        fitting.forward(),
        "x has 8 columns, which is not a multiple of the batch of 0 samples",
    );
    fitting.state = kernel(&[2, 5])
        .expect("sizes above zero")
        .zero_state(BATCH)
        .unwrap();
    says(
        fitting.forward(),
        "a carried state is 5 x 2; it must be 3 x 2",
    );
    fitting.state = Kernel::<Lstm, f32>::new(&SIZES)
        .expect("sizes above zero")
        .zero_state(BATCH)
        .unwrap();
    says(
        fitting.forward(),
        "the state, made for 2 carried quantities, cannot serve this call, which needs 1 carried quantities",
    );
    says(
        fitting.backward(None),
        "the state, made for 2 carried quantities, cannot serve this call, which needs 1 carried quantities",
    );
}

#[test]
fn buffers() {
    let mut fitting = Fitting::new();
    // Four samples make two steps of the eight columns.
    fitting.state = fitting.kernel.zero_state(4).unwrap();
    says(
        fitting.forward(),
        "the tape, made for 4 steps of 2 samples, cannot serve this call, which needs 2 steps of 4 samples of ElmanRnn",
    );
    says(
        fitting.backward(None),
        "the tape, made for 4 steps of 2 samples, cannot serve this call, which needs 2 steps of 4 samples of ElmanRnn",
    );
    let (x, mut y) = (fitting.x.clone(), fitting.y.clone());
    says(
        fitting.infer(x.as_ref(), y.as_mut()),
        "the workspace, made for 2 samples, cannot serve this call, which needs 4 samples of ElmanRnn",
    );
}
