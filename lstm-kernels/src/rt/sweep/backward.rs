//! Backward through a sequence: the error signals of every step, from the last to the first.

use std::slice;

use pulp::{Scalar, Simd, WithSimd};

use super::cuts::sample_strips;
use super::products::{Accumulators, Products, Which};
use super::settled::{Settled, SettledPass, WORTH_SETTLING};
use super::turns::Taken;
use super::{ColumnGrid, Share, Strip};
use crate::rt::context::BackwardTile;
use crate::rt::element::Element;
use crate::rt::equations::BackwardEquations;
use crate::rt::errors::Errors;
use crate::rt::layout::Layout;
use crate::rt::memory::{Memory, VectorPlace};
use crate::rt::panel::Packed;
use crate::rt::pass::PassLayout;
use crate::rt::prefetch::{Coming, Lines};
use crate::rt::program::Operand;
use crate::rt::rows::Rows;
use crate::rt::tile::MAX_SAMPLES;

/// A thread's share of a sweep from the last step to the first. The carries of turn `steps % 2` hold the gradient of
/// the final state; afterwards those of the turn [`INITIAL_TURN`] hold the gradient of the initial
/// state.
pub(crate) struct Backward<'a, T: Element> {
    pub layout: &'a Layout,
    pub equations: BackwardEquations<T>,
    pub packed: &'a Packed<T>,
    pub share: Share<'a>,
    pub steps: usize,
    pub input: ColumnGrid<T>,
    pub upstream: ColumnGrid<T>,
    pub input_gradient: ColumnGrid<T>,
    pub memory: &'a Memory<T>,
    pub errors: &'a Errors<T>,
}

/// Which turn of the carries holds the gradient of the initial state after the sweep.
pub(crate) const INITIAL_TURN: usize = 1;

impl<T: Element> Backward<'_, T> {
    #[inline(never)]
    fn clear_sums(&self) {
        for sample in self.share.samples.clone() {
            let sums = self.errors.sums(self.layout, sample);
            for index in 0..self.layout.program.backward_sums {
                // SAFETY: every sample has so many sums, and only this thread has this sample.
                unsafe { *sums.base.add(index) = T::default() };
            }
        }
    }

    /// What stays the same from step to step of a pass that is one tile; nothing if it is not. It begins before the last step,
    /// behind which there are no errors.
    #[inline(never)]
    fn settle<S: Simd>(&self, index: usize) -> Option<SettledPass<T, S, BackwardTile<T, Scalar>>> {
        let pass = self.layout.backward.get(index)?;
        if self.steps < WORTH_SETTLING {
            return None;
        }
        let strip = self.share.only_strip::<S>(pass)?;
        let products = self.products(pass, strip);
        let before_last = self.steps - 2;
        SettledPass::new(
            &products,
            &|operand, step| self.place(operand, Some(before_last - step)),
            &|group, step| self.tile(pass, strip, (group, Some(before_last - step))),
        )
    }

    /// The products of a strip.
    #[inline(always)]
    fn products<'a>(&'a self, pass: &'a PassLayout, strip: Strip) -> Products<'a, T> {
        let base = self.errors.accumulators.part(self.share.thread);
        Products {
            layout: self.layout,
            pass,
            panels: self.packed.panels.as_ptr(),
            accumulators: Accumulators::of_strip(base, self.layout, pass, strip),
            strip,
            which: Which::All,
        }
    }

    /// What a strip reads of the tape and of the gradient of the outputs, and the errors that it writes. The tape is asked for a step
    /// ahead, as the state of the step before is needed, too.
    #[inline(never)]
    fn coming(&self, pass: &PassLayout, step: usize, strip: Strip) -> Coming<T> {
        let (layout, lead) = (self.layout, pass.lead);
        let (groups, samples) = (strip.groups(layout, pass), strip.samples());
        let upstream = match layout.program.output_lead == lead {
            true => (self.upstream).lines(layout, lead, groups.clone(), (step, samples.clone())),
            false => Lines::NONE,
        };
        Coming([
            (self.memory).lines(layout, lead, step, groups.clone(), samples.clone()),
            (self.errors).lines(layout, lead, step, groups, samples),
            upstream,
            Lines::NONE,
        ])
    }

    /// What the equations of a group see at a step.
    #[inline(always)]
    fn tile(
        &self,
        pass: &PassLayout,
        strip: Strip,
        (group, step): (usize, Option<usize>),
    ) -> BackwardTile<T, Scalar> {
        let (layout, memory, errors) = (self.layout, self.memory, self.errors);
        let (lead, sample) = (layout.leads[pass.lead], strip.first_sample);
        // Turns alternate from step to step; the initial state stands before step 0.
        let (turn, next_turn) = step.map_or((0, INITIAL_TURN), |step| ((step + 1) % 2, step % 2));
        let at = step.unwrap_or(0);
        let rows = |is_there: bool, matrix: &ColumnGrid<T>| match is_there {
            true => matrix.rows(layout, pass.lead, group, (at, sample)),
            false => Rows::none(),
        };
        let is_input = layout.program.input_lead == pass.lead;
        let accumulators = self.products(pass, strip).accumulators;
        BackwardTile {
            simd: Scalar,
            samples: strip.samples,
            cells: lead.cells,
            valid: (lead.units - group * layout.lanes).min(layout.lanes),
            is_last: step.is_some_and(|step| step + 1 == self.steps),
            sizes: layout.sizes.as_ptr(),
            params: self.packed.vectors[pass.lead]
                .as_ptr()
                .wrapping_add(group * lead.params * layout.lanes),
            scalars: self.packed.scalars.as_ptr(),
            accumulators: accumulators.of_group(pass, strip, group),
            accumulators_row: accumulators.row,
            input: rows(is_input, &self.input),
            lanes: memory.lanes(layout, pass.lead, at + 1, group, sample),
            previous_lanes: memory.lanes(layout, pass.lead, at, group, sample),
            columns: memory.columns(layout, pass.lead, at + 1, group, sample),
            previous_columns: memory.columns(layout, pass.lead, at, group, sample),
            sums: memory.sums(layout, at + 1, sample),
            upstream: rows(layout.program.output_lead == pass.lead, &self.upstream),
            carries: errors.carries(layout, pass.lead, turn, group, sample),
            next_carries: errors.carries(layout, pass.lead, next_turn, group, sample),
            errors: errors.columns(layout, pass.lead, at, group, sample),
            spill: errors.spill(layout, pass.lead, group, sample),
            error_sums: errors.sums(layout, sample),
            gradients: errors.gradients(layout, pass.lead, group, sample),
            input_gradient: rows(is_input, &self.input_gradient),
        }
    }

    /// Where a product finds its vector; nowhere if that is zero.
    #[inline(always)]
    fn place(&self, operand: Operand, step: Option<usize>) -> Option<VectorPlace<T>> {
        let layout = self.layout;
        let Some(step) = step else {
            // The errors of the first step reach the initial state.
            let Operand::Error {
                lead,
                slot,
                next: true,
            } = operand
            else {
                return None;
            };
            let first = Operand::Error {
                lead,
                slot,
                next: false,
            };
            return self.errors.vector(layout, first, 0);
        };
        match operand {
            // Behind the last step there are no errors.
            Operand::Error { next: true, .. } if step + 1 == self.steps => None,
            Operand::Error { .. } => self.errors.vector(layout, operand, step),
            Operand::Forward { .. } => self.memory.vector(layout, operand, step + 1),
            Operand::Input => Some(self.input.vector(step)),
        }
    }
}

type SettledPasses<T, S> = Settled<T, S, BackwardTile<T, Scalar>>;

impl<T: Element> WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut settled: SettledPasses<T, S> = std::array::from_fn(|index| self.settle(index));
        let mut left = Some(self.steps);
        while let Some(steps) = left {
            for steps in (0..=steps).rev() {
                self.share.relieve(steps);
                self.step(simd, steps.checked_sub(1), &mut settled);
                if !self.share.meet_or_part() {
                    return;
                }
            }
            left = self.share.take_over();
        }
    }
}

impl<T: Element> Backward<'_, T> {
    /// A step, or, before the first one, the gradient of the initial state.
    #[inline(always)]
    fn step<S: Simd>(&self, simd: S, step: Option<usize>, settled: &mut SettledPasses<T, S>) {
        let program = self.layout.program;
        if step.is_some() && program.backward_sums > 0 {
            self.clear_sums();
        }
        // The passes that the initial state has, too, come first.
        let first = program.backward.iter().take_while(|pass| pass.level == 0);
        let passes = match step {
            Some(_) => program.backward.len(),
            None => first.count(),
        };
        // Behind the last step there are no errors, and before the first one no equations.
        let is_settled = step.is_some_and(|step| step + 1 < self.steps);
        for index in 0..passes {
            if index > 0 {
                self.share.meet();
            }
            match settled.get_mut(index).and_then(Option::as_mut) {
                Some(settled) if is_settled => self.settled_pass(simd, index, settled),
                _ => self.pass(simd, step, index),
            }
        }
    }

    /// A pass that is one strip, of which the rest is known.
    #[inline(always)]
    fn settled_pass<S: Simd>(
        &self,
        simd: S,
        index: usize,
        settled: &mut SettledPass<T, S, BackwardTile<T, Scalar>>,
    ) {
        let base = self.errors.accumulators.part(self.share.thread);
        // SAFETY: it was made for the strips of this pass, the only ones of every step, and for all steps but the last.
        unsafe { settled.compute(simd, base) };
        self.equations.compute(index, settled.tiles());
        settled.advance();
    }

    /// Any pass, turn by turn and strip by strip.
    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, step: Option<usize>, index: usize) {
        let pass = &self.layout.backward[index];
        // Sums over all units are formed as the units come, so these come in one order at every step.
        let backwards =
            step.is_some_and(|step| step % 2 == 1) && self.layout.program.backward_sums == 0;
        let mut turns = Taken::new::<S>(&self.share, pass, backwards);
        while let Some(turn) = turns.next::<S>() {
            for samples in sample_strips(&turn.samples) {
                self.strip(simd, step, index, turn.strip(samples));
            }
        }
    }

    /// The products of a strip, and the equations of its groups.
    #[inline(always)]
    fn strip<S: Simd>(&self, simd: S, step: Option<usize>, index: usize, strip: Strip) {
        let pass = &self.layout.backward[index];
        let mut coming = match step {
            Some(step) if strip.samples > MAX_SAMPLES => self.coming(pass, step, strip),
            _ => Coming::NONE,
        };
        let products = self.products(pass, strip);
        products.compute(simd, |operand| self.place(operand, step), &mut coming);
        for group in strip.groups(self.layout, pass) {
            let tile = self.tile(pass, strip, (group, step));
            let tiles = slice::from_ref(&tile);
            match step {
                Some(_) => self.equations.compute(index, tiles),
                None => self.equations.compute_initial(pass.lead, tiles),
            }
        }
    }
}
