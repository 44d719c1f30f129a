//! State dicts of PyTorch give PyTorch's results, and come back from here as they were.

use faer::{Mat, MatRef};
use lstm_core::bridge::torch::{TorchFile, TorchWriter};
use lstm_core::io::TensorFile;
use lstm_core::layers::{Batch, Layer, Stack};
use lstm_core::params::{Name, Parameters};
use lstm_core::{Element, Result, State};

use super::{bits, columns, difference, fixture, inferred, shapes, written};

const STEPS: usize = 4;
const SAMPLES: usize = 2;

/// What PyTorch calls the carried states of each cell of a stack, in the order in which the state holds them.
fn carried<T: Element>(stack: &Stack<T>) -> Vec<Vec<&'static str>> {
    let mut all = Vec::new();
    stack.visit_cells(Name::ROOT, &mut |_, spec, _| {
        let states = spec.carried.iter();
        all.push(
            states
                .map(|state| if state.name == "c" { "c" } else { "h" })
                .collect(),
        );
    });
    all
}

/// The part of a tensor (layers and directions, samples, features) that belongs to one layer and direction.
fn part<T: Element>(tensor: &Mat<T>, index: usize) -> MatRef<'_, T> {
    tensor.as_ref().subcols(index * SAMPLES, SAMPLES)
}

fn results<T: Element>(stack: &Stack<T>, file: &TensorFile) -> (Mat<T>, Vec<State<T>>) {
    let x = columns::<T>(file, "x");
    let mut state = stack.initial_states(SAMPLES).unwrap();
    for (index, names) in carried(stack).iter().enumerate() {
        for (place, name) in names.iter().enumerate() {
            let first = columns::<T>(file, &format!("{name}_0"));
            state[index].get_mut(place).copy_from(part(&first, index));
        }
    }
    let y = inferred(stack, &x, &Batch::new(STEPS, SAMPLES), &mut state);
    (y, state)
}

fn check<T: Element>(name: &str, load: fn(&mut TorchFile, &str) -> Result<Stack<T>>) {
    let case = format!("{name} in {}", T::NAME);
    let mut source = TorchFile::open(fixture::<T>("torch", name)).unwrap();
    let stack = load(&mut source, "model").unwrap();
    let file = source.tensors();
    let (y, last) = results(&stack, file);
    let mut largest = difference(&case, "y", y.as_ref(), columns(file, "y").as_ref());
    for (index, names) in carried(&stack).iter().enumerate() {
        for (place, name) in names.iter().enumerate() {
            let theirs = columns::<T>(file, &format!("{name}_n"));
            let what = format!("{name}_n[{index}]");
            let apart = difference(&case, &what, last[index].get(place), part(&theirs, index));
            largest = largest.max(apart);
        }
    }
    println!("{case}: {largest:.0e} from PyTorch");

    // Back to a state dict: the names and shapes that `load_state_dict(strict=True)` wants, and every bit again.
    let mut writer = match name.ends_with("no_bias") {
        true => TorchWriter::new().without_bias(),
        false => TorchWriter::new(),
    };
    writer.recurrent("model", &stack).unwrap();
    let path = written::<T>("torch", name);
    writer.save(&path).unwrap();
    let mut again = TorchFile::open(&path).unwrap();
    assert_eq!(
        shapes(again.tensors(), ""),
        shapes(file, "model."),
        "{case}"
    );
    let loaded = load(&mut again, "model").unwrap();
    again.finish().unwrap();
    assert_eq!(bits(&loaded), bits(&stack), "{case}");
    assert!(
        results(&loaded, file) == (y, last),
        "{case}: results have other bits"
    );
}

macro_rules! cases {
    ($($name:ident: $load:ident;)+) => {$(
        #[test]
        fn $name() {
            check::<f64>(stringify!($name), TorchFile::$load::<f64>);
            check::<f32>(stringify!($name), TorchFile::$load::<f32>);
        }
    )+};
}

cases! {
    rnn_tanh: rnn_tanh;
    rnn_relu: rnn_relu;
    rnn_relu_no_bias: rnn_relu;
    lstm: lstm;
    lstm_bidirectional: lstm;
    lstm_projection: lstm;
    lstm_projection_no_bias: lstm;
    lstm_no_bias: lstm;
    gru: gru;
    gru_bidirectional: gru;
    gru_no_bias: gru;
}

#[test]
fn a_layer_by_itself_is_a_module_of_one_layer() {
    let mut source = TorchFile::open(fixture::<f64>("torch", "lstm")).unwrap();
    let stack = source.lstm::<f64>("model").unwrap();
    let mut writer = TorchWriter::new();
    writer.recurrent("", stack.layer("l0").unwrap()).unwrap();
    let path = written::<f64>("torch", "alone");
    writer.save(&path).unwrap();
    let mut again = TorchFile::open(path).unwrap();
    assert_eq!(bits(&again.lstm::<f64>("").unwrap()), bits(&stack));
}

#[test]
fn a_whole_model() {
    let mut source = TorchFile::open(fixture::<f32>("torch", "tagger")).unwrap();
    let words = source.embedding::<f32>("words").unwrap();
    let encoder = source.lstm::<f32>("encoder").unwrap();
    let head = source.linear::<f32>("head").unwrap();
    let file = source.tensors();
    let ids: Vec<u32> = (file.tensor("ids").unwrap().to_vec::<f64>().iter())
        .map(|&id| id as u32)
        .collect();
    let mut x = Mat::zeros(words.len(), ids.len());
    words.forward(&ids, x.as_mut()).unwrap();
    assert_eq!(x, columns::<f32>(file, "x"), "an embedding copies");
    let mut state = encoder.initial_states(SAMPLES).unwrap();
    let encoded = inferred(&encoder, &x, &Batch::new(STEPS, SAMPLES), &mut state);
    let mut y = Mat::zeros(head.output_len(), ids.len());
    head.apply(encoded.as_ref(), y.as_mut()).unwrap();
    let largest = difference(
        "tagger",
        "encoded",
        encoded.as_ref(),
        columns(file, "encoded").as_ref(),
    )
    .max(difference(
        "tagger",
        "y",
        y.as_ref(),
        columns(file, "y").as_ref(),
    ));
    println!("tagger in f32: {largest:.0e} from PyTorch");

    let mut writer = TorchWriter::new();
    writer.embedding("model.words", &words).unwrap();
    writer.recurrent("model.encoder", &encoder).unwrap();
    writer.linear("model.head", &head).unwrap();
    let path = written::<f32>("torch", "tagger");
    writer.save(&path).unwrap();
    let mut again = TorchFile::open(path).unwrap();
    assert_eq!(
        bits(&again.embedding::<f32>("model.words").unwrap()),
        bits(&words)
    );
    assert_eq!(
        bits(&again.lstm::<f32>("model.encoder").unwrap()),
        bits(&encoder)
    );
    assert_eq!(
        bits(&again.linear::<f32>("model.head").unwrap()),
        bits(&head)
    );
    assert_eq!(again.tensors().metadata()["format"], "pt");
    again.finish().unwrap();
}

#[test]
fn a_linear_layer_without_bias() {
    let mut source = TorchFile::open(fixture::<f64>("torch", "linear_no_bias")).unwrap();
    let linear = source.linear::<f64>("model").unwrap();
    let x = columns::<f64>(source.tensors(), "x");
    let mut y = Mat::zeros(linear.output_len(), SAMPLES);
    linear.apply(x.as_ref(), y.as_mut()).unwrap();
    difference(
        "linear",
        "y",
        y.as_ref(),
        columns(source.tensors(), "y").as_ref(),
    );
    assert_eq!(bits(&linear).len(), 1);
}

#[test]
fn single_precision_can_be_read_as_double_and_back() {
    let path = fixture::<f32>("torch", "lstm");
    let single = TorchFile::open(&path)
        .unwrap()
        .lstm::<f32>("model")
        .unwrap();
    let double = TorchFile::open(&path)
        .unwrap()
        .lstm::<f64>("model")
        .unwrap();
    let mut pairs = 0;
    let (single, double) = (bits(&single), bits(&double));
    for ((name, single), (other, double)) in single.iter().zip(&double) {
        assert_eq!(name, other);
        for (&single, &double) in single.iter().zip(double) {
            // Biases are sums, rounded to the type asked for.
            let (single, double) = (f64::from_bits(single), f64::from_bits(double));
            assert_eq!(single, f64::from(double as f32), "{name}");
            pairs += 1;
        }
    }
    assert!(pairs > 100);
}
