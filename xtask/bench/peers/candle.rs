//! The peer candle: LSTM and GRU of candle-nn on the CPU.

mod serve;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::rnn::{GRUConfig, LSTMConfig, RNN, gru, lstm};
use candle_nn::{VarBuilder, VarMap};

use serve::{Failure, Work, serve};

fn main() -> Result<(), Failure> {
    serve("candle", "0.11", |work| match work.cell.as_str() {
        "lstm" => measure(work, |builder| {
            lstm(work.inputs, work.hidden, LSTMConfig::default(), builder)
        }),
        "gru" => measure(work, |builder| {
            gru(work.inputs, work.hidden, GRUConfig::default(), builder)
        }),
        _ => Ok(None),
    })
}

fn measure<R: RNN>(
    work: &Work,
    layer: impl Fn(VarBuilder) -> candle_core::Result<R>,
) -> Result<Option<(f64, f64)>, Failure> {
    let cpu = Device::Cpu;
    let variables = VarMap::new();
    let trained = layer(VarBuilder::from_varmap(&variables, DType::F32, &cpu))?;
    // Candle records a graph for whatever depends on a variable, so inference gets plain tensors.
    let tensors: HashMap<String, Tensor> = {
        let data = variables.data().lock().map_err(|error| error.to_string())?;
        let detached = |(name, value): (&String, &Var)| (name.clone(), value.as_tensor().detach());
        data.iter().map(detached).collect()
    };
    let inferring = layer(VarBuilder::from_tensors(tensors, DType::F32, &cpu))?;
    let x = Var::from_tensor(&Tensor::randn(
        0f32,
        1f32,
        (work.batch, work.steps, work.inputs),
        &cpu,
    )?)?;
    let plain = x.as_tensor().detach();
    let infer = work.median_ms(|| {
        inferring.states_to_tensor(&inferring.seq(&plain)?)?;
        Ok(())
    })?;
    let train = work.median_ms(|| {
        let y = trained.states_to_tensor(&trained.seq(&x)?)?;
        y.sum_all()?.backward()?;
        Ok(())
    })?;
    Ok(Some((infer, train)))
}
