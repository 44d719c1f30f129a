//! What a recurrent node is given: weights, initial states and lengths, looked up in the graph.

use lstm_kernels::Element;

use super::graph::{Graph, refuse};
use super::proto::NodeProto;
use super::tensor::{self, Array};
use crate::error::{Error, Result};

/// A node whose inputs are looked up.
pub(super) struct Reader<'a, 'g> {
    pub graph: &'a Graph<'g>,
    pub node: &'a NodeProto,
}

impl Reader<'_, '_> {
    /// The name of an input; nothing if it is left out.
    fn input(&self, index: usize) -> Option<&str> {
        let name = self.node.input.get(index)?;
        (!name.is_empty()).then_some(name)
    }

    pub fn weights<T: Element>(&self, index: usize, what: &str) -> Result<Array<T>> {
        let array = self.optional(index, what)?;
        array.ok_or_else(|| refuse(self.node, format!("its input {what} is missing")))
    }

    pub fn optional<T: Element>(&self, index: usize, what: &str) -> Result<Option<Array<T>>> {
        let Some(name) = self.input(index) else {
            return Ok(None);
        };
        let tensor = self.graph.constant(name).ok_or_else(|| {
            refuse(self.node, format!("its {what} `{name}` is not a constant of the model; fold constants when exporting"))
        })?;
        let array = tensor::floats(&tensor).map_err(|reason| self.wrong(what, name, &reason))?;
        Ok(Some(array))
    }

    pub fn require(&self, what: &str, actual: &[usize], expected: &[usize]) -> Result<()> {
        match actual == expected {
            true => Ok(()),
            false => Err(refuse(
                self.node,
                format!("its {what} has the shape {actual:?}, but {expected:?} is needed"),
            )),
        }
    }

    fn wrong(&self, what: &str, name: &str, reason: &str) -> Error {
        refuse(
            self.node,
            format!("its {what} `{name}` is not usable: {reason}"),
        )
    }

    /// An initial state that the model fixes, if it is other than zero. One that whoever runs the graph gives is none.
    pub fn initial<T: Element>(
        &self,
        index: usize,
        what: &str,
        directions: usize,
        units: usize,
        is_batch_major: bool,
    ) -> Result<Option<Vec<T>>> {
        let Some(name) = self.input(index) else {
            return Ok(None);
        };
        // A number that fills the state may come from a tensor of any shape, but for one that is the state itself.
        if self.graph.constant(name).is_none()
            && let Some(filling) = self.graph.filling(name)
        {
            let filled = vec![T::from_f64(filling); directions * units];
            return Ok((filling != 0.0).then_some(filled));
        }
        let Some(tensor) = self.graph.constant(self.graph.expanded(name)) else {
            return self.require_given(what, name).map(|()| None);
        };
        let array: Array<T> =
            tensor::floats(&tensor).map_err(|reason| self.wrong(what, name, &reason))?;
        let batch = match (is_batch_major, array.dims.as_slice()) {
            (false, &[d, batch, n]) | (true, &[batch, d, n]) if d == directions && n == units => {
                batch
            }
            _ => {
                let reason = format!("it has the shape {:?}, which does not fit", array.dims);
                return Err(self.wrong(what, name, &reason));
            }
        };
        let (of_direction, of_sample) = match is_batch_major {
            true => (units, directions * units),
            false => (batch * units, units),
        };
        let sample = |b: usize| {
            let values = &array.values;
            (0..directions).flat_map(move |d| {
                values[d * of_direction + b * of_sample..][..units]
                    .iter()
                    .copied()
            })
        };
        if batch == 0 || (1..batch).any(|b| !sample(b).eq(sample(0))) {
            let reason = "it is another for each sample; make it an input of the graph";
            return Err(self.wrong(what, name, reason));
        }
        let state: Vec<T> = sample(0).collect();
        let zero = T::from_f64(0.0);
        Ok((state.iter().any(|&value| value != zero)).then_some(state))
    }

    /// The lengths, if the model fixes them.
    pub fn sequence_lens(&self) -> Result<Option<Vec<usize>>> {
        let what = "sequence_lens";
        let Some(name) = self.input(4) else {
            return Ok(None);
        };
        let Some(tensor) = self.graph.constant(name) else {
            return self.require_given(what, name).map(|()| None);
        };
        let array = tensor::integers(&tensor).map_err(|reason| self.wrong(what, name, &reason))?;
        let lengths: Option<Vec<usize>> = (array.values.iter())
            .map(|&length| usize::try_from(length).ok())
            .collect();
        let lengths = lengths.ok_or_else(|| self.wrong(what, name, "a length is negative"))?;
        Ok(Some(lengths))
    }

    /// Refuses a value that whoever runs the node cannot be meant to give: one that nothing in the graph gives, or one
    /// that is made of a constant and would be lost.
    fn require_given(&self, what: &str, name: &str) -> Result<()> {
        let origin = self.graph.origin(name);
        let reason = match self.graph.source(origin) {
            None => format!(
                "`{origin}` is no input of the graph, no output of a node and no tensor that is stored in full"
            ),
            Some(_) if self.graph.constant(origin).is_some() => {
                format!("it is made of the constant `{origin}`; fold constants when exporting")
            }
            Some(_) => return Ok(()),
        };
        Err(self.wrong(what, name, &reason))
    }
}
