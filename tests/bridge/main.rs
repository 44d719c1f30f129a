//! Weights of PyTorch and Keras: files that these made, with what they computed, in `tests/fixtures`; and what is refused.
//!
//! Files that are written here stay in `target/tmp/bridge`; `check.py` beside the fixtures loads them into PyTorch and
//! Keras.

mod keras;
mod refusals;
mod torch;

use std::path::PathBuf;

use faer::{Mat, MatRef};
use lstm_core::io::TensorFile;
use lstm_core::layers::{Batch, Layer, LayerTape};
use lstm_core::params::{Name, Parameters};
use lstm_core::{Element, State};

/// Largest difference allowed, relative to the largest number of a result. Both sides round sums of at most a dozen
/// products of size about 1, over four steps and up to three layers, in different order: in f64 by 1e-16 each. In f32, by
/// 6e-8; measured, the largest difference is 5e-7.
fn tolerance<T: Element>() -> f64 {
    match size_of::<T>() {
        4 => 1e-6,
        _ => 1e-12,
    }
}

/// The file of a case in the element type `T`.
fn fixture<T: Element>(library: &str, name: &str) -> PathBuf {
    let bits = 8 * size_of::<T>();
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
    folder
        .join(library)
        .join(format!("{name}_{bits}.safetensors"))
}

/// Where a test writes the file of a case.
fn written<T: Element>(library: &str, name: &str) -> PathBuf {
    let bits = 8 * size_of::<T>();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("bridge")
        .join(library);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}_{bits}.safetensors"))
}

/// A tensor whose last axis is features, as a matrix with a column for each of the rest.
fn columns<T: Element>(file: &TensorFile, name: &str) -> Mat<T> {
    let tensor = file.tensor(name).unwrap();
    let rows = *tensor.shape().last().unwrap();
    MatRef::from_column_major_slice(&tensor.to_vec::<T>(), rows, tensor.len() / rows).to_owned()
}

/// What a layer makes of a batch, from this state, which becomes the last one.
fn inferred<T: Element>(
    layer: &dyn Layer<T>,
    x: &Mat<T>,
    batch: &Batch,
    state: &mut [State<T>],
) -> Mat<T> {
    let mut y = Mat::zeros(layer.output_len(), batch.columns());
    let mut tape = LayerTape::new();
    layer
        .infer(x.as_ref(), batch, state, y.as_mut(), &mut tape)
        .unwrap();
    y
}

/// The difference of a result, relative to its largest number, checked.
fn difference<T: Element>(
    case: &str,
    what: &str,
    ours: MatRef<'_, T>,
    theirs: MatRef<'_, T>,
) -> f64 {
    difference_within(tolerance::<T>(), case, what, ours, theirs)
}

/// The same with a tolerance of its own.
fn difference_within<T: Element>(
    tolerance: f64,
    case: &str,
    what: &str,
    ours: MatRef<'_, T>,
    theirs: MatRef<'_, T>,
) -> f64 {
    assert_eq!(ours.shape(), theirs.shape(), "{case}: {what}");
    let (mut largest, mut scale) = (0.0f64, 0.0f64);
    for column in 0..ours.ncols() {
        for (ours, theirs) in ours.col(column).iter().zip(theirs.col(column).iter()) {
            let apart = (ours.to_f64() - theirs.to_f64()).abs();
            assert!(apart.is_finite(), "{case}: {what} is {ours}");
            (largest, scale) = (largest.max(apart), scale.max(theirs.to_f64().abs()));
        }
    }
    let relative = largest / scale;
    // Written so that a NaN fails.
    let fits = relative <= tolerance;
    assert!(
        fits,
        "{case}: {what} is {relative:e} off, of numbers up to {scale}"
    );
    relative
}

/// All parameters with their names, bit by bit.
fn bits<T: Element>(model: &dyn Parameters<T>) -> Vec<(String, Vec<u64>)> {
    let mut all = Vec::new();
    model
        .visit(Name::ROOT, &mut |name, parameter| {
            let values = parameter.values.iter();
            all.push((
                name.to_string(),
                values.map(|value| value.to_f64().to_bits()).collect(),
            ));
            Ok(())
        })
        .unwrap();
    all
}

/// Names and shapes of the tensors that start with `prefix`.
fn shapes(file: &TensorFile, prefix: &str) -> Vec<(String, Vec<usize>)> {
    (file.names().filter(|name| name.starts_with(prefix)))
        .map(|name| (name.to_owned(), file.tensor(name).unwrap().shape().to_vec()))
        .collect()
}
