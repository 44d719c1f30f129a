//! A step whose sizes the compiler knows: every loop has a constant length, and sums stay in registers on their way from
//! the products to the equations.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use super::memory::StreamMemory;
use super::plan::{MAX_GROUPS, PassPlan, Plan, Product, Turn};
use super::shape::{MAX_PASSES, MAX_PRODUCTS, MAX_SUMS, PassShape, ProductShape, Shape, ShapeOf};
use super::sizes::Sizes;
use crate::Cell;
use crate::rt::element::Element;
use crate::rt::lanes::Lanes;
use crate::rt::run::Run;
use crate::rt::tile::MAX_RUNS;
use crate::rt::width::MAX_LANES;

/// Compares the plans of a stream with what the compiler knows of the sizes `Z`.
pub(crate) struct Recognise<'a, C, T: Element, Z> {
    pub types: PhantomData<(C, Z)>,
    pub stream: &'a mut StreamMemory<T>,
}

impl<C: Cell, T: Element, Z: Sizes> WithSimd for Recognise<'_, C, T, Z> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let (shape, stream) = (const { &ShapeOf::<C, T, S, Z>::SHAPE }, self.stream);
        let lanes = T::lanes::<S>();
        stream.is_fixed =
            shape.matches(&stream.plans.0, lanes) && shape.matches(&stream.plans.1, lanes);
        stream.is_fixed
    }
}

/// Accumulators of the largest turn: in registers wherever the compiler can see through.
#[repr(align(64))]
struct Sums<T>(MaybeUninit<[[T; MAX_LANES]; MAX_SUMS]>);

/// Constants of the cell `C` with the sizes `Z` under an instruction set.
struct Fixed<C, T, S, Z>(PhantomData<(C, T, S, Z)>);

macro_rules! unrolled {
    ($count:expr, $limit:ident, $index:ident => $body:expr; $($value:literal)*) => {
        $(if const { $value < $count && $value < $limit } {
            const $index: usize = $value;
            $body
        })*
    };
}

/// Whether the compiler unrolls the step.
#[inline(always)]
pub(super) const fn is_known<C: Cell, T: Element, S: Simd, Z: Sizes>() -> bool {
    const { ShapeOf::<C, T, S, Z>::SHAPE.fits }
}

/// A step of a plan that [`Recognise`] has found to have the shape of the constants.
///
/// # Safety
/// The plan has this shape.
#[inline(always)]
pub(super) unsafe fn run<C: Cell, T: Element, S: Simd, Z: Sizes>(simd: S, plan: &Plan<T>) {
    let passes = plan.passes.as_ptr();
    unrolled! {
        Fixed::<C, T, S, Z>::SHAPE.count, MAX_PASSES, PASS => {
            // SAFETY: the plan has as many passes as the shape, of these shapes.
            unsafe { Fixed::<C, T, S, Z>::pass::<PASS>(simd, &*passes.add(PASS)) };
        };
        0 1 2 3
    }
}

impl<C: Cell, T: Element, S: Simd, Z: Sizes> Fixed<C, T, S, Z> {
    const SHAPE: Shape = ShapeOf::<C, T, S, Z>::SHAPE;

    const fn pass_shape(pass: usize) -> PassShape {
        Self::SHAPE.passes[pass]
    }

    const fn product_shape(pass: usize, product: usize) -> ProductShape {
        Self::SHAPE.passes[pass].products[product]
    }

    /// # Safety
    /// The pass has the shape of this index.
    #[inline(always)]
    unsafe fn pass<const PASS: usize>(simd: S, pass: &PassPlan<T>) {
        for turn in &pass.turns {
            // SAFETY: passed on from the caller.
            unsafe { Self::turn::<PASS>(simd, turn) };
        }
    }

    /// # Safety
    /// As [`Self::pass`].
    #[inline(always)]
    unsafe fn turn<const PASS: usize>(simd: S, turn: &Turn<T>) {
        let lanes = T::lanes::<S>();
        let mut sums = Sums::<T>(MaybeUninit::uninit());
        let sums = sums.0.as_mut_ptr().cast::<T>();
        if const { Self::pass_shape(PASS).adds } {
            for row in 0..const { Self::pass_shape(PASS).all_rows } {
                // SAFETY: there are accumulators for the rows of four blocks of groups.
                unsafe { Lanes::<T, S>::zero(simd).store(sums.add(row * lanes)) };
            }
        }
        let products = turn.products.as_ptr();
        unrolled! {
            Self::pass_shape(PASS).product_count, MAX_PRODUCTS, PRODUCT => {
                // SAFETY: the turn has as many products as the shape.
                let product = unsafe { &*products.add(PRODUCT) };
                // SAFETY: passed on from the caller.
                unsafe { Self::product::<PASS, PRODUCT>(simd, product, sums) };
            };
            0 1 2 3 4 5 6 7
        }
        let groups = turn.groups.as_ptr();
        unrolled! {
            Self::pass_shape(PASS).groups, MAX_GROUPS, GROUP => {
                // SAFETY: the turn has as many groups as the shape.
                let group = unsafe { &*groups.add(GROUP) };
                let shape = const { Self::pass_shape(PASS) };
                let mut tile = group.with_simd(simd);
                tile.samples = 1;
                tile.cells = shape.cells;
                if shape.valid > 0 {
                    tile.valid = shape.valid;
                }
                tile.accumulators = sums.wrapping_add(GROUP * shape.rows * lanes);
                tile.accumulators_row = lanes;
                C::forward::<T, S, false>(PASS, &tile);
            };
            0 1 2 3 4 5 6 7
        }
    }

    /// # Safety
    /// The product has the shape of these indices, and there are accumulators for all its rows.
    #[inline(always)]
    unsafe fn product<const PASS: usize, const PRODUCT: usize>(
        simd: S,
        product: &Product<T>,
        sums: *mut T,
    ) {
        macro_rules! shapes {
            ($($rows:literal: $($blocks:literal)*;)*) => {
                $($(if const {
                    Self::product_shape(PASS, PRODUCT).rows == $rows
                        && Self::pass_shape(PASS).blocks == $blocks
                } {
                    // SAFETY: passed on from the caller.
                    unsafe {
                        Self::tile::<PASS, PRODUCT, $rows, $blocks>(simd, product, sums);
                    }
                })*)*
            };
        }
        shapes! {
            1: 1 2 3 4;
            2: 1 2 3 4;
            3: 1 2 3 4;
            4: 1 2 3 4;
        }
    }

    /// # Safety
    /// As [`Self::product`]; the product has P rows, the pass Q blocks a turn.
    #[inline(always)]
    unsafe fn tile<const PASS: usize, const PRODUCT: usize, const P: usize, const Q: usize>(
        simd: S,
        product: &Product<T>,
        target: *mut T,
    ) {
        let shape = const { Self::product_shape(PASS, PRODUCT) };
        let block_rows = const { Self::pass_shape(PASS).block_rows };
        let places: [[*mut T; P]; Q] = std::array::from_fn(|q| {
            std::array::from_fn(|p| {
                let row = q * block_rows + shape.places[p];
                target.wrapping_add(row * T::lanes::<S>())
            })
        });
        let mut sums = [[Lanes::<T, S>::zero(simd); P]; Q];
        if const { Self::pass_shape(PASS).adds } {
            for q in 0..Q {
                for p in 0..P {
                    // SAFETY: passed on from the caller.
                    sums[q][p] = unsafe { Lanes::load(simd, places[q][p]) };
                }
            }
        }
        unrolled! {
            Self::product_shape(PASS, PRODUCT).count, MAX_RUNS, RUN => {
                let (planes, k) = const { Self::product_shape(PASS, PRODUCT).runs[RUN] };
                // SAFETY: passed on from the caller.
                unsafe { chains::<T, S, P, Q>(simd, &product.runs[RUN], planes, k, &mut sums) };
            };
            0 1 2 3
        }
        for q in 0..Q {
            for p in 0..P {
                // SAFETY: passed on from the caller.
                unsafe { sums[q][p].store(places[q][p]) };
            }
        }
    }
}

/// Adds the products of a run to sums, k by k.
///
/// # Safety
/// The run has so many pieces of such a length.
#[inline(always)]
unsafe fn chains<T: Element, S: Simd, const P: usize, const Q: usize>(
    simd: S,
    run: &Run<T>,
    planes: usize,
    k: usize,
    sums: &mut [[Lanes<T, S>; P]; Q],
) {
    let lanes = T::lanes::<S>();
    for plane in 0..planes {
        for k_here in 0..k {
            // SAFETY: each piece of the vector has k numbers.
            let x = unsafe { *run.vector.add(plane * run.plane_stride + k_here) };
            let x = Lanes::splat(simd, x);
            for (q, sums) in sums.iter_mut().enumerate() {
                for (p, sum) in sums.iter_mut().enumerate() {
                    let place = q * run.panel_stride + ((plane * k + k_here) * P + p) * lanes;
                    // SAFETY: the panel of each block has P lane vectors for each k of each piece.
                    *sum = unsafe { Lanes::load(simd, run.panel.add(place)) }.mul_add(x, *sum);
                }
            }
        }
    }
}
