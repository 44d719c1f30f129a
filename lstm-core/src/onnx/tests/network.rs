//! Graphs that are no stack of layers are refused, by the node that no layer stands for.

use super::*;

#[test]
fn graphs_that_are_no_chain_are_refused() {
    for (message, expected) in [
        (network_refusal(|graph| graph.output.clear()), "no outputs"),
        (
            network_refusal(|graph| graph.output[0].name = Some("z".to_owned())),
            "ends at `z`",
        ),
        (
            network_refusal(|graph| graph.node[0].input[0] = "y".to_owned()),
            "goes in a circle",
        ),
        (
            network_refusal(|graph| {
                graph.node[0].output[0] = "a".to_owned();
                graph.node.push(node("Softmax", &["a"], "y"));
            }),
            "`the Softmax` (Softmax)",
        ),
        (
            network_refusal(|graph| {
                graph.node[0].output = vec![String::new(), "y".to_owned()];
            }),
            "output 1",
        ),
        (
            network_refusal(|graph| {
                graph.node[0].output[0] = "a".to_owned();
                graph.node.push(node("GRU", &["a", "w", "r"], "y"));
            }),
            "the axes",
        ),
    ] {
        assert!(message.contains(expected), "{message}");
    }
    let message = refusal(|graph| graph.node.push(node("Relu", &["x"], "y")));
    assert!(message.contains("the name of another value"), "{message}");
    // Constants and fillings that go in circles end, too.
    let message = refusal(|graph| {
        graph.node[0].input[1] = "a".to_owned();
        graph.node.push(node("Identity", &["b"], "a"));
        graph.node.push(node("Identity", &["a"], "b"));
    });
    assert!(message.contains("not a constant"), "{message}");
}

#[test]
fn every_output_of_several_says_why_it_is_none_of_a_chain() {
    let message = network_refusal(|graph| {
        graph.output[0].name = Some("z".to_owned());
        graph.output.push(input("x2"));
    });
    let expected = "the graph is not a usable ONNX model: none of its outputs comes from layers one upon the other: `z`: ";
    assert!(
        message.starts_with(expected) && message.contains("; `x2`: "),
        "{message}"
    );
}

#[test]
fn dots_in_the_names_of_nodes_become_underscores() {
    let model = model(|graph| graph.node[0].name = Some("encoder.gru".to_owned()));
    let network = model.network::<f32>().unwrap();
    assert!(network.stack.layer("encoder_gru").is_some());
}

pub(super) fn input(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: None,
    }
}

/// Gives the GRU an input at a place such as 5, that of initial_h.
pub(super) fn connect(graph: &mut GraphProto, place: usize, name: &str) {
    let gru = graph
        .node
        .iter_mut()
        .find(|node| node.name() == "the GRU")
        .unwrap();
    gru.input
        .resize(place.max(gru.input.len() - 1) + 1, String::new());
    gru.input[place] = name.to_owned();
}

/// The GRU, and dropout behind it.
fn with_dropout(graph: &mut GraphProto, inputs: &[&str]) {
    graph.node[0].output[0] = "raw".to_owned();
    graph.node.push(node("Dropout", inputs, "y"));
}

#[test]
fn dropout_is_read_where_it_does_nothing() {
    let mode = |on: u8| TensorProto {
        // The code of the format for truth values.
        data_type: Some(9),
        name: Some("training".to_owned()),
        raw_data: Some(vec![on]),
        ..TensorProto::default()
    };
    for inputs in [&["raw"][..], &["raw", "", ""], &["raw", "", "training"]] {
        let model = model(|graph| {
            with_dropout(graph, inputs);
            graph.initializer.push(mode(0));
        });
        assert!(model.network::<f32>().is_ok(), "{inputs:?}");
    }
    let elsewhere = TensorProto {
        raw_data: None,
        data_location: Some(1),
        ..mode(0)
    };
    for stored in [Some(mode(1)), Some(elsewhere), None] {
        let message = network_refusal(|graph| {
            with_dropout(graph, &["raw", "", "training"]);
            match stored.clone() {
                Some(stored) => graph.initializer.push(stored),
                None => graph.input.push(input("training")),
            }
        });
        let expected = "its training_mode `training` is not a constant `false`";
        assert!(message.contains(expected), "{message}");
    }
}

/// An encoder whose last state is where a decoder begins, as sequences are translated.
#[test]
fn an_encoder_that_no_layer_stands_for_is_refused() {
    let message = network_refusal(|graph| {
        let mut encoder = node("GRU", &["source", "w", "r"], "");
        encoder.name = Some("the encoder".to_owned());
        encoder.output = vec![String::new(), "enc_h".to_owned()];
        graph.node.insert(0, encoder);
        graph.input.push(input("source"));
        connect(graph, 5, "enc_h");
    });
    let expected = "`the GRU` (GRU) cannot be read: its initial_h `enc_h` is computed by the node `the encoder` (GRU); a stack cannot represent it";
    assert!(message.contains(expected), "{message}");
}

/// What whoever runs the graph has to give passes, though a part of it be taken; what the graph computes does not.
#[test]
fn states_and_lengths_that_the_graph_computes_are_refused() {
    let made = |operator: &'static str, inputs: &'static [&'static str], place: usize| {
        move |graph: &mut GraphProto| {
            graph.input.extend(["h", "lengths"].map(input));
            let floats = from_floats("stored", &[1, 1, UNITS], &[0.5f32, 0.25]);
            graph.initializer.push(floats);
            let matrix = from_floats("matrix", &[UNITS, UNITS], &[0.5f32; UNITS * UNITS]);
            graph.initializer.push(matrix);
            graph.initializer.push(from_integers("zero", &[0]));
            graph.initializer.push(from_integers("one", &[1]));
            graph.node.insert(0, node(operator, inputs, "made"));
            connect(graph, place, "made");
        }
    };
    for (operator, inputs, place) in [
        ("Identity", &["h"][..], 5),
        ("Slice", &["h", "zero", "one", "zero"], 5),
        ("Split", &["h", "one"], 5),
        ("Gather", &["h", "zero"], 5),
        ("Unsqueeze", &["h", "zero"], 5),
        // Zeros are what a stack begins with anyway.
        ("ConstantOfShape", &["one"], 5),
        // PyTorch's exporter casts the lengths of packed sequences.
        ("Cast", &["lengths"], 4),
    ] {
        let read = model(made(operator, inputs, place)).network::<f32>();
        assert!(read.is_ok(), "{operator}: {}", read.unwrap_err());
    }
    for (operator, inputs, place, expected) in [
        // h0 = Linear(z).
        (
            "MatMul",
            &["h", "matrix"][..],
            5,
            "its initial_h `made` is computed by the node `the MatMul` (MatMul)",
        ),
        // Which part it is depends on an input.
        ("Gather", &["h", "lengths"], 5, "by the node `the Gather`"),
        (
            "Slice",
            &["x", "zero", "one", "zero"],
            5,
            "its initial_h `made` is a part of `x`, which the layers read",
        ),
        (
            "ReduceSum",
            &["x"],
            4,
            "its sequence_lens `made` is computed by the node `the ReduceSum`",
        ),
        // One number for all samples, however many there are.
        (
            "ConstantOfShape",
            &["one"],
            4,
            "its sequence_lens `made` is computed",
        ),
    ] {
        let message = network_refusal(made(operator, inputs, place));
        assert!(
            message.contains("`the GRU` (GRU)") && message.contains(expected),
            "{message}"
        );
        // By itself the node is given what the graph would compute.
        assert!(model(made(operator, inputs, place)).nodes::<f32>().is_ok());
    }
    // A constant that is not followed would be lost, whoever runs the node.
    for (inputs, place) in [(&["stored", "zero"], 5), (&["one", "zero"], 4)] {
        let made = made("Unsqueeze", inputs, place);
        for message in [refusal(made), network_refusal(made)] {
            let expected = format!("is made of the constant `{}`; fold constants", inputs[0]);
            assert!(message.contains(&expected), "{message}");
        }
    }
}

/// Names without a source, as those of sparse tensors are, which are not read.
#[test]
fn names_that_nothing_in_the_graph_gives_are_refused() {
    for (place, what) in [(4, "sequence_lens"), (5, "initial_h")] {
        let dangling = |graph: &mut GraphProto| connect(graph, place, "nowhere");
        for message in [refusal(dangling), network_refusal(dangling)] {
            let expected = format!("its {what} `nowhere` is not usable: `nowhere` is no input");
            assert!(message.contains(&expected), "{message}");
        }
    }
    let behind = |graph: &mut GraphProto| {
        graph.node.insert(0, node("Identity", &["nowhere"], "h"));
        connect(graph, 5, "h");
    };
    let message = refusal(behind);
    assert!(
        message.contains("its initial_h `h` is not usable: `nowhere` is no input"),
        "{message}"
    );
}

/// The GRU in both directions, its output `raw` for nodes that follow; [steps, directions, samples, units].
pub(super) fn both_directions(graph: &mut GraphProto) {
    graph.initializer = vec![
        from_floats("w", &[2, 3 * UNITS, 2], &[0.1f32; 24]),
        from_floats("r", &[2, 3 * UNITS, UNITS], &[0.2f32; 24]),
    ];
    let gru = &mut graph.node[0];
    gru.attribute.push(text("direction", "bidirectional"));
    gru.output = vec!["raw".to_owned()];
}

pub(super) fn transpose(perm: &[i64], from: &str, to: &str) -> NodeProto {
    let mut transpose = node("Transpose", &[from], to);
    transpose.attribute.push(AttributeProto {
        ints: perm.to_vec(),
        ..attribute("perm")
    });
    transpose
}

#[test]
fn an_output_whose_numbers_stand_in_another_order_is_refused() {
    let raw = |graph: &mut GraphProto| {
        both_directions(graph);
        graph.output = vec![input("raw")];
    };
    let message = network_refusal(raw);
    assert!(
        message.contains("`raw`") && message.contains("its directions stand before its samples"),
        "{message}"
    );
    // With units of both directions side by side the numbers are those of the layer.
    let turned = model(|graph| {
        both_directions(graph);
        graph.node.push(transpose(&[0, 2, 1, 3], "raw", "y"));
    });
    assert!(turned.network::<f32>().is_ok());
    // So they are with layout 1.
    let batch_major = model(|graph| {
        raw(graph);
        graph.node[0].attribute.push(AttributeProto {
            i: Some(1),
            ..attribute("layout")
        });
    });
    assert!(batch_major.network::<f32>().unwrap().is_output_batch_major);
    // [steps, units, samples]: one direction, but not its units last.
    let message = network_refusal(|graph| {
        graph.node[0].output[0] = "raw".to_owned();
        graph.node.push(transpose(&[0, 1, 3, 2], "raw", "y"));
    });
    assert!(message.contains("is not a sequence"), "{message}");
}
