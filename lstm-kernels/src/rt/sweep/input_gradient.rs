//! The gradient of the input: ∂L/∂x = Σ Wᵀ error, for all steps and samples at once.

use pulp::Simd;

use super::cuts::{part, strips};
use super::gradients::Gradients;
use super::products::{Accumulators, Products, Which};
use super::share::Strip;
use super::turns::Turns;
use crate::rt::element::Element;
use crate::rt::lanes::Lanes;
use crate::rt::prefetch::{Coming, Lines};
use crate::rt::rows::Rows;
use crate::rt::tile::{MAX_SAMPLES, MAX_TILES};

impl<T: Element> Gradients<'_, T> {
    /// Writes the gradient of the input, on top of what the sweep wrote element by element. Threads share the steps and samples.
    #[inline(always)]
    pub(super) fn write_input_gradient<S: Simd>(&self, simd: S) {
        let pass = &self.layout.input_gradient;
        let adds = self.layout.program.input_gradient;
        if self.input_gradient.base.is_null() || (adds && pass.segments.is_empty()) {
            return;
        }
        let columns = self.columns();
        let strips = strips(columns).max(self.threads.min(columns.div_ceil(MAX_SAMPLES)));
        let turns = Turns::new::<S>(pass, 0..pass.blocks, columns.min(MAX_SAMPLES), false);
        self.begin(strips);
        while let Some(strip) = self.take() {
            let samples = part(0..columns, strip, strips);
            for turn in 0..turns.count {
                let whole = (samples.start, samples.len());
                let strip = turns.turn(turn, samples.clone()).strip(whole);
                let base = self.errors.accumulators.part(self.thread);
                let accumulators = Accumulators::of_strip(base, self.layout, pass, strip);
                let products = Products {
                    layout: self.layout,
                    pass,
                    panels: self.packed.panels.as_ptr(),
                    accumulators,
                    strip,
                    which: Which::All,
                };
                let place = |operand| self.errors.vector(self.layout, operand, 0);
                products.compute(simd, place, &mut self.coming(strip));
                self.write_strip(simd, accumulators, strip, adds);
            }
        }
    }

    /// What a strip writes, of the columns that have even spaces with the first.
    #[inline(never)]
    fn coming(&self, strip: Strip) -> Coming<T> {
        let (layout, matrix) = (self.layout, &self.input_gradient);
        let groups = strip.groups(layout, &layout.input_gradient);
        let (base, count) = matrix.run(strip.first_sample, strip.samples);
        let rows = Rows {
            base: base.wrapping_add(groups.start * layout.lanes),
            row: 0,
            sample: matrix.sample(),
        };
        let lines = Lines::of_rows(rows, groups.len() * layout.lanes, count);
        Coming([lines, Lines::NONE, Lines::NONE, Lines::NONE])
    }

    #[inline(always)]
    fn write_strip<S: Simd>(
        &self,
        simd: S,
        accumulators: Accumulators<T>,
        strip: Strip,
        adds: bool,
    ) {
        let (layout, lanes) = (self.layout, self.layout.lanes);
        let pass = &layout.input_gradient;
        let lead = layout.leads[pass.lead];
        let mut columns = [std::ptr::null_mut(); MAX_TILES * MAX_SAMPLES];
        let mut found = 0;
        while found < strip.samples {
            let first = strip.first_sample + found;
            let (base, count) = self.input_gradient.run(first, strip.samples - found);
            for (index, column) in columns[found..][..count].iter_mut().enumerate() {
                *column = base.wrapping_offset(index as isize * self.input_gradient.sample());
            }
            found += count;
        }
        let groups = strip.groups(layout, pass);
        let first_group = groups.start;
        for group in groups {
            let valid = (lead.units - group * lanes).min(lanes);
            for row in 0..pass.rows {
                let sums = (group - first_group) * pass.rows + row;
                for (sample, column) in columns[..strip.samples].iter().enumerate() {
                    let sum = sums * accumulators.row + sample * lanes;
                    let target = column.wrapping_add(group * lanes + row * lead.units);
                    // SAFETY: the strip has accumulators for each row and sample, and the user's matrix has `valid`
                    // elements from here on; these columns are this thread's alone.
                    unsafe {
                        let mut sum = Lanes::load(simd, accumulators.base.add(sum));
                        if adds {
                            sum += Lanes::load_first(simd, target, valid);
                        }
                        sum.store_first(target, valid);
                    }
                }
            }
        }
    }
}
