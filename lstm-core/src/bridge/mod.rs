//! Weights of other libraries, in and out.
//!
//! - [`torch`]: state dicts of PyTorch.
//! - [`keras`]: weights of Keras models.
//!
//! Both are safetensors files. What one side has and the other cannot hold is refused by name.

pub mod keras;
pub mod torch;

mod cells;
mod gates;
mod source;
mod target;

use faer::Mat;
use lstm_kernels::Element;

use crate::embedding::Embedding;
use crate::error::Result;
use crate::init::Init;
use crate::params::{Name, Parameters};
use crate::random::Rng;

/// An embedding of `count` vectors, one behind the other.
fn embedding<T: Element>(count: usize, len: usize, values: &[T]) -> Result<Embedding<T>> {
    let mut layer = Embedding::new(count, len, Init::Constant(0.0), &mut Rng::new(0))?;
    layer.visit_mut(Name::ROOT, &mut |_, parameter| {
        parameter.values.copy_from_slice(values);
        Ok(())
    })?;
    Ok(layer)
}

/// The parameters of a layer by name.
fn parameters<T: Element>(layer: &dyn Parameters<T>) -> Result<Vec<(String, Mat<T>)>> {
    let mut all = Vec::new();
    layer.visit(Name::ROOT, &mut |name, parameter| {
        all.push((name.to_string(), parameter.matrix().to_owned()));
        Ok(())
    })?;
    Ok(all)
}
