//! Damaged and hostile files give errors.

use lstm_core::Rng;
use lstm_core::layers::{Batch, Layer, LayerTape};
use lstm_core::onnx::{OnnxModel, OnnxNetwork};

use super::fixtures::cases;

/// Reads all that can be read of a model, and runs it.
fn try_everything(bytes: &[u8]) -> Result<(), lstm_core::Error> {
    let model = OnnxModel::from_bytes(bytes)?;
    for node in model.nodes::<f32>()? {
        let batch = node.batch(2, &[2, 1])?;
        let x = faer::Mat::zeros(node.input_len(), batch.columns());
        node.run(x.as_ref(), &batch, None, None)?;
    }
    let OnnxNetwork { stack, .. } = model.network::<f32>()?;
    let batch = Batch::new(2, 1);
    let x = faer::Mat::zeros(stack.input_len(), 2);
    let mut y = faer::Mat::zeros(stack.output_len(), 2);
    let mut state = stack.initial_states(1).unwrap();
    stack.infer(
        x.as_ref(),
        &batch,
        &mut state,
        y.as_mut(),
        &mut LayerTape::new(),
    )
}

#[test]
fn no_mutation_panics() {
    let mut rng = Rng::new(11);
    let (mut refused, mut read) = (0, 0);
    let all: Vec<_> = ["rnn", "gru", "lstm", "graphs"]
        .into_iter()
        .flat_map(cases)
        .collect();
    for case in all.iter().step_by(4) {
        for _ in 0..60 {
            let mut bytes = case.model.clone();
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(bytes.len() as u64) as usize;
                match rng.below(5) {
                    0 => bytes[at] ^= 1 << rng.below(8),
                    1 => bytes[at] = 0xff,
                    2 => bytes.truncate(at.max(1)),
                    3 => drop(bytes.drain(at..(at + 1 + rng.below(8) as usize).min(bytes.len()))),
                    _ => {
                        let from = rng.below(bytes.len() as u64) as usize;
                        let piece = bytes[from..(from + 12).min(bytes.len())].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
                if bytes.is_empty() {
                    break;
                }
            }
            match try_everything(&bytes) {
                Ok(()) => read += 1,
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
    // Damage to weights or names is not seen; that to lengths and shapes is.
    assert!(
        refused > 500 && read > 100,
        "{refused} refused, {read} read"
    );
}

#[test]
fn truncated_models_are_refused() {
    let case = cases("lstm").swap_remove(0);
    let readable = (0..case.model.len()).filter(|&len| try_everything(&case.model[..len]).is_ok());
    // Behind the graph the file holds nothing but the version of its operators: cut just there, it is still a model.
    assert!(readable.count() <= 1);
    let message = OnnxModel::from_bytes(b"not a model")
        .unwrap_err()
        .to_string();
    assert!(message.contains("not a usable ONNX model"), "{message}");
    assert!(
        OnnxModel::from_bytes(&[])
            .unwrap_err()
            .to_string()
            .contains("no graph")
    );
}

/// A device that never ends is no file; read as one, it would take all memory.
#[cfg(unix)]
#[test]
fn devices_are_refused() {
    let refused = OnnxModel::open("/dev/zero".as_ref()).unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("it is not a regular file"), "{cause}");
}
