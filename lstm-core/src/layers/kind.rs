//! What a layer behind `dyn Layer` is.

use lstm_kernels::{CellSpec, Element};

use super::{Layer, Merge};

/// What a layer is, for whoever writes it down in another form, such as a file format of another library. Its numbers are
/// its [`Parameters`](crate::params::Parameters).
#[non_exhaustive]
pub enum Kind<'a, T: Element> {
    /// A cell, taken over the steps.
    Recurrent {
        /// The cell.
        cell: &'static CellSpec,
        /// Its sizes, in the order of the cell's declaration.
        sizes: &'a [usize],
    },
    /// `W x`, with a bias or without.
    Linear,
    /// A layer that hands its input on, except in training.
    Identity,
    /// A layer that reads every sequence from its end.
    Reversed(&'a dyn Layer<T>),
    /// Layers one upon the other, from the lowest, with their names.
    Stack(Vec<(&'a str, &'a dyn Layer<T>)>),
    /// One layer for each direction.
    Bidirectional {
        /// The layer that reads forwards.
        forward: &'a dyn Layer<T>,
        /// The layer that reads backwards.
        backward: &'a dyn Layer<T>,
        /// What becomes of their outputs.
        merge: Merge,
    },
    /// Anything else.
    Other,
}
