//! The register tile of weight gradients: several lane vectors of errors times several elements of a vector, summed
//! over steps and samples in registers and then added to the gradient.

use std::marker::PhantomData;

use pulp::Simd;

use super::element::Element;
use super::lanes::Lanes;
use super::pass::{MAX_ROWS, max_rows};
use super::prefetch::{Asked, prefetch};
use super::tile::{MAX_SAMPLES, at_once_in};

/// One block of a sum of outer products: ∂L/∂W += Σ error ⊗ vector.
#[derive(Debug, Clone, Copy)]
pub struct OuterProduct<T> {
    /// How many steps and samples are summed.
    pub k: usize,
    /// The errors: for each k a record of lane vectors.
    pub errors: *const T,
    /// From one record to the next.
    pub errors_stride: usize,
    /// Where in the record the lane vectors are that take part.
    pub planes: [usize; MAX_ROWS],
    /// For each pair of elements of the vector the values of the first, one in a lane vector for each k. Three places are all that
    /// narrow instruction sets have registers for.
    pub pairs: [*const T; MAX_SAMPLES / 2],
    /// From the first element of a pair to the second, where a lane vector has not room for both.
    pub pair_stride: usize,
    /// Where sums wait from one stretch of k to the next: a lane vector for each column and each lane vector of errors.
    pub sums: *mut T,
    /// Whether this is the first stretch, whose sums begin with zero.
    pub begins: bool,
    /// Whether this is the last stretch, whose sums are added to the gradient.
    pub ends: bool,
    /// For each lane vector of errors the gradient of its rows in the first column.
    pub gradients: [*mut T; MAX_ROWS],
    /// From one column of each gradient to the next.
    pub column_strides: [usize; MAX_ROWS],
    /// Lanes that are rows of the gradient, not padding.
    pub valid: usize,
    /// What is needed soon, and is asked for with a line for each turn of the loop.
    pub asked: Asked<T>,
}

/// Adds a block for `rows` lane vectors of errors and `columns` elements of the vector.
///
/// # Safety
/// For each k the errors must hold the named lane vectors, and each of the `columns` vectors an element; in each of the
/// `columns` columns of each gradient `valid` elements must be writable.
#[inline(always)]
pub unsafe fn add_outer<T: Element, S: Simd>(
    simd: S,
    rows: usize,
    columns: usize,
    product: &OuterProduct<T>,
) {
    let tile = Tiles::<T, S>::ALL[rows - 1][columns - 1];
    // SAFETY: passed on from the caller; the table has the tile of this shape there.
    unsafe { tile(simd, product) }
}

/// A tile of one shape.
type TileFn<T, S> = unsafe fn(S, &OuterProduct<T>);

/// The tiles of all shapes.
struct Tiles<T, S>(PhantomData<(T, S)>);

impl<T: Element, S: Simd> Tiles<T, S> {
    /// By rows and columns.
    const ALL: [[TileFn<T, S>; MAX_SAMPLES]; MAX_ROWS] = [
        Self::of_rows::<1>(),
        Self::of_rows::<2>(),
        Self::of_rows::<3>(),
        Self::of_rows::<4>(),
    ];

    /// Only the tiles that this instruction set asks for.
    const fn of_rows<const P: usize>() -> [TileFn<T, S>; MAX_SAMPLES] {
        if P > max_rows(S::REGISTER_COUNT) {
            return [no_tile; MAX_SAMPLES];
        }
        [
            tile::<T, S, P, 1>,
            tile::<T, S, P, 2>,
            tile::<T, S, P, 3>,
            tile::<T, S, P, 4>,
            tile::<T, S, P, 5>,
            tile::<T, S, P, 6>,
        ]
    }
}

/// In the place of tiles that nobody asks for, as [`max_rows`] says.
unsafe fn no_tile<T, S>(_simd: S, _product: &OuterProduct<T>) {
    unreachable!("no tile of so many rows on this instruction set")
}

#[inline(never)]
unsafe fn tile<T: Element, S: Simd, const P: usize, const M: usize>(
    simd: S,
    product: &OuterProduct<T>,
) {
    simd.vectorize(
        #[inline(always)]
        // SAFETY: passed on from the caller.
        || unsafe { accumulate::<T, S, P, M>(simd, product) },
    );
}

#[allow(
    clippy::needless_range_loop,
    reason = "indices of the same range name places in several arrays; the compiler unrolls both loops"
)]
#[inline(always)]
unsafe fn accumulate<T: Element, S: Simd, const P: usize, const M: usize>(
    simd: S,
    product: &OuterProduct<T>,
) {
    let lanes = T::lanes::<S>();
    let place = |m: usize, p: usize| (m * P + p) * lanes;
    let mut sums = [[Lanes::<T, S>::zero(simd); P]; M];
    if !product.begins {
        for m in 0..M {
            for p in 0..P {
                // SAFETY: there is a sum for each column and lane vector of errors.
                sums[m][p] = unsafe { Lanes::load(simd, product.sums.add(place(m, p))) };
            }
        }
    }
    if product.ends {
        // The gradient is needed at the end, and has left the caches since the last group of units: all but the line in which
        // that group ended, where a column does not begin with a line. So it is the last number that is asked for.
        let last = product.valid - 1;
        for m in 0..M {
            for p in 0..P {
                prefetch(product.gradients[p].wrapping_add(m * product.column_strides[p] + last));
            }
        }
    }
    // Longer turns made tiles of wide registers a little slower.
    let at_once = const { at_once_in::<S>(1) };
    let (mut errors, mut at, mut asked) = (product.errors, 0, product.asked);
    for _ in 0..product.k / at_once {
        prefetch(asked.place);
        asked.advance();
        for k in 0..at_once {
            // SAFETY: there are errors for each k, and an element of each vector.
            unsafe { add_products(simd, &mut sums, product, errors, at + k * lanes) };
            errors = errors.wrapping_add(product.errors_stride);
        }
        at += at_once * lanes;
    }
    for _ in 0..product.k % at_once {
        // SAFETY: as above.
        unsafe { add_products(simd, &mut sums, product, errors, at) };
        errors = errors.wrapping_add(product.errors_stride);
        at += lanes;
    }
    for m in 0..M {
        for p in 0..P {
            // SAFETY: there is a sum for each column and lane vector of errors, and each column of each gradient has `valid`
            // elements from here on.
            unsafe {
                if product.ends {
                    let place = product.gradients[p].add(m * product.column_strides[p]);
                    let sum = Lanes::load_first(simd, place, product.valid) + sums[m][p];
                    sum.store_first(place, product.valid);
                } else {
                    sums[m][p].store(product.sums.add(place(m, p)));
                }
            }
        }
    }
}

/// Adds the products of one k to all sums.
///
/// # Safety
/// `errors` must be a record with the named lane vectors, and each vector must have an element at `at`.
#[allow(
    clippy::needless_range_loop,
    reason = "indices of the same range name places in several arrays; the compiler unrolls both loops"
)]
#[inline(always)]
unsafe fn add_products<T: Element, S: Simd, const P: usize, const M: usize>(
    simd: S,
    sums: &mut [[Lanes<T, S>; P]; M],
    product: &OuterProduct<T>,
    errors: *const T,
    at: usize,
) {
    let lanes = T::lanes::<S>();
    let mut error = [Lanes::<T, S>::zero(simd); P];
    for p in 0..P {
        // SAFETY: passed on from the caller.
        error[p] = unsafe { Lanes::load(simd, errors.add(product.planes[p])) };
    }
    let second = if lanes == 1 { product.pair_stride } else { 1 };
    for m in 0..M {
        // SAFETY: passed on from the caller.
        let x = unsafe { *product.pairs[m / 2].add(at + m % 2 * second) };
        let x = Lanes::splat(simd, x);
        for p in 0..P {
            sums[m][p] = error[p].mul_add(x, sums[m][p]);
        }
    }
}
