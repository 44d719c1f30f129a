//! ONNX models in and out, against numbers of ONNX Runtime; `tests/fixtures/onnx` has the scripts that made them.

mod damaged;
mod exported;
mod fixtures;
mod graphs;
mod operators;
