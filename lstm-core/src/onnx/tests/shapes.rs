//! Shapes are read where they join directions and can do nothing else.

use super::super::proto::{DimensionProto, TensorShapeProto, TensorTypeProto, TypeProto};
use super::network::{both_directions, transpose};
use super::*;

/// The GRU in both directions with its directions joined; the nodes of `shape` give the shape for that.
fn joined(graph: &mut GraphProto, shape: Vec<NodeProto>) {
    both_directions(graph);
    graph.node.push(transpose(&[0, 2, 1, 3], "raw", "turned"));
    graph.node.extend(shape);
    graph.node.push(node("Reshape", &["turned", "shape"], "y"));
}

/// The same with a shape of constants, in one piece or of one number each.
fn constant(graph: &mut GraphProto, shape: &[i64], is_put_together: bool) {
    let parts = ["a", "b", "c"];
    let (nodes, stored) = match is_put_together {
        false => (Vec::new(), vec![from_integers("shape", shape)]),
        true => (
            vec![node("Concat", &parts, "shape")],
            (shape.iter().zip(parts))
                .map(|(&number, name)| from_integers(name, &[number]))
                .collect(),
        ),
    };
    joined(graph, nodes);
    graph.initializer.extend(stored);
}

/// Declares the lengths of the axes of `x`.
fn declare(graph: &mut GraphProto, lengths: [i64; 3]) {
    let dim = lengths.map(|len| DimensionProto {
        dim_value: Some(len),
        dim_param: None,
    });
    graph.input[0].r#type = Some(TypeProto {
        tensor_type: Some(TensorTypeProto {
            elem_type: Some(1),
            shape: Some(TensorShapeProto { dim: dim.into() }),
        }),
    });
}

const REFUSAL: &str = "it does not join 2 directions of 2 units and keep the two axes before";

#[test]
fn constants_are_read_where_they_can_only_be_the_lengths_of_their_axes() {
    for is_put_together in [false, true] {
        let shaped = |shape: &'static [i64], declared: Option<[i64; 3]>| {
            move |graph: &mut GraphProto| {
                constant(graph, shape, is_put_together);
                declared.into_iter().for_each(|axes| declare(graph, axes));
            }
        };
        // Two directions of two units are four features. Steps and samples are declared, or left open in either way.
        let open = [None, Some([0, -1, 2])];
        let fixed = Some([5, 3, 2]);
        for (shape, declared) in [
            (&[0, 0, -1][..], None),
            (&[0, 0, 4], None),
            (&[0, -1, 4], None),
            (&[-1, 0, 4], None),
            // One number that is not certain must be right, or the node fails.
            (&[5, 0, 4], None),
            (&[5, 0, 4], Some([0, -1, 2])),
            (&[5, 3, 4], fixed),
            (&[5, 3, -1], fixed),
            (&[5, -1, 4], fixed),
            (&[-1, 3, 4], fixed),
            (&[0, 3, -1], fixed),
        ] {
            let read = model(shaped(shape, declared)).network::<f32>();
            assert!(read.is_ok(), "{shape:?}: {}", read.unwrap_err());
        }
        let nowhere = open.into_iter().flat_map(|declared| {
            [
                // Of four steps and six samples this would make other ones.
                &[6, 4, 4][..],
                &[5, -1, 4],
                // Steps and samples become one axis.
                &[1, -1, 4],
                &[-1, 1, 4],
                // Steps or samples may go into the features.
                &[0, 1, -1],
                &[1, 0, -1],
                &[1, 1, -1],
                // Two axes cannot both be what is left, and lengths are not negative.
                &[-1, -1, 4],
                &[0, -2, 4],
                &[0, 0, -2],
                // The directions, not joined with their units; and a feature too many.
                &[0, 0, 0],
                &[0, 0, 2],
                &[0, 0, 5],
            ]
            .map(|shape| (shape, declared))
        });
        let exchanged = [&[3, 5, 4][..], &[1, 15, 4], &[3, -1, 4], &[3, 0, 4]];
        for (shape, declared) in nowhere.chain(exchanged.map(|shape| (shape, fixed))) {
            let message = network_refusal(shaped(shape, declared));
            assert!(
                message.contains(REFUSAL),
                "{shape:?}, {declared:?}: {message}"
            );
        }
    }
    // With allowzero a zero is a length, so that nothing is left.
    let message = network_refusal(|graph| {
        constant(graph, &[0, 0, 4], false);
        let reshape = graph.node.last_mut().unwrap();
        reshape.attribute.push(whole("allowzero", 1));
    });
    assert!(message.contains(REFUSAL), "{message}");
}

fn whole(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        i: Some(value),
        ..attribute(name)
    }
}

/// A number of the shape of `value`, the way that PyTorch's older exporter takes it, or in two ways of the newer one.
fn length(way: usize, value: &str, place: i64, name: &str) -> Vec<NodeProto> {
    let [shape, chosen] = ["shape", "chosen"].map(|part| format!("{name}.{part}"));
    let number = |place: i64| format!("{place}");
    match way {
        0 => vec![
            node("Shape", &[value], &shape),
            node("Gather", &[&shape, &number(place)], &chosen),
            node("Unsqueeze", &[&chosen, "0"], name),
        ],
        1 => {
            let mut part = node("Shape", &[value], name);
            part.attribute = vec![whole("start", place), whole("end", place + 1)];
            vec![part]
        }
        _ => {
            let mut whole_shape = node("Shape", &[value], &shape);
            whole_shape.attribute = vec![whole("start", 0)];
            let bounds = [number(place), number(place + 1)];
            vec![
                whole_shape,
                node("Cast", &[&shape], &chosen),
                node("Slice", &[&chosen, &bounds[0], &bounds[1], "0"], name),
            ]
        }
    }
}

/// The lengths of the first and the second axis of the shape are those of axes of values, each named and counted.
fn computed(way: usize, [first, second]: [(&str, i64); 2]) -> impl Fn(&mut GraphProto) {
    let nodes = [
        length(way, first.0, first.1, "first"),
        length(way, second.0, second.1, "second"),
        vec![node("Concat", &["first", "second", "4"], "shape")],
    ]
    .concat();
    move |graph| {
        joined(graph, nodes.clone());
        let numbers = (0..=4).map(|number| from_integers(&number.to_string(), &[number]));
        graph.initializer.extend(numbers);
    }
}

#[test]
fn computed_numbers_are_followed_to_their_axes() {
    for way in 0..3 {
        // `raw` has its directions in front of its samples, `turned` behind them.
        for axes in [
            [("x", 0), ("x", 1)],
            [("raw", 0), ("raw", 2)],
            [("turned", 0), ("turned", 1)],
            [("x", 0), ("turned", 1)],
            // Another input may have any lengths, but where all others are certain this one can only be right.
            [("other", 0), ("x", 1)],
        ] {
            let read = model(computed(way, axes)).network::<f32>();
            assert!(read.is_ok(), "{way}, {axes:?}: {}", read.unwrap_err());
        }
        for axes in [
            [("x", 1), ("x", 0)],
            [("raw", 2), ("raw", 0)],
            [("turned", 1), ("turned", 0)],
            [("x", 1), ("other", 0)],
            [("x", 0), ("x", 0)],
            [("other", 0), ("other", 1)],
        ] {
            let message = network_refusal(computed(way, axes));
            assert!(message.contains(REFUSAL), "{way}, {axes:?}: {message}");
        }
    }
    // Where both axes are certain, the features may be what is computed.
    let features = model(|graph| {
        computed(0, [("x", 0), ("x", 1)])(graph);
        let concat = graph
            .node
            .iter_mut()
            .find(|node| node.op_type() == "Concat");
        concat.unwrap().input[2] = "product".to_owned();
        graph.node.insert(0, node("Mul", &["2", "2"], "product"));
    });
    assert!(features.network::<f32>().is_ok());
}

/// An operator of another domain may do anything, whatever its name.
#[test]
fn shapes_of_another_domain_are_not_followed() {
    for operator in ["Shape", "Gather", "Unsqueeze", "Concat"] {
        let message = network_refusal(|graph| {
            computed(0, [("x", 0), ("x", 1)])(graph);
            let named = (graph.node.iter_mut()).filter(|node| node.op_type() == operator);
            named.for_each(|node| node.domain = Some("com.acme".to_owned()));
        });
        assert!(message.contains(REFUSAL), "{operator}: {message}");
    }
}
