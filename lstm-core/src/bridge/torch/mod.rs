//! State dicts of PyTorch, as safetensors files, in and out.
//!
//! Nothing of PyTorch is needed here. There, two lines write such a file and two read one:
//!
//! ```python
//! from safetensors.torch import save_file, load_file
//! save_file(model.state_dict(), "model.safetensors")
//! model.load_state_dict(load_file("model.safetensors"), strict=True)
//! ```
//!
//! # A two-layer bidirectional LSTM
//! The file is of a model with an LSTM named `encoder`; it also holds an input and what PyTorch made of it.
//!
//! ```
//! use faer::{Mat, MatRef};
//! use lstm_core::bridge::torch::TorchFile;
//! use lstm_core::layers::{Batch, Layer, LayerTape};
//!
//! # const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/torch");
//! fn main() -> Result<(), lstm_core::Error> {
//!     let mut file = TorchFile::open(format!("{FOLDER}/tagger_32.safetensors"))?;
//!     let encoder = file.lstm::<f32>("encoder")?;
//!
//!     // A tensor (steps, samples, features) is, number by number, a matrix with a column for each step and sample.
//!     let (steps, samples) = (4, 2);
//!     let x = file.tensors().tensor("x")?.to_vec::<f32>();
//!     let x = MatRef::from_column_major_slice(&x, encoder.input_len(), steps * samples);
//!     let mut y = Mat::zeros(encoder.output_len(), steps * samples);
//!     let mut state = encoder.initial_states(samples)?;
//!     encoder.infer(x, &Batch::new(steps, samples), &mut state, y.as_mut(), &mut LayerTape::new())?;
//!
//!     let theirs = file.tensors().tensor("encoded")?.to_vec::<f32>();
//!     let theirs = MatRef::from_column_major_slice(&theirs, encoder.output_len(), steps * samples);
//!     let largest = (&y - theirs).norm_l2() / theirs.norm_l2();
//!     assert!(largest < 1e-6, "{largest}");
//!     Ok(())
//! }
//! ```
//!
//! The other parts of the model are `file.embedding("words")` and `file.linear("head")`; [`TorchFile::finish`] then says
//! whether anything of the file was left over. [`TorchWriter`] goes the other way:
//!
//! ```
//! # use lstm_core::bridge::torch::{TorchFile, TorchWriter};
//! # fn main() -> Result<(), lstm_core::Error> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/torch");
//! # let mut file = TorchFile::open(format!("{folder}/tagger_32.safetensors"))?;
//! # let (words, encoder, head) = (file.embedding::<f32>("words")?, file.lstm::<f32>("encoder")?, file.linear::<f32>("head")?);
//! # let path = std::env::temp_dir().join(format!("torch-{}.safetensors", std::process::id()));
//! let mut writer = TorchWriter::new();
//! writer.embedding("words", &words)?.recurrent("encoder", &encoder)?.linear("head", &head)?;
//! writer.save(&path)?;
//! # std::fs::remove_file(path).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of what
//!
//! | PyTorch | here |
//! |---|---|
//! | `nn.RNN` | [`ElmanRnn`], with `nonlinearity="relu"` [`ReluRnn`] |
//! | `nn.LSTM` | [`Lstm`], with `proj_size` [`ProjectionLstm`] |
//! | `nn.GRU` | [`GruResetAfter`] |
//! | `num_layers` | a [`Stack`] of layers named `l0`, `l1` and so on |
//! | `bidirectional=True` | [`Bidirectional::concat`] in every layer |
//! | `bias=False` | biases of zero; to write it, [`TorchWriter::without_bias`] |
//! | `bias_ih`, `bias_hh` | their sum, one bias; the candidate of a GRU keeps both |
//! | `nn.Linear` | [`Linear`](crate::Linear) |
//! | `nn.Embedding` | [`Embedding`](crate::Embedding) |
//! | float16, bfloat16, float32, float64 | the nearest number of the type asked for; any other type is refused |
//!
//! A state dict says how many layers, directions, units and biases there are. It does not say these things:
//!
//! - `nonlinearity` of an `nn.RNN`: choose [`TorchFile::rnn_tanh`] or [`TorchFile::rnn_relu`].
//! - `dropout`: put a [`Dropout`](crate::layers::Dropout) between layers of your own stack.
//! - `batch_first`: it is a view of the input. [`Batch::batch_major`](crate::layers::Batch::batch_major) is that view here.
//! - `padding_idx` of an `nn.Embedding`: call [`Embedding::with_padding`](crate::Embedding::with_padding).
//!
//! `h_0` and `c_0` are the states of the stack: the state of layer `k` in direction `d` of `D` is number `k * D + d`, as
//! in PyTorch. What it holds is in the order of the cell's carried quantities: for an LSTM the cells' state, then the
//! output. The slice `h_0[k]` of samples and features is, number by number, the matrix of that state.
//!
//! A module of the same sizes in PyTorch gives the same results up to rounding: 1e-6 of the largest number in `f32`.
//!
//! [`ElmanRnn`]: crate::cells::ElmanRnn
//! [`ReluRnn`]: crate::cells::ReluRnn
//! [`Lstm`]: crate::cells::Lstm
//! [`ProjectionLstm`]: crate::cells::ProjectionLstm
//! [`GruResetAfter`]: crate::cells::GruResetAfter
//! [`Stack`]: crate::layers::Stack
//! [`Bidirectional::concat`]: crate::layers::Bidirectional::concat

mod forms;
mod names;
mod read;
mod write;

pub use read::TorchFile;
pub use write::TorchWriter;
