//! Dropout: its mean, its masks, its threads.

use super::*;

#[test]
fn dropout_keeps_the_mean_and_goes_back_through_its_mask() {
    let batch = Batch::padded(&[400, 300], 401).unwrap();
    let x = Mat::full(8, batch.columns(), 1.0);
    for mask in [DropoutMask::EachStep, DropoutMask::EachSequence] {
        let layer = Dropout::new(8, 0.25).unwrap().with_mask(mask);
        let (mut y, mut dx) = (x.clone(), Mat::zeros(8, x.ncols()));
        let (mut tape, mut rng) = (LayerTape::new(), Rng::new(3));
        layer
            .forward(x.as_ref(), &batch, &mut [], y.as_mut(), &mut tape, &mut rng)
            .unwrap();
        assert_eq!(y[(0, batch.column(400, 0))], 0.0);
        let kept = (0..300)
            .filter(|&t| y[(2, batch.column(t, 1))] != 0.0)
            .count();
        match mask {
            // Five standard deviations of a binomial count: 5 sqrt(300 * 1/4 * 3/4) = 37.
            DropoutMask::EachStep => assert!(kept.abs_diff(225) < 37, "{kept}"),
            DropoutMask::EachSequence => assert!(kept == 0 || kept == 300),
        }
        assert!((y.sum() / y.as_ref().col(0).nrows() as f64 - 700.0).abs() < 700.0 * 0.6);
        let dy = x.as_ref();
        layer
            .backward(
                x.as_ref(),
                &batch,
                dy,
                &mut [],
                &mut tape,
                &mut [],
                Some(dx.as_mut()),
            )
            .unwrap();
        // The input is 1, so output and gradient are both the mask.
        assert_eq!(y, dx);
        Layer::<f64>::infer(&layer, x.as_ref(), &batch, &mut [], y.as_mut(), &mut tape).unwrap();
        assert_eq!(y[(2, batch.column(7, 1))], 1.0);
    }
    assert!(Dropout::new(8, 1.0).is_err());
}

#[test]
fn dropout_takes_matrices_of_any_strides() {
    let batch = Batch::new(6, 2);
    let x = noise(5, batch.columns(), 3);
    let layer = Dropout::new(5, 0.25).unwrap();
    let run = |x: MatRef<'_, f64>, y: MatMut<'_, f64>| {
        let (mut tape, mut rng) = (LayerTape::new(), Rng::new(3));
        layer
            .forward(x, &batch, &mut [], y, &mut tape, &mut rng)
            .unwrap();
    };
    let (mut y, mut of_rows) = (x.clone(), Mat::zeros(x.ncols(), x.nrows()));
    run(x.as_ref(), y.as_mut());
    // The columns of a transposed matrix are not contiguous.
    let rows = x.transpose().to_owned();
    run(rows.transpose(), of_rows.transpose_mut());
    assert_eq!(of_rows.transpose(), y);
    assert_ne!(y, x);
}

#[test]
fn dropout_of_sequences_of_no_steps_draws_nothing() {
    let dropout = (Dropout::new(2, 0.5).unwrap()).with_mask(DropoutMask::EachSequence);
    let batch = Batch::new(0, usize::MAX).fresh();
    let (x, mut y) = (Mat::<f64>::zeros(2, 0), Mat::<f64>::zeros(2, 0));
    let (mut tape, mut rng) = (LayerTape::new(), Rng::new(1));
    dropout
        .forward(x.as_ref(), &batch, &mut [], y.as_mut(), &mut tape, &mut rng)
        .unwrap();
    let dx = Some(y.as_mut());
    Layer::<f64>::backward(
        &dropout,
        x.as_ref(),
        &batch,
        x.as_ref(),
        &mut [],
        &mut tape,
        &mut [],
        dx,
    )
    .unwrap();
}

#[test]
fn dropout_on_threads_is_that_of_one() {
    // Enough numbers for threads; samples of two lengths, in either order of columns, what lies in padding is no number.
    let ragged = Batch::ragged(&[40, 37, 40]);
    for batch in [ragged.clone(), ragged.batch_major()] {
        let mut x = noise(200, batch.columns(), 3);
        batch.for_padding(|column| x.as_mut().col_mut(column).fill(f64::NAN));
        for mask in [DropoutMask::EachStep, DropoutMask::EachSequence] {
            let run = |threads: Option<usize>| {
                let mut layer = Dropout::new(200, 0.25).unwrap().with_mask(mask);
                if let Some(count) = threads {
                    Layer::<f64>::set_threads(&mut layer, &Threads::new(count).unwrap());
                }
                let (mut y, mut dx) = (x.clone(), x.clone());
                let (mut tape, mut rng) = (LayerTape::new(), Rng::new(3));
                let (from, to) = (x.as_ref(), y.as_mut());
                layer
                    .forward(from, &batch, &mut [], to, &mut tape, &mut rng)
                    .unwrap();
                let dx_mut = Some(dx.as_mut());
                layer
                    .backward(from, &batch, from, &mut [], &mut tape, &mut [], dx_mut)
                    .unwrap();
                assert_eq!(y, dx);
                (y, rng.state())
            };
            let alone = run(None);
            // One after the other, by hand.
            let (mut rng, mut dropped) = (Rng::new(3), vec![false; 200]);
            let columns = match mask {
                DropoutMask::EachStep => batch.columns(),
                DropoutMask::EachSequence => batch.samples(),
            };
            let masks: Vec<_> = (0..columns)
                .map(|_| {
                    rng.chances(0.25, &mut dropped);
                    dropped.clone()
                })
                .collect();
            for sample in 0..3 {
                for step in 0..batch.length(sample) {
                    let column = batch.column(step, sample);
                    let of_mask = match mask {
                        DropoutMask::EachStep => column,
                        DropoutMask::EachSequence => sample,
                    };
                    for (row, &is_dropped) in masks[of_mask].iter().enumerate() {
                        let scale = if is_dropped { 0.0 } else { 1.0 / 0.75 };
                        assert_eq!(alone.0[(row, column)], x[(row, column)] * scale);
                    }
                }
            }
            batch.for_padding(|column| assert_eq!(alone.0[(0, column)], 0.0));
            assert_eq!(alone.1, rng.state());
            for threads in 1..=3 {
                assert_eq!(run(Some(threads)), alone, "{threads} threads, {mask:?}");
            }
        }
    }
}
