//! Round trips, and files that are not what they should be.

mod cells;
mod tensors;

use std::fs;
use std::path::PathBuf;

use lstm_kernels::Cell;
use lstm_kernels::cells::{ElmanRnn, GruResetAfter, Lstm, PeepholeLstm};

use super::*;
use crate::error::Error;
use crate::init::Init;
use crate::linear::Linear;
use crate::params::{Visit, VisitCells, VisitMut};
use crate::random::Rng;
use crate::recurrent::Recurrent;

type Layer = Recurrent<PeepholeLstm, f32>;

fn layer(seed: u64) -> Layer {
    Recurrent::new(&[3, 4], &mut Rng::new(seed)).unwrap()
}

fn bytes(layer: &Layer) -> Vec<u8> {
    let metadata = describe_cell::<PeepholeLstm, f32>(layer.kernel().sizes());
    to_bytes::<f32>(layer, metadata)
}

fn to_bytes<T: Element>(model: &dyn Parameters<T>, metadata: Metadata) -> Vec<u8> {
    let (contents, metadata) = contents(model, metadata).unwrap();
    contents.to_bytes(&metadata)
}

fn open(bytes: Vec<u8>) -> Result<ModelFile> {
    ModelFile::from_bytes(PathBuf::from("model"), bytes)
}

/// A folder of its own for each test, removed when it goes out of scope.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lstm-core-io-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn what_was_saved_is_loaded() {
    let folder = Folder::new("round-trip");
    let path = folder.0.join("layer.safetensors");
    let saved = layer(1);
    saved.save(&path).unwrap();
    // A second save replaces the first and leaves nothing else behind.
    saved.save(&path).unwrap();
    assert_eq!(folder.names(), ["layer.safetensors"]);
    assert_eq!(Layer::load(&path).unwrap().params(), saved.params());
    assert_eq!(bytes(&saved), fs::read(&path).unwrap());
}

#[test]
fn metadata_of_the_caller_is_kept_or_refused() {
    let folder = Folder::new("reserved");
    let path = folder.0.join("layer.safetensors");
    let with = |key: &str| {
        save(
            &path,
            &layer(1),
            Metadata::from([(key.to_owned(), "mine".to_owned())]),
        )
    };
    for key in ["format", "checksum", "cells"] {
        let error = with(key).unwrap_err();
        assert!(matches!(error, Error::DuplicateName { name } if name == key));
    }
    assert!(!path.exists());
    with("note").unwrap();
    let file = ModelFile::open(&path).unwrap();
    assert_eq!(file.metadata("note").unwrap(), "mine");
}

#[test]
fn other_programs_can_read_the_file() {
    let bytes = bytes(&layer(1));
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let bias = file.tensor("beta_phi").unwrap();
    assert_eq!(bias.shape(), [4]);
    assert_eq!(bias.data().len(), 16);
}

#[test]
fn every_cut_is_refused() {
    let bytes = bytes(&layer(1));
    for len in 0..bytes.len() {
        let error = open(bytes[..len].to_vec()).expect_err("a cut file is an error");
        assert!(matches!(error, Error::Damaged { .. }), "{len}: {error}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = bytes(&layer(1));
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        match open(flipped) {
            Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{at}: {error}"),
            // White space of the header may become other white space: a tab, say. The content is the same.
            Ok(file) => {
                let mut loaded = layer(2);
                file.load_into(&mut loaded).unwrap();
                assert_eq!(loaded.params(), layer(1).params());
            }
        }
    }
}

#[test]
fn headers_that_claim_too_much_are_refused() {
    let claim = |header: &str| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes
    };
    for bytes in [
        b"no".to_vec(),
        u64::MAX.to_le_bytes().to_vec(),
        claim("{"),
        claim("[]"),
        claim("{}"),
        claim(r#"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#),
        claim(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#),
        claim(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#),
        claim(r#"{"w":{"dtype":"Q9","shape":[1],"data_offsets":[0,18446744073709551615]}}"#),
        claim(r#"{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#),
        claim(r#"{"w":{"dtype":"F32","shape":[0.5],"data_offsets":[0,2]}}"#),
        claim(&"[".repeat(100_000)),
        claim(&r#"{"a":"#.repeat(100_000)),
    ] {
        assert!(matches!(open(bytes), Err(Error::Damaged { .. })));
    }
}

#[test]
fn a_file_of_another_model_is_refused_with_the_reason() {
    let refused = |metadata: Metadata| {
        let file = open(to_bytes::<f32>(&layer(1), metadata)).unwrap();
        file.require_cell::<PeepholeLstm, f32>()
            .unwrap_err()
            .to_string()
    };
    let right = || describe_cell::<PeepholeLstm, f32>(&[3, 4, 1]);
    // What has a default need not be given.
    assert_eq!(describe_cell::<PeepholeLstm, f32>(&[3, 4]), right());
    let with = |key: &str, value: &str| {
        let mut metadata = right();
        metadata.insert(key.to_owned(), value.to_owned());
        metadata
    };
    for (metadata, reason) in [
        (
            describe_cell::<ElmanRnn, f32>(&[3, 4]),
            "its cell is `ElmanRnn`, not `PeepholeLstm`",
        ),
        (
            describe_cell::<PeepholeLstm, f64>(&[3, 4, 1]),
            "its element is `f64`, not `f32`",
        ),
        (with("equations_hash", "0"), "its equations have changed"),
        (with("sizes", "{}"), "are not those of cell PeepholeLstm"),
        (
            with("sizes", r#"{"C":1,"I":3,"N":-4}"#),
            "are not those of cell PeepholeLstm",
        ),
        (
            with("sizes", r#"{"C":1,"I":3,"N":1000000}"#),
            "need more numbers than",
        ),
        (
            with("sizes", r#"{"C":1,"I":3,"N":1000000000000000000}"#),
            "need more numbers than",
        ),
        (Metadata::new(), "no entry `cell`"),
    ] {
        let message = refused(metadata);
        assert!(message.contains(reason), "{message}");
    }
}

/// The message of `file` when it is loaded into `model`, which must not change.
fn refusal(bytes: Vec<u8>, model: &mut dyn Parameters<f32>) -> String {
    let before = to_bytes::<f32>(model, Metadata::new());
    let message = open(bytes)
        .unwrap()
        .load_into(model)
        .unwrap_err()
        .to_string();
    assert_eq!(to_bytes::<f32>(model, Metadata::new()), before);
    message
}

/// A model of a layer and a head, which is not bound to the metadata of one cell.
struct Model<C: Cell>(Recurrent<C, f32>, Recurrent<ElmanRnn, f32>, Linear<f32>);

impl<C: Cell> Model<C> {
    fn new(units: usize, head_inputs: usize) -> Self {
        let mut rng = Rng::new(1);
        Self(
            Recurrent::new(&[3, units], &mut rng).unwrap(),
            Recurrent::new(&[units, 2], &mut rng).unwrap(),
            Linear::new(head_inputs, 2, Init::Xavier, &mut rng).unwrap(),
        )
    }

    fn bytes(&self) -> Vec<u8> {
        to_bytes::<f32>(self, Metadata::new())
    }
}

impl<C: Cell> Parameters<f32> for Model<C> {
    fn visit(&self, name: Name<'_>, visit: &mut Visit<'_, f32>) -> Result<()> {
        self.0.visit(name.child("lower"), visit)?;
        self.1.visit(name.child("upper"), visit)?;
        self.2.visit(name.child("head"), visit)
    }

    fn visit_mut(&mut self, name: Name<'_>, visit: &mut VisitMut<'_, f32>) -> Result<()> {
        self.0.visit_mut(name.child("lower"), visit)?;
        self.1.visit_mut(name.child("upper"), visit)?;
        self.2.visit_mut(name.child("head"), visit)
    }

    fn visit_cells(&self, name: Name<'_>, visit: &mut VisitCells<'_>) {
        self.0.visit_cells(name.child("lower"), visit);
        self.1.visit_cells(name.child("upper"), visit);
    }
}

#[test]
fn a_file_of_another_kind_is_refused_with_the_reason() {
    let model = layer(1);
    let mut contents = Contents::new::<f32>();
    add_parameters(&mut contents, "", &model).unwrap();
    let refusal = |metadata: &Metadata| {
        let error = open(contents.to_bytes(metadata)).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }));
        error.to_string()
    };
    let mut metadata = Metadata::new();
    let message = refusal(&metadata);
    assert!(
        message.contains("lacks the mark `lstm-core 2`"),
        "{message}"
    );
    contents.seal("another 7", &mut metadata);
    let message = refusal(&metadata);
    let reason = "its format is `another 7`, but `lstm-core 2` is needed";
    assert!(message.contains(reason), "{message}");
    metadata.insert("format".to_owned(), FORMAT.to_owned());
    let message = refusal(&metadata);
    assert!(message.contains("its checksum is wrong"), "{message}");
}

#[test]
fn a_parameter_of_another_type_is_refused() {
    let mut model = Linear::<f64>::new(2, 1, Init::Xavier, &mut Rng::new(1)).unwrap();
    let saved = Linear::<f32>::new(2, 1, Init::Xavier, &mut Rng::new(1)).unwrap();
    let file = open(to_bytes::<f32>(&saved, Metadata::new())).unwrap();
    let message = file.load_into(&mut model).unwrap_err().to_string();
    let reason = "its parameter `weight` is F32 [2, 1], but F64 [2, 1] is needed";
    assert!(message.contains(reason), "{message}");
}

#[test]
fn two_entries_of_one_name_are_refused() {
    for header in [
        r#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
        r#"{"__metadata__":{},"__metadata__":{}}"#,
        r#"{"__metadata__":{"a":"1","a":"2"}}"#,
    ] {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        let message = TensorFile::from_bytes("f", bytes).unwrap_err().to_string();
        assert!(message.contains("two entries `"), "{message}");
    }
}
