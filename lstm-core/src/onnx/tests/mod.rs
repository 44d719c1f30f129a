//! Models that cannot be represented are refused by the name of the node, and hostile ones do no harm.

mod network;
mod shapes;
mod sources;

use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use super::tensor::{from_floats, from_integers};
use super::*;

const UNITS: usize = 2;

/// A graph of one GRU of 2 inputs and 2 units, `x` to `y`.
fn gru() -> GraphProto {
    let info = |name: &str| ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: None,
    };
    GraphProto {
        node: vec![node("GRU", &["x", "w", "r"], "y")],
        name: None,
        initializer: vec![
            from_floats("w", &[1, 3 * UNITS, 2], &[0.1f32; 12]),
            from_floats("r", &[1, 3 * UNITS, UNITS], &[0.2f32; 12]),
        ],
        input: vec![info("x")],
        output: vec![info("y")],
    }
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: Some(format!("the {operator}")),
        op_type: Some(operator.to_owned()),
        ..NodeProto::default()
    }
}

fn attribute(name: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ..AttributeProto::default()
    }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        s: Some(value.as_bytes().to_vec()),
        ..attribute(name)
    }
}

/// The model of a graph after a way through bytes.
fn model(change: impl Fn(&mut GraphProto)) -> OnnxModel {
    let mut graph = gru();
    change(&mut graph);
    let model = ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto::default()],
        ..ModelProto::default()
    };
    OnnxModel::from_bytes(&model.encode_to_vec()).unwrap()
}

/// The message that refuses all nodes of a graph as f32.
fn refusal(change: impl Fn(&mut GraphProto)) -> String {
    match model(change).nodes::<f32>() {
        Ok(_) => panic!("the model was read"),
        Err(error) => error.to_string(),
    }
}

/// The message that refuses a graph as a network.
fn network_refusal(change: impl Fn(&mut GraphProto)) -> String {
    match model(change).network::<f32>() {
        Ok(_) => panic!("the network was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_model_of_these_tests_is_sound() {
    let model = model(|_| ());
    assert_eq!(model.names(), ["the GRU"]);
    assert!(model.node::<f64>("the GRU").unwrap().is_fused());
    assert_eq!(model.network::<f32>().unwrap().stack.len(), 1);
    let message = model.node::<f32>("another").err().unwrap().to_string();
    assert!(message.contains("there are: the GRU"), "{message}");
}

#[test]
fn attributes_that_say_what_cannot_be_are_refused() {
    let with = |attribute: AttributeProto| {
        refusal(|graph| graph.node[0].attribute.push(attribute.clone()))
    };
    let list = |names: &[&str]| AttributeProto {
        strings: names.iter().map(|name| name.as_bytes().to_vec()).collect(),
        ..attribute("activations")
    };
    let float = |name: &str, value: f32| AttributeProto {
        f: Some(value),
        ..attribute(name)
    };
    let integer = |name: &str, value: i64| AttributeProto {
        i: Some(value),
        ..attribute(name)
    };
    let mut of_other_kind = integer("direction", 1);
    of_other_kind.r#type = Some(2);
    let mut of_function = integer("layout", 0);
    of_function.ref_attr_name = Some("outer".to_owned());
    for (attribute, expected) in [
        (
            list(&["Sigmoid", "Swish"]),
            "activation `Swish` is none of ONNX's",
        ),
        (list(&["Sigmoid"]), "1 activations, but needs 2"),
        (
            list(&["Sigmoid", "Affine"]),
            "Affine needs a value in activation_alpha",
        ),
        (text("direction", "sideways"), "direction `sideways`"),
        (float("clip", 0.0), "clip is 0"),
        (float("clip", f32::NAN), "clip is NaN"),
        (
            integer("hidden_size", 3),
            "hidden_size is 3, but its R has 2 columns",
        ),
        (integer("layout", 2), "`layout` is 2"),
        (integer("input_forget", 1), "`input_forget` is not known"),
        (of_other_kind, "`direction` is not a text"),
        (of_function, "stands for one of a function"),
    ] {
        let message = with(attribute);
        assert!(
            message.contains("`the GRU` (GRU)") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn weights_that_are_not_what_they_should_be_are_refused() {
    let with_w = |w: TensorProto| refusal(|graph| graph.initializer[0] = w.clone());
    let good = from_floats("w", &[1, 3 * UNITS, 2], &[0.1f32; 12]);
    let changed = |change: &dyn Fn(&mut TensorProto)| {
        let mut tensor = good.clone();
        change(&mut tensor);
        with_w(tensor)
    };
    for (message, expected) in [
        (changed(&|w| w.data_type = Some(7)), "type 7"),
        (changed(&|w| w.data_location = Some(1)), "another file"),
        (changed(&|w| w.dims = vec![1, 12, 1]), "[1, 6, 1] is needed"),
        (changed(&|w| w.dims = vec![12]), "without inputs"),
        (
            changed(&|w| w.dims = vec![i64::MAX, i64::MAX, 2]),
            "is not one",
        ),
        (changed(&|w| w.dims = vec![-1, -6, 2]), "is not one"),
        (changed(&|w| w.raw_data = Some(vec![0; 47])), "has 47 bytes"),
        (
            with_w(from_floats("w", &[1, 6, 2], &[0.1f64; 12])),
            "read it as f64",
        ),
        (
            refusal(|graph| graph.initializer[0].name = Some("v".to_owned())),
            "W `w` is not a constant",
        ),
        (
            refusal(|graph| graph.node[0].input.truncate(2)),
            "input R is missing",
        ),
        (
            refusal(|graph| graph.initializer[1] = from_floats::<f32>("r", &[0, 0, 1 << 62], &[])),
            "its R has the shape [0, 0, 4611686018427387904]",
        ),
        (
            refusal(|graph| {
                // Wb and Rb of a GRU of 2 units are 12 numbers.
                graph
                    .initializer
                    .push(from_floats("b", &[1, 6], &[0f32; 6]));
                graph.node[0].input.push("b".to_owned());
            }),
            "its B has the shape [1, 6]",
        ),
    ] {
        assert!(
            message.contains("`the GRU` (GRU)") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn initial_states_and_lengths_of_the_model_are_kept_or_refused() {
    let with = |place: usize, tensor: TensorProto| {
        move |graph: &mut GraphProto| {
            graph.node[0].input.resize(place + 1, String::new());
            graph.node[0].input[place] = tensor.name().to_owned();
            graph.initializer.push(tensor.clone());
        }
    };
    // [directions, samples, units]: both samples begin with the same.
    let equal = from_floats("h", &[1, 2, UNITS], &[0.5f32, 0.25, 0.5, 0.25]);
    let node = model(with(5, equal)).node::<f32>("the GRU").unwrap();
    let state = node.layer().initial_states(3).unwrap();
    assert_eq!(
        (state[0].get(0)[(0, 2)], state[0].get(0)[(1, 2)]),
        (0.5, 0.25)
    );
    let different = from_floats("h", &[1, 2, UNITS], &[0.5f32, 0.25, 0.5, 0.0]);
    assert!(refusal(with(5, different)).contains("another for each sample"));
    // Also where all numbers are the same.
    for values in [[0.5f32, 0.25], [0.5; UNITS], [0.0; UNITS]] {
        let wrong = from_floats("h", &[1, UNITS], &values);
        assert!(refusal(with(5, wrong)).contains("shape [1, 2]"));
    }
    for value in [0.5f32, 0.0] {
        let alike = from_floats("h", &[1, 3, UNITS], &[value; 3 * UNITS]);
        let node = model(with(5, alike)).node::<f32>("the GRU").unwrap();
        let state = node.layer().initial_states(1).unwrap();
        assert_eq!(state[0].get(0)[(1, 0)], value);
    }

    let lengths = with(4, from_integers("lengths", &[2, 1]));
    let node = model(&lengths).node::<f32>("the GRU").unwrap();
    assert_eq!(node.sequence_lens(), Some(&[2, 1][..]));
    let x = faer::Mat::zeros(2, 4);
    let run = |lengths: &[usize]| node.run(x.as_ref(), &node.batch(2, lengths)?, None, None);
    assert!(run(&[2, 1]).is_ok());
    assert!(
        run(&[2, 2])
            .unwrap_err()
            .to_string()
            .contains("fixes the lengths [2, 1]")
    );
    assert!(network_refusal(lengths).contains("sequence_lens"));
    assert!(refusal(with(4, from_integers("lengths", &[2, -1]))).contains("negative"));
}

#[test]
fn calls_that_do_not_fit_are_errors() {
    let node = model(|_| ()).node::<f32>("the GRU").unwrap();
    let batch = node.batch(2, &[2, 2]).unwrap();
    let zeros = faer::Mat::zeros;
    let fits = node.run(
        zeros(2, 4).as_ref(),
        &batch,
        Some(zeros(2, 2).as_ref()),
        None,
    );
    assert!(fits.is_ok());
    for (x, h, c) in [
        (zeros(2, 3), zeros(2, 2), None),
        (zeros(3, 4), zeros(2, 2), None),
        (zeros(2, 4), zeros(2, 3), None),
        (zeros(2, 4), zeros(2, 2), Some(zeros(2, 2))),
    ] {
        let c = c.as_ref().map(|c: &faer::Mat<f32>| c.as_ref());
        assert!(node.run(x.as_ref(), &batch, Some(h.as_ref()), c).is_err());
    }
    assert!(node.batch(2, &[3]).is_err());
    let empty = node
        .run(
            zeros(2, 0).as_ref(),
            &node.batch(0, &[]).unwrap(),
            None,
            None,
        )
        .unwrap();
    assert_eq!((empty.y.shape(), empty.y_h.shape()), ((2, 0), (2, 0)));
}

#[test]
fn what_is_no_shipped_cell_cannot_be_trained() {
    use crate::layers::{Batch, LayerTape};
    let clipped = AttributeProto {
        f: Some(1.0),
        ..attribute("clip")
    };
    let node = model(|graph| graph.node[0].attribute.push(clipped.clone()))
        .node::<f32>("the GRU")
        .unwrap();
    assert!(!node.is_fused());
    let (x, mut y) = (faer::Mat::zeros(2, 2), faer::Mat::zeros(UNITS, 2));
    let mut state = node.layer().initial_states(1).unwrap();
    let batch = Batch::new(2, 1);
    let trained = (node.layer()).forward(
        x.as_ref(),
        &batch,
        &mut state,
        y.as_mut(),
        &mut LayerTape::new(),
        &mut crate::Rng::new(0),
    );
    assert!(
        trained
            .unwrap_err()
            .to_string()
            .contains("cannot be trained")
    );
}
