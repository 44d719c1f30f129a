//! Products with the input, computed for several steps at a time.
//!
//! A step reads all weights for a few multiplications each, if the batch is small. The products with the input need not wait
//! for the step before, so many steps share one reading of their weights; only the recurrent weights are read at every
//! step. The sums are the same to the bit: each is still one chain, the input's part first.

use crate::rt::layout::Layout;
use crate::rt::pass::PassLayout;
use crate::rt::tile::MAX_SAMPLES;

/// Samples from which on a step fills tiles of its own.
const FULL: usize = 2 * MAX_SAMPLES;

/// Steps times samples that run ahead together: a few full tiles, whose sums still lie in the cache when they are
/// taken up.
const COLUMNS: usize = 4 * MAX_SAMPLES;

/// Weights of more bytes come from the third level of the cache or from memory, which slows down full tiles, too.
const FAR_WEIGHTS: usize = 4 << 20;

/// The most samples whose multiplications take no longer than far weights.
const FEW: usize = 32;

/// Steps times samples that run ahead together where weights are far: their sums are far then, too, but fewer than the weights.
const FAR_COLUMNS: usize = 256;

/// How many steps run ahead together; nothing if each step does its own, as where no pass has products with the input and others.
pub(crate) fn steps_ahead<T>(layout: &Layout, batch: usize) -> Option<usize> {
    if !layout.forward.iter().any(PassLayout::can_run_ahead) {
        return None;
    }
    let is_far = layout.forward_panels > FAR_WEIGHTS / size_of::<T>();
    match batch {
        0 => None,
        1..=FEW if is_far => Some(FAR_COLUMNS / batch),
        1..FULL => Some(COLUMNS / batch),
        _ => None,
    }
}

/// How many numbers the products of a pass that run ahead have.
pub(crate) fn ahead_len<T>(layout: &Layout, pass: &PassLayout, batch: usize) -> usize {
    match steps_ahead::<T>(layout, batch) {
        Some(steps) if pass.can_run_ahead() => {
            pass.blocks * pass.groups * pass.rows * steps * batch * layout.lanes
        }
        _ => 0,
    }
}

/// How many numbers the inputs of the steps that run ahead have, where it may be necessary to bring them together. A
/// single sample's inputs are evenly spaced wherever they lie.
pub(crate) fn ahead_input_len<T>(layout: &Layout, batch: usize) -> usize {
    match steps_ahead::<T>(layout, batch) {
        Some(steps) if batch > 1 => steps * batch * layout.input_len,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use super::*;
    use crate::Cell;
    use crate::cells::{ElmanRnn, Lstm};

    fn steps<C: Cell>(sizes: [usize; 2], batch: usize) -> Option<usize> {
        let layout = Layout::new(TypeId::of::<C>(), &C::SPEC, &C::PROGRAM, &sizes, 16, 32);
        steps_ahead::<f32>(&layout, batch)
    }

    #[test]
    fn few_samples_run_ahead_and_further_where_weights_are_far() {
        // Weights of 128 KiB and of 32 MiB.
        let (near, far) = ([64, 64], [1024, 1024]);
        let of = |sizes| [1, 8, 11, 12, 32, 33].map(|batch| steps::<Lstm>(sizes, batch));
        assert_eq!(of(near), [Some(24), Some(3), Some(2), None, None, None]);
        let expected = [Some(256), Some(32), Some(23), Some(21), Some(8), None];
        assert_eq!(of(far), expected);
        assert_eq!(steps::<ElmanRnn>(near, 0), None);
    }
}
