//! Models that other libraries cannot hold.

use lstm_core::params::{Name, Parameters};

use super::*;

fn layer<C: Cell>(sizes: &[usize]) -> Recurrent<C, f32> {
    Recurrent::new(sizes, &mut Rng::new(1)).unwrap()
}

fn residual(sizes: &[usize]) -> Residual<Recurrent<Lstm, f32>> {
    Residual::new(layer(sizes)).unwrap()
}

/// A layer whose outputs are those without zoneout but for a hundredth.
fn zoneout() -> Regularised<Lstm, f32> {
    (Regularised::new(layer(&[3, 4])).with_zoneout("h", 0.01)).unwrap()
}

/// A layer that reads from the end, with outputs too small to tell from another order by.
fn reversed() -> Reversed<f32> {
    let mut lstm = layer::<Lstm>(&[3, 4]);
    (lstm.visit_mut(Name::ROOT, &mut |_, parameter| {
        parameter.values.iter_mut().for_each(|value| *value *= 1e-3);
        Ok(())
    }))
    .unwrap();
    Reversed::new(lstm)
}

fn linear(inputs: usize, outputs: usize) -> Linear<f32> {
    Linear::new(inputs, outputs, Init::Xavier, &mut Rng::new(1)).unwrap()
}

fn stack(layers: Vec<(&str, Box<dyn Layer<f32>>)>) -> Stack<f32> {
    let mut stack = Stack::new();
    (layers.into_iter()).for_each(|(name, layer)| stack.push(name, layer).unwrap());
    stack
}

#[test]
fn models_that_pytorch_cannot_hold() {
    let both = |a, b| Bidirectional::concat(layer::<Lstm>(a), layer::<Lstm>(b)).unwrap();
    let added = Bidirectional::sum(layer::<Lstm>(&[3, 4]), layer::<Lstm>(&[3, 4])).unwrap();
    let trained = layer::<Lstm>(&[3, 4]).with_trained_state();
    let within = stack(vec![("low", Box::new(layer::<Lstm>(&[3, 4])))]);
    let nested = Bidirectional::concat(layer::<Lstm>(&[3, 4]), within).unwrap();
    let cases: Vec<(Stack<f32>, &str)> = vec![
        (
            stack(vec![]),
            "`m` cannot be written for PyTorch: it has no recurrent layer",
        ),
        (
            stack(vec![("low", Box::new(layer::<PeepholeLstm>(&[3, 4, 1])))]),
            "`low` cannot be written for PyTorch: torch.nn has no PeepholeLstm; it has ElmanRnn, ReluRnn",
        ),
        (
            stack(vec![
                ("low", Box::new(layer::<Lstm>(&[3, 4]))),
                ("high", Box::new(layer::<GruResetAfter>(&[4, 4]))),
            ]),
            "`high` cannot be written for PyTorch: it is of GruResetAfter and the first layer of Lstm; an nn.LSTM has one kind of cell",
        ),
        (
            stack(vec![
                ("low", Box::new(layer::<Lstm>(&[3, 4]))),
                ("high", Box::new(layer::<Lstm>(&[4, 5]))),
            ]),
            "`high` cannot be written for PyTorch: it has 4 inputs, 5 units and 5 outputs, but in this nn.LSTM it would have 4 inputs, 4 units and 4 outputs",
        ),
        (
            stack(vec![
                ("low", Box::new(both(&[3, 4], &[3, 4]))),
                ("high", Box::new(layer::<Lstm>(&[8, 4]))),
            ]),
            "`high` cannot be written for PyTorch: either all layers of a module have two directions or none has",
        ),
        (
            stack(vec![("low", Box::new(both(&[3, 4], &[3, 5])))]),
            "`low.backward` cannot be written for PyTorch: it has 3 inputs, 5 units",
        ),
        (
            stack(vec![("low", Box::new(added))]),
            "`low` cannot be written for PyTorch: it adds the outputs of its directions",
        ),
        (
            stack(vec![("low", Box::new(residual(&[4, 4])))]),
            "`low` cannot be written for PyTorch: it does not say that it computes what its weights compute there",
        ),
        (
            stack(vec![("low", Box::new(nested))]),
            "`low.backward` cannot be written for PyTorch: it is a direction and has to be one recurrent layer",
        ),
        (
            stack(vec![("low", Box::new(trained))]),
            "`low.initial.c` cannot be written for PyTorch: it is no parameter of a recurrent layer there",
        ),
        (
            stack(vec![
                ("low", Box::new(layer::<Lstm>(&[3, 4]))),
                ("head", Box::new(linear(4, 2))),
            ]),
            "`head` cannot be written for PyTorch: it is a linear layer, which the writer has another method for",
        ),
    ];
    for (stack, words) in cases {
        says(TorchWriter::new().recurrent("m", &stack).map(drop), words);
    }
    let lstm = layer::<ProjectionLstm>(&[3, 4, 2]);
    says(
        TorchWriter::new()
            .without_bias()
            .recurrent("m", &lstm)
            .map(drop),
        "the layer of ProjectionLstm cannot be written for PyTorch: its biases are not zero",
    );
    // torch.nn.LSTM(3, 4, proj_size=4): "proj_size has to be smaller than hidden_size".
    for outputs in [4, 5] {
        let wide = layer::<ProjectionLstm>(&[3, 4, outputs]);
        says(
            TorchWriter::new()
                .recurrent("m", &stack(vec![("low", Box::new(wide))]))
                .map(drop),
            &format!(
                "`low` cannot be written for PyTorch: it has 4 units and {outputs} outputs, but the proj_size of an nn.LSTM is smaller"
            ),
        );
    }
    let mut writer = TorchWriter::new();
    writer.linear("m", &linear(3, 2)).unwrap();
    says(
        writer.linear("m", &linear(3, 2)).map(drop),
        "two entries named `m.weight`",
    );
}

#[test]
fn models_that_keras_cannot_hold() {
    let refused = |layer: &dyn Layer<f32>, words: &str| {
        says(KerasWriter::new().recurrent("m", layer).map(drop), words)
    };
    refused(
        &layer::<ProjectionLstm>(&[3, 4, 2]),
        "`m` cannot be written for Keras: Keras has no layer of ProjectionLstm",
    );
    refused(
        &linear(3, 4),
        "`m` cannot be written for Keras: it is a linear layer, which the writer has another method for",
    );
    refused(
        &residual(&[4, 4]),
        "`m` cannot be written for Keras: it does not say that it computes what its weights compute there",
    );
    let both = Bidirectional::concat(layer::<Lstm>(&[3, 4]), layer::<Lstm>(&[3, 4])).unwrap();
    refused(
        &both,
        "it has two directions; write it with `KerasWriter::bidirectional`",
    );
    let turned = Bidirectional::concat(layer::<Lstm>(&[3, 4]), reversed()).unwrap();
    says(
        KerasWriter::new()
            .bidirectional("m", "lstm", &turned)
            .map(drop),
        "`backward` cannot be written for Keras: it reads every sequence from its end",
    );
    let two = stack(vec![
        ("low", Box::new(layer::<Lstm>(&[3, 4]))),
        ("high", Box::new(layer::<Lstm>(&[4, 4]))),
    ]);
    refused(
        &two,
        "a layer there has one recurrent cell, this has 2; write them one by one",
    );
    let unlike = Bidirectional::concat(layer::<Lstm>(&[3, 4]), layer::<Lstm>(&[3, 5])).unwrap();
    says(
        KerasWriter::new()
            .bidirectional("m", "lstm", &unlike)
            .map(drop),
        "a Bidirectional there has one recurrent cell in each direction, both alike",
    );
    says(
        KerasWriter::new()
            .without_bias()
            .recurrent("m", &layer::<Lstm>(&[3, 4]))
            .map(drop),
        "`m` cannot be written for Keras: its biases are not zero",
    );
}

/// What a layer is says its kind, not its name.
#[test]
fn names_of_layers_do_not_matter() {
    let written = |stack: &Stack<f32>| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("named.safetensors");
        let mut writer = TorchWriter::new();
        writer.recurrent("m", stack).unwrap();
        writer.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    };
    let named = |low: &str, high: &str| {
        let dropout = Dropout::new(4, 0.5).unwrap();
        stack(vec![
            (low, Box::new(layer::<Lstm>(&[3, 4])) as Box<dyn Layer<f32>>),
            ("dropout", Box::new(dropout)),
            (high, Box::new(layer::<Lstm>(&[4, 4]))),
        ])
    };
    let expected = written(&named("l0", "l1"));
    for (low, high) in [
        ("forward", "backward"),
        ("backward", "forward"),
        ("forward", "l1"),
    ] {
        assert_eq!(written(&named(low, high)), expected, "{low}, {high}");
    }
    let one = stack(vec![("forward", Box::new(layer::<Lstm>(&[3, 4])))]);
    KerasWriter::new().recurrent("m", &one).unwrap();
}

/// Outputs that are nearly those of the plain layer are not those of the plain layer.
#[test]
fn layers_that_do_something_else_with_the_same_weights() {
    let cases: [(Box<dyn Layer<f32>>, &str); 2] = [
        (
            Box::new(zoneout()),
            "it does not say that it computes what its weights compute there, as a residual layer and one with zoneout do not",
        ),
        (
            Box::new(reversed()),
            "it reads every sequence from its end, which weights do not say",
        ),
    ];
    for (layer, reason) in cases {
        says(
            KerasWriter::new().recurrent("m", layer.as_ref()).map(drop),
            &format!("`m` cannot be written for Keras: {reason}"),
        );
        says(
            TorchWriter::new()
                .recurrent("m", &stack(vec![("low", layer)]))
                .map(drop),
            &format!("`low` cannot be written for PyTorch: {reason}"),
        );
    }
}
