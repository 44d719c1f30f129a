//! The memory of a layer between calls.

use std::any::Any;
use std::fmt;

use lstm_kernels::{Element, State};

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

/// Refuses states of another number or for another batch.
pub(crate) fn require_states<T: Element>(
    expected: usize,
    batch: usize,
    state: &[State<T>],
) -> Result<()> {
    let fits = state.len() == expected && state.iter().all(|state| state.batch() == batch);
    if fits {
        return Ok(());
    }
    let given = match state.iter().find(|state| state.batch() != batch) {
        Some(other) => format!("{} for {} samples", state.len(), other.batch()),
        None => format!("{}", state.len()),
    };
    Err(Error::Shape {
        what: "the number of carried states",
        expected: format!("{expected} for {batch} samples"),
        actual: given,
    })
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
