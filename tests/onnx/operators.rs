//! Every recurrent operator, alone in a model.

use lstm_core::Element;
use lstm_core::onnx::OnnxNode;

use super::fixtures::{Case, Tensor, cases, difference};

/// Both sides round in f32, in different order and with approximate activations of a few units in the last place, over
/// five steps of sums of a dozen terms. Where gates without an upper bound let the state grow, so does the error, but
/// less than the state, to which it is relative.
const TOLERANCE: f64 = 2e-6;

/// The same in f64.
const TOLERANCE_F64: f64 = 1e-14;

#[test]
fn operators_agree_with_onnx_runtime() {
    for (file, expected_cases) in [("rnn", 38), ("gru", 53), ("lstm", 59)] {
        let cases = cases(file);
        assert_eq!(cases.len(), expected_cases);
        let mut largest = [(0.0, String::new()), (0.0, String::new())];
        let mut failures = Vec::new();
        for case in &cases {
            let is_double = case.get("x").unwrap().is_double;
            let (is_fused, difference) = match is_double {
                true => run::<f64>(case),
                false => run::<f32>(case),
            };
            let tolerance = if is_double { TOLERANCE_F64 } else { TOLERANCE };
            if difference > tolerance {
                failures.push(format!(
                    "{file} {}: {difference:.1e} ({})",
                    case.name, case.maker
                ));
            }
            // A model of f32 can be computed in f64, too: the error is then that of ONNX Runtime alone.
            assert!(
                is_double || run::<f64>(case).1 < TOLERANCE,
                "{file} {} in f64",
                case.name
            );
            if difference > largest[usize::from(is_fused)].0 && !is_double {
                largest[usize::from(is_fused)] = (difference, case.name.clone());
            }
        }
        for (what, (difference, name)) in ["by its equations", "on fused kernels"]
            .iter()
            .zip(&largest)
        {
            println!("{file}: largest difference {what} {difference:.1e} ({name})");
        }
        assert!(failures.is_empty(), "{failures:#?}");
    }
}

/// Whether the node is a shipped cell, and the largest difference of its outputs.
fn run<T: Element>(case: &Case) -> (bool, f64) {
    let model = case.model();
    let names = model.names();
    assert_eq!(names.len(), 1);
    let node: OnnxNode<T> = model.node(names[0]).unwrap();
    let is_batch_major = node.is_batch_major();
    let x = case.get("x").unwrap();
    let (steps, samples) = match is_batch_major {
        true => (x.shape[1], x.shape[0]),
        false => (x.shape[0], x.shape[1]),
    };
    let lengths = match case.get("sequence_lens") {
        Some(lengths) => lengths
            .values
            .iter()
            .map(|&length| length as usize)
            .collect(),
        None => vec![steps; samples],
    };
    let batch = node.batch(steps, &lengths).unwrap();
    let states = |tensor: &Tensor| match is_batch_major {
        true => tensor.joined(),
        false => tensor.swapped(0, 1).joined(),
    };
    let initial = |name: &str| case.get(name).map(|tensor| states(tensor).matrix::<T>());
    let (h, c) = (initial("initial_h"), initial("initial_c"));
    let outputs = node
        .run(
            x.matrix::<T>().as_ref(),
            &batch,
            h.as_ref().map(|h| h.as_ref()),
            c.as_ref().map(|c| c.as_ref()),
        )
        .unwrap();

    let y = case.get("y").unwrap();
    let y = match is_batch_major {
        true => y.joined(),
        false => y.swapped(1, 2).joined(),
    };
    let mut largest = difference(outputs.y.as_ref(), &y);
    for (actual, name) in [(Some(&outputs.y_h), "y_h"), (outputs.y_c.as_ref(), "y_c")] {
        if let (Some(actual), Some(expected)) = (actual, case.get(name)) {
            largest = largest.max(difference(actual.as_ref(), &states(expected)));
        }
    }
    (node.is_fused(), largest)
}

#[test]
fn nodes_that_are_shipped_cells_run_on_their_kernels() {
    let is_fused = |file: &str, name: &str| {
        let cases = cases(file);
        let case = cases.iter().find(|case| case.name == name).unwrap();
        case.model().nodes::<f32>().unwrap()[0].is_fused()
    };
    for (file, name) in [
        ("lstm", "bidirectional lengths initial layout1"),
        ("lstm", "reverse peepholes layout1"),
        ("gru", "forward layout0"),
        ("gru", "forward linear_before_reset layout1"),
        ("rnn", "reverse layout1"),
        ("rnn", "relu both"),
    ] {
        assert!(is_fused(file, name), "{file} {name}");
    }
    for (file, name) in [
        ("lstm", "clip"),
        ("lstm", "input_forget forward"),
        ("rnn", "activations Softsign"),
    ] {
        assert!(!is_fused(file, name), "{file} {name}");
    }
}
