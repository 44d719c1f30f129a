//! Batches of any lengths, and layers that go through them.

use faer::Mat;
use lstm_core::cells::{GruResetAfter, Lstm};
use lstm_core::layers::{Batch, Bidirectional, Dropout, Layer, LayerTape, Residual, Stack};
use lstm_core::params::Parameters;
use lstm_core::{Recurrent, Rng, State};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{length, matrix, number, size};

/// Every kind of layer: 3 features in, 4 out.
fn stack() -> Stack<f64> {
    let rng = &mut Rng::new(1);
    let gru = |rng: &mut Rng| Recurrent::<GruResetAfter, f64>::new(&[3, 2], rng).unwrap();
    let lstm = Recurrent::<Lstm, f64>::new(&[3, 3], rng).unwrap();
    let both = Bidirectional::concat(gru(rng), gru(rng)).unwrap();
    Stack::new()
        .with("dropout", Dropout::new(3, 0.5).unwrap())
        .and_then(|it| it.with("residual", Residual::new(lstm.with_trained_state())?))
        .and_then(|it| it.with("both", both))
        .unwrap()
}

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn batches(lengths in vec(size(), 0..4), steps in size(), place in (size(), size()), part in (size(), size())) {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        prop_assert_eq!(Batch::padded(&lengths, steps).is_ok(), longest <= steps);
        let batch = Batch::ragged(&lengths);
        let exists = place.0 < longest && place.1 < lengths.len();
        prop_assert_eq!(batch.clone().reset(place.0, place.1).is_ok(), exists);
        prop_assert_eq!(batch.part(part.0..part.1).is_ok(), part.0 <= part.1 && part.1 <= longest);
        prop_assert!(batch.columns() >= batch.samples().min(batch.steps()));
        prop_assert_eq!(batch.length(usize::MAX), 0);
        // Matrices of other shapes are refused before anything is made for the batch.
        let net = stack();
        let (x, mut y) = (Mat::zeros(3, 1), Mat::zeros(4, 1));
        let mut state = net.initial_states(1).unwrap();
        let done = net.infer(x.as_ref(), &batch, &mut state, y.as_mut(), &mut LayerTape::new());
        prop_assert_eq!(done.is_ok(), lengths == [1]);
    }

    #[test]
    fn rates(rate in number(), len in size()) {
        let made = Dropout::new(len, rate);
        prop_assert!(made.is_err() || (0.0..1.0).contains(&rate));
    }

    #[test]
    fn states(
        lengths in prop_oneof![Just(vec![vec![3, 3], vec![2], vec![2]]), vec(vec(0usize..5, 0..4), 0..5)],
        samples in 0usize..4,
        is_fresh in any::<bool>(),
    ) {
        let net = stack();
        let batch = Batch::ragged(&[0, 2]);
        let batch = if is_fresh { batch.fresh() } else { batch };
        let zeros = |lengths: &Vec<usize>| State::zeros(lengths.iter().copied(), samples).unwrap();
        let mut state: Vec<State<f64>> = lengths.iter().map(zeros).collect();
        let (x, mut y) = (Mat::zeros(3, 4), Mat::zeros(4, 4));
        let (mut tape, mut rng) = (LayerTape::new(), Rng::new(1));
        let done = net.infer(x.as_ref(), &batch, &mut state, y.as_mut(), &mut tape);
        // An LSTM's c and h of 3 units, and the h of 2 units of a GRU in either direction.
        let fits = samples == 2 && lengths == [vec![3, 3], vec![2], vec![2]];
        prop_assert_eq!(done.is_ok(), fits);
        let done = net.forward(x.as_ref(), &batch, &mut state, y.as_mut(), &mut tape, &mut rng);
        prop_assert_eq!(done.is_ok(), fits);
        let mut right = net.zero_states(2).unwrap();
        net.forward(x.as_ref(), &batch, &mut right, y.as_mut(), &mut tape, &mut rng).unwrap();
        let mut gradient = vec![0.0; net.params_len()];
        let done = net.backward(x.as_ref(), &batch, y.as_ref(), &mut state, &mut tape, &mut gradient, None);
        prop_assert_eq!(done.is_ok(), fits);
    }

    #[test]
    fn passes(
        lengths in vec(0usize..3, 0..4),
        x in matrix(3, 6),
        y in matrix(4, 6),
        dx in matrix(3, 6),
        samples in length(3),
        dsamples in length(3),
        len in prop_oneof![Just(None), (0usize..200).prop_map(Some)],
        is_batch_major in any::<bool>(),
    ) {
        let net = stack();
        let batch = Batch::ragged(&lengths);
        let batch = if is_batch_major { batch.batch_major() } else { batch };
        let columns = batch.columns();
        let fits = x.shape() == (3, columns) && y.shape() == (4, columns) && samples == lengths.len();
        let mut tape = LayerTape::new();
        let mut state = net.initial_states(samples).unwrap();
        let mut written = y.clone();
        let done = net.infer(x.as_ref(), &batch, &mut state, written.as_mut(), &mut tape);
        prop_assert_eq!(done.is_ok(), fits);
        let mut rng = Rng::new(2);
        let done = net.forward(x.as_ref(), &batch, &mut state, written.as_mut(), &mut tape, &mut rng);
        prop_assert_eq!(done.is_ok(), fits);
        let all = net.params_len();
        let mut gradient = vec![0.0; len.unwrap_or(all)];
        let mut dstate = net.zero_states(dsamples).unwrap();
        let mut dx = dx;
        let shape = dx.shape();
        let done = net.backward(
            x.as_ref(),
            &batch,
            y.as_ref(),
            &mut dstate,
            &mut tape,
            &mut gradient,
            Some(dx.as_mut()),
        );
        let fits = fits && dsamples == samples && gradient.len() == all && shape == x.shape();
        prop_assert_eq!(done.is_ok(), fits);
    }
}
