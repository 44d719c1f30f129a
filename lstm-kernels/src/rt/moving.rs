//! Tiles of equations that are computed together, and that go on from step to step.

use pulp::Simd;

use super::context::{BackwardTile, ForwardTile};
use super::element::Element;

/// Groups of units whose equations are computed one after the other, so that a processor can begin with one before it is done
/// with the other.
pub(crate) const GROUPS_AT_ONCE: usize = 4;

/// The tiles of some groups, the first of these.
pub(crate) type Tiles<G> = [Option<G>; GROUPS_AT_ONCE];

/// A tile whose places move from step to step.
pub(crate) trait Moving {
    /// How far each place moves, in bytes.
    type Distances: Copy;

    /// Not at all.
    const STILL: Self::Distances;

    /// How far the places of the next step are.
    fn distances(&self, next: &Self) -> Self::Distances;

    /// Goes on to the next step.
    fn advance(&mut self, distances: &Self::Distances);
}

macro_rules! moving {
    ($Tile:ident, $count:literal: $($places:ident)*) => {
        impl<T: Element, S: Simd> Moving for $Tile<T, S> {
            type Distances = [isize; $count];

            const STILL: Self::Distances = [0; $count];

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
