//! Numbers of an ONNX tensor, read with every length checked, and written.

use lstm_kernels::Element;

use super::proto::{TensorProto, element};
use crate::io::{from_bf16, from_f16, write_numbers};

/// A tensor: its shape, and its numbers with the last axis fastest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array<T> {
    pub dims: Vec<usize>,
    pub values: Vec<T>,
}

/// What is wrong with a tensor, to be completed by who needs it and what for.
pub(super) type Reason = String;

/// Its floating-point numbers. Narrower types are widened; wider ones are refused, not rounded.
pub(super) fn floats<T: Element>(tensor: &TensorProto) -> Result<Array<T>, Reason> {
    let (dims, len) = shape(tensor)?;
    let is_wide = size_of::<T>() == 8;
    let values = match tensor.data_type() {
        element::FLOAT => match raw(tensor, len)? {
            Some(bytes) => numbers(bytes, |bytes| f32::from_le_bytes(bytes).into()),
            None => list(&tensor.float_data, len, |&value| value.into())?,
        },
        element::DOUBLE if is_wide => match raw(tensor, len)? {
            Some(bytes) => numbers(bytes, f64::from_le_bytes),
            None => list(&tensor.double_data, len, |&value| value)?,
        },
        element::DOUBLE => {
            return Err("its numbers are f64, which f32 cannot hold; read it as f64".to_owned());
        }
        element::FLOAT16 => halves(tensor, len, from_f16)?,
        element::BFLOAT16 => halves(tensor, len, from_bf16)?,
        other => {
            return Err(format!(
                "its elements are of type {other} of ONNX; float, double, float16 and bfloat16 can be read"
            ));
        }
    };
    Ok(Array { dims, values })
}

/// Its whole numbers.
pub(super) fn integers(tensor: &TensorProto) -> Result<Array<i64>, Reason> {
    let (dims, len) = shape(tensor)?;
    let values = match tensor.data_type() {
        element::INT64 => match raw::<8>(tensor, len)? {
            Some(bytes) => bytes
                .iter()
                .map(|&bytes| i64::from_le_bytes(bytes))
                .collect(),
            None => exact(&tensor.int64_data, len)?.to_vec(),
        },
        element::INT32 => match raw::<4>(tensor, len)? {
            Some(bytes) => (bytes.iter())
                .map(|&bytes| i32::from_le_bytes(bytes).into())
                .collect(),
            None => (exact(&tensor.int32_data, len)?.iter())
                .map(|&value| value.into())
                .collect(),
        },
        other => {
            return Err(format!(
                "its elements are of type {other} of ONNX, not int32 or int64"
            ));
        }
    };
    Ok(Array { dims, values })
}

/// A tensor of floating-point numbers, least significant byte first.
pub(super) fn from_floats<T: Element>(name: &str, dims: &[usize], values: &[T]) -> TensorProto {
    let mut bytes = Vec::with_capacity(size_of_val(values));
    write_numbers(values, &mut bytes);
    let data_type = match size_of::<T>() {
        4 => element::FLOAT,
        _ => element::DOUBLE,
    };
    TensorProto {
        dims: dims.iter().map(|&dim| dim as i64).collect(),
        data_type: Some(data_type),
        name: Some(name.to_owned()),
        raw_data: Some(bytes),
        ..TensorProto::default()
    }
}

/// A vector of whole numbers.
pub(super) fn from_integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        dims: vec![values.len() as i64],
        data_type: Some(element::INT64),
        name: Some(name.to_owned()),
        raw_data: Some(
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        ),
        ..TensorProto::default()
    }
}

/// The shape and how many numbers it takes. The numbers must be there, so nothing larger than the file is allocated.
fn shape(tensor: &TensorProto) -> Result<(Vec<usize>, usize), Reason> {
    if tensor.data_location.unwrap_or(0) != 0 {
        return Err("its numbers are in another file; save the model with them inside".to_owned());
    }
    let dims: Option<Vec<usize>> = (tensor.dims.iter())
        .map(|&dim| usize::try_from(dim).ok())
        .collect();
    let len = dims.as_ref().and_then(|dims| {
        dims.iter()
            .try_fold(1usize, |len, &dim| len.checked_mul(dim))
    });
    match (dims, len) {
        (Some(dims), Some(len)) => Ok((dims, len)),
        _ => Err(format!("its shape {:?} is not one", tensor.dims)),
    }
}

/// The raw bytes in pieces of one number each; nothing if the numbers are listed by type.
fn raw<const N: usize>(tensor: &TensorProto, len: usize) -> Result<Option<&[[u8; N]]>, Reason> {
    let Some(bytes) = tensor.raw_data.as_deref() else {
        return Ok(None);
    };
    match bytes.as_chunks::<N>() {
        (pieces, []) if pieces.len() == len => Ok(Some(pieces)),
        _ => Err(format!(
            "it has {} bytes, but {len} numbers of {N} bytes are needed for its shape",
            bytes.len()
        )),
    }
}

fn numbers<T: Element, const N: usize>(bytes: &[[u8; N]], read: impl Fn([u8; N]) -> f64) -> Vec<T> {
    bytes
        .iter()
        .map(|&bytes| T::from_f64(read(bytes)))
        .collect()
}

fn list<T: Element, S>(
    values: &[S],
    len: usize,
    read: impl Fn(&S) -> f64,
) -> Result<Vec<T>, Reason> {
    Ok(exact(values, len)?
        .iter()
        .map(|value| T::from_f64(read(value)))
        .collect())
}

fn exact<S>(values: &[S], len: usize) -> Result<&[S], Reason> {
    match values.len() == len {
        true => Ok(values),
        false => Err(format!(
            "it has {} numbers, but {len} are needed for its shape",
            values.len()
        )),
    }
}

/// Numbers of 16 bits: raw, or one in the lower half of each listed int32.
fn halves<T: Element>(
    tensor: &TensorProto,
    len: usize,
    read: fn([u8; 2]) -> f64,
) -> Result<Vec<T>, Reason> {
    match raw(tensor, len)? {
        Some(bytes) => Ok(numbers(bytes, read)),
        None => list(&tensor.int32_data, len, |&value| {
            read((value as u16).to_le_bytes())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_from_bytes_and_from_lists() {
        let raw = TensorProto {
            dims: vec![2],
            data_type: Some(element::FLOAT16),
            raw_data: Some([0x3c00u16, 0xc000].map(u16::to_le_bytes).concat()),
            ..TensorProto::default()
        };
        assert_eq!(floats::<f32>(&raw).unwrap().values, [1.0, -2.0]);
        let listed = TensorProto {
            dims: vec![2],
            data_type: Some(element::BFLOAT16),
            int32_data: vec![0x3fc0, 0xbf80],
            ..TensorProto::default()
        };
        assert_eq!(floats::<f64>(&listed).unwrap().values, [1.5, -1.0]);
    }

    #[test]
    fn written_tensors_are_read_again() {
        let tensor = from_floats("w", &[2, 1, 2], &[1.0, -0.5, 0.1f32, 3e30]);
        let read = floats::<f32>(&tensor).unwrap();
        assert_eq!(
            (read.dims, read.values),
            (vec![2, 1, 2], vec![1.0, -0.5, 0.1, 3e30])
        );
        let tensor = from_floats("w", &[1], &[0.1f64]);
        assert_eq!(floats::<f64>(&tensor).unwrap().values, [0.1]);
        assert!(floats::<f32>(&tensor).unwrap_err().contains("f64"));
        assert_eq!(
            integers(&from_integers("axes", &[-1, 7])).unwrap().values,
            [-1, 7]
        );
    }

    #[test]
    fn shapes_that_lie_are_refused() {
        let good = from_floats("w", &[2, 2], &[0f32; 4]);
        let with = |change: &dyn Fn(&mut TensorProto)| {
            let mut tensor = good.clone();
            change(&mut tensor);
            floats::<f32>(&tensor).unwrap_err()
        };
        for dims in [
            vec![-2, -2],
            vec![i64::MAX, i64::MAX],
            vec![1 << 40],
            vec![2, 3],
        ] {
            with(&|tensor| tensor.dims = dims.clone());
        }
        with(&|tensor| tensor.raw_data = Some(vec![0; 15]));
        with(&|tensor| tensor.raw_data = None);
        assert!(with(&|tensor| tensor.data_location = Some(1)).contains("another file"));
        assert!(with(&|tensor| tensor.data_type = Some(8)).contains("type 8"));
    }
}
