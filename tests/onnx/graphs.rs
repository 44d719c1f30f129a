//! Networks as PyTorch exports them.

use faer::Mat;
use lstm_core::layers::{Batch, Layer, LayerTape};
use lstm_core::onnx::OnnxNetwork;

use super::fixtures::{Case, cases, difference};

/// Both sides round in f32, in different order, over four steps and up to three layers of outputs below 1.
const TOLERANCE: f64 = 1e-6;

#[test]
fn networks_of_pytorch_agree_with_onnx_runtime() {
    let cases = cases("graphs");
    assert_eq!(cases.len(), 16);
    let mut largest = (0.0, String::new());
    for case in &cases {
        let network: OnnxNetwork<f32> = case.model().network().unwrap();
        assert_eq!(network.input, "x");
        let is_batch_major = case.name.contains("batch first");
        assert_eq!(
            network.is_input_batch_major, is_batch_major,
            "{}",
            case.name
        );
        assert_eq!(
            network.is_output_batch_major, is_batch_major,
            "{}",
            case.name
        );
        let has_head = [
            "script lstm",
            "dynamo lstm",
            "script lstm 2 layers both",
            "dynamo gru 2 layers batch first",
        ];
        if has_head.contains(&case.name.as_str()) {
            assert!(network.stack.params_of_last() > 0);
        }
        let difference = run(case, &network);
        assert!(difference < TOLERANCE, "{}: {difference:.1e}", case.name);
        if difference > largest.0 {
            largest = (difference, case.name.clone());
        }
    }
    println!(
        "graphs: largest difference {:.1e} ({})",
        largest.0, largest.1
    );
}

trait LastLayer {
    /// How many parameters the highest layer has, which must be a linear one.
    fn params_of_last(&self) -> usize;
}

impl LastLayer for lstm_core::layers::Stack<f32> {
    fn params_of_last(&self) -> usize {
        let (_, last) = self.layers().next_back().unwrap();
        assert_eq!(last.states(), 0);
        last.params_len()
    }
}

/// The largest difference of the outputs and, where the case has them, of the final states.
fn run(case: &Case, network: &OnnxNetwork<f32>) -> f64 {
    let x = case.get("x").unwrap();
    let batch = match network.is_input_batch_major {
        true => Batch::new(x.shape[1], x.shape[0]).batch_major(),
        false => Batch::new(x.shape[0], x.shape[1]),
    };
    let stack = &network.stack;
    let mut state = stack.initial_states(batch.samples()).unwrap();
    // [layers, samples, units] each; a state of an LSTM holds c, then h.
    let quantities = [("c", "out2"), ("h", "out1")];
    for (place, (initial, _)) in quantities.iter().enumerate() {
        if let Some(initial) = case.get(initial) {
            let all = initial.matrix::<f32>();
            for (layer, state) in state.iter_mut().enumerate() {
                let own = all
                    .as_ref()
                    .subcols(layer * batch.samples(), batch.samples());
                state.get_mut(place).copy_from(own);
            }
        }
    }
    let mut y = Mat::zeros(stack.output_len(), batch.columns());
    let (x, mut tape) = (x.matrix::<f32>(), LayerTape::new());
    stack
        .infer(x.as_ref(), &batch, &mut state, y.as_mut(), &mut tape)
        .unwrap();
    let mut largest = difference(y.as_ref(), case.get("out0").unwrap());
    for (place, (_, last)) in quantities.iter().enumerate() {
        if let Some(expected) = case.get(last) {
            let all = expected.matrix::<f64>();
            for (layer, state) in state.iter().enumerate() {
                let own = all
                    .as_ref()
                    .subcols(layer * batch.samples(), batch.samples());
                for (actual, expected) in state.get(place).col_iter().zip(own.col_iter()) {
                    for (actual, expected) in actual.iter().zip(expected.iter()) {
                        let difference = (f64::from(*actual) - expected).abs();
                        assert!(!difference.is_nan());
                        largest = largest.max(difference);
                    }
                }
            }
        }
    }
    largest
}
