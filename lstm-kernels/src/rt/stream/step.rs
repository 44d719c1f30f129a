//! Runs the steps of a stream.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::memory::StreamMemory;
use super::plan::{Plan, Product};
use crate::Cell;
use crate::rt::context::ForwardTile;
use crate::rt::element::Element;
use crate::rt::lanes::Lanes;
use crate::rt::tile::accumulate;

/// Some steps, one after the other.
pub(crate) struct Steps<'a, C, T: Element> {
    pub cell: PhantomData<C>,
    pub stream: &'a mut StreamMemory<T>,
    pub count: usize,
    /// The inputs of all steps side by side, and how many numbers each has.
    pub x: *const T,
    pub inputs: usize,
    /// Room for the outputs of all steps side by side, and how many numbers each has.
    pub y: *mut T,
    pub outputs: usize,
}

impl<C: Cell, T: Element> WithSimd for Steps<'_, C, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let stream = self.stream;
        for step in 0..self.count {
            // SAFETY: there are `inputs` numbers for each step, and the buffer has room for them.
            unsafe {
                let x = self.x.add(step * self.inputs);
                copy(simd, x, stream.input.shared(), self.inputs);
            }
            let plan = match stream.is_odd {
                false => &stream.plans.0,
                true => &stream.plans.1,
            };
            run::<C, T, S>(simd, plan);
            stream.is_odd = !stream.is_odd;
            let output = stream.output.shared();
            // SAFETY: there is room for `outputs` numbers for each step; a head has so many outputs and its rows are as long
            // as the buffer, and without a head these are what the buffer holds.
            unsafe {
                let y = self.y.add(step * self.outputs);
                match &stream.head {
                    Some(head) => head.apply(simd, head.row(), output, y),
                    None => copy(simd, output, y, self.outputs),
                }
            }
        }
    }
}

/// Copies `len` numbers.
///
/// # Safety
/// Both places have room for them.
#[inline(always)]
unsafe fn copy<T: Element, S: Simd>(simd: S, source: *const T, target: *mut T, len: usize) {
    let lanes = T::lanes::<S>();
    let mut at = 0;
    while at < len {
        // SAFETY: lanes beyond `len` are not touched.
        unsafe {
            Lanes::load_first(simd, source.add(at), len - at).store_first(target.add(at), len - at);
        }
        at += lanes;
    }
}

/// A step as its plan says.
#[inline(always)]
fn run<C: Cell, T: Element, S: Simd>(simd: S, plan: &Plan<T>) {
    let (sums, count) = plan.sums;
    for index in 0..count {
        // SAFETY: there are `count` sums.
        unsafe { *sums.add(index) = T::default() };
    }
    for turn in &plan.turns {
        let (zeroed, count) = turn.zeroed;
        let mut at = 0;
        while at < count {
            // SAFETY: there are `count` accumulators, whole registers of them.
            unsafe { Lanes::<T, S>::zero(simd).store(zeroed.add(at)) };
            at += T::lanes::<S>();
        }
        for product in &turn.products {
            // SAFETY: the plan gives each product its panels, vectors and accumulators.
            unsafe { multiply(simd, product) };
        }
        for group in &turn.groups {
            let tile = ForwardTile {
                simd,
                samples: 1,
                cells: group.cells,
                valid: group.valid,
                sizes: group.sizes,
                params: group.params,
                scalars: group.scalars,
                accumulators: group.accumulators,
                accumulators_row: group.accumulators_row,
                input: group.input,
                lanes: group.lanes,
                previous_lanes: group.previous_lanes,
                columns: group.columns,
                previous_columns: group.previous_columns,
                output: group.output,
                sums: group.sums,
            };
            C::forward::<T, S, false>(turn.pass, &tile);
        }
    }
}

/// # Safety
/// The product's panels, vectors and accumulators are there.
#[inline(always)]
unsafe fn multiply<T: Element, S: Simd>(simd: S, product: &Product<T>) {
    macro_rules! shapes {
        ($($rows:literal: $($blocks:literal)*;)*) => {
            match (product.rows, product.blocks) {
                $($(
                    // SAFETY: passed on from the caller.
                    ($rows, $blocks) => unsafe {
                        accumulate::<T, S, $rows, 1, $blocks>(simd, &product.tile())
                    },
                )*)*
                // Plans have no others; a panic has no place in a step.
                _ => debug_assert!(false, "tiles have 1 to 4 rows and 1, 2 or 4 blocks"),
            }
        };
    }
    shapes! {
        1: 1 2 4;
        2: 1 2 4;
        3: 1 2 4;
        4: 1 2 4;
    }
}
