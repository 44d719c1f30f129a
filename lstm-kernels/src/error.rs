//! What can go wrong when a cell is bound to sizes or run on a user's matrices.

use crate::rt::UnavailableWidth;

/// An input that the kernels cannot work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// Not one size per axis.
    #[error("{cell} has the sizes {expected}; {given} values were given")]
    SizeCount {
        /// The cell.
        cell: &'static str,
        /// The names of its sizes.
        expected: String,
        /// How many values were given.
        given: usize,
    },
    /// A size of zero.
    #[error("size {size} of {cell} is 0; every size must be at least 1")]
    ZeroSize {
        /// The cell.
        cell: &'static str,
        /// The size.
        size: &'static str,
    },
    /// Sizes whose products do not fit into memory.
    #[error(
        "{cell} with sizes {sizes:?} does not fit into the address space; choose smaller sizes"
    )]
    TooLarge {
        /// The cell.
        cell: &'static str,
        /// The sizes.
        sizes: Vec<usize>,
    },
    /// More cells in a block than kernels are made for: every two of them have a place of their own in the layout.
    #[error(
        "size {size} of {cell} is {given}; a second axis, such as the cells of a block, has at most {most}: take more units along \
         the first axis instead"
    )]
    WideBlock {
        /// The cell.
        cell: &'static str,
        /// The size.
        size: &'static str,
        /// What was given.
        given: usize,
        /// The most that is possible.
        most: usize,
    },
    /// A kernel whose sizes are not those that a stream was compiled for.
    #[error(
        "a stream compiled for the sizes {fixed:?} cannot run {cell} with the sizes {sizes:?}; change either to match, where \
         `Sizes::SIZES` may list sizes that have defaults, too"
    )]
    FixedSizes {
        /// The cell.
        cell: &'static str,
        /// Its sizes.
        sizes: Vec<usize>,
        /// The sizes that the stream was compiled for, with the cell's defaults for those left out.
        fixed: Vec<usize>,
    },
    /// Memory that cannot be had.
    #[error("there is no memory for {what}; choose fewer steps, samples or units")]
    NoMemory {
        /// What was asked for.
        what: String,
    },
    /// A SIMD width that this machine lacks.
    #[error(transparent)]
    Width(#[from] UnavailableWidth),
    /// Threads that cannot be had.
    #[error("{count} threads cannot be had: {reason}")]
    Threads {
        /// How many were asked for.
        count: usize,
        /// Why not.
        reason: String,
    },
    /// A matrix of the wrong shape.
    #[error("{what} is {rows} x {columns}; it must be {expected_rows} x {expected_columns}")]
    Shape {
        /// Which matrix.
        what: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// The rows it must have.
        expected_rows: usize,
        /// The columns it must have.
        expected_columns: usize,
    },
    /// A matrix whose columns are not contiguous.
    #[error(
        "the columns of {what} are not contiguous in memory; copy it into a column-major matrix"
    )]
    Stride {
        /// Which matrix.
        what: &'static str,
    },
    /// A slice of the wrong length.
    #[error("{what} has {given} numbers; {cell} needs {expected}")]
    Length {
        /// The cell.
        cell: &'static str,
        /// Which slice.
        what: &'static str,
        /// How long it is.
        given: usize,
        /// How long it must be.
        expected: usize,
    },
    /// A sequence that is not a whole number of steps.
    #[error("x has {columns} columns, which is not a multiple of the batch of {batch} samples")]
    RaggedColumns {
        /// Columns of x.
        columns: usize,
        /// The batch of the state.
        batch: usize,
    },
    /// A step of a sequence outside its matrix.
    #[error(
        "{what} has {columns} columns, but step {step} of sample {sample} would be column {column}; give a matrix with \
         more columns, or fewer steps and samples"
    )]
    ColumnOutside {
        /// Which matrix.
        what: &'static str,
        /// Its columns.
        columns: usize,
        /// The step.
        step: usize,
        /// The sample.
        sample: usize,
        /// The column that these [`Columns`](crate::Columns) give it.
        column: i128,
    },
    /// Results that would be written to one place.
    #[error(
        "step {} of sample {} and step {} of sample {} would share a column of {what}; give each a column of its own",
        first.0, first.1, second.0, second.1
    )]
    ColumnShared {
        /// Which matrix.
        what: &'static str,
        /// The step and the sample of one of them.
        first: (usize, usize),
        /// The step and the sample of the other.
        second: (usize, usize),
    },
    /// A backward pass without the forward pass that it goes back through.
    #[error("the tape holds no forward pass of {cell}; call `forward` with it before `backward`")]
    NothingRecorded {
        /// The cell.
        cell: &'static str,
    },
    /// A buffer made for another batch, length, cell or size.
    #[error("{what}, made for {given}, cannot serve this call, which needs {expected}")]
    Buffer {
        /// Which buffer.
        what: &'static str,
        /// What it was made for.
        given: String,
        /// What the call needs.
        expected: String,
    },
}
