//! The element-wise equations of a cell, as sweeps call them.
//!
//! They are all that sweeps have of a cell that differs from cell to cell beyond its layout. So the code of the sweeps is there once
//! for all cells, and each cell brings functions that are compiled for every instruction set.

use std::marker::PhantomData;

use pulp::{Scalar, Simd, WithSimd};

use super::context::{BackwardTile, ForwardTile};
use super::element::Element;
use super::width::SimdToken;
use crate::Cell;

type ForwardFn<T> = fn(SimdToken, usize, &[ForwardTile<T, Scalar>]);
type BackwardFn<T> = fn(SimdToken, usize, &[BackwardTile<T, Scalar>]);

/// The equations of some cell.
#[derive(Debug, Clone, Copy)]
pub struct Equations<T: Element> {
    infer: ForwardFn<T>,
    record: ForwardFn<T>,
    backward: BackwardFn<T>,
    initial: BackwardFn<T>,
}

impl<T: Element> Equations<T> {
    /// Those of the cell `C`.
    pub fn of<C: Cell>() -> Self {
        Equations {
            infer: forward::<C, T, false>,
            record: forward::<C, T, true>,
            backward: |token, pass, tiles| {
                token.dispatch(Backward::<C, T> {
                    cell: PhantomData,
                    pass,
                    tiles,
                });
            },
            initial: |token, lead, tiles| {
                token.dispatch(Initial::<C, T> {
                    cell: PhantomData,
                    lead,
                    tiles,
                });
            },
        }
    }

    /// The forward step, which writes a tape or not.
    pub(crate) fn forward(&self, token: SimdToken, has_tape: bool) -> ForwardEquations<T> {
        ForwardEquations {
            token,
            function: if has_tape { self.record } else { self.infer },
            has_tape,
        }
    }

    /// The error signals.
    pub(crate) fn backward(&self, token: SimdToken) -> BackwardEquations<T> {
        BackwardEquations {
            token,
            signals: self.backward,
            initial: self.initial,
        }
    }
}

/// The equations of a forward step, for an instruction set.
#[derive(Clone, Copy)]
pub(crate) struct ForwardEquations<T: Element> {
    token: SimdToken,
    function: ForwardFn<T>,
    /// Whether they write a tape.
    pub has_tape: bool,
}

impl<T: Element> ForwardEquations<T> {
    /// Computes those of a pass, for some groups of units.
    #[inline(always)]
    pub fn compute(&self, pass: usize, tiles: &[ForwardTile<T, Scalar>]) {
        (self.function)(self.token, pass, tiles);
    }
}

/// The error signals of a backward step, for an instruction set.
#[derive(Clone, Copy)]
pub(crate) struct BackwardEquations<T: Element> {
    token: SimdToken,
    signals: BackwardFn<T>,
    initial: BackwardFn<T>,
}

impl<T: Element> BackwardEquations<T> {
    /// Computes those of a pass, for some groups of units.
    #[inline(always)]
    pub fn compute(&self, pass: usize, tiles: &[BackwardTile<T, Scalar>]) {
        (self.signals)(self.token, pass, tiles);
    }

    /// What the first step leaves for the gradient of the initial state, for some groups of units of a lead.
    pub fn compute_initial(&self, lead: usize, tiles: &[BackwardTile<T, Scalar>]) {
        (self.initial)(self.token, lead, tiles);
    }
}

fn forward<C: Cell, T: Element, const TAPE: bool>(
    token: SimdToken,
    pass: usize,
    tiles: &[ForwardTile<T, Scalar>],
) {
    token.dispatch(Forward::<C, T, TAPE> {
        cell: PhantomData,
        pass,
        tiles,
    });
}

struct Forward<'a, C, T: Element, const TAPE: bool> {
    cell: PhantomData<C>,
    pass: usize,
    tiles: &'a [ForwardTile<T, Scalar>],
}

impl<C: Cell, T: Element, const TAPE: bool> WithSimd for Forward<'_, C, T, TAPE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for tile in self.tiles {
            C::forward::<T, S, TAPE>(self.pass, &tile.with_simd(simd));
        }
    }
}

struct Backward<'a, C, T: Element> {
    cell: PhantomData<C>,
    pass: usize,
    tiles: &'a [BackwardTile<T, Scalar>],
}

impl<C: Cell, T: Element> WithSimd for Backward<'_, C, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for tile in self.tiles {
            C::backward::<T, S>(self.pass, &tile.with_simd(simd));
        }
    }
}

struct Initial<'a, C, T: Element> {
    cell: PhantomData<C>,
    lead: usize,
    tiles: &'a [BackwardTile<T, Scalar>],
}

impl<C: Cell, T: Element> WithSimd for Initial<'_, C, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for tile in self.tiles {
            C::initial_gradient::<T, S>(self.lead, &tile.with_simd(simd));
        }
    }
}
