//! Sizes known to the compiler.

use crate::cell::CellSpec;

/// What the compiler knows about the sizes of a cell.
pub trait Sizes: Copy + Default + Send + Sync + 'static {
    /// The sizes in the order of the cell's declaration; `None` if they are known at run time only.
    const SIZES: Option<&'static [usize]>;
}

/// Sizes that are known at run time only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnySizes;

impl Sizes for AnySizes {
    const SIZES: Option<&'static [usize]> = None;
}

/// The sizes I and N, inputs and units, of most cells. For cells with other sizes implement [`Sizes`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fixed<const I: usize, const N: usize>;

impl<const I: usize, const N: usize> Sizes for Fixed<I, N> {
    const SIZES: Option<&'static [usize]> = Some(&[I, N]);
}

/// The most sizes of a cell that can be unrolled.
pub(super) const MAX_SIZES: usize = 8;

/// All sizes of a cell: those given, then defaults. Nothing if that is not how many it has, or if one is zero.
pub(super) const fn completed(
    spec: &CellSpec,
    given: Option<&[usize]>,
) -> Option<[usize; MAX_SIZES]> {
    let Some(given) = given else {
        return None;
    };
    if given.len() > spec.sizes.len() || spec.sizes.len() > MAX_SIZES {
        return None;
    }
    let mut sizes = [0; MAX_SIZES];
    let mut axis = 0;
    while axis < spec.sizes.len() {
        sizes[axis] = match (axis < given.len(), spec.sizes[axis].default) {
            (true, _) => given[axis],
            (false, Some(default)) => default,
            (false, None) => 0,
        };
        if sizes[axis] == 0 {
            return None;
        }
        axis += 1;
    }
    Some(sizes)
}
