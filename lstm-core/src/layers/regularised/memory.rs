//! What zoneout and recurrent dropout keep, and what they do to a state.

use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef};
use lstm_kernels::{Cell, Element, Kernel, Tape, Workspace};

use crate::error::Result;
use crate::layers::LayerTape;
use crate::layers::dropout::draw;
use crate::layers::gather::Part;
use crate::layers::recorded::Recorded;
use crate::random::Rng;

/// What is kept between the passes.
pub(super) struct Memory<T> {
    pub last: Option<Last>,
    pub steps: Vec<Step<T>>,
    /// For each carried quantity, what the steps of each sample are multiplied with; empty without dropout.
    pub dropout: Vec<Mat<T>>,
    pub workspace: Option<Workspace<T>>,
    /// The layer's own memory, for inference as if it were not regularised.
    pub plain: LayerTape,
    pub x: Mat<T>,
    pub y: Mat<T>,
    pub dx: Mat<T>,
}

/// A forward pass in training, and its rates of noise.
pub(super) struct Last {
    pub pass: Recorded,
    pub zoneout: Vec<f64>,
    pub dropout: Vec<f64>,
}

/// What is kept of a step.
pub(super) struct Step<T> {
    pub tape: Tape<T>,
    /// For each carried quantity, 1 where a unit keeps its old value, else 0; empty without zoneout.
    pub zoneout: Vec<Mat<T>>,
}

impl<T: Element> Default for Memory<T> {
    fn default() -> Self {
        Self {
            last: None,
            steps: Vec::new(),
            dropout: Vec::new(),
            workspace: None,
            plain: LayerTape::new(),
            x: Mat::new(),
            y: Mat::new(),
            dx: Mat::new(),
        }
    }
}

/// The memory of a step, with a tape for so many samples.
pub(super) fn step_memory<'m, C: Cell, T: Element>(
    kernel: &Kernel<C, T>,
    steps: &'m mut Vec<Step<T>>,
    at: usize,
    samples: usize,
) -> Result<&'m mut Step<T>> {
    match steps.get_mut(at) {
        Some(step) => kernel.reshape_tape(&mut step.tape, 1, samples)?,
        None => steps.push(Step {
            tape: kernel.tape(1, samples)?,
            zoneout: Vec::new(),
        }),
    }
    Ok(&mut steps[at])
}

/// Fills a mask: 1 with probability `rate`, else 0, column after column.
pub(super) fn draw_kept<T: Element>(rate: f64, mask: MatMut<'_, T>, rng: &mut Rng) {
    draw(rate, [T::from_f64(1.0), T::default()], mask, rng);
}

/// `to` becomes `kept * from + (1 - kept) * to`.
pub(super) fn mix<T: Element>(
    kept: impl Fn(usize, usize) -> T,
    from: MatRef<'_, T>,
    mut to: MatMut<'_, T>,
) {
    let one = T::from_f64(1.0);
    for column in 0..to.ncols() {
        for row in 0..to.nrows() {
            let kept = kept(row, column);
            let new = to[(row, column)];
            to[(row, column)] = kept * from[(row, column)] + (one - kept) * new;
        }
    }
}

/// The columns of a batch's masks that belong to the samples of a part, times a state.
pub(super) fn drop_units<T: Element>(
    part: Part<'_>,
    mask: MatRef<'_, T>,
    mut state: MatMut<'_, T>,
) {
    for (place, &sample) in part.samples().iter().enumerate() {
        let state = state.rb_mut().col_mut(place).iter_mut();
        for (value, &mask) in state.zip(mask.col(sample).iter()) {
            *value *= mask;
        }
    }
}
