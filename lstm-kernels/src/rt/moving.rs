//! Tiles that go on from step to step.

use pulp::Simd;

use super::context::{BackwardTile, ForwardTile};
use super::element::Element;

/// A tile whose places move from step to step.
pub(crate) trait Moving: Copy {
    /// How far each place moves, in bytes.
    type Distances: Copy;

    /// How far the places of the next step are.
    fn distances(&self, next: &Self) -> Self::Distances;

    /// Goes on to the next step.
    fn advance(&mut self, distances: &Self::Distances);
}

macro_rules! moving {
    ($Tile:ident, $count:literal: $($places:ident)*) => {
        impl<T: Element, S: Simd> Moving for $Tile<T, S> {
            type Distances = [isize; $count];

            fn distances(&self, next: &Self) -> Self::Distances {
                [$(distance(self.$places.base, next.$places.base)),*]
            }

            #[inline(always)]
            fn advance(&mut self, distances: &Self::Distances) {
                let [$($places),*] = *distances;
                $(self.$places.base = self.$places.base.wrapping_byte_offset($places);)*
            }
        }
    };
}

moving!(ForwardTile, 7: input lanes previous_lanes columns previous_columns output sums);
moving!(BackwardTile, 11: input lanes previous_lanes columns previous_columns sums upstream carries next_carries errors
    input_gradient);

/// From a place to another of the same memory, in bytes.
pub(crate) fn distance<T>(from: *const T, to: *const T) -> isize {
    to.addr().wrapping_sub(from.addr()) as isize
}
