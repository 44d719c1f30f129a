//! The contract of a generated cell: its description, and the object that runs it.

use crate::equations::{Cost, Node, Quantity};
use crate::rt;

/// A named axis of a cell, such as `N`, the number of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeSpec {
    /// The name in the equations.
    pub name: &'static str,
    /// The value taken when the user gives none (`C = 1`).
    pub default: Option<usize>,
}

/// A vector of the step: the input, a carried state or the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorSpec {
    /// The symbol in the equations, such as `s`.
    pub symbol: &'static str,
    /// The symbol in ASCII, such as `epsilon_c`.
    pub name: &'static str,
    /// Its axes, as indices into [`CellSpec::sizes`]; the first axis varies fastest in memory.
    pub axes: &'static [usize],
}

/// What a parameter does in the equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamRole {
    /// A matrix that multiplies the input: `W @ x[t]`.
    InputMatrix,
    /// A matrix that multiplies any other vector of the step.
    RecurrentMatrix,
    /// A vector used element by element: a bias, a peephole, a diagonal weight.
    Vector,
    /// A single number.
    Scalar,
}

/// A trainable parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParamSpec {
    /// The symbol in the equations, such as `W_ι`.
    pub symbol: &'static str,
    /// The symbol in ASCII, such as `w_iota`; the name in files.
    pub name: &'static str,
    /// Its axes, as indices into [`CellSpec::sizes`]; the first axis varies fastest in memory.
    pub axes: &'static [usize],
    /// How many leading axes are the rows of the matrix; all of them for a vector.
    pub row_axes: usize,
    /// What it does in the equations.
    pub role: ParamRole,
    /// What all its numbers start from, if the cell says so: `param γ: [N] = 1`. Never that of a matrix.
    pub start: Option<f64>,
}

/// Everything about a cell that does not depend on its sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellSpec {
    /// The Rust name, such as `PeepholeLstm`.
    pub name: &'static str,
    /// The doc comment of the definition: what the cell is and where it comes from.
    pub doc: &'static str,
    /// The named axes in order of declaration.
    pub sizes: &'static [SizeSpec],
    /// The input of a step.
    pub input: VectorSpec,
    /// The trainable parameters in order of declaration.
    pub params: &'static [ParamSpec],
    /// The states carried from one step to the next.
    pub carried: &'static [VectorSpec],
    /// The output of a step.
    pub output: VectorSpec,
    /// The equations as the compiler understood them, one a line.
    pub equations: &'static str,
    /// A hash of `equations`: equal for equal cells, stored in model files.
    pub equations_hash: u64,
    /// The left-hand sides of the equations, in an order of evaluation.
    pub quantities: &'static [Quantity],
    /// The right-hand sides, as operations in an order of evaluation: those of a quantity behind those of the ones before.
    pub nodes: &'static [Node],
    /// What a step costs.
    pub cost: Cost,
}

impl CellSpec {
    /// A cell without equations: what a definition with mistakes expands to.
    #[doc(hidden)]
    pub const EMPTY: CellSpec = CellSpec {
        name: "",
        doc: "",
        sizes: &[],
        input: VectorSpec {
            symbol: "",
            name: "",
            axes: &[],
        },
        params: &[],
        carried: &[],
        output: VectorSpec {
            symbol: "",
            name: "",
            axes: &[],
        },
        equations: "",
        equations_hash: 0,
        quantities: &[],
        nodes: &[],
        cost: Cost::EMPTY,
    };
}

/// A cell compiled from its equations: a type without data, whose sizes are given when a [`Kernel`](crate::Kernel) is
/// made. The macro `cell!` and `cargo xtask gen` implement it; nothing else needs to.
///
/// # Safety
/// The functions may only name rows, sums and axes of `PROGRAM`, and `PROGRAM` must agree with `SPEC`: sweeps give
/// memory for exactly these and do not check again.
pub unsafe trait Cell: Copy + std::fmt::Debug + Default + Send + Sync + 'static {
    /// What the cell is.
    const SPEC: CellSpec;

    /// What its kernels multiply and keep.
    #[doc(hidden)]
    const PROGRAM: rt::Program;

    /// The element-wise equations below, compiled for `f32` in the crate that defines the cell.
    #[doc(hidden)]
    fn equations_f32() -> rt::Equations<f32>;

    /// The same for `f64`.
    #[doc(hidden)]
    fn equations_f64() -> rt::Equations<f64>;

    /// The element-wise equations of a pass of the forward step.
    #[doc(hidden)]
    fn forward<T: rt::Element, S: rt::Simd, const TAPE: bool>(
        pass: usize,
        tile: &rt::ForwardTile<T, S>,
    );

    /// The element-wise error signals of a pass of the backward step.
    #[doc(hidden)]
    fn backward<T: rt::Element, S: rt::Simd>(pass: usize, tile: &rt::BackwardTile<T, S>);

    /// The gradients of the initial states of one lead.
    #[doc(hidden)]
    fn initial_gradient<T: rt::Element, S: rt::Simd>(lead: usize, tile: &rt::BackwardTile<T, S>);
}
