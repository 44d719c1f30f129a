//! One sequence, a step at a time: for sound, sensors and whatever else comes sample by sample.
//!
//! A [`Stream`] holds a copy of a layer's weights, the state, and if wanted a linear head. Its [`step`](Stream::step) takes
//! no memory, no lock and no longer than the arithmetic: everything is laid out when the stream is made. With a
//! [`FixedStream`] the compiler knows the sizes and unrolls the step for them, which is a little faster still.
//!
//! ```
//! use lstm_core::init::Init;
//! use lstm_core::{Linear, Recurrent, Rng, cells::Lstm};
//!
//! # fn main() -> Result<(), lstm_core::Error> {
//! // An amplifier model: one sample of sound in, 16 units, one sample out. Its weights would come from a file.
//! let mut rng = Rng::new(1);
//! let layer = Recurrent::<Lstm, f32>::new(&[1, 16], &mut rng)?;
//! let head = Linear::new(16, 1, Init::by_units(16), &mut rng)?;
//!
//! let mut amplifier = layer.fixed_stream::<1, 16>()?.with_head(&head)?;
//! // Where the sizes are known only when a model is loaded:
//! let mut any = layer.stream()?.with_head(&head)?;
//!
//! // The audio thread calls with a block of samples at a time ...
//! let dry: Vec<f32> = (0..64).map(|t| (t as f32 * 0.1).sin()).collect();
//! let mut wet = vec![0.0; 64];
//! amplifier.run(&dry, &mut wet)?;
//!
//! // ... or sample by sample.
//! let mut out = [0.0];
//! for (sample, &expected) in dry.iter().zip(&wet) {
//!     any.step(&[*sample], &mut out)?;
//!     assert_eq!(out[0], expected);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it computes
//! Without a head, exactly what [`Recurrent::step`] computes at the same [`Width`], to the bit. Subnormal numbers count as
//! zero, as in all verbs: a signal that fades to silence would otherwise end among them, and many processors are a hundred
//! times slower there. A call sets the processor's mode and restores the one it found; where many single steps follow each
//! other, one [`FlushDenormals`] around them all and [`Stream::step_in`] save that.
//!
//! A vector that fits into a narrower register of the same machine gains nothing from a wider one: a layer of up to 8 units
//! in `f32`, or 4 in `f64`, made for AVX-512 streams on AVX2.

use std::fmt;

use lstm_kernels::{Kernel, StreamHead, StreamKernel};

pub use lstm_kernels::{AnySizes, Fixed, FlushDenormals, Sizes};

use crate::error::{Error, Result};
use crate::{Cell, Element, Linear, Recurrent, State, Width};

/// A layer at work on one sequence.
///
/// Changes to the layer after the stream was made do not reach it. `Z` is what the compiler knows of the sizes: by
/// default nothing, [`Fixed<I, N>`](Fixed) for inputs and units, or a type of your own for a cell with other sizes.
pub struct Stream<C: Cell, T: Element, Z: Sizes = AnySizes> {
    kernel: StreamKernel<C, T, Z>,
    /// Outputs of the layer, which are the inputs of a head.
    units: usize,
}

/// A stream whose sizes, `I` inputs and `N` units, are known to the compiler. A cell's further sizes have their defaults.
pub type FixedStream<C, T, const I: usize, const N: usize> = Stream<C, T, Fixed<I, N>>;

impl<C: Cell, T: Element> Recurrent<C, T> {
    /// A stream of the layer's outputs, at rest in a state of zeros. A trained initial state is not used; it can be
    /// [set](Stream::set_state).
    ///
    /// # Errors
    /// No memory for a copy of the weights.
    pub fn stream(&self) -> Result<Stream<C, T>> {
        Stream::new(self)
    }

    /// The same for `I` inputs and `N` units, which the compiler then knows.
    ///
    /// # Errors
    /// A layer of other sizes.
    pub fn fixed_stream<const I: usize, const N: usize>(&self) -> Result<FixedStream<C, T, I, N>> {
        Stream::new(self)
    }
}

impl<C: Cell, T: Element, Z: Sizes> Stream<C, T, Z> {
    /// A stream of the layer's outputs, at rest in a state of zeros, for sizes of your own; for the usual ones see
    /// [`Recurrent::stream`] and [`Recurrent::fixed_stream`].
    ///
    /// ```
    /// use lstm_core::stream::{Sizes, Stream};
    /// use lstm_core::{Recurrent, Rng, cells::PeepholeLstm};
    ///
    /// /// Memory blocks of two cells, where the default is one.
    /// #[derive(Clone, Copy, Default)]
    /// struct Blocks;
    ///
    /// impl Sizes for Blocks {
    ///     const SIZES: Option<&'static [usize]> = Some(&[1, 8, 2]);
    /// }
    ///
    /// # fn main() -> Result<(), lstm_core::Error> {
    /// let layer = Recurrent::<PeepholeLstm, f32>::new(&[1, 8, 2], &mut Rng::new(1))?;
    /// let mut stream = Stream::<PeepholeLstm, f32, Blocks>::new(&layer)?;
    /// stream.step(&[0.5], &mut [0.0; 16])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A layer whose sizes are not `Z`.
    pub fn new(layer: &Recurrent<C, T>) -> Result<Self> {
        let kernel = layer.kernel();
        let kernel = Kernel::with_width(kernel.sizes(), narrow_enough(kernel))?;
        let packed = kernel.pack(layer.params())?;
        Ok(Self {
            kernel: StreamKernel::new(&kernel, packed)?,
            units: kernel.output_len(),
        })
    }

    /// The stream of what `head` makes of the layer's outputs.
    ///
    /// # Errors
    /// A head that does not take as many inputs as the layer has outputs.
    pub fn with_head(mut self, head: &Linear<T>) -> Result<Self> {
        if head.input_len() != self.units {
            return Err(Error::Shape {
                what: "the head of a stream",
                expected: format!("one of {}", self.units),
                actual: format!("a layer of {} inputs", head.input_len()),
            });
        }
        let (weight, bias) = head.weight_and_bias();
        self.kernel = self.kernel.with_head(StreamHead {
            weight,
            bias,
            outputs: head.output_len(),
        })?;
        Ok(self)
    }

    /// One step: `x` has [`input_len`](Self::input_len) numbers, `y` receives [`output_len`](Self::output_len). Takes no
    /// memory and no lock.
    ///
    /// # Errors
    /// Slices of other lengths; nothing is done then.
    #[inline]
    pub fn step(&mut self, x: &[T], y: &mut [T]) -> Result<()> {
        Ok(self.kernel.step(x, y)?)
    }

    /// The same in a mode that whoever calls has set already, once for many steps: looking it up at every step waits for
    /// all arithmetic under way, some ten nanoseconds.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    #[inline]
    pub fn step_in(&mut self, mode: &FlushDenormals, x: &[T], y: &mut [T]) -> Result<()> {
        Ok(self.kernel.step_in(mode, x, y)?)
    }

    /// As many steps as there are inputs in `x`, side by side; their outputs side by side go to `y`. Takes no memory and
    /// no lock.
    ///
    /// # Errors
    /// Slices of other lengths; nothing is done then.
    #[inline]
    pub fn run(&mut self, x: &[T], y: &mut [T]) -> Result<()> {
        Ok(self.kernel.run(x, y)?)
    }

    /// Begins a new sequence, from a state of zeros. Takes no memory and no lock.
    pub fn reset(&mut self) {
        self.kernel.reset();
    }

    /// The state after the last step, of one sample.
    pub fn state(&self) -> State<T> {
        self.kernel.state()
    }

    /// Goes on from `state`, of one sample. Takes no memory and no lock.
    ///
    /// # Errors
    /// A state of another cell, of other sizes, or not of one sample; nothing is done then.
    pub fn set_state(&mut self, state: &State<T>) -> Result<()> {
        Ok(self.kernel.set_state(state)?)
    }

    /// Numbers of an input.
    pub fn input_len(&self) -> usize {
        self.kernel.input_len()
    }

    /// Numbers of an output: those of the head, or of the layer.
    pub fn output_len(&self) -> usize {
        self.kernel.output_len()
    }

    /// The SIMD width of the steps.
    pub fn width(&self) -> Width {
        self.kernel.width()
    }

    /// Whether the step was unrolled for the sizes `Z`. It is not where a cell has more passes, products or units than it
    /// pays to unroll; such a stream runs as one with [`AnySizes`].
    pub fn is_unrolled(&self) -> bool {
        self.kernel.is_unrolled()
    }
}

impl<C: Cell, T: Element, Z: Sizes> fmt::Debug for Stream<C, T, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("kernel", &self.kernel)
            .finish()
    }
}

/// AVX2 in place of AVX-512 where its registers hold every vector of the step.
fn narrow_enough<C: Cell, T: Element>(kernel: &Kernel<C, T>) -> Width {
    let narrow = Width::Avx2.lanes::<T>();
    let carried = (0..C::SPEC.carried.len()).map(|index| kernel.carried_len(index));
    let longest = carried.chain([kernel.output_len()]).max().unwrap_or(0);
    match kernel.width() {
        Width::Avx512 if longest <= narrow && Width::Avx2.token().is_ok() => Width::Avx2,
        width => width,
    }
}
