//! The cases in the files of fixtures.

use std::collections::BTreeMap;

use faer::{Mat, MatRef};
use lstm_core::Element;
use lstm_core::onnx::OnnxModel;
use safetensors::{Dtype, SafeTensors};

/// A model with its inputs and outputs.
pub struct Case {
    pub name: String,
    /// What computed the outputs.
    pub maker: String,
    pub model: Vec<u8>,
    tensors: BTreeMap<String, Tensor>,
}

/// Shape, and numbers with the last axis fastest.
#[derive(Clone)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
    pub is_double: bool,
}

/// All cases of a file.
pub fn cases(file: &str) -> Vec<Case> {
    let path = format!(
        "{}/fixtures/onnx/{file}.safetensors",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = std::fs::read(path).unwrap();
    let makers = SafeTensors::read_metadata(&bytes).unwrap().1;
    let makers = makers.metadata().clone().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut cases = BTreeMap::new();
    for (name, maker) in makers {
        let case = Case {
            name: name.clone(),
            maker,
            model: file
                .tensor(&format!("{name}/model"))
                .unwrap()
                .data()
                .to_vec(),
            tensors: BTreeMap::new(),
        };
        cases.insert(name, case);
    }
    for (name, view) in file.iter() {
        let (case, tensor) = name.rsplit_once('/').unwrap();
        if tensor == "model" {
            continue;
        }
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => data
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes).into())
                .collect(),
            Dtype::F64 => data
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| f64::from_le_bytes(bytes))
                .collect(),
            Dtype::I32 => data
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| i32::from_le_bytes(bytes).into())
                .collect(),
            other => panic!("{name} is {other:?}"),
        };
        let value = Tensor {
            shape: view.shape().to_vec(),
            values,
            is_double: view.dtype() == Dtype::F64,
        };
        cases
            .get_mut(case)
            .unwrap()
            .tensors
            .insert(tensor.to_owned(), value);
    }
    cases.into_values().collect()
}

impl Case {
    pub fn model(&self) -> OnnxModel {
        OnnxModel::from_bytes(&self.model).unwrap()
    }

    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }
}

impl Tensor {
    /// The numbers as a matrix with the last axis down the column.
    pub fn matrix<T: Element>(&self) -> Mat<T> {
        let rows = self.shape.last().copied().unwrap();
        Mat::from_fn(rows, self.values.len() / rows, |i, j| {
            T::from_f64(self.values[j * rows + i])
        })
    }

    /// With two axes exchanged.
    pub fn swapped(&self, a: usize, b: usize) -> Self {
        let mut order: Vec<usize> = (0..self.shape.len()).collect();
        order.swap(a, b);
        let shape: Vec<usize> = order.iter().map(|&axis| self.shape[axis]).collect();
        let stride = |axis: usize| self.shape[axis + 1..].iter().product::<usize>();
        let strides: Vec<usize> = order.iter().map(|&axis| stride(axis)).collect();
        let mut values = Vec::with_capacity(self.values.len());
        for mut index in 0..self.values.len() {
            let mut from = 0;
            for (axis, &len) in shape.iter().enumerate().rev() {
                from += index % len * strides[axis];
                index /= len;
            }
            values.push(self.values[from]);
        }
        Self {
            shape,
            values,
            is_double: self.is_double,
        }
    }

    /// With the last two axes as one.
    pub fn joined(&self) -> Self {
        let mut shape = self.shape.clone();
        let last = shape.pop().unwrap();
        *shape.last_mut().unwrap() *= last;
        Self {
            shape,
            ..self.clone()
        }
    }
}

/// The largest difference, relative to the largest expected number or to 1.
pub fn difference<T: Element>(actual: MatRef<'_, T>, expected: &Tensor) -> f64 {
    let expected = expected.matrix::<f64>();
    assert_eq!(
        (actual.nrows(), actual.ncols()),
        (expected.nrows(), expected.ncols())
    );
    let mut largest = 0f64;
    for j in 0..actual.ncols() {
        for i in 0..actual.nrows() {
            let difference = (actual[(i, j)].to_f64() - expected[(i, j)]).abs();
            assert!(!difference.is_nan());
            largest = largest.max(difference);
        }
    }
    largest / expected.norm_max().max(1.0)
}
