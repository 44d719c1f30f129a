//! What the axes of a value mean, and what nodes that only move numbers make of them.

use super::attributes::Attributes;
use super::graph::{Graph, refuse};
use super::proto::NodeProto;
use super::shape::{Length, Shapes};
use crate::error::{Error, Result};

/// What an axis of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// The first and the second axis of the input; which of them is time is known once a recurrent node is met.
    First,
    Second,
    Directions(usize),
    /// Units of one direction, beside an axis of directions.
    Units(usize),
    /// All features; their number is not known of the input.
    Features(Option<usize>),
}

/// The axes of a value, the last one fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axes(Vec<Axis>);

impl Axes {
    pub fn new<const N: usize>(axes: [Axis; N]) -> Self {
        Self(axes.to_vec())
    }

    /// Those of the graph's input.
    pub fn of_input() -> Self {
        Self::new([Axis::First, Axis::Second, Axis::Features(None)])
    }

    /// The axes of a sequence: the two before the features, and how many features there are.
    ///
    /// # Errors
    /// Other axes, of which `node` can make nothing.
    pub fn sequence(&self, node: &NodeProto) -> Result<(Axis, Axis, Option<usize>)> {
        match *self.0 {
            [first, second, Axis::Features(features)] => Ok((first, second, features)),
            _ => Err(self.unexpected(node)),
        }
    }

    /// The first axis of an output whose numbers are those of a sequence.
    ///
    /// # Errors
    /// Why they are not.
    pub fn first_of_output(&self) -> Result<Axis, String> {
        // An axis of one direction does not change the order of the numbers, wherever it stands.
        let mut axes = self.clone();
        axes.0.retain(|&axis| axis != Axis::Directions(1));
        axes.join_units();
        match *axes.0 {
            [first, _, Axis::Features(_)] | [first, _, Axis::Directions(_), Axis::Units(_)] => {
                Ok(first)
            }
            [_, Axis::Directions(_), _, Axis::Units(_)] => Err(
                "its directions stand before its samples; end the graph with a Transpose by [0, 2, 1, 3], so that the units of both directions stand side by side"
                    .to_owned(),
            ),
            _ => Err(format!(
                "it is not a sequence, but has the axes {:?}",
                self.0
            )),
        }
    }

    pub fn transpose(&mut self, node: &NodeProto) -> Result<()> {
        let axes = &self.0;
        let order: Vec<usize> = match Attributes(node).integers("perm")? {
            Some(perm) => perm
                .iter()
                .filter_map(|&axis| usize::try_from(axis).ok())
                .collect(),
            None => (0..axes.len()).rev().collect(),
        };
        let mut seen = order.clone();
        seen.sort_unstable();
        if !seen.into_iter().eq(0..axes.len()) {
            return Err(refuse(
                node,
                format!("its perm is no order of {} axes", axes.len()),
            ));
        }
        self.0 = order.into_iter().map(|axis| axes[axis]).collect();
        Ok(())
    }

    /// Only the axis of a single direction can go.
    pub fn squeeze(&mut self, graph: &Graph<'_>, node: &NodeProto) -> Result<()> {
        let given = match (node.input.get(1), Attributes(node).integers("axes")?) {
            (Some(name), _) => graph.integers(name),
            (None, axes) => axes.map(<[i64]>::to_vec),
        };
        let rank = self.0.len() as i64;
        let axis = match given.as_deref() {
            Some(&[axis]) if axis >= -rank && axis < rank => axis.rem_euclid(rank) as usize,
            _ => {
                return Err(refuse(
                    node,
                    "it does not say which one axis to remove".to_owned(),
                ));
            }
        };
        if self.0[axis] != Axis::Directions(1) {
            return Err(refuse(
                node,
                format!("axis {axis} is not that of a single direction"),
            ));
        }
        self.0.remove(axis);
        self.join_units();
        Ok(())
    }

    /// Only directions and their units can become one axis.
    pub fn reshape(&mut self, shapes: &Shapes<'_, '_>, node: &NodeProto) -> Result<()> {
        let [
            first,
            second,
            Axis::Directions(directions),
            Axis::Units(units),
        ] = *self.0
        else {
            return Err(self.unexpected(node));
        };
        let features = directions * units;
        let shape = node.input.get(1).and_then(|name| shapes.numbers(name));
        let are_zeros_lengths = Attributes(node).flag("allowzero")?;
        let fits = match shape.as_deref() {
            Some(shape) if are_zeros_lengths && shape.contains(&Length::Number(0)) => false,
            Some(&[of_first, of_second, last]) => {
                let are_features = match last {
                    Length::Number(-1) | Length::Unknown => None,
                    last => Some(last == Length::Number(features as i64)),
                };
                let kept = [
                    shapes.keeps(first, of_first),
                    shapes.keeps(second, of_second),
                    are_features,
                ];
                // As many numbers go in as come out: if two axes are certain, so is the third, but two that are not may
                // have exchanged their lengths.
                let uncertain = kept.iter().filter(|is_kept| is_kept.is_none());
                !kept.contains(&Some(false)) && uncertain.count() <= 1
            }
            _ => false,
        };
        if !fits {
            return Err(refuse(
                node,
                format!(
                    "it does not join {directions} directions of {units} units and keep the two axes before them, as the shape [0, 0, {features}] does; other numbers must be the lengths of these axes, as the graph declares them of its input or as `Shape` gives them"
                ),
            ));
        }
        self.0 = vec![first, second, Axis::Features(Some(features))];
        Ok(())
    }

    /// The lengths of all axes, as far as they are known.
    pub fn lengths(&self) -> Vec<Length> {
        let length = |&axis: &Axis| match axis {
            Axis::First | Axis::Second => Length::Of(axis),
            Axis::Directions(len) | Axis::Units(len) | Axis::Features(Some(len)) => {
                Length::Number(len as i64)
            }
            Axis::Features(None) => Length::Unknown,
        };
        self.0.iter().map(length).collect()
    }

    /// Units whose axis of directions is gone are all features.
    fn join_units(&mut self) {
        let has_directions = (self.0.iter()).any(|axis| matches!(axis, Axis::Directions(_)));
        if let Some(axis) = self.0.last_mut()
            && let Axis::Units(units) = *axis
            && !has_directions
        {
            *axis = Axis::Features(Some(units));
        }
    }

    fn unexpected(&self, node: &NodeProto) -> Error {
        refuse(
            node,
            format!(
                "what comes from below has the axes {:?}, with which it does what no layer does",
                self.0
            ),
        )
    }
}
