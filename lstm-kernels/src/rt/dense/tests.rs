//! Products against sums over k; what fits, and what does not.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pulp::WithSimd;

use super::*;
use crate::Width;
use crate::kernel::number;

/// Numbers between -1 and 1, others in each call.
fn draws() -> impl FnMut(usize) -> Vec<f64> {
    let mut numbers = (0..).map(|index| 2.0 * f64::from(number(index)));
    move |len| numbers.by_ref().take(len).collect()
}

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
    let mut draw = draws();
    for width in Width::available() {
        for rows in 1..=ROWS {
            for (planes, depth, columns) in [(1, 1, 1), (1, 3, 15), (40, 24, 7), (2, 999, 8)] {
                let height = rows * width.lanes::<f64>();
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
                        let (column, row) = ((place - GUARD) / height, (place - GUARD) % height);
                        let first = match start {
                            Start::Zero => 0.0,
                            Start::Sums => before[place],
                            Start::Columns(starts) => starts[column],
                        };
                        let term = |k: usize| {
                            let (plane, k_inside) = (k / depth, k % depth);
                            let right = plane * plane_stride + k_inside + column * column_stride;
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

/// Lengths that are short of what tiles would read or write, by one, or by so much that a count of them begins anew.
#[test]
fn what_does_not_fit_is_neither_read_nor_written() {
    const HALF: usize = 1 << (usize::BITS / 2);
    const FITS: Factor<'_, f64> = Factor {
        numbers: &[1.0; 23],
        planes: 2,
        plane_stride: 12,
        depth: 3,
        stride: 2,
        columns: 2,
        column_stride: 6,
    };
    for width in Width::available() {
        let lanes = width.lanes::<f64>();
        let refuses = |rows, panel: usize, factor, start, sums: usize| {
            let (panel, mut sums) = (vec![1.0; panel * lanes], vec![2.0; sums * lanes]);
            let product = catch_unwind(AssertUnwindSafe(|| {
                width.token().unwrap().dispatch(Multiply {
                    rows,
                    panel: &panel,
                    factor,
                    start,
                    sums: &mut sums,
                });
            }));
            assert!(product.is_ok() || sums.iter().all(|&sum| sum == 2.0));
            product.is_err()
        };
        assert!(!refuses(2, 12, FITS, Start::Columns(&[1.0; 2]), 4));
        assert!(refuses(2, 12, FITS, Start::Columns(&[1.0; 1]), 4));
        assert!(refuses(2, 11, FITS, Start::Sums, 4));
        assert!(refuses(2, 12, FITS, Start::Sums, 3));
        assert!(refuses(0, 0, FITS, Start::Sums, 0));
        assert!(refuses(ROWS + 1, 24, FITS, Start::Sums, 8));
        let short = Factor {
            numbers: &FITS.numbers[1..],
            ..FITS
        };
        assert!(refuses(2, 12, short, Start::Sums, 4));
        let far = Factor {
            plane_stride: usize::MAX - 4,
            ..FITS
        };
        assert!(refuses(2, 12, far, Start::Sums, 4));
        let deep = Factor {
            planes: HALF,
            plane_stride: 0,
            depth: HALF,
            stride: 0,
            ..FITS
        };
        assert!(refuses(2, 0, deep, Start::Sums, 4));
        let wide = Factor {
            columns: usize::MAX / (2 * lanes) + 1,
            column_stride: 0,
            ..FITS
        };
        assert!(refuses(2, 12, wide, Start::Sums, 0));
        // Nothing would be added, not even to the start.
        let flat = Factor { depth: 0, ..FITS };
        assert!(refuses(2, 0, flat, Start::Zero, 4));
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
