//! Forward through a sequence: inference and, with a tape, training.

use std::ops::Range;
use std::slice;

use pulp::{Scalar, Simd, WithSimd};

use super::cuts::sample_strips;
use super::products::{Accumulators, Products, Which};
use super::settled::{Settled, SettledPass, WORTH_SETTLING};
use super::turns::Taken;
use super::{ColumnGrid, Share, Strip};
use crate::rt::context::ForwardTile;
use crate::rt::element::Element;
use crate::rt::equations::ForwardEquations;
use crate::rt::layout::Layout;
use crate::rt::memory::{Memory, VectorPlace};
use crate::rt::panel::Packed;
use crate::rt::pass::PassLayout;
use crate::rt::prefetch::{Coming, Lines};
use crate::rt::program::Operand;
use crate::rt::rows::Rows;
use crate::rt::tile::MAX_SAMPLES;

/// From so many samples on, columns and outputs are asked for.
const MANY: usize = 2 * MAX_SAMPLES;

/// A thread's share of a sweep over the steps of a sequence. The first slot of the memory holds the initial state.
pub(crate) struct Forward<'a, T: Element> {
    pub layout: &'a Layout,
    pub equations: ForwardEquations<T>,
    pub packed: &'a Packed<T>,
    pub share: Share<'a>,
    pub steps: usize,
    pub input: ColumnGrid<T>,
    pub output: ColumnGrid<T>,
    pub memory: &'a Memory<T>,
}

impl<T: Element> Forward<'_, T> {
    #[inline(never)]
    fn clear_sums(&self, step: usize) {
        let slot = self.memory.slot(step + 1);
        for sample in self.share.samples.clone() {
            let sums = self.memory.sums(self.layout, slot, sample);
            for index in 0..self.layout.program.forward_sums {
                // SAFETY: every sample has so many sums, and only this thread has this sample.
                unsafe { *sums.base.add(index) = T::default() };
            }
        }
    }

    /// The products of some steps with their input, for this thread's samples.
    #[inline(never)]
    fn run_ahead<S: Simd>(&self, simd: S, steps: Range<usize>) {
        let own = self.share.samples.clone();
        // Steps share a tile only if their columns are evenly spaced.
        let place = if self.input.is_even() && own.len() == self.memory.batch {
            self.input.vector(steps.start)
        } else {
            self.bring_together(steps.clone())
        };
        for (index, pass) in self.layout.forward.iter().enumerate() {
            if !pass.can_run_ahead() {
                continue;
            }
            let columns = 0..steps.len() * own.len();
            let turns = self.share.turns::<S>(pass, columns.len(), false);
            for turn in 0..turns.count {
                let turn = turns.turn(turn, columns.clone());
                for samples in sample_strips(&columns) {
                    let strip = turn.strip(samples);
                    let accumulators =
                        self.ahead_place(index, strip.first_block, strip.first_sample);
                    let products = self.products(pass, strip, accumulators, Which::Input);
                    let mut nothing = Coming::NONE;
                    products.compute(simd, |_| Some(place), &mut nothing);
                }
            }
        }
    }

    /// Copies the inputs of some steps side by side, for this thread: they are few, and each is read many times.
    fn bring_together(&self, steps: Range<usize>) -> VectorPlace<T> {
        let (len, base) = (
            self.layout.input_len,
            self.memory.ahead_input.part(self.share.thread),
        );
        let mut target = base;
        for step in steps {
            for sample in self.share.samples.clone() {
                // SAFETY: every step of every sample has an input of this length, and this thread's scratch room for as
                // many as run ahead.
                unsafe {
                    let input = self.input.column(step, sample);
                    std::ptr::copy_nonoverlapping(input.cast_const(), target, len);
                }
                target = target.wrapping_add(len);
            }
        }
        VectorPlace {
            base,
            plane: 0,
            sample: len as isize,
        }
    }

    /// What stays the same from step to step of a pass that is one tile; nothing if it is not.
    #[inline(never)]
    pub(super) fn settle<S: Simd>(
        &self,
        index: usize,
        ahead: bool,
    ) -> Option<SettledPass<T, S, ForwardTile<T, Scalar>>> {
        let pass = self.layout.forward.get(index)?;
        if self.steps < WORTH_SETTLING {
            return None;
        }
        let strip = self.share.only_strip::<S>(pass)?;
        let ahead = (ahead && pass.can_run_ahead()).then_some(0);
        let accumulators = self.accumulators(pass, index, strip, ahead);
        let products = self.products(pass, strip, accumulators, Which::left(ahead));
        SettledPass::new(
            &products,
            &|operand, step| self.place(operand, step),
            &|group, step| self.tile(pass, strip, accumulators, (group, step)),
        )
    }

    /// The products of a strip.
    #[inline(always)]
    fn products<'a>(
        &'a self,
        pass: &'a PassLayout,
        strip: Strip,
        accumulators: Accumulators<T>,
        which: Which,
    ) -> Products<'a, T> {
        Products {
            layout: self.layout,
            pass,
            panels: self.packed.panels.as_ptr(),
            accumulators,
            strip,
            which,
        }
    }

    /// Where a product finds its vector.
    #[inline(always)]
    fn place(&self, operand: Operand, step: usize) -> Option<VectorPlace<T>> {
        match operand {
            Operand::Input => Some(self.input.vector(step)),
            _ => self.memory.vector(self.layout, operand, step + 1),
        }
    }

    /// What a strip writes: lanes of the tape and, where there are enough samples that asking for them pays, columns and outputs.
    #[inline(never)]
    fn coming(&self, pass: &PassLayout, step: usize, strip: Strip, tape: bool) -> Coming<T> {
        let (layout, memory, lead) = (self.layout, self.memory, pass.lead);
        let (groups, samples) = (strip.groups(layout, pass), strip.samples());
        let mut coming = Coming::NONE;
        let [lanes, columns, output, input] = &mut coming.0;
        if tape {
            *lanes = memory.lines(layout, lead, step + 1, groups.clone(), samples.clone());
        }
        if samples.len() < MANY {
            return coming;
        }
        if tape && layout.leads[lead].columns > 0 {
            let rows = memory.columns(layout, lead, step + 1, groups.start, samples.start);
            *columns = Lines::of_rows(rows, groups.len() * layout.lanes, samples.len());
        }
        if pass.input_segments > 0 && strip.first_block == 0 && step + 1 < self.steps {
            // The first strips of a pass that reads the input ask for that of the next step.
            let lead = layout.program.input_lead;
            let all = 0..layout.leads[lead].groups;
            *input = (self.input).lines(layout, lead, all, (step + 1, samples.clone()));
        }
        if layout.program.output_lead == lead {
            *output = (self.output).lines(layout, lead, groups, (step, samples));
        }
        coming
    }

    /// Where a strip's sums are: among those that ran ahead, or in this thread's scratch.
    #[inline(always)]
    fn accumulators(
        &self,
        pass: &PassLayout,
        index: usize,
        strip: Strip,
        ahead: Option<usize>,
    ) -> Accumulators<T> {
        match ahead {
            Some(step) => {
                let own = &self.share.samples;
                let column = step * own.len() + (strip.first_sample - own.start);
                self.ahead_place(index, strip.first_block, column)
            }
            None => {
                let base = self.memory.accumulators.part(self.share.thread);
                Accumulators::of_strip(base, self.layout, pass, strip)
            }
        }
    }

    /// What the equations of a group see at a step.
    #[inline(always)]
    fn tile(
        &self,
        pass: &PassLayout,
        strip: Strip,
        accumulators: Accumulators<T>,
        (group, step): (usize, usize),
    ) -> ForwardTile<T, Scalar> {
        let (layout, memory) = (self.layout, self.memory);
        let (lead, sample) = (layout.leads[pass.lead], strip.first_sample);
        let (now, previous) = (memory.slot(step + 1), memory.slot(step));
        let rows = |is_there: bool, matrix: &ColumnGrid<T>| match is_there {
            true => matrix.rows(layout, pass.lead, group, (step, sample)),
            false => Rows::none(),
        };
        ForwardTile {
            simd: Scalar,
            samples: strip.samples,
            cells: lead.cells,
            valid: (lead.units - group * layout.lanes).min(layout.lanes),
            sizes: layout.sizes.as_ptr(),
            params: self.packed.vectors[pass.lead]
                .as_ptr()
                .wrapping_add(group * lead.params * layout.lanes),
            scalars: self.packed.scalars.as_ptr(),
            accumulators: accumulators.of_group(pass, strip, group),
            accumulators_row: accumulators.row,
            input: rows(layout.program.input_lead == pass.lead, &self.input),
            lanes: memory.lanes(layout, pass.lead, now, group, sample),
            previous_lanes: memory.lanes(layout, pass.lead, previous, group, sample),
            columns: memory.columns(layout, pass.lead, now, group, sample),
            previous_columns: memory.columns(layout, pass.lead, previous, group, sample),
            output: rows(layout.program.output_lead == pass.lead, &self.output),
            sums: memory.sums(layout, now, sample),
        }
    }

    /// Where the products that run ahead lie, from a column of this thread's on: it has the steps of its samples side by side.
    #[inline(always)]
    fn ahead_place(&self, index: usize, first_block: usize, column: usize) -> Accumulators<T> {
        let (layout, memory) = (self.layout, self.memory);
        let pass = &layout.forward[index];
        let steps = memory.steps_ahead.unwrap_or(0);
        let column = self.share.samples.start * steps + column;
        let row = steps * memory.batch * layout.lanes;
        let block = pass.groups * pass.rows * row;
        let base = memory.ahead[index].shared();
        Accumulators {
            base: base.wrapping_add(first_block * block + column * layout.lanes),
            row,
            block,
        }
    }
}

type SettledPasses<T, S> = Settled<T, S, ForwardTile<T, Scalar>>;

impl<T: Element> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // A single step, as in streaming, has nothing to run ahead of.
        let ahead = self.memory.steps_ahead.filter(|_| self.steps > 1);
        let mut settled: SettledPasses<T, S> =
            std::array::from_fn(|index| self.settle(index, ahead.is_some()));
        let mut left = self.steps;
        loop {
            // Samples change hands only where nothing has run ahead of them.
            self.share.relieve(left);
            let first = self.steps - left;
            let steps = first..self.steps.min(first + ahead.unwrap_or(1));
            left -= steps.len();
            if ahead.is_some() {
                self.run_ahead(simd, steps.clone());
                self.share.meet();
            }
            for step in steps {
                let ahead = ahead.map(|_| step - first);
                self.step(simd, step, ahead, &mut settled);
                if !self.share.meet_or_part() {
                    return;
                }
            }
            if left == 0 {
                match self.share.take_over() {
                    Some(steps) => left = steps,
                    None => return,
                }
            }
        }
    }
}

impl<T: Element> Forward<'_, T> {
    /// A step, the so-many-th of those that run ahead.
    #[inline(always)]
    fn step<S: Simd>(
        &self,
        simd: S,
        step: usize,
        ahead: Option<usize>,
        settled: &mut SettledPasses<T, S>,
    ) {
        if self.layout.program.forward_sums > 0 {
            self.clear_sums(step);
        }
        for index in 0..self.layout.forward.len() {
            if index > 0 {
                self.share.meet();
            }
            match settled.get_mut(index).and_then(Option::as_mut) {
                Some(settled) => self.settled_pass(simd, index, ahead, settled),
                None => self.pass(simd, step, index, ahead),
            }
        }
    }

    /// A pass that is one strip, of which the rest is known.
    #[inline(always)]
    fn settled_pass<S: Simd>(
        &self,
        simd: S,
        index: usize,
        ahead: Option<usize>,
        settled: &mut SettledPass<T, S, ForwardTile<T, Scalar>>,
    ) {
        let pass = &self.layout.forward[index];
        let ahead = ahead.filter(|_| pass.can_run_ahead());
        let accumulators = self.accumulators(pass, index, settled.strip, ahead);
        // SAFETY: it was made for the strips of this pass, the only ones of every step.
        unsafe { settled.compute(simd, accumulators.base) };
        let mut base = accumulators.base;
        for tile in settled.tiles() {
            tile.accumulators = base;
            base = base.wrapping_add(pass.rows * accumulators.row);
        }
        self.equations.compute(index, settled.tiles());
        settled.advance();
    }

    /// Any pass, turn by turn and strip by strip.
    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, step: usize, index: usize, ahead: Option<usize>) {
        let pass = &self.layout.forward[index];
        let ahead = ahead.filter(|_| pass.can_run_ahead());
        // Sums over all units are formed as the units come, so these come in one order at every step.
        let backwards = step % 2 == 1 && self.layout.program.forward_sums == 0;
        let mut turns = Taken::new::<S>(&self.share, pass, backwards);
        while let Some(turn) = turns.next::<S>() {
            for samples in sample_strips(&turn.samples) {
                self.strip(simd, step, index, turn.strip(samples), ahead);
            }
        }
    }

    /// The products of a strip, and the equations of its groups.
    #[inline(always)]
    fn strip<S: Simd>(
        &self,
        simd: S,
        step: usize,
        index: usize,
        strip: Strip,
        ahead: Option<usize>,
    ) {
        let pass = &self.layout.forward[index];
        let accumulators = self.accumulators(pass, index, strip, ahead);
        let has_tape = self.equations.has_tape;
        let mut coming = match strip.samples >= MANY || has_tape && strip.samples > MAX_SAMPLES {
            true => self.coming(pass, step, strip, has_tape),
            false => Coming::NONE,
        };
        let products = self.products(pass, strip, accumulators, Which::left(ahead));
        products.compute(simd, |operand| self.place(operand, step), &mut coming);
        for group in strip.groups(self.layout, pass) {
            let tile = self.tile(pass, strip, accumulators, (group, step));
            self.equations.compute(index, slice::from_ref(&tile));
        }
    }
}
