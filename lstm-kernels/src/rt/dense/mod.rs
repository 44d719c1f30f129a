//! Matrix products in tiles of registers, of matrices whose rows lie in panels.
//!
//! Every sum is one chain of multiply-adds over k in order, so that it does not depend on how a product is cut.
//!
//! A general product copies both factors before it multiplies, and what goes before and after passes through the cache once
//! more. Here one factor is read from where it lies, with any strides, and a panel stays in the first level of the cache while
//! scores are made and used. The tile of the recurrent kernels leaves its sums in the order of their tails, which would have to
//! be turned round for each of the three products.

use std::marker::PhantomData;
use std::ops::Range;

use pulp::Simd;

use super::element::Element;
use super::lanes::Lanes;

/// The most lane vectors that a panel is high.
pub const ROWS: usize = 3;

/// The most columns of a tile.
const COLUMNS: usize = 8;

/// Bytes of a panel that all columns meet before the next ones, so that they come from the first level of the cache.
const PIECE: usize = 40 * 1024;

/// A matrix of `planes * depth` rows of k, not copied from where it is: the number for (plane, k, column) is found at
/// `plane * plane_stride + k * stride + column * column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, T> {
    /// Where it is.
    pub numbers: &'a [T],
    /// How many planes there are.
    pub planes: usize,
    /// From one plane to the next.
    pub plane_stride: usize,
    /// How many rows of k a plane has.
    pub depth: usize,
    /// From one k to the next.
    pub stride: usize,
    /// How many columns there are.
    pub columns: usize,
    /// From one column to the next.
    pub column_stride: usize,
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a, T> {
    /// What the sums hold.
    Sums,
    /// Nothing.
    Zero,
    /// A number for each column.
    Columns(&'a [T]),
}

impl<T> Factor<'_, T> {
    /// How many numbers there must be; where they cannot be counted, more than any slice has.
    fn extent(&self) -> usize {
        let axes = [
            (self.planes, self.plane_stride),
            (self.depth, self.stride),
            (self.columns, self.column_stride),
        ];
        let mut extent = 1_usize;
        for (count, stride) in axes {
            match count {
                0 => return 0,
                _ => extent = extent.saturating_add((count - 1).saturating_mul(stride)),
            }
        }
        extent
    }

    /// Planes, and the rows of each of them, that follow one another in k, about `most` rows at a time.
    fn pieces(&self, most: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let (planes, depth) = (self.planes, self.depth);
        let together = (most / depth.max(1)).max(1);
        let cuts = depth.div_ceil(most);
        (0..planes).step_by(together).flat_map(move |plane| {
            let piece = move |cut| depth * cut / cuts..depth * (cut + 1) / cuts;
            (0..cuts).map(move |cut| (plane..planes.min(plane + together), piece(cut)))
        })
    }
}

/// Adds `panel · factor` to `start`, for a panel of `rows` lane vectors: `panel` holds them for each k, `sums` for each column.
///
/// # Panics
/// A length that does not fit, or no k at all.
#[inline(always)]
pub fn multiply<T: Element, S: Simd>(
    simd: S,
    rows: usize,
    panel: &[T],
    factor: &Factor<'_, T>,
    start: Start<'_, T>,
    sums: &mut [T],
) {
    let height = rows * T::lanes::<S>();
    assert!((1..=ROWS).contains(&rows), "a panel of 1 to 3 lane vectors");
    // What is more than can be counted stays more than any slice has.
    let depth = factor.planes.saturating_mul(factor.depth);
    assert!(depth > 0, "a product of something");
    assert_eq!(panel.len(), depth.saturating_mul(height));
    assert_eq!(sums.len(), factor.columns.saturating_mul(height));
    assert!(factor.extent() <= factor.numbers.len());
    if let Start::Columns(starts) = start {
        assert_eq!(starts.len(), factor.columns);
    }
    let at_once = columns_at_once::<S>(rows);
    let mut start = start;
    for (planes, depth) in factor.pieces(PIECE / (height * size_of::<T>())) {
        let first = planes.start * factor.depth + depth.start;
        let mut column = 0;
        while column < factor.columns {
            let left = (factor.columns - column).min(at_once);
            let columns = 1 << left.ilog2();
            let corner = planes.start * factor.plane_stride
                + depth.start * factor.stride
                + column * factor.column_stride;
            let tile = Tile {
                panel: panel[first * height..].as_ptr(),
                factor: factor.numbers[corner..].as_ptr(),
                planes: planes.len(),
                plane_stride: factor.plane_stride,
                depth: depth.len(),
                stride: factor.stride,
                column_stride: factor.column_stride,
                start: match start {
                    Start::Sums => First::Sums,
                    Start::Zero => First::Zero,
                    Start::Columns(starts) => First::Columns(starts[column..].as_ptr()),
                },
                sums: sums[column * height..].as_mut_ptr(),
            };
            // SAFETY: the tile begins inside what was checked above, and ends there, as its planes, rows and columns do.
            unsafe { tile.add(simd, rows, columns) };
            column += columns;
        }
        start = Start::Sums;
    }
}

/// How many columns of so many lane vectors the registers hold.
const fn columns_at_once<S: Simd>(rows: usize) -> usize {
    match S::REGISTER_COUNT >= 32 || rows == 1 {
        true => COLUMNS,
        false => COLUMNS / 2,
    }
}

/// A few columns of a piece of a product.
struct Tile<T> {
    panel: *const T,
    factor: *const T,
    planes: usize,
    plane_stride: usize,
    depth: usize,
    stride: usize,
    column_stride: usize,
    start: First<T>,
    sums: *mut T,
}

/// [`Start`] from the first column of a tile on.
enum First<T> {
    Sums,
    Zero,
    Columns(*const T),
}

impl<T: Element> Tile<T> {
    /// # Safety
    /// For each k of each plane the panel must hold `rows` lane vectors and the factor a number for each of `columns`
    /// columns; for each column `sums` must hold `rows` lane vectors, and the start a number if it has any.
    #[inline(always)]
    unsafe fn add<S: Simd>(&self, simd: S, rows: usize, columns: usize) {
        let call = Shapes::<T, S>::ALL[rows - 1][columns.ilog2() as usize];
        // SAFETY: passed on from the caller; the table has the shape there.
        unsafe { call(self, simd) };
    }

    /// A call of its own, so that its registers are its own.
    ///
    /// # Safety
    /// As for [`add`](Self::add), with P rows and M columns.
    #[inline(never)]
    unsafe fn call<S: Simd, const P: usize, const M: usize>(&self, simd: S) {
        simd.vectorize(
            #[inline(always)]
            // SAFETY: passed on from the caller.
            || unsafe { self.accumulate::<S, P, M>(simd) },
        );
    }

    #[allow(
        clippy::needless_range_loop,
        reason = "indices of the same range name places in several arrays; the compiler unrolls these loops"
    )]
    #[inline(always)]
    unsafe fn accumulate<S: Simd, const P: usize, const M: usize>(&self, simd: S) {
        let lanes = T::lanes::<S>();
        let place = |m: usize, p: usize| (m * P + p) * lanes;
        let mut sums = [[Lanes::<T, S>::zero(simd); P]; M];
        for m in 0..M {
            for p in 0..P {
                sums[m][p] = match self.start {
                    First::Zero => Lanes::zero(simd),
                    // SAFETY: the caller gives lane vectors for every column.
                    First::Sums => unsafe { Lanes::load(simd, self.sums.add(place(m, p))) },
                    // SAFETY: the caller gives a number for every column.
                    First::Columns(starts) => Lanes::splat(simd, unsafe { *starts.add(m) }),
                };
            }
        }
        let mut panel = self.panel;
        for plane in 0..self.planes {
            let mut at = plane * self.plane_stride;
            for _ in 0..self.depth {
                let mut left = [Lanes::<T, S>::zero(simd); P];
                for p in 0..P {
                    // SAFETY: the panel has P lane vectors for each k.
                    left[p] = unsafe { Lanes::load(simd, panel.add(p * lanes)) };
                }
                for m in 0..M {
                    // SAFETY: the factor has a number for each k and column.
                    let right = Lanes::splat(simd, unsafe {
                        *self.factor.add(at + m * self.column_stride)
                    });
                    for p in 0..P {
                        sums[m][p] = left[p].mul_add(right, sums[m][p]);
                    }
                }
                panel = panel.wrapping_add(P * lanes);
                at += self.stride;
            }
        }
        for m in 0..M {
            for p in 0..P {
                // SAFETY: as above.
                unsafe { sums[m][p].store(self.sums.add(place(m, p))) };
            }
        }
    }
}

/// The calls for tiles of all shapes.
struct Shapes<T, S>(PhantomData<(T, S)>);

/// A call for tiles of one shape.
type Call<T, S> = unsafe fn(&Tile<T>, S);

impl<T: Element, S: Simd> Shapes<T, S> {
    /// By rows, and by the logarithm of the columns.
    const ALL: [[Call<T, S>; 4]; ROWS] = [
        Self::of_rows::<1>(),
        Self::of_rows::<2>(),
        Self::of_rows::<3>(),
    ];

    const fn of_rows<const P: usize>() -> [Call<T, S>; 4] {
        [
            Tile::call::<S, P, 1>,
            Tile::call::<S, P, 2>,
            Tile::call::<S, P, 4>,
            match columns_at_once::<S>(P) {
                COLUMNS => Tile::call::<S, P, 8>,
                _ => no_tile,
            },
        ]
    }
}

/// In the place of a shape that the registers do not hold, and that nobody asks for.
unsafe fn no_tile<T, S>(_tile: &Tile<T>, _simd: S) {
    unreachable!("no more columns than the registers hold")
}

#[cfg(test)]
mod tests;
