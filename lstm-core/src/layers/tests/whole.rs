//! Layers as a whole: refusals, files, explanations, the same bits on any number of threads.

use super::*;

#[test]
fn what_does_not_fit_is_an_error() {
    let below = || Stack::<f64>::new().with("below", lstm(3, 4, 1)).unwrap();
    let message = below()
        .with("above", gru(5, 4, 1))
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        message,
        "the layer `above` takes 5 features, but `below` has 4"
    );
    let message = below()
        .with("below", gru(4, 4, 1))
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        message,
        "the stack has a layer named `below` already; choose another name"
    );
    // `a.b` would be the `b` within an `a` as well.
    for (name, shown) in [("", "``"), ("a.b", "`a.b`")] {
        let message = below().with(name, gru(4, 4, 1)).err().unwrap().to_string();
        assert_eq!(
            message,
            format!(
                "the name of a layer in a stack is {shown}, but must be a text without dots that is not empty: dots join it \
                 and the names of parameters"
            )
        );
    }
    assert!(Residual::new(gru(3, 4, 1)).is_err());
    assert!(Bidirectional::concat(gru(3, 4, 1), gru(4, 4, 1)).is_err());
    assert!(Bidirectional::sum(gru(3, 4, 1), gru(3, 5, 1)).is_err());

    let net = below();
    let batch = Batch::new(2, 2);
    let (x, mut y, mut tape) = (Mat::zeros(3, 4), Mat::zeros(4, 4), LayerTape::new());
    let mut state = net.initial_states(2).unwrap();
    let mut gradient = vec![0.0; net.params_len()];
    let error = net
        .backward(
            x.as_ref(),
            &batch,
            y.as_ref(),
            &mut state,
            &mut tape,
            &mut gradient,
            None,
        )
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the tape holds no forward pass"),
        "{error}"
    );
    for (x, y, batch) in [
        (Mat::zeros(2, 4), Mat::zeros(4, 4), 2),
        (Mat::zeros(3, 4), Mat::zeros(3, 4), 2),
        (Mat::zeros(3, 3), Mat::zeros(4, 4), 2),
        (Mat::zeros(3, 4), Mat::zeros(4, 4), 3),
    ] {
        let (mut y, mut state): (Mat<f64>, _) = (y, net.initial_states(batch).unwrap());
        let infer = net.infer(
            x.as_ref(),
            &Batch::new(2, 2),
            &mut state,
            y.as_mut(),
            &mut tape,
        );
        assert!(infer.is_err());
    }
    assert!(
        net.infer(x.as_ref(), &batch, &mut [], y.as_mut(), &mut tape)
            .is_err()
    );
}

/// Forward and back on a tape: outputs and all gradients.
fn on_tape(net: &dyn Layer<f64>, batch: &Batch, tape: &mut LayerTape) -> (Mat<f64>, Vec<f64>) {
    let x = noise(net.input_len(), batch.columns(), 3);
    let mut y = Mat::zeros(net.output_len(), batch.columns());
    let mut state = net.initial_states(batch.samples()).unwrap();
    let mut rng = Rng::new(9);
    net.forward(x.as_ref(), batch, &mut state, y.as_mut(), tape, &mut rng)
        .unwrap();
    let mut gradient = vec![0.0; net.params_len()];
    let mut dstate = net.zero_states(batch.samples()).unwrap();
    net.backward(
        x.as_ref(),
        batch,
        y.as_ref(),
        &mut dstate,
        tape,
        &mut gradient,
        None,
    )
    .unwrap();
    (y, gradient)
}

#[test]
fn layers_of_other_cells_and_sizes_may_take_turns_on_a_tape() {
    let zoneout = Regularised::new(lstm(3, 5, 6))
        .with_zoneout("c", 0.3)
        .unwrap();
    let mut again = lstm(3, 9, 2);
    again.set_recompute(Recompute::Every(2));
    let nets: [&dyn Layer<f64>; 6] = [
        &lstm(3, 4, 1),
        &lstm(3, 9, 2),
        &again,
        &gru(3, 4, 3),
        &peepholes(3, 4, 4),
        &zoneout,
    ];
    let mut tape = LayerTape::new();
    for batch in [Batch::ragged(&[5, 2, 4]), Batch::new(3, 2)] {
        for net in nets.into_iter().chain(nets.into_iter().rev()) {
            let expected = on_tape(net, &batch, &mut LayerTape::new());
            assert_eq!(on_tape(net, &batch, &mut tape), expected);
        }
    }
}

/// What another layer recorded is no forward pass of this one, and nothing is added to the gradient before that is seen.
#[test]
fn the_way_back_is_that_of_the_same_layer() {
    let recomputing = |mut layer: Recurrent<Lstm, f64>| {
        layer.set_recompute(Recompute::Every(2));
        layer
    };
    let zoneout = |units, rate| {
        let layer = Regularised::new(lstm(3, units, 6));
        layer.with_zoneout("h", rate).unwrap()
    };
    let stack = |layer: Box<dyn Layer<f64>>| {
        let mut stack = Stack::new();
        let outputs = layer.output_len();
        stack.push("below", layer).unwrap();
        stack.with("above", lstm(outputs, 2, 1)).unwrap()
    };
    let linear = || Linear::new(3, 3, Init::Constant(0.5), &mut Rng::new(1)).unwrap();
    let both = |units, other| Bidirectional::concat(lstm(3, units, 1), lstm(3, other, 2)).unwrap();
    let pairs: [[Box<dyn Layer<f64>>; 2]; 10] = [
        [Box::new(lstm(3, 4, 1)), Box::new(lstm(3, 9, 2))],
        [Box::new(lstm(3, 9, 2)), Box::new(gru(3, 9, 3))],
        [Box::new(gru(3, 4, 3)), Box::new(peepholes(3, 4, 4))],
        [Box::new(peepholes(3, 4, 4)), Box::new(lstm(3, 4, 1))],
        [
            Box::new(recomputing(lstm(2, 4, 1))),
            Box::new(recomputing(lstm(3, 4, 1))),
        ],
        [Box::new(zoneout(5, 0.3)), Box::new(zoneout(5, 0.0))],
        [Box::new(zoneout(5, 0.3)), Box::new(zoneout(8, 0.3))],
        [
            Box::new(stack(Box::new(lstm(3, 4, 1)))),
            Box::new(stack(Box::new(lstm(3, 8, 1)))),
        ],
        [
            Box::new(stack(Box::new(lstm(3, 3, 1)))),
            Box::new(stack(Box::new(linear()))),
        ],
        [Box::new(both(2, 4)), Box::new(both(3, 3))],
    ];
    let batch = Batch::new(3, 2);
    for (at, [one, other]) in pairs.iter().enumerate() {
        for [last, net] in [[one, other], [other, one]] {
            let mut tape = LayerTape::new();
            on_tape(last.as_ref(), &batch, &mut tape);
            let (x, dy) = (noise(net.input_len(), 6, 3), noise(net.output_len(), 6, 4));
            let mut gradient = vec![0.0; net.params_len()];
            let mut dstate = net.zero_states(2).unwrap();
            let (x, dy) = (x.as_ref(), dy.as_ref());
            let done = net.backward(x, &batch, dy, &mut dstate, &mut tape, &mut gradient, None);
            assert!(done.is_err(), "pair {at}");
            assert!(gradient.iter().all(|&slope| slope == 0.0), "pair {at}");
        }
    }
}

#[test]
fn an_empty_stack_has_no_features() {
    let x = noise(0, 4, 1);
    assert_eq!(outputs(&Stack::new(), x.as_ref(), &Batch::new(2, 2)).0, x);
}

#[test]
fn trained_states_are_saved_and_read() {
    let path = std::env::temp_dir().join(format!("lstm-core-layers-{}", std::process::id()));
    let layer = peepholes(3, 4, 5);
    layer.save(&path).unwrap();
    let read = Recurrent::<PeepholeLstm, f64>::load(&path).unwrap();
    let file = crate::io::ModelFile::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut without = Recurrent::<PeepholeLstm, f64>::zeros(&[3, 4]).unwrap();
    let message = file.load_into(&mut without).unwrap_err().to_string();
    assert!(message.contains("`with_trained_state`"), "{message}");
    assert_eq!(read.params_len(), layer.params_len());
    assert_eq!(
        read.initial_states(2).unwrap(),
        layer.initial_states(2).unwrap()
    );
    assert_ne!(
        read.initial_states(2).unwrap(),
        vec![read.zero_state(2).unwrap()]
    );
}

#[test]
fn files_know_every_cell_of_a_stack() {
    let mut names = Vec::new();
    everything().visit_cells(crate::params::Name::ROOT, &mut |name, spec, _| {
        names.push(format!("{name} {}", spec.name));
    });
    assert_eq!(
        names,
        [
            "lstm Lstm",
            "residual GruResetAfter",
            "both.forward PeepholeLstm",
            "both.backward GruResetAfter",
            "sum.forward GruResetAfter",
            "sum.backward Lstm"
        ]
    );
}

#[test]
fn every_recurrent_layer_of_a_stack_explains_itself() {
    let net = everything();
    let explanations = net.explanations();
    let mut expected = Vec::new();
    net.visit_cells(crate::params::Name::ROOT, &mut |name, spec, _| {
        expected.push((name.to_string(), spec.name));
    });
    let found: Vec<_> = (explanations.iter())
        .map(|(name, explanation)| (name.clone(), explanation.cell))
        .collect();
    assert_eq!(found, expected);
    let params: usize = explanations.iter().map(|(_, cell)| cell.params_len).sum();
    // The rest is the head: 3 x 2 weights and 2 biases.
    assert_eq!(params + 8, net.params_len());
}

/// Parameters after some steps of training with every kind of noise, on so many threads.
fn trained(threads: usize) -> Vec<f64> {
    use crate::optim::{Adam, Optimiser};
    let noisy = Regularised::new(lstm(4, 4, 2))
        .with_zoneout("c", 0.2)
        .and_then(|layer| layer.with_recurrent_dropout("h", 0.2))
        .unwrap();
    let mut net = Stack::new()
        .with(
            "below",
            Bidirectional::concat(lstm(3, 2, 1), gru(3, 2, 5)).unwrap(),
        )
        .and_then(|net| net.with("dropout", Dropout::new(4, 0.3)?))
        .and_then(|net| net.with("noisy", noisy))
        .and_then(|net| {
            let both = Bidirectional::sum(
                Stack::new()
                    .with("dropout", Dropout::new(4, 0.3)?)?
                    .with("a", gru(4, 3, 6))?,
                Stack::new()
                    .with("dropout", Dropout::new(4, 0.3)?)?
                    .with("b", lstm(4, 3, 7))?,
            )?;
            net.with("both", both)
        })
        .unwrap();
    net.set_threads(&Threads::new(threads).unwrap());
    let batch = Batch::ragged(&[6, 9, 3]);
    let x = noise(3, batch.columns(), 8);
    let (mut adam, mut rng) = (Adam::new(0.01).unwrap(), Rng::new(4));
    let (mut y, mut tape) = (Mat::zeros(3, batch.columns()), LayerTape::new());
    for _ in 0..5 {
        let (mut state, mut dstate) = (net.initial_states(3).unwrap(), net.zero_states(3).unwrap());
        let mut gradient = vec![0.0; net.params_len()];
        net.forward(
            x.as_ref(),
            &batch,
            &mut state,
            y.as_mut(),
            &mut tape,
            &mut rng,
        )
        .unwrap();
        net.backward(
            x.as_ref(),
            &batch,
            y.as_ref(),
            &mut dstate,
            &mut tape,
            &mut gradient,
            None,
        )
        .unwrap();
        adam.step(&mut net, &gradient).unwrap();
    }
    let mut params = Vec::new();
    net.visit(crate::params::Name::ROOT, &mut |_, parameter| {
        params.extend_from_slice(parameter.values);
        Ok(())
    })
    .unwrap();
    params
}

#[test]
fn training_with_noise_gives_the_same_bits_on_any_number_of_threads_and_on_every_run() {
    let once = trained(1);
    for threads in [1, 2, 3, 4] {
        assert_eq!(trained(threads), once);
    }
}
