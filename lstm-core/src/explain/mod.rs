//! A layer in words and numbers: what it computes, what it holds, what a step costs.

mod json;
mod page;

use lstm_kernels::equations::{StepCost, Vector};
use lstm_kernels::{Cell, CellSpec, Element, ParamRole, Tape, VectorSpec};

use crate::params::Parameters;
use crate::recurrent::Recurrent;

/// What a layer computes, holds and costs, from [`Recurrent::explain`].
///
/// `Display` prints it as a page to read, [`to_json`](Self::to_json) as data.
///
/// # What is counted
/// An addition, a multiplication, a comparison, a change of sign, a quotient and a function such as `tanh` are one
/// floating-point operation each, a fused multiplication and addition two. A matrix of m x n times a vector is 2·m·n. A
/// value counts once, even where a kernel computes it again in a second pass rather than keep it. What happens once per
/// call, whatever its length, is left out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The cell's name.
    pub cell: &'static str,
    /// What the cell is and where it comes from: its whole documentation, the first line of which is a title.
    pub doc: &'static str,
    /// The element type: `f32` or `f64`.
    pub element: &'static str,
    /// The SIMD width of the kernels.
    pub width: &'static str,
    /// The sizes: name and value.
    pub sizes: Vec<(&'static str, usize)>,
    /// The equations, one a line.
    pub equations: &'static str,
    /// The input of a step.
    pub input: ExplainedVector,
    /// The output of a step.
    pub output: ExplainedVector,
    /// The states carried from one step to the next.
    pub carried: Vec<ExplainedVector>,
    /// The parameters.
    pub params: Vec<ExplainedParam>,
    /// How many numbers trained initial states have; 0 if sequences begin at zero.
    pub initial_len: usize,
    /// How many numbers are trained: all parameters, and initial states.
    pub params_len: usize,
    /// A step forward.
    pub forward: StepWork,
    /// A step backward, with the gradients of all parameters and without that of the input.
    pub backward: StepWork,
    /// What the gradient of the input adds to a step backward, where it is asked for.
    pub input_gradient: StepWork,
    /// What forward keeps for backward.
    pub tape: Vec<ExplainedVector>,
    /// The errors that backward keeps until it forms the gradients of the matrices.
    pub errors: Vec<ExplainedVector>,
    /// How much a [`Tape`](crate::Tape) grows for each step and sample: what is kept both ways, each vector filled up to
    /// whole SIMD registers, and errors to [`ERRORS_TOGETHER`](crate::Tape::ERRORS_TOGETHER) units.
    pub tape_bytes: u64,
}

/// A vector, and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedVector {
    /// The symbol.
    pub symbol: &'static str,
    /// How many numbers it has.
    pub len: usize,
}

/// A parameter and its shape.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExplainedParam {
    /// The symbol in the equations.
    pub symbol: &'static str,
    /// The name in ASCII.
    pub name: &'static str,
    /// Rows; the length of a vector.
    pub rows: usize,
    /// Columns; 1 for a vector.
    pub columns: usize,
    /// How many numbers it has.
    pub len: usize,
    /// What it does in the equations.
    pub role: ParamRole,
    /// What all its numbers start from, if the cell says so.
    pub start: Option<f64>,
}

/// What a step takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepWork {
    /// Floating-point operations in products of matrices, for each sample.
    pub products: u64,
    /// All others, for each sample.
    pub elementwise: u64,
    /// Bytes of weights that the step reads, once for all samples of a small batch: every matrix once per product, and
    /// the element-wise parameters. Products that wait for the end of the sequence (gradients of matrices and of the input)
    /// read their weights once per sequence, not per step, and are not counted.
    pub weight_bytes: u64,
}

impl StepWork {
    /// All floating-point operations, for each sample.
    pub fn operations(&self) -> u64 {
        self.products.saturating_add(self.elementwise)
    }
}

impl<C: Cell, T: Element> Recurrent<C, T> {
    /// What the layer computes, holds and costs: its equations, its parameters with their shapes, the floating-point
    /// operations and the bytes of a step.
    ///
    /// ```
    /// use lstm_core::{Recurrent, Rng, cells::Lstm};
    ///
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// let layer = Recurrent::<Lstm, f32>::new(&[64, 128], &mut Rng::new(1))?;
    /// let explanation = layer.explain();
    /// println!("{explanation}");
    ///
    /// // Four gates see the input and the output of the step before: 2 * 4H(D + H).
    /// assert_eq!(explanation.forward.products, 2 * 4 * 128 * (64 + 128));
    /// assert_eq!(explanation.params_len, 4 * 128 * (64 + 128 + 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn explain(&self) -> Explanation {
        let kernel = self.kernel();
        let lanes = kernel.width().lanes::<T>();
        let sizes = Sizes {
            spec: C::SPEC,
            values: kernel.sizes(),
            bytes: size_of::<T>() as u64,
        };
        let spec = C::SPEC;
        let params = spec.params.iter().enumerate().map(|(index, param)| {
            let (rows, columns) = kernel.param_shape(index);
            ExplainedParam {
                symbol: param.symbol,
                name: param.name,
                rows,
                columns,
                len: kernel.param_range(index).len(),
                role: param.role,
                start: param.start,
            }
        });
        let params_len = self.params_len();
        let cost = spec.cost;
        let mut backward = sizes.work(&cost.backward);
        backward.products = add(backward.products, sizes.products(cost.gradients));
        let kept = |vectors: &[Vector]| vectors.iter().map(|kept| sizes.kept(kept)).collect();
        let padded = |vectors: &[Vector], to: usize| {
            let bytes = |vector: &Vector| sizes.padded_bytes(vector.axes, to);
            vectors.iter().map(bytes).fold(0, add)
        };
        Explanation {
            cell: spec.name,
            doc: spec.doc,
            element: T::NAME,
            width: kernel.width().name(),
            sizes: spec
                .sizes
                .iter()
                .zip(kernel.sizes())
                .map(|(size, &value)| (size.name, value))
                .collect(),
            equations: spec.equations,
            input: sizes.vector(&spec.input),
            output: sizes.vector(&spec.output),
            carried: spec
                .carried
                .iter()
                .map(|vector| sizes.vector(vector))
                .collect(),
            params: params.collect(),
            initial_len: params_len.saturating_sub(kernel.params_len()),
            params_len,
            forward: sizes.work(&cost.forward),
            backward,
            input_gradient: StepWork {
                products: sizes.products(cost.input_gradient),
                elementwise: 0,
                weight_bytes: 0,
            },
            tape: kept(cost.tape),
            errors: kept(cost.errors),
            tape_bytes: add(
                padded(cost.tape, lanes),
                padded(cost.errors, Tape::<T>::ERRORS_TOGETHER),
            ),
        }
    }
}

/// The sizes of a cell, to measure its parts with. Counts stop at the largest number there is.
struct Sizes<'a> {
    spec: CellSpec,
    values: &'a [usize],
    /// Bytes of a number.
    bytes: u64,
}

impl Sizes<'_> {
    fn len(&self, axes: &[usize]) -> u64 {
        let lengths = axes.iter().map(|&axis| self.values[axis] as u64);
        lengths.fold(1, u64::saturating_mul)
    }

    fn vector(&self, vector: &VectorSpec) -> ExplainedVector {
        self.kept(&Vector::new(vector.symbol, vector.axes))
    }

    fn kept(&self, vector: &Vector) -> ExplainedVector {
        ExplainedVector {
            symbol: vector.symbol,
            len: usize::try_from(self.len(vector.axes)).unwrap_or(usize::MAX),
        }
    }

    /// Bytes of a vector whose units are filled up to a multiple of so many.
    fn padded_bytes(&self, axes: &[usize], together: usize) -> u64 {
        let numbers = match axes.split_first() {
            None => 1,
            Some((&units, block)) => {
                let stretches = self.values[units].div_ceil(together) as u64;
                let padded = stretches.saturating_mul(together as u64);
                padded.saturating_mul(self.len(block))
            }
        };
        numbers.saturating_mul(self.bytes)
    }

    fn matrix_len(&self, matrix: usize) -> u64 {
        self.len(self.spec.params[matrix].axes)
    }

    /// Operations of products with these matrices.
    fn products(&self, matrices: &[usize]) -> u64 {
        let operations = matrices
            .iter()
            .map(|&matrix| self.matrix_len(matrix).saturating_mul(2));
        operations.fold(0, add)
    }

    fn work(&self, step: &StepCost) -> StepWork {
        let elementwise = step.elementwise.iter().map(|work| {
            let len = self.len(work.axes);
            let inner = work.axes.split_last().map_or(1, |(_, rest)| self.len(rest));
            let each = len.saturating_mul((work.cheap + work.costly) as u64);
            let sums = (len - inner).saturating_mul(work.sums as u64);
            add(each, sums)
        });
        let matrices = step.products.iter().map(|&matrix| self.matrix_len(matrix));
        let params = self.spec.params.iter();
        let vectors = params
            .filter(|param| matches!(param.role, ParamRole::Vector | ParamRole::Scalar))
            .map(|param| self.len(param.axes));
        let weights = matrices.chain(vectors).fold(0, add);
        StepWork {
            products: self.products(step.products),
            elementwise: elementwise.fold(0, add),
            weight_bytes: weights.saturating_mul(self.bytes),
        }
    }
}

fn add(a: u64, b: u64) -> u64 {
    a.saturating_add(b)
}

#[cfg(test)]
mod tests;
