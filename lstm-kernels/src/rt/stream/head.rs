//! The linear head of a stream: y = V h + b, one dot product an output.

use pulp::Simd;

use crate::rt::buffer::{Buffer, NoMemory, room};
use crate::rt::element::Element;
use crate::rt::lanes::Lanes;

/// A linear layer behind the cell.
#[derive(Debug, Clone)]
pub(crate) struct Head<T> {
    /// Row by row, each padded with zeros to full registers.
    weight: Buffer<T>,
    bias: Buffer<T>,
    inputs: usize,
}

impl<T: Element> Head<T> {
    /// A head from a matrix given column by column and a bias, which may be empty, for registers of so many lanes.
    pub fn new(
        weight: &[T],
        bias: &[T],
        inputs: usize,
        outputs: usize,
        lanes: usize,
    ) -> Result<Self, NoMemory> {
        let row = inputs.next_multiple_of(lanes);
        let mut head = Head {
            weight: Buffer::zeros(room([row, outputs]))?,
            bias: Buffer::zeros(outputs)?,
            inputs,
        };
        let padded = head.weight.as_mut_slice();
        for (input, column) in weight.chunks_exact(outputs).enumerate() {
            for (output, &value) in column.iter().enumerate() {
                padded[output * row + input] = value;
            }
        }
        for (place, &value) in head.bias.as_mut_slice().iter_mut().zip(bias) {
            *place = value;
        }
        Ok(head)
    }

    /// Writes the outputs for a vector, whose padding may hold anything.
    ///
    /// # Safety
    /// `vector` has a number for each input and room up to a full register, and `target` one for each output.
    #[inline(always)]
    pub unsafe fn apply<S: Simd>(&self, simd: S, vector: *const T, target: *mut T) {
        let (lanes, inputs) = (T::lanes::<S>(), self.inputs);
        let row = inputs.next_multiple_of(lanes);
        for output in 0..self.bias.len() {
            // SAFETY: there are `row` weights for each output.
            let weights = unsafe { self.weight.as_ptr().add(output * row) };
            // Four chains, so that a long vector does not wait for each of its sums.
            let mut sums = [Lanes::<T, S>::zero(simd); 4];
            let mut at = 0;
            while at + 4 * lanes <= inputs {
                for (index, sum) in sums.iter_mut().enumerate() {
                    let place = at + index * lanes;
                    // SAFETY: `place + lanes` is at most `inputs`.
                    *sum = unsafe {
                        Lanes::load(simd, weights.add(place))
                            .mul_add(Lanes::load(simd, vector.add(place)), *sum)
                    };
                }
                at += 4 * lanes;
            }
            while at + lanes <= inputs {
                // SAFETY: as above.
                sums[0] = unsafe {
                    Lanes::load(simd, weights.add(at))
                        .mul_add(Lanes::load(simd, vector.add(at)), sums[0])
                };
                at += lanes;
            }
            if at < inputs {
                // SAFETY: a row is a whole number of registers, and the vector has room for as many.
                sums[0] = unsafe {
                    let vector = Lanes::load(simd, vector.add(at)).keep_first(inputs - at);
                    Lanes::load(simd, weights.add(at)).mul_add(vector, sums[0])
                };
            }
            let sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum();
            // SAFETY: there is a bias and a place for each output.
            unsafe { *target.add(output) = sum + *self.bias.as_ptr().add(output) };
        }
    }
}
