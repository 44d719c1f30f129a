//! Weights of Keras give Keras's results, and come back from here as they were.

use faer::Mat;
use lstm_core::bridge::keras::{KerasFile, KerasWriter};
use lstm_core::cells::{ElmanRnn, GruResetAfter, GruResetBefore, Lstm, ReluRnn};
use lstm_core::layers::{Batch, Layer, Merge, Stack};
use lstm_core::{Cell, Element};

use super::{bits, columns, difference_within, fixture, inferred, shapes, tolerance, written};

const STEPS: usize = 4;
const SAMPLES: usize = 2;

fn results<T: Element>(layer: &dyn Layer<T>, x: &Mat<T>) -> Mat<T> {
    let batch = Batch::new(STEPS, SAMPLES).batch_major();
    inferred(
        layer,
        x,
        &batch,
        &mut layer.initial_states(SAMPLES).unwrap(),
    )
}

fn compare<T: Element>(name: &str, layer: &dyn Layer<T>, file: &KerasFile) {
    // Keras hands these layers to PyTorch as they are. For the others it multiplies matrices itself, and its product of two
    // f64 matrices is rounded to f32 (`keras.backend.result_type("float64", "float64")` is "float32").
    let is_whole =
        (name.starts_with("lstm") || name.starts_with("gru")) && name != "gru_reset_before";
    let tolerance = match is_whole {
        true => tolerance::<T>(),
        false => tolerance::<f32>(),
    };
    let case = format!("{name} in {}", T::NAME);
    let y = results(layer, &columns(file.tensors(), "x"));
    let theirs = columns(file.tensors(), "y");
    let largest = difference_within(tolerance, &case, "y", y.as_ref(), theirs.as_ref());
    println!("{case}: {largest:.0e} from Keras");
}

/// The writer's file, checked to have the names and shapes of the weights in the fixture.
fn saved<T: Element>(name: &str, writer: &KerasWriter<T>, file: &KerasFile) -> KerasFile {
    let path = written::<T>("keras", name);
    writer.save(&path).unwrap();
    let again = KerasFile::open(path).unwrap();
    assert_eq!(
        shapes(again.tensors(), ""),
        shapes(file.tensors(), "model/"),
        "{name}"
    );
    again
}

fn check<C: Cell, T: Element>(name: &str) {
    let mut file = KerasFile::open(fixture::<T>("keras", name)).unwrap();
    let layer = file.recurrent::<C, T>("model/cells").unwrap();
    compare(name, &layer, &file);
    let mut writer = match name.ends_with("no_bias") {
        true => KerasWriter::new().without_bias(),
        false => KerasWriter::new(),
    };
    writer.recurrent("model/cells", &layer).unwrap();
    let mut again = saved(name, &writer, &file);
    assert_eq!(
        bits(&again.recurrent::<C, T>("model/cells").unwrap()),
        bits(&layer)
    );
    again.finish().unwrap();
}

macro_rules! cases {
    ($($name:ident: $cell:ident;)+) => {$(
        #[test]
        fn $name() {
            check::<$cell, f64>(stringify!($name));
            check::<$cell, f32>(stringify!($name));
        }
    )+};
}

cases! {
    lstm: Lstm;
    lstm_no_bias: Lstm;
    gru: GruResetAfter;
    gru_no_bias: GruResetAfter;
    gru_reset_before: GruResetBefore;
    simple_rnn: ElmanRnn;
    simple_rnn_relu: ReluRnn;
}

fn check_lstm_bidirectional<T: Element>() {
    let name = "lstm_bidirectional";
    let mut file = KerasFile::open(fixture::<T>("keras", name)).unwrap();
    let first = file
        .bidirectional::<Lstm, T>("model/first", Merge::Concat)
        .unwrap();
    let second = file
        .bidirectional::<Lstm, T>("model/second", Merge::Sum)
        .unwrap();
    let mut writer = KerasWriter::new();
    writer.bidirectional("model/first", "lstm", &first).unwrap();
    writer
        .bidirectional("model/second", "lstm_1", &second)
        .unwrap();
    let mut again = saved(name, &writer, &file);
    let first_again = again
        .bidirectional::<Lstm, T>("model/first", Merge::Concat)
        .unwrap();
    let second_again = again
        .bidirectional::<Lstm, T>("model/second", Merge::Sum)
        .unwrap();
    assert_eq!(bits(&first_again), bits(&first));
    assert_eq!(bits(&second_again), bits(&second));
    again.finish().unwrap();
    let stack = Stack::new()
        .with("first", first)
        .unwrap()
        .with("second", second)
        .unwrap();
    compare(name, &stack, &file);
}

#[test]
fn lstm_bidirectional() {
    check_lstm_bidirectional::<f64>();
    check_lstm_bidirectional::<f32>();
}

fn check_gru_bidirectional<T: Element>() {
    let name = "gru_bidirectional";
    let mut file = KerasFile::open(fixture::<T>("keras", name)).unwrap();
    let both = file
        .bidirectional::<GruResetAfter, T>("model/both", Merge::Concat)
        .unwrap();
    compare(name, &both, &file);
    let mut writer = KerasWriter::new();
    writer.bidirectional("model/both", "gru", &both).unwrap();
    let mut again = saved(name, &writer, &file);
    let loaded = again
        .bidirectional::<GruResetAfter, T>("model/both", Merge::Concat)
        .unwrap();
    assert_eq!(bits(&loaded), bits(&both));
}

#[test]
fn gru_bidirectional() {
    check_gru_bidirectional::<f64>();
    check_gru_bidirectional::<f32>();
}

#[test]
fn a_whole_model_comes_back() {
    let mut file = KerasFile::open(fixture::<f32>("keras", "tagger")).unwrap();
    let words = file.embedding::<f32>("tagger/words").unwrap();
    let encoder = file
        .bidirectional::<Lstm, f32>("tagger/encoder", Merge::Concat)
        .unwrap();
    let head = file.dense::<f32>("tagger/head").unwrap();
    let mut writer = KerasWriter::new();
    writer.embedding("tagger/words", &words).unwrap();
    writer
        .bidirectional("tagger/encoder", "lstm", &encoder)
        .unwrap();
    writer.dense("tagger/head", &head).unwrap();
    let path = written::<f32>("keras", "tagger");
    writer.save(&path).unwrap();
    let mut again = KerasFile::open(path).unwrap();
    assert_eq!(
        shapes(again.tensors(), ""),
        shapes(file.tensors(), "tagger/")
    );
    assert_eq!(
        bits(&again.dense::<f32>("tagger/head").unwrap()),
        bits(&head)
    );
    assert_eq!(
        bits(&again.embedding::<f32>("tagger/words").unwrap()),
        bits(&words)
    );
    let message = again.finish().unwrap_err().to_string();
    assert!(
        message.contains("nothing was made of `tagger/encoder/backward_lstm/lstm_cell/bias`"),
        "{message}"
    );
    // The input and the result are no layers.
    let message = file.finish().unwrap_err().to_string();
    assert!(
        message.ends_with("nothing was made of `x`, `y`"),
        "{message}"
    );
}
