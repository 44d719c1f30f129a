//! Files that are not what is asked for, and models that the other side cannot hold: each is refused, by name.

mod models;

use std::collections::BTreeMap;
use std::path::PathBuf;

use lstm_core::bridge::keras::{KerasFile, KerasWriter};
use lstm_core::bridge::torch::{TorchFile, TorchWriter};
use lstm_core::cells::{
    ElmanRnn, GruResetAfter, GruResetBefore, Lstm, PeepholeLstm, ProjectionLstm,
};
use lstm_core::init::Init;
use lstm_core::io::{Metadata, TensorFile, write_tensors};
use lstm_core::layers::{
    Bidirectional, Dropout, Layer, Merge, Regularised, Residual, Reversed, Stack,
};
use lstm_core::{Cell, Element, Linear, Recurrent, Result, Rng};

use super::fixture;

/// Tensors by name: axes and numbers.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn tensors(library: &str, name: &str) -> Tensors {
    let file = TensorFile::open(fixture::<f32>(library, name)).unwrap();
    (file.names())
        .map(|name| {
            let tensor = file.tensor(name).unwrap();
            (name.to_owned(), (tensor.shape().to_vec(), tensor.to_vec()))
        })
        .collect()
}

fn file(tensors: &Tensors, test: &str) -> TensorFile {
    let path =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("refused-{test}.safetensors"));
    let listed: Vec<_> = (tensors.iter())
        .map(|(name, (shape, values))| (name.as_str(), &shape[..], &values[..]))
        .collect();
    write_tensors(&path, &listed, &Metadata::new()).unwrap();
    let file = TensorFile::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

#[track_caller]
fn says<T>(result: Result<T>, words: &str) {
    let message = match result {
        Ok(_) => panic!("accepted, though {words}"),
        Err(error) => error.to_string(),
    };
    assert!(message.contains(words), "{message}");
}

fn shaped(shape: &[usize]) -> (Vec<usize>, Vec<f32>) {
    (shape.to_vec(), vec![0.5; shape.iter().product()])
}

#[test]
fn torch_files_that_do_not_fit() {
    type Edit = fn(&mut Tensors);
    let load: fn(&mut TorchFile) -> Result<Stack<f32>> = |file| file.lstm("model");
    let cases: [(Edit, &str); 12] = [
        (
            |t| t.retain(|name, _| !name.starts_with("model.")),
            "it has no module `model`; none of its tensors is in a module",
        ),
        (
            |t| drop(t.insert("model.scale".into(), shaped(&[1]))),
            "`model.scale` is no tensor of nn.LSTM; is `model` the name of the module?",
        ),
        (
            |t| drop(t.insert("model.weight_ih_l01".into(), shaped(&[20, 3]))),
            "`model.weight_ih_l01` is no tensor of nn.LSTM",
        ),
        (
            |t| drop(t.remove("model.bias_hh_l1")),
            "it has no tensor `model.bias_hh_l1`",
        ),
        (
            |t| drop(t.remove("model.weight_hh_l1_reverse")),
            "it has no tensor `model.weight_hh_l1_reverse`",
        ),
        (
            |t| t.retain(|name, _| !name.ends_with("_l1_reverse")),
            "it has no tensor `model.weight_ih_l1_reverse`",
        ),
        (
            |t| t.retain(|name, _| !name.contains("_l0")),
            "it has no tensor `model.weight_ih_l0`",
        ),
        (
            |t| {
                drop(t.insert(
                    "model.weight_ih_l18446744073709551615".into(),
                    shaped(&[20, 3]),
                ))
            },
            "it has no tensor `model.weight_ih_l2`",
        ),
        (
            |t| drop(t.insert("model.weight_hr_l0".into(), shaped(&[2, 5]))),
            "`model.weight_hr_l0` has the shape [2, 5], but nn.LSTM needs [5, 5]",
        ),
        (
            |t| drop(t.insert("model.bias_ih_l0".into(), shaped(&[20, 1]))),
            "`model.bias_ih_l0` has the shape [20, 1], but nn.LSTM needs [20]",
        ),
        (
            |t| drop(t.insert("model.weight_ih_l1".into(), shaped(&[20, 5]))),
            "`model.weight_ih_l1` has the shape [20, 5], but nn.LSTM needs [20, 10]",
        ),
        (
            |t| drop(t.insert("model.weight_ih_l0".into(), shaped(&[20]))),
            "`model.weight_ih_l0` has the shape [20], but a matrix is needed",
        ),
    ];
    for (edit, words) in cases {
        let mut tensors = tensors("torch", "lstm_bidirectional");
        edit(&mut tensors);
        says(load(&mut TorchFile::new(file(&tensors, "torch"))), words);
    }
}

#[test]
fn torch_modules_of_another_kind() {
    let open = |name: &str| TorchFile::open(fixture::<f32>("torch", name)).unwrap();
    says(
        open("gru").lstm::<f32>("model"),
        "`model.weight_ih_l0` has 15 rows and `model.weight_hh_l0` 5 columns, but nn.LSTM has 4 rows for each unit; an nn.GRU would",
    );
    says(
        open("lstm").gru::<f32>("model"),
        "an nn.LSTM would have these",
    );
    says(
        open("rnn_tanh").gru::<f32>("model"),
        "an nn.RNN would have these",
    );
    says(
        open("lstm").rnn_relu::<f32>("model"),
        "an nn.LSTM would have these",
    );
    says(
        open("lstm_projection").gru::<f32>("model"),
        "`model` has a projection (weight_hr), but nn.GRU has none",
    );
    says(
        open("lstm").linear::<f32>("model"),
        "is no tensor of nn.Linear",
    );
    says(
        open("tagger").embedding::<f32>("head"),
        "`head.bias` is no tensor of nn.Embedding",
    );
    says(
        open("tagger").linear::<f32>("tail"),
        "it has no module `tail`; it has `encoder`, `head`, `words`",
    );
    says(
        open("tagger").lstm::<f32>(""),
        "is no tensor of nn.LSTM; is `` the name of the module?",
    );
    says(
        open("tagger").finish(),
        "nothing was made of `encoded`, `encoder.bias_hh_l0`, ",
    );
}

#[test]
fn sizes_of_zero_and_beyond_memory() {
    let huge = usize::MAX / 2;
    for (input, recurrent, words) in [
        ([0, 3], [0, 0], "`m` has no units or no inputs"),
        ([8, 0], [8, 2], "`m` has no units or no inputs"),
        ([0, huge], [0, 0], "`m` has no units or no inputs"),
        ([0, 3], [0, huge], "but nn.LSTM has 4 rows for each unit"),
        // The recurrent matrix of so many units would have 160 GB.
        (
            [400_000, 1],
            [0, 100_000],
            "400000 rows and `m.weight_hh_l0` 0",
        ),
    ] {
        let bytes = |shape: [usize; 2]| 4 * shape[0].checked_mul(shape[1]).unwrap();
        let (middle, end) = (bytes(input), bytes(input) + bytes(recurrent));
        let header = format!(
            r#"{{"m.weight_ih_l0":{{"dtype":"F32","shape":{input:?},"data_offsets":[0,{middle}]}},"m.weight_hh_l0":{{"dtype":"F32","shape":{recurrent:?},"data_offsets":[{middle},{end}]}}}}"#
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + end, 0);
        let file = TensorFile::from_bytes("made.safetensors", bytes).unwrap();
        says(TorchFile::new(file).lstm::<f32>("m"), words);
    }
}

#[test]
fn numbers_that_are_no_floats() {
    let header = r#"{"m.weight":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 8]);
    let file = TensorFile::from_bytes("made.safetensors", bytes).unwrap();
    says(
        TorchFile::new(file).linear::<f32>("m"),
        "its tensor `m.weight` is of type I64",
    );
}

/// Every tensor of a module left out, renamed, longer and shorter along each axis, and with one axis more.
fn damaged(whole: &Tensors, prefix: &str) -> Vec<(String, Tensors)> {
    let mut all = Vec::new();
    let mut push = |what: String, edit: &dyn Fn(&mut Tensors)| {
        let mut copy = whole.clone();
        edit(&mut copy);
        all.push((what, copy));
    };
    for (name, (shape, _)) in whole.iter().filter(|(name, _)| name.starts_with(prefix)) {
        push(format!("without {name}"), &|t| drop(t.remove(name)));
        push(format!("{name} renamed"), &|t| {
            let tensor = t.remove(name).unwrap();
            t.insert(format!("{name}0"), tensor);
        });
        let mut others: Vec<Vec<usize>> = vec![[&shape[..], &[1]].concat()];
        for axis in 0..shape.len() {
            for len in [shape[axis] + 1, shape[axis] - 1, 0] {
                let mut other = shape.clone();
                other[axis] = len;
                others.push(other);
            }
        }
        for other in others {
            push(format!("{name} of {other:?}"), &|t| {
                drop(t.insert(name.clone(), shaped(&other)))
            });
        }
    }
    all
}

#[test]
fn no_damaged_module_is_accepted() {
    for (name, load) in [
        (
            "lstm_projection",
            (|file| file.lstm::<f32>("model").map(drop)) as fn(&mut TorchFile) -> Result<()>,
        ),
        ("gru_bidirectional", |file| {
            file.gru::<f32>("model").map(drop)
        }),
        ("rnn_relu", |file| file.rnn_relu::<f32>("model").map(drop)),
    ] {
        let whole = tensors("torch", name);
        load(&mut TorchFile::new(file(&whole, "whole"))).unwrap();
        for (what, tensors) in damaged(&whole, "model.") {
            let accepted = load(&mut TorchFile::new(file(&tensors, "damaged"))).is_ok();
            assert!(!accepted, "{name} is accepted {what}");
        }
    }
    for (name, load) in [
        (
            "lstm",
            (|file| file.recurrent::<Lstm, f32>("model/cells").map(drop))
                as fn(&mut KerasFile) -> Result<()>,
        ),
        ("gru", |file| {
            file.recurrent::<GruResetAfter, f32>("model/cells")
                .map(drop)
        }),
    ] {
        let whole = tensors("keras", name);
        load(&mut KerasFile::new(file(&whole, "whole-keras"))).unwrap();
        for (what, tensors) in damaged(&whole, "model/") {
            // A layer without its bias is one with use_bias=False, and one with other inputs is another layer.
            let is_sound = what.starts_with("without") && what.ends_with("bias")
                || ["/kernel of [4, ", "/kernel of [2, "]
                    .iter()
                    .any(|sound| what.contains(sound));
            let accepted = load(&mut KerasFile::new(file(&tensors, "damaged-keras"))).is_ok();
            assert_eq!(accepted, is_sound, "{name} {what}");
        }
    }
}

#[test]
fn keras_layers_of_another_kind() {
    let open = |name: &str| KerasFile::open(fixture::<f32>("keras", name)).unwrap();
    says(
        open("gru").recurrent::<Lstm, f32>("model/cells"),
        "a GRU would have these",
    );
    says(
        open("lstm").recurrent::<ElmanRnn, f32>("model/cells"),
        "an LSTM would have these",
    );
    says(
        open("gru_reset_before").recurrent::<GruResetAfter, f32>("model/cells"),
        "`model/cells/gru_cell/bias` has the shape [15], but GRU with reset_after=True needs [2, 15]",
    );
    says(
        open("gru").recurrent::<GruResetBefore, f32>("model/cells"),
        "`model/cells/gru_cell/bias` has the shape [2, 15], but GRU with reset_after=False needs [15]",
    );
    says(
        open("lstm").recurrent::<PeepholeLstm, f32>("model/cells"),
        "Keras has no layer of PeepholeLstm",
    );
    says(
        open("lstm").recurrent::<Lstm, f32>("cells"),
        "it has no layer `cells`; its tensors are `model/cells/lstm_cell/bias`",
    );
    says(
        open("lstm").recurrent::<Lstm, f32>("model"),
        "`model/cells/lstm_cell/bias` is no tensor of LSTM",
    );
    says(
        open("lstm").bidirectional::<Lstm, f32>("model/cells", Merge::Sum),
        "`model/cells` is no Bidirectional",
    );
    says(
        open("lstm").dense::<f32>("model/cells"),
        "is no tensor of Dense",
    );
    says(
        open("tagger").embedding::<f32>("tagger/head"),
        "`tagger/head/bias` is no tensor of Embedding",
    );
}

/// Infinite and NaN weights are weights; they are carried over as they are.
#[test]
fn numbers_are_not_judged() {
    fn odd<T: Element>() -> Vec<T> {
        [f64::NAN, f64::INFINITY, -0.0, 1e-40]
            .map(T::from_f64)
            .to_vec()
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("odd.safetensors");
    write_tensors::<f32>(&path, &[("m.weight", &[2, 2], &odd())], &Metadata::new()).unwrap();
    let read = TorchFile::open(&path).unwrap().linear::<f32>("m").unwrap();
    let values: Vec<u64> = odd::<f32>().iter().map(|v| v.to_f64().to_bits()).collect();
    // Ours is column by column.
    assert_eq!(
        super::bits(&read),
        [(
            "weight".to_owned(),
            vec![values[0], values[2], values[1], values[3]]
        )]
    );
}
