//! Where initial states come from: operators of ONNX's own are followed, through any number of nodes.

use super::network::{connect, input};
use super::*;

/// The GRU with what `operator` makes of `stored` as its initial state.
fn begun_with(operator: &'static str, stored: TensorProto) -> impl Fn(&mut GraphProto) {
    move |graph| {
        graph.initializer.push(stored.clone());
        let mut inputs = vec![stored.name()];
        if operator == "Concat" {
            inputs.push(stored.name());
        }
        graph.node.insert(0, node(operator, &inputs, "made"));
        connect(graph, 5, "made");
    }
}

/// The first operator of a name is another domain's.
fn of_a_vendor(graph: &mut GraphProto, operator: &str) {
    let mut named = (graph.node.iter_mut()).filter(|node| node.op_type() == operator);
    named.next().unwrap().domain = Some("com.acme".to_owned());
}

/// An operator of another domain may do anything, whatever its name.
#[test]
fn what_another_domain_computes_is_no_constant() {
    let of_each_unit = || from_floats("stored", &[1, 1, UNITS], &[0.5f32, 0.25]);
    let alike = || from_floats("stored", &[1, 1, UNITS], &[0.5f32; UNITS]);
    for (operator, stored) in [
        ("Identity", of_each_unit()),
        ("Expand", of_each_unit()),
        ("Reshape", alike()),
        ("Concat", alike()),
        ("ConstantOfShape", from_integers("stored", &[1, 1, 2])),
    ] {
        let own = begun_with(operator, stored);
        let read = model(&own).network::<f32>();
        assert!(read.is_ok(), "{operator}: {}", read.unwrap_err());
        let vendor = |graph: &mut GraphProto| {
            own(graph);
            of_a_vendor(graph, operator);
        };
        let message = network_refusal(vendor);
        let expected = format!(
            "`the GRU` (GRU) cannot be read: its initial_h `made` is computed by the node `the {operator}` ({operator})"
        );
        assert!(message.contains(&expected), "{message}");
        // By itself the node is given what the other operator makes.
        let node = model(vendor).node::<f32>("the GRU").unwrap();
        let state = node.layer().initial_states(1).unwrap();
        assert_eq!(state[0].get(0)[(0, 0)], 0.0, "{operator}");
    }
    for operator in ["Identity", "Constant"] {
        let message = refusal(|graph| {
            let weights = graph.initializer.remove(0);
            let mut given = node(operator, &["w"], "given");
            if operator == "Identity" {
                graph.initializer.push(weights);
            } else {
                given.input.clear();
                given.attribute.push(AttributeProto {
                    t: Some(weights),
                    ..attribute("value")
                });
            }
            given.domain = Some("com.acme".to_owned());
            graph.node.insert(0, given);
            graph.node[1].input[1] = "given".to_owned();
        });
        let expected = "its W `given` is not a constant of the model";
        assert!(message.contains(expected), "{message}");
    }
}

/// A way back of many nodes is gone once, not once from each of its nodes: that would take minutes here.
#[test]
fn long_chains_of_nodes_are_followed_in_one_pass() {
    let chain = |start: &str| {
        let start = start.to_owned();
        move |graph: &mut GraphProto| {
            let mut last = start.clone();
            for place in 0..100_000 {
                let next = format!("link {place}");
                graph.node.push(node("Identity", &[&last], &next));
                last = next;
            }
            connect(graph, 5, &last);
            graph.input.push(input("h"));
            graph
                .initializer
                .push(from_floats("half", &[1, 1, UNITS], &[0.5f32; UNITS]));
        }
    };
    for (start, expected) in [("h", 0.0), ("half", 0.5)] {
        let node = model(chain(start)).node::<f32>("the GRU").unwrap();
        let state = node.layer().initial_states(1).unwrap();
        assert_eq!(state[0].get(0)[(1, 0)], expected, "{start}");
    }
    // A chain that goes in a circle ends, too.
    let message = network_refusal(chain("link 99999"));
    let expected =
        "`the GRU` (GRU) cannot be read: its initial_h `link 99999` is computed by the node";
    assert!(message.contains(expected), "{message}");
}
