//! Tensors of any origin: those of other programs, of any shape, and where they cannot be written.

use super::*;

#[test]
fn tensors_of_other_programs_are_read() {
    let header = r#"{"half":{"dtype":"F16","shape":[2],"data_offsets":[8,12]},"steps":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x3c, 0x00, 0xc0]);
    let file = TensorFile::from_bytes("f", bytes).unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["half", "steps"]);
    let half = file.tensor("half").unwrap();
    assert_eq!((half.dtype(), half.shape()), (Dtype::F16, &[2][..]));
    assert_eq!(half.to_vec::<f32>(), [1.0, -2.0]);
    assert!(half.copy_to(&mut [0.0f32; 3]).is_err());
    for (name, reason) in [
        (
            "steps",
            "its tensor `steps` is of type I64; F16, BF16, F32 and F64 can be read",
        ),
        ("other", "it has no tensor `other`"),
    ] {
        let message = file.tensor(name).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn tensors_of_any_shape_are_written() {
    let folder = Folder::new("tensors");
    let path = folder.0.join("t");
    let values = [1.0f64, 2.0];
    let tensors: [(&str, &[usize], &[f64]); 3] = [
        ("b", &[1, 2, 1], &values),
        ("a", &[], &values[..1]),
        ("none", &[0], &[]),
    ];
    write_tensors(&path, &tensors, &Metadata::new()).unwrap();
    let file = TensorFile::open(&path).unwrap();
    for (name, shape, values) in tensors {
        let tensor = file.tensor(name).unwrap();
        assert_eq!(
            (tensor.shape(), &tensor.to_vec::<f64>()[..]),
            (shape, values)
        );
    }
    for (wrong, reason) in [
        (("x", &[3usize][..], &values[..]), "a length of 3 is needed"),
        (
            ("x", &[usize::MAX, 2], &values),
            "the numbers of a tensor is 2 long",
        ),
        (("a", &[2], &values), "two entries named `a`"),
        (
            ("__metadata__", &[2], &values),
            "two entries named `__metadata__`",
        ),
    ] {
        let message = write_tensors(&path, &[tensors[1], wrong], &Metadata::new())
            .unwrap_err()
            .to_string();
        assert!(message.contains(reason), "{message}");
    }
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
