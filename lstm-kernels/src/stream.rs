//! One sequence, a step at a time, without an allocation, a lock or a panic.

use std::fmt;
use std::marker::PhantomData;

use crate::Cell;
use crate::denormals::FlushDenormals;
use crate::error::KernelError;
use crate::kernel::Kernel;
use crate::rt::{
    AnySizes, Element, FixedSteps, Head, NoMemory, Packed, PlannedSteps, Recognise, Sizes, Steps,
    StreamMemory, Task, Width,
};
use crate::state::State;

/// A cell at work on one sequence: its packed weights, its state, and a linear head if there is one.
///
/// Everything is prepared when a stream is made, so the first step takes no longer than a later one. With sizes `Z`
/// that the compiler knows, it unrolls the step for them.
pub struct StreamKernel<C: Cell, T: Element, Z: Sizes = AnySizes> {
    kernel: Kernel<C, T>,
    inputs: usize,
    outputs: usize,
    zero: State<T>,
    stream: StreamMemory<T>,
    sizes: PhantomData<Z>,
}

/// A linear head: y = V h + b.
#[derive(Debug, Clone, Copy)]
pub struct StreamHead<'a, T> {
    /// V, as many rows as there are outputs and as many columns as the cell has outputs; column by column.
    pub weight: &'a [T],
    /// b, one number an output, or empty.
    pub bias: &'a [T],
    /// How many outputs there are.
    pub outputs: usize,
}

impl<C: Cell, T: Element, Z: Sizes> StreamKernel<C, T, Z> {
    /// A stream at rest, in a state of zeros.
    ///
    /// # Errors
    /// Packed weights of another kernel; a kernel whose sizes are not `Z`.
    pub fn new(kernel: &Kernel<C, T>, packed: Packed<T>) -> Result<Self, KernelError> {
        kernel.check_packed(&packed)?;
        check_sizes::<C, Z>(kernel.sizes())?;
        let mut stream = StreamMemory::new(kernel.layout(), packed)
            .map_err(|NoMemory| kernel.no_memory("a stream".to_owned()))?;
        kernel.token().dispatch(Recognise::<C, T, Z> {
            types: PhantomData,
            stream: &mut stream,
        });
        Ok(StreamKernel {
            inputs: kernel.input_len(),
            outputs: kernel.output_len(),
            stream,
            zero: kernel.zero_state(1)?,
            kernel: kernel.clone(),
            sizes: PhantomData,
        })
    }

    /// With a head behind the cell.
    ///
    /// # Errors
    /// A head of the wrong shape.
    pub fn with_head(mut self, head: StreamHead<'_, T>) -> Result<Self, KernelError> {
        let (inputs, lanes) = (self.kernel.output_len(), self.kernel.layout().lanes);
        self.outputs = head.outputs;
        self.stream
            .set_head(checked_head::<C, T>(head, inputs, lanes)?);
        Ok(self)
    }

    /// One step: the output for the input `x`. Subnormal numbers count as zero.
    ///
    /// # Errors
    /// Slices that are not as long as input and output; nothing is done then.
    #[inline]
    pub fn step(&mut self, x: &[T], y: &mut [T]) -> Result<(), KernelError> {
        if x.len() != self.inputs || y.len() != self.outputs {
            return Err(self.refusal(1, x.len(), y.len()));
        }
        self.steps(&FlushDenormals::new(), 1, x, y);
        Ok(())
    }

    /// The same in a mode that whoever calls has set already: looking it up waits for all arithmetic under way.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    #[inline]
    pub fn step_in(
        &mut self,
        mode: &FlushDenormals,
        x: &[T],
        y: &mut [T],
    ) -> Result<(), KernelError> {
        if x.len() != self.inputs || y.len() != self.outputs {
            return Err(self.refusal(1, x.len(), y.len()));
        }
        self.steps(mode, 1, x, y);
        Ok(())
    }

    /// As many steps as `x` has inputs, side by side, one after the other.
    ///
    /// # Errors
    /// Slices that are not as long as so many inputs and outputs; nothing is done then.
    #[inline]
    pub fn run(&mut self, x: &[T], y: &mut [T]) -> Result<(), KernelError> {
        // No size of a cell is zero.
        let count = x.len() / self.inputs.max(1);
        if Some(x.len()) != count.checked_mul(self.inputs)
            || Some(y.len()) != count.checked_mul(self.outputs)
        {
            return Err(self.refusal(count, x.len(), y.len()));
        }
        self.steps(&FlushDenormals::new(), count, x, y);
        Ok(())
    }

    #[inline]
    fn steps(&mut self, _: &FlushDenormals, count: usize, x: &[T], y: &mut [T]) {
        let token = self.kernel.token();
        let is_fixed = self.stream.is_fixed();
        let steps = Steps {
            stream: &mut self.stream,
            count,
            x: x.as_ptr(),
            inputs: self.inputs,
            y: y.as_mut_ptr(),
            outputs: self.outputs,
        };
        match is_fixed {
            true => token.dispatch(FixedSteps::<C, T, Z> {
                types: PhantomData,
                steps,
            }),
            false => self.kernel.run(Task::Stream(&mut PlannedSteps {
                equations: self.kernel.equations().forward(token, false),
                steps,
            })),
        }
    }

    #[cold]
    fn refusal(&self, count: usize, x: usize, y: usize) -> KernelError {
        let inputs = count.max(1).saturating_mul(self.inputs);
        let outputs = count.saturating_mul(self.outputs);
        let (what, given, expected) = match x == inputs {
            false => ("the input of a stream", x, inputs),
            true => ("the output of a stream", y, outputs),
        };
        KernelError::Length {
            cell: C::SPEC.name,
            what,
            given,
            expected,
        }
    }

    /// The state after the last step, of one sample.
    pub fn state(&self) -> State<T> {
        let mut state = self.zero.clone();
        self.stream.store_state(self.kernel.layout(), &mut state);
        state
    }

    /// Begins a new sequence, from a state of zeros.
    pub fn reset(&mut self) {
        self.stream.load_state(self.kernel.layout(), &self.zero);
    }

    /// Goes on from another state of one sample.
    ///
    /// # Errors
    /// A state of another cell, of other sizes, or not of one sample; nothing is done then.
    pub fn set_state(&mut self, state: &State<T>) -> Result<(), KernelError> {
        self.kernel.check_state(state)?;
        if state.batch() != 1 {
            return Err(KernelError::Buffer {
                what: "the state",
                given: format!("{} samples", state.batch()),
                expected: "one sample".to_owned(),
            });
        }
        self.stream.load_state(self.kernel.layout(), state);
        Ok(())
    }

    /// Numbers of an input.
    pub fn input_len(&self) -> usize {
        self.inputs
    }

    /// Numbers of an output: those of the head, or of the cell.
    pub fn output_len(&self) -> usize {
        self.outputs
    }

    /// The SIMD width.
    pub fn width(&self) -> Width {
        self.kernel.width()
    }

    /// Whether the step was unrolled for the sizes `Z`. It is not where a cell has more passes, products or units than it
    /// pays to unroll; such a stream runs as one with [`AnySizes`].
    pub fn is_unrolled(&self) -> bool {
        self.stream.is_fixed()
    }
}

/// Refuses a kernel that has not the sizes that the compiler was told.
fn check_sizes<C: Cell, Z: Sizes>(sizes: &[usize]) -> Result<(), KernelError> {
    let Some(fixed) = Z::SIZES else {
        return Ok(());
    };
    let defaults = C::SPEC.sizes.iter().skip(fixed.len());
    let given = fixed.iter().copied();
    let fixed: Vec<_> = given
        .chain(defaults.filter_map(|size| size.default))
        .collect();
    if fixed == sizes {
        return Ok(());
    }
    Err(KernelError::FixedSizes {
        cell: C::SPEC.name,
        sizes: sizes.to_vec(),
        fixed,
    })
}

fn checked_head<C: Cell, T: Element>(
    head: StreamHead<'_, T>,
    inputs: usize,
    lanes: usize,
) -> Result<Head<T>, KernelError> {
    let StreamHead {
        weight,
        bias,
        outputs,
    } = head;
    let refuse = |what, given, expected| {
        let cell = C::SPEC.name;
        Err(KernelError::Length {
            cell,
            what,
            given,
            expected,
        })
    };
    if outputs == 0 || Some(weight.len()) != inputs.checked_mul(outputs) {
        let expected = inputs.saturating_mul(outputs.max(1));
        return refuse("the matrix of the head", weight.len(), expected);
    }
    if !bias.is_empty() && bias.len() != outputs {
        return refuse("the bias of the head", bias.len(), outputs);
    }
    Head::new(weight, bias, inputs, outputs, lanes).map_err(|NoMemory| KernelError::NoMemory {
        what: format!("a head of {inputs} inputs and {outputs} outputs"),
    })
}

impl<C: Cell, T: Element, Z: Sizes> fmt::Debug for StreamKernel<C, T, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamKernel")
            .field("kernel", &self.kernel)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
