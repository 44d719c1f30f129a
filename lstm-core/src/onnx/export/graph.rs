//! A graph under construction.

use std::collections::HashSet;
use std::marker::PhantomData;

use lstm_kernels::Element;

use super::super::operator::{self, Operator};
use super::super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, element};
use super::super::tensor::{from_floats, from_integers};
use super::make::{float_type, integer, integers, state_info, text, texts, value_info};
use super::weights::Direction;
use super::{Export, child, narrowed};
use crate::error::{Error, Result};
use crate::layers::{Layer, Merge};
use crate::params::Name;

const LENGTHS: &str = "sequence_lens";

/// Nodes, stored tensors, inputs and outputs so far. Values are time-major: steps x samples x features.
pub(super) struct Builder<T> {
    options: Export,
    proto: GraphProto,
    element: PhantomData<T>,
}

impl<T: Element> Builder<T> {
    pub fn new(options: Export) -> Self {
        Self {
            options,
            proto: GraphProto {
                name: Some("network".to_owned()),
                ..GraphProto::default()
            },
            element: PhantomData,
        }
    }

    /// The graph, if all its values have names of their own.
    pub fn finish(self) -> Result<GraphProto> {
        let mut seen = HashSet::new();
        let stored = self.proto.initializer.iter().map(|stored| stored.name());
        let inputs = self.proto.input.iter().map(|input| input.name());
        let results = self
            .proto
            .node
            .iter()
            .flat_map(|node| &node.output)
            .map(String::as_str);
        match stored
            .chain(inputs)
            .chain(results)
            .find(|name| !seen.insert(*name))
        {
            Some(name) => Err(Error::DuplicateName {
                name: name.to_owned(),
            }),
            None => Ok(self.proto),
        }
    }

    pub fn input(&mut self, name: &str, axes: &[&str], features: usize) {
        let info = value_info(name, self.float_type(), axes, Some(features));
        self.proto.input.push(info);
    }

    pub fn output(&mut self, name: &str, axes: &[&str], features: usize) {
        let info = value_info(name, self.float_type(), axes, Some(features));
        self.proto.output.push(info);
    }

    pub fn lengths_input(&mut self) {
        self.proto
            .input
            .push(value_info(LENGTHS, element::INT32, &["samples"], None));
    }

    pub fn transpose(&mut self, name: &str, value: &str, perm: &[i64]) -> String {
        self.transpose_into(name, value, perm);
        name.to_owned()
    }

    pub fn transpose_into(&mut self, name: &str, value: &str, perm: &[i64]) {
        self.node(
            "Transpose",
            name,
            &[value],
            &[name],
            vec![integers("perm", perm)],
        );
    }

    pub fn identity_into(&mut self, name: &str, value: &str) {
        self.node("Identity", name, &[value], &[name], Vec::new());
    }

    /// `y = x W + b`, on the last axis.
    pub fn linear(&mut self, layer: &dyn Layer<T>, name: &str, value: &str) -> Result<String> {
        let mut output = value.to_owned();
        let mut is_matrix = true;
        let (inputs, outputs) = (layer.input_len(), layer.output_len());
        layer.visit(Name::ROOT, &mut |part, parameter| {
            // The matrix comes first. Column by column it is its transpose row by row, which is what is multiplied.
            let stored = child(name, &part.to_string());
            let dims: &[usize] = if is_matrix {
                &[inputs, outputs]
            } else {
                &[outputs]
            };
            let (operator, result) = match is_matrix {
                true => ("MatMul", child(name, "product")),
                false => ("Add", child(name, "sum")),
            };
            self.store_floats(&stored, dims, parameter.values)?;
            self.node(
                operator,
                &result,
                &[&output, &stored],
                &[&result],
                Vec::new(),
            );
            output = result;
            is_matrix = false;
            Ok(())
        })?;
        Ok(output)
    }

    /// A recurrent node with what joins its directions.
    pub fn recurrent(
        &mut self,
        directions: &[Direction<T>],
        reading: operator::Direction,
        name: &str,
        value: &str,
    ) -> Result<String> {
        let [first, ..] = directions else {
            return Ok(value.to_owned());
        };
        let (count, units) = (directions.len(), first.units);
        let is_lstm = first.operator == Operator::Lstm;
        let [w, r, b, p] = self.weights(directions, name)?;
        let lengths = match self.options.has_lengths {
            true => LENGTHS,
            false => "",
        };
        let h_place = usize::from(is_lstm);
        let initial_h = self.initial(directions, name, "initial_h", h_place, value)?;
        let mut inputs = vec![value, &w, &r, &b, lengths, &initial_h];
        let initial_c;
        if is_lstm {
            initial_c = self.initial(directions, name, "initial_c", 0, value)?;
            inputs.extend([initial_c.as_str(), p.as_str()]);
        }
        while inputs.last().is_some_and(|input| input.is_empty()) {
            inputs.pop();
        }
        let raw = child(name, "raw");
        let states = match self.options.has_states {
            true => self.final_states(first, count, name),
            false => Vec::new(),
        };
        let mut outputs = vec![raw.as_str()];
        outputs.extend(states.iter().map(String::as_str));
        let mut attributes = vec![
            text("direction", reading.name()),
            integer("hidden_size", units as i64),
        ];
        if first.linear_before_reset {
            attributes.push(integer("linear_before_reset", 1));
        }
        if first.is_relu {
            attributes.push(texts("activations", &vec!["Relu"; count]));
        }
        let operator = first.operator.name();
        let node = if name.is_empty() { "recurrent" } else { name };
        self.node(operator, node, &inputs, &outputs, attributes);
        Ok(self.joined(name, &raw, count, units))
    }

    /// Stores W, R, B and, where there are peepholes, P of all directions; returns their names, none for what there is not.
    fn weights(&mut self, directions: &[Direction<T>], name: &str) -> Result<[String; 4]> {
        let (count, first) = (directions.len(), &directions[0]);
        let (inputs, units) = (first.inputs, first.units);
        let rows = first.operator.gates() * units;
        let all = directions.iter();
        let w = self.store(name, "w", &[count, rows, inputs], all.clone().map(|d| &d.w))?;
        let r = self.store(name, "r", &[count, rows, units], all.clone().map(|d| &d.r))?;
        let b = self.store(name, "b", &[count, 2 * rows], all.clone().map(|d| &d.b))?;
        let p = match first.p.is_empty() {
            true => String::new(),
            false => self.store(name, "p", &[count, 3 * units], all.map(|d| &d.p))?,
        };
        Ok([w, r, b, p])
    }

    /// The states after the last step, which become outputs of the graph.
    fn final_states(&mut self, first: &Direction<T>, count: usize, name: &str) -> Vec<String> {
        let quantities: &[&str] = match first.operator {
            Operator::Lstm => &["final_h", "final_c"],
            Operator::Rnn | Operator::Gru => &["final_h"],
        };
        let states = quantities.iter().map(|quantity| child(name, quantity));
        let states: Vec<String> = states.collect();
        for state in &states {
            let info = state_info(state, self.float_type(), count, first.units);
            self.proto.output.push(info);
        }
        states
    }

    /// Steps x directions x samples x units, with all units of a sample side by side.
    fn joined(&mut self, name: &str, raw: &str, directions: usize, units: usize) -> String {
        let result = child(name, "outputs");
        match directions {
            1 => {
                let axes = self.integers(&child(name, "axes"), &[1]);
                self.node("Squeeze", &result, &[raw, &axes], &[&result], Vec::new());
            }
            _ => {
                let turned = self.transpose(&child(name, "turned"), raw, &[0, 2, 1, 3]);
                let shape =
                    self.integers(&child(name, "shape"), &[0, 0, (directions * units) as i64]);
                self.node(
                    "Reshape",
                    &result,
                    &[&turned, &shape],
                    &[&result],
                    Vec::new(),
                );
            }
        }
        result
    }

    pub fn merge(&mut self, merge: Merge, name: &str, values: [String; 2]) -> Result<String> {
        let result = child(name, "merged");
        let [first, second] = &values;
        match merge {
            Merge::Concat => self.node(
                "Concat",
                &result,
                &[first, second],
                &[&result],
                vec![integer("axis", -1)],
            ),
            Merge::Sum => self.node("Add", &result, &[first, second], &[&result], Vec::new()),
        }
        Ok(result)
    }

    /// The name of an initial state: an input of the graph, or trained values repeated for every sample of `value`, or
    /// nothing.
    fn initial(
        &mut self,
        directions: &[Direction<T>],
        name: &str,
        part: &str,
        place: usize,
        value: &str,
    ) -> Result<String> {
        let (count, units) = (directions.len(), directions[0].units);
        let state = child(name, part);
        if self.options.has_states {
            let info = state_info(&state, self.float_type(), count, units);
            self.proto.input.push(info);
            return Ok(state);
        }
        let Some(trained): Option<Vec<&Vec<T>>> =
            directions.iter().map(|d| d.initial.get(place)).collect()
        else {
            return Ok(String::new());
        };
        let stored = self.store(
            name,
            &format!("{part}.trained"),
            &[count, 1, units],
            trained.into_iter(),
        )?;
        let shape = child(&state, "value_shape");
        self.node("Shape", &shape, &[value], &[&shape], Vec::new());
        let one = self.integers(&child(&state, "samples_axis"), &[1]);
        let samples = child(&state, "samples");
        self.node("Gather", &samples, &[&shape, &one], &[&samples], Vec::new());
        let directions = self.integers(&child(&state, "directions"), &[count as i64]);
        let units = self.integers(&child(&state, "units"), &[units as i64]);
        let full = child(&state, "shape");
        self.node(
            "Concat",
            &full,
            &[&directions, &samples, &units],
            &[&full],
            vec![integer("axis", 0)],
        );
        self.node("Expand", &state, &[&stored, &full], &[&state], Vec::new());
        Ok(state)
    }

    fn store<'v>(
        &mut self,
        name: &str,
        part: &str,
        dims: &[usize],
        values: impl Iterator<Item = &'v Vec<T>>,
    ) -> Result<String> {
        let stored = child(name, part);
        let values: Vec<T> = values.flatten().copied().collect();
        self.store_floats(&stored, dims, &values)?;
        Ok(stored)
    }

    fn store_floats(&mut self, name: &str, dims: &[usize], values: &[T]) -> Result<()> {
        let tensor = match self.options.is_f32 {
            true => from_floats(name, dims, &narrowed(name, values)?),
            false => from_floats(name, dims, values),
        };
        self.proto.initializer.push(tensor);
        Ok(())
    }

    /// The element type of the model's values.
    fn float_type(&self) -> i32 {
        match self.options.is_f32 {
            true => float_type::<f32>(),
            false => float_type::<T>(),
        }
    }

    fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let tensor: TensorProto = from_integers(name, values);
        self.proto.initializer.push(tensor);
        name.to_owned()
    }

    fn node(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        outputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.proto.node.push(NodeProto {
            input: owned(inputs),
            output: owned(outputs),
            name: Some(name.to_owned()),
            op_type: Some(operator.to_owned()),
            attribute,
            domain: None,
        });
    }
}
