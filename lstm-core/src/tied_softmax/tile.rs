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

use lstm_kernels::Element;
use lstm_kernels::rt::{Lanes, Simd};

/// The most lane vectors that a panel is high.
pub(super) const ROWS: usize = 3;

/// The most columns of a tile.
const COLUMNS: usize = 8;

/// Bytes of a panel that all columns meet before the next ones, so that they come from the first level of the cache.
const PIECE: usize = 40 * 1024;

/// A matrix of `planes * depth` rows of k, not copied from where it is: the number for (plane, k, column) is found at
/// `plane * plane_stride + k * stride + column * column_stride`.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a, T> {
    pub numbers: &'a [T],
    pub planes: usize,
    pub plane_stride: usize,
    pub depth: usize,
    pub stride: usize,
    pub columns: usize,
    pub column_stride: usize,
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(super) enum Start<'a, T> {
    /// What the sums hold.
    Sums,
    /// Nothing.
    Zero,
    /// A number for each column.
    Columns(&'a [T]),
}

impl<T> Factor<'_, T> {
    /// How many numbers there must be.
    fn extent(&self) -> usize {
        match self.planes * self.depth * self.columns {
            0 => 0,
            _ => {
                (self.planes - 1) * self.plane_stride
                    + (self.depth - 1) * self.stride
                    + (self.columns - 1) * self.column_stride
                    + 1
            }
        }
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
/// A length that does not fit.
#[inline(always)]
pub(super) fn multiply<T: Element, S: Simd>(
    simd: S,
    rows: usize,
    panel: &[T],
    factor: &Factor<'_, T>,
    start: Start<'_, T>,
    sums: &mut [T],
) {
    let height = rows * T::lanes::<S>();
    assert!((1..=ROWS).contains(&rows), "a panel of 1 to 3 lane vectors");
    assert_eq!(panel.len(), factor.planes * factor.depth * height);
    assert_eq!(sums.len(), factor.columns * height);
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
mod tests {
    use lstm_kernels::Width;
    use pulp::WithSimd;

    use super::*;
    use crate::random::Rng;

    struct Multiply<'a> {
        rows: usize,
        panel: &'a [f64],
        factor: Factor<'a, f64>,
        start: Start<'a, f64>,
        sums: &'a mut [f64],
    }

    impl WithSimd for Multiply<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (factor, start) = (&self.factor, self.start);
            multiply(simd, self.rows, self.panel, factor, start, self.sums);
        }
    }

    /// Every height, columns that need tiles of every width, one and several pieces of k, of planes and of their rows; on all
    /// instruction sets. What surrounds the sums stays as it is.
    #[test]
    fn products_are_sums_over_k_and_touch_nothing_else() {
        let mut rng = Rng::new(5);
        for width in Width::available() {
            for rows in 1..=ROWS {
                for (planes, depth, columns) in [(1, 1, 1), (1, 3, 15), (40, 24, 7), (2, 999, 8)] {
                    let height = rows * width.lanes::<f64>();
                    let mut draw = |len| (0..len).map(|_| rng.symmetric(1.0)).collect::<Vec<f64>>();
                    let panel = draw(planes * depth * height);
                    // As if cut from a matrix with a number more in each column, of one plane after the other.
                    let (stride, column_stride) = (1, depth + 1);
                    let plane_stride = column_stride * columns;
                    let numbers = draw(planes * plane_stride - 1);
                    let starts = draw(columns);
                    for start in [Start::Zero, Start::Sums, Start::Columns(&starts)] {
                        const GUARD: usize = 64;
                        let before = draw(columns * height + 2 * GUARD);
                        let mut after = before.clone();
                        let inside = GUARD..GUARD + columns * height;
                        width.token().unwrap().dispatch(Multiply {
                            rows,
                            panel: &panel,
                            factor: Factor {
                                numbers: &numbers,
                                planes,
                                plane_stride,
                                depth,
                                stride,
                                columns,
                                column_stride,
                            },
                            start,
                            sums: &mut after[inside.clone()],
                        });
                        for (place, &sum) in after.iter().enumerate() {
                            if !inside.contains(&place) {
                                assert_eq!(sum, before[place]);
                                continue;
                            }
                            let (column, row) =
                                ((place - GUARD) / height, (place - GUARD) % height);
                            let first = match start {
                                Start::Zero => 0.0,
                                Start::Sums => before[place],
                                Start::Columns(starts) => starts[column],
                            };
                            let term = |k: usize| {
                                let (plane, k_inside) = (k / depth, k % depth);
                                let right =
                                    plane * plane_stride + k_inside + column * column_stride;
                                panel[k * height + row] * numbers[right]
                            };
                            let expected = first + (0..planes * depth).map(term).sum::<f64>();
                            // Up to 1998 terms below 1: as many roundings of numbers below 100.
                            assert!((sum - expected).abs() < 1e-11, "{width} {rows} {place}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn factors_end_where_their_last_number_is() {
        let numbers = [0.0; 23];
        let factor = |planes, depth, columns| Factor {
            numbers: &numbers,
            planes,
            plane_stride: 12,
            depth,
            stride: 2,
            columns,
            column_stride: 5,
        };
        assert_eq!(factor(2, 3, 2).extent(), 12 + 4 + 5 + 1);
        assert_eq!(factor(0, 3, 2).extent(), 0);
        let pieces = |most| {
            let factor = factor(3, 5, 1);
            factor.pieces(most).collect::<Vec<_>>()
        };
        assert_eq!(pieces(11), [(0..2, 0..5), (2..3, 0..5)]);
        assert_eq!(pieces(3)[..2], [(0..1, 0..2), (0..1, 2..5)]);
    }
}
