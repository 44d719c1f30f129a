//! The memory of a layer between calls.

use std::any::Any;
use std::fmt;

use lstm_kernels::{Element, State};

use super::{Batch, Layer};
use crate::error::{Error, Result};

/// Memory that a layer reuses from call to call: its buffers and, after a forward pass, what the backward pass needs.
///
/// It begins empty and becomes what the layer needs on the first call; a call with other shapes, or of another layer,
/// makes of it what that call needs. Steady shapes therefore allocate only once.
#[derive(Default)]
pub struct LayerTape {
    slot: Option<Box<dyn Any + Send>>,
}

impl LayerTape {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a layer of one's own keeps here: as it was left by the last call, or its default value if there was none or
    /// if another kind of layer used this tape.
    pub fn get<M: Default + Send + 'static>(&mut self) -> &mut M {
        let slot = match self.slot.take() {
            Some(slot) if slot.is::<M>() => slot,
            _ => Box::<M>::default(),
        };
        let slot = self.slot.insert(slot);
        match slot.downcast_mut() {
            Some(memory) => memory,
            None => unreachable!("the slot was just seen to hold, or filled with, this type"),
        }
    }
}

impl fmt::Debug for LayerTape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = if self.slot.is_some() {
            "in use"
        } else {
            "empty"
        };
        write!(f, "LayerTape({content})")
    }
}

/// What a forward pass in training went through: the way back is refused to other batches, and to layers of other sizes.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// None once a pass has begun, until it ends well.
    batch: Option<Batch>,
    layers: Vec<[usize; 3]>,
}

impl Passed {
    /// A forward pass begins.
    pub fn begin(&mut self) {
        self.batch = None;
    }

    /// It has ended well.
    pub fn end<'a, T: Element>(
        &mut self,
        batch: &Batch,
        layers: impl Iterator<Item = &'a dyn Layer<T>>,
    ) {
        self.layers.clear();
        self.layers.extend(layers.map(outline));
        self.batch = Some(batch.clone());
    }

    /// Refuses a way back through another batch or other layers, before anything of it is done.
    pub fn require<'a, T: Element>(
        &self,
        batch: &Batch,
        layers: impl Iterator<Item = &'a dyn Layer<T>>,
    ) -> Result<()> {
        let is_of_batch = self.batch.as_ref() == Some(batch);
        match is_of_batch && layers.map(outline).eq(self.layers.iter().copied()) {
            true => Ok(()),
            false => Err(Error::NoForwardPass),
        }
    }
}

/// The lengths of a layer's inputs and outputs, and how many parameters it has.
fn outline<T: Element>(layer: &dyn Layer<T>) -> [usize; 3] {
    [layer.input_len(), layer.output_len(), layer.params_len()]
}

/// Refuses states that are not such as `layer` carries for `batch` samples.
pub(crate) fn require_states<T: Element>(
    layer: &(impl Layer<T> + ?Sized),
    batch: usize,
    state: &[State<T>],
) -> Result<()> {
    // States of no samples take no memory, and have the rows that those of any number of samples have.
    let expected = layer.initial_states(0)?;
    let fits = state.len() == expected.len()
        && (state.iter().zip(&expected))
            .all(|(state, expected)| state.batch() == batch && rows(state).eq(rows(expected)));
    if fits {
        return Ok(());
    }
    let other = state.iter().find(|state| state.batch() != batch);
    let samples = other.or(state.last()).map(State::batch);
    Err(Error::Shape {
        what: "the carried state",
        expected: format!(
            "{} for {batch} samples, as `initial_states` and `zero_states` of the layer make it,",
            described(&expected)
        ),
        actual: match samples {
            Some(samples) => format!("{} for {samples} samples", described(state)),
            None => described(state),
        },
    })
}

/// How many numbers of each carried quantity a sample has.
fn rows<T: Element>(state: &State<T>) -> impl Iterator<Item = usize> {
    (0..state.len()).map(|index| state.get(index).nrows())
}

/// Every state by the lengths of its quantities: "`[4, 4]` and `[2]`".
fn described<T: Element>(states: &[State<T>]) -> String {
    let each = states
        .iter()
        .map(|state| format!("{:?}", rows(state).collect::<Vec<_>>()));
    match states {
        [] => "nothing".to_owned(),
        _ => each.collect::<Vec<_>>().join(" and "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_keeps_what_it_holds_until_another_kind_comes() {
        let mut tape = LayerTape::new();
        tape.get::<Vec<u8>>().push(7);
        assert_eq!(tape.get::<Vec<u8>>(), &[7]);
        assert_eq!(tape.get::<String>(), "");
        assert!(tape.get::<Vec<u8>>().is_empty());
    }
}
