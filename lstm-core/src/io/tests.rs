//! Round trips, and files that are not what they should be.

use std::fs;
use std::path::PathBuf;

use lstm_kernels::cells::{ElmanRnn, PeepholeLstm};

use super::*;
use crate::random::Rng;
use crate::recurrent::Recurrent;

type Layer = Recurrent<PeepholeLstm, f32>;

fn layer(seed: u64) -> Layer {
    Recurrent::new(&[3, 4], &mut Rng::new(seed)).unwrap()
}

fn bytes(layer: &Layer) -> Vec<u8> {
    let metadata = describe_cell::<PeepholeLstm, f32>(layer.kernel().sizes());
    to_bytes::<f32>(layer, metadata).unwrap()
}

fn open(bytes: Vec<u8>) -> Result<ModelFile> {
    ModelFile::from_bytes(PathBuf::from("model"), bytes)
}

/// A folder of its own for each test, removed when it goes out of scope.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lstm-core-io-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
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
        let error = open(bytes[..len].to_vec())
            .err()
            .expect("a cut file is an error");
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
    ] {
        assert!(matches!(open(bytes), Err(Error::Damaged { .. })));
    }
}

#[test]
fn a_file_of_another_model_is_refused_with_the_reason() {
    let refused = |metadata: Metadata| {
        let file = open(to_bytes::<f32>(&layer(1), metadata).unwrap()).unwrap();
        file.require_cell::<PeepholeLstm, f32>()
            .unwrap_err()
            .to_string()
    };
    let right = || describe_cell::<PeepholeLstm, f32>(&[3, 4, 1]);
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
    // Right metadata, but parameters of another size.
    let file = open(bytes(&layer(1))).unwrap();
    let mut larger = Recurrent::<PeepholeLstm, f32>::new(&[3, 5], &mut Rng::new(1)).unwrap();
    let before = larger.params().to_vec();
    let message = file.load_into(&mut larger).unwrap_err().to_string();
    assert!(message.contains("but the model needs F32"), "{message}");
    assert_eq!(larger.params(), before);
}

#[test]
fn paths_that_cannot_be_written_are_errors_beforehand() {
    let folder = Folder::new("writable");
    require_writable(&folder.0.join("model")).unwrap();
    assert!(folder.names().is_empty());
    for bad in [
        folder.0.clone(),
        folder.0.join("missing/model"),
        PathBuf::from("/"),
        PathBuf::new(),
    ] {
        assert!(require_writable(&bad).is_err(), "{}", bad.display());
        assert!(write_atomic(&bad, b"").is_err(), "{}", bad.display());
    }
    assert!(folder.names().is_empty());
    assert!(ModelFile::open(&folder.0).is_err());
}
