//! Runs the steps of a stream.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::fixed::{self, is_known};
use super::memory::StreamMemory;
use super::plan::{PassPlan, Plan, Product};
use super::sizes::Sizes;
use crate::Cell;
use crate::rt::element::Element;
use crate::rt::equations::ForwardEquations;
use crate::rt::lanes::Lanes;
use crate::rt::pass::MAX_ROWS;
use crate::rt::tile::{MAX_BLOCKS, TileProduct, tile};

/// Some steps, one after the other.
pub(crate) struct Steps<'a, T: Element> {
    pub stream: &'a mut StreamMemory<T>,
    pub count: usize,
    /// The inputs of all steps side by side, and how many numbers each has.
    pub x: *const T,
    pub inputs: usize,
    /// Room for the outputs of all steps side by side, and how many numbers each has.
    pub y: *mut T,
    pub outputs: usize,
}

/// The steps as their plans say, whatever the sizes.
pub(crate) struct PlannedSteps<'a, T: Element> {
    pub equations: ForwardEquations<T>,
    pub steps: Steps<'a, T>,
}

// By reference: copies of what has just been written wait for it, as long as a small step takes.
impl<T: Element> WithSimd for &mut PlannedSteps<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // SAFETY: any plan will do.
        unsafe { self.steps.run(simd, &self.equations) };
    }
}

impl<T: Element> OneStep<T> for ForwardEquations<T> {
    #[inline(always)]
    unsafe fn step<S: Simd>(&self, simd: S, plan: &Plan<T>) {
        run(simd, plan, self);
    }
}

/// The steps of the cell `C`, unrolled for the sizes `Z`, if the stream [is fixed](StreamMemory::is_fixed).
pub(crate) struct FixedSteps<'a, C, T: Element, Z> {
    pub types: PhantomData<(C, Z)>,
    pub steps: Steps<'a, T>,
}

impl<C: Cell, T: Element, Z: Sizes> WithSimd for FixedSteps<'_, C, T, Z> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // Where the compiler does not unroll, no stream is fixed.
        if is_known::<C, T, S, Z>() && self.steps.stream.is_fixed() {
            // SAFETY: `is_fixed` says that the plans have the shape of the constants.
            unsafe { self.steps.run(simd, &Unrolled::<C, Z>(PhantomData)) };
        }
    }
}

/// A step of the cell `C` with the sizes `Z`.
struct Unrolled<C, Z>(PhantomData<(C, Z)>);

impl<C: Cell, T: Element, Z: Sizes> OneStep<T> for Unrolled<C, Z> {
    #[inline(always)]
    unsafe fn step<S: Simd>(&self, simd: S, plan: &Plan<T>) {
        if is_known::<C, T, S, Z>() {
            // SAFETY: passed on from the caller.
            unsafe { fixed::run::<C, T, S, Z>(simd, plan) };
        }
    }
}

/// How a step runs. It is a method of a type, as a closure would be compiled by itself, without the instruction set of
/// the code around it, and then be some thirty times slower.
trait OneStep<T: Element> {
    /// # Safety
    /// The plan is one that this kind of step can run.
    unsafe fn step<S: Simd>(&self, simd: S, plan: &Plan<T>);
}

impl<T: Element> Steps<'_, T> {
    /// # Safety
    /// The plans of the stream are such that this kind of step can run them.
    #[inline(always)]
    unsafe fn run<S: Simd>(&mut self, simd: S, how: &impl OneStep<T>) {
        let stream = &mut *self.stream;
        for step in 0..self.count {
            // SAFETY: there are `inputs` numbers for each step, and the buffer has room for them.
            unsafe {
                let x = self.x.add(step * self.inputs);
                copy::<T, S>(simd, x, stream.input.shared(), self.inputs);
            }
            let plan = match stream.is_odd {
                false => &stream.plans.0,
                true => &stream.plans.1,
            };
            let (sums, count) = plan.sums;
            for index in 0..count {
                // SAFETY: there are `count` sums.
                unsafe { *sums.add(index) = T::default() };
            }
            // SAFETY: passed on from the caller.
            unsafe { how.step(simd, plan) };
            stream.is_odd = !stream.is_odd;
            let output = stream.output.shared();
            // SAFETY: there is room for `outputs` numbers for each step; a head has so many outputs and its rows are as long
            // as the buffer, and without a head these are what the buffer holds.
            unsafe {
                let y = self.y.add(step * self.outputs);
                match &stream.head {
                    Some(head) => head.apply(simd, output, y),
                    None => copy(simd, output, y, self.outputs),
                }
            }
        }
    }
}

/// Copies `len` numbers: whole registers, then one by one. A register with a mask would be slower, as who reads a part of
/// what such a store has written waits until it has reached the cache, and with it everything before.
///
/// # Safety
/// Both places have room for them.
#[inline(always)]
unsafe fn copy<T: Element, S: Simd>(simd: S, source: *const T, target: *mut T, len: usize) {
    let lanes = T::lanes::<S>();
    let mut at = 0;
    while at + lanes <= len {
        // SAFETY: all lanes are below `len`.
        unsafe { Lanes::load(simd, source.add(at)).store(target.add(at)) };
        at += lanes;
    }
    // Of a loop with another bound the compiler would make registers again, and much code.
    for _ in 0..lanes {
        if at == len {
            break;
        }
        // SAFETY: `at` is below `len`.
        unsafe { *target.add(at) = *source.add(at) };
        at += 1;
    }
}

/// A step as its plan says.
#[inline(always)]
fn run<T: Element, S: Simd>(simd: S, plan: &Plan<T>, equations: &ForwardEquations<T>) {
    let lanes = T::lanes::<S>();
    for (index, pass) in plan.passes.iter().enumerate() {
        for turn in &pass.turns {
            if pass.adds {
                let mut at = 0;
                while at < pass.blocks * pass.block_stride {
                    // SAFETY: each block of a turn has so many accumulators, whole registers of them.
                    unsafe { Lanes::<T, S>::zero(simd).store(plan.accumulators.add(at)) };
                    at += lanes;
                }
            }
            for product in &turn.products {
                // SAFETY: the plan gives each product its panels, vectors and accumulators.
                unsafe { multiply(simd, plan, pass, product) };
            }
            equations.compute(index, &turn.groups);
        }
    }
}

/// # Safety
/// The product's panels, vectors and accumulators are there.
#[inline(always)]
unsafe fn multiply<T: Element, S: Simd>(
    simd: S,
    plan: &Plan<T>,
    pass: &PassPlan<T>,
    product: &Product<T>,
) {
    let sums = TileProduct {
        runs: product.runs.get(..product.count).unwrap_or(&[]),
        accumulators: plan.accumulators,
        rows: product.places,
        accumulators_stride: pass.block_stride,
        add: pass.adds,
    };
    // All shapes that plans have, so that none is left out below.
    const { assert!(MAX_ROWS == 4 && MAX_BLOCKS == 4) };
    macro_rules! shapes {
        ($($rows:literal: $($blocks:literal)*;)*) => {
            match (product.rows, pass.blocks) {
                $($(
                    // SAFETY: passed on from the caller.
                    ($rows, $blocks) => unsafe {
                        tile::<T, S, $rows, 1, $blocks>(simd, &sums)
                    },
                )*)*
                // Plans have no others; a panic has no place in a step.
                _ => debug_assert!(false, "tiles have 1 to 4 rows and 1 to 4 blocks"),
            }
        };
    }
    shapes! {
        1: 1 2 3 4;
        2: 1 2 3 4;
        3: 1 2 3 4;
        4: 1 2 3 4;
    }
}
