//! Pieces of a graph: descriptions of values, attributes.

use super::super::proto::{
    AttributeProto, DimensionProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
    element, kind,
};

/// The element type of ONNX that `T` is.
pub(super) fn float_type<T>() -> i32 {
    match size_of::<T>() {
        4 => element::FLOAT,
        _ => element::DOUBLE,
    }
}

pub(super) fn state_info(
    name: &str,
    elem_type: i32,
    directions: usize,
    units: usize,
) -> ValueInfoProto {
    let axes = ["directions", "samples"];
    let mut info = value_info(name, elem_type, &axes, Some(units));
    let shape = info
        .r#type
        .as_mut()
        .and_then(|kind| kind.tensor_type.as_mut())
        .and_then(|tensor| tensor.shape.as_mut());
    if let Some(first) = shape.and_then(|shape| shape.dim.first_mut()) {
        *first = fixed(directions);
    }
    info
}

/// A value of some named axes and, as the last, of one whose length is fixed.
pub(super) fn value_info(
    name: &str,
    elem_type: i32,
    axes: &[&str],
    last: Option<usize>,
) -> ValueInfoProto {
    let named = axes.iter().map(|&axis| DimensionProto {
        dim_value: None,
        dim_param: Some(axis.to_owned()),
    });
    let shape = TensorShapeProto {
        dim: named.chain(last.map(fixed)).collect(),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: Some(elem_type),
                shape: Some(shape),
            }),
        }),
    }
}

fn fixed(len: usize) -> DimensionProto {
    DimensionProto {
        dim_value: Some(len as i64),
        dim_param: None,
    }
}

pub(super) fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        r#type: Some(kind::INT),
        ..AttributeProto::default()
    }
}

pub(super) fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values.to_vec(),
        r#type: Some(kind::INTS),
        ..AttributeProto::default()
    }
}

pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        s: Some(value.as_bytes().to_vec()),
        r#type: Some(kind::STRING),
        ..AttributeProto::default()
    }
}

pub(super) fn texts(name: &str, values: &[&str]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        strings: values
            .iter()
            .map(|value| value.as_bytes().to_vec())
            .collect(),
        r#type: Some(kind::STRINGS),
        ..AttributeProto::default()
    }
}
