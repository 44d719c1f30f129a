//! The numbers of a shape that a graph computes, followed back to the axes whose lengths they are.

use std::collections::HashMap;

use super::attributes::Attributes;
use super::axes::{Axes, Axis};
use super::graph::Graph;
use super::proto::NodeProto;

/// A number of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Number(i64),
    /// As long as an axis of the graph's input is.
    Of(Axis),
    /// Computed in a way that is not followed.
    Unknown,
}

/// The axes of all values that have been passed on the way up.
pub(super) struct Shapes<'a, 'g> {
    graph: &'a Graph<'g>,
    axes: HashMap<&'g str, Axes>,
    /// The lengths of the input's axes, where the graph declares them.
    declared: Vec<Option<i64>>,
}

impl<'a, 'g> Shapes<'a, 'g> {
    pub fn new(graph: &'a Graph<'g>, input: &'g str) -> Self {
        Self {
            graph,
            axes: HashMap::from([(input, Axes::of_input())]),
            declared: graph.declared(input),
        }
    }

    pub fn insert(&mut self, value: &'g str, axes: Axes) {
        self.axes.insert(value, axes);
    }

    /// Whether an axis stays as long as it is where `length` is asked for; nothing if that is not certain.
    pub fn keeps(&self, axis: Axis, length: Length) -> Option<bool> {
        let declared = match axis {
            Axis::First => self.declared.first(),
            Axis::Second => self.declared.get(1),
            _ => None,
        };
        match length {
            Length::Of(other) => Some(axis == other),
            Length::Number(0) => Some(true),
            Length::Number(-1) | Length::Unknown => None,
            Length::Number(number) if number < 0 => Some(false),
            Length::Number(number) => declared?.map(|declared| declared == number),
        }
    }

    /// The numbers of a shape; nothing if not even their count is known.
    pub fn numbers(&self, name: &str) -> Option<Vec<Length>> {
        let name = self.graph.back(name, hands_on);
        match self.graph.standard(name) {
            // Exporters put a shape together from one number for each axis.
            Some(node) if node.op_type() == "Concat" => {
                let part = |input: &String| self.part(input).unwrap_or(vec![Length::Unknown]);
                Some(node.input.iter().flat_map(part).collect())
            }
            _ => self.part(name),
        }
    }

    /// Numbers that stand in the graph, or are taken from the shape of one value.
    fn part(&self, name: &str) -> Option<Vec<Length>> {
        let name = self.graph.back(name, hands_on);
        if let Some(numbers) = self.graph.integers(name) {
            return Some(numbers.into_iter().map(Length::Number).collect());
        }
        let node = self.graph.standard(name)?;
        match node.op_type() {
            "Shape" => self.lengths(node),
            "Gather" => self.gathered(node),
            "Slice" => self.sliced(node),
            _ => None,
        }
    }

    /// What a node `Shape` gives.
    fn lengths(&self, node: &NodeProto) -> Option<Vec<Length>> {
        let value = self.graph.back(node.input.first()?, hands_on_axes);
        let lengths = self.axes.get(value)?.lengths();
        let bound = |name| Attributes(node).integer(name).ok();
        part_of(&lengths, bound("start")?.unwrap_or(0), bound("end")?)
    }

    /// Lengths chosen by their places.
    fn gathered(&self, node: &NodeProto) -> Option<Vec<Length>> {
        let (all, places) = self.shape_and_numbers(node)?;
        let chosen = |place: i64| {
            let rank = all.len() as i64;
            let place = if place < 0 { place + rank } else { place };
            all.get(usize::try_from(place).ok()?).copied()
        };
        places.into_iter().map(chosen).collect()
    }

    /// Lengths that stand side by side.
    fn sliced(&self, node: &NodeProto) -> Option<Vec<Length>> {
        let (all, start) = self.shape_and_numbers(node)?;
        let integers = |place: usize| self.graph.integers(node.input.get(place)?);
        // A shape has one axis, so that only the step could change what a slice is.
        let has_steps = node.input.get(4).is_some_and(|name| !name.is_empty());
        if has_steps && integers(4)? != [1] {
            return None;
        }
        match (start.as_slice(), integers(2)?.as_slice()) {
            (&[start], &[end]) => part_of(&all, start, Some(end)),
            _ => None,
        }
    }

    /// The shape that is a node's first input, and the numbers that are its second.
    fn shape_and_numbers(&self, node: &NodeProto) -> Option<(Vec<Length>, Vec<i64>)> {
        let shape = self.graph.back(node.input.first()?, hands_on);
        let shape = self.graph.standard(shape)?;
        let lengths = (shape.op_type() == "Shape").then(|| self.lengths(shape))?;
        Some((lengths?, self.graph.integers(node.input.get(1)?)?))
    }
}

/// Whether a node leaves the numbers of a shape as they are.
fn hands_on(node: &NodeProto) -> bool {
    matches!(
        node.op_type(),
        "Identity" | "Cast" | "Squeeze" | "Unsqueeze" | "Reshape"
    )
}

/// Whether a node leaves the axes of a value as they are.
fn hands_on_axes(node: &NodeProto) -> bool {
    matches!(node.op_type(), "Identity" | "Cast")
}

/// The lengths from a place up to another, both counted from the end if they are negative.
fn part_of(all: &[Length], start: i64, end: Option<i64>) -> Option<Vec<Length>> {
    let rank = all.len() as i64;
    let place = |place: i64| {
        let place = if place < 0 {
            place.saturating_add(rank)
        } else {
            place
        };
        usize::try_from(place.clamp(0, rank)).ok()
    };
    let (start, end) = (place(start)?, end.map_or(Some(all.len()), place)?);
    Some(all.get(start..end).unwrap_or_default().to_vec())
}
