//! What a layer behind `dyn Layer` is.

use std::fmt;

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

impl<T: Element> fmt::Debug for Kind<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Recurrent { cell, sizes } => write!(f, "{}({sizes:?})", cell.name),
            Kind::Linear => f.write_str("Linear"),
            Kind::Identity => f.write_str("Identity"),
            Kind::Reversed(layer) => f.debug_tuple("Reversed").field(&layer.kind()).finish(),
            Kind::Stack(layers) => {
                let layers = layers.iter().map(|(name, layer)| (name, layer.kind()));
                f.debug_map().entries(layers).finish()
            }
            Kind::Bidirectional {
                forward,
                backward,
                merge,
            } => f
                .debug_struct("Bidirectional")
                .field("forward", &forward.kind())
                .field("backward", &backward.kind())
                .field("merge", merge)
                .finish(),
            Kind::Other => f.write_str("Other"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cells::Lstm;
    use crate::layers::{Bidirectional, Dropout, Layer, Stack};
    use crate::{Recurrent, Rng};

    #[test]
    fn what_a_layer_is_can_be_read() {
        let lstm = || Recurrent::<Lstm, f32>::new(&[3, 2], &mut Rng::new(1)).unwrap();
        let both = Bidirectional::concat(lstm(), lstm()).unwrap();
        let net = Stack::<f32>::new()
            .with("both", both)
            .and_then(|net| net.with("dropout", Dropout::new(4, 0.1)?))
            .unwrap();
        assert_eq!(
            format!("{:?}", net.kind()),
            r#"{"both": Bidirectional { forward: Lstm([3, 2]), backward: Lstm([3, 2]), merge: Concat }, "dropout": Identity}"#
        );
    }
}
