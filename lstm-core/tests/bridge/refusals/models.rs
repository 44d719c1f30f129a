//! Models that other libraries cannot hold.

use super::*;

fn layer<C: Cell>(sizes: &[usize]) -> Recurrent<C, f32> {
    Recurrent::new(sizes, &mut Rng::new(1)).unwrap()
}

fn residual(sizes: &[usize]) -> Residual<Recurrent<Lstm, f32>> {
    Residual::new(layer(sizes)).unwrap()
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
            "`m` cannot be written for PyTorch: it computes something else than its recurrent layers",
        ),
        (
            stack(vec![("low", Box::new(residual(&[4, 4])))]),
            "`m` cannot be written for PyTorch: it computes something else than its recurrent layers",
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
            "`head.weight` cannot be written for PyTorch: it is no parameter of a recurrent layer there",
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
        "`weight` cannot be written for Keras: it is no parameter of a recurrent layer there",
    );
    refused(
        &residual(&[4, 4]),
        "`m` cannot be written for Keras: it computes something else than its recurrent layers",
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
