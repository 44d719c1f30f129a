//! The peer burn: LSTM and GRU of burn-nn on its CPU backend in Rust.

mod serve;

use burn::nn::{GruConfig, LstmConfig};
use burn::tensor::{Device, Distribution, Tensor};

use serve::{Failure, Work, serve};

fn main() -> Result<(), Failure> {
    serve("burn", "0.22", |work| match work.cell.as_str() {
        "lstm" => measure(work, |device| {
            let layer = LstmConfig::new(work.inputs, work.hidden, true).init(device);
            move |x| layer.forward(x, None).0
        }),
        "gru" => measure(work, |device| {
            let layer = GruConfig::new(work.inputs, work.hidden, true).init(device);
            move |x| layer.forward(x, None)
        }),
        _ => Ok(None),
    })
}

fn measure<F: Fn(Tensor<3>) -> Tensor<3>>(
    work: &Work,
    layer: impl Fn(&Device) -> F,
) -> Result<Option<(f64, f64)>, Failure> {
    let random = |device: &Device| {
        let shape = [work.batch, work.steps, work.inputs];
        Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), device)
    };
    let plain = Device::flex();
    let (layer_of, x) = (layer(&plain), random(&plain));
    let infer = work.median_ms(|| {
        layer_of(x.clone());
        Ok(())
    })?;
    let recording = Device::flex().autodiff();
    let (layer_of, x) = (layer(&recording), random(&recording).require_grad());
    let train = work.median_ms(|| {
        layer_of(x.clone()).sum().backward();
        Ok(())
    })?;
    Ok(Some((infer, train)))
}
