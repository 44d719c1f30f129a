//! States that calls bring, and those that a layer has of its own.

use super::*;
use crate::layers::{Pass, Regularised, Reversed};

/// Layers that carry one LSTM's state of 4 units.
fn layers() -> Vec<Box<dyn Layer<f64>>> {
    let zoned = Regularised::new(lstm(3, 4, 1))
        .with_zoneout("h", 0.1)
        .unwrap();
    let stack = Stack::new().with("lstm", lstm(3, 4, 1)).unwrap();
    vec![
        Box::new(lstm(3, 4, 1)),
        Box::new(zoned),
        Box::new(Reversed::new(lstm(3, 4, 1))),
        Box::new(stack),
    ]
}

#[test]
fn a_state_of_another_cell_or_size_is_refused_before_anything_is_written() {
    let others = [
        filled(&lstm(3, 5, 1), 2, 1),
        filled(&gru(3, 4, 1), 2, 2),
        filled(&lstm(3, 4, 1), 3, 3),
        [filled(&lstm(3, 4, 1), 2, 4), filled(&lstm(3, 4, 1), 2, 5)].concat(),
        Vec::new(),
    ];
    let batches = [
        Batch::new(3, 2).fresh(),
        Batch::ragged(&[1, 3]).fresh(),
        Batch::ragged(&[0, 3]),
    ];
    for (layer, batch) in layers()
        .iter()
        .flat_map(|layer| batches.iter().map(move |batch| (layer, batch)))
    {
        let x = noise(3, batch.columns(), 7);
        let untouched = Mat::full(4, batch.columns(), 7.0);
        let mut y = untouched.clone();
        let (mut tape, rng) = (LayerTape::new(), &mut Rng::new(0));
        for other in &others {
            let mut state = other.clone();
            let refused = [
                layer.infer(x.as_ref(), batch, &mut state, y.as_mut(), &mut tape),
                layer.forward(x.as_ref(), batch, &mut state, y.as_mut(), &mut tape, rng),
            ];
            assert!(refused.iter().all(Result::is_err), "{layer:p}: {refused:?}");
            assert_eq!((&state, &y), (other, &untouched));
        }
        let mut state = layer.initial_states(2).unwrap();
        (layer.forward(x.as_ref(), batch, &mut state, y.as_mut(), &mut tape, rng)).unwrap();
        for other in &others {
            let (mut dstate, mut gradient) = (other.clone(), vec![0.0; layer.params_len()]);
            let dy = untouched.as_ref();
            let refused = layer.backward(
                x.as_ref(),
                batch,
                dy,
                &mut dstate,
                &mut tape,
                &mut gradient,
                None,
            );
            assert!(refused.is_err());
            assert_eq!(&dstate, other);
            assert!(gradient.iter().all(|&value| value == 0.0));
        }
    }
}

#[test]
fn a_stack_looks_at_all_states_before_any_moves() {
    let net = Stack::new()
        .with("below", lstm(3, 4, 1))
        .and_then(|net| net.with("above", gru(4, 2, 2)))
        .unwrap();
    let batch = Batch::new(3, 2);
    let x = noise(3, 6, 3);
    let right = filled(&net, 2, 4);
    let wrong = vec![right[0].clone(), right[0].clone()];
    let (mut state, mut y) = (wrong.clone(), Mat::zeros(2, 6));
    let refused = net.infer(
        x.as_ref(),
        &batch,
        &mut state,
        y.as_mut(),
        &mut LayerTape::new(),
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the carried state is [4, 4] and [4, 4] for 2 samples, but [4, 4] and [2] for 2 samples, as `initial_states` and \
         `zero_states` of the layer make it, is needed"
    );
    assert_eq!(state, wrong);
    // The same by way of the gradient of the final states.
    let mut pass = Pass::new();
    (pass.forward(&net, x.as_ref(), &batch, &mut Rng::new(0))).unwrap();
    let (mut dstate, mut gradient) = (right, vec![0.0; net.params_len()]);
    dstate.swap(0, 1);
    assert!(
        pass.backward_from(
            &net,
            x.as_ref(),
            y.as_ref(),
            &mut dstate,
            &mut gradient,
            None
        )
        .is_err()
    );
}

#[test]
fn a_sample_of_no_steps_ends_where_it_begins() {
    let mut zoned = Regularised::new(peepholes(3, 4, 3))
        .with_zoneout("b", 0.2)
        .unwrap();
    let mut reversed = Reversed::new(peepholes(3, 4, 3));
    let mut recomputing = peepholes(3, 4, 3);
    recomputing.set_recompute(Recompute::Root);
    let batches = [
        Batch::ragged(&[2, 0, 3]).fresh(),
        Batch::ragged(&[2, 0]).batch_major().fresh(),
        Batch::ragged(&[0, 2, 0]).reset(0, 0).unwrap(),
        Batch::new(0, 2).fresh(),
    ];
    for batch in &batches {
        ends_where_it_begins(&mut peepholes(3, 4, 3), batch);
        ends_where_it_begins(&mut recomputing, batch);
        ends_where_it_begins(&mut reversed, batch);
        ends_where_it_begins(&mut zoned, batch);
    }
}

/// The states that a call brings are forgotten, and the gradient of the final ones reaches what was trained.
fn ends_where_it_begins<L: Layer<f64>>(layer: &mut L, batch: &Batch) {
    let x = noise(3, batch.columns(), 8);
    let start = filled(layer, batch.samples(), 50);
    let weights = state_weights(layer, batch);
    let run = |layer: &L, tape: &mut LayerTape| {
        let (mut state, mut y) = (start.clone(), Mat::zeros(4, batch.columns()));
        // The same noise in every run.
        let rng = &mut Rng::new(0);
        (layer.forward(x.as_ref(), batch, &mut state, y.as_mut(), tape, rng)).unwrap();
        (state, y)
    };
    let (mut tape, mut gradient) = (LayerTape::new(), vec![0.0; layer.params_len()]);
    let (state, mut y) = run(layer, &mut tape);
    let mut inferred = start.clone();
    (layer.infer(
        x.as_ref(),
        batch,
        &mut inferred,
        y.as_mut(),
        &mut LayerTape::new(),
    ))
    .unwrap();
    let (mut dstate, dy) = (weights.clone(), Mat::zeros(4, batch.columns()));
    let (x, dy) = (x.as_ref(), dy.as_ref());
    (layer.backward(x, batch, dy, &mut dstate, &mut tape, &mut gradient, None)).unwrap();
    let initial = layer.initial_states(1).unwrap();
    let begins = |sample| {
        batch
            == &batch
                .clone()
                .reset(0, sample)
                .unwrap_or(batch.clone().fresh())
    };
    let idle = (0..batch.samples()).filter(|&sample| batch.length(sample) == 0 && begins(sample));
    for (sample, index) in idle.flat_map(|sample| (0..2).map(move |index| (sample, index))) {
        let expected = initial[0].get(index).col(0);
        assert_eq!(state[0].get(index).col(sample), expected);
        assert_eq!(inferred[0].get(index).col(sample), expected);
        assert!((dstate[0].get(index).col(sample).iter()).all(|&value| value == 0.0));
    }
    assert_gradient(layer, &gradient, |layer| {
        inner(&run(layer, &mut LayerTape::new()).0[0], &weights[0])
    });
}
