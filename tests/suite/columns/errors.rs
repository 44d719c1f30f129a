//! Columns that lie outside their matrix, or that two results would share, are errors.

use faer::Mat;
use lstm_kernels::{Columns, Kernel, KernelError, cells};

#[test]
fn what_does_not_fit_is_an_error() {
    let kernel = Kernel::<cells::ElmanRnn, f32>::new(&[2, 3]).unwrap();
    let packed = kernel.pack(&vec![0.5; kernel.params_len()]).unwrap();
    let (x, mut y) = (Mat::<f32>::zeros(2, 8), Mat::<f32>::zeros(3, 8));
    let mut workspace = kernel.workspace(2).unwrap();
    let mut infer = |steps, x_columns: Columns, y_columns: Columns| {
        let (mut state, x) = (kernel.zero_state(2).unwrap(), x_columns.of(x.as_ref()));
        let y = y_columns.of(y.as_mut());
        kernel
            .infer_columns(&packed, steps, x, &mut state, y, &mut workspace)
            .map_err(|error| error.to_string())
    };
    let time = Columns::time_major(2);
    assert_eq!(infer(4, time, time), Ok(()));
    assert_eq!(infer(3, time.skip_steps(1), time), Ok(()));
    assert_eq!(
        infer(0, Columns::new(100, 1, 1), Columns::new(0, 0, 0)),
        Ok(())
    );
    let says = |result: Result<(), String>, words: &str| assert_eq!(result.unwrap_err(), words);
    says(
        infer(5, time, time),
        "x has 8 columns, but step 4 of sample 0 would be column 8; give a matrix with more columns, or fewer steps and samples",
    );
    says(
        infer(4, time, time.reversed(3)),
        "y has 8 columns, but step 3 of sample 0 would be column -2; give a matrix with more columns, or fewer steps and samples",
    );
    says(
        infer(usize::MAX, time, time),
        "x has 8 columns, but step 18446744073709551614 of sample 0 would be column 36893488147419103228; give a matrix with more columns, or fewer steps and samples",
    );
    says(
        infer(2, time, Columns::new(0, 1, 1)),
        "step 1 of sample 0 and step 0 of sample 1 would share a column of y; give each a column of its own",
    );
    says(
        infer(2, time, Columns::new(0, 0, 1)),
        "step 1 of sample 0 and step 0 of sample 0 would share a column of y; give each a column of its own",
    );
    // A batch without samples has nothing to compute, however many steps it has.
    let mut none = kernel.zero_state(0).unwrap();
    let (x, y) = (time.of(x.as_ref()), time.of(y.as_mut()));
    let result = kernel.infer_columns(
        &packed,
        9,
        x,
        &mut none,
        y,
        &mut kernel.workspace(0).unwrap(),
    );
    assert_eq!(result, Ok(()));
    // The gradient of the input is written as well.
    let (mut state, mut tape) = (kernel.zero_state(2).unwrap(), kernel.tape(2, 2).unwrap());
    let (dy, mut dx) = (Mat::zeros(3, 8), Mat::zeros(2, 8));
    let (dy, dx) = (time.of(dy.as_ref()), Columns::new(1, 2, -2).of(dx.as_mut()));
    let mut dparams = vec![0.0; kernel.params_len()];
    let result = kernel.backward_columns(
        &packed,
        2,
        x,
        dy,
        &mut state,
        &mut tape,
        &mut dparams,
        Some(dx),
    );
    assert!(matches!(
        result,
        Err(KernelError::ColumnOutside {
            what: "dx",
            column: -1,
            ..
        })
    ));
}
