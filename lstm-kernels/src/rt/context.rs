//! What generated element-wise code sees: one group of units for the samples of a tile.
//!
//! A sweep or a stream makes a tile for each pass, group and tile of samples; nobody else can. Rows are those of the cell's own
//! [`Program`](super::program::Program), which is why implementing [`Cell`](crate::Cell) is unsafe.

use pulp::Simd;

use super::element::Element;
use super::lanes::Lanes;
use super::rows::Rows;

macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, sample: usize, row: usize) -> Lanes<T, S> {
            // SAFETY: the sweep gives memory with the rows of the program for each of its samples.
            unsafe { Lanes::load(self.simd, self.$field.at(sample, row)) }
        }
    )*};
}

macro_rules! writes {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, sample: usize, row: usize, value: Lanes<T, S>) {
            // SAFETY: the sweep gives memory with the rows of the program for each of its samples.
            unsafe { value.store(self.$field.at(sample, row)) }
        }
    )*};
}

macro_rules! partial_reads {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, sample: usize, row: usize) -> Lanes<T, S> {
            // SAFETY: the user's matrix has `valid` rows from here on; the sweep checked its shape.
            unsafe { Lanes::load_first(self.simd, self.$field.at(sample, row), self.valid) }
        }
    )*};
}

macro_rules! partial_writes {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, sample: usize, row: usize, value: Lanes<T, S>) {
            // SAFETY: the user's matrix has `valid` rows from here on; the sweep checked its shape.
            unsafe { value.store_first(self.$field.at(sample, row), self.valid) }
        }
    )*};
}

macro_rules! sums {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, sample: usize, index: usize) -> Lanes<T, S> {
            // SAFETY: the sweep gives one scalar per sum of the program for each of its samples.
            Lanes::splat(self.simd, unsafe { *self.$field.at(sample, index) })
        }
    )*};
}

macro_rules! adds {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, sample: usize, index: usize, value: Lanes<T, S>) {
            let place = self.$field.at(sample, index);
            // SAFETY: the sweep gives one scalar per sum of the program for each of its samples.
            unsafe { *place += value.keep_first(self.valid).sum() };
        }
    )*};
}

macro_rules! common {
    () => {
        /// How many samples the tile has.
        #[inline(always)]
        pub fn samples(&self) -> usize {
            self.samples
        }

        /// How many cells a block has.
        #[inline(always)]
        pub fn cells(&self) -> usize {
            self.cells
        }

        /// Zero in every lane.
        #[inline(always)]
        pub fn zero(&self) -> Lanes<T, S> {
            Lanes::zero(self.simd)
        }

        /// A number in every lane.
        #[inline(always)]
        pub fn number(&self, value: f64) -> Lanes<T, S> {
            Lanes::splat(self.simd, T::from_f64(value))
        }

        /// The length of an axis in every lane.
        #[inline(always)]
        pub fn size(&self, axis: usize) -> Lanes<T, S> {
            // SAFETY: the program names axes of the cell, and the sweep gives all its sizes.
            self.number(unsafe { *self.sizes.add(axis) } as f64)
        }

        /// An element-wise parameter.
        #[inline(always)]
        pub fn param(&self, row: usize) -> Lanes<T, S> {
            // SAFETY: the packed parameters have the rows of the program for each group of units.
            unsafe { Lanes::load(self.simd, self.params.add(row * T::lanes::<S>())) }
        }

        /// A scalar parameter in every lane.
        #[inline(always)]
        pub fn scalar(&self, index: usize) -> Lanes<T, S> {
            // SAFETY: the packed parameters have all scalars of the program.
            Lanes::splat(self.simd, unsafe { *self.scalars.add(index) })
        }

        /// The sum of products in a row of accumulators.
        #[inline(always)]
        pub fn accumulator(&self, sample: usize, row: usize) -> Lanes<T, S> {
            let lanes = T::lanes::<S>();
            // SAFETY: the sweep gives accumulators for each row of the pass and each of its samples.
            unsafe {
                Lanes::load(
                    self.simd,
                    self.accumulators
                        .add(row * self.accumulators_row + sample * lanes),
                )
            }
        }
    };
}

/// A tile of the forward step.
#[derive(Debug, Clone, Copy)]
pub struct ForwardTile<T: Element, S: Simd> {
    pub(crate) simd: S,
    pub(crate) samples: usize,
    pub(crate) cells: usize,
    /// Lanes that are units, not padding.
    pub(crate) valid: usize,
    pub(crate) sizes: *const usize,
    pub(crate) params: *const T,
    pub(crate) scalars: *const T,
    pub(crate) accumulators: *mut T,
    /// From one row of accumulators to the next.
    pub(crate) accumulators_row: usize,
    pub(crate) input: Rows<T>,
    pub(crate) lanes: Rows<T>,
    pub(crate) previous_lanes: Rows<T>,
    pub(crate) columns: Rows<T>,
    pub(crate) previous_columns: Rows<T>,
    pub(crate) output: Rows<T>,
    pub(crate) sums: Rows<T>,
}

impl<T: Element, S: Simd> ForwardTile<T, S> {
    /// The same memory for another instruction set, whose registers have as many lanes as the memory was laid out for.
    #[inline(always)]
    pub(crate) fn with_simd<R: Simd>(&self, simd: R) -> ForwardTile<T, R> {
        ForwardTile {
            simd,
            samples: self.samples,
            cells: self.cells,
            valid: self.valid,
            sizes: self.sizes,
            params: self.params,
            scalars: self.scalars,
            accumulators: self.accumulators,
            accumulators_row: self.accumulators_row,
            input: self.input,
            lanes: self.lanes,
            previous_lanes: self.previous_lanes,
            columns: self.columns,
            previous_columns: self.previous_columns,
            output: self.output,
            sums: self.sums,
        }
    }

    common!();
    partial_reads! {
        /// The input, element by element.
        input: input;
    }
    reads! {
        /// A lane vector of this step.
        lanes: lanes;
        /// A lane vector of the step before.
        previous_lanes: previous_lanes;
        /// A column of this step.
        column: columns;
        /// A column of the step before.
        previous_column: previous_columns;
    }
    writes! {
        /// Keeps a lane vector of this step.
        set_lanes: lanes;
        /// Keeps a column of this step.
        set_column: columns;
    }
    partial_writes! {
        /// Writes the output.
        set_output: output;
    }
    sums! {
        /// A sum over all units, of an earlier pass.
        sum: sums;
    }
    adds! {
        /// Adds this group's units to that sum; padding does not count.
        add_sum: sums;
    }

    /// Leaves a value to the second loop over the samples, in a row of accumulators whose sum was used up.
    #[inline(always)]
    pub fn hand_over(&self, sample: usize, row: usize, value: Lanes<T, S>) {
        let place = row * self.accumulators_row + sample * T::lanes::<S>();
        // SAFETY: the sweep gives accumulators for each row of the pass and each of its samples, to this tile alone.
        unsafe { value.store(self.accumulators.add(place)) };
    }

    /// What the first loop left there.
    #[inline(always)]
    pub fn handed_over(&self, sample: usize, row: usize) -> Lanes<T, S> {
        self.accumulator(sample, row)
    }
}

/// A tile of the backward step.
#[derive(Debug, Clone, Copy)]
pub struct BackwardTile<T: Element, S: Simd> {
    pub(crate) simd: S,
    pub(crate) samples: usize,
    pub(crate) cells: usize,
    /// Lanes that are units, not padding.
    pub(crate) valid: usize,
    /// Whether this is the last step of the sequence.
    pub(crate) is_last: bool,
    pub(crate) sizes: *const usize,
    pub(crate) params: *const T,
    pub(crate) scalars: *const T,
    pub(crate) accumulators: *const T,
    /// From one row of accumulators to the next.
    pub(crate) accumulators_row: usize,
    pub(crate) input: Rows<T>,
    pub(crate) lanes: Rows<T>,
    pub(crate) previous_lanes: Rows<T>,
    pub(crate) columns: Rows<T>,
    pub(crate) previous_columns: Rows<T>,
    pub(crate) sums: Rows<T>,
    pub(crate) upstream: Rows<T>,
    pub(crate) carries: Rows<T>,
    pub(crate) next_carries: Rows<T>,
    pub(crate) errors: Rows<T>,
    pub(crate) spill: Rows<T>,
    pub(crate) error_sums: Rows<T>,
    pub(crate) gradients: Rows<T>,
    pub(crate) input_gradient: Rows<T>,
}

impl<T: Element, S: Simd> BackwardTile<T, S> {
    /// The same memory for another instruction set, whose registers have as many lanes as the memory was laid out for.
    #[inline(always)]
    pub(crate) fn with_simd<R: Simd>(&self, simd: R) -> BackwardTile<T, R> {
        BackwardTile {
            simd,
            samples: self.samples,
            cells: self.cells,
            valid: self.valid,
            is_last: self.is_last,
            sizes: self.sizes,
            params: self.params,
            scalars: self.scalars,
            accumulators: self.accumulators,
            accumulators_row: self.accumulators_row,
            input: self.input,
            lanes: self.lanes,
            previous_lanes: self.previous_lanes,
            columns: self.columns,
            previous_columns: self.previous_columns,
            sums: self.sums,
            upstream: self.upstream,
            carries: self.carries,
            next_carries: self.next_carries,
            errors: self.errors,
            spill: self.spill,
            error_sums: self.error_sums,
            gradients: self.gradients,
            input_gradient: self.input_gradient,
        }
    }

    common!();
    partial_reads! {
        /// The input, element by element.
        input: input;
        /// The gradient of the loss with respect to the output.
        upstream: upstream;
    }
    reads! {
        /// A lane vector that the forward step kept.
        lanes: lanes;
        /// A lane vector of the step before.
        previous_lanes: previous_lanes;
        /// A column that the forward step kept.
        column: columns;
        /// A column of the step before.
        previous_column: previous_columns;
        /// What later steps contribute to an error; at the last step the gradient of the final state.
        carry: carries;
        /// An error of an earlier pass.
        error: errors;
        /// A value of an earlier pass.
        spilled: spill;
    }
    writes! {
        /// Leaves a contribution to the error of the step before.
        set_carry: next_carries;
        /// Keeps an error for products.
        set_error: errors;
        /// Keeps a value for a later pass.
        set_spilled: spill;
    }
    sums! {
        /// A sum over all units that the forward step kept.
        sum: sums;
        /// A sum over all units, of an earlier pass.
        error_sum: error_sums;
    }
    adds! {
        /// Adds this group's units to that sum; padding does not count.
        add_error_sum: error_sums;
    }

    /// The gradient of the final state at the last step, zero before: for carried quantities that no later step
    /// contributes to element by element.
    #[inline(always)]
    pub fn final_gradient(&self, sample: usize, row: usize) -> Lanes<T, S> {
        if self.is_last {
            self.carry(sample, row)
        } else {
            self.zero()
        }
    }

    /// Writes the gradient of the input, if it is wanted.
    #[inline(always)]
    pub fn set_input_gradient(&self, sample: usize, row: usize, value: Lanes<T, S>) {
        if self.input_gradient.base.is_null() {
            return;
        }
        // SAFETY: the user's matrix has `valid` rows from here on; the sweep checked its shape.
        unsafe { value.store_first(self.input_gradient.at(sample, row), self.valid) }
    }

    /// Adds to the gradient of an element-wise parameter. Every sample has a sum of its own, so that the result does
    /// not depend on how samples are shared out to tiles and threads.
    #[inline(always)]
    pub fn add_gradient(&self, sample: usize, row: usize, value: Lanes<T, S>) {
        let place = self.gradients.at(sample, row);
        // SAFETY: the sweep gives memory with the rows of the program for each of its samples.
        unsafe { (Lanes::load(self.simd, place) + value).store(place) };
    }
}
