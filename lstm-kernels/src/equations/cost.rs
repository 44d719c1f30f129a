//! What a step costs, before the sizes are known.

/// The work of the kernels of a cell, for each step and sample, and what they keep for the backward pass.
///
/// A value counts once, even where a kernel computes it again in a second pass rather than keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The step forward.
    pub forward: StepCost,
    /// The step backward: error signals, and the sums that make the gradients of element-wise parameters.
    pub backward: StepCost,
    /// The matrices with a gradient, as indices of parameters: once for each product of errors and vectors.
    pub gradients: &'static [usize],
    /// The matrices whose products with errors make the gradient of the input.
    pub input_gradient: &'static [usize],
    /// What forward keeps for backward.
    pub tape: &'static [Vector],
    /// The errors that backward keeps until the gradients of the matrices are formed.
    pub errors: &'static [Vector],
}

impl Cost {
    /// No work.
    pub(crate) const EMPTY: Cost = Cost {
        forward: StepCost::EMPTY,
        backward: StepCost::EMPTY,
        gradients: &[],
        input_gradient: &[],
        tape: &[],
        errors: &[],
    };
}

/// The work of one direction of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepCost {
    /// The matrices that are multiplied with a vector, as indices of parameters.
    pub products: &'static [usize],
    /// The rest, by shape.
    pub elementwise: &'static [Elementwise],
}

impl StepCost {
    const EMPTY: StepCost = StepCost {
        products: &[],
        elementwise: &[],
    };
}

/// How many operations each element of a shape takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elementwise {
    /// The axes, as indices of sizes.
    pub axes: &'static [usize],
    /// Additions, multiplications, comparisons, changes of sign.
    pub cheap: usize,
    /// Functions and quotients.
    pub costly: usize,
    /// Sums over the last axis: additions, one less than the axis is long.
    pub sums: usize,
}

impl Elementwise {
    /// A row of the table.
    pub const fn new(axes: &'static [usize], cheap: usize, costly: usize, sums: usize) -> Self {
        Elementwise {
            axes,
            cheap,
            costly,
            sums,
        }
    }
}

/// A vector, or a scalar, that is kept for each step and sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vector {
    /// What it is called in the generated code.
    pub symbol: &'static str,
    /// Its axes, as indices of sizes.
    pub axes: &'static [usize],
}

impl Vector {
    /// A row of the table.
    pub const fn new(symbol: &'static str, axes: &'static [usize]) -> Self {
        Vector { symbol, axes }
    }
}
