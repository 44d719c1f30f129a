//! Numbers of an ONNX tensor, read with every length checked, and written.

use lstm_kernels::Element;

use super::proto::{TensorProto, element};

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
        element::FLOAT16 => halves(tensor, len, half)?,
        element::BFLOAT16 => halves(tensor, len, |bits| f32::from_bits(u32::from(bits) << 16))?,
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
    let values = values.iter().map(|value| value.to_f64());
    let (data_type, bytes) = match size_of::<T>() {
        4 => (
            element::FLOAT,
            values
                .flat_map(|value| (value as f32).to_le_bytes())
                .collect(),
        ),
        _ => (element::DOUBLE, values.flat_map(f64::to_le_bytes).collect()),
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
    read: impl Fn(u16) -> f32,
) -> Result<Vec<T>, Reason> {
    match raw(tensor, len)? {
        Some(bytes) => Ok(numbers(bytes, |bytes| {
            read(u16::from_le_bytes(bytes)).into()
        })),
        None => list(&tensor.int32_data, len, |&value| read(value as u16).into()),
    }
}

/// An IEEE number of 16 bits: sign, 5 bits of exponent, 10 of mantissa. Every one of them is an f32.
fn half(bits: u16) -> f32 {
    let mantissa = f32::from(bits & 0x3ff);
    let magnitude = match (bits >> 10) & 0x1f {
        0 => mantissa * 2f32.powi(-24),
        0x1f if mantissa == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        exponent => (1024.0 + mantissa) * 2f32.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_widened_exactly() {
        // From IEEE 754: 1, -2, the largest, the smallest normal, the smallest, minus zero, infinity.
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 2f32.powi(-14)),
            (0x0001, 2f32.powi(-24)),
            (0x8000, -0.0),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits).to_bits(), value.to_bits(), "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
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
