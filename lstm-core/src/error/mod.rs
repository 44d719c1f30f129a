//! The one error type of this crate.

mod require;

use std::io;
use std::path::PathBuf;

use lstm_kernels::KernelError;

pub(crate) use require::{
    require_all_finite_in, require_finite_in, require_fraction, require_len, require_not_negative,
    require_positive, require_shape, require_size,
};

use crate::gradcheck::Entry;

/// What can go wrong between data from outside and a trained model.
///
/// Every message says what was found, where, and what would have been right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernels refused sizes or shapes.
    #[error(transparent)]
    Kernel(#[from] KernelError),

    /// A matrix or a slice does not have the shape the call needs.
    #[error("{what} is {actual}, but {expected} is needed")]
    Shape {
        /// Which argument, such as "the input of `Linear::apply`".
        what: &'static str,
        /// The shape that fits.
        expected: String,
        /// The shape that came.
        actual: String,
    },

    /// A length, a step or a sample that a batch does not have.
    #[error("{what} {value} of sample {sample} must be {expected}")]
    BatchPlace {
        /// What it is: "the length".
        what: &'static str,
        /// Its value.
        value: usize,
        /// The sample.
        sample: usize,
        /// What would be right.
        expected: String,
    },

    /// A backward pass without the forward pass that it goes back through.
    #[error(
        "the tape holds no forward pass of this layer and batch; call `forward` with them before `backward`"
    )]
    NoForwardPass,

    /// Two layers of a stack have one name.
    #[error("the stack has a layer named `{name}` already; choose another name")]
    LayerName {
        /// The name.
        name: String,
    },

    /// Layers that do not fit together.
    #[error("{what} takes {expected} features, but {source_of} has {given}")]
    LayerSizes {
        /// The layer that is given too many or too few.
        what: String,
        /// What it takes.
        expected: usize,
        /// What it is given.
        given: usize,
        /// Who has so many.
        source_of: String,
    },

    /// An option has a value that means nothing.
    #[error("{option} is {value}, but must be {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What it was set to.
        value: String,
        /// What would be right.
        expected: &'static str,
    },

    /// A cell was given sizes from which no layer can be made.
    #[error("cell {cell} cannot be built with sizes {sizes}: {reason}")]
    Sizes {
        /// The cell's name.
        cell: &'static str,
        /// The sizes as they were given.
        sizes: String,
        /// What is wrong with them.
        reason: String,
    },

    /// No parameter has this name.
    #[error("cell {cell} has no parameter `{name}`; it has {known}")]
    UnknownParameter {
        /// The cell's name.
        cell: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },

    /// No carried quantity has this name.
    #[error("cell {cell} carries no `{name}` from step to step; it carries {known}")]
    UnknownCarried {
        /// The cell's name.
        cell: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },

    /// A carried quantity that recurrent dropout must not scale.
    #[error(
        "cell {cell} reads {name}[t-1] outside products with matrices, where dropout would scale it up at every step; use zoneout, or a cell that carries a copy of it for its products"
    )]
    RecurrentDropout {
        /// The cell's name.
        cell: &'static str,
        /// The quantity.
        name: &'static str,
    },

    /// No quantity has this name.
    #[error("cell {cell} has no quantity `{name}`; it has {known}")]
    UnknownQuantity {
        /// The cell's name.
        cell: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },

    /// A quantity was not among those that were observed.
    #[error("`{name}` of cell {cell} was not observed, only {known}")]
    NotObserved {
        /// The cell's name.
        cell: &'static str,
        /// The name asked for.
        name: String,
        /// The names that were.
        known: String,
    },

    /// Two parameters of a model, or two entries of a file, have one name, so a file could not tell them apart.
    #[error("a file cannot hold two entries named `{name}`; give them different names")]
    DuplicateName {
        /// The name.
        name: String,
    },

    /// An id lies outside the table it indexes.
    #[error(
        "{what} {id} at position {position} is out of range: there are {count} (ids start at 0)"
    )]
    IdOutOfRange {
        /// What the id stands for: "symbol" or "target".
        what: &'static str,
        /// The id.
        id: u32,
        /// Where in the slice it stands.
        position: usize,
        /// How many there are.
        count: usize,
    },

    /// A pattern that selects parameters by name selects none, so it is likely misspelt.
    #[error("no parameter of the model matches `{pattern}`; there are {known}")]
    UnmatchedPattern {
        /// The pattern.
        pattern: String,
        /// The names that exist.
        known: String,
    },

    /// The saved state of an optimiser does not fit the one it is loaded into.
    #[error("the state cannot be loaded into {optimiser}: {reason}")]
    OptimiserState {
        /// The optimiser to be loaded into.
        optimiser: &'static str,
        /// What does not fit.
        reason: String,
    },

    /// A number that training depends on is infinite or not a number.
    #[error("{what} is not a finite number; {remedy}")]
    NotFinite {
        /// Which number, such as "the gradient of `recurrent.w_iota`".
        what: String,
        /// What to do, or where to look.
        remedy: &'static str,
    },

    /// A gradient is not the derivative of its loss; see [`gradcheck`](crate::gradcheck).
    #[error("the gradient is wrong at {entry}, but at most {tolerance:e} is allowed")]
    Gradient {
        /// Where, with both derivatives.
        entry: Box<Entry>,
        /// The relative error that was allowed.
        tolerance: f64,
    },

    /// A text holds a character that the vocabulary does not.
    #[error(
        "character {character:?} at position {position} is not in the vocabulary of {count} characters"
    )]
    UnknownCharacter {
        /// The character.
        character: char,
        /// Its position, counted in characters from 0.
        position: usize,
        /// How many characters the vocabulary holds.
        count: usize,
    },

    /// A text is too short for what is asked of it.
    #[error(
        "{what} is too short: its length in {unit} is {length}, but must be at least {needed}; {remedy}"
    )]
    TooShort {
        /// Which text, or which part of it.
        what: &'static str,
        /// What its length is counted in.
        unit: &'static str,
        /// Its length.
        length: usize,
        /// The least length that would do.
        needed: usize,
        /// What would help.
        remedy: &'static str,
    },

    /// The operating system refused a file operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A file is not of the kind to be read, or was cut short or changed after it was written.
    #[error("{} is damaged or of another kind: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A checkpoint would not be the latest of its folder.
    #[error(
        "{} holds checkpoint {later}, so {number} would not be the latest; go on from {later}, or choose another folder",
        folder.display()
    )]
    CheckpointOrder {
        /// The folder.
        folder: PathBuf,
        /// The number of the checkpoint to be saved.
        number: u64,
        /// The number of a later one.
        later: u64,
    },

    /// A part of a model that the format of another library cannot hold.
    #[error("{part} cannot be written for {format}: {reason}")]
    Unrepresentable {
        /// The other library.
        format: &'static str,
        /// The part, by name.
        part: String,
        /// Why not.
        reason: String,
    },

    /// A file is sound, but holds something else than what is to be loaded.
    #[error("{} does not fit: {reason}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },

    /// A file or a sequence of bytes is not an ONNX model, or a damaged one.
    #[error("{what} is not a usable ONNX model: {reason}")]
    OnnxModel {
        /// The file, or which part of a model, such as "the graph".
        what: String,
        /// What is wrong.
        reason: String,
    },

    /// A node of an ONNX model is damaged, or says what this library cannot do.
    #[error("the ONNX node `{node}` ({operator}) cannot be read: {reason}")]
    OnnxNode {
        /// The node's name, or that of its first output.
        node: String,
        /// Its operator.
        operator: String,
        /// What is wrong with it, and what would help.
        reason: String,
    },

    /// A layer that ONNX has no operator for.
    #[error("the layer {layer} cannot be written as ONNX: {reason}")]
    OnnxExport {
        /// The layer's name within the network.
        layer: String,
        /// Why not.
        reason: String,
    },

    /// An error of the caller's own, from a task or a callback of training.
    #[error(transparent)]
    Custom(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Takes in an error of another kind, or a message, so that it can come out of a closure of the caller's own.
    pub fn custom(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Custom(error.into())
    }

    /// The same error about the text `what`, counted in `unit`, if it is about a text that is too short: what is given as numbers
    /// has a name and a unit for the caller only.
    #[must_use]
    pub fn of_text(self, what: &'static str, unit: &'static str) -> Self {
        match self {
            Self::TooShort {
                length,
                needed,
                remedy,
                ..
            } => Self::TooShort {
                what,
                unit,
                length,
                needed,
                remedy,
            },
            other => other,
        }
    }

    /// The same error, which happened at a step of training, if it is about a number that is not finite.
    pub(crate) fn at_step(self, step: u64) -> Self {
        match self {
            Self::NotFinite { what, remedy } => {
                let error = Self::NotFinite {
                    what: format!("{what} at step {step}"),
                    remedy,
                };
                if step == 0 { error.untrained() } else { error }
            }
            other => other,
        }
    }

    /// That the number `what` is infinite or not a number, as it becomes where steps of training are too long.
    pub fn not_finite(what: impl Into<String>) -> Self {
        Self::NotFinite {
            what: what.into(),
            remedy: "a smaller learning rate or a tighter gradient clip usually helps",
        }
    }

    /// The same error where no step of training has been made that could have been too long.
    pub(crate) fn untrained(self) -> Self {
        match self {
            Self::NotFinite { what, .. } => Self::NotFinite {
                what,
                remedy: "look for such a number among inputs, targets and initial values, and for a function that has no derivative \
                         at one of them, such as the square root or the logarithm at 0",
            },
            other => other,
        }
    }
}

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
