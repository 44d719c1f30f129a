//! Weights of Keras models, as safetensors files, in and out.
//!
//! Nothing of Keras is needed here. There, these lines write such a file and read one; `model.weights` leaves out what
//! are no weights, such as the state of random generators:
//!
//! ```python
//! from keras import ops
//! from safetensors.numpy import save_file, load_file
//! save_file({w.path: ops.convert_to_numpy(w).copy() for w in model.weights}, "model.safetensors")
//!
//! weights = load_file("model.safetensors")
//! for w in model.weights:
//!     w.assign(weights[w.path])
//! ```
//!
//! A layer is asked for by its path, which is what the paths of its weights start with: `model/encoder`. A file can be
//! asked what it holds: `file.tensors().names()`.
//!
//! ```
//! use faer::{Mat, MatRef};
//! use lstm_core::bridge::keras::{KerasFile, KerasWriter};
//! use lstm_core::cells::Lstm;
//! use lstm_core::layers::{Batch, Layer, LayerTape, Merge};
//!
//! # const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/keras");
//! # fn main() -> Result<(), lstm_core::Error> {
//! let mut file = KerasFile::open(format!("{FOLDER}/tagger_32.safetensors"))?;
//! let words = file.embedding::<f32>("tagger/words")?;
//! let encoder = file.bidirectional::<Lstm, f32>("tagger/encoder", Merge::Concat)?;
//! let head = file.dense::<f32>("tagger/head")?;
//!
//! // Keras has samples first: the columns of a sample stand side by side.
//! let (samples, steps) = (2, 4);
//! let batch = Batch::new(steps, samples).batch_major();
//! let ids = [0, 3, 5, 1, 6, 2, 5, 4];
//! let mut x = Mat::zeros(words.len(), ids.len());
//! words.forward(&ids, x.as_mut())?;
//! let mut encoded = Mat::zeros(encoder.output_len(), ids.len());
//! let mut state = encoder.initial_states(samples)?;
//! encoder.infer(x.as_ref(), &batch, &mut state, encoded.as_mut(), &mut LayerTape::new())?;
//! let mut y = Mat::zeros(head.output_len(), ids.len());
//! head.apply(encoded.as_ref(), y.as_mut())?;
//!
//! let theirs = file.tensors().tensor("y")?.to_vec::<f32>();
//! let theirs = MatRef::from_column_major_slice(&theirs, head.output_len(), ids.len());
//! assert!((&y - theirs).norm_l2() < 1e-6 * theirs.norm_l2());
//!
//! let mut writer = KerasWriter::new();
//! writer.embedding("tagger/words", &words)?;
//! writer.bidirectional("tagger/encoder", "lstm", &encoder)?;
//! writer.dense("tagger/head", &head)?;
//! # let path = std::env::temp_dir().join(format!("keras-{}.safetensors", std::process::id()));
//! writer.save(&path)?;
//! # std::fs::remove_file(path).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of what
//!
//! | Keras | here |
//! |---|---|
//! | `LSTM` | [`Lstm`] |
//! | `GRU`, whose `reset_after` is true | [`GruResetAfter`] |
//! | `GRU(reset_after=False)` | [`GruResetBefore`] |
//! | `SimpleRNN` | [`ElmanRnn`], with `activation="relu"` [`ReluRnn`] |
//! | `use_bias=False` | biases of zero; to write it, [`KerasWriter::without_bias`] |
//! | `Bidirectional` | [`Bidirectional`](crate::layers::Bidirectional), with `merge_mode` `"concat"` or `"sum"` |
//! | `Dense` | [`Linear`](crate::Linear) |
//! | `Embedding` | [`Embedding`](crate::Embedding) |
//!
//! Weights do not say what a layer does with them. All of this is taken to be as Keras has it unless told otherwise, and
//! is for the caller to know: `activation` and `recurrent_activation` (tanh and the logistic function; none behind
//! `Dense`), `go_backwards` (false), `merge_mode`, `return_sequences` and `stateful` (views of the outputs and of what is
//! carried), dropout. A `GRU` without biases does not say whether it resets before or after the product either; with
//! biases, asking for the wrong one is refused.
//!
//! [`Lstm`]: crate::cells::Lstm
//! [`GruResetAfter`]: crate::cells::GruResetAfter
//! [`GruResetBefore`]: crate::cells::GruResetBefore
//! [`ElmanRnn`]: crate::cells::ElmanRnn
//! [`ReluRnn`]: crate::cells::ReluRnn

mod forms;
mod read;
mod write;

pub use read::KerasFile;
pub use write::KerasWriter;
