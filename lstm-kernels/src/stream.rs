//! One sequence, a step at a time, without an allocation, a lock or a panic.

use std::fmt;
use std::marker::PhantomData;

use crate::Cell;
use crate::denormals::FlushDenormals;
use crate::error::KernelError;
use crate::kernel::Kernel;
use crate::rt::{Element, Head, Packed, Steps, StreamMemory};
use crate::state::State;

/// A cell at work on one sequence, with its weights and its state.
pub struct StreamKernel<C: Cell, T: Element> {
    kernel: Kernel<C, T>,
    inputs: usize,
    outputs: usize,
    stream: StreamMemory<T>,
}

impl<C: Cell, T: Element> StreamKernel<C, T> {
    /// A stream of the kernel's cell.
    pub fn new(kernel: &Kernel<C, T>, packed: Packed<T>) -> Result<Self, KernelError> {
        Self::build(kernel, packed, None)
    }

    /// The same with a head.
    pub fn with_head(
        kernel: &Kernel<C, T>,
        packed: Packed<T>,
        weight: &[T],
        bias: &[T],
        outputs: usize,
    ) -> Result<Self, KernelError> {
        let lanes = kernel.layout().lanes;
        let head = Head::new(weight, bias, kernel.output_len(), outputs, lanes);
        Self::build(kernel, packed, Some(head))
    }

    fn build(
        kernel: &Kernel<C, T>,
        packed: Packed<T>,
        head: Option<Head<T>>,
    ) -> Result<Self, KernelError> {
        kernel.check_packed(&packed)?;
        let outputs = head.as_ref().map_or(kernel.output_len(), Head::outputs);
        let registers = kernel.token().registers();
        Ok(StreamKernel {
            inputs: kernel.input_len(),
            outputs,
            stream: StreamMemory::new(kernel.layout(), packed, head, registers),
            kernel: kernel.clone(),
        })
    }

    /// A step.
    #[inline]
    pub fn step(&mut self, x: &[T], y: &mut [T]) -> Result<(), KernelError> {
        if x.len() != self.inputs || y.len() != self.outputs {
            return Err(self.refuse(x.len(), y.len()));
        }
        let _mode = FlushDenormals::new();
        self.kernel.token().dispatch(Steps::<C, T> {
            cell: PhantomData,
            stream: &mut self.stream,
            count: 1,
            x: x.as_ptr(),
            inputs: self.inputs,
            y: y.as_mut_ptr(),
            outputs: self.outputs,
        });
        Ok(())
    }

    #[cold]
    fn refuse(&self, x: usize, y: usize) -> KernelError {
        let (what, given, expected) = match x == self.inputs {
            false => ("the input of a step", x, self.inputs),
            true => ("the output of a step", y, self.outputs),
        };
        KernelError::Length {
            cell: C::SPEC.name,
            what,
            given,
            expected,
        }
    }

    /// The state after the last step.
    pub fn state(&mut self) -> State<T> {
        let mut state = self.kernel.zero_state(1);
        self.stream.store_state(self.kernel.layout(), &mut state);
        state
    }
}

impl<C: Cell, T: Element> fmt::Debug for StreamKernel<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamKernel({}, {:?})", C::SPEC.name, self.kernel.sizes())
    }
}
