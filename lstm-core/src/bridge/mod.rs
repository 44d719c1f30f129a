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

use faer::{Mat, MatRef};
use lstm_kernels::Element;

use crate::embedding::Embedding;
use crate::error::Result;
use crate::init::Init;
use crate::linear::Linear;
use crate::params::{Name, Parameters};
use crate::random::Rng;

/// A linear layer of `outputs x inputs`.
fn linear<T: Element>(weight: MatRef<'_, T>, bias: Option<Vec<T>>) -> Result<Linear<T>> {
    let (inputs, outputs) = (weight.ncols(), weight.nrows());
    // Nothing is drawn where every number is to be zero.
    let (zero, mut rng) = (Init::Constant(0.0), Rng::new(0));
    let mut layer = match bias {
        Some(_) => Linear::new(inputs, outputs, zero, &mut rng)?,
        None => Linear::without_bias(inputs, outputs, zero, &mut rng)?,
    };
    let bias = bias.unwrap_or_default();
    layer.visit_mut(Name::ROOT, &mut |name, parameter| {
        let source = match name.to_string().as_str() {
            "bias" => MatRef::from_column_major_slice(&bias, bias.len(), 1),
            _ => weight,
        };
        parameter.matrix().copy_from(source);
        Ok(())
    })?;
    Ok(layer)
}

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
